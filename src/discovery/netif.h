/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_NETIF_H
#define DISCOVERY_NETIF_H

#include "base/net_address.h"

enum { NETIF_NETWORKS_MAX = 16 }; /* networks of one interface; the rest is left out */

/* A network interface as far as multicast DNS needs it. */
struct netif {
    uint32_t index;
    bool is_loopback;
    unsigned n_networks;
    struct netif_network {
        struct net_address address; /* this host's */
        uint8_t prefix;             /* bits */
    } networks[NETIF_NETWORKS_MAX];
};

/* Whether the address is a neighbour's: in one of the interface's networks, link-local, or heard on loopback, where this host
 * sends from any of its addresses. What comes from elsewhere is no
 * multicast DNS: RFC 6762, 11. */
bool netif_is_neighbour(const struct netif *netif, const struct net_address *address);
/* The address of a record that was heard on the interface, as one to connect to: false when there is nobody to be reached
 * (unspecified, multicast, broadcast, this host's loopback heard on another interface). A link-local IPv6 address gets the
 * interface as its scope. One in another network is usable: routers repeat multicast DNS between networks. */
bool netif_address(const struct netif *netif, uint8_t family, const uint8_t bytes[16],
                   struct net_address *ret_address);

#endif
