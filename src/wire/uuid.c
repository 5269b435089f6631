/* SPDX-License-Identifier: MIT */
#include "wire/uuid.h"

#include "base/digits.h"
#include <bleproxy/error.h>
#include <string.h>

static const uint8_t uuid_base[16] = {0, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0x80, 0x5f, 0x9b, 0x34, 0xfb};

/* bytes as printed; size is 2, 4 or 16. */
static struct bleproxy_uuid uuid_shorten(const uint8_t *bytes, size_t size)
{
    if (size == 16 && memcmp(bytes + 4, uuid_base + 4, 12) == 0)
        size = 4;
    if (size == 4 && bytes[0] == 0 && bytes[1] == 0) {
        bytes += 2;
        size = 2;
    }
    struct bleproxy_uuid uuid = {.size = (uint8_t)size};
    memcpy(uuid.bytes, bytes, size);
    return uuid;
}

struct bleproxy_uuid uuid_from_air(const uint8_t *bytes, size_t size)
{
    if (size == 2)
        return (struct bleproxy_uuid){2, {bytes[1], bytes[0]}};
    uint8_t printed[16];
    for (size_t i = 0; i < size; i++)
        printed[i] = bytes[size - 1 - i];
    return uuid_shorten(printed, size);
}

static void uuid_lengthen(const struct bleproxy_uuid *uuid, uint8_t full[16])
{
    memcpy(full, uuid_base, sizeof(uuid_base));
    memcpy(full + (uuid->size == 2 ? 2 : 0), uuid->bytes, uuid->size);
}

void uuid_to_words(const struct bleproxy_uuid *uuid, uint64_t words[2])
{
    uint8_t full[16];
    uuid_lengthen(uuid, full);
    words[0] = words[1] = 0;
    for (size_t i = 0; i < sizeof(full); i++)
        words[i / 8] = words[i / 8] << 8 | full[i];
}

struct bleproxy_uuid uuid_from_words(const uint64_t words[2])
{
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(words[i / 8] >> (56 - i % 8 * 8));
    return uuid_shorten(bytes, sizeof(bytes));
}

struct bleproxy_uuid uuid_from_number(uint32_t number)
{
    uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                        (uint8_t)number};
    return uuid_shorten(bytes, sizeof(bytes));
}

void bleproxy_uuid_format(const struct bleproxy_uuid *uuid, char text[BLEPROXY_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t full[16];
    uuid_lengthen(uuid, full);
    for (size_t i = 0; i < sizeof(full); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = digits[full[i] >> 4];
        *text++ = digits[full[i] & 15];
    }
    *text = '\0';
}

int uuid_parse(const char *text, size_t size, struct bleproxy_uuid *ret_uuid)
{
    bool full = size == BLEPROXY_UUID_TEXT_SIZE - 1;
    if (!full && size > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        size -= 2;
    }
    if (!full && size != 4 && size != 8)
        return BLEPROXY_E_INVALID;
    uint8_t bytes[16] = {0};
    size_t n_digits = 0;
    for (size_t i = 0; i < size; i++) {
        if (full && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (text[i] != '-')
                return BLEPROXY_E_INVALID;
            continue;
        }
        int value = digit_value(text[i]);
        if (value < 0)
            return BLEPROXY_E_INVALID;
        bytes[n_digits / 2] = (uint8_t)(bytes[n_digits / 2] << 4 | value);
        n_digits++;
    }
    *ret_uuid = uuid_shorten(bytes, n_digits / 2);
    return 0;
}

int bleproxy_uuid_parse(const char *text, struct bleproxy_uuid *ret_uuid)
{
    return uuid_parse(text, strlen(text), ret_uuid);
}

bool bleproxy_uuid_equal(const struct bleproxy_uuid *a, const struct bleproxy_uuid *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}
