/* SPDX-License-Identifier: MIT */
#ifndef NOISE_DATA_FRAME_H
#define NOISE_DATA_FRAME_H

#include "noise/cipher.h"
#include "wire/frame.h"
#include <stdbool.h>

/* Data phase: the body of a Noise frame is sealed; inside are u16 type, u16 payload size and the payload. */
enum {
    DATA_FRAME_HEADER = 3,
    DATA_FRAME_INNER = 4,
    DATA_FRAME_PAYLOAD_MAX = 65535 - CIPHER_TAG_SIZE - DATA_FRAME_INNER,
};

/* Opens frame->data in place and makes *frame the message inside. 0; BLEPROXY_E_ENCRYPTION: did not
 * authenticate; BLEPROXY_E_PROTOCOL: shorter than the inner header, or (strict, as firmware reads) the inner
 * size exceeds what is there. Clients ignore the inner size and take all; firmware takes exactly that many
 * bytes. */
int data_frame_open(struct cipher *cipher, bool strict, struct frame *frame);

/* Appends a frame with payload_size bytes of payload: begin returns where to write them, end seals the frame
 * and only then is it part of out, which must not change in between. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT
 * (payload over DATA_FRAME_PAYLOAD_MAX, type over 65535, or out is full). */
int data_frame_begin(struct buffer *out, uint32_t type, size_t payload_size, uint8_t **ret_payload);
/* 0 or BLEPROXY_E_ENCRYPTION (nonces used up). At most once after a begin, with the same payload_size. */
int data_frame_end(struct buffer *out, struct cipher *cipher, size_t payload_size);

#endif
