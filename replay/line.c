/* SPDX-License-Identifier: MIT */
#include "replay/line.h"

#include <bleproxy/advertisement.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

void line_init(struct line *line, char *memory, size_t capacity)
{
    *line = (struct line){memory, memory, memory + capacity - 1, false};
}

size_t line_end(struct line *line)
{
    *line->at = '\0';
    return (size_t)(line->at - line->start);
}

/* Room for size bytes, or NULL. */
static char *line_take(struct line *line, size_t size)
{
    if (line->full || size > (size_t)(line->end - line->at)) {
        line->full = true;
        return NULL;
    }
    char *room = line->at;
    line->at += size;
    return room;
}

void line_add(struct line *line, const char *bytes, size_t size)
{
    char *room = line_take(line, size);
    if (room && size > 0)
        memcpy(room, bytes, size);
}

void line_add_number(struct line *line, int64_t number)
{
    char reversed[20];
    size_t size = 0;
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do
        reversed[size++] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        reversed[size++] = '-';
    char *room = line_take(line, size);
    while (room && size > 0)
        *room++ = reversed[--size];
}

void line_add_hex(struct line *line, const uint8_t *bytes, size_t size)
{
    char *room = line_take(line, 2 * size);
    for (size_t i = 0; room && i < size; i++) {
        *room++ = digits[bytes[i] >> 4];
        *room++ = digits[bytes[i] & 0xf];
    }
}

void line_add_address(struct line *line, uint64_t address)
{
    char quoted[BLEPROXY_ADDRESS_TEXT_SIZE + 1];
    bleproxy_address_format(address, quoted + 1);
    quoted[0] = quoted[sizeof(quoted) - 1] = '"';
    line_add(line, quoted, sizeof(quoted));
}

static void line_add_unit(struct line *line, uint32_t unit)
{
    const char escape[] = {'\\',
                           'u',
                           digits[unit >> 12 & 0xf],
                           digits[unit >> 8 & 0xf],
                           digits[unit >> 4 & 0xf],
                           digits[unit & 0xf]};
    line_add(line, escape, sizeof(escape));
}

/* The bytes of the UTF-8 sequence that starts at utf8, and its code point. Of what is not UTF-8 one byte is
 * U+FFFD. */
static size_t decode(const unsigned char *utf8, size_t size, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = utf8[0] < 0x80 ? 1 : utf8[0] < 0xe0 ? 2 : utf8[0] < 0xf0 ? 3 : 4;
    uint32_t code = n == 1 ? utf8[0] : utf8[0] & (0xffu >> (n + 1));
    *ret_code = 0xfffd;
    if (n > size || (utf8[0] >= 0x80 && utf8[0] < 0xc0) || utf8[0] >= 0xf8)
        return 1;
    for (size_t i = 1; i < n; i++) {
        if ((utf8[i] & 0xc0) != 0x80)
            return 1;
        code = code << 6 | (utf8[i] & 0x3fu);
    }
    if (n > 1 && (code < least[n] || code > 0x10ffff))
        return 1;
    *ret_code = code;
    return n;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void line_add_string(struct line *line, const char *utf8, size_t size)
{
    line_add_literal(line, "\"");
    for (size_t at = 0; at < size;) {
        size_t plain = at;
        while (plain < size && is_plain((unsigned char)utf8[plain]))
            plain++;
        line_add(line, utf8 + at, plain - at);
        at = plain;
        if (at == size)
            break;
        uint32_t code;
        at += decode((const unsigned char *)utf8 + at, size - at, &code);
        if (code >= 0x10000) {
            line_add_unit(line, 0xd7c0 + (code >> 10));
            code = 0xdc00 | (code & 0x3ff);
        }
        line_add_unit(line, code);
    }
    line_add_literal(line, "\"");
}
