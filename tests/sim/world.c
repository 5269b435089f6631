/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "central/central.h"
#include "device.h"
#include "faults.h"
#include "home.h"
#include "house.h"
#include "program.h"
#include "seeker.h"
#include "watch.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every stop is over after that. */
#define STOP_NS (16 * NS_PER_S)
/* So much at one instant means that the clock stands still. */
enum { AT_ONCE_MAX = 200000, HEADER = 16 };

uint64_t world_chance(struct world *world, uint64_t n)
{
    uint64_t x = world->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    world->random = x;
    return (x * UINT64_C(0x2545F4914F6CDD1D) >> 20) % n;
}

uint64_t world_between(struct world *world, uint64_t least_ns, uint64_t most_ns)
{
    return least_ns + world_chance(world, most_ns - least_ns + 1);
}

uint64_t world_moment(struct world *world, uint64_t least_ns, uint64_t most_ns)
{
    return world_between(world, least_ns, most_ns) / world->scale.haste;
}

bool world_is_in_trouble(const struct world *world)
{
    return world->now_ns < world->end_of_trouble_ns;
}

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failure[0] != '\0')
        return;
    int used = snprintf(world->failure, sizeof(world->failure), "at %.3f s: ", (double)world->now_ns / 1e9);
    va_list args;
    va_start(args, format);
    vsnprintf(world->failure + used, sizeof(world->failure) - (size_t)used, format, args);
    va_end(args);
}

/* Blocks carry their size in front of them. */
static void *reallocate(void *user, void *block, size_t size)
{
    struct world *world = user;
    uint8_t *old = block ? (uint8_t *)block - HEADER : NULL;
    size_t old_size = 0;
    if (old)
        memcpy(&old_size, old, sizeof(old_size));
    if (size == 0) {
        world->live_bytes -= old_size;
        free(old);
        return NULL;
    }
    if (world->scale.no_memory && world_is_in_trouble(world) &&
        world_chance(world, world->scale.no_memory) == 0)
        return NULL;
    uint8_t *grown = realloc(old, HEADER + size);
    if (!grown)
        abort();
    memcpy(grown, &size, sizeof(size));
    world->live_bytes += size - old_size;
    if (world->live_bytes > world->peak_bytes)
        world->peak_bytes = world->live_bytes;
    return grown + HEADER;
}

static void fill_random(void *user, void *buf, size_t size)
{
    uint8_t *out = buf;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)world_chance(user, 256);
}

static void print_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                      const char *text)
{
    const struct world *world = user;
    (void)level;
    printf("# %.3f %s %s: %s\n", (double)world->now_ns / 1e9, room, proxy ? proxy : "", text);
}

void world_at(struct world *world, uint64_t at_ns, event_fn *run, void *what, uint64_t detail)
{
    agenda_add(&world->agenda, at_ns, run, what, detail);
}

void world_after(struct world *world, uint64_t delay_ns, event_fn *run, void *what, uint64_t detail)
{
    world_at(world, time_after(world->now_ns, delay_ns), run, what, detail);
}

void world_run_until(struct world *world, uint64_t until_ns)
{
    struct event event;
    while (world->failure[0] == '\0' && agenda_take(&world->agenda, until_ns, &event)) {
        world->n_at_once = event.at_ns == world->now_ns ? world->n_at_once + 1 : 0;
        world_expect(world, world->n_at_once < AT_ONCE_MAX, "time does not pass any more");
        world->now_ns = event.at_ns;
        event.run(world, event.what, event.detail);
    }
    world->now_ns = until_ns;
}

static void wake_hub(struct world *world, void *what, uint64_t detail)
{
    (void)what;
    if (detail != world->hub_wake_ns)
        return;
    world->hub_wake_ns = BP_NEVER;
    hub_tick(world->hub, world->now_ns);
    world_touch_hub(world);
}

void world_touch_hub(struct world *world)
{
    uint64_t deadline_ns = hub_deadline(world->hub);
    if (deadline_ns >= world->hub_wake_ns)
        return;
    world->hub_wake_ns = deadline_ns > world->now_ns ? deadline_ns : world->now_ns;
    world_at(world, world->hub_wake_ns, wake_hub, NULL, world->hub_wake_ns);
}

static void on_hub_deadline(void *user)
{
    world_touch_hub(user);
}

static void touch_central(struct world *world);

static void wake_central(struct world *world, void *what, uint64_t detail)
{
    (void)what;
    if (!world->central || detail != world->central_wake_ns)
        return;
    world->central_wake_ns = BP_NEVER;
    central_tick(world->central, world->now_ns);
    watch_turns(world);
    touch_central(world);
}

