/* SPDX-License-Identifier: MIT */
#include "noise/data_frame.h"

#include <bleproxy/error.h>

enum { NOISE_INDICATOR = 0x01 };

static void put_u16(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static uint16_t get_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] << 8 | from[1]);
}

int data_frame_open(struct cipher *cipher, bool strict, struct frame *frame)
{
    int r = cipher_open(cipher, NULL, 0, frame->data, frame->size);
    if (r < 0)
        return r;
    size_t size = frame->size - CIPHER_TAG_SIZE;
    if (size < DATA_FRAME_INNER)
        return BLEPROXY_E_PROTOCOL;
    size -= DATA_FRAME_INNER;
    size_t declared = get_u16(frame->data + 2);
    if (strict && declared > size)
        return BLEPROXY_E_PROTOCOL;
    *frame = (struct frame){.type = get_u16(frame->data),
                            .data = frame->data + DATA_FRAME_INNER,
                            .size = strict ? declared : size};
    return 0;
}

int data_frame_begin(struct buffer *out, uint32_t type, size_t payload_size, uint8_t **ret_payload)
{
    if (type > UINT16_MAX || payload_size > DATA_FRAME_PAYLOAD_MAX)
        return BLEPROXY_E_LIMIT;
    size_t body_size = DATA_FRAME_INNER + payload_size + CIPHER_TAG_SIZE;
    uint8_t *start;
    int r = buffer_reserve(out, DATA_FRAME_HEADER + body_size, &start);
    if (r < 0)
        return r;
    start[0] = NOISE_INDICATOR;
    put_u16(start + 1, body_size);
    uint8_t *inner = start + DATA_FRAME_HEADER;
    put_u16(inner, type);
    put_u16(inner + 2, payload_size);
    *ret_payload = inner + DATA_FRAME_INNER;
    return 0;
}

int data_frame_end(struct buffer *out, struct cipher *cipher, size_t payload_size)
{
    uint8_t *inner = buffer_data(out) + out->size + DATA_FRAME_HEADER;
    size_t inner_size = DATA_FRAME_INNER + payload_size;
    int r = cipher_seal(cipher, NULL, 0, inner, inner_size);
    if (r < 0)
        return r;
    buffer_commit(out, DATA_FRAME_HEADER + inner_size + CIPHER_TAG_SIZE);
    return 0;
}
