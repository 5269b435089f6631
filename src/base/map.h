/* SPDX-License-Identifier: MIT */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/env.h"

/* Hash table from a 48-bit Bluetooth address to a pointer. Strangers choose the addresses, so the hash is
 * keyed with random bits; open addressing with linear probing, at most 3/4 full, never shrinks. Grows by a quarter: it is
 * never much emptier, as there is one for each proxy. */
struct map {
    const struct env *env;
    struct map_slot *slots;
    size_t count, size;  /* size slots, 0 before the first insertion */
    uint64_t multiplier; /* random and odd */
};

struct map_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

void map_init(struct map *map, const struct env *env);
/* Frees the table, not the values. */
void map_deinit(struct map *map);

/* Where the search for a key starts. Multiplied by a secret odd number, keys that were chosen without knowing it hardly
 * meet; but for some such numbers those in a row stay in a row, of which linear probing makes a heap: so bits are mixed,
 * and spread once more, by the golden ratio. */
static inline size_t map_home(const struct map *map, uint64_t key)
{
    uint64_t mixed = key * map->multiplier;
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)((mixed >> 32) * map->size >> 32);
}

/* The slot that holds the key, or the free one where it belongs. There are slots. */
static inline struct map_slot *map_find(const struct map *map, uint64_t key)
{
    struct map_slot *slot = &map->slots[map_home(map, key)], *end = &map->slots[map->size];
    while (slot->value && slot->key != key)
        if (++slot == end)
            slot = map->slots;
    return slot;
}

/* The value, or NULL. Allocates nothing. */
static inline void *map_get(const struct map *map, uint64_t key)
{
    return map->slots ? map_find(map, key)->value : NULL;
}

/* Inserts or replaces; value is not NULL. 0 or BLEPROXY_E_NOMEM (the map is as it was). */
int map_put(struct map *map, uint64_t key, void *value);
/* The value that was there, or NULL. */
void *map_remove(struct map *map, uint64_t key);
/* Iteration in no order: start with *position = 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *map, size_t *position);

#endif
