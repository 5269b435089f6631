/* SPDX-License-Identifier: MIT */
#ifndef SIM_PROXY_H
#define SIM_PROXY_H

#include "noise/handshake.h"
#include "server/server.h"
#include "sim/gatt_radio.h"
#include "sim/thief.h"

/* One virtual proxy: the device's side of the API over an ear in the virtual house. Pure, as both are. */
struct sim_proxy_config {
    const char *name;
    const struct server_profile *profile;
    uint64_t flush_ns;    /* instead of the profile's, unless BP_NEVER */
    uint64_t seed;        /* MAC addresses and place in the house follow from it and the name */
    const uint8_t *psk;   /* or NULL */
    bool provisionable;   /* clients may change the key */
    const char *password; /* or NULL; it outlives the proxy */
    uint32_t slots;
    int32_t latency_ms; /* of everything on the air, or GATT_LATENCY_NATURAL */
    struct sim_link_faults faults;
    uint32_t clients;             /* the most at a time; 0: as the profile has it */
    uint64_t reboot_timeout_ns;   /* without a client; 0: never */
    uint64_t awake_ns, asleep_ns; /* deep sleep in turn with being awake; 0: it never sleeps */
    uint64_t deaf_every_ns;       /* how often it goes deaf, unless it is; 0: never */
    enum server_cure cure;        /* of that */
    /* As server_radio_ops.store_key(), or NULL. */
    int (*store_key)(void *user, const uint8_t *psk);
    /* It goes off: the transport forgets its connections and takes no more. It is on: with a server that has
     * none. NULL: nobody wants to know. Not called by init and deinit. */
    void (*on_power)(void *user, bool on, uint64_t now_ns);
    void *user;
};

struct sim_proxy {
    struct sim_proxy_config config;
    char name[SERVER_NAME_MAX + 1];
    struct radio *radio;
    struct server *server; /* NULL while it is off */
    struct ear *ear;       /* as well */
    struct gatt_radio gatt;
    struct server_profile profile; /* with what the configuration replaces */
    struct thief thief;
    bool robbed;  /* the thief is to come back after a reboot */
    bool broken;  /* it is deaf, and a reboot does not help */
    bool has_key; /* it survives, as bonds do, */
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    uint64_t boot_ns;  /* while it is off: until then; BP_NEVER */
    uint64_t off_ns;   /* it takes leave of its clients: until then; BP_NEVER */
    uint64_t down_ns;  /* how long it is off then */
    uint64_t sleep_ns; /* when it next falls asleep */
    uint64_t deaf_ns;  /* when it next goes deaf */
    const struct env *env;
    uint64_t scanner_ns; /* the scanner's next step towards running; BP_NEVER when it is, or is paused */
    bool paused;         /* it is to stop: a link is being opened */
    enum bleproxy_scanner_state scanner_state;
};

/* Embedded; may not move afterwards. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (the name). */
int sim_proxy_init(struct sim_proxy *proxy, const struct sim_proxy_config *config, struct radio *radio,
                   const struct env *env, uint64_t now_ns);
enum { SIM_BOOT_S = 3 }; /* how long an ESP32 takes until its clients can come back, about */
/* Idempotent. */
void sim_proxy_deinit(struct sim_proxy *proxy);
uint64_t sim_proxy_deadline(const struct sim_proxy *proxy);
void sim_proxy_tick(struct sim_proxy *proxy, uint64_t now_ns);
/* All that is only in memory is lost: connections, the subscription, links, the scan mode. Bonds and the key are
 * kept. power_off goes off without a word, for so long (BP_NEVER: until power_on); reboot takes leave of the
 * clients first, and gives them half a second to go. */
void sim_proxy_power_off(struct sim_proxy *proxy, uint64_t duration_ns, uint64_t now_ns);
/* 0 or BLEPROXY_E_NOMEM: it tries again by itself. Nothing if it is on. */
int sim_proxy_power_on(struct sim_proxy *proxy, uint64_t now_ns);
void sim_proxy_reboot(struct sim_proxy *proxy, uint64_t duration_ns, uint64_t now_ns);
/* Takes nothing more from the air until it is cured; SERVER_CURE_NONE: until sim_proxy_hear(). Nothing while it
 * is off. */
void sim_proxy_go_deaf(struct sim_proxy *proxy, enum server_cure cure);
void sim_proxy_hear(struct sim_proxy *proxy);
/* Another client comes for the subscription (sim/thief.h), and again after each reboot; or leaves. The results
 * are thief_start()'s, and BLEPROXY_E_STATE: it is off, and the thief comes later. */
int sim_proxy_rob(struct sim_proxy *proxy, uint64_t now_ns);
void sim_proxy_unrob(struct sim_proxy *proxy, uint64_t now_ns);
/* In a flood: reports until the subscriber's backlog is about full. Whether it wants more then. */
bool sim_proxy_flood(struct sim_proxy *proxy, uint64_t now_ns);
/* Whether there is a subscriber who would hear it. */
bool sim_proxy_wants_flood(const struct sim_proxy *proxy);
/* What follows from the name and the seed. */
uint64_t sim_proxy_mac_address(const char *name, uint64_t seed);

#endif
