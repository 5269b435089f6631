/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_SEEKER_H
#define TESTS_SIM_SEEKER_H

#include "world.h"

enum { SEEKS_MAX = 4, SWEEPS_MAX = 3 };

/* A sweep that somebody waits for. */
struct awaited {
    struct seeker *seeker;
    struct bleproxy_sweep *sweep; /* NULL: none */
    uint64_t begun_ns;
    bool cancelling;
};

/* Somebody who wants proxies to scan actively, as the whim takes him. */
struct seeker {
    struct world *world;
    unsigned index;
    struct bleproxy_active_scan *requests[SEEKS_MAX]; /* or NULL */
    struct bleproxy_scan_request *scan;               /* or NULL */
    struct awaited sweeps[SWEEPS_MAX];
    bool leaving;
};

void seeker_init(struct seeker *seeker, struct world *world, unsigned index);
/* Long after the trouble: all that was asked for is over, and each proxy scans as it should. */
void seekers_check(struct world *world);

#endif
