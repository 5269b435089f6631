/* SPDX-License-Identifier: MIT */
#include "names/utf8.h"

size_t utf8_decode(const uint8_t *text, size_t size, uint32_t *ret_character)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: less is overlong */
    if (text[0] < 0x80) {
        *ret_character = text[0];
        return 1;
    }
    size_t length = text[0] < 0xc0 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf8 ? 4 : 0;
    if (length == 0 || length > size)
        return 0;
    uint32_t character = text[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (text[i] & 0x3fu);
    }
    if (character < smallest[length] || character > 0x10ffff || (character & ~0x7ffu) == 0xd800)
        return 0;
    *ret_character = character;
    return length;
}
