/* SPDX-License-Identifier: MIT */
#ifndef SIM_HOUSE_H
#define SIM_HOUSE_H

#include "base/list.h"
#include "sim/gatt_device.h"
#include "sim/radio.h"

/* The inside of the radio, shared by its files. */

struct radio {
    struct radio_config config;
    const struct env *env;
    struct list ears;
    uint32_t n_peripherals;
    struct sim_peripheral *peripherals;
    uint32_t n_devices; /* that can be connected to */
    struct gatt_device *devices;
    uint32_t *agenda;    /* heap of peripherals by when they speak next */
    struct flood *flood; /* NULL unless it is one */
};

struct ear {
    struct list node;
    struct radio *radio;
    ear_report_fn *on_report;
    void *user;
    uint64_t seed, dice;
    uint64_t next_ns; /* of its own pace; BP_NEVER without one, or while deaf */
    uint32_t cursor;  /* in peripherals; of a flood: in bursts */
    uint32_t heard;   /* since the last sentinel */
    uint32_t n_sentinels;
    bool listening, active;
    int8_t *rssi;      /* of each peripheral, wandering */
    uint16_t *variant; /* of each peripheral's payload, under load; else NULL */
};

/* The signal of a peripheral at this ear, a step further on its walk. */
int8_t ear_rssi(struct ear *ear, uint32_t index);
/* Counts an advertisement. Whether a sentinel is due behind it. */
bool ear_counts(struct ear *ear);
enum { SENTINEL_SIZE = 13 };
/* packet has SENTINEL_SIZE bytes. */
void ear_sentinel(struct ear *ear, uint8_t *packet, struct batch_advert *ret_advert);

/* flood.c: encoded messages, prepared once for all ears. 0 or BLEPROXY_E_NOMEM. */
int flood_new(struct radio *radio, struct flood **ret_flood);
void flood_free(const struct env *env, struct flood *flood);

#endif
