/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "central/central.h"
#include "sim/dice.h"
#include "street.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The power of the whole house fails for a moment; first within the first hour, and then when most is known: just before
 * the hub looks, every 30 s, who is gone, and in a siege when a proxy has been mad for long. More often one proxy
 * alone is without power. */
#define OUTAGE_FIRST_NS (1259 * NS_PER_S)
#define OUTAGE_LEAST_NS (4000 * NS_PER_S)
#define OUTAGE_MOST_NS  (5800 * NS_PER_S)
#define OUTAGE_NS       (15 * NS_PER_S)
#define RUSH_AFTER_NS   (60 * NS_PER_S) /* when all are back */
#define BLINK_EVERY_NS  (1800 * NS_PER_S)
#define BLINK_NS        (15 * NS_PER_S)

enum { HEADER = 16 };

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failure[0] != '\0')
        return;
    int used = snprintf(world->failure, sizeof(world->failure),
                        "at %.3f s: ", (double)(world->now_ns - world->begin_ns) / 1e9);
    va_list args;
    va_start(args, format);
    vsnprintf(world->failure + used, sizeof(world->failure) - (size_t)used, format, args);
    va_end(args);
}

uint64_t world_dice(const struct world *world, uint64_t who, uint64_t n)
{
    return dice_mix(dice_mix(world->seed, who), n);
}

/* ---- The library's surroundings ---- */

static unsigned era(const struct world *world)
{
    return world->now_ns - world->begin_ns < 3600 * NS_PER_S ? FIRST_HOUR : AFTERWARDS;
}

/* Blocks carry their size in front of them. */
static void *reallocate(void *user, void *block, size_t size)
{
    struct world *world = user;
    uint8_t *old = block ? (uint8_t *)block - HEADER : NULL;
    size_t old_size = 0;
    if (old)
        memcpy(&old_size, old, sizeof(old_size));
    world->live_bytes -= old_size;
    if (size == 0) {
        free(old);
        return NULL;
    }
    uint8_t *grown = realloc(old, HEADER + size);
    if (!grown)
        abort();
    memcpy(grown, &size, sizeof(size));
    world->live_bytes += size;
    size_t *peak = &world->peak_bytes[era(world)];
    if (world->live_bytes > *peak)
        *peak = world->live_bytes;
    return grown + HEADER;
}

static void fill_random(void *user, void *buf, size_t size)
{
    struct world *world = user;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buf)[i] = (uint8_t)dice_roll(&world->library_dice);
}

static void print_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                      const char *text)
{
    const struct world *world = user;
    (void)level;
    printf("# %.3f %s %s: %s\n", (double)(world->now_ns - world->begin_ns) / 1e9, room, proxy ? proxy : "",
           text);
}

/* ---- Time ---- */

void world_after(struct world *world, uint64_t delay_ns, event_fn *run, void *what, uint64_t detail)
{
    agenda_add(&world->agenda, time_after(world->now_ns, delay_ns), run, what, detail);
}

void world_run(struct world *world, uint64_t duration_ns)
{
    uint64_t until_ns = world->now_ns + duration_ns;
    struct event event;
    while (world->failure[0] == '\0' && agenda_take(&world->agenda, until_ns, &event)) {
        world->now_ns = event.at_ns;
        event.run(world, event.what, event.detail);
    }
    world->now_ns = until_ns;
}

static void touch_hub(void *user);

static void wake_hub(struct world *world, void *what, uint64_t due_ns)
{
    (void)what;
    if (due_ns != world->hub_wake_ns)
        return;
    world->hub_wake_ns = BP_NEVER;
    hub_tick(world->hub, world->now_ns);
    size_t n = hub_n_devices(world->hub), *peak = &world->peak_devices[era(world)];
    *peak = n > *peak ? n : *peak;
    touch_hub(world);
}

