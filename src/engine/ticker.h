/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TICKER_H
#define ENGINE_TICKER_H

#include "engine/loop.h"

/* Keeps a pure object's appointments: calls tick when its deadline has come. */
struct ticker {
    struct bleproxy_loop *loop;
    uv_timer_t *timer;
    struct turn_member due; /* the deadline has come already */
    uint64_t armed_ns;      /* the deadline that is waited for, or BP_NEVER */
    uint64_t (*deadline)(void *user);
    void (*tick)(void *user, uint64_t now_ns);
    void *user;
    bool is_background; /* set by deadline(): no loop is kept running for this appointment alone */
};

/* 0 or BLEPROXY_E_NOMEM. */
int ticker_init(struct ticker *ticker, struct bleproxy_loop *loop, uint64_t (*deadline)(void *user),
                void (*tick)(void *user, uint64_t now_ns), void *user);
/* Idempotent. */
void ticker_deinit(struct ticker *ticker);
/* After each call that may have changed the deadline. Costs next to nothing when it has not. */
void ticker_update(struct ticker *ticker);

#endif
