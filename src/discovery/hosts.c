/* SPDX-License-Identifier: MIT */
#include "discovery/hosts.h"

#include <stdio.h>

struct hosts_entry {
    struct list link;
    uint64_t hash; /* of its name: whatever is announced is looked for here */
    struct host host;
};

static void drop(struct host *host, unsigned i)
{
    host->n--;
    memmove(&host->addresses[i], &host->addresses[i + 1], (host->n - i) * sizeof(host->addresses[0]));
}

static unsigned find_address(const struct host *host, const struct net_address *address, uint32_t netif)
{
    unsigned i = 0;
    while (i < host->n &&
           !(host->addresses[i].netif == netif && net_address_equals(&host->addresses[i].address, address)))
        i++;
    return i;
}

/* What is still in here of the family, and was heard on the interface over a second ago, has a second left. */
static void flush(struct host *host, uint8_t family, uint32_t netif, uint64_t now_ns)
{
    for (unsigned i = 0; i < host->n; i++) {
        struct host_address *entry = &host->addresses[i];
        if (entry->address.family == family && entry->netif == netif && now_ns - entry->heard_ns > NS_PER_S)
            entry->expires_ns = time_min(entry->expires_ns, now_ns + NS_PER_S);
    }
}

static unsigned oldest(const struct host *host)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < host->n; i++)
        if (host->addresses[i].heard_ns < host->addresses[oldest].heard_ns)
            oldest = i;
    return oldest;
}

bool host_feed(struct host *host, const struct dns_record *record, const struct netif *netif, uint64_t now_ns)
{
    struct net_address address;
    uint8_t family = record->type == DNS_A ? 4 : 6;
    if ((record->type != DNS_A && record->type != DNS_AAAA) || !dns_name_equals(record->name, host->name) ||
        !netif_address(netif, family, record->address, &address))
        return false;
    host_expire(host, now_ns);
    unsigned i = find_address(host, &address, netif->index);
    bool is_new = i == host->n;
    if (record->ttl_s == 0) {
        if (!is_new)
            host->addresses[i].expires_ns = time_min(host->addresses[i].expires_ns, now_ns + NS_PER_S);
        return false;
    }
    if (record->flush)
        flush(host, family, netif->index, now_ns);
    if (is_new && host->n == HOST_ADDRESSES_MAX) {
        drop(host, oldest(host));
        i = host->n;
    }
    host->n += is_new;
    uint32_t ttl_s = record->ttl_s < HOST_LIFETIME_MAX_S ? record->ttl_s : HOST_LIFETIME_MAX_S;
    host->addresses[i] = (struct host_address){.address = address,
                                               .netif = netif->index,
                                               .ttl_s = ttl_s,
                                               .heard_ns = now_ns,
                                               .expires_ns = time_after(now_ns, ttl_s * NS_PER_S)};
    return is_new;
}

bool host_expire(struct host *host, uint64_t now_ns)
{
    unsigned before = host->n;
    for (unsigned i = host->n; i-- > 0;)
        if (now_ns >= host->addresses[i].expires_ns)
            drop(host, i);
    return host->n < before;
}

size_t host_get(const struct host *host, uint64_t now_ns, struct net_address *ret_addresses, size_t max)
{
    size_t n = 0;
    for (uint8_t family = 6; family >= 4; family = (uint8_t)(family - 2)) {
        /* What was heard last comes first: after a change of address the old one may not have been withdrawn. */
        for (unsigned round = 0; round < host->n && n < max; round++) {
            const struct host_address *entry = NULL;
            for (unsigned i = 0; i < host->n; i++) {
                const struct host_address *other = &host->addresses[i];
                bool listed = other->address.family != family || now_ns >= other->expires_ns;
                for (size_t j = 0; j < n && !listed; j++)
                    listed = net_address_equals(&ret_addresses[j], &other->address);
                if (!listed && (!entry || other->heard_ns > entry->heard_ns))
                    entry = other;
            }
            if (!entry)
                break;
            ret_addresses[n++] = entry->address;
        }
    }
    return n;
}

bool host_has_moved(const struct host *host, const struct net_address *address)
{
    uint64_t own_ns = 0, newest_ns = 0;
    for (unsigned i = 0; i < host->n; i++) {
        const struct host_address *entry = &host->addresses[i];
        if (net_address_equals(&entry->address, address) && entry->heard_ns > own_ns)
            own_ns = entry->heard_ns;
        else if (entry->address.family == address->family && entry->heard_ns > newest_ns)
            newest_ns = entry->heard_ns;
    }
    return host->n > 0 && (own_ns == 0 || (newest_ns > own_ns && newest_ns - own_ns > NS_PER_S));
}

void hosts_init(struct hosts *hosts, const struct env *env)
{
    *hosts = (struct hosts){.env = env};
    list_init(&hosts->hosts);
    env->random(env->user, &hosts->hash_key, sizeof(hosts->hash_key));
}

static void forget(struct hosts *hosts, struct hosts_entry *entry)
{
    list_unlink(&entry->link);
    env_free(hosts->env, entry);
    hosts->n--;
}

void hosts_deinit(struct hosts *hosts)
{
    if (hosts->env)
        list_for_each(node, &hosts->hosts) forget(hosts, list_entry(node, struct hosts_entry, link));
}

struct host *hosts_find(struct hosts *hosts, const char *name)
{
    uint64_t hash = dns_name_hash(name, hosts->hash_key);
    list_for_each(node, &hosts->hosts)
    {
        struct hosts_entry *entry = list_entry(node, struct hosts_entry, link);
        if (entry->hash == hash && dns_name_equals(entry->host.name, name))
            return &entry->host;
    }
    return NULL;
}

struct host *hosts_make(struct hosts *hosts, const char *name)
{
    struct host *host = hosts_find(hosts, name);
    struct hosts_entry *entry;
    if (host) {
        entry = list_entry(host, struct hosts_entry, host);
        list_unlink(&entry->link);
    } else {
        entry = env_alloc(hosts->env, sizeof(*entry));
        if (!entry)
            return NULL;
        list_init(&entry->link);
        entry->hash = dns_name_hash(name, hosts->hash_key);
        snprintf(entry->host.name, sizeof(entry->host.name), "%s", name);
        if (hosts->n == HOSTS_MAX)
            forget(hosts, list_entry(hosts->hosts.next, struct hosts_entry, link));
        hosts->n++;
    }
    list_append(&hosts->hosts, &entry->link);
    return &entry->host;
}
