/* SPDX-License-Identifier: MIT */
#ifndef SIM_GATT_DATABASE_H
#define SIM_GATT_DATABASE_H

#include "base/env.h"
#include "server/server.h"
#include <bleproxy/gatt.h>

/* The attributes of a virtual device. It is written down as GATT servers have it: a list in the order of the
 * handles, from which the tree follows. A characteristic takes two handles, its declaration and its value. */

enum gatt_type { GATT_SERVICE, GATT_CHARACTERISTIC, GATT_DESCRIPTOR };

/* What a value does beside being stored. */
enum gatt_role {
    GATT_STORED,
    GATT_BATTERY, /* follows the clock, and is notified */
    GATT_PULSE,   /* notified every second */
    GATT_RESET,   /* heart rate control point: takes 1 only */
    GATT_ECHO,    /* what is written is notified by GATT_ECHOED */
    GATT_ECHOED,
    GATT_BURST, /* how many notifications are to come (16 bits), and of what size (16 bits; 20), little-endian:
                    * each begins with its number, 16 bits */
    GATT_FAIL,  /* what is written comes back as the status of the write */
    GATT_HANG_UP, /* what is written (a byte) becomes the reason why the link ends */
};

struct gatt_attribute {
    enum gatt_type type;
    const char *uuid;
    uint8_t properties; /* enum bleproxy_property; of descriptors, too */
    enum gatt_role role;
    bool encrypted;    /* needs a bond */
    uint16_t size_max; /* of what may be written; at least size */
    uint16_t size;
    const void *value; /* at first */
};

/* The same, by handle and as a tree. */
struct gatt_database {
    const struct server_service *services;
    size_t n_services;
    const struct gatt_attribute *const *by_handle; /* NULL for declarations and 0 */
    uint16_t n_handles;                            /* the highest one is one less */
};

#define GATT_UUID_CCCD "2902"

/* One block, which the attributes must outlive. The first attribute is a service; a descriptor follows its
 * characteristic; UUIDs are as bleproxy_uuid_parse() takes them. 0 or BLEPROXY_E_NOMEM. */
int gatt_database_new(const struct env *env, const struct gatt_attribute *attributes, size_t n,
                      const struct gatt_database **ret_database);
void gatt_database_free(const struct env *env, const struct gatt_database *database);
/* The value or descriptor of that handle, or NULL. */
const struct gatt_attribute *gatt_database_at(const struct gatt_database *database, uint16_t handle);
/* The handle of the first attribute with that role, or 0. */
uint16_t gatt_database_role(const struct gatt_database *database, enum gatt_role role);
/* The handle of a characteristic's configuration, or 0. handle: of its value. */
uint16_t gatt_database_cccd(const struct gatt_database *database, uint16_t handle);
bool gatt_attribute_is_cccd(const struct gatt_attribute *attribute);

#endif
