/* SPDX-License-Identifier: MIT */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

/* Lets so many attempts to connect be under way at a time, over all proxies that share it: after a power cut hundreds of
 * them shall not shake hands at once. First come, first served. */
struct gate {
    unsigned max, n_inside, peak; /* peak: the most that were inside */
    struct list waiting;
};
enum { GATE_DEFAULT = 8 };

/* One attempt's place. Embedded in its owner. */
struct gate_pass {
    struct gate *gate; /* NULL: none */
    struct list node;  /* while it waits */
    bool is_inside, is_waiting;
    /* It is inside from now on; called within somebody's gate_leave(): it may only note that. */
    void (*on_turn)(void *user);
    void *user;
};

/* max 0: the default. */
void gate_init(struct gate *gate, unsigned max);
bool gate_has_waiting(const struct gate *gate);

/* gate NULL: always inside. */
void gate_pass_init(struct gate_pass *pass, struct gate *gate, void (*on_turn)(void *user), void *user);
/* True: it is inside. False: it waits, and on_turn follows. */
bool gate_enter(struct gate_pass *pass);
/* It is neither inside nor waiting any more; whose turn it is then is told. Idempotent. */
void gate_leave(struct gate_pass *pass);

#endif
