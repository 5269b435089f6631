/* SPDX-License-Identifier: MIT */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/buffer.h"

/* One API message as it travels: its type and its protobuf payload, borrowed from the bytes it was read from.
 */
struct frame {
    uint32_t type;
    uint8_t *data;
    size_t size;
};

/* What a side accepts. */
struct frame_limits {
    size_t payload_max; /* bytes of protobuf in a plaintext frame */
    uint32_t type_max;
    size_t header_max;      /* plaintext: bytes of length and type varints together */
    size_t noise_body_max;  /* bytes of a Noise frame behind its 3-byte header */
    bool overlong_preamble; /* plaintext: 80 00 is as good as 00 */
};

/* The client takes whatever the protocol allows: 65535 bytes, any type below 2^28, varints of up to 4 bytes.
 */
extern const struct frame_limits frame_limits_client;
/* ESP32 firmware since late 2025: 32768 bytes, types to 65535, a header of 5 bytes with the preamble. */
extern const struct frame_limits frame_limits_firmware;

/* Outcomes of reading a frame from a stream. */
enum {
    FRAME_INCOMPLETE = 1,    /* keep the bytes and come back with more */
    FRAME_BAD_PREAMBLE = 2,  /* the first byte (varint) belongs to neither framing */
    FRAME_OTHER_FRAMING = 3, /* it belongs to the other one */
    FRAME_BAD_VARINT = 4,    /* a varint of more than 4 bytes, or a header over header_max */
    FRAME_TOO_LARGE = 5,     /* payload or type above the limits */
};

/* Plaintext: 00, varint payload size, varint type, payload. Reads the first frame of the n bytes at bytes.
 * 0: *ret_frame borrows from bytes, *ret_used is how many bytes the frame took.
 * FRAME_INCOMPLETE: *ret_used is how many bytes are needed in all as far as is known yet (> n).
 * Else one of the outcomes above. */
int frame_read_plain(uint8_t *bytes, size_t n, const struct frame_limits *limits, struct frame *ret_frame,
                     size_t *ret_used);

/* Noise, outer: 01, u16 size, body. Same outcomes; *ret_frame has type 0 and the body. 00 first is
 * FRAME_OTHER_FRAMING. */
int frame_read_noise(uint8_t *bytes, size_t n, const struct frame_limits *limits, struct frame *ret_frame,
                     size_t *ret_used);

/* Appends the header of a plaintext frame. 0, BLEPROXY_E_NOMEM or BLEPROXY_E_LIMIT. */
int frame_write_plain_header(struct buffer *out, uint32_t type, size_t payload_size);
/* Appends a whole Noise frame around body (handshake phase). body_size <= 65535. */
int frame_write_noise(struct buffer *out, const void *body, size_t body_size);

/* Cuts a byte stream into frames without copying what arrives whole; only a frame that straddles two reads is
 * gathered in the reader's own memory. */
struct frame_reader {
    struct buffer partial; /* the start of a frame that has not arrived whole, or empty */
    size_t needed; /* bytes that partial must hold before it is worth looking again; 0: it was handed out */
};

/* Reads one frame from bytes: frame_read_plain or frame_read_noise. */
typedef int frame_read_fn(uint8_t *bytes, size_t n, const struct frame_limits *limits,
                          struct frame *ret_frame, size_t *ret_used);

void frame_reader_init(struct frame_reader *reader, const struct env *env);
void frame_reader_deinit(struct frame_reader *reader);
/* The next frame of the stream of which (*bytes, *n) is the part just received; advances both. 0 and a frame
 * whose data may be changed in place and lives until the next call; FRAME_INCOMPLETE when *n is used up;
 * another outcome of read; BLEPROXY_E_NOMEM. The caller may switch read and limits between calls (handshake,
 * then data). */
int frame_reader_next(struct frame_reader *reader, frame_read_fn *read, const struct frame_limits *limits,
                      uint8_t **bytes, size_t *n, struct frame *ret_frame);

#endif
