/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_CENTRAL_H
#define CENTRAL_CENTRAL_H

#include "central/cache.h"
#include "hub/hub.h"
#include <bleproxy/peripheral.h>

/* Bluetooth's central role over all proxies of a hub: peripherals, connections to them, and what is done over these. The
 * pure core of <bleproxy/peripheral.h>. */
struct central;

struct central_config {
    const struct env *env;
    struct hub *hub; /* its scanners are the ways to the peripherals */
    /* central_deadline() is earlier than at the last tick or the last such call, which may come from any call to the central
     * and from any message of a proxy; until the next it becomes later only. May be NULL. */
    void (*on_deadline)(void *user);
    void *user;
};

int central_new(const struct central_config *config, struct central **ret_central);
/* Operations complete with BLEPROXY_E_CANCELLED; peripherals that still are must only be freed afterwards. Allowed in
 * callbacks. NULL is fine. */
void central_free(struct central *central, uint64_t now_ns);
uint64_t central_deadline(const struct central *central);
void central_tick(struct central *central, uint64_t now_ns);
/* Whose it is: the config's user, or NULL once it is freed. */
void *central_user(const struct central *central);
/* The cache that all peripherals share. */
struct cache *central_cache(struct central *central);

#endif
