/* SPDX-License-Identifier: MIT */
#ifndef HUB_DEVICE_H
#define HUB_DEVICE_H

#include "base/map.h"
#include "hub/crowd.h"
#include "hub/interval.h"
#include "hub/sighting.h"
#include "hub/signals.h"
#include <bleproxy/hub.h>

struct device_table;
struct interest;

/* Which report stands for a device. */
struct standing {
    uint64_t source, time_ns;
    int8_t rssi_dbm;
    bool known;
};

/* A device, from its first report until it is unavailable; first what every report touches. */
struct bleproxy_device {
    /* The current report, the owner's last one; without raw, with name and fields of its own, for it outlasts what the owner
     * remembers. Name and fields are older than the rest when memory ran out: then content_epoch is not the owner's. */
    struct bleproxy_advertisement view;
    bool has_report; /* false: it was forgotten, and nothing has come since */
    bool connectable_is_current;
    struct sighting *owner; /* holds the current report; NULL: nobody does any more */
    struct signals signals;
    struct interval interval;
    uint32_t content_epoch, name_epoch; /* change with the view's content, and with the name; never 0 */
    uint64_t reports;
    struct standing connectable; /* the best report of those through connectable proxies */

    struct list sightings;     /* what scanners remember of it, the owner's first */
    struct interest *interest; /* of somebody; NULL: nobody's */
    /* The name as any proxy has heard it, when that is another than the view's; see device_name.c */
    char *other_name;
    uint16_t other_name_size, other_name_capacity;
    bool has_other_name;
    bool gone; /* only waiting to be freed */
    uint32_t capacity;
    uint8_t *memory; /* what view points into */
    uint64_t first_heard_ns;
    uint64_t present_ns; /* when it was last found connected, see availability.c; 0: never */
    uint64_t rescue_ns;  /* when the present rescue began, see ownership.c; 0: none */
    struct crowd_member member;
    struct device_table *table;
};

/* All devices of a hub, at most max. */
struct device_table {
    const struct env *env;
    struct map by_address;
    struct crowd crowd;
    struct list gone; /* to be freed */
    size_t n_known;   /* have a current report */
    size_t max;
    uint64_t refused;
    bool locked; /* callbacks are running: devices that go stay in memory until the sweep */
};

void device_table_init(struct device_table *table, const struct env *env, size_t max);
/* Frees all of them: nobody holds sightings of any. */
void device_table_deinit(struct device_table *table);
/* Frees what went while the table was locked. */
void device_table_sweep(struct device_table *table);

static inline struct bleproxy_device *device_table_get(const struct device_table *table, uint64_t address)
{
    return map_get(&table->by_address, address);
}

/* Makes the sighting one of its device's, which is made if need be. The device, or NULL when there is no room or no memory
 * (counted as refused). When another has to make way for it that is *ret_displaced (else NULL): out of the table already,
 * it is to be given to device_free(). */
struct bleproxy_device *device_table_join(struct device_table *table, struct sighting *sighting, bool urgent,
                                          struct bleproxy_device **ret_displaced);
/* Makes the sighting, which has no device, one of this one. */
void device_enter(struct bleproxy_device *device, struct sighting *sighting);
/* Takes it out of the table. */
void device_remove(struct bleproxy_device *device);
/* One that is out of the table; deferred while that is locked. */
void device_free(struct bleproxy_device *device);
/* Takes the sighting from its device. Fine when it has none. */
void device_forget(struct sighting *sighting);

/* device_take() where owner or content may be others than before. */
bool device_take_anew(struct bleproxy_device *device, struct sighting *sighting);
/* The sighting's report becomes the current one. Returns whether its content differs from that of the one before. */
static inline bool device_take(struct bleproxy_device *device, struct sighting *sighting)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    device->view.time_ns = view->time_ns;
    device->view.rssi_dbm = view->rssi_dbm;
    device->view.tx_power_dbm = view->tx_power_dbm;
    device->reports++;
    if (device->owner == sighting && !view->changed && sighting->content_epoch == device->content_epoch)
        return false;
    return device_take_anew(device, sighting);
}

/* The current report as its owner holds it, else as it is kept here. There is one. */
static inline const struct bleproxy_advertisement *device_current(const struct bleproxy_device *device)
{
    return device->owner ? &device->owner->view : &device->view;
}

/* Its current report is none any more; what is kept of it is still there for who looks at the view. */
void device_forget_report(struct bleproxy_device *device);
/* That, and what it has told is forgotten; it stays. */
void device_clear(struct bleproxy_device *device);

/* Whether some scanner remembers it, and it has a current report. */
static inline bool device_is_heard(const struct bleproxy_device *device)
{
    return device->has_report && !list_empty(&device->sightings);
}

static inline struct bleproxy_device *device_of_member(struct crowd_member *member)
{
    return list_entry(member, struct bleproxy_device, member);
}

/* ---- device_name.c ---- */

/* The name that all proxies' reports together give the device, or NULL. */
const char *device_name(const struct bleproxy_device *device, size_t *ret_size);
/* Compares the name of a report that has just been stored with the device's: the better one becomes both's. Needed while
 * their name_epoch differs. Out of memory it does not, and the sighting's name_epoch is 0. */
void device_settle_name(struct bleproxy_device *device, struct sighting *sighting);
/* What a scanner remembers from earlier names the device, by the same rule; the sighting stays as it is. */
void device_recall_name(struct bleproxy_device *device, const struct sighting *sighting);
/* Whether the report has a name: the device's own address is none. */
bool device_name_is_address(const struct bleproxy_advertisement *view);
static inline bool device_is_named(const struct bleproxy_advertisement *view)
{
    return view->name && (view->name_size != BLEPROXY_ADDRESS_TEXT_SIZE - 1 || !device_name_is_address(view));
}

#endif
