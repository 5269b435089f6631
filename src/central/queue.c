/* SPDX-License-Identifier: MIT */
#include "central/queue.h"

#include "central/central_private.h"

void queue_init(struct queue *queue)
{
    *queue = (struct queue){0};
    list_init(&queue->waiters);
}

void queue_enter(struct queue *queue, struct waiter *waiter)
{
    queue_leave(waiter);
    waiter->number = ++queue->n_ever;
    list_append(&queue->waiters, &waiter->node);
}

bool queue_has(const struct waiter *waiter)
{
    return waiter->node.next && !list_empty(&waiter->node);
}

void queue_leave(struct waiter *waiter)
{
    if (waiter->node.next)
        list_unlink(&waiter->node);
}

void queue_wake(struct central *central)
{
    if (list_empty(&central->queue.waiters))
        return;
    central->queue.woken = true;
    central_announce(central, central->now_ns);
}

void queue_wake_anew(struct central *central)
{
    central->queue.has_new_rules = true;
    queue_wake(central);
}

/* The first that came after the one of that number. */
static struct waiter *queue_after(const struct queue *queue, uint64_t number)
{
    list_for_each(node, &queue->waiters)
    {
        struct waiter *waiter = list_entry(node, struct waiter, node);
        if (waiter->number > number)
            return waiter;
    }
    return NULL;
}

/* Those that come meanwhile look the next time. */
void queue_tick(struct central *central, uint64_t now_ns)
{
    struct queue *queue = &central->queue;
    const uint64_t last = queue->n_ever;
    struct waiter *waiter = queue->woken ? queue_after(queue, 0) : NULL;
    queue->woken = false;
    while (waiter && waiter->number <= last) {
        const uint64_t number = waiter->number;
        waiter->on_look(waiter, now_ns);
        waiter = queue_after(queue, number);
    }
    queue->has_new_rules = queue->has_new_rules && queue->woken;
}
