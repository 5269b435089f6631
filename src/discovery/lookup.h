/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_LOOKUP_H
#define DISCOVERY_LOOKUP_H

#include "discovery/hosts.h"

/* One-shot look-ups of names under .local (RFC 6762, 5.1 and 6.7): questions from an ephemeral port, of which all
 * interfaces are asked; the answers come to that port. No daemon takes part, and none is disturbed. Pure. */

/* Asked at 0, 1 and 3 s (RFC 6762, 5.2: at least a second, then at least twice as long); nobody answers after this: less than
 * the commands wait for a proxy, so that a misspelt name is told as one. */
#define LOOKUP_NS (5 * NS_PER_S)
/* From the first address on, for the others to arrive: those of the other family, of other interfaces. */
#define LOOKUP_GRACE_NS (50 * NS_PER_MS)

struct lookups_ops {
    /* Multicast the message on every interface, by IPv4 and IPv6. */
    void (*send)(void *user, const struct dns_writer *message);
};

/* All look-ups under way: their questions go out together. */
struct lookups {
    const struct env *env;
    const struct lookups_ops *ops;
    void *user;
    struct hosts hosts;
    struct list lookups;
};

/* n_addresses 0: nobody answered. The look-up is gone when it is called. Any call about look-ups may be made from within,
 * but lookups_deinit(). */
typedef void lookup_fn(void *user, const struct net_address *addresses, size_t n_addresses, uint64_t now_ns);

void lookups_init(struct lookups *lookups, const struct env *env, const struct lookups_ops *ops, void *user);
/* Cancels all. Idempotent. */
void lookups_deinit(struct lookups *lookups);

/* The name to ask for when host is one of the local network: "kitchen", "kitchen.local", "Kitchen.Local." are all
 * "kitchen.local". False for others, for IP addresses and for what cannot be a name; also for "kitchen.corp.local", which
 * is a name of unicast DNS: "kitchen.local" may be anybody else. */
bool lookup_name(const char *host, char ret_name[DNS_NAME_SIZE]);

/* What is known of the name already, of lifetimes that are not over, in the order of host_get(); 0: nothing. */
size_t lookups_known(struct lookups *lookups, const char *name, uint64_t now_ns,
                     struct net_address *ret_addresses, size_t max);
/* Begins to ask, at the next tick, which is due. on_done follows, from a tick. 0 or BLEPROXY_E_NOMEM. */
struct lookup;
int lookup_start(struct lookups *lookups, const char *name, lookup_fn *on_done, void *user, uint64_t now_ns,
                 struct lookup **ret_lookup);
/* No call follows. */
void lookup_cancel(struct lookup *lookup);

/* A datagram that arrived on the interface, on any of our ports, with its sender's address and port. Calls nobody. */
void lookups_feed(struct lookups *lookups, const uint8_t *datagram, size_t size,
                  const struct net_address *from, const struct netif *netif, uint64_t now_ns);
uint64_t lookups_deadline(const struct lookups *lookups);
void lookups_tick(struct lookups *lookups, uint64_t now_ns);

#endif
