/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"
#include <bleproxy/hub.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_SOAK = 100, HOURS = 2, HOURS_SOAK = 7 * 24, SEEDS = 3 };
/* No seed may be so much worse than reference, in standard deviations. All together may be one, and none for a week. */
enum { SEED_DEVIATIONS = 3 };

/* What the peak of later hours may be over that of the first. Nothing grows; but of the strangers who come and go by chance
 * there are never exactly as many, and whether the buffer in which a proxy's history is put together has to double once more
 * depends on a few of them. */
enum { MARGIN_PERCENT = 2, MARGIN_BYTES = 128 * 1024 };

/* Of the runs of one seed: with our choice of the proxy, and with the Python stack's. */
static struct {
    struct tally ours, theirs;
} tallies[SEEDS];

static unsigned long size(void)
{
    const char *text = getenv("BLEPROXY_TEST_SIZE");
    unsigned long n = text ? strtoul(text, NULL, 10) : 1;
    return n < 1 ? 1 : n > SIZE_SOAK ? SIZE_SOAK : n;
}

static uint64_t duration_ns(void)
{
    return (HOURS + (HOURS_SOAK - HOURS) * (size() - 1) / (SIZE_SOAK - 1)) * 3600 * NS_PER_S;
}

/* ---- One run ---- */

static void check_memory(struct world *world)
{
    size_t first = world->peak_bytes[FIRST_HOUR], later = world->peak_bytes[AFTERWARDS];
    world_expect(world, later > 0 && later <= first + first / 100 * MARGIN_PERCENT + MARGIN_BYTES,
                 "memory peaks at %zu bytes later, in the first hour at %zu", later, first);
}

/* Strangers have taken all the room there is, and many of them had to make way. */
static void check_pressure(struct world *world)
{
    world_expect(world,
                 !world->scale.siege || (world->peak_devices[FIRST_HOUR] == BLEPROXY_HUB_DEVICES_DEFAULT &&
                                         world->n_displaced > BLEPROXY_HUB_DEVICES_DEFAULT),
                 "nobody had to make way");
    world_expect(world, keepers_have_paired(world), "a device is not paired");
    world_expect(world, world->n_checks > 0, "nothing was looked at");
}

static struct tally live(const char *name, uint64_t seed, uint32_t reference, bool siege)
{
    const struct scale scale = {.duration_ns = duration_ns(), .reference = reference, .siege = siege};
    struct world *world = malloc(sizeof(*world));
    assert_non_null(world);
    world_init(world, &scale, seed);
    world_run(world, scale.duration_ns);
    check_memory(world);
    check_pressure(world);
    print_message(
        "# %s: %.0f h, %llu reports, %llu looks at what a proxy knows of a device that somebody cares about, "
        "%llu outages, %llu displaced; peak in the first hour %zu bytes, %zu devices, afterwards %zu bytes, "
        "%zu devices\n",
        name, (double)scale.duration_ns / 3600e9, (unsigned long long)world->n_reports,
        (unsigned long long)world->n_checks, (unsigned long long)world->n_outages,
        (unsigned long long)world->n_displaced, world->peak_bytes[FIRST_HOUR],
        world->peak_devices[FIRST_HOUR], world->peak_bytes[AFTERWARDS], world->peak_devices[AFTERWARDS]);
    char failure[sizeof(world->failure)];
    memcpy(failure, world->failure, sizeof(failure));
    struct tally tally = world->tally;
    world_deinit(world);
    size_t left = world->live_bytes;
    free(world);
    if (failure[0])
        fail_msg("%s: %s", name, failure);
    assert_int_equal(left, 0);
    return tally;
}

/* ---- Both kinds of routing ---- */

static double percent(uint64_t n, uint64_t of)
{
    return of > 0 ? 100 * (double)n / (double)of : 0;
}

static double mean_dbm(const struct tally *tally)
{
    return tally->used_dbm / (double)tally->succeeded;
}

