/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CACHE_FILE_H
#define ENGINE_CACHE_FILE_H

#include "central/cache.h"
#include "engine/loop.h"
#include "engine/ticker.h"

/* Keeps a cache in a file between runs. Trouble with the file is a warning in the log, never more. */
struct cache_file {
    struct bleproxy_loop *loop;
    struct cache *cache;
    char *path;
    uint64_t due_ns; /* when the cache is to be written, or BP_NEVER */
    struct ticker ticker;
};

/* Reads the file into the empty cache; from now on it is written CACHE_FILE_DELAY_MS after a change, as a whole or not
 * at all. A damaged one is renamed to PATH.damaged. 0 or BLEPROXY_E_NOMEM. */
enum { CACHE_FILE_DELAY_MS = 1000 };
int cache_file_init(struct cache_file *file, struct bleproxy_loop *loop, struct cache *cache,
                    const char *path);
/* Writes what is not written yet. Idempotent; also on zeroed memory. */
void cache_file_deinit(struct cache_file *file);

#endif
