/* SPDX-License-Identifier: MIT */
#include "hub/hub.h"

#include "hub/hub_private.h"
#include "hub/ownership.h"
#include "hub/scanner_private.h"

int hub_new(const struct env *env, const struct bleproxy_hub_options *options, struct hub **ret_hub)
{
    struct hub *hub = env_alloc(env, sizeof(*hub));
    if (!hub)
        return BLEPROXY_E_NOMEM;
    hub->env = env;
    uint32_t max = options && options->devices_max > 0 ? options->devices_max : BLEPROXY_HUB_DEVICES_DEFAULT;
    device_table_init(&hub->devices, env, max);
    list_init(&hub->scanners);
    list_init(&hub->departed);
    list_init(&hub->subscriptions);
    list_init(&hub->searches);
    auto_scan_init(&hub->auto_scan, env);
    scan_requests_init(&hub->scan_requests);
    hub->reference = options ? options->reference : 0;
    hub->due_ns = BP_NEVER;
    hub->cursor = &hub->scanners;
    *ret_hub = hub;
    return 0;
}

void hub_clear_up(struct hub *hub)
{
    hub->litter = false;
    subscriptions_sweep(hub);
    searches_sweep(hub);
    sweeps_sweep(hub);
    device_table_sweep(&hub->devices);
    list_for_each(node, &hub->departed)
    {
        list_unlink(node);
        scanner_unpin(list_entry(node, struct scanner, departed));
    }
    if (hub->freed) {
        device_table_deinit(&hub->devices);
        auto_scan_deinit(hub);
        scan_requests_deinit(hub);
        env_free(hub->env, hub);
    }
}

void hub_free(struct hub *hub, uint64_t now_ns)
{
    if (!hub || hub->freed)
        return;
    hub_enter(hub);
    hub->freed = true;
    hub->litter = true;
    searches_end(hub);
    sweeps_end(hub);
    subscriptions_end(hub);
    hub->on_slots = NULL;
    hub->on_deadline = NULL;
    list_for_each(node, &hub->scanners)
        hub_unregister_scanner(hub, list_entry(node, struct scanner, registered), now_ns);
    hub_leave(hub);
}

int hub_register_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    if (scanner->hub || scanner->freed || hub->freed)
        return BLEPROXY_E_STATE;
    list_for_each(node, &hub->scanners)
    {
        const struct scanner *other = list_entry(node, struct scanner, registered);
        if (other->source == scanner->source)
            env_log(hub->env, BLEPROXY_LOG_ERROR, "hub", scanner->name,
                    "another proxy (%s) has the same Bluetooth address: their reports cannot be told apart",
                    other->name);
    }
    scanner->hub = hub;
    list_append(&hub->scanners, &scanner->registered);
    auto_scan_on_mode(hub, scanner, now_ns);
    scan_requests_touch(hub);
    scanner_pin(scanner);
    slots_announce(&scanner->slots);
    scanner_unpin(scanner);
    return 0;
}

void hub_unregister_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    if (scanner->hub != hub)
        return;
    scanner->hub = NULL;
    if (hub->cursor == &scanner->registered)
        hub->cursor = scanner->registered.next;
    list_unlink(&scanner->registered);
    sightings_leave_hub(&scanner->sightings);
    if (hub->depth > 0) {
        hub->litter = true;
        if (list_empty(&scanner->departed)) {
            scanner_pin(scanner);
            list_append(&hub->departed, &scanner->departed);
        }
    }
    const struct bleproxy_slots gone = {.limit = slots_view(&scanner->slots)->limit};
    scanner_pin(scanner);
    hub_enter(hub);
    auto_scan_on_unregistered(hub, scanner, now_ns);
    scanner_demand(scanner, BLEPROXY_MODE_NONE, now_ns);
    hub_publish_slots(hub, scanner, &gone);
    hub_leave(hub);
    scanner_unpin(scanner);
}

