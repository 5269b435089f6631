/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SYSTEM_LOOKUP_H
#define ENGINE_SYSTEM_LOOKUP_H

#include "discovery/resolve.h"
#include <uv.h>

/* One name look-up by the system's resolver, in a thread of its own: getaddrinfo() may take a minute and
 * cannot be interrupted. In libuv's pool it would hold up the end of the loop, the program's exit, and all
 * but one other look-up. Here nobody waits for a look-up that was cancelled. */
struct system_lookup;

/* addresses NULL: why says what went wrong; static. The look-up is gone when it returns. */
typedef void system_lookup_fn(void *user, const struct net_address *addresses, size_t n_addresses,
                              const char *why);

/* Never calls on_done from within. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_IO. */
int system_lookup_start(uv_loop_t *uv, const char *host, system_lookup_fn *on_done, void *user,
                        struct system_lookup **ret_lookup);
/* No call follows. */
void system_lookup_cancel(struct system_lookup *lookup);

#endif
