/* SPDX-License-Identifier: MIT */
#ifndef HUB_AUTO_PRIVATE_H
#define HUB_AUTO_PRIVATE_H

#include "hub/hub_private.h"
#include "hub/ownership.h"
#include "hub/scanner_private.h"

/* For the files that make up scanning on purpose. */

/* A window to be lent by another scanner to devices of one that is connecting. */
struct auto_errand {
    struct list node;
    uint64_t source;
    struct scanner *target; /* NULL: it has left the hub */
    uint64_t duration_ns;
    size_t n_addresses, capacity;
    uint64_t *addresses;
};

static inline struct auto_device *auto_device_in_worker(struct list *node)
{
    return list_entry(node, struct auto_device, in_worker);
}

static inline struct bleproxy_active_scan *auto_request(struct list *node)
{
    return list_entry(node, struct bleproxy_active_scan, in_device);
}

/* A window's length within the limits. */
uint64_t auto_clamp(uint64_t duration_ns);

/* ---- The schedule (auto_scan.c) ---- */

struct auto_device *auto_device_get(const struct hub *hub, uint64_t address);
/* That of a source in mode AUTO, or NULL. */
struct auto_worker *auto_worker_of(const struct hub *hub, uint64_t source);
/* Requests without a time get one: now + interval. Then to be assigned. */
void auto_device_seed(struct auto_device *device, uint64_t now_ns);
/* The source owns it from now on. It is tracked. */
void auto_device_assign(struct auto_device *device, uint64_t source);
/* Forgets when what is due. Fine when it is not tracked. */
void auto_device_untrack(struct auto_device *device);
uint64_t auto_device_due(const struct auto_device *device);
/* The longest that is wanted of those due until then. */
uint64_t auto_device_duration(const struct auto_device *device, uint64_t until_ns);
/* Those due until then are due again one interval from now_ns on. */
void auto_device_advance(struct auto_device *device, uint64_t until_ns, uint64_t now_ns);
/* The same, at that time. */
void auto_device_defer(struct auto_device *device, uint64_t until_ns, uint64_t due_ns);
/* Somebody scans actively from now on; the latest counts. */
void auto_device_accept(struct auto_device *device, uint64_t now_ns);

/* ---- Windows (auto_worker.c) ---- */

/* Once per scanner while it is passive: devices that it owns are never scanned actively. */
void auto_warn_passive(struct hub *hub, struct scanner *scanner);

/* Opens one on a registered scanner, or makes the one that is open here last as long. client: only of LENT. */
bool auto_window_open(struct hub *hub, struct scanner *scanner, uint64_t duration_ns, enum auto_window window,
                      struct auto_worker *client, uint64_t now_ns);
/* A window begins on the worker's scanner: it looks for what is due when that ends, and sweeps as late as after a sweep. */
void auto_worker_reserve(struct auto_worker *worker, uint64_t duration_ns, uint64_t now_ns);

/* ---- Errands (auto_errand.c) ---- */

/* The worker's scanner is connecting: for each device that is due somebody else is found, or nobody for now. */
void auto_errands_collect(struct hub *hub, struct auto_worker *worker, uint64_t until_ns, uint64_t now_ns);
/* Opens the next window that can be opened; the worker is busy then, and idle when there is none left. */
void auto_errands_next(struct hub *hub, struct auto_worker *worker, uint64_t now_ns);
void auto_errands_drop(struct hub *hub, struct auto_worker *worker);
/* The scanner is leaving: its errands fail when their turn comes. */
void auto_errands_forget(struct hub *hub, const struct scanner *scanner);

/* ---- Sweeps and rescues (auto_sweep.c, auto_rescue.c) ---- */

void auto_sweeps_tick(struct hub *hub, uint64_t now_ns);
/* BP_NEVER: none is under way. */
uint64_t auto_sweeps_due(const struct hub *hub);
void auto_rescues_tick(struct hub *hub, uint64_t now_ns);

#endif
