/* SPDX-License-Identifier: MIT */
#ifndef BENCH_HUB_SCENARIOS_H
#define BENCH_HUB_SCENARIOS_H

#include "hub.h"

/* One thing that a hub does again and again. bench/peer_hub.py has each of them, too, under the same name. */
struct scenario {
    const char *name;
    unsigned n_scanners;
    /* Makes what one iteration is to hear, and what has been heard before. */
    void (*prepare)(struct world *world);
    /* One iteration. */
    void (*iterate)(struct world *world);
    unsigned n_devices; /* gone through in each; 0: it counts in reports */
    bool allocates;     /* for it is about devices that come and go */
};

extern const struct scenario scenarios[];
extern const size_t n_scenarios;

#endif
