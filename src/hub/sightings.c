/* SPDX-License-Identifier: MIT */
#include "hub/sightings.h"

#include "hub/availability.h"
#include "hub/device.h"
#include "hub/scanner_private.h"

void sightings_init(struct sightings *sightings, const struct env *env, struct scanner *scanner)
{
    *sightings = (struct sightings){.env = env, .scanner = scanner};
    map_init(&sightings->by_address, env);
    crowd_init(&sightings->crowd);
}

static void sightings_release(struct sightings *sightings, struct sighting *sighting)
{
    sightings->bytes -= sighting->capacity;
    env_free(sightings->env, sighting_memory(sighting));
    env_free(sightings->env, sighting);
}

static void sightings_drop(struct sightings *sightings, struct sighting *sighting)
{
    device_forget(sighting);
    map_remove(&sightings->by_address, sighting->view.address);
    crowd_leave(&sighting->member);
    sightings_release(sightings, sighting);
}

void sightings_each(struct sightings *sightings, void (*visit)(struct sighting *, void *), void *user)
{
    struct crowd *crowd = &sightings->crowd;
    struct list *const lists[] = {&crowd->kept, &crowd->repeated, &crowd->once};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        list_for_each(node, lists[i])
            visit(sighting_of_member(list_entry(node, struct crowd_member, node)), user);
}

static void drop(struct sighting *sighting, void *user)
{
    (void)user;
    sightings_drop(&sighting->scanner->sightings, sighting);
}

void sightings_deinit(struct sightings *sightings)
{
    sightings_each(sightings, drop, NULL);
    map_deinit(&sightings->by_address);
}

static uint64_t member_heard_ns(struct crowd_member *member)
{
    return sighting_of_member(member)->view.time_ns;
}

/* One makes way for another, or for more of the one that is spared; false when there is none. */
static bool sightings_displace(struct sightings *sightings, const struct sighting *spared, bool urgent,
                               uint64_t now_ns)
{
    struct crowd_member *chosen =
        crowd_choose(&sightings->crowd, member_heard_ns, spared ? &spared->member : NULL, urgent, now_ns);
    if (!chosen)
        return false;
    sightings_drop(sightings, sighting_of_member(chosen));
    return true;
}

static bool sightings_reserve(struct sightings *sightings, struct sighting *sighting, size_t needed,
                              bool urgent, uint64_t now_ns)
{
    if (needed <= sighting->capacity)
        return true;
    size_t capacity = env_block_size(needed);
    while (sightings->bytes - sighting->capacity + capacity > SIGHTINGS_BYTES_MAX)
        if (!sightings_displace(sightings, sighting, urgent, now_ns))
            return false;
    uint8_t *memory = env_resize(sightings->env, sighting_memory(sighting), capacity);
    if (!memory)
        return false;
    sightings->bytes += capacity - sighting->capacity;
    sighting_move(sighting, memory);
    sighting->capacity = (uint32_t)capacity;
    return true;
}

static struct sighting *sightings_add(struct sightings *sightings, uint64_t address, bool urgent,
                                      const struct sighting_update *update, size_t needed, uint64_t now_ns)
{
    if (sightings->by_address.count >= SIGHTINGS_MAX && !sightings_displace(sightings, NULL, urgent, now_ns))
        return NULL;
    struct sighting *sighting = env_alloc(sightings->env, sizeof(*sighting));
    if (!sighting)
        return NULL;
    list_init(&sighting->in_device);
    sighting->scanner = sightings->scanner;
    sighting->view.address = address;
    sighting->view.time_ns = now_ns;
    list_init(&sighting->member.node);
    if (!sightings_reserve(sightings, sighting, needed, urgent, now_ns) ||
        map_put(&sightings->by_address, address, sighting) < 0) {
        sightings_release(sightings, sighting);
        return NULL;
    }
    crowd_enter(&sightings->crowd, &sighting->member, true);
    sighting_commit(sighting, update);
    return sighting;
}

