/* SPDX-License-Identifier: MIT */
#include "top.h"

#include "describe.h"
#include "hearing.h"
#include "holders.h"
#include <stdlib.h>
#include <string.h>

enum { LATELY_S = 600 };

static double seconds_since(const struct fleet *fleet, uint64_t then_ns)
{
    return (double)(bleproxy_loop_now_ns(fleet->loop) - then_ns) / 1e9;
}

/* ---- Proxies ---- */

static enum top_health health(const struct member *member)
{
    if (member->is_ready)
        return member_is_silent(member) ? TOP_SILENT : TOP_WELL;
    return member->error != 0 || member->was_ready ? TOP_DOWN : TOP_STARTING;
}

static void describe_state(const struct fleet *fleet, const struct member *member, struct top_proxy *proxy)
{
    char since[DESCRIBE_TIME_SIZE];
    switch (proxy->health) {
    case TOP_WELL:
    case TOP_STARTING:
        snprintf(proxy->state, sizeof(proxy->state), "%s", member_state(member));
        break;
    case TOP_SILENT:
        describe_duration(seconds_since(fleet, member->heard_ns), since);
        snprintf(proxy->state, sizeof(proxy->state), "%s %s", member_silence(member, NULL), since);
        break;
    case TOP_DOWN:
        describe_duration(seconds_since(fleet, member->lost_ns > 0 ? member->lost_ns : fleet->started_ns),
                          since);
        snprintf(proxy->state, sizeof(proxy->state), "down %s", since);
        break;
    }
}

/* While it is down what keeps it so is of interest, not what began it; since when is told by the state. */
static void describe_trouble(const struct fleet *fleet, const struct member *member, struct top_proxy *proxy)
{
    char ago[DESCRIBE_TIME_SIZE], wait[64];
    if (proxy->health == TOP_SILENT) {
        const char *text;
        member_silence(member, &text);
        snprintf(proxy->trouble, sizeof(proxy->trouble), "%s", text);
        return;
    }
    bool down = proxy->health == TOP_DOWN;
    const char *why = member_reason(member, down && member->error != 0 ? member->text : member->lost_text);
    if (down || member->lost_ns == 0) {
        snprintf(proxy->trouble, sizeof(proxy->trouble), "%s%s", why,
                 down ? member_wait(member, wait, sizeof(wait)) : "");
        return;
    }
    describe_duration(seconds_since(fleet, member->lost_ns), ago);
    snprintf(proxy->trouble, sizeof(proxy->trouble), "%s ago: %s", ago, why);
    proxy->lost_lately = member->is_ready && seconds_since(fleet, member->lost_ns) < LATELY_S;
}

static void describe_slots(const struct fleet *fleet, const struct member *member, struct top_proxy *proxy)
{
    const struct bleproxy_slots *slots = holders_slots(member);
    if (!slots)
        return;
    proxy->slots_limit = slots->limit;
    proxy->slots_used = slots->free < slots->limit ? slots->limit - slots->free : 0;
    holders_name(fleet, slots, proxy->holders, sizeof(proxy->holders));
}

static void take_proxy(struct top_proxy *proxy, const struct fleet *fleet, const struct member *member,
                       const struct sparkline *history)
{
    *proxy = (struct top_proxy){.health = health(member),
                                .rate = member->is_ready ? member->rate : 0,
                                .n_devices = member->n_devices,
                                .history = *history};
    snprintf(proxy->label, sizeof(proxy->label), "%s", member->label);
    snprintf(proxy->firmware, sizeof(proxy->firmware), "%s", member->firmware);
    describe_state(fleet, member, proxy);
    describe_trouble(fleet, member, proxy);
    describe_slots(fleet, member, proxy);
}

/* ---- Devices ---- */

static void take_device(struct top_device *device, struct fleet *fleet, const struct bleproxy_device *seen,
                        struct hearing *hearings, struct top_hearing *copies)
{
    const struct bleproxy_advertisement *last = bleproxy_device_advertisement(seen);
    const struct member *owner = fleet_find(fleet, last->source);
    size_t n = hearing_list(fleet, seen, hearings);
    *device = (struct top_device){.address = last->address,
                                  .owner = owner ? (size_t)(owner - fleet->members) : TOP_NONE,
                                  .strength_dbm = hearing_strength_dbm(seen),
                                  .age_s = hearing_age_s(fleet, last),
                                  .interval_s = (double)bleproxy_device_interval_ns(seen) / 1e9,
                                  .hearings = copies,
                                  .n_hearings = n};
    describe_name(device_names_show(&fleet->proxies.names, last->address, bleproxy_device_name(seen)),
                  device->name, sizeof(device->name));
    for (size_t i = 0; i < n; i++)
        copies[i] =
            (struct top_hearing){(size_t)(hearings[i].proxy - fleet->members), hearings[i].strength_dbm};
}

static void take_devices(struct top_scene *scene, struct fleet *fleet, struct hearing *hearings,
                         const struct bleproxy_advertisement *const *devices, size_t n_devices)
{
    for (size_t i = 0; i < n_devices; i++) {
        const struct bleproxy_device *device = bleproxy_hub_device(fleet->hub, devices[i]->address);
        if (!device)
            continue;
        take_device(&scene->devices[scene->n_devices], fleet, device, hearings,
                    scene->hearings + scene->n_devices * fleet->n_members);
        scene->n_devices++;
    }
}

bool top_scene_take(struct top_scene *scene, struct fleet *fleet, const struct sparkline *histories,
                    const struct bleproxy_advertisement *const *devices, size_t n_devices)
{
    size_t n_members = fleet->n_members;
    struct hearing *hearings = calloc(n_members + 1, sizeof(*hearings));
    top_scene_clear(scene);
    scene->proxies = calloc(n_members + 1, sizeof(*scene->proxies));
    scene->devices = calloc(n_devices + 1, sizeof(*scene->devices));
    scene->hearings = calloc(n_devices * n_members + 1, sizeof(*scene->hearings));
    bool taken = hearings && scene->proxies && scene->devices && scene->hearings;
    if (taken) {
        for (; scene->n_proxies < n_members; scene->n_proxies++)
            take_proxy(&scene->proxies[scene->n_proxies], fleet, &fleet->members[scene->n_proxies],
                       &histories[scene->n_proxies]);
        take_devices(scene, fleet, hearings, devices, n_devices);
    } else {
        top_scene_clear(scene);
    }
    free(hearings);
    return taken;
}

void top_scene_clear(struct top_scene *scene)
{
    free(scene->proxies);
    free(scene->devices);
    free(scene->hearings);
    *scene = (struct top_scene){0};
}
