/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_RESOLVE_H
#define DISCOVERY_RESOLVE_H

#include "base/env.h"
#include "base/net_address.h"

/* A host name that becomes addresses, by all ways at once: multicast DNS for names of the local network, the system's
 * resolver for all, and for "kitchen.local" also for "kitchen", which many a router knows. The first way that finds
 * anything wins. Pure. */

enum { RESOLVE_ADDRESSES_MAX = 16, RESOLVE_WHY_SIZE = 160 };

enum resolve_way { RESOLVE_LOCAL, RESOLVE_SYSTEM, RESOLVE_STRIPPED, RESOLVE_WAYS };

struct resolve_ops {
    /* Begins to ask; resolve_answer() follows, not from within. 0, or an error: then that way has failed. */
    int (*ask)(void *user, enum resolve_way way, const char *name);
    /* No answer follows. */
    void (*cancel)(void *user, enum resolve_way way);
    /* The end of it, not from within resolve_start(). addresses NULL: none was found, and why says what went wrong by each
     * way. resolve_cancel() is not needed any more. */
    void (*on_done)(void *user, const struct net_address *addresses, size_t n, const char *why);
};

/* Embedded; zero before the start. */
struct resolve {
    const struct resolve_ops *ops;
    void *user;
    bool asked[RESOLVE_WAYS]; /* and not answered yet */
    bool ended;
    char why[RESOLVE_WHY_SIZE];
};

/* Asks by each way that the name has. 0, or BLEPROXY_E_NOMEM or what else ask said, when it could not be asked by any. */
int resolve_start(struct resolve *resolve, const struct resolve_ops *ops, void *user, const char *host);
/* What one way has found, or why it has not; addresses that mean this host, or a number that was taken
 * for an address (0.0.0.0/8, ::), do not count. */
void resolve_answer(struct resolve *resolve, enum resolve_way way, const struct net_address *addresses,
                    size_t n, const char *why);
/* Idempotent. */
void resolve_cancel(struct resolve *resolve);

#endif
