/* SPDX-License-Identifier: MIT */
#include "hub/hub.h"

#include "hub/hub_private.h"
#include "hub/ownership.h"
#include "hub/scanner_private.h"
#include "hub/sightings.h"

int hub_new(const struct env *env, const struct bleproxy_hub_options *options, uint64_t now_ns,
            struct hub **ret_hub)
{
    struct hub *hub = env_alloc(env, sizeof(*hub));
    if (!hub)
        return BLEPROXY_E_NOMEM;
    hub->env = env;
    hub->rules = options ? options->reference : 0;
    hub->spare_links = options && options->spare_links;
    uint32_t max = options && options->devices_max > 0 ? options->devices_max : BLEPROXY_HUB_DEVICES_DEFAULT;
    device_table_init(&hub->devices, env, max);
    interests_init(&hub->interests, env);
    availability_init(&hub->availability, hub->rules, now_ns);
    history_init(&hub->history, env);
    identities_init(&hub->identities, env);
    map_init(&hub->by_source, env);
    list_init(&hub->scanners);
    list_init(&hub->departed);
    list_init(&hub->subscriptions);
    hub->subscribed_from = SUBSCRIBED_TO_NONE;
    list_init(&hub->searches);
    auto_scan_init(&hub->auto_scan, env);
    scan_requests_init(&hub->scan_requests);
    hub->due_ns = BP_NEVER;
    hub->cursor = &hub->scanners;
    *ret_hub = hub;
    return 0;
}

static void hub_destroy(struct hub *hub)
{
    auto_scan_deinit(hub);
    scan_requests_deinit(hub);
    device_table_deinit(&hub->devices);
    interests_deinit(&hub->interests);
    history_deinit(&hub->history);
    identities_deinit(&hub->identities);
    map_deinit(&hub->by_source);
    env_free(hub->env, hub);
}

void hub_clear_up(struct hub *hub)
{
    hub->litter = false;
    subscriptions_sweep(hub);
    searches_sweep(hub);
    watches_sweep(hub);
    sweeps_sweep(hub);
    list_for_each(node, &hub->departed)
    {
        list_unlink(node);
        scanner_unpin(list_entry(node, struct scanner, departed));
    }
    if (hub->freed)
        hub_destroy(hub);
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
    watches_end(hub);
    hub->on_slots = NULL;
    hub->on_deadline = NULL;
    hub->history.on_due = NULL;
    list_for_each(node, &hub->scanners)
        hub_unregister_scanner(hub, list_entry(node, struct scanner, registered), now_ns);
    hub_leave(hub);
}

struct identities *hub_identities(struct hub *hub)
{
    return &hub->identities;
}

int hub_register_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    if (scanner->hub || scanner->freed || hub->freed)
        return BLEPROXY_E_STATE;
    const struct scanner *other = hub_scanner_of(hub, scanner->source);
    if (other)
        env_log(hub->env, BLEPROXY_LOG_ERROR, "hub", scanner->name,
                "another proxy (%s) has the same Bluetooth address: their reports cannot be told apart",
                other->name);
    if (map_put(&hub->by_source, scanner->source, scanner) < 0)
        return BLEPROXY_E_NOMEM;
    scanner->hub = hub;
    scanner->registered_ns = now_ns;
    list_append(&hub->scanners, &scanner->registered);
    history_restore(hub, scanner, now_ns);
    if (hub->on_deadline)
        hub->on_deadline(hub->on_deadline_user);
    auto_scan_on_mode(hub, scanner, now_ns);
    scan_requests_touch(hub);
    scanner_pin(scanner);
    slots_announce(&scanner->slots);
    scanner_unpin(scanner);
    return 0;
}

static void forget_source(struct hub *hub, const struct scanner *scanner)
{
    ownership_source_gone(hub, scanner->source);
    map_remove(&hub->by_source, scanner->source);
    list_for_each(node, &hub->scanners)
    {
        struct scanner *other = list_entry(node, struct scanner, registered);
        if (other->source == scanner->source)
            map_put(&hub->by_source, scanner->source, other); /* there is room: one has just left */
    }
}

