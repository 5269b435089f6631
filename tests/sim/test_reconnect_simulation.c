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
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BYTES_PER_PROXY = 96 * 1024,
    CUT_S = 180,         /* when the power fails; all are connected by then */
    BACK_S = 5,          /* and is back everywhere */
    SLOWEST_S = 60 + 10, /* the longest pause, and an attempt */
    DOWN_S =
        SLOWEST_S + 32, /* and what TCP waits at most until it sends a SYN again that was lost meanwhile */
    STEP_S = 5,         /* between looks at a month */
    /* The longest usual silence: between two reports, one of which a stall delays. */
    SILENCE_S = 61 + 180,
    /* The longest that one may stay deaf: four such silences are waited for, and one after each of three rungs. */
    DEAF_S = 4 * SILENCE_S + 3 * (30 + SILENCE_S),
};

static void run(const struct run *run, struct world **ret_world)
{
    struct world *world = malloc(sizeof(*world));
    assert_non_null(world);
    world_init(world, run->scale, run->seed);
    *ret_world = world;
}

static void conclude(struct world *world)
{
    world_expect(world, world->peak_bytes <= (size_t)world->scale.n_proxies * BYTES_PER_PROXY,
                 "memory grew to %zu bytes", world->peak_bytes);
    world_expect(world, world->gate.peak <= GATE_DEFAULT, "%u attempts at once", world->gate.peak);
    world_stop(world);
    char failure[sizeof(world->failure)];
    memcpy(failure, world->failure, sizeof(failure));
    bool failed = failure[0] != '\0';
    if (!failed) {
        world_deinit(world);
        assert_int_equal(world->live_bytes, 0);
        assert_int_equal(world->gate.n_inside, 0);
    }
    free(world);
    if (failed)
        fail_msg("%s", failure);
}

static bool is_connected(const struct home *home)
{
    const struct house *house = &home->world->houses[home->index];
    return house->is_foreign || (home->manager && manager_state(home->manager) == BLEPROXY_PROXY_READY &&
                                 house->proxy.server && !list_empty(&house->links));
}

static unsigned n_connected(const struct world *world)
{
    unsigned n = 0;
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        n += is_connected(&world->homes[i]);
    return n;
}

/* Two hundred proxies lose their power together. */
static void power_cut(void **state)
{
    const struct run *which = *state;
    struct world *world;
    run(which, &world);
    clock_t begun = clock();
    uint64_t start_ns = world->now_ns, back_ns = start_ns + (CUT_S + BACK_S) * NS_PER_S;
    world_run_until(world, start_ns + CUT_S * NS_PER_S - 1);
    world_expect(world, n_connected(world) == world->scale.n_proxies, "only %u were connected at first",
                 n_connected(world));
    uint64_t n_before = world->agenda.n_ever, n_sessions = world->n_sessions;
    world_run_until(world, back_ns);
    while (n_connected(world) < world->scale.n_proxies && world->now_ns < back_ns + 600 * NS_PER_S &&
           world->failure[0] == '\0')
        world_run_until(world, world->now_ns + NS_PER_S / 4);
    double took_s = (double)(world->now_ns - back_ns) / 1e9;
    world_expect(world, took_s <= SLOWEST_S, "all were connected again after %.1f s, not %d", took_s,
                 SLOWEST_S);
    world_expect(world, world->n_sessions > n_sessions, "nothing was lost");
    world_expect(world, world->agenda.n_ever - n_before <= UINT64_C(2000) * world->scale.n_proxies,
                 "%llu events", (unsigned long long)(world->agenda.n_ever - n_before));
    print_message(
        "# %s: all %u connected %.1f s after the power was back, %u attempts at once, %llu events, peak %zu "
        "bytes, %.1f s of CPU\n",
        which->name, world->scale.n_proxies, took_s, world->gate.peak,
        (unsigned long long)(world->agenda.n_ever - n_before), world->peak_bytes,
        (double)(clock() - begun) / CLOCKS_PER_SEC);
    conclude(world);
}

/* What is looked at of a proxy all the time. */
struct record {
    uint64_t up, looks, deaf;  /* looks at which it was so */
    uint64_t down_ns, deaf_ns; /* since when it is down although it could be up, or deaf; 0: it is not */
    uint64_t longest_down_ns, longest_deaf_ns;
};

