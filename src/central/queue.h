/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_QUEUE_H
#define CENTRAL_QUEUE_H

#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

struct central;

/* Those who wait for a proxy to be had, in the order in which they began to. When a turn, a slot or a report may have
 * opened a way for any of them, all look in that order: whoever comes later never overtakes. */
struct waiter {
    struct list node;
    uint64_t number; /* of those that ever waited */
    /* May do anything: begin what was waited for, end it, leave the queue. */
    void (*on_look)(struct waiter *waiter, uint64_t now_ns);
};
struct queue {
    struct list waiters;
    uint64_t n_ever;
    bool woken;
    bool has_new_rules; /* until all have looked: pins or bonds are others than when they looked last */
};

void queue_init(struct queue *queue);
/* At the end. A waiter is zeroed before its first use. */
void queue_enter(struct queue *queue, struct waiter *waiter);
/* Idempotent; also on zeroed memory. */
void queue_leave(struct waiter *waiter);
bool queue_has(const struct waiter *waiter);
/* They look at the next tick, which is due now. */
void queue_wake(struct central *central);
/* The same, for those too to whom no proxy was of use: pins or bonds have changed. */
void queue_wake_anew(struct central *central);
/* For the central's tick. */
static inline bool queue_is_due(const struct queue *queue)
{
    return queue->woken && !list_empty(&queue->waiters);
}
void queue_tick(struct central *central, uint64_t now_ns);

#endif
