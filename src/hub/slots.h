/* SPDX-License-Identifier: MIT */
#ifndef HUB_SLOTS_H
#define HUB_SLOTS_H

#include "base/env.h"
#include "base/list.h"
#include "base/time.h"
#include <bleproxy/device_info.h>

/* A proxy's connection slots as it reports them, those who wait for one, and those who believe to hold one. A part of
 * its scanner: scanner_slot_record(). Callbacks may make any call; the memory must stay until the call that they come
 * from has returned. */

enum { SLOTS_ALLOCATED_MAX = 64 }; /* addresses in a report; firmware has at most 9 slots */
enum { SLOTS_WARNINGS_MAX = 16 };  /* in the log, in one connection of the proxy */
enum {
    SLOTS_QUIET_S = 3
}; /* a slot is taken that long before the device is connected, and silent, at most */

/* Somebody who waits for a free slot. Embedded, zeroed before its first use. */
struct slot_waiter {
    struct list node;
    void (*on_slot)(void *user, int error, uint64_t now_ns);
    void *user;
};
/* Somebody who has a connection through the proxy. Embedded, zeroed before its first use. */
struct slot_tracker {
    struct list node;
    uint64_t address;
    void (*on_lost)(void *user, uint64_t now_ns);
    void *user;
};

struct slots {
    const struct env *env;
    const char *name; /* the proxy's, for the log; borrowed */
    bool available;   /* connections may be tried */
    bool shut;        /* the session went: waiting is in vain until available again or a report comes */
    struct bleproxy_slots view; /* as last reported */
    uint64_t allocated[SLOTS_ALLOCATED_MAX];
    uint64_t quiet_ns[SLOTS_ALLOCATED_MAX]; /* of each of them, see slots_holds() */
    struct list waiters, trackers;
    bool published;      /* what is known now */
    bool seen_allocated; /* the firmware lists addresses */
    bool warned;         /* of lists that do not fit the counts */
    unsigned n_warnings; /* of them: SLOTS_WARNINGS_MAX at most, whatever the proxy says */
    /* Told of every change, and of the first report. May be NULL. False when it could not be told: the next report is
     * then published even if it is the same. */
    bool (*publish)(void *user, const struct bleproxy_slots *slots);
    void *publish_user;
};

void slots_init(struct slots *slots, const struct env *env, const char *name,
                bool (*publish)(void *user, const struct bleproxy_slots *slots), void *publish_user);
/* Fails waiters with BLEPROXY_E_NO_SLOT, forgets trackers. Idempotent. */
void slots_deinit(struct slots *slots, uint64_t now_ns);

/* The proxy reports. As many waiters as slots are free are told so, the longest waiting first; then those are told on_lost whose address the report does not
 * have, provided that it can be trusted: it lists as many addresses as slots are in use (firmware of 2024 lists none). */
void slots_report(struct slots *slots, const struct bleproxy_slots *report, uint64_t now_ns);
/* false: nothing is free or allocated any more, waiters fail at once with BLEPROXY_E_NO_SLOT, and so do later ones until
 * a report comes or it is true again. The limit is the hardware's and stays. */
void slots_set_available(struct slots *slots, bool available, uint64_t now_ns);

enum { SLOTS_FREE = 1 };
/* SLOTS_FREE: there is one now, nobody waits. 0: on_slot follows, once: error 0, or BLEPROXY_E_NO_SLOT when the proxy is
 * lost; whoever waits has a time limit of its own, and then cancels. BLEPROXY_E_NO_SLOT: the proxy is lost. */
int slots_wait(struct slots *slots, struct slot_waiter *waiter,
               void (*on_slot)(void *user, int error, uint64_t now_ns), void *user);
/* Idempotent; on zeroed memory, too. No call follows. */
void slots_cancel(struct slot_waiter *waiter);
/* on_slot is still to be called. */
static inline bool slots_is_waiting(const struct slot_waiter *waiter)
{
    return waiter->node.next && !list_empty(&waiter->node);
}

/* From now on on_lost is called, once, when a report shows that the device's connection is gone. A newer tracker of the
 * address takes the older one's place. */
void slots_track(struct slots *slots, struct slot_tracker *tracker, uint64_t address,
                 void (*on_lost)(void *user, uint64_t now_ns), void *user);
/* Idempotent; on zeroed memory, too. */
void slots_untrack(struct slot_tracker *tracker);

/* Connections may be tried and a slot is free. */
bool slots_can_connect(const struct slots *slots);
/* The last report, as messages and watchers need it. Borrowed until the next. */
const struct bleproxy_slots *slots_view(const struct slots *slots);
/* Slots in use, whatever the list says. */
uint32_t slots_in_use(const struct slots *slots);
/* Whether the proxy lists a connection to the device. *ret_quiet_ns: what is heard of the device from then on it says
 * although it is connected; most devices do not. */
bool slots_holds(const struct slots *slots, uint64_t address, uint64_t *ret_quiet_ns);
/* Whether somebody tracks the device here. */
bool slots_is_tracked(const struct slots *slots, uint64_t address);
/* Publishes what is known now, even if it was published before. */
void slots_announce(struct slots *slots);

#endif
