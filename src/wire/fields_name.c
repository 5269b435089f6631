/* SPDX-License-Identifier: MIT */
#include "wire/fields.h"

#include <string.h>

/* Length of the longest prefix of text that is one character or the start of one (at least 1); *ret_valid
 * says which. Table 3-7 of the Unicode standard: the second byte is what keeps out overlong forms, surrogates
 * and numbers beyond U+10FFFF. */
static size_t name_next(const uint8_t *text, size_t size, bool *ret_valid)
{
    uint8_t first = text[0], low = 0x80, high = 0xbf;
    size_t needed;
    if (first < 0x80)
        needed = 1;
    else if (first >= 0xc2 && first <= 0xdf)
        needed = 2;
    else if (first >= 0xe0 && first <= 0xef)
        needed = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        needed = 4;
    else
        needed = 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;

    size_t n = 1;
    for (; n < needed && n < size && text[n] >= low && text[n] <= high; n++) {
        low = 0x80;
        high = 0xbf;
    }
    *ret_valid = n == needed;
    return n;
}

size_t fields_decode_name(char *out, size_t capacity, const uint8_t *text, size_t size)
{
    static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};
    size_t written = 0;
    while (size > 0) {
        bool valid;
        size_t n = name_next(text, size, &valid);
        size_t n_out = valid ? n : sizeof(replacement);
        if (n_out >= capacity - written)
            break;
        memcpy(out + written, valid ? text : replacement, n_out);
        written += n_out;
        text += n;
        size -= n;
    }
    out[written] = '\0';
    return written;
}
