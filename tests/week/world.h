/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WEEK_WORLD_H
#define TESTS_WEEK_WORLD_H

#include "../sim/agenda.h"
#include "base/env.h"
#include "base/time.h"
#include "box.h"
#include "dweller.h"
#include "errand.h"
#include "hub/hub.h"
#include "keeper.h"

struct central;

/* What a run is like. */
struct scale {
    uint64_t duration_ns; /* over an hour */
    uint32_t reference;   /* enum bleproxy_rule */
    bool siege;           /* a proxy goes mad every now and then, and invents devices: street.h */
};

/* The first hour, and all that follows. */
enum { FIRST_HOUR, AFTERWARDS, N_ERAS };

/* A house with 23 proxies on a virtual clock: what is in it, what passes by, and the library in the middle. Advertisements go
 * straight into scanners, all else through both ends of the protocol. The world's own chance is drawn from the seed, by who it
 * is about and when: runs that differ in their rules meet the same, but for the packets of the links that they make. */
struct world {
    struct scale scale;
    uint64_t seed, now_ns, begin_ns;
    struct agenda agenda;

    struct env env; /* of the library; the boxes' own end has another, which is not counted */
    uint64_t library_dice;
    size_t live_bytes, peak_bytes[N_ERAS];
    size_t peak_devices[N_ERAS];

    struct hub *hub;
    uint64_t hub_wake_ns;
    struct central *central;
    uint64_t central_wake_ns;

    struct box boxes[PROXIES];
    struct dweller dwellers[DWELLERS];
    struct errand errands[ERRANDS];
    struct keeper keepers[KEEPERS];
    struct tally tally;
    uint64_t n_reports, n_invented, n_checks, n_displaced, n_outages;

    char failure[256]; /* the first expectation that did not hold, or "" */
};

void world_init(struct world *world, const struct scale *scale, uint64_t seed);
/* Lets that much time pass; stops early when an expectation fails. */
void world_run(struct world *world, uint64_t duration_ns);
/* All that the library allocated must be gone after it. */
void world_deinit(struct world *world);

void world_after(struct world *world, uint64_t delay_ns, event_fn *run, void *what, uint64_t detail);
/* A number that depends on the seed, on who it is about, and on how manieth or when it is. */
uint64_t world_dice(const struct world *world, uint64_t who, uint64_t n);
/* A time from least to most, by such a number. */
static inline uint64_t between_ns(uint64_t dice, uint64_t least_ns, uint64_t most_ns)
{
    return least_ns + dice % (most_ns - least_ns + 1);
}

void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define world_expect(world, condition, ...)                                                                  \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            world_fail(world, __VA_ARGS__);                                                                  \
    } while (0)

/* Who draws chance: the first of so many each. */
enum {
    DICE_DWELLER = 1 << 10,
    DICE_BOX = 2 << 10,
    DICE_ERRAND = 3 << 10,
    DICE_STREET = 4 << 10,
    DICE_POWER = 5 << 10
};

#endif
