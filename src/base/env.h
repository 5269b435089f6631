/* SPDX-License-Identifier: MIT */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <bleproxy/log.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a pure room may have of the outside world: memory, randomness and a log. Time comes as an argument. */
struct env {
    void *user;
    /* As realloc(); size 0 frees and returns NULL. NULL for size > 0 means out of memory. */
    void *(*reallocate)(void *user, void *block, size_t size);
    /* Fills buf with unpredictable bytes; never fails. */
    void (*random)(void *user, void *buf, size_t size);
    /* May be NULL: nothing is logged. text is one line without a newline. */
    void (*log)(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                const char *text);
    enum bleproxy_log_level log_level; /* messages above it are not even formatted */
};

/* Zeroed memory, or NULL when there is none. size > 0. */
void *env_alloc(const struct env *env, size_t size);
/* block may be NULL. On failure returns NULL and block stays as it was. size > 0. New bytes are not zeroed.
 */
void *env_resize(const struct env *env, void *block, size_t size);
/* block may be NULL. */
void env_free(const struct env *env, void *block);
/* At least size, and as much as the block holds that malloc() makes of it: what grows by a few bytes stays where it is. */
static inline size_t env_block_size(size_t size)
{
    enum { GRAIN = 16, OVERHEAD = 8 }; /* glibc's, and harmless elsewhere */
    return (size + OVERHEAD + GRAIN - 1) / GRAIN * GRAIN - OVERHEAD;
}
/* A copy of the n bytes at text with a NUL behind them, or NULL. */
char *env_strndup(const struct env *env, const char *text, size_t n);

bool env_logs(const struct env *env, enum bleproxy_log_level level);
/* room names the part that speaks ("session", "hub"), proxy the proxy it is about or NULL. Text over 400
 * bytes is cut. */
void env_log(const struct env *env, enum bleproxy_log_level level, const char *room, const char *proxy,
             const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
