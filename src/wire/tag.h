/* SPDX-License-Identifier: MIT */
#ifndef WIRE_TAG_H
#define WIRE_TAG_H

#include "wire/varint.h"

/* Fields of a protobuf message, for the messages that are read without protobuf-c. A tag is the field's number << 3
 * | its wire type. */
enum {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
};

/* The length of a string of bytes and whether it is all there. Returns where it starts, or NULL. */
static inline const uint8_t *tag_read_bytes(const uint8_t *in, const uint8_t *end, uint64_t *ret_size)
{
    in = varint_read(in, end, VARINT_MAX, ret_size);
    return in && *ret_size <= (uint64_t)(end - in) ? in : NULL;
}

/* Passes over the value of an unknown field. Returns the position behind it, or NULL. */
static inline const uint8_t *tag_skip(uint64_t tag, const uint8_t *in, const uint8_t *end)
{
    uint64_t value;
    switch (tag & 7) {
    case WIRE_VARINT:
        return varint_read(in, end, VARINT_MAX, &value);
    case WIRE_FIXED64:
        return end - in >= 8 ? in + 8 : NULL;
    case WIRE_BYTES:
        in = tag_read_bytes(in, end, &value);
        return in ? in + value : NULL;
    case WIRE_FIXED32:
        return end - in >= 4 ? in + 4 : NULL;
    }
    return NULL;
}

#endif
