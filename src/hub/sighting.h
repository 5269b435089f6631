/* SPDX-License-Identifier: MIT */
#ifndef HUB_SIGHTING_H
#define HUB_SIGHTING_H

#include "base/env.h"
#include "hub/crowd.h"
#include "wire/fields.h"
#include <string.h>

struct scanner;
struct bleproxy_device;

enum {
    SIGHTING_RAW_MAX = 1650, /* Bluetooth Core: the longest extended advertising data */
    /* Every byte of a name may decode to the three of U+FFFD; and the NUL. */
    SIGHTING_NAME_CAPACITY = FIELDS_NAME_MAX * 3 + 1,
};

/* What one scanner knows of one device; first what every report touches. Subscribers are handed &view itself,
 * so it is always complete. */
struct sighting {
    struct bleproxy_advertisement view;
    struct bleproxy_device *device; /* NULL: not in a hub's table */
    /* The device's, when its content, its name were last found to be the same as here; 0: they were not, or the name is
     * another since. A change of the content shows in the view: it is taken, or content_epoch is 0 afterwards. */
    uint32_t content_epoch, name_epoch;
    struct crowd_member member; /* of its scanner's */

    uint32_t capacity;
    bool has_rssi; /* the last report told it */
    bool renamed;  /* the name is the device's, not from a report of this scanner */
    bool restored; /* from the history, and no device's since */
    struct scanner *scanner;
    struct list in_device;
    uint64_t interval_ns; /* the device's, as it was when this was put into the history; 0: not known */
};

/* The outcome of one packet before it is stored. */
struct sighting_update {
    const uint8_t *raw; /* borrowed from the packet; NULL when the proxy decoded it */
    uint16_t raw_size;
    int16_t tx_power_dbm;
    bool changed;
    bool new_name;      /* name replaces the held one */
    uint16_t name_size; /* of the name to be held, 0: none */
    uint32_t fields_size;
    const uint8_t *fields; /* the merged block, in merged or in the packet's */
    uint8_t merged[FIELDS_MAX];
    char name[SIGHTING_NAME_CAPACITY];
};

/* The block of capacity bytes that view points into: the name with its NUL, the fields, the raw bytes. NULL: nothing has
 * been stored yet. */
static inline uint8_t *sighting_memory(const struct sighting *sighting)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    return (uint8_t *)(uintptr_t)(view->name ? (const void *)view->name : view->fields);
}
/* The block is elsewhere now. */
void sighting_move(struct sighting *sighting, uint8_t *memory);

/* Whether the packet is the last one again, byte for byte. */
static inline bool sighting_repeats(const struct sighting *sighting, const uint8_t *raw, size_t size)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    return view->raw && view->raw_size == size && (size == 0 || memcmp(view->raw, raw, size) == 0);
}

/* Takes in the commonest change: the packet is the one before but for the value of its last service data or
 * of its last manufacturer data. False: it is not like that, nothing was done. */
bool sighting_refresh(struct sighting *sighting, const uint8_t *raw, size_t size);

/* Merges what was heard with what sighting holds (maybe nothing yet) into *ret_update, which
 * borrows from heard and raw. raw_size <= SIGHTING_RAW_MAX. Returns the capacity that sighting_commit()
 * needs. */
size_t sighting_prepare(const struct sighting *sighting, const struct fields *heard, const uint8_t *raw,
                        size_t raw_size, struct sighting_update *ret_update);
/* Stores a prepared update. The capacity is there. */
void sighting_commit(struct sighting *sighting, const struct sighting_update *update);
/* Gives it another name, which is not its own memory. The capacity is there. */
void sighting_rename(struct sighting *sighting, const char *name, uint16_t size);

#endif
