/* SPDX-License-Identifier: MIT */
#include "hub/availability.h"

#include "hub/hub_private.h"
#include "hub/interest.h"
#include "hub/ownership.h"
#include "hub/scanner_private.h"

enum { SWEEP_S = 30, REFERENCE_SWEEP_S = 300, REFERENCE_MEMORY_S = 195 };
/* How much longer than its interval a slow device is remembered, in halves; and the longest. */
enum { MEMORY_HALVES = 5, MEMORY_MAX_S = 900 };

struct bleproxy_watch {
    struct list node;
    struct hub *hub;
    uint64_t address;                        /* 0: all */
    bleproxy_unavailable_fn *on_unavailable; /* NULL: freed */
    void *user;
};

static uint64_t sweep_every_ns(uint32_t rules)
{
    return (rules & BLEPROXY_RULE_EXPIRY ? REFERENCE_SWEEP_S : SWEEP_S) * NS_PER_S;
}

void availability_init(struct availability *availability, uint32_t rules, uint64_t now_ns)
{
    availability->due_ns = time_after(now_ns, sweep_every_ns(rules));
    list_init(&availability->watches);
}

void availability_hurry(struct availability *availability, uint32_t rules, uint64_t now_ns)
{
    availability->due_ns = time_min(availability->due_ns, time_after(now_ns, sweep_every_ns(rules)));
}

static uint64_t memory_ns(uint32_t rules, uint64_t interval_ns)
{
    const uint64_t least_ns = BLEPROXY_DEVICE_EXPIRY_S * NS_PER_S, most_ns = MEMORY_MAX_S * NS_PER_S;
    if (rules & BLEPROXY_RULE_EXPIRY)
        return REFERENCE_MEMORY_S * NS_PER_S;
    uint64_t wanted_ns = time_min(interval_ns, most_ns) * MEMORY_HALVES / 2;
    return wanted_ns < least_ns ? least_ns : time_min(wanted_ns, most_ns);
}

uint64_t availability_interval_ns(const struct bleproxy_device *device)
{
    uint64_t interval_ns = interval_longest_ns(&device->interval);
    if (!device->interval.known && device->interest && device->interest->interval_ns > interval_ns)
        interval_ns = device->interest->interval_ns;
    return interval_ns;
}

uint64_t availability_memory_ns(uint32_t rules, const struct sighting *sighting)
{
    return memory_ns(rules,
                     sighting->device ? availability_interval_ns(sighting->device) : sighting->interval_ns);
}

/* ---- Those who watch ---- */

static void tell(struct hub *hub, const struct bleproxy_device *device, bool connectable)
{
    const struct bleproxy_advertisement *last = device_current(device);
    const struct list *end = hub->availability.watches.prev;
    for (struct list *node = &hub->availability.watches; node != end;) {
        node = node->next;
        const struct bleproxy_watch *watch = list_entry(node, struct bleproxy_watch, node);
        if (watch->on_unavailable && (watch->address == 0 || watch->address == last->address))
            watch->on_unavailable(watch->user, last, connectable);
    }
}

int hub_watch_unavailable(struct hub *hub, uint64_t address, bleproxy_unavailable_fn *on_unavailable,
                          void *user, struct bleproxy_watch **ret_watch)
{
    if (!on_unavailable)
        return BLEPROXY_E_INVALID;
    if (hub->freed)
        return BLEPROXY_E_STATE;
    struct bleproxy_watch *watch = env_alloc(hub->env, sizeof(*watch));
    if (!watch)
        return BLEPROXY_E_NOMEM;
    if (address != 0 && interest_hold(hub, address) < 0) {
        env_free(hub->env, watch);
        return BLEPROXY_E_NOMEM;
    }
    *watch = (struct bleproxy_watch){
        .hub = hub, .address = address, .on_unavailable = on_unavailable, .user = user};
    list_append(&hub->availability.watches, &watch->node);
    *ret_watch = watch;
    return 0;
}

static void watch_release(struct bleproxy_watch *watch)
{
    struct hub *hub = watch->hub;
    list_unlink(&watch->node);
    if (watch->address != 0)
        interest_release(hub, watch->address);
    env_free(hub->env, watch);
}

void bleproxy_watch_free(struct bleproxy_watch *watch)
{
    if (!watch)
        return;
    if (watch->hub->depth > 0) {
        watch->on_unavailable = NULL;
        watch->hub->litter = true;
    } else {
        watch_release(watch);
    }
}

void watches_end(struct hub *hub)
{
    list_for_each(node, &hub->availability.watches) list_entry(node, struct bleproxy_watch, node)
        ->on_unavailable = NULL;
}

void watches_sweep(struct hub *hub)
{
    list_for_each(node, &hub->availability.watches)
    {
        struct bleproxy_watch *watch = list_entry(node, struct bleproxy_watch, node);
        if (!watch->on_unavailable)
            watch_release(watch);
    }
}

