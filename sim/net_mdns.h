/* SPDX-License-Identifier: MIT */
#ifndef SIM_NET_MDNS_H
#define SIM_NET_MDNS_H

#include "sim/net.h"

/* The virtual proxies on the local network: multicast DNS on every interface on which they can be reached. What else answers
 * on this host is not disturbed: what is meant for it alone never comes here. */

struct net;
struct net_listener;
struct net_mdns;

/* Announces all that are on. 0, or a negative BLEPROXY_E_* and a sentence. */
int net_mdns_open(struct net *net, struct net_mdns **ret_mdns, char why[NET_TEXT_MAX]);
/* Says goodbye for all. Freed by the loop. */
void net_mdns_close(struct net_mdns *mdns);
/* The proxy is there, or says so again. NULL is fine, here and below. */
void net_mdns_announce(struct net_mdns *mdns, const struct net_listener *listener);
void net_mdns_leave(struct net_mdns *mdns, const struct net_listener *listener, bool goodbye);
/* Announces it if its address, port or texts have changed. */
void net_mdns_update(struct net_mdns *mdns, const struct net_listener *listener);

#endif
