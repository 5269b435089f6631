/* SPDX-License-Identifier: MIT */
#include "hub/device.h"

#include "hub/interest.h"

void device_table_init(struct device_table *table, const struct env *env, size_t max)
{
    *table = (struct device_table){.env = env, .max = max};
    map_init(&table->by_address, env);
    crowd_init(&table->crowd);
    list_init(&table->gone);
}

static void device_destroy(struct bleproxy_device *device)
{
    const struct env *env = device->table->env;
    list_unlink(&device->member.node);
    signals_deinit(&device->signals, env);
    env_free(env, device->other_name);
    env_free(env, device->memory);
    env_free(env, device);
}

void device_table_sweep(struct device_table *table)
{
    list_for_each(node, &table->gone)
        device_destroy(device_of_member(list_entry(node, struct crowd_member, node)));
}

void device_table_deinit(struct device_table *table)
{
    device_table_sweep(table);
    struct bleproxy_device *device;
    for (size_t position = 0; (device = map_next(&table->by_address, &position));)
        device_destroy(device);
    map_deinit(&table->by_address);
}

void device_remove(struct bleproxy_device *device)
{
    map_remove(&device->table->by_address, device->view.address);
    device->table->n_known -= device->has_report;
    crowd_leave(&device->member);
    device->gone = true;
    list_for_each(node, &device->sightings) device_forget(list_entry(node, struct sighting, in_device));
    if (device->interest)
        device->interest->device = NULL;
    device->interest = NULL;
}

void device_free(struct bleproxy_device *device)
{
    if (device->table->locked)
        list_append(&device->table->gone, &device->member.node);
    else
        device_destroy(device);
}

static uint64_t member_heard_ns(struct crowd_member *member)
{
    return device_of_member(member)->view.time_ns;
}

static struct bleproxy_device *device_new(struct device_table *table, const struct sighting *sighting,
                                          bool urgent, struct bleproxy_device **ret_displaced)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    struct crowd_member *displaced = NULL;
    if (table->by_address.count >= table->max) {
        displaced = crowd_choose(&table->crowd, member_heard_ns, NULL, urgent, view->time_ns);
        if (!displaced)
            return NULL;
    }
    struct bleproxy_device *device = env_alloc(table->env, sizeof(*device));
    if (!device)
        return NULL;
    if (map_put(&table->by_address, view->address, device) < 0) {
        env_free(table->env, device);
        return NULL;
    }
    if (displaced) {
        *ret_displaced = device_of_member(displaced);
        device_remove(*ret_displaced);
    }
    device->view.address = view->address;
    device->view.time_ns = view->time_ns;
    device->view.proxy = "";
    device->table = table;
    device->first_heard_ns = view->time_ns;
    device->content_epoch = device->name_epoch = 1;
    list_init(&device->sightings);
    crowd_enter(&table->crowd, &device->member, sighting->member.heard_once);
    return device;
}

void device_enter(struct bleproxy_device *device, struct sighting *sighting)
{
    sighting->device = device;
    sighting->content_epoch = sighting->name_epoch = 0;
    list_append(&device->sightings, &sighting->in_device);
}

struct bleproxy_device *device_table_join(struct device_table *table, struct sighting *sighting, bool urgent,
                                          struct bleproxy_device **ret_displaced)
{
    struct bleproxy_device *device = device_table_get(table, sighting->view.address);
    *ret_displaced = NULL;
    if (device) {
        crowd_again(&table->crowd, &device->member);
    } else {
        device = device_new(table, sighting, urgent, ret_displaced);
        if (!device) {
            table->refused++;
            return NULL;
        }
    }
    device_enter(device, sighting);
    return device;
}

void device_forget(struct sighting *sighting)
{
    struct bleproxy_device *device = sighting->device;
    if (!device)
        return;
    if (device->owner == sighting)
        device->owner = NULL;
    list_unlink(&sighting->in_device);
    sighting->device = NULL;
}

/* ---- The current report ---- */

static bool same_name(const struct bleproxy_advertisement *a, const struct bleproxy_advertisement *b)
{
    size_t a_size = device_is_named(a) ? a->name_size : 0, b_size = device_is_named(b) ? b->name_size : 0;
    return a_size == b_size && (a_size == 0 || memcmp(a->name, b->name, a_size) == 0);
}