struct sighting *sightings_store(struct sightings *sightings, struct sighting *held, uint64_t address,
                                 bool urgent, const struct fields *heard, const uint8_t *raw, size_t raw_size,
                                 uint64_t now_ns)
{
    struct sighting_update update;
    if (!held) {
        static const struct sighting nothing;
        size_t needed = sighting_prepare(&nothing, heard, raw, raw_size, &update);
        return sightings_add(sightings, address, urgent, &update, needed, now_ns);
    }
    size_t needed = sighting_prepare(held, heard, raw, raw_size, &update);
    if (!sightings_reserve(sightings, held, needed, urgent, now_ns))
        return NULL;
    sighting_commit(held, &update);
    sightings_again(sightings, held);
    return held;
}

struct sighting *sightings_restore(struct sightings *sightings, const struct sighting *model)
{
    const struct bleproxy_advertisement *view = &model->view;
    struct sighting_update update;
    size_t name_size = view->name_size > 0 ? view->name_size + (size_t)1 : 0;
    size_t needed = name_size + view->fields_size + view->raw_size;
    if (sightings_get(sightings, view->address) || sightings->by_address.count >= SIGHTINGS_MAX)
        return NULL;
    update.raw = view->raw;
    update.raw_size = view->raw_size;
    update.tx_power_dbm = view->tx_power_dbm;
    update.changed = false;
    update.new_name = view->name_size > 0;
    update.name_size = view->name_size;
    update.fields_size = view->fields_size;
    update.fields = view->fields;
    if (view->name_size > 0)
        memcpy(update.name, view->name, view->name_size);
    struct sighting *sighting =
        sightings_add(sightings, view->address, false, &update, needed > 0 ? needed : 1, view->time_ns);
    if (!sighting)
        return NULL;
    sighting->view.rssi_dbm = view->rssi_dbm;
    sighting->view.address_type = view->address_type;
    sighting->has_rssi = model->has_rssi;
    sighting->renamed = model->renamed;
    sighting->interval_ns = model->interval_ns;
    sighting->restored = true;
    if (!model->member.heard_once)
        sightings_again(sightings, sighting);
    return sighting;
}

bool sightings_rename(struct sightings *sightings, struct sighting *sighting, const char *name, uint16_t size)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    size_t needed = size + (size_t)1 + view->fields_size + view->raw_size;
    if (!sightings_reserve(sightings, sighting, needed, sighting->member.kept, view->time_ns))
        return false;
    sighting_rename(sighting, name, size);
    return true;
}

void sightings_keep(struct sighting *sighting)
{
    crowd_keep(&sighting->scanner->sightings.crowd, &sighting->member, sighting->device->interest != NULL);
}

void sightings_clear(struct sighting *sighting)
{
    struct bleproxy_advertisement *view = &sighting->view;
    view->fields_size = 0;
    view->raw = NULL;
    view->raw_size = 0;
    view->changed = 1;
    sighting->content_epoch = sighting->name_epoch = 0;
}

static void expire(struct sighting *sighting, void *user)
{
    const uint64_t *now_ns = user;
    const struct scanner *scanner = sighting->scanner;
    uint64_t memory_ns = availability_memory_ns(scanner_rules(scanner), sighting);
    if (time_after(sighting->view.time_ns, memory_ns) < *now_ns)
        drop(sighting, NULL);
}

void sightings_expire(struct sightings *sightings, uint64_t now_ns)
{
    sightings_each(sightings, expire, &now_ns);
}

static void leave_hub(struct sighting *sighting, void *user)
{
    (void)user;
    crowd_keep(&sighting->scanner->sightings.crowd, &sighting->member, false); /* it was the hub that cared */
    device_forget(sighting);
}

void sightings_leave_hub(struct sightings *sightings)
{
    sightings_each(sightings, leave_hub, NULL);
}
