/* SPDX-License-Identifier: MIT */
#include "central/cache.h"

#include <bleproxy/error.h>

void cache_init(struct cache *cache, const struct env *env)
{
    *cache = (struct cache){.env = env};
    list_init(&cache->services);
    list_init(&cache->mtus);
}

static void cache_drop(struct cache *cache, struct cache_entry *entry, size_t *n)
{
    list_unlink(&entry->link);
    (*n)--;
    services_unref(entry->services);
    env_free(cache->env, entry);
}

static void cache_clear(struct cache *cache, struct list *entries, size_t *n)
{
    list_for_each(node, entries) cache_drop(cache, list_entry(node, struct cache_entry, link), n);
}

void cache_deinit(struct cache *cache)
{
    cache_clear(cache, &cache->services, &cache->n_services);
    cache_clear(cache, &cache->mtus, &cache->n_mtus);
}

/* The device's entry, now the one used last, or NULL. */
static struct cache_entry *cache_use(struct list *entries, uint64_t address)
{
    list_for_each(node, entries)
    {
        struct cache_entry *entry = list_entry(node, struct cache_entry, link);
        if (entry->address != address)
            continue;
        list_unlink(node);
        list_append(entries, node);
        return entry;
    }
    return NULL;
}

/* The device's entry, a new one in place of the one unused for longest if need be, or NULL without memory. */
static struct cache_entry *cache_enter(struct cache *cache, struct list *entries, size_t *n, uint64_t address)
{
    struct cache_entry *entry = cache_use(entries, address);
    if (entry)
        return entry;
    entry = env_alloc(cache->env, sizeof(*entry));
    if (!entry)
        return NULL;
    if (*n == CACHE_DEVICES_MAX)
        cache_drop(cache, list_entry(entries->next, struct cache_entry, link), n);
    entry->address = address;
    list_append(entries, &entry->link);
    (*n)++;
    return entry;
}

static void cache_changed(struct cache *cache)
{
    if (cache->on_change)
        cache->on_change(cache->on_change_user);
}

struct services *cache_services(struct cache *cache, uint64_t address)
{
    struct cache_entry *entry = cache_use(&cache->services, address);
    return entry ? entry->services : NULL;
}

uint16_t cache_mtu(struct cache *cache, uint64_t address)
{
    struct cache_entry *entry = cache_use(&cache->mtus, address);
    return entry ? entry->mtu : 0;
}

int cache_put_services(struct cache *cache, uint64_t address, struct services *services)
{
    struct cache_entry *entry = cache_enter(cache, &cache->services, &cache->n_services, address);
    if (!entry)
        return BLEPROXY_E_NOMEM;
    if (entry->services == services)
        return 0;
    services_unref(entry->services);
    entry->services = services_ref(services);
    cache_changed(cache);
    return 0;
}

int cache_put_mtu(struct cache *cache, uint64_t address, uint16_t mtu)
{
    struct cache_entry *entry = cache_enter(cache, &cache->mtus, &cache->n_mtus, address);
    if (!entry)
        return BLEPROXY_E_NOMEM;
    if (entry->mtu == mtu)
        return 0;
    entry->mtu = mtu;
    cache_changed(cache);
    return 0;
}

void cache_evict(struct cache *cache, uint64_t address)
{
    struct cache_entry *services = cache_use(&cache->services, address);
    struct cache_entry *mtu = cache_use(&cache->mtus, address);
    if (services)
        cache_drop(cache, services, &cache->n_services);
    if (mtu)
        cache_drop(cache, mtu, &cache->n_mtus);
    if (services || mtu)
        cache_changed(cache);
}