void hub_unregister_scanner(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    if (scanner->hub != hub)
        return;
    if (!hub->freed)
        history_keep(hub, scanner, now_ns);
    scanner->hub = NULL;
    if (hub->cursor == &scanner->registered)
        hub->cursor = scanner->registered.next;
    list_unlink(&scanner->registered);
    sightings_leave_hub(&scanner->sightings);
    forget_source(hub, scanner);
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

int hub_filter_init(struct hub *hub, struct filter *filter, const struct bleproxy_filter *want)
{
    int r = filter_init(filter, hub->env, want);
    if (r == 0 && filter->want.address != 0) {
        r = interest_hold(hub, filter->want.address);
        if (r < 0)
            filter_deinit(filter, hub->env);
    }
    return r;
}

void hub_filter_deinit(struct hub *hub, struct filter *filter)
{
    if (filter->want.address != 0)
        interest_release(hub, filter->want.address);
    filter_deinit(filter, hub->env);
}

/* ---- Reports ---- */

/* What phones of this make say all the time but to those who track them. */
static bool is_apple_chatter(const struct bleproxy_advertisement *view)
{
    enum {
        APPLE = 76,
        IBEACON = 0x02,
        HOMEKIT = 0x06,
        IDENTITY = 0x10,
        HOMEKIT_NOTIFIES = 0x11,
        FIND_MY = 0x12
    };
    struct bleproxy_field field, company = {0};
    for (size_t position = 0; bleproxy_field_next(view, &position, &field);) {
        if (field.kind == BLEPROXY_FIELD_SERVICE_UUID)
            continue;
        if (field.kind == BLEPROXY_FIELD_SERVICE_DATA || company.data || field.company != APPLE)
            return false;
        company = field;
    }
    if (company.size == 0)
        return false;
    uint8_t kind = company.data[0];
    return kind != IBEACON && kind != HOMEKIT && kind != IDENTITY && kind != HOMEKIT_NOTIFIES &&
           kind != FIND_MY;
}

/* The report reaches those who want every one, but the device does not go by it. */
static void pass_over(struct sighting *sighting)
{
    struct bleproxy_device *device = sighting->device;
    sighting->content_epoch = 0;
    if (device && device->owner == sighting)
        device->owner = NULL;
}

/* *ret_displaced, if any, is to be given to availability_displaced(). */
static struct bleproxy_device *join(struct hub *hub, struct sighting *sighting,
                                    struct bleproxy_device **ret_displaced)
{
    bool urgent = hub_cares(hub, sighting->view.address);
    struct bleproxy_device *device = device_table_join(&hub->devices, sighting, urgent, ret_displaced);
    if (device) {
        interest_meet(hub, device);
        history_recall(hub, device);
    }
    return device;
}

static void dispatch(struct hub *hub, enum bleproxy_stream stream, const struct bleproxy_device *device,
                     const struct bleproxy_advertisement *view)
{
    const struct bleproxy_advertisement *change = view;
    struct bleproxy_advertisement connectable;
    if (stream == BLEPROXY_STREAM_CHANGES)
        change = ownership_change(hub, device, view, &connectable);
    subscriptions_dispatch(hub, stream, view, change);
    if (!list_empty(&hub->searches))
        searches_report(hub, view);
}

void hub_report(struct hub *hub, struct sighting *sighting)
{
    enum bleproxy_stream stream = BLEPROXY_STREAM_REPORTS;
    struct bleproxy_device *device = sighting->device, *displaced = NULL;
    hub->reports++;
    if (hub->rules & BLEPROXY_RULE_APPLE_FILTER && is_apple_chatter(&sighting->view)) {
        pass_over(sighting);
    } else {
        if (device)
            crowd_again(&hub->devices.crowd, &device->member);
        else
            device = join(hub, sighting, &displaced);
        if (device)
            stream = ownership_hear(hub, device, sighting);
    }
    if (stream < hub->subscribed_from && list_empty(&hub->searches) && !displaced)
        return;
    hub_enter(hub);
    dispatch(hub, stream, device, &sighting->view);
    if (displaced)
        availability_displaced(hub, displaced);
    hub_leave(hub);
}

bool hub_hears(const struct hub *hub, const struct scanner *scanner, uint64_t address,
               struct hub_hearing *ret_hearing)
{
    const struct sighting *sighting = sightings_get(&scanner->sightings, address);
    const struct bleproxy_device *device = device_table_get(&hub->devices, address);
    if (!sighting)
        return false;
    *ret_hearing = (struct hub_hearing){
        .rssi_dbm = sighting->view.rssi_dbm,
        .smoothed_dbm = sighting->view.rssi_dbm,
        .heard_ns = sighting->view.time_ns,
        .interval_ns = device ? availability_interval_ns(device) : sighting->interval_ns,
        .address_type = sighting->view.address_type,
    };
    if (device)
        signals_get(&device->signals, scanner->source, &ret_hearing->smoothed_dbm);
    return true;
}

const struct bleproxy_advertisement *hub_remembered(const struct hub *hub, uint64_t address, const char *name)
{
    return history_find(hub, address, name);
}

bool hub_is_connected(const struct hub *hub, uint64_t address)
{
    const struct interest *interest = interests_get(&hub->interests, address);
    return interest && interest->links > 0;
}

uint64_t hub_source_of(const struct hub *hub, uint64_t address)
{
    const struct bleproxy_device *device = device_table_get(&hub->devices, address);
    return device && device->has_report ? device->view.source : 0;
}

int hub_set_interval(struct hub *hub, uint64_t address, uint64_t interval_ns)
{
    if (interval_ns > HUB_INTERVAL_MAX_S * NS_PER_S)
        return BLEPROXY_E_INVALID;
    return interest_set_interval(hub, address, interval_ns);
}

void hub_set_reference(struct hub *hub, uint32_t reference, uint64_t now_ns)
{
    hub->rules = reference;
    availability_hurry(&hub->availability, reference, now_ns);
}

void hub_forget(struct hub *hub, uint64_t address)
{
    struct bleproxy_device *device = device_table_get(&hub->devices, address);
    if (device) {
        ownership_forget(hub, device);
        device_clear(device);
    }
    list_for_each(node, &hub->scanners)
    {
        struct scanner *scanner = list_entry(node, struct scanner, registered);
        struct sighting *sighting = sightings_get(&scanner->sightings, address);
        if (sighting)
            sightings_clear(sighting);
    }
    history_forget(&hub->history, address);
}

const struct bleproxy_device *hub_device(const struct hub *hub, uint64_t address)
{
    const struct bleproxy_device *device = device_table_get(&hub->devices, address);
    return device && device->has_report ? device : NULL;
}

const struct bleproxy_device *hub_next_device(const struct hub *hub, size_t *position)
{
    const struct bleproxy_device *device;
    while ((device = map_next(&hub->devices.by_address, position)) && !device->has_report)
        ;
    return device;
}

size_t hub_n_devices(const struct hub *hub)
{
    return hub->devices.n_known;
}

void hub_get_statistics(const struct hub *hub, struct bleproxy_hub_statistics *ret_statistics)
{
    *ret_statistics = (struct bleproxy_hub_statistics){
        .reports = hub->reports,
        .devices_refused = hub->devices.refused,
        .oversized = hub->oversized,
    };
}
