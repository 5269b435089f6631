/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device.h"
#include "home.h"
#include "house.h"
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every stop is over after that. */
#define STOP_NS (16 * NS_PER_S)
/* Both ends of a connection with a full send buffer, and what is kept of a device per proxy that hears it. */
enum { BYTES_PER_PROXY = 96 * 1024, BYTES_PER_REPORTER = 512 };

struct run {
    const struct scale *scale;
    uint64_t seed;
    char name[64];
};

static void check_end(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        world_expect(world, home_is_settled(&world->homes[i]),
                     "house %u is not settled, long after the trouble", i);
    devices_check(world);
    size_t bound = (size_t)world->scale.n_proxies * BYTES_PER_PROXY +
                   (size_t)world->scale.n_devices * HEARERS_MAX * BYTES_PER_REPORTER;
    world_expect(world, world->peak_bytes <= bound, "memory grew to %zu bytes, over %zu", world->peak_bytes,
                 bound);
    world_expect(world, hub_n_devices(world->hub) <= world->scale.n_devices, "more devices than there are");
}

static void check_stopped(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_proxies; i++) {
        const struct home *home = &world->homes[i];
        world_expect(world, home->starts_pending == 0 && home->stops_pending == 0 && !home->manager,
                     "home %u has %u starts and %u stops pending", i, home->starts_pending,
                     home->stops_pending);
    }
}

static void simulate(void **state)
{
    const struct run *run = *state;
    struct world *world = malloc(sizeof(*world));
    assert_non_null(world);
    world_init(world, run->scale, run->seed);
    world_run_until(world, world->end_of_trouble_ns + run->scale->quiet_ns);
    if (world->failure[0] == '\0')
        check_end(world);
    for (unsigned i = 0; i < run->scale->n_proxies; i++)
        home_leave(&world->homes[i]);
    world_run_until(world, world->now_ns + STOP_NS);
    check_stopped(world);
    print_message("# %s: %.0f s, %llu reports, %llu checked, %llu sessions, %llu faults, peak %zu bytes\n",
                  run->name, (double)(run->scale->trouble_ns + run->scale->quiet_ns) / 1e9,
                  (unsigned long long)world->n_reports, (unsigned long long)world->n_checked,
                  (unsigned long long)world->n_sessions, (unsigned long long)world->n_faults,
                  world->peak_bytes);
    world_expect(world, world->n_checked > 0, "nothing was checked");
    char failure[sizeof(world->failure)];
    memcpy(failure, world->failure, sizeof(failure));
    bool failed = failure[0] != '\0';
    if (!failed) {
        world_deinit(world);
        assert_int_equal(world->live_bytes, 0);
    }
    free(world);
    if (failed)
        fail_msg("%s", failure);
}

/* Seeds of one kind, by default and in a soak. */
struct kind {
    const char *name;
    struct scale scale;
    unsigned n_seeds, n_seeds_max;
};

#define SMALL .n_proxies = 8, .n_devices = 100, .trouble_ns = 1200 * NS_PER_S, .quiet_ns = 900 * NS_PER_S
#define FULL  .n_proxies = 50, .n_devices = 2000, .trouble_ns = 2700 * NS_PER_S, .quiet_ns = 900 * NS_PER_S

static const struct kind kinds[] = {
    {"small", {SMALL}, 20, 100},
    {"small_out_of_memory", {SMALL, .no_memory = 300}, 10, 100},
    {"full", {FULL}, 1, 100},
    {"full_out_of_memory", {FULL, .no_memory = 1000}, 1, 10},
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]), RUNS_MAX = 310 };

int main(void)
{
    static struct run runs[RUNS_MAX];
    static struct CMUnitTest tests[RUNS_MAX];
    const char *size = getenv("BLEPROXY_TEST_SIZE"), *only = getenv("BLEPROXY_TEST_ONLY");
    unsigned long scale = size ? strtoul(size, NULL, 10) : 1;
    unsigned n = 0;
    for (const struct kind *kind = kinds; kind < kinds + N_KINDS; kind++) {
        for (unsigned seed = 0; seed < kind->n_seeds * scale && seed < kind->n_seeds_max; seed++) {
            struct run *run = &runs[n];
            *run = (struct run){.scale = &kind->scale, .seed = seed};
            snprintf(run->name, sizeof(run->name), "%s_seed_%u", kind->name, seed);
            if (only && strcmp(only, run->name) != 0)
                continue;
            tests[n++] = (struct CMUnitTest){.name = run->name, .test_func = simulate, .initial_state = run};
        }
    }
    return _cmocka_run_group_tests("simulation", tests, n, NULL, NULL);
}
