/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_CACHE_H
#define CENTRAL_CACHE_H

#include "base/buffer.h"
#include "base/list.h"
#include "central/services.h"

/* What is known of devices from earlier connections, through whichever proxy: their databases and MTUs. Each kind keeps
 * the CACHE_DEVICES_MAX devices used last. */
enum { CACHE_DEVICES_MAX = 128 };

struct cache {
    const struct env *env;
    struct list services, mtus; /* of struct cache_entry, the one used last at the end */
    size_t n_services, n_mtus;
    /* Called after what was put or evicted made a difference, for who keeps the cache on disk; it must not touch the
     * cache. May be NULL. */
    void (*on_change)(void *user);
    void *on_change_user;
};

struct cache_entry {
    struct list link;
    uint64_t address;
    struct services *services; /* a reference; NULL in the list of MTUs */
    uint16_t mtu;              /* 0 in the list of databases */
};

void cache_init(struct cache *cache, const struct env *env);
/* Idempotent; no change. */
void cache_deinit(struct cache *cache);

/* Borrowed, or NULL. Counts as use. */
struct services *cache_services(struct cache *cache, uint64_t address);
/* 0: not known. Counts as use. */
uint16_t cache_mtu(struct cache *cache, uint64_t address);
/* The cache takes a reference of its own. 0, or BLEPROXY_E_NOMEM: the old entry stays. */
int cache_put_services(struct cache *cache, uint64_t address, struct services *services);
/* mtu: at least BLEPROXY_MTU_DEFAULT. Else likewise. */
int cache_put_mtu(struct cache *cache, uint64_t address, uint16_t mtu);
/* Forgets both. */
void cache_evict(struct cache *cache, uint64_t address);

/* All of it appended as bytes for a file (with a magic number, a version and a checksum), and back into an empty cache,
 * which does not count as a change. Encoding: 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT. Decoding takes all or nothing: 0,
 * BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (damaged, or of another version). */
int cache_encode(const struct cache *cache, struct buffer *out);
int cache_decode(struct cache *cache, const uint8_t *bytes, size_t size);

#endif
