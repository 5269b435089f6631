/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_RESOLVER_H
#define ENGINE_RESOLVER_H

#include "engine/loop.h"
#include "proxy/dial.h"

/* A host name that becomes addresses: discovery/resolve.h with multicast DNS (engine/mdns.h) and the system's resolver
 * (engine/system_lookup.h). */
struct resolution;

/* addresses NULL: error is BLEPROXY_E_RESOLVE and why says more. The resolution is gone when it returns. */
typedef void resolver_fn(void *user, const struct net_address *addresses, size_t n_addresses, int error,
                         const char *why);

/* An IP literal (IPv6 with %scope too) needs no look-up: 0 and the address, or BLEPROXY_E_NOT_FOUND. */
int resolver_literal(const char *host, uint16_t port, struct net_address *ret_address);
/* What multicast DNS told of a local name of late; 0: nothing. */
size_t resolver_known(struct bleproxy_loop *loop, const char *host, uint16_t port,
                      struct net_address ret_addresses[DIAL_ADDRESSES_MAX]);
/* Never calls on_done from within. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_IO. */
int resolver_start(struct bleproxy_loop *loop, const char *host, uint16_t port, resolver_fn *on_done,
                   void *user, struct resolution **ret_resolution);
/* No call follows. */
void resolver_cancel(struct resolution *resolution);

#endif
