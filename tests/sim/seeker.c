/* SPDX-License-Identifier: MIT */
#include "seeker.h"

#include "device.h"
#include "home.h"
#include "house.h"
#include "hub/scanner.h"
#include <bleproxy/error.h>

/* So much time a seeker lets pass between two things that he does. */
#define PAUSE_MOST_NS (40 * NS_PER_S)
/* A sweep may be made longer by others, again and again, but not for ever. */
#define SWEEP_MOST_NS (900 * NS_PER_S)
/* After the trouble: everybody but the first has gone by then, and all proxies are connected. */
#define CALM_NS (600 * NS_PER_S)
/* What a proxy is told takes effect within. */
#define LATENCY_NS (5 * NS_PER_S)

static void seek(struct seeker *seeker);

static void on_swept(void *user, int error, bool scanned)
{
    struct awaited *awaited = user;
    struct seeker *seeker = awaited->seeker;
    struct world *world = seeker->world;
    (void)scanned;
    world_expect(world, awaited->sweep, "a sweep was over twice");
    world_expect(world, error == 0 || (error == BLEPROXY_E_CANCELLED && awaited->cancelling),
                 "a sweep ended with error %d", error);
    world_expect(world, world->now_ns - awaited->begun_ns <= SWEEP_MOST_NS, "a sweep took too long");
    awaited->sweep = NULL;
    world->n_sweeps++;
    if (!seeker->leaving && world_chance(world, 4) == 0)
        seek(seeker); /* from within */
}

static void begin_sweep(struct seeker *seeker, struct awaited *awaited)
{
    struct world *world = seeker->world;
    *awaited = (struct awaited){.seeker = seeker, .begun_ns = world->now_ns};
    int error = hub_sweep(world->hub, (uint32_t)world_chance(world, 50000), on_swept, awaited, world->now_ns,
                          &awaited->sweep);
    world_expect(world, error == 0 || error == BLEPROXY_E_NOMEM, "a sweep is refused with %d", error);
}

static void cancel_sweep(struct awaited *awaited)
{
    if (!awaited->sweep || awaited->cancelling)
        return;
    awaited->cancelling = true;
    bleproxy_sweep_cancel(awaited->sweep);
}

static void change_request(struct seeker *seeker, struct bleproxy_active_scan **request)
{
    struct world *world = seeker->world;
    if (*request) {
        bleproxy_active_scan_free(*request);
        *request = NULL;
        return;
    }
    const struct device *device = &world->devices[world_chance(world, world->scale.n_devices)];
    uint32_t interval_ms = 60000 + (uint32_t)world_chance(world, 300000);
    uint32_t duration_ms = 5000 + (uint32_t)world_chance(world, 40000);
    int error = hub_request_active_scan(world->hub, device->address, interval_ms, duration_ms, world->now_ns,
                                        request);
    world_expect(world, error == 0 || error == BLEPROXY_E_NOMEM, "a request is refused with %d", error);
}

static void change_scan(struct seeker *seeker, enum bleproxy_scanner_mode mode)
{
    struct world *world = seeker->world;
    if (seeker->scan) {
        bleproxy_scan_request_free(seeker->scan);
        seeker->scan = NULL;
        return;
    }
    int error = hub_request_scan(world->hub, mode, &seeker->scan);
    world_expect(world, error == 0 || error == BLEPROXY_E_NOMEM, "scanning is refused with %d", error);
}

static void seek(struct seeker *seeker)
{
    struct world *world = seeker->world;
    struct awaited *awaited = &seeker->sweeps[world_chance(world, SWEEPS_MAX)];
    switch (world_chance(world, 6)) {
    case 0:
    case 1:
        change_request(seeker, &seeker->requests[world_chance(world, SEEKS_MAX)]);
        break;
    case 2:
        change_scan(seeker, world_chance(world, 2) ? BLEPROXY_MODE_ACTIVE : BLEPROXY_MODE_PASSIVE);
        break;
    case 3:
    case 4:
        if (!awaited->sweep)
            begin_sweep(seeker, awaited);
        break;
    case 5:
        cancel_sweep(awaited);
        break;
    }
    world_touch_hub(world);
}

