/* SPDX-License-Identifier: MIT */
#include "hub/slots.h"

#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <inttypes.h>
#include <string.h>

void slots_init(struct slots *slots, const struct env *env, const char *name,
                bool (*publish)(void *user, const struct bleproxy_slots *slots), void *publish_user)
{
    *slots = (struct slots){.env = env, .name = name, .publish = publish, .publish_user = publish_user};
    slots->view.allocated = slots->allocated;
    list_init(&slots->waiters);
    list_init(&slots->trackers);
}

/* Callbacks may cancel other waiters and change the state; those who come anew meanwhile find no reason to wait. */
static void fail_waiters(struct slots *slots, uint64_t now_ns)
{
    while (slots->shut && !list_empty(&slots->waiters)) {
        struct slot_waiter *waiter = list_entry(slots->waiters.next, struct slot_waiter, node);
        list_unlink(&waiter->node);
        waiter->on_slot(waiter->user, BLEPROXY_E_NO_SLOT, now_ns);
    }
}

/* Whoever is told takes a slot, of which the next report will know. */
static void wake_waiters(struct slots *slots, uint64_t now_ns)
{
    for (uint32_t n = slots->view.free; n > 0 && slots->view.free > 0 && !list_empty(&slots->waiters); n--) {
        struct slot_waiter *waiter = list_entry(slots->waiters.next, struct slot_waiter, node);
        list_unlink(&waiter->node);
        waiter->on_slot(waiter->user, 0, now_ns);
    }
}

void slots_deinit(struct slots *slots, uint64_t now_ns)
{
    slots->available = false;
    slots->shut = true;
    fail_waiters(slots, now_ns);
    list_for_each(node, &slots->trackers) list_unlink(node);
}

static void publish(struct slots *slots)
{
    if (slots->published || !slots->publish)
        return;
    const struct bleproxy_slots view = slots->view;
    slots->published = true; /* a change from within is published from within */
    if (!slots->publish(slots->publish_user, &view))
        slots->published = false;
}

void slots_announce(struct slots *slots)
{
    slots->published = false;
    publish(slots);
}

bool slots_holds(const struct slots *slots, uint64_t address, uint64_t *ret_quiet_ns)
{
    for (size_t i = 0; i < slots->view.n_allocated; i++)
        if (slots->allocated[i] == address) {
            *ret_quiet_ns = slots->quiet_ns[i];
            return true;
        }
    return false;
}

/* Connections that the first report of a session lists are there already. */
static void allocate(struct slots *slots, const uint64_t *addresses, size_t n, uint64_t now_ns)
{
    uint64_t quiet_ns[SLOTS_ALLOCATED_MAX];
    uint64_t new_ns = slots->view.limit == 0 ? now_ns : time_after(now_ns, SLOTS_QUIET_S * NS_PER_S);
    for (size_t i = 0; i < n; i++)
        if (!slots_holds(slots, addresses[i], &quiet_ns[i]))
            quiet_ns[i] = new_ns;
    slots->view.n_allocated = n;
    if (n == 0)
        return;
    memcpy(slots->allocated, addresses, n * sizeof(*addresses));
    memcpy(slots->quiet_ns, quiet_ns, n * sizeof(*quiet_ns));
}

static void store(struct slots *slots, const struct bleproxy_slots *report, uint64_t now_ns)
{
    struct bleproxy_slots *view = &slots->view;
    size_t n = report->n_allocated < SLOTS_ALLOCATED_MAX ? report->n_allocated : SLOTS_ALLOCATED_MAX;
    size_t size = n * sizeof(*slots->allocated);
    if (view->free == report->free && view->limit == report->limit && view->n_allocated == n &&
        (n == 0 || memcmp(slots->allocated, report->allocated, size) == 0))
        return;
    allocate(slots, report->allocated, n, now_ns);
    view->free = report->free;
    view->limit = report->limit;
    slots->published = false;
}

/* Firmware that lists no addresses is never consistent while a slot is in use. */
static bool is_consistent(struct slots *slots)
{
    const struct bleproxy_slots *view = &slots->view;
    if (view->n_allocated > 0)
        slots->seen_allocated = true;
    if (view->free <= view->limit && view->n_allocated == view->limit - view->free) {
        slots->warned = false;
        return true;
    }
    bool warn = slots->seen_allocated && !slots->warned && slots->n_warnings < SLOTS_WARNINGS_MAX;
    slots->warned = slots->warned || warn;
    slots->n_warnings += warn;
    env_log(slots->env, warn ? BLEPROXY_LOG_WARNING : BLEPROXY_LOG_DEBUG, "hub", slots->name,
            "it lists %zu connections while %" PRIu32 " of its %" PRIu32
            " slots are in use: a lost connection would go unnoticed",
            view->n_allocated, slots_in_use(slots), view->limit);
    return false;
}

