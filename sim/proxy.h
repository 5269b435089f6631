/* SPDX-License-Identifier: MIT */
#ifndef SIM_PROXY_H
#define SIM_PROXY_H

#include "server/server.h"
#include "sim/gatt_radio.h"

/* One virtual proxy: the device's side of the API over an ear in the virtual house. Pure, as both are. */
struct sim_proxy_config {
    const char *name;
    const struct server_profile *profile;
    uint64_t flush_ns;    /* instead of the profile's, unless BP_NEVER */
    uint64_t seed;        /* MAC addresses and place in the house follow from it and the name */
    const uint8_t *psk;   /* or NULL */
    const char *password; /* or NULL */
    uint32_t slots;
    int32_t latency_ms; /* of everything on the air, or GATT_LATENCY_NATURAL */
    struct sim_link_faults faults;
};

struct sim_proxy {
    struct server *server;
    struct ear *ear;
    struct gatt_radio gatt;
    struct server_profile profile; /* with flush_ns replaced */
    const struct env *env;
    uint64_t scanner_ns; /* the scanner's next step towards running; BP_NEVER when it is, or is paused */
    bool paused;         /* it is to stop: a link is being opened */
    enum bleproxy_scanner_state scanner_state;
};

/* Embedded; may not move afterwards. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (the name). */
int sim_proxy_init(struct sim_proxy *proxy, const struct sim_proxy_config *config, struct radio *radio,
                   const struct env *env, uint64_t now_ns);
/* Idempotent. */
void sim_proxy_deinit(struct sim_proxy *proxy);
uint64_t sim_proxy_deadline(const struct sim_proxy *proxy);
void sim_proxy_tick(struct sim_proxy *proxy, uint64_t now_ns);
/* In a flood: reports until the subscriber's backlog is about full. Whether it wants more then. */
bool sim_proxy_flood(struct sim_proxy *proxy, uint64_t now_ns);
/* Whether there is a subscriber who would hear it. */
bool sim_proxy_wants_flood(const struct sim_proxy *proxy);
/* What follows from the name and the seed. */
uint64_t sim_proxy_mac_address(const char *name, uint64_t seed);

#endif
