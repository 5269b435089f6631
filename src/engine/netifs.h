/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NETIFS_H
#define ENGINE_NETIFS_H

#include "discovery/netif.h"
#include <stdbool.h>

enum { NETIFS_MAX = 128 }; /* those without an IPv4 address come last; of more the rest is left out */

struct netifs {
    struct netif netifs[NETIFS_MAX];
    unsigned n;
};

/* The interfaces that are up and have neighbours to ask: loopback and those that can multicast, but no tunnels. 0 or
 * -errno. */
int netifs_read(struct netifs *ret_netifs);
/* Whether both have the same interfaces with the same addresses. */
bool netifs_equal(const struct netifs *a, const struct netifs *b);
const struct netif *netifs_find(const struct netifs *netifs, uint32_t index);
/* This host's first address of the family on the interface, or NULL. */
const struct net_address *netif_own_address(const struct netif *netif, uint8_t family);

#endif
