/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_ERRAND_H
#define TESTS_WEEK_ERRAND_H

#include "central/peripheral.h"

struct world;
struct dweller;

/* What became of the connections that programs asked for. */
struct tally {
    uint64_t asked, succeeded, attempts, nearest;
    double used_dbm,
        best_dbm;   /* sums over those that succeeded: of the proxy used, of the nearest that was there */
    double used_db; /* and of how much weaker the used one was */
    double seconds; /* sum over those that succeeded */
    uint64_t failed_timeout, failed_link, failed_slot, failed_way, failed_else;
    uint64_t lost; /* links that ended before the program was done */
};
void tally_add(struct tally *sum, const struct tally *tally);

/* A program that connects to a device every 5 to 15 minutes, reads, and disconnects; and when all do at once: every ten
 * minutes, as on a schedule of the house, and when the power is back. */
struct errand {
    struct world *world;
    struct dweller *dweller;
    struct peripheral *peripheral;
    uint64_t asked_ns;
    bool busy;
};

/* All of them, and those who connect for other reasons: to pair, to stay connected. */
void errands_init(struct world *world);
/* All ask at once. */
void errands_rush(struct world *world);
void errands_deinit(struct world *world);

#endif
