/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "central/central.h"
#include "engine/state_file.h"
#include "hub/history.h"
#include "hub/identities.h"

/* What a hub and a central know that is kept between runs, in the files of one directory. */
extern const struct state_codec state_services, state_bonds, state_history, state_proxies;

/* Zeroed before its first use. */
struct state {
    struct central *central; /* NULL: nothing is kept */
    struct hub *hub;
    struct identities *identities; /* NULL: they are not kept */
    struct state_file services, bonds, history, proxies;
};

/* Reads the files; from now on changes are written. The hub has no scanners yet. 0 or BLEPROXY_E_NOMEM. */
int state_init(struct state *state, struct bleproxy_loop *loop, const char *directory, struct hub *hub,
               struct central *central);
/* Only which device each proxy is; hub outlives it. Idempotent, as its end; not with state_init(). 0 or BLEPROXY_E_NOMEM. */
int state_init_proxies(struct state *state, struct bleproxy_loop *loop, const char *directory,
                       struct hub *hub);
/* Writes what is not written yet. Before central and hub are freed. Idempotent. */
void state_deinit(struct state *state);

#endif
