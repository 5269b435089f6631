/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_MDNS_H
#define ENGINE_MDNS_H

#include "discovery/announcement.h"
#include "discovery/browse.h"
#include "discovery/lookup.h"
#include "engine/mdns_socket.h"
#include "engine/netifs.h"
#include "engine/ticker.h"

/* Multicast DNS of one loop, on sockets: look-ups, browsers, and those who want to be woken by an announcement. Sockets are
 * open while somebody needs them. Interfaces are looked at again when something is asked, and, while somebody listens, when
 * the system says that they have changed, or every few seconds where it does not. */
struct mdns;

/* The loop's, made when there is none; NULL when there is no memory. */
struct mdns *mdns_get(struct bleproxy_loop *loop);
/* NULL is fine. */
void mdns_free(struct mdns *mdns);
/* This host's interfaces may be others. NULL is fine. */
void mdns_network_changed(struct mdns *mdns);

/* As in lookup.h. */
size_t mdns_known(struct mdns *mdns, const char *name, struct net_address *ret_addresses, size_t max);
/* As host_has_moved(). */
bool mdns_has_moved(struct mdns *mdns, const char *name, const struct net_address *address);
int mdns_lookup(struct mdns *mdns, const char *name, lookup_fn *on_done, void *user,
                struct lookup **ret_lookup);
void mdns_cancel(struct mdns *mdns, struct lookup *lookup);

/* One who is told that somebody of that name ("kitchen.local") is there. */
struct mdns_waker {
    struct list link;
    struct mdns *mdns; /* NULL: not waiting */
    char name[DNS_NAME_SIZE];
    uint64_t hash;  /* of the name */
    uint64_t heard; /* the datagram it was told of */
    void (*on_wake)(void *user);
    void *user;
};
/* on_wake may make any call. */
void mdns_waker_start(struct mdns_waker *waker, struct mdns *mdns, const char *name,
                      void (*on_wake)(void *user), void *user);
/* Idempotent. */
void mdns_waker_stop(struct mdns_waker *waker);

/* One who browses. */
struct mdns_browser {
    struct list link;
    struct mdns *mdns;
    uint64_t heard;
    void (*on_datagram)(void *user, const uint8_t *datagram, size_t size, const struct net_address *from,
                        const struct netif *netif, bool is_one_shot);
    void (*on_netifs)(void *user); /* they are others now; calls nobody back */
    void *user;
};
void mdns_browser_start(struct mdns_browser *browser, struct mdns *mdns);
/* Idempotent. */
void mdns_browser_stop(struct mdns_browser *browser);
/* From port 5353, so that all hear the answer, or from an ephemeral one where that cannot be had; from_both: from either. */
void mdns_browser_send(struct mdns_browser *browser, const struct dns_writer *message, bool from_both);

#endif