static void touch_hub(void *user)
{
    struct world *world = user;
    uint64_t due_ns = hub_deadline(world->hub);
    if (due_ns < world->now_ns)
        due_ns = world->now_ns;
    if (due_ns >= world->hub_wake_ns)
        return;
    world->hub_wake_ns = due_ns;
    agenda_add(&world->agenda, due_ns, wake_hub, NULL, due_ns);
}

static void touch_central(void *user);

static void wake_central(struct world *world, void *what, uint64_t due_ns)
{
    (void)what;
    if (due_ns != world->central_wake_ns)
        return;
    world->central_wake_ns = BP_NEVER;
    central_tick(world->central, world->now_ns);
    touch_central(world);
}

static void touch_central(void *user)
{
    struct world *world = user;
    uint64_t due_ns = central_deadline(world->central);
    if (due_ns < world->now_ns)
        due_ns = world->now_ns;
    if (due_ns >= world->central_wake_ns)
        return;
    world->central_wake_ns = due_ns;
    agenda_add(&world->agenda, due_ns, wake_central, NULL, due_ns);
}

/* ---- Power ---- */

static void rush(struct world *world, void *what, uint64_t detail)
{
    (void)what, (void)detail;
    errands_rush(world);
}

static void fail_power(struct world *world, void *what, uint64_t n)
{
    (void)what;
    world->n_outages++;
    for (unsigned i = 0; i < PROXIES; i++)
        box_power_off(&world->boxes[i], OUTAGE_NS);
    world_after(world, OUTAGE_NS + RUSH_AFTER_NS, rush, NULL, 0);
    uint64_t dice = world_dice(world, DICE_POWER, n);
    world_after(world, between_ns(dice, OUTAGE_LEAST_NS, OUTAGE_MOST_NS), fail_power, NULL, n + 1);
}

static void blink(struct world *world, void *what, uint64_t n)
{
    (void)what;
    uint64_t dice = world_dice(world, DICE_POWER + 1, n);
    box_power_off(&world->boxes[dice % PROXIES], BLINK_NS);
    world_after(world, BLINK_EVERY_NS + dice % BLINK_EVERY_NS, blink, NULL, n + 1);
}

/* ---- All of it ---- */

void world_init(struct world *world, const struct scale *scale, uint64_t seed)
{
    *world = (struct world){.scale = *scale,
                            .seed = seed,
                            .now_ns = 1000 * NS_PER_S,
                            .begin_ns = 1000 * NS_PER_S,
                            .library_dice = seed,
                            .hub_wake_ns = BP_NEVER,
                            .central_wake_ns = BP_NEVER};
    world->env = (struct env){.user = world, .reallocate = reallocate, .random = fill_random};
    if (getenv("BLEPROXY_TEST_LOG")) {
        world->env.log = print_log;
        world->env.log_level = BLEPROXY_LOG_DEBUG;
    }
    const struct bleproxy_hub_options options = {.reference = scale->reference};
    if (hub_new(&world->env, &options, world->now_ns, &world->hub) < 0)
        abort();
    hub_watch_deadline(world->hub, touch_hub, world);
    touch_hub(world);
    const struct central_config config = {.env = &world->env,
                                          .hub = world->hub,
                                          .reference = scale->reference,
                                          .on_deadline = touch_central,
                                          .user = world};
    if (central_new(&config, &world->central) < 0)
        abort();
    for (unsigned i = 0; i < PROXIES; i++)
        box_init(&world->boxes[i], world, i);
    dwellers_init(world);
    errands_init(world);
    keepers_init(world);
    street_init(world);
    world_after(world, OUTAGE_FIRST_NS, fail_power, NULL, 0);
    world_after(world, BLINK_EVERY_NS, blink, NULL, 0);
}

void world_deinit(struct world *world)
{
    errands_deinit(world);
    keepers_deinit(world);
    central_free(world->central, world->now_ns);
    for (unsigned i = 0; i < PROXIES; i++)
        box_deinit(&world->boxes[i]);
    hub_free(world->hub, world->now_ns);
    agenda_deinit(&world->agenda);
}
