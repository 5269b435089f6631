/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <bleproxy/advertisement.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_object *json_text(const char *text)
{
    return text ? json_object_new_string(text) : NULL;
}

struct json_object *json_hex(const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * size + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    struct json_object *hex = json_object_new_string_len(text, (int)(2 * size));
    free(text);
    return hex;
}

struct json_object *json_address(uint64_t address)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(address, text);
    return json_object_new_string(text);
}

struct json_object *json_decimal(double value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.3f", value);
    return json_object_new_double_s(value, text);
}

struct json_object *json_dbm(int dbm)
{
    return dbm == BLEPROXY_RSSI_NONE ? NULL : json_object_new_int(dbm);
}

/* The bytes of the UTF-8 sequence at text and its code point; a stray byte counts as U+FFFD. */
static size_t decode(const unsigned char *text, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    uint32_t code = text[0] & (0xffu >> (n + 1));
    *ret_code = 0xfffd;
    if (text[0] < 0xc0 || text[0] > 0xf7)
        return 1;
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return i;
        code = code << 6 | (text[i] & 0x3fu);
    }
    if (code >= least[n] && code <= 0x10ffff)
        *ret_code = code;
    return n;
}

static void print_escaped(uint32_t code)
{
    if (code < 0x10000)
        printf("\\u%04x", (unsigned)code);
    else
        printf("\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)), (unsigned)(0xdc00 + (code & 0x3ff)));
}

void json_print(struct json_object *object)
{
    const char *text =
        json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    while (*text && !ferror(stdout)) {
        size_t n = 0;
        while (text[n] && (unsigned char)text[n] < 0x7f)
            n++;
        fwrite(text, 1, n, stdout);
        text += n;
        if (*text) {
            uint32_t code = 0x7f;
            text += *text == 0x7f ? 1 : decode((const unsigned char *)text, &code);
            print_escaped(code);
        }
    }
    if (!ferror(stdout))
        putchar('\n');
    json_object_put(object);
}
