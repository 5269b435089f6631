/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TURN_H
#define ENGINE_TURN_H

#include "base/list.h"
#include <uv.h>

/* Those that have something to do before the loop waits again: once in each turn of it. What is added meanwhile has its
 * turn after sockets have had theirs, so that nobody starves them. */
struct turn {
    struct list members;
    uv_idle_t *idle; /* runs while there are any: the loop does not wait meanwhile */
};

struct turn_member {
    struct list link;
    void (*run)(void *user);
    void *user;
};

/* 0 or BLEPROXY_E_NOMEM. */
int turn_init(struct turn *turn, uv_loop_t *uv);
void turn_deinit(struct turn *turn);
void turn_member_init(struct turn_member *member, void (*run)(void *user), void *user);
/* Idempotent; so is the end of it, list_unlink(&member->link). */
void turn_add(struct turn *turn, struct turn_member *member);
/* Whether it will be run. */
static inline bool turn_awaits(const struct turn_member *member)
{
    return !list_empty(&member->link);
}
/* Runs them now. */
void turn_run(struct turn *turn);

#endif
