/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_RUNS_H
#define TESTS_SIM_RUNS_H

#include "world.h"

/* One simulation from one seed: what a test finds in its state. */
struct run {
    const struct scale *scale;
    uint64_t seed;
    char name[64];
};

/* Simulations of one kind: how many by default, and in a soak (BLEPROXY_TEST_SIZE=100; in between, in proportion). */
struct kind {
    const char *name;
    struct scale scale;
    unsigned n_seeds, n_seeds_soak;
};

/* A test program's main: a test per kind and seed, or the only one that BLEPROXY_TEST_ONLY names ("full_seed_7"). */
int runs_main(const char *group, const struct kind *kinds, size_t n_kinds, void (*simulate)(void **state));

#endif
