/* SPDX-License-Identifier: MIT */
#ifndef HUB_DEVICE_H
#define HUB_DEVICE_H

#include "base/map.h"
#include "hub/sighting.h"
#include <bleproxy/hub.h>

struct device_table;

/* A device that at least one registered scanner hears; first what every report touches. */
struct bleproxy_device {
    struct list sightings; /* the owner's first; empty: gone, and only waiting to be swept */
    uint64_t reports;
    bool heard_once;
    bool unannounced; /* its owner tells something that the owners' reports so far did not */

    uint64_t address, first_heard_ns;
    struct device_table *table;
    struct list in_table;
};

/* All devices of a hub. When it is full, the device heard only once that has been silent longest makes way.
 */
struct device_table {
    const struct env *env;
    struct map by_address;
    struct list once, repeated; /* heard once, longest silent first; heard again, in no order */
    size_t max;
    size_t n_gone;
    uint64_t refused;
    bool locked; /* callbacks are running: devices that go stay in memory until the sweep */
};

void device_table_init(struct device_table *table, const struct env *env, size_t max);
/* No device is left in it. */
void device_table_deinit(struct device_table *table);
/* Frees what went while the table was locked. */
void device_table_sweep(struct device_table *table);
/* Calls on_device for each device while the table is locked, until it returns false. */
typedef bool device_fn(void *user, const struct bleproxy_device *device);
void device_table_each(const struct device_table *table, device_fn *on_device, void *user);

/* Enters the sighting's device, or makes it one of the device's sightings. The device, or NULL when there is
 * no room or no memory (counted as refused). */
struct bleproxy_device *device_table_join(struct device_table *table, struct sighting *sighting);
/* Takes the sighting from its device, which goes when that was its last. Fine when it has none. */
void device_forget(struct sighting *sighting);

static inline struct sighting *device_owner(const struct bleproxy_device *device)
{
    return list_empty(&device->sightings) ? NULL
                                          : list_entry(device->sightings.next, struct sighting, in_device);
}

/* Counts a further report of the device. */
static inline void device_again(struct bleproxy_device *device)
{
    if (device->heard_once) {
        device->heard_once = false;
        list_unlink(&device->in_table);
        list_append(&device->table->repeated, &device->in_table);
    }
}

#endif
