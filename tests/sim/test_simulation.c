/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device.h"
#include "home.h"
#include "house.h"
#include "runs.h"
#include "seeker.h"
#include <stdlib.h>
#include <string.h>

/* Both ends of a connection with a full send buffer, and what is kept of a device per proxy that hears it. */
enum { BYTES_PER_PROXY = 96 * 1024, BYTES_PER_REPORTER = 512 };

static void check_end(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        world_expect(world, home_is_settled(&world->homes[i]),
                     "house %u is not settled, long after the trouble", i);
    devices_check(world);
    seekers_check(world);
    size_t bound = (size_t)world->scale.n_proxies * BYTES_PER_PROXY +
                   (size_t)world->scale.n_devices * HEARERS_MAX * BYTES_PER_REPORTER;
    world_expect(world, world->peak_bytes <= bound, "memory grew to %zu bytes, over %zu", world->peak_bytes,
                 bound);
    world_expect(world, hub_n_devices(world->hub) <= world->scale.n_devices, "more devices than there are");
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
    world_stop(world);
    print_message(
        "# %s: %.0f s, %llu reports, %llu checked, %llu sessions, %llu sweeps, %llu faults, peak %zu bytes\n",
        run->name, (double)(run->scale->trouble_ns + run->scale->quiet_ns) / 1e9,
        (unsigned long long)world->n_reports, (unsigned long long)world->n_checked,
        (unsigned long long)world->n_sessions, (unsigned long long)world->n_sweeps,
        (unsigned long long)world->n_faults, world->peak_bytes);
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

#define SMALL                                                                                                \
    .n_proxies = 8, .n_devices = 100, .trouble_ns = 1200 * NS_PER_S, .quiet_ns = 900 * NS_PER_S, .haste = 1
#define FULL                                                                                                 \
    .n_proxies = 50, .n_devices = 2000, .trouble_ns = 2700 * NS_PER_S, .quiet_ns = 900 * NS_PER_S, .haste = 1

static const struct kind kinds[] = {
    {"small", {SMALL}, 20, 100},
    {"small_out_of_memory", {SMALL, .no_memory = 300}, 10, 100},
    {"seekers", {SMALL, .n_seekers = 4}, 10, 100},
    {"seekers_out_of_memory", {SMALL, .n_seekers = 4, .no_memory = 300}, 10, 100},
    {"full", {FULL}, 1, 100},
    {"full_seekers", {FULL, .n_seekers = 10}, 1, 20},
    {"full_out_of_memory", {FULL, .no_memory = 1000}, 1, 10},
};

int main(void)
{
    return runs_main("simulation", kinds, sizeof(kinds) / sizeof(kinds[0]), simulate);
}
