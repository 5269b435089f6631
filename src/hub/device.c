/* SPDX-License-Identifier: MIT */
#include "hub/device.h"

#include "hub/hub_private.h"
#include "hub/ownership.h"

void device_table_init(struct device_table *table, const struct env *env, size_t max)
{
    *table = (struct device_table){.env = env, .max = max};
    map_init(&table->by_address, env);
    list_init(&table->once);
    list_init(&table->repeated);
}

void device_table_deinit(struct device_table *table)
{
    device_table_sweep(table);
    map_deinit(&table->by_address);
}

static void sweep_list(struct device_table *table, struct list *list)
{
    list_for_each(node, list)
    {
        struct bleproxy_device *device = list_entry(node, struct bleproxy_device, in_table);
        if (list_empty(&device->sightings)) {
            list_unlink(&device->in_table);
            env_free(table->env, device);
        }
    }
}

void device_table_sweep(struct device_table *table)
{
    if (table->n_gone == 0)
        return;
    sweep_list(table, &table->once);
    sweep_list(table, &table->repeated);
    table->n_gone = 0;
}

static bool each_in_list(const struct list *list, device_fn *on_device, void *user)
{
    list_for_each(node, list)
    {
        const struct bleproxy_device *device = list_entry(node, struct bleproxy_device, in_table);
        if (!list_empty(&device->sightings) && !on_device(user, device))
            return false;
    }
    return true;
}

void device_table_each(const struct device_table *table, device_fn *on_device, void *user)
{
    if (each_in_list(&table->once, on_device, user))
        each_in_list(&table->repeated, on_device, user);
}

/* Its sightings are gone. */
static void device_go(struct bleproxy_device *device)
{
    struct device_table *table = device->table;
    map_remove(&table->by_address, device->address);
    auto_scan_on_gone(list_entry(table, struct hub, devices), device->address);
    if (table->locked) {
        table->n_gone++;
        return;
    }
    list_unlink(&device->in_table);
    env_free(table->env, device);
}

/* Displaces the device heard once that has been silent longest; false when there is none. */
static bool device_table_displace(struct device_table *table)
{
    list_for_each(node, &table->once)
    {
        struct sighting *sighting = device_owner(list_entry(node, struct bleproxy_device, in_table));
        if (sighting) {
            device_forget(sighting); /* its only one */
            return true;
        }
    }
    return false;
}

static struct bleproxy_device *device_new(struct device_table *table, const struct sighting *sighting)
{
    if (table->by_address.count >= table->max && !device_table_displace(table))
        return NULL;
    struct bleproxy_device *device = env_alloc(table->env, sizeof(*device));
    if (!device)
        return NULL;
    if (map_put(&table->by_address, sighting->view.address, device) < 0) {
        env_free(table->env, device);
        return NULL;
    }
    device->address = sighting->view.address;
    device->table = table;
    device->first_heard_ns = sighting->view.time_ns;
    device->heard_once = sighting->heard_once; /* its scanner may remember it */
    device->unannounced = true;
    list_init(&device->sightings);
    list_append(device->heard_once ? &table->once : &table->repeated, &device->in_table);
    return device;
}

struct bleproxy_device *device_table_join(struct device_table *table, struct sighting *sighting)
{
    struct bleproxy_device *device = map_get(&table->by_address, sighting->view.address);
    if (device) {
        device_again(device);
    } else {
        device = device_new(table, sighting);
        if (!device) {
            table->refused++;
            return NULL;
        }
    }
    sighting->device = device;
    list_append(&device->sightings, &sighting->in_device);
    return device;
}

void device_forget(struct sighting *sighting)
{
    struct bleproxy_device *device = sighting->device;
    if (!device)
        return;
    bool owned = device_owner(device) == sighting;
    list_unlink(&sighting->in_device);
    sighting->device = NULL;
    if (list_empty(&device->sightings)) {
        device_go(device);
    } else if (owned) {
        ownership_elect(device);
        if (!sighting_same_content(&sighting->view, &device_owner(device)->view))
            device->unannounced = true;
    }
}

const struct bleproxy_advertisement *bleproxy_device_advertisement(const struct bleproxy_device *device)
{
    const struct sighting *owner = device_owner(device);
    return owner ? &owner->view : NULL;
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

/* The longest that any proxy has heard: shortened names are common. */
const char *bleproxy_device_name(const struct bleproxy_device *device)
{
    const struct bleproxy_advertisement *best = NULL;
    list_for_each(node, &device->sightings)
    {
        const struct bleproxy_advertisement *view = &list_entry(node, struct sighting, in_device)->view;
        if (view->name && (!best || view->name_size > best->name_size))
            best = view;
    }
    return best ? best->name : NULL;
}

uint64_t bleproxy_device_reports(const struct bleproxy_device *device)
{
    return device->reports;
}

uint64_t bleproxy_device_first_heard_ns(const struct bleproxy_device *device)
{
    return device->first_heard_ns;
}