/* False: there is no memory for it, the old content stays. */
static bool device_store(struct bleproxy_device *device, const struct bleproxy_advertisement *view)
{
    struct bleproxy_advertisement *held = &device->view;
    size_t name_size = device_is_named(view) ? view->name_size + (size_t)1 : 0;
    size_t needed = name_size + view->fields_size;
    if (needed > device->capacity) {
        size_t capacity = env_block_size(needed);
        uint8_t *memory = env_resize(device->table->env, device->memory, capacity);
        if (!memory)
            return false;
        device->memory = memory;
        device->capacity = (uint32_t)capacity;
    }
    held->name = name_size > 0 ? memcpy(device->memory, view->name, name_size) : NULL;
    held->name_size = name_size > 0 ? view->name_size : 0;
    held->fields_size = view->fields_size;
    held->fields = NULL;
    if (view->fields_size > 0)
        held->fields = memcpy(device->memory + name_size, view->fields, view->fields_size);
    return true;
}

/* Returns whether the content differs. What says the same in another order is taken over, too: the order tells what came
 * last. */
static bool take_content(struct bleproxy_device *device, struct sighting *sighting)
{
    const struct bleproxy_advertisement *held = &device->view, *view = &sighting->view;
    bool was_same = sighting->content_epoch == device->content_epoch; /* until this report */
    if (was_same && !view->changed)
        return false;
    bool differs = was_same || !same_name(held, view) ||
                   !fields_equal(held->fields, held->fields_size, view->fields, view->fields_size);
    bool reordered =
        !differs && held->fields_size > 0 && memcmp(held->fields, view->fields, held->fields_size) != 0;
    if (differs || reordered || device->has_other_name) {
        if (!device_store(device, view)) {
            sighting->content_epoch = 0;
            return differs;
        }
        if (sighting->name_epoch == device->name_epoch) /* else it has not got the other name yet */
            device->has_other_name = false;
    }
    if (differs || reordered)
        device->content_epoch += device->content_epoch == UINT32_MAX ? 2 : 1;
    sighting->content_epoch = device->content_epoch;
    return differs;
}

static void make_owner(struct bleproxy_device *device, struct sighting *sighting)
{
    device->owner = sighting;
    list_unlink(&sighting->in_device);
    list_append(device->sightings.next, &sighting->in_device); /* before the first */
    device->view.source = sighting->view.source;
    device->view.proxy = sighting->view.proxy;
    device->view.connectable = sighting->view.connectable;
    device->view.address_type = sighting->view.address_type;
}

bool device_take_anew(struct bleproxy_device *device, struct sighting *sighting)
{
    if (device->owner != sighting)
        make_owner(device, sighting);
    bool differs = take_content(device, sighting) || !device->has_report;
    device->table->n_known += !device->has_report;
    device->has_report = true;
    return differs;
}

void device_forget_report(struct bleproxy_device *device)
{
    device->table->n_known -= device->has_report;
    device->has_report = false;
    device->owner = NULL;
}

void device_clear(struct bleproxy_device *device)
{
    device_forget_report(device);
    device->has_other_name = false;
    device->view.name = NULL;
    device->view.name_size = 0;
    device->view.fields_size = 0;
    device->view.fields = NULL;
    device->content_epoch += device->content_epoch == UINT32_MAX ? 2 : 1;
    device->name_epoch += device->name_epoch == UINT32_MAX ? 2 : 1;
}

/* ---- <bleproxy/hub.h> ---- */

const struct bleproxy_advertisement *bleproxy_device_advertisement(const struct bleproxy_device *device)
{
    return device_current(device);
}

const struct bleproxy_advertisement *bleproxy_device_next_report(const struct bleproxy_device *device,
                                                                 const void **position)
{
    const struct list *node = *position ? *position : &device->sightings;
    if (node->next == &device->sightings)
        return NULL;
    *position = node->next;
    return &list_entry(node->next, struct sighting, in_device)->view;
}

const char *bleproxy_device_name(const struct bleproxy_device *device)
{
    size_t size;
    return device_name(device, &size);
}

uint64_t bleproxy_device_reports(const struct bleproxy_device *device)
{
    return device->reports;
}

uint64_t bleproxy_device_first_heard_ns(const struct bleproxy_device *device)
{
    return device->first_heard_ns;
}

uint64_t bleproxy_device_interval_ns(const struct bleproxy_device *device)
{
    return interval_longest_ns(&device->interval);
}

int8_t bleproxy_device_strength_dbm(const struct bleproxy_device *device, uint64_t source)
{
    double smoothed_dbm;
    if (signals_get(&device->signals, source, &smoothed_dbm))
        return (int8_t)(smoothed_dbm < 0 ? smoothed_dbm - 0.5 : smoothed_dbm + 0.5);
    list_for_each(node, &device->sightings)
    {
        const struct sighting *sighting = list_entry(node, struct sighting, in_device);
        if (sighting->view.source == source)
            return sighting->view.rssi_dbm;
    }
    return BLEPROXY_RSSI_NONE;
}