static void touch_central(struct world *world)
{
    uint64_t deadline_ns = central_deadline(world->central);
    if (deadline_ns < world->now_ns)
        deadline_ns = world->now_ns;
    if (deadline_ns >= world->central_wake_ns)
        return;
    world->central_wake_ns = deadline_ns;
    world_at(world, deadline_ns, wake_central, NULL, deadline_ns);
}

static void on_central_deadline(void *user)
{
    touch_central(user);
}

/* All of what connections need: the trouble has not begun to want memory. */
static void central_init(struct world *world)
{
    uint32_t n_connectable = world->scale.n_programs > 0 ? world->scale.n_devices : GATT_N_MODELS;
    const struct radio_config radio = {.seed = world->seed,
                                       .payload = RADIO_LIFE,
                                       .families = (n_connectable + GATT_N_MODELS - 1) / GATT_N_MODELS,
                                       .rate = RADIO_RATE_NATURAL};
    const struct central_config config = {.env = &world->env,
                                          .hub = world->hub,
                                          .reference = world->scale.reference,
                                          .on_deadline = on_central_deadline,
                                          .user = world};
    if (radio_new(&radio, &world->env, world->now_ns, &world->radio) < 0 ||
        central_new(&config, &world->central) < 0)
        abort();
}

static void calm_down(struct world *world, void *what, uint64_t detail)
{
    (void)what;
    (void)detail;
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        world->houses[i].proxy.gatt.faults = (struct sim_link_faults){0};
}

void world_init(struct world *world, const struct scale *scale, uint64_t seed)
{
    *world = (struct world){.scale = *scale,
                            .seed = seed,
                            .now_ns = 1000 * NS_PER_S,
                            .random = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15),
                            .hub_wake_ns = BP_NEVER,
                            .central_wake_ns = BP_NEVER};
    world->env = (struct env){.user = world, .reallocate = reallocate, .random = fill_random};
    if (getenv("BLEPROXY_TEST_LOG")) {
        world->env.log = print_log;
        world->env.log_level = BLEPROXY_LOG_DEBUG;
    }
    gate_init(&world->gate, 0);
    if (hub_new(&world->env, NULL, world->now_ns, &world->hub) < 0)
        abort();
    hub_watch_deadline(world->hub, on_hub_deadline, world);
    central_init(world);
    world->end_of_trouble_ns = world->now_ns + scale->trouble_ns;
    world->houses = calloc(scale->n_proxies, sizeof(*world->houses));
    world->homes = calloc(scale->n_proxies, sizeof(*world->homes));
    world->devices = calloc(scale->n_devices, sizeof(*world->devices));
    world->scale.no_memory = 0; /* not yet */
    world->programs = calloc(scale->n_programs + 1, sizeof(*world->programs));
    world->seekers = calloc(scale->n_seekers + 1, sizeof(*world->seekers));
    if (!world->houses || !world->homes || !world->devices || !world->programs || !world->seekers)
        abort();
    for (unsigned i = 0; i < scale->n_proxies; i++) {
        house_init(&world->houses[i], world, i);
        home_init(&world->homes[i], world, i);
    }
    devices_init(world);
    for (unsigned i = 0; i < scale->n_programs; i++)
        program_init(&world->programs[i], world, i);
    for (unsigned i = 0; i < scale->n_seekers; i++)
        seeker_init(&world->seekers[i], world, i);
    faults_init(world);
    world->scale.no_memory = scale->no_memory;
    world_at(world, world->end_of_trouble_ns, calm_down, NULL, 0);
}

void world_stop(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        home_leave(&world->homes[i]);
    world_run_until(world, world->now_ns + STOP_NS);
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        home_check_left(&world->homes[i]);
}

void world_free_central(struct world *world)
{
    struct central *central = world->central;
    world->central = NULL;
    central_free(central, world->now_ns);
}

void world_deinit(struct world *world)
{
    world_free_central(world);
    for (unsigned i = 0; i < world->scale.n_programs; i++)
        program_deinit(&world->programs[i]);
    for (unsigned i = 0; i < world->scale.n_proxies; i++) {
        home_deinit(&world->homes[i]);
        house_deinit(&world->houses[i]);
    }
    radio_free(world->radio);
    hub_free(world->hub, world->now_ns);
    free(world->houses);
    free(world->homes);
    free(world->devices);
    free(world->programs);
    free(world->seekers);
    agenda_deinit(&world->agenda);
}
