/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_BROWSE_H
#define DISCOVERY_BROWSE_H

#include "discovery/service.h"

/* Browsing for ESPHome devices (RFC 6763): who is there, who changes, who goes. Pure. */

enum {
    /* 2 KB each. When full, those of which too little is known give way, then the newest of whoever has announced most. */
    BROWSE_SERVICES_MAX = 1024,
    BROWSE_ADDRESSES_MAX =
        1024, /* taken from one datagram, those of a host that has several devices once for each */
    BROWSE_BURST_MAX = 4, /* messages sent in a row; more follow after a pause */
    BROWSE_ONE_SHOT_S =
        120, /* answers to one-shot questions live at least so long: they say 10 s or less, so that
                                 * nobody relies on them, but nobody tells us when they are outdated */
};

enum browse_event {
    BROWSE_FOUND,   /* name, address and port are known; mostly all else, too */
    BROWSE_CHANGED, /* in something that is not its lifetime */
    BROWSE_GONE,    /* it said goodbye, or no longer answers */
};

struct browse;

struct browse_ops {
    /* Multicast the message on every interface, by IPv4 and IPv6, from port 5353 when that is ours. is_first: from an
     * ephemeral port, too, so that those answer who have just told everybody, and therefore say nothing for a second. */
    void (*send)(void *user, const struct dns_writer *message, bool is_first);
    /* service is borrowed; after BROWSE_GONE it goes or is found again later. Any call may be made from within. */
    void (*on_service)(void *user, enum browse_event event, const struct service *service, uint64_t now_ns);
};

/* The first question is asked a moment later (RFC 6762, 5.2: 20 to 120 ms). 0 or BLEPROXY_E_NOMEM. */
int browse_new(const struct env *env, const struct browse_ops *ops, void *user, uint64_t now_ns,
               struct browse **ret_browse);
/* Allowed in callbacks; NULL is fine. */
void browse_free(struct browse *browse);
/* A datagram that arrived on the interface, with its sender's address and port. is_one_shot: it came to an ephemeral
 * port. */
void browse_feed(struct browse *browse, const uint8_t *datagram, size_t size, const struct net_address *from,
                 const struct netif *netif, bool is_one_shot, uint64_t now_ns);
/* The interfaces are others than before: asks anew. */
void browse_restart(struct browse *browse, uint64_t now_ns);
uint64_t browse_deadline(const struct browse *browse);
void browse_tick(struct browse *browse, uint64_t now_ns);
/* Services known, whether reported or not. */
size_t browse_count(const struct browse *browse);

#endif
