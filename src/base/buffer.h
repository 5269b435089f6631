/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/env.h"

/* A queue of bytes: appended at the end, consumed at the front. Capacity is kept until deinit. */
struct buffer {
    const struct env *env;
    uint8_t *block;
    size_t head, size, capacity; /* block[head..head+size) holds the bytes */
    size_t limit; /* appending beyond this many held bytes fails with BLEPROXY_E_LIMIT; may change */
};

void buffer_init(struct buffer *buffer, const struct env *env, size_t limit);
/* Wipes the bytes: they may have been secret. */
void buffer_deinit(struct buffer *buffer);

static inline uint8_t *buffer_data(const struct buffer *buffer)
{
    return buffer->block ? buffer->block + buffer->head : NULL;
}

/* Makes room for n more bytes and points *ret_space at it; buffer_commit() counts what was written there.
 * 0, BLEPROXY_E_NOMEM or BLEPROXY_E_LIMIT. The pointer lives until the next call that changes the buffer. */
int buffer_reserve(struct buffer *buffer, size_t n, uint8_t **ret_space);
void buffer_commit(struct buffer *buffer, size_t n);
/* reserve, copy, commit. */
int buffer_append(struct buffer *buffer, const void *bytes, size_t n);
/* n <= size. */
void buffer_consume(struct buffer *buffer, size_t n);
/* Forgets the last n bytes. n <= size. */
void buffer_unwrite(struct buffer *buffer, size_t n);

#endif
