/* SPDX-License-Identifier: MIT */
#ifndef HUB_IDENTITIES_H
#define HUB_IDENTITIES_H

#include "base/buffer.h"
#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

/* Which device answers at which address: a proxy that is known by its MAC address is not mistaken for another one that
 * has its IP address or its name now. */
struct identities {
    const struct env *env;
    struct list list; /* of struct identity, the newest at the end */
    size_t n;
    /* Called after every change, for who keeps them on disk; it must not change them, but for identities_decode() and
     * identities_saved(). May be NULL. */
    void (*on_change)(void *user);
    /* Another device than a known one has answered, which another program may have forgotten meanwhile, on disk. It must
     * not change them, but for identities_decode(). May be NULL. */
    void (*on_doubt)(void *user);
    void *on_change_user; /* of both */
};
enum {
    IDENTITIES_MAX = 10000, /* as many proxies as a configuration has; then the oldest goes */
    IDENTITY_ENDPOINT_SIZE = 272,
};

void identities_init(struct identities *identities, const struct env *env);
/* Idempotent; no change. */
void identities_deinit(struct identities *identities);

/* "attic.local:6053", as identities know it: in lower case. False: it is too long to be known. */
bool identity_endpoint(const char *host, uint16_t port, char ret_endpoint[IDENTITY_ENDPOINT_SIZE]);
/* 0: not known. */
uint64_t identities_get(const struct identities *identities, const char *endpoint);
/* Asks who keeps them on disk whether they are still so. */
void identities_doubt(struct identities *identities);
/* 0 or BLEPROXY_E_NOMEM. */
int identities_put(struct identities *identities, const char *endpoint, uint64_t mac_address);
/* 0 or BLEPROXY_E_NOT_FOUND. */
int identities_remove(struct identities *identities, const char *endpoint);

/* As bytes for a file, and back: as bonds_encode() and bonds_decode() (central/bonds.h). */
int identities_encode(const struct identities *identities, struct buffer *out);
int identities_decode(struct identities *identities, const uint8_t *bytes, size_t size);
void identities_saved(struct identities *identities);

#endif