static void print_tally(const char *name, const char *rules, const struct tally *t)
{
    double n = (double)t->succeeded;
    print_message(
        "# %s, %s: %llu connects, %.3f %% succeeded, %.3f attempts and %.2f s each; through a proxy at "
        "%.2f dBm, the nearest one (%.2f dBm) in %.1f %%\n",
        name, rules, (unsigned long long)t->asked, percent(t->succeeded, t->asked),
        (double)t->attempts / (double)t->asked, t->seconds / n, mean_dbm(t), t->best_dbm / n,
        percent(t->nearest, t->succeeded));
    print_message(
        "# %s, %s: failed for time %llu, the link %llu, a slot %llu, a way %llu, else %llu; links lost later "
        "%llu\n",
        name, rules, (unsigned long long)t->failed_timeout, (unsigned long long)t->failed_link,
        (unsigned long long)t->failed_slot, (unsigned long long)t->failed_way,
        (unsigned long long)t->failed_else, (unsigned long long)t->lost);
}

/* Not less often than with the reference, as far as chance does not explain it: the air is the same, but another choice meets
 * other packets. Failures are rare and come one by one, so that the deviation of the difference of two counts is the root of
 * their sum. */
static void assert_no_worse(uint64_t ours, uint64_t theirs, double deviations)
{
    double chance = deviations * sqrt((double)(ours + theirs));
    if ((double)ours > (double)theirs + chance)
        fail_msg("%llu failures, %llu with reference", (unsigned long long)ours, (unsigned long long)theirs);
}

static void compare(const char *name, const struct tally *ours, const struct tally *theirs, double deviations)
{
    print_tally(name, "default", ours);
    print_tally(name, "reference", theirs);
    assert_true(ours->succeeded > 0 && theirs->succeeded > 0);
    uint64_t ours_failed = ours->asked - ours->succeeded, theirs_failed = theirs->asked - theirs->succeeded;
    assert_no_worse(ours_failed, theirs_failed, deviations);
    assert_no_worse(ours_failed + ours->lost, theirs_failed + theirs->lost, deviations);
    if (mean_dbm(ours) <= mean_dbm(theirs))
        fail_msg("through proxies at %.2f dBm, with reference at %.2f", mean_dbm(ours), mean_dbm(theirs));
}

/* Of both runs, which are only made once. */
static void run_seed(unsigned seed)
{
    if (tallies[seed].theirs.asked > 0)
        return;
    tallies[seed].ours = live("default", seed, 0, false);
    tallies[seed].theirs = live("reference", seed, BLEPROXY_RULE_ROUTING, false);
}

static void test_seed(void **state)
{
    const unsigned *seed = *state;
    char name[32];
    snprintf(name, sizeof(name), "seed %u", *seed);
    run_seed(*seed);
    compare(name, &tallies[*seed].ours, &tallies[*seed].theirs, SEED_DEVIATIONS);
}

static void test_all_seeds(void **state)
{
    struct tally ours = {0}, theirs = {0};
    (void)state;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        run_seed(seed);
        tally_add(&ours, &tallies[seed].ours);
        tally_add(&theirs, &tallies[seed].theirs);
    }
    compare("all seeds", &ours, &theirs, size() < SIZE_SOAK ? 1 : 0);
}

static void test_siege(void **state)
{
    (void)state;
    live("siege", 0, 0, true);
}

int main(void)
{
    static unsigned seeds[SEEDS] = {0, 1, 2};
    static const struct CMUnitTest all[] = {
        {"seed_0", test_seed, NULL, NULL, &seeds[0]},   {"seed_1", test_seed, NULL, NULL, &seeds[1]},
        {"seed_2", test_seed, NULL, NULL, &seeds[2]},   {"all_seeds", test_all_seeds, NULL, NULL, NULL},
        {"siege_seed_0", test_siege, NULL, NULL, NULL},
    };
    const char *only = getenv("BLEPROXY_TEST_ONLY");
    struct CMUnitTest tests[sizeof(all) / sizeof(all[0])];
    size_t n = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!only || strcmp(only, all[i].name) == 0)
            tests[n++] = all[i];
    return _cmocka_run_group_tests("week", tests, n, NULL, NULL);
}
