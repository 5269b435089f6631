/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_CODEC_H
#define CENTRAL_CODEC_H

#include "wire/message.h"

/* What our files have in common: a header of a magic number, then three little-endian numbers of 32 bits (version, size
 * of the rest, CRC-32 of the rest); then messages, each behind its length as a varint. */
struct codec {
    const char *magic; /* CODEC_MAGIC_SIZE characters */
    uint32_t version;
};
enum { CODEC_MAGIC_SIZE = 8 };

/* Appends a header to be filled in. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT. */
int codec_begin(struct buffer *out);
/* Appends a message. Likewise. */
int codec_add(struct buffer *out, const ProtobufCMessage *message);
/* Fills in the header that codec_begin() put at the size that out then had; r < 0: takes everything back. r, or
 * BLEPROXY_E_LIMIT. */
int codec_end(const struct codec *codec, struct buffer *out, size_t begin, int r);

/* The messages in a file. */
struct codec_reader {
    const uint8_t *in, *end;
    struct arena arena;
};
/* 0, or BLEPROXY_E_INVALID: not such a file, of another version, or damaged; nothing is to be closed then. */
int codec_open(const struct codec *codec, const uint8_t *bytes, size_t size, const struct env *env,
               struct codec_reader *ret_reader);
enum { CODEC_NEXT = 1 };
/* CODEC_NEXT and the next message, which lives until the next call; 0 at the end; BLEPROXY_E_NOMEM or
 * BLEPROXY_E_INVALID. */
int codec_next(struct codec_reader *reader, const ProtobufCMessageDescriptor *descriptor,
               const ProtobufCMessage **ret_message);
void codec_close(struct codec_reader *reader);

#endif
