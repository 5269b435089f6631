/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_PLAYER_H
#define REPLAY_PLAYER_H

#include "base/env.h"
#include "base/time.h"
#include "replay/decision.h"
#include "replay/trace.h"

/* Runs a trace through a hub, whose timers a virtual clock drives: pure, and as fast as it can. */
struct player;

struct player_config {
    const struct env *env;
    bool reference; /* decide as the reference stack does */
    /* Borrowed for the call. The player must not be freed in it. */
    void (*on_decision)(void *user, const struct decision *decision);
    void *user;
};

enum { PLAYER_SCANNERS_MAX = 10000 }; /* registered at a time */
/* The trace's zero on the hub's clock, on which zero means nothing. */
#define PLAYER_EPOCH_NS NS_PER_S

/* 0 or BLEPROXY_E_NOMEM. */
int player_new(const struct player_config *config, struct player **ret_player);
/* NULL is fine. */
void player_free(struct player *player);

/* What falls due until the event, then the event. Times must not decrease. 0; BLEPROXY_E_NOMEM; BLEPROXY_E_LIMIT:
 * too many scanners. After an error it can only be freed. */
int player_run(struct player *player, const struct trace_event *event);
/* Devices that the hub holds now. */
size_t player_n_devices(const struct player *player);

#endif