static bool is_allocated(const struct slots *slots, uint64_t address)
{
    uint64_t quiet_ns;
    return slots_holds(slots, address, &quiet_ns);
}

static void take_lost(struct slots *slots, struct list *lost)
{
    if (!is_consistent(slots))
        return;
    list_for_each(node, &slots->trackers)
    {
        const struct slot_tracker *tracker = list_entry(node, struct slot_tracker, node);
        if (is_allocated(slots, tracker->address))
            continue;
        list_unlink(node);
        list_append(lost, node);
    }
}

static void tell_lost(struct slots *slots, struct list *lost, uint64_t now_ns)
{
    while (!list_empty(lost)) {
        struct slot_tracker *tracker = list_entry(lost->next, struct slot_tracker, node);
        list_unlink(&tracker->node);
        char address[BLEPROXY_ADDRESS_TEXT_SIZE];
        bleproxy_address_format(tracker->address, address);
        env_log(slots->env, BLEPROXY_LOG_WARNING, "hub", slots->name,
                "the connection to %s is gone, by the slots in use: the proxy did not say so", address);
        tracker->on_lost(tracker->user, now_ns);
    }
}

void slots_report(struct slots *slots, const struct bleproxy_slots *report, uint64_t now_ns)
{
    struct list lost; /* callbacks may untrack themselves from it as from the other */
    list_init(&lost);
    slots->shut = false;
    store(slots, report, now_ns);
    take_lost(slots, &lost);
    wake_waiters(slots, now_ns);
    tell_lost(slots, &lost, now_ns);
    publish(slots);
}

void slots_set_available(struct slots *slots, bool available, uint64_t now_ns)
{
    struct bleproxy_slots *view = &slots->view;
    slots->available = available;
    slots->shut = !available;
    if (available)
        return;
    bool changed = view->free > 0 || view->n_allocated > 0;
    if (changed)
        slots->published = false;
    view->free = 0;
    view->n_allocated = 0;
    fail_waiters(slots, now_ns);
    if (changed)
        publish(slots);
}

int slots_wait(struct slots *slots, struct slot_waiter *waiter,
               void (*on_slot)(void *user, int error, uint64_t now_ns), void *user)
{
    slots_cancel(waiter);
    if (slots->shut)
        return BLEPROXY_E_NO_SLOT;
    if (slots->view.free > 0)
        return SLOTS_FREE;
    waiter->on_slot = on_slot;
    waiter->user = user;
    list_append(&slots->waiters, &waiter->node);
    return 0;
}

void slots_cancel(struct slot_waiter *waiter)
{
    if (waiter->node.next)
        list_unlink(&waiter->node);
}

void slots_track(struct slots *slots, struct slot_tracker *tracker, uint64_t address,
                 void (*on_lost)(void *user, uint64_t now_ns), void *user)
{
    slots_untrack(tracker);
    list_for_each(node, &slots->trackers) if (list_entry(node, struct slot_tracker, node)->address == address)
    {
        env_log(slots->env, BLEPROXY_LOG_DEBUG, "hub", slots->name,
                "a newer connection takes the place of one that has not ended");
        list_unlink(node);
    }
    tracker->address = address;
    tracker->on_lost = on_lost;
    tracker->user = user;
    list_append(&slots->trackers, &tracker->node);
}

void slots_untrack(struct slot_tracker *tracker)
{
    if (tracker->node.next)
        list_unlink(&tracker->node);
}

bool slots_is_tracked(const struct slots *slots, uint64_t address)
{
    list_for_each(node, &slots->trackers) if (list_entry(node, struct slot_tracker, node)->address ==
                                              address) return true;
    return false;
}

bool slots_can_connect(const struct slots *slots)
{
    return slots->available && slots->view.free > 0;
}

const struct bleproxy_slots *slots_view(const struct slots *slots)
{
    return &slots->view;
}

uint32_t slots_in_use(const struct slots *slots)
{
    return slots->view.free < slots->view.limit ? slots->view.limit - slots->view.free : 0;
}
