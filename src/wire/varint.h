/* SPDX-License-Identifier: MIT */
#ifndef WIRE_VARINT_H
#define WIRE_VARINT_H

#include <stddef.h>
#include <stdint.h>

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

#endif
