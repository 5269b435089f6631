/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_HOME_H
#define TESTS_SIM_HOME_H

#include "hub/manager.h"
#include "world.h"

struct link;

/* The manager that keeps a house connected, its owner, and what they expect of each other. */
struct home {
    struct world *world;
    unsigned index;
    struct manager *manager; /* NULL for a moment while the owner replaces it */
    struct link *links[DIAL_ADDRESSES_MAX];
    uint64_t wake_ns;
    enum bleproxy_scanner_mode scan_mode; /* as the owner has configured it */
    bool pending;     /* its session has bytes that wait for the end of what is going on */
    uint64_t lookups; /* numbers them */
    bool looking_up;
    uint64_t no_lookups_until_ns; /* the name server is out until then */
    uint64_t next_attempt_ns;     /* while the manager waits for it; else BP_NEVER */
    bool waited_for_turn;         /* in that attempt */
    uint64_t n_managers;          /* this is the how manieth */
    uint64_t new_manager_ns;      /* since when it is */
    uint64_t n_sessions;
    unsigned starts_pending, stops_pending;
    bool leaving; /* stopped for good */
};

void home_init(struct home *home, struct world *world, unsigned index);
void home_deinit(struct home *home);
/* After every call into its manager: sends what is pending and sets the alarm. */
void home_touch(struct home *home);
/* The last stop, and that it is over. */
void home_leave(struct home *home);
void home_check_left(struct home *home);
/* Its reports flow: connected for a while, nothing in the way. */
bool home_is_healthy(const struct home *home);
/* Whether all is as it should be long after the trouble: its scanner is registered, and subscribed as far as
 * its firmware lets that be known; or it has not the key, and knows. */
bool home_is_settled(const struct home *home);

#endif
