/* SPDX-License-Identifier: MIT */
#ifndef PROXY_REFUSED_H
#define PROXY_REFUSED_H

#include "proxy/dial.h"

/* Addresses that a name led to and at which another device answered than the one that is meant. */
struct refused {
    struct net_address addresses[DIAL_ADDRESSES_MAX]; /* the newest at the end */
    unsigned n;
};

/* When it is full the oldest is forgotten. */
void refused_add(struct refused *refused, const struct net_address *address);
/* Those of the n addresses that are none of them, as many as fit, in ret_addresses; returns how many. If all are, all are
 * tried again: devices change their addresses. */
size_t refused_leave_out(struct refused *refused, const struct net_address *addresses, size_t n,
                         struct net_address ret_addresses[DIAL_ADDRESSES_MAX]);

#endif
