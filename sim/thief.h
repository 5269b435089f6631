/* SPDX-License-Identifier: MIT */
#ifndef SIM_THIEF_H
#define SIM_THIEF_H

#include "server/server.h"

/* Somebody else's client: it wants the only subscription of a proxy, and keeps nothing of what it gets. Where
 * the first one wins it asks until it has it; where the newest does, once. */
struct thief {
    const struct env *env;
    struct server *server;
    struct server_connection *connection; /* NULL unless it is connected */
    bool persistent;                      /* it asks again */
    uint64_t retry_ns;                    /* BP_NEVER */
    uint64_t ping_ns;
    uint64_t now_ns; /* as last told */
};

/* Connects and asks. May not move until thief_stop(), or until the server is gone and thief_forget(). 0,
 * BLEPROXY_E_NOMEM, or BLEPROXY_E_LIMIT: the proxy takes no more clients. */
int thief_start(struct thief *thief, const struct env *env, struct server *server,
                const struct server_profile *profile, const char *password, uint64_t now_ns);
/* Leaves. Idempotent. */
void thief_stop(struct thief *thief, uint64_t now_ns);
/* Its connection is gone with the server. */
void thief_forget(struct thief *thief);
bool thief_has_it(const struct thief *thief);
uint64_t thief_deadline(const struct thief *thief);
void thief_tick(struct thief *thief, uint64_t now_ns);

#endif
