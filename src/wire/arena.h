/* SPDX-License-Identifier: MIT */
#ifndef WIRE_ARENA_H
#define WIRE_ARENA_H

#include "base/env.h"
#include <protobuf-c/protobuf-c.h>

/* Memory for one decoded message: protobuf-c allocates from it, all of it is given back at once, and its size
 * has a cap, because a 64 KiB frame of empty sub-messages would unpack to megabytes. */
struct arena {
    ProtobufCAllocator allocator; /* hand this to protobuf-c */
    const struct env *env;
    struct arena_block *blocks; /* newest and largest first */
    size_t held;                /* bytes of all blocks, at most ARENA_MAX */
    bool exhausted;             /* the cap was hit since the last reset */
    bool no_memory;             /* the environment had no memory since the last reset */
};

/* Frames are at most 64 KiB; what real firmware sends unpacks to less than four times its size. */
enum { ARENA_MAX = 512 * 1024 };

void arena_init(struct arena *arena, const struct env *env);
void arena_deinit(struct arena *arena);
/* Gives back everything allocated from it; keeps one block of moderate size for the next message. */
void arena_reset(struct arena *arena);

#endif