static bool could_be_up(const struct home *home)
{
    const struct house *house = &home->world->houses[home->index];
    uint64_t now_ns = home->world->now_ns;
    return house->proxy.server && now_ns >= house->cut_until_ns && now_ns >= home->no_lookups_until_ns;
}

static void note(uint64_t *since_ns, uint64_t *longest_ns, bool is_so, uint64_t now_ns)
{
    if (!is_so)
        *since_ns = 0;
    else if (*since_ns == 0)
        *since_ns = now_ns;
    else if (now_ns - *since_ns > *longest_ns)
        *longest_ns = now_ns - *since_ns;
}

static void look(const struct home *home, struct record *record)
{
    uint64_t now_ns = home->world->now_ns;
    const struct house *house = &home->world->houses[home->index];
    bool is_up = home->manager && manager_state(home->manager) == BLEPROXY_PROXY_READY;
    bool is_deaf = is_up && house->proxy.server && server_is_deaf(house->proxy.server);
    record->looks++;
    record->up += is_up && !is_deaf;
    record->deaf += is_deaf;
    note(&record->down_ns, &record->longest_down_ns, !is_up && could_be_up(home), now_ns);
    note(&record->deaf_ns, &record->longest_deaf_ns, is_deaf, now_ns);
}

/* One that has nothing to hear cannot be known to be deaf. */
static bool has_devices(const struct world *world, unsigned proxy)
{
    for (unsigned i = 0; i < world->scale.n_devices; i++)
        for (unsigned j = 0; j < world->devices[i].n_hearers; j++)
            if (world->devices[i].hearers[j].house == proxy)
                return true;
    return false;
}

static void month(void **state)
{
    const struct run *which = *state;
    struct world *world;
    run(which, &world);
    struct record *records = calloc(world->scale.n_proxies, sizeof(*records));
    assert_non_null(records);
    uint64_t end_ns = world->end_of_trouble_ns;
    while (world->now_ns < end_ns && world->failure[0] == '\0') {
        world_run_until(world, world->now_ns + STEP_S * NS_PER_S);
        for (unsigned i = 0; i < world->scale.n_proxies; i++)
            look(&world->homes[i], &records[i]);
    }
    print_message("# %s: %.1f days, %llu faults, %llu sessions; up, longest down, longest deaf:", which->name,
                  (double)world->scale.trouble_ns / 86400e9, (unsigned long long)world->n_faults,
                  (unsigned long long)world->n_sessions);
    for (unsigned i = 0; i < world->scale.n_proxies; i++) {
        const struct record *record = &records[i];
        if (world->houses[i].is_foreign)
            continue;
        bool knows = has_devices(world, i);
        double up = (double)(record->up + (knows ? 0 : record->deaf)) / (double)record->looks;
        unsigned down_s = (unsigned)(record->longest_down_ns / NS_PER_S);
        unsigned deaf_s = (unsigned)(record->longest_deaf_ns / NS_PER_S);
        print_message(" %u %.2f %% %u s %u s;", i, 100 * up, down_s, deaf_s);
        world_expect(world, down_s <= DOWN_S + STEP_S, "proxy %u was down for %u s while it could be up", i,
                     down_s);
        world_expect(world, !knows || deaf_s <= DEAF_S, "proxy %u was deaf for %u s", i, deaf_s);
        world_expect(world, up > 0.95, "proxy %u was available for %.2f %% of the time", i, 100 * up);
    }
    print_message("\n");
    free(records);
    conclude(world);
}

static void simulate(void **state)
{
    const struct run *which = *state;
    if (which->scale->one_cut)
        power_cut(state);
    else
        month(state);
}

#define DAY (24 * 3600 * NS_PER_S)

static const struct kind kinds[] = {
    {"power_cut",
     {.n_proxies = 200,
      .n_devices = 100,
      .trouble_ns = 3600 * NS_PER_S,
      .lifelike = true,
      .one_cut = true,
      .cut_ns = CUT_S * NS_PER_S,
      .haste = 1},
     2,
     100},
    {"days", {.n_proxies = 8, .n_devices = 32, .trouble_ns = DAY, .lifelike = true, .haste = 1}, 2, 20},
    {"month",
     {.n_proxies = 200, .n_devices = 100, .trouble_ns = 30 * DAY, .lifelike = true, .haste = 1},
     0,
     1},
};

int main(void)
{
    return runs_main("reconnect", kinds, sizeof(kinds) / sizeof(kinds[0]), simulate);
}
