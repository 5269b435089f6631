/* SPDX-License-Identifier: MIT */
#include "names/sanitise.h"

#include "names/utf8.h"
#include <bleproxy/names.h>
#include <stdint.h>
#include <string.h>

/* Code points that have no glyph of their own or change how their neighbours are shown. Ascending. */
static const struct {
    uint32_t first, last;
} left_out[] = {
    {0x0000, 0x001f},    /* C0 controls */
    {0x007f, 0x009f},    /* DEL, C1 controls */
    {0x00ad, 0x00ad},    /* soft hyphen */
    {0x034f, 0x034f},    /* combining grapheme joiner */
    {0x061c, 0x061c},    /* Arabic letter mark */
    {0x115f, 0x1160},    /* Hangul fillers */
    {0x17b4, 0x17b5},    /* Khmer inherent vowels */
    {0x180e, 0x180e},    /* Mongolian vowel separator */
    {0x200b, 0x200f},    /* zero-width space and joiners, direction marks */
    {0x2028, 0x202e},    /* line and paragraph separator, bidirectional embeddings and overrides */
    {0x2060, 0x206f},    /* word joiner, invisible operators, bidirectional isolates, deprecated formats */
    {0x3164, 0x3164},    /* Hangul filler */
    {0xe000, 0xf8ff},    /* private use */
    {0xfdd0, 0xfdef},    /* noncharacters */
    {0xfeff, 0xfeff},    /* byte order mark */
    {0xffa0, 0xffa0},    /* halfwidth Hangul filler */
    {0xfff0, 0xfffb},    /* unassigned, interlinear annotation */
    {0x1bca0, 0x1bca3},  /* shorthand format controls */
    {0x1d173, 0x1d17a},  /* musical format controls */
    {0x40000, 0x10ffff}, /* unassigned planes, tags, private use */
};

static bool prints(uint32_t character)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]) && left_out[i].first <= character; i++)
        if (character <= left_out[i].last)
            return false;
    return (character & 0xfffe) != 0xfffe; /* the last two of each plane are noncharacters */
}

size_t sanitise(char *out, size_t capacity, const void *text, size_t size, size_t max_chars)
{
    const uint8_t *in = text;
    size_t written = 0, chars = 0;
    while (size > 0 && chars < max_chars) {
        uint32_t character;
        size_t length = utf8_decode(in, size, &character);
        if (length > 0 && prints(character)) {
            if (length > capacity - 1 - written)
                break;
            memcpy(out + written, in, length);
            written += length;
            chars++;
        }
        size_t taken = length > 0 ? length : 1;
        in += taken;
        size -= taken;
    }
    out[written] = '\0';
    return written;
}

bool sanitise_keeps(const void *text, size_t size)
{
    const uint8_t *in = text;
    while (size > 0) {
        uint32_t character;
        size_t length = utf8_decode(in, size, &character);
        if (length == 0 || !prints(character))
            return false;
        in += length;
        size -= length;
    }
    return true;
}

size_t bleproxy_sanitise(char *out, size_t capacity, const void *text, size_t size)
{
    return sanitise(out, capacity, text, size, SIZE_MAX);
}