struct scanner *hub_visit(struct hub *hub)
{
    if (hub->cursor == &hub->scanners)
        return NULL;
    struct scanner *scanner = list_entry(hub->cursor, struct scanner, registered);
    hub->cursor = hub->cursor->next;
    return scanner;
}

struct scanner *hub_scanner_of(const struct hub *hub, uint64_t source)
{
    struct scanner *newest = NULL;
    list_for_each(node, &hub->scanners)
    {
        struct scanner *scanner = list_entry(node, struct scanner, registered);
        if (scanner->source == source)
            newest = scanner;
    }
    return newest;
}

void hub_wake(struct hub *hub, uint64_t at_ns)
{
    if (at_ns >= hub->due_ns)
        return;
    hub->due_ns = at_ns;
    if (hub->on_deadline)
        hub->on_deadline(hub->on_deadline_user);
}

void hub_work(struct hub *hub, uint64_t now_ns)
{
    if (now_ns < hub->due_ns || hub->freed)
        return;
    hub->due_ns = BP_NEVER;
    scan_requests_tick(hub, now_ns);
    uint64_t next_ns = auto_scan_tick(hub, now_ns);
    if (next_ns < hub->due_ns)
        hub->due_ns = next_ns; /* who ticks asks for the deadline afterwards */
}

void hub_watch_deadline(struct hub *hub, hub_deadline_fn *on_deadline, void *user)
{
    hub->on_deadline = on_deadline;
    hub->on_deadline_user = user;
}

void hub_watch_slots(struct hub *hub, bleproxy_hub_slots_fn *on_slots, void *user)
{
    hub->on_slots = on_slots;
    hub->on_slots_user = user;
}

bool hub_publish_slots(struct hub *hub, const struct scanner *scanner, const struct bleproxy_slots *slots)
{
    if (!hub->on_slots)
        return false;
    hub_enter(hub);
    hub->on_slots(hub->on_slots_user, scanner->source, scanner->name, slots);
    hub_leave(hub);
    return true;
}

struct scanner *hub_next_scanner(const struct hub *hub, size_t *position)
{
    size_t i = 0;
    list_for_each(node, &hub->scanners) if (i++ == *position)
    {
        ++*position;
        return list_entry(node, struct scanner, registered);
    }
    return NULL;
}

void hub_report(struct hub *hub, struct sighting *sighting)
{
    hub->reports++;
    struct bleproxy_device *device = sighting->device;
    if (device)
        device_again(device);
    else
        device = device_table_join(&hub->devices, sighting);
    enum bleproxy_stream stream = BLEPROXY_STREAM_REPORTS;
    if (device && ownership_claim(device, sighting)) {
        device->reports++;
        stream = device->unannounced ? BLEPROXY_STREAM_CHANGES : BLEPROXY_STREAM_OWNER;
        device->unannounced = false;
        auto_scan_on_accepted(hub, sighting->view.address, sighting->view.source, sighting->view.time_ns);
    }
    if (list_empty(&hub->subscriptions) && list_empty(&hub->searches))
        return;
    hub_enter(hub);
    subscriptions_dispatch(hub, stream, &sighting->view);
    searches_report(hub, &sighting->view);
    hub_leave(hub);
}

const struct bleproxy_device *hub_device(const struct hub *hub, uint64_t address)
{
    return map_get(&hub->devices.by_address, address);
}

uint64_t hub_source_of(const struct hub *hub, uint64_t address)
{
    const struct bleproxy_device *device = hub_device(hub, address);
    const struct sighting *owner = device ? device_owner(device) : NULL;
    return owner ? owner->view.source : 0;
}

const struct bleproxy_device *hub_next_device(const struct hub *hub, size_t *position)
{
    return map_next(&hub->devices.by_address, position);
}

size_t hub_n_devices(const struct hub *hub)
{
    return hub->devices.by_address.count;
}

void hub_get_statistics(const struct hub *hub, struct bleproxy_hub_statistics *ret_statistics)
{
    *ret_statistics = (struct bleproxy_hub_statistics){
        .reports = hub->reports,
        .devices_refused = hub->devices.refused,
        .oversized = hub->oversized,
    };
}
