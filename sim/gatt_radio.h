/* SPDX-License-Identifier: MIT */
#ifndef SIM_GATT_RADIO_H
#define SIM_GATT_RADIO_H

#include "sim/gatt_link.h"
#include "sim/radio.h"

/* The part of a proxy that connects to devices. */

/* What goes wrong, each in so many of a thousand cases. */
struct sim_link_faults {
    uint16_t refused;      /* connections for which there is a slot */
    uint16_t failed;       /* links, while they are opened */
    uint16_t stuck;        /* links that never come up, nor fail */
    uint16_t lost_request; /* links, by a request */
    uint16_t lost_second;  /* links, in each second that they last */
    uint16_t errors;       /* requests that are answered with an error */
    uint16_t untold_ends;  /* links that end without the client being told */
    uint16_t lost_values;  /* values and notifications on their way to the client */
};

/* All of them, often enough to be met. */
extern const struct sim_link_faults sim_link_faults_all;

enum {
    GATT_LATENCY_NATURAL = -1, /* as on the air */
    GATT_BONDS_MAX = 15,       /* as an ESP32; the oldest one goes */
};

struct gatt_radio {
    const struct env *env;
    struct server *server;
    struct ear *ear;
    struct sim_link_faults faults;
    int32_t latency_ms; /* of everything, 0: answered from within; or as above */
    uint64_t dice;
    struct list links;
    uint64_t bonds[GATT_BONDS_MAX];
    size_t n_bonds;
    uint64_t muffled; /* the client is not to hear now how the link to this device ended; 0: none */
    /* Links are being opened from now on, or none any more: firmware does not scan meanwhile. */
    void (*on_opening)(void *user, bool opening, uint64_t now_ns);
    void *user;
};

/* The user pointer is a struct sim_proxy. */
extern const struct server_link_ops gatt_radio_ops;

/* Embedded. Its owner sets the members above before its server may ask for anything. */
void gatt_radio_init(struct gatt_radio *radio);
/* After its server. Idempotent. */
void gatt_radio_deinit(struct gatt_radio *radio);
uint64_t gatt_radio_deadline(const struct gatt_radio *radio);
void gatt_radio_tick(struct gatt_radio *radio, uint64_t now_ns);

/* For links: a time between those on the air. */
uint64_t gatt_radio_delay_ns(struct gatt_radio *radio, unsigned least_ms, unsigned most_ms);
/* Whether something that happens so often in a thousand cases happens now. */
bool gatt_radio_chance(struct gatt_radio *radio, uint16_t per_mille);
bool gatt_radio_has_bond(const struct gatt_radio *radio, uint64_t address);
void gatt_radio_bond(struct gatt_radio *radio, uint64_t address);
/* The link is gone, and the server knows. */
void gatt_radio_end(struct gatt_radio *radio, struct gatt_link *link, int32_t reason, uint64_t now_ns);

#endif
