/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_GATHER_H
#define ENGINE_GATHER_H

#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct bleproxy_loop;

/* Takes the advertisements of many proxies in together: being woken costs more than reading. While it holds,
 * the sockets of its members are not watched but read when the timer fires. It begins with the first data
 * that a watched member receives, and ends when several rounds brought nothing. A member that awaits an
 * answer stays watched. */
struct gather {
    uv_timer_t *timer; /* NULL: no latency is allowed, nothing is ever held */
    uint32_t period_ms;
    bool holding;
    unsigned idle_rounds;
    struct list members;
};

struct gather_member {
    struct list link;
    /* Reads what is there; true if anything was. The member may leave meanwhile. */
    bool (*read)(void *user);
    /* gather_holds() has changed: watch or do not. */
    void (*update)(void *user);
    void *user;
};

/* 0 or BLEPROXY_E_NOMEM. */
int gather_init(struct gather *gather, struct bleproxy_loop *loop, uint32_t period_ms);
void gather_deinit(struct gather *gather);
void gather_join(struct gather *gather, struct gather_member *member);
/* Idempotent once joined. */
void gather_leave(struct gather_member *member);
/* A member that can be held has received data while watched. */
void gather_begin(struct gather *gather);
static inline bool gather_holds(const struct gather *gather)
{
    return gather->holding;
}

#endif
