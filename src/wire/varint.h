/* SPDX-License-Identifier: MIT */
#ifndef WIRE_VARINT_H
#define WIRE_VARINT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Base-128 numbers, least significant group first, as protobuf writes them. */
enum { VARINT_MAX = 10 }; /* bytes of a 64-bit number */

static inline size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

/* Writes the shortest form, at most VARINT_MAX bytes. Returns the position behind it. */
static inline uint8_t *varint_write(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

/* Reads a number of at most max bytes (no more than VARINT_MAX). Returns the position behind it, or NULL when
 * it does not end before both end and max. Bits beyond the 64th are lost. */
static inline const uint8_t *varint_read(const uint8_t *in, const uint8_t *end, size_t max,
                                         uint64_t *ret_value)
{
    if (in < end && *in < 0x80) { /* nearly all */
        *ret_value = *in;
        return in + 1;
    }
    if ((size_t)(end - in) > max)
        end = in + max;
    uint64_t value = 0;
    for (unsigned shift = 0; in < end; shift += 7) {
        uint8_t byte = *in++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return in;
        }
    }
    return NULL;
}

/* The 8 bytes at in as a number, the first one least significant. */
static inline uint64_t varint_load(const uint8_t *in)
{
    uint64_t word;
    memcpy(&word, in, sizeof(word));
    return le64toh(word);
}

/* For a number that starts word: the top bits of the bytes without the continuation bit. 0: it is longer. */
static inline uint64_t varint_last(uint64_t word)
{
    return ~word & UINT64_C(0x8080808080808080);
}

/* How many bytes it has; last must not be 0. */
static inline size_t varint_word_size(uint64_t last)
{
    return (size_t)__builtin_ctzll(last) / 8 + 1;
}

/* The number itself, without a loop: the groups of 7 bits move together by pairs. */
static inline uint64_t varint_word(uint64_t word, uint64_t last)
{
    word &= (last ^ (last - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
}

#endif
