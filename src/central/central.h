/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_CENTRAL_H
#define CENTRAL_CENTRAL_H

#include "central/bonds.h"
#include "central/cache.h"
#include "hub/hub.h"
#include <bleproxy/path.h>
#include <bleproxy/peripheral.h>

/* Bluetooth's central role over all proxies of a hub: peripherals, connections to them, and what is done over these. The
 * pure core of <bleproxy/peripheral.h>. */
struct central;

struct central_config {
    const struct env *env;
    struct hub *hub;    /* its scanners are the ways to the peripherals */
    uint32_t reference; /* enum bleproxy_rule */
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
/* As the config's; counts for what is decided from now on. */
void central_set_reference(struct central *central, uint32_t reference);
/* What all peripherals share. */
struct cache *central_cache(struct central *central);
struct bonds *central_bonds(struct central *central);

/* The pure cores of their namesakes in <bleproxy/pin.h> and <bleproxy/path.h>. */
int central_pin(struct central *central, uint64_t address, const char *proxy, enum bleproxy_pin kind);
int central_unpin(struct central *central, uint64_t address, const char *proxy, enum bleproxy_pin kind);
int central_forget_bond(struct central *central, uint64_t address);
size_t central_paths(const struct central *central, uint64_t address, struct bleproxy_path *paths, size_t max,
                     uint64_t now_ns);
char *central_explain_path(const struct central *central, uint64_t address, char *text, size_t size,
                           uint64_t now_ns);

#endif
