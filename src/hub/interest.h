/* SPDX-License-Identifier: MIT */
#ifndef HUB_INTEREST_H
#define HUB_INTEREST_H

#include "base/map.h"

struct hub;
struct bleproxy_device;

/* Addresses that somebody cares about, known as devices or not: those named in a filter or a watch, pinned, bonded,
 * connected, with a scan request or an interval of the user's. Strangers never displace their devices. */
struct interests {
    const struct env *env;
    struct map by_address;
};

struct interest {
    uint64_t address;
    unsigned holds;                 /* reasons to care */
    unsigned links;                 /* connections: it is there although it does not advertise */
    uint64_t interval_ns;           /* the user's; 0: none */
    struct bleproxy_device *device; /* NULL: not in the table */
};

void interests_init(struct interests *interests, const struct env *env);
void interests_deinit(struct interests *interests);
static inline struct interest *interests_get(const struct interests *interests, uint64_t address)
{
    return map_get(&interests->by_address, address);
}

/* Counted. 0 or BLEPROXY_E_NOMEM. */
int interest_hold(struct hub *hub, uint64_t address);
/* Undoes one hold. */
void interest_release(struct hub *hub, uint64_t address);
/* As interest_hold() and _release(), for connections. */
int interest_connect(struct hub *hub, uint64_t address);
void interest_disconnect(struct hub *hub, uint64_t address);
/* 0 or BLEPROXY_E_NOMEM. interval_ns 0: no longer. */
int interest_set_interval(struct hub *hub, uint64_t address, uint64_t interval_ns);

/* From the hub: the device has just been made. */
void interest_meet(struct hub *hub, struct bleproxy_device *device);
/* The device is about to go as unavailable: its interval is dropped. */
void interest_part(struct hub *hub, struct bleproxy_device *device);

#endif
