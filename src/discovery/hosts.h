/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_HOSTS_H
#define DISCOVERY_HOSTS_H

#include "base/env.h"
#include "base/list.h"
#include "base/time.h"
#include "discovery/dns.h"
#include "discovery/netif.h"

enum {
    HOSTS_MAX = 1024,              /* names; the one that was of use longest ago goes */
    HOST_ADDRESSES_MAX = 8,        /* of one name; the one that was heard longest ago goes */
    HOST_LIFETIME_MAX_S = 75 * 60, /* whatever the record says */
};

/* The addresses of one name, each with its lifetime. */
struct host {
    char name[DNS_NAME_SIZE];
    unsigned n;
    struct host_address {
        struct net_address address; /* without a port */
        uint32_t netif;             /* heard on it */
        uint32_t ttl_s;             /* as told, up to the cap above */
        uint64_t heard_ns, expires_ns;
    } addresses[HOST_ADDRESSES_MAX];
};

/* Takes an A or AAAA record of this name in; others are not looked at. A goodbye ends the address in a second, as does
 * a cache-flush all that were heard on the same interface over a second ago (RFC 6762, 10). Whether anything changed
 * but lifetimes. */
bool host_feed(struct host *host, const struct dns_record *record, const struct netif *netif,
               uint64_t now_ns);
/* Forgets what is past its lifetime; whether there was any. */
bool host_expire(struct host *host, uint64_t now_ns);
/* The addresses that live, IPv6 before IPv4, without repetition; at most max. */
size_t host_get(const struct host *host, uint64_t now_ns, struct net_address *ret_addresses, size_t max);

/* Whether the host, as heard last, has others than this address: it is not known, or others of its family were heard over
 * a second after it. */
bool host_has_moved(const struct host *host, const struct net_address *address);

/* The names that were looked up, and what is known of them. */
struct hosts {
    const struct env *env;
    struct list hosts; /* the one of use longest ago first */
    unsigned n;
    uint64_t hash_key;
};

void hosts_init(struct hosts *hosts, const struct env *env);
void hosts_deinit(struct hosts *hosts);
/* The name's entry, an empty one made if there is none; NULL when there is no memory. It lives until the next call. */
struct host *hosts_make(struct hosts *hosts, const char *name);
/* The name's entry, or NULL. */
struct host *hosts_find(struct hosts *hosts, const char *name);

#endif
