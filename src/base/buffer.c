/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <bleproxy/error.h>
#include <string.h>

enum { BUFFER_FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer, const struct env *env, size_t limit)
{
    *buffer = (struct buffer){.env = env, .limit = limit};
}

void buffer_deinit(struct buffer *buffer)
{
    if (buffer->block)
        memset(buffer->block, 0, buffer->capacity);
    env_free(buffer->env, buffer->block);
    buffer->block = NULL;
    buffer->head = buffer->size = buffer->capacity = 0;
}

static int buffer_grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *block = env_alloc(buffer->env, capacity);
    if (!block)
        return BLEPROXY_E_NOMEM;
    size_t size = buffer->size, limit = buffer->limit;
    if (size > 0)
        memcpy(block, buffer_data(buffer), size);
    buffer_deinit(buffer);
    *buffer = (struct buffer){
        .env = buffer->env, .block = block, .size = size, .capacity = capacity, .limit = limit};
    return 0;
}

int buffer_reserve(struct buffer *buffer, size_t n, uint8_t **ret_space)
{
    if (buffer->size > buffer->limit || n > buffer->limit - buffer->size)
        return BLEPROXY_E_LIMIT;
    if (!buffer->block || n > buffer->capacity - buffer->size) {
        int r = buffer_grow(buffer, buffer->size + n);
        if (r < 0)
            return r;
    } else if (n > buffer->capacity - buffer->size - buffer->head) {
        memmove(buffer->block, buffer_data(buffer), buffer->size);
        buffer->head = 0;
    }
    *ret_space = buffer->block + buffer->head + buffer->size;
    return 0;
}

void buffer_commit(struct buffer *buffer, size_t n)
{
    buffer->size += n;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t n)
{
    uint8_t *space;
    if (n == 0)
        return 0;
    int r = buffer_reserve(buffer, n, &space);
    if (r < 0)
        return r;
    memcpy(space, bytes, n);
    buffer_commit(buffer, n);
    return 0;
}

void buffer_consume(struct buffer *buffer, size_t n)
{
    buffer->size -= n;
    buffer->head = buffer->size == 0 ? 0 : buffer->head + n;
}

void buffer_unwrite(struct buffer *buffer, size_t n)
{
    buffer->size -= n;
    if (buffer->size == 0)
        buffer->head = 0;
}
