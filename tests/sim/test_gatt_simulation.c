/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "program.h"
#include "runs.h"
#include "watch.h"
#include <stdlib.h>
#include <string.h>

/* After that proxies are connected again, even if three addresses had to be tried, and no link is left. */
#define DUST_NS (300 * NS_PER_S)
/* One world in so many ends in the middle of everything. */
enum { ABORTED_EVERY = 8 };

/* What connections need, and what is known of devices. */
enum { BYTES_PER_PROXY = 48 * 1024, BYTES_PER_DEVICE = 2 * 1024, BYTES_PER_PROGRAM = 8 * 1024 };

static void leave(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_programs; i++)
        program_leave(&world->programs[i]);
}

static void abort_all(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_programs; i++)
        world->programs[i].leaving = true;
    world_free_central(world);
    for (unsigned i = 0; i < world->scale.n_programs; i++)
        program_check_aborted(&world->programs[i]);
}

static void check_memory(struct world *world)
{
    size_t bound = (size_t)world->scale.n_proxies * BYTES_PER_PROXY +
                   (size_t)world->scale.n_devices * BYTES_PER_DEVICE +
                   (size_t)world->scale.n_programs * BYTES_PER_PROGRAM;
    world_expect(world, world->peak_bytes <= bound, "memory grew to %zu bytes, over %zu", world->peak_bytes,
                 bound);
}

static void simulate(void **state)
{
    const struct run *run = *state;
    struct world *world = malloc(sizeof(*world));
    assert_non_null(world);
    world_init(world, run->scale, run->seed);
    watch_init(world);
    world_run_until(world, world->end_of_trouble_ns + run->scale->quiet_ns);
    if (run->seed % ABORTED_EVERY == ABORTED_EVERY - 1)
        abort_all(world);
    else
        leave(world);
    world_run_until(world, world->now_ns + DUST_NS);
    watch_check_end(world);
    check_memory(world);
    world_stop(world);
    print_message(
        "# %s: %.0f s, %llu operations, %llu links, %llu in peace, %llu values, %llu sessions, %llu "
        "faults, peak %zu bytes\n",
        run->name, (double)(run->scale->trouble_ns + run->scale->quiet_ns + DUST_NS) / 1e9,
        (unsigned long long)world->n_tasks, (unsigned long long)world->n_links,
        (unsigned long long)world->n_links_in_peace, (unsigned long long)world->n_values,
        (unsigned long long)world->n_sessions, (unsigned long long)world->n_faults, world->peak_bytes);
    world_expect(world, world->n_links > 0 && world->n_turns > 0, "no link came up");
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
    .n_proxies = 4, .n_devices = 16, .n_programs = 6, .trouble_ns = 120 * NS_PER_S,                          \
    .quiet_ns = 90 * NS_PER_S, .haste = 6
#define FULL                                                                                                 \
    .n_proxies = 20, .n_devices = 104, .n_programs = 30, .trouble_ns = 480 * NS_PER_S,                       \
    .quiet_ns = 120 * NS_PER_S, .haste = 6

static const struct kind kinds[] = {
    {"gatt_small", {SMALL}, 60, 500},
    {"gatt_small_out_of_memory", {SMALL, .no_memory = 300}, 30, 500},
    {"gatt_small_reference", {SMALL, .reference = BLEPROXY_RULE_ROUTING}, 10, 100},
    {"gatt_full", {FULL}, 4, 1000},
    {"gatt_full_out_of_memory", {FULL, .no_memory = 1000}, 2, 200},
};

int main(void)
{
    return runs_main("gatt_simulation", kinds, sizeof(kinds) / sizeof(kinds[0]), simulate);
}