static void wake(struct world *world, void *what, uint64_t detail)
{
    struct seeker *seeker = what;
    (void)detail;
    if (seeker->leaving)
        return;
    seek(seeker);
    world_after(world, world_between(world, 0, PAUSE_MOST_NS), wake, seeker, 0);
}

/* The first one goes on wanting passive scanning for a while. */
static void leave(struct world *world, void *what, uint64_t detail)
{
    struct seeker *seeker = what;
    (void)detail;
    seeker->leaving = true;
    for (unsigned i = 0; i < SEEKS_MAX; i++)
        if (seeker->requests[i])
            change_request(seeker, &seeker->requests[i]);
    if (seeker->scan)
        change_scan(seeker, BLEPROXY_MODE_NONE);
    if (seeker->index == 0)
        change_scan(seeker, BLEPROXY_MODE_PASSIVE);
    world_touch_hub(world);
}

static bool has_window_nearby(const struct world *world, const struct home *home, bool *ret_open)
{
    struct bleproxy_auto_scan info;
    uint64_t source = scanner_source(manager_scanner(home->manager));
    *ret_open = false;
    if (hub_get_auto_scan(world->hub, source, &info) < 0)
        return false;
    *ret_open = info.window_open;
    uint64_t end_ns = info.window_ns + info.window_ms * NS_PER_MS;
    return world->now_ns - info.window_ns < LATENCY_NS ||
           (end_ns < world->now_ns + LATENCY_NS && world->now_ns < end_ns + LATENCY_NS);
}

/* Firmware that does not say how it is configured may be left as an earlier manager left it. */
static void check_mode(struct world *world, const struct home *home, enum bleproxy_scanner_mode unpinned)
{
    const struct house *house = &world->houses[home->index];
    bool open;
    if (house->is_foreign || !house->profile->configured_mode || !home_is_settled(home) ||
        has_window_nearby(world, home, &open))
        return;
    enum bleproxy_scanner_mode expected = home->scan_mode;
    if (expected == BLEPROXY_MODE_NONE)
        expected = unpinned;
    if (expected == BLEPROXY_MODE_AUTO)
        expected = open ? BLEPROXY_MODE_ACTIVE : BLEPROXY_MODE_PASSIVE;
    enum bleproxy_scanner_mode mode = server_scanner_mode(house->proxy.server);
    world_expect(world, mode == expected, "house %u scans in mode %u, not %u", home->index, (unsigned)mode,
                 (unsigned)expected);
    world->n_checked++;
}

static void check_modes(struct world *world, enum bleproxy_scanner_mode unpinned)
{
    for (unsigned i = 0; i < world->scale.n_proxies; i++)
        check_mode(world, &world->homes[i], unpinned);
}

static void check_passive(struct world *world, void *what, uint64_t detail)
{
    struct seeker *seeker = what;
    (void)detail;
    check_modes(world, BLEPROXY_MODE_PASSIVE);
    change_scan(seeker, BLEPROXY_MODE_NONE);
    world_touch_hub(world);
}

void seeker_init(struct seeker *seeker, struct world *world, unsigned index)
{
    *seeker = (struct seeker){.world = world, .index = index};
    world_after(world, world_between(world, 0, PAUSE_MOST_NS), wake, seeker, 0);
    world_at(world, world->end_of_trouble_ns, leave, seeker, 0);
    if (index == 0)
        world_at(world, world->end_of_trouble_ns + CALM_NS, check_passive, seeker, 0);
}

void seekers_check(struct world *world)
{
    for (unsigned i = 0; i < world->scale.n_seekers; i++)
        for (unsigned j = 0; j < SWEEPS_MAX; j++)
            world_expect(world, !world->seekers[i].sweeps[j].sweep, "a sweep never ends");
    if (world->scale.n_seekers > 0)
        check_modes(world, BLEPROXY_MODE_ACTIVE);
}
