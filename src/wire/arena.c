/* SPDX-License-Identifier: MIT */
#include "wire/arena.h"

#include <stdalign.h>

enum {
    ARENA_FIRST_BLOCK = 2048,
    ARENA_KEEP_MAX = 16 * 1024, /* a larger block is not kept from one message to the next */
};

struct arena_block {
    struct arena_block *next;
    size_t capacity, used; /* of bytes */
    alignas(max_align_t) uint8_t bytes[];
};

static struct arena_block *arena_grow(struct arena *arena, size_t size)
{
    if (size > ARENA_MAX - arena->held) {
        arena->exhausted = true;
        return NULL;
    }
    size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : ARENA_FIRST_BLOCK;
    if (capacity > ARENA_MAX - arena->held)
        capacity = ARENA_MAX - arena->held;
    if (capacity < size)
        capacity = size;
    struct arena_block *block = env_alloc(arena->env, sizeof(*block) + capacity);
    if (!block) {
        arena->no_memory = true;
        return NULL;
    }
    block->capacity = capacity;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->held += capacity;
    return block;
}

static void *arena_alloc(void *user, size_t size)
{
    struct arena *arena = user;
    struct arena_block *block = arena->blocks;
    if (size > ARENA_MAX) {
        arena->exhausted = true;
        return NULL;
    }
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!block || size > block->capacity - block->used)
        block = arena_grow(arena, size);
    if (!block)
        return NULL;
    void *bytes = block->bytes + block->used;
    block->used += size;
    return bytes;
}

static void arena_free(void *user, void *bytes)
{
    (void)user;
    (void)bytes;
}

void arena_init(struct arena *arena, const struct env *env)
{
    *arena = (struct arena){.allocator = {arena_alloc, arena_free, arena}, .env = env};
}

static void arena_trim(struct arena *arena, struct arena_block *keep)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        if (block != keep)
            env_free(arena->env, block);
    }
    arena->blocks = keep;
    arena->held = 0;
    arena->exhausted = arena->no_memory = false;
}

void arena_deinit(struct arena *arena)
{
    arena_trim(arena, NULL);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->blocks;
    while (keep && keep->capacity > ARENA_KEEP_MAX)
        keep = keep->next;
    arena_trim(arena, keep);
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
        arena->held = keep->capacity;
    }
}
