/* SPDX-License-Identifier: MIT */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/env.h"

/* Hash table from a 48-bit Bluetooth address to a pointer. Strangers choose the addresses, so the hash is
 * keyed with random bits; open addressing with linear probing, at most 3/4 full, never shrinks. */
struct map {
    const struct env *env;
    struct map_slot *slots;
    size_t count, mask;  /* mask + 1 slots, 0 slots before the first insertion */
    unsigned shift;      /* 64 - log2(mask + 1) */
    uint64_t multiplier; /* random and odd */
};

struct map_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

void map_init(struct map *map, const struct env *env);
/* Frees the table, not the values. */
void map_deinit(struct map *map);

/* Where the search for a key starts: the upper bits of its product with a secret odd number. Of two keys that
 * were chosen without knowing it, the chance to start at the same slot is at most 2 in the number of slots
 * (Dietzfelbinger's multiplicative hashing). */
static inline size_t map_home(const struct map *map, uint64_t key)
{
    return (size_t)(key * map->multiplier >> map->shift);
}

/* The slot that holds the key, or the free one where it belongs. There are slots. */
static inline struct map_slot *map_find(const struct map *map, uint64_t key)
{
    size_t i = map_home(map, key);
    while (map->slots[i].value && map->slots[i].key != key)
        i = (i + 1) & map->mask;
    return &map->slots[i];
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
