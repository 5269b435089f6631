/* SPDX-License-Identifier: MIT */
#ifndef HUB_HUB_PRIVATE_H
#define HUB_HUB_PRIVATE_H

#include "hub/auto_scan.h"
#include "hub/availability.h"
#include "hub/filter.h"
#include "hub/history.h"
#include "hub/hub.h"
#include "hub/identities.h"
#include "hub/interest.h"
#include "hub/scan_request.h"

/* For the files that make up the hub. Callbacks may make any call: while one runs, nothing that the calls
 * below it on the stack may hold is unlinked or freed, only marked; the outermost hub_leave() clears up. */
struct hub {
    const struct env *env;
    uint32_t rules;   /* of enum bleproxy_rule, habluetooth's that hold */
    bool spare_links; /* leftovers.h */
    struct device_table devices;
    struct interests interests;
    struct availability availability;
    struct history history;
    struct identities identities;
    size_t n_rescues;          /* under way, see ownership.c */
    struct list scanners;      /* registered */
    struct map by_source;      /* they, too; of several with one source the last */
    struct list departed;      /* unregistered by a callback: they stay in memory until it has returned */
    struct list subscriptions; /* oldest first */
    unsigned subscribed_from;  /* the first stream that any of them is to, or SUBSCRIBED_TO_NONE */
    struct list searches;
    unsigned depth; /* callbacks on the stack */
    bool litter;    /* something is marked, maybe the hub itself */
    bool freed;
    uint64_t reports, oversized;
    bleproxy_hub_slots_fn *on_slots; /* NULL: nobody watches */
    void *on_slots_user;

    struct auto_scan auto_scan;
    struct scan_requests scan_requests;
    uint64_t due_ns;     /* when these two have something to do */
    struct list *cursor; /* of hub_visit() */
    hub_deadline_fn *on_deadline;
    void *on_deadline_user;
};

enum { SUBSCRIBED_TO_NONE = BLEPROXY_STREAM_CHANGES + 1 };

/* There is something to do at that time. */
void hub_wake(struct hub *hub, uint64_t at_ns);
/* Does it. */
void hub_work(struct hub *hub, uint64_t now_ns);

static inline bool hub_follows(const struct hub *hub, enum bleproxy_rule rule)
{
    return hub->rules & rule;
}

/* A pass over the registered scanners, of which any may come and go meanwhile: hub_rewind(), then hub_visit() until
 * NULL. One pass at a time: in hub_tick() only. */
static inline void hub_rewind(struct hub *hub)
{
    hub->cursor = hub->scanners.next;
}
struct scanner *hub_visit(struct hub *hub);

/* A report of that source has become the device's current one. */
static inline void auto_scan_on_accepted(struct hub *hub, uint64_t address, uint64_t source, uint64_t now_ns)
{
    if (hub->auto_scan.by_address.count > 0)
        auto_scan_track(hub, address, source, now_ns);
}

/* Around everything that calls back. The hub may be gone after hub_leave(). */
static inline void hub_enter(struct hub *hub)
{
    hub->depth++;
    hub->devices.locked = true;
}
void hub_clear_up(struct hub *hub);
static inline void hub_leave(struct hub *hub)
{
    if (--hub->depth > 0)
        return;
    hub->devices.locked = false;
    if (!list_empty(&hub->devices.gone))
        device_table_sweep(&hub->devices);
    if (hub->litter)
        hub_clear_up(hub);
}

/* From its scanners: a report has been stored in sighting, was too long, or found no room. */
void hub_report(struct hub *hub, struct sighting *sighting);
static inline void hub_count_oversized(struct hub *hub)
{
    hub->reports++;
    hub->oversized++;
}
static inline void hub_count_refused(struct hub *hub)
{
    hub->reports++;
    hub->devices.refused++;
}

/* From its scanners, and about those that come and go; false when nobody watches. */
bool hub_publish_slots(struct hub *hub, const struct scanner *scanner, const struct bleproxy_slots *slots);

/* The registered scanner of that source, or NULL. */
static inline struct scanner *hub_scanner_of(const struct hub *hub, uint64_t source)
{
    return map_get(&hub->by_source, source);
}

/* Somebody cares about the address: its device is not displaced. */
static inline bool hub_cares(const struct hub *hub, uint64_t address)
{
    return interests_get(&hub->interests, address) != NULL;
}

/* filter_init() and filter_deinit(), and the hub cares about the address that the filter names. */
int hub_filter_init(struct hub *hub, struct filter *filter, const struct bleproxy_filter *want);
void hub_filter_deinit(struct hub *hub, struct filter *filter);

/* Hands a report to the subscribers to streams up to that one: the streams contain each other. change: the report as those
 * see it who asked for changes. */
void subscriptions_dispatch(struct hub *hub, enum bleproxy_stream stream,
                            const struct bleproxy_advertisement *advertisement,
                            const struct bleproxy_advertisement *change);
/* No call follows; the memory goes with hub_leave(). */
void subscriptions_end(struct hub *hub);
void subscriptions_sweep(struct hub *hub);

/* Completes the searches that the report answers. */
void searches_report(struct hub *hub, const struct bleproxy_advertisement *advertisement);
/* What may have become known without a report is looked at with the next tick. */
void searches_refresh(struct hub *hub);
/* Completes all with BLEPROXY_E_CANCELLED. */
void searches_end(struct hub *hub);
void searches_sweep(struct hub *hub);

/* The same for sweeps of the proxies. */
void sweeps_end(struct hub *hub);
void sweeps_sweep(struct hub *hub);

#endif
