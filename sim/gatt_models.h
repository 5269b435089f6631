/* SPDX-License-Identifier: MIT */
#ifndef SIM_GATT_MODELS_H
#define SIM_GATT_MODELS_H

#include "sim/gatt_database.h"

/* The virtual devices that can be connected to. */
enum gatt_model_number {
    GATT_MODEL_BATTERY, /* "Virtual Battery": its level, and who made it */
    GATT_MODEL_HEART,   /* "Virtual Heart": a chest strap; cannot be paired */
    GATT_MODEL_UART,    /* "Virtual UART": echoes, keeps 512 bytes, and sends bursts */
    GATT_MODEL_LOCK,    /* "Virtual Lock": shows strangers its name only */
    GATT_MODEL_TOWER,   /* "Virtual Tower": 16 services */
    GATT_MODEL_QUITTER, /* "Virtual Quitter": hangs up at the third request; fails as it is told to */
    GATT_MODEL_MUTE,    /* "Virtual Mute": answers no request */
    GATT_MODEL_GHOST,   /* "Virtual Ghost": a link to it never comes up */
    GATT_N_MODELS,
};

struct gatt_model {
    const char *name;
    const char *service; /* that it advertises */
    const struct gatt_attribute *attributes;
    size_t n_attributes;
    uint16_t mtu;        /* that it agrees to */
    bool random_address; /* a static one; else a public one */
    bool talkative;      /* advertises while it is connected, too */
    bool pairs;
    bool mute, ghost;
    unsigned patience; /* requests until it hangs up instead of answering; 0: it never does */
};

extern const struct gatt_model gatt_models[GATT_N_MODELS];

#endif
