/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_RESOLVER_H
#define ENGINE_RESOLVER_H

#include "proxy/dial.h"
#include <uv.h>

/* One name look-up by the system's resolver, in a thread of its own: getaddrinfo() may take a minute and
 * cannot be interrupted. In libuv's pool it would hold up the end of the loop, the program's exit, and all
 * but one other look-up. Here nobody waits for a look-up that was cancelled. */
struct resolution;

/* addresses NULL: error is BLEPROXY_E_RESOLVE and why says more. The resolution is gone when it returns. */
typedef void resolver_fn(void *user, const struct net_address *addresses, size_t n_addresses, int error,
                         const char *why);

/* An IP literal (IPv6 with %scope too) needs no look-up: 0 and the address, or BLEPROXY_E_NOT_FOUND. */
int resolver_literal(const char *host, uint16_t port, struct net_address *ret_address);
/* Never calls on_done from within. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_IO. */
int resolver_start(uv_loop_t *uv, const char *host, uint16_t port, resolver_fn *on_done, void *user,
                   struct resolution **ret_resolution);
/* No call follows. */
void resolver_cancel(struct resolution *resolution);

#endif
