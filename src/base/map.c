/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <bleproxy/error.h>

enum { MAP_FIRST_SLOTS = 16 };

void map_init(struct map *map, const struct env *env)
{
    *map = (struct map){.env = env};
    env->random(env->user, &map->multiplier, sizeof(map->multiplier));
    map->multiplier |= 1;
}

void map_deinit(struct map *map)
{
    env_free(map->env, map->slots);
    map->slots = NULL;
    map->count = map->size = 0;
}

static int map_grow(struct map *map)
{
    struct map grown = *map;
    grown.size = map->slots ? map->size + map->size / 4 : MAP_FIRST_SLOTS;
    grown.slots = env_alloc(map->env, grown.size * sizeof(*grown.slots));
    if (!grown.slots)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < map->size; i++)
        if (map->slots[i].value)
            *map_find(&grown, map->slots[i].key) = map->slots[i];
    env_free(map->env, map->slots);
    *map = grown;
    return 0;
}

int map_put(struct map *map, uint64_t key, void *value)
{
    if (map->slots) {
        struct map_slot *held = map_find(map, key);
        if (held->value) {
            held->value = value;
            return 0;
        }
    }
    if (map->count >= map->size / 4 * 3) {
        int r = map_grow(map);
        if (r < 0)
            return r;
    }
    *map_find(map, key) = (struct map_slot){key, value};
    map->count++;
    return 0;
}

/* Steps from one slot to another, around the end. */
static size_t map_distance(const struct map *map, size_t from, size_t to)
{
    return to >= from ? to - from : to + map->size - from;
}

void *map_remove(struct map *map, uint64_t key)
{
    if (!map->slots)
        return NULL;
    struct map_slot *slot = map_find(map, key);
    void *value = slot->value;
    if (!value)
        return NULL;
    map->count--;
    /* Closes the gap: whatever probed past the freed slot on its way home moves back. */
    size_t gap = (size_t)(slot - map->slots);
    for (size_t i = gap;;) {
        i = i + 1 < map->size ? i + 1 : 0;
        if (!map->slots[i].value)
            break;
        size_t home = map_home(map, map->slots[i].key);
        if (map_distance(map, home, i) >= map_distance(map, gap, i)) {
            map->slots[gap] = map->slots[i];
            gap = i;
        }
    }
    map->slots[gap].value = NULL;
    return value;
}

void *map_next(const struct map *map, size_t *position)
{
    while (map->slots && *position < map->size) {
        void *value = map->slots[(*position)++].value;
        if (value)
            return value;
    }
    return NULL;
}
