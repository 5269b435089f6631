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
    *ret_hub = hub;
    return 0;
}

void hub_clear_up(struct hub *hub)
{
    hub->litter = false;
    subscriptions_sweep(hub);
    searches_sweep(hub);
    device_table_sweep(&hub->devices);
    list_for_each(node, &hub->departed)
    {
        list_unlink(node);
        scanner_unpin(list_entry(node, struct scanner, departed));
    }
    if (hub->freed) {
        device_table_deinit(&hub->devices);
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
    subscriptions_end(hub);
    hub->on_slots = NULL;
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
    scanner->registered_ns = now_ns;
    list_append(&hub->scanners, &scanner->registered);
    scanner_pin(scanner);
    slots_announce(&scanner->slots);
    scanner_unpin(scanner);
    return 0;
}

void hub_unregister_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    (void)now_ns;
    if (scanner->hub != hub)
        return;
    scanner->hub = NULL;
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
    hub_publish_slots(hub, scanner, &gone);
    scanner_unpin(scanner);
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

bool hub_hears(const struct hub *hub, const struct scanner *scanner, uint64_t address,
               struct hub_hearing *ret_hearing)
{
    const struct bleproxy_advertisement *last = scanner_last(scanner, address);
    (void)hub;
    if (!last)
        return false;
    *ret_hearing = (struct hub_hearing){.rssi_dbm = last->rssi_dbm,
                                        .smoothed_dbm = last->rssi_dbm,
                                        .heard_ns = last->time_ns,
                                        .address_type = last->address_type};
    return true;
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
