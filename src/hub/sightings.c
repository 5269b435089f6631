/* SPDX-License-Identifier: MIT */
#include "hub/sightings.h"

#include "hub/device.h"

enum { CAPACITY_STEP = 32 }; /* payloads that vary by a few bytes settle in one block */

void sightings_init(struct sightings *sightings, const struct env *env, struct scanner *scanner)
{
    *sightings = (struct sightings){.env = env, .scanner = scanner};
    map_init(&sightings->by_address, env);
    list_init(&sightings->once);
    list_init(&sightings->repeated);
}

static void sightings_release(struct sightings *sightings, struct sighting *sighting)
{
    sightings->bytes -= sighting->capacity;
    env_free(sightings->env, sighting->memory);
    env_free(sightings->env, sighting);
}

static void sightings_drop(struct sightings *sightings, struct sighting *sighting)
{
    device_forget(sighting);
    map_remove(&sightings->by_address, sighting->view.address);
    list_unlink(&sighting->in_scanner);
    sightings_release(sightings, sighting);
}

void sightings_deinit(struct sightings *sightings)
{
    list_for_each(once, &sightings->once)
        sightings_drop(sightings, list_entry(once, struct sighting, in_scanner));
    list_for_each(repeated, &sightings->repeated)
        sightings_drop(sightings, list_entry(repeated, struct sighting, in_scanner));
    map_deinit(&sightings->by_address);
}

/* Displaces the device heard once that has been silent longest; false when there is none but keep. */
static bool sightings_displace(struct sightings *sightings, const struct sighting *keep)
{
    struct list *oldest = sightings->once.next;
    if (keep && oldest == &keep->in_scanner)
        oldest = oldest->next;
    if (oldest == &sightings->once)
        return false;
    sightings_drop(sightings, list_entry(oldest, struct sighting, in_scanner));
    return true;
}

static bool sightings_reserve(struct sightings *sightings, struct sighting *sighting, size_t needed)
{
    if (needed <= sighting->capacity)
        return true;
    size_t capacity = (needed + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
    while (sightings->bytes - sighting->capacity + capacity > SIGHTINGS_BYTES_MAX)
        if (!sightings_displace(sightings, sighting))
            return false;
    uint8_t *memory = env_resize(sightings->env, sighting->memory, capacity);
    if (!memory)
        return false;
    sightings->bytes += capacity - sighting->capacity;
    sighting->memory = memory;
    sighting->capacity = (uint32_t)capacity;
    return true;
}

static struct sighting *sightings_add(struct sightings *sightings, uint64_t address,
                                      const struct sighting_update *update, size_t needed)
{
    if (sightings->by_address.count >= SIGHTINGS_MAX && !sightings_displace(sightings, NULL))
        return NULL;
    struct sighting *sighting = env_alloc(sightings->env, sizeof(*sighting));
    if (!sighting)
        return NULL;
    list_init(&sighting->in_scanner);
    list_init(&sighting->in_device);
    sighting->scanner = sightings->scanner;
    sighting->view.address = address;
    sighting->heard_once = true;
    if (!sightings_reserve(sightings, sighting, needed) ||
        map_put(&sightings->by_address, address, sighting) < 0) {
        sightings_release(sightings, sighting);
        return NULL;
    }
    list_append(&sightings->once, &sighting->in_scanner);
    sighting_commit(sighting, update);
    return sighting;
}

struct sighting *sightings_store(struct sightings *sightings, struct sighting *held, uint64_t address,
                                 const struct fields *heard, const uint8_t *raw, size_t raw_size)
{
    struct sighting_update update;
    if (!held) {
        static const struct sighting nothing;
        size_t needed = sighting_prepare(&nothing, heard, raw, raw_size, &update);
        return sightings_add(sightings, address, &update, needed);
    }
    size_t needed = sighting_prepare(held, heard, raw, raw_size, &update);
    if (!sightings_reserve(sightings, held, needed))
        return NULL;
    sighting_commit(held, &update);
    sightings_again(sightings, held);
    return held;
}

static void expire_list(struct sightings *sightings, struct list *list, uint64_t age_ns, uint64_t now_ns)
{
    list_for_each(node, list)
    {
        struct sighting *sighting = list_entry(node, struct sighting, in_scanner);
        if (sighting->view.time_ns + age_ns < now_ns)
            sightings_drop(sightings, sighting);
    }
}

void sightings_expire(struct sightings *sightings, uint64_t age_ns, uint64_t now_ns)
{
    expire_list(sightings, &sightings->once, age_ns, now_ns);
    expire_list(sightings, &sightings->repeated, age_ns, now_ns);
}

void sightings_leave_hub(struct sightings *sightings)
{
    list_for_each(once, &sightings->once) device_forget(list_entry(once, struct sighting, in_scanner));
    list_for_each(repeated, &sightings->repeated)
        device_forget(list_entry(repeated, struct sighting, in_scanner));
}
