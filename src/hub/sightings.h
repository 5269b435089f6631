/* SPDX-License-Identifier: MIT */
#ifndef HUB_SIGHTINGS_H
#define HUB_SIGHTINGS_H

#include "base/map.h"
#include "hub/sighting.h"

enum {
    /* Crowded places stay under 1,000 devices per proxy; a proxy that invents more stops here. */
    SIGHTINGS_MAX = 8192,
    /* Bytes of names, fields and raw data: 512 for each of SIGHTINGS_MAX, several times what devices need. */
    SIGHTINGS_BYTES_MAX = 4 * 1024 * 1024,
};

/* The devices that one scanner has heard. When there is no room, the device heard only once that has been
 * silent longest makes way. */
struct sightings {
    const struct env *env;
    struct scanner *scanner;
    struct map by_address;
    struct list once, repeated; /* heard once, longest silent first; heard again, in no order */
    size_t bytes;               /* capacity of all */
};

void sightings_init(struct sightings *sightings, const struct env *env, struct scanner *scanner);
/* Idempotent. */
void sightings_deinit(struct sightings *sightings);

static inline struct sighting *sightings_get(const struct sightings *sightings, uint64_t address)
{
    return map_get(&sightings->by_address, address);
}

/* Counts a further report of a device. */
static inline void sightings_again(struct sightings *sightings, struct sighting *sighting)
{
    if (sighting->heard_once) {
        sighting->heard_once = false;
        list_unlink(&sighting->in_scanner);
        list_append(&sightings->repeated, &sighting->in_scanner);
    }
}

/* Stores a packet of the device of that address: held is what sightings_get() said. Returns its sighting; or
 * NULL, nothing changed, when there is no room for it or no memory. raw_size <= SIGHTING_RAW_MAX. */
struct sighting *sightings_store(struct sightings *sightings, struct sighting *held, uint64_t address,
                                 const struct fields *heard, const uint8_t *raw, size_t raw_size);
/* Forgets those not heard for longer than age_ns. */
void sightings_expire(struct sightings *sightings, uint64_t age_ns, uint64_t now_ns);
/* Takes all of them out of the hub's table; they stay here. */
void sightings_leave_hub(struct sightings *sightings);

#endif
