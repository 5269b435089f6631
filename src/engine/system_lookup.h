/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SYSTEM_LOOKUP_H
#define ENGINE_SYSTEM_LOOKUP_H

#include "base/list.h"
#include "discovery/resolve.h"
#include <uv.h>

/* Name look-ups by the system's resolver, each in a thread of its own: getaddrinfo() may take a minute and
 * cannot be interrupted. In libuv's pool it would hold up the end of the loop, the program's exit, and all
 * but one other look-up. Here nobody waits for a look-up that was cancelled; whoever asks for the same name while it still
 * runs takes it over. */
enum {
    SYSTEM_LOOKUPS_MAX = 64
}; /* threads of one loop: a DNS server that is dead shall not make them pile up */

/* All of one loop. */
struct system_lookups {
    uv_loop_t *uv;
    struct list lookups; /* whose threads run, cancelled ones too */
    unsigned n;
};
struct system_lookup;

void system_lookups_init(struct system_lookups *lookups, uv_loop_t *uv);
/* Cancels all, and leaves their threads to themselves. Idempotent. */
void system_lookups_deinit(struct system_lookups *lookups);

/* addresses NULL: why says what went wrong; static. The look-up is gone when it returns. */
typedef void system_lookup_fn(void *user, const struct net_address *addresses, size_t n_addresses,
                              const char *why);

/* Never calls on_done from within. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT (too many threads), BLEPROXY_E_IO. */
int system_lookup_start(struct system_lookups *lookups, const char *host, system_lookup_fn *on_done,
                        void *user, struct system_lookup **ret_lookup);
/* No call follows. */
void system_lookup_cancel(struct system_lookup *lookup);

#endif