/* ---- Who is gone ---- */

/* The device's own list has those sightings that were let in. */
static bool is_listed(const struct bleproxy_device *device, bool connectable)
{
    list_for_each(node, &device->sightings)
    {
        const struct sighting *sighting = list_entry(node, struct sighting, in_device);
        if (!connectable || sighting->view.connectable)
            return true;
    }
    return false;
}

/* Filtered ones count, too. */
static bool is_held(const struct hub *hub, const struct bleproxy_device *device, bool connectable)
{
    list_for_each(node, &hub->scanners)
    {
        const struct scanner *scanner = list_entry(node, struct scanner, registered);
        if ((!connectable || scanner->connectable) &&
            sightings_get(&scanner->sightings, device->view.address))
            return true;
    }
    return false;
}

static bool is_connected(const struct hub *hub, const struct bleproxy_device *device)
{
    return !(hub->rules & BLEPROXY_RULE_PRESENCE) && device->interest && device->interest->links > 0;
}

/* It was connected so lately that a proxy would still remember it: maybe until just before this look. */
static bool is_present(const struct hub *hub, const struct bleproxy_device *device, uint64_t now_ns)
{
    return device->present_ns != 0 &&
           now_ns - device->present_ns <=
               memory_ns(hub->rules, availability_interval_ns(device)) + sweep_every_ns(hub->rules);
}

/* A proxy that has lost its connection comes back with its memory: until it would have forgotten it is waited for. */
static bool is_recent(const struct hub *hub, const struct bleproxy_device *device, uint64_t heard_ns,
                      uint64_t now_ns)
{
    return !(hub->rules & BLEPROXY_RULE_EXPIRY) &&
           now_ns - heard_ns <= memory_ns(hub->rules, availability_interval_ns(device));
}

static void check_connectable(struct hub *hub, struct bleproxy_device *device, uint64_t now_ns)
{
    if (is_connected(hub, device))
        device->present_ns = now_ns;
    if (!device->connectable.known || is_listed(device, true) ||
        is_recent(hub, device, device->connectable.time_ns, now_ns) || is_present(hub, device, now_ns) ||
        is_held(hub, device, true))
        return;
    device->connectable.known = device->connectable_is_current = false;
    tell(hub, device, true);
}

static bool is_gone(const struct hub *hub, const struct bleproxy_device *device, uint64_t now_ns)
{
    if (is_listed(device, false))
        return false;
    uint64_t last_ns = device->view.time_ns > device->present_ns ? device->view.time_ns : device->present_ns;
    return now_ns - last_ns > ownership_gone_ns(device) &&
           !is_recent(hub, device, device->view.time_ns, now_ns) && !is_present(hub, device, now_ns) &&
           !is_held(hub, device, false);
}

/* From now on it is as one that was never heard, but that its interval is known. */
static void leave(struct hub *hub, struct bleproxy_device *device)
{
    if (!device->has_report)
        return;
    ownership_forget(hub, device);
    if (hub->rules & BLEPROXY_RULE_EXPIRY)
        interest_part(hub, device);
    device_forget_report(device);
    tell(hub, device, false);
    device_clear(device);
}

/* Those that are slow must not come back as strangers: nobody would ever learn how slow they are. */
static bool is_over(const struct hub *hub, const struct bleproxy_device *device, uint64_t now_ns)
{
    return hub->rules & BLEPROXY_RULE_EXPIRY || now_ns - device->view.time_ns > MEMORY_MAX_S * NS_PER_S;
}

/* Callbacks neither add devices nor take them away. */
static void sweep(struct hub *hub, uint64_t now_ns)
{
    const struct map *devices = &hub->devices.by_address;
    struct bleproxy_device *device;
    for (size_t position = 0; (device = map_next(devices, &position));)
        check_connectable(hub, device, now_ns);
    for (size_t position = 0; (device = map_next(devices, &position));) {
        if (!is_gone(hub, device, now_ns))
            continue;
        leave(hub, device);
        if (!is_over(hub, device, now_ns))
            continue;
        device_remove(device);
        device_free(device);
        position--; /* another may have taken its place */
    }
}

void availability_tick(struct hub *hub, uint64_t now_ns)
{
    if (now_ns < hub->availability.due_ns)
        return;
    hub->availability.due_ns = time_after(now_ns, sweep_every_ns(hub->rules));
    sweep(hub, now_ns);
    history_sweep(hub, now_ns);
}

void availability_displaced(struct hub *hub, struct bleproxy_device *device)
{
    bool was_connectable = device->connectable.known;
    ownership_forget(hub, device);
    if (was_connectable)
        tell(hub, device, true);
    if (device->has_report)
        tell(hub, device, false);
    device_free(device);
}
