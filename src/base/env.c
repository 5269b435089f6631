/* SPDX-License-Identifier: MIT */
#include "base/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LOG_TEXT_MAX = 400 };

void *env_alloc(const struct env *env, size_t size)
{
    void *block = env->reallocate(env->user, NULL, size);
    if (block)
        memset(block, 0, size);
    return block;
}

void *env_resize(const struct env *env, void *block, size_t size)
{
    return env->reallocate(env->user, block, size);
}

void env_free(const struct env *env, void *block)
{
    if (block)
        env->reallocate(env->user, block, 0);
}

char *env_strndup(const struct env *env, const char *text, size_t n)
{
    char *copy = env->reallocate(env->user, NULL, n + 1);
    if (!copy)
        return NULL;
    if (n > 0)
        memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

bool env_logs(const struct env *env, enum bleproxy_log_level level)
{
    return env->log && level <= env->log_level;
}

void env_log(const struct env *env, enum bleproxy_log_level level, const char *room, const char *proxy,
             const char *format, ...)
{
    if (!env_logs(env, level))
        return;
    char text[LOG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    env->log(env->user, level, room, proxy, text);
}
