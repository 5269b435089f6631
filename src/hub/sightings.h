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

/* The devices that one scanner has heard. When there is no room, one of the crowd makes way. */
struct sightings {
    const struct env *env;
    struct scanner *scanner;
    struct map by_address;
    struct crowd crowd;
    size_t bytes; /* capacity of all */
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
    crowd_again(&sightings->crowd, &sighting->member);
}

static inline struct sighting *sighting_of_member(struct crowd_member *member)
{
    return list_entry(member, struct sighting, member);
}

/* Stores a packet of the device of that address: held is what sightings_get() said. Returns its sighting; or
 * NULL, nothing changed, when there is no room for it or no memory. raw_size <= SIGHTING_RAW_MAX. urgent: somebody cares
 * about the address. */
struct sighting *sightings_store(struct sightings *sightings, struct sighting *held, uint64_t address,
                                 bool urgent, const struct fields *heard, const uint8_t *raw, size_t raw_size,
                                 uint64_t now_ns);
/* Puts back what a scanner of this source has heard before: of the model, what its report told. NULL when there is no room
 * for it or no memory, or the device is there already. */
struct sighting *sightings_restore(struct sightings *sightings, const struct sighting *model);
/* Each of them, those that are to be kept first and those heard once last; what it is given to may drop it. */
void sightings_each(struct sightings *sightings, void (*visit)(struct sighting *sighting, void *user),
                    void *user);
/* Gives it another name; it may have to grow. False: no memory, or no room. */
bool sightings_rename(struct sightings *sightings, struct sighting *sighting, const char *name,
                      uint16_t size);
/* Somebody cares about its device, or nobody does any more. */
void sightings_keep(struct sighting *sighting);
/* Forgets what it has told, but stays: the next packet is merged with nothing. */
void sightings_clear(struct sighting *sighting);
/* Forgets those that have been silent for longer than they are to be remembered, see availability.h. */
void sightings_expire(struct sightings *sightings, uint64_t now_ns);
/* Takes all of them out of the hub's table; they stay here. */
void sightings_leave_hub(struct sightings *sightings);

#endif
