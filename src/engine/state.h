/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "central/central.h"
#include "engine/state_file.h"

/* What a central knows that is kept between runs, in the files of one directory. */
extern const struct state_codec state_services, state_bonds;

/* Zeroed before its first use. */
struct state {
    struct central *central; /* NULL: nothing is kept */
    struct state_file services, bonds;
};

/* Reads the files; from now on changes are written. 0 or BLEPROXY_E_NOMEM. */
int state_init(struct state *state, struct bleproxy_loop *loop, const char *directory,
               struct central *central);
/* Writes what is not written yet. Before the central is freed. Idempotent. */
void state_deinit(struct state *state);

#endif
