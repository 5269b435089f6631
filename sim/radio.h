/* SPDX-License-Identifier: MIT */
#ifndef SIM_RADIO_H
#define SIM_RADIO_H

#include "base/env.h"
#include "base/time.h"
#include "wire/batch.h"

/* A virtual house full of Bluetooth devices, and ears in it: the radios of proxies. Everything follows from
 * the seed and the times that are passed in. */

enum radio_payload {
    RADIO_LIFE,     /* a lively house: things measure, move, change their addresses */
    RADIO_REPEAT,   /* load: payloads never change */
    RADIO_CHANGING, /* load: each differs from the one before it */
    RADIO_MIX,      /* load: one in five does */
};

enum {
    RADIO_RATE_NATURAL = -1, /* everything speaks when it likes to */
    RADIO_RATE_FLOOD = 0,    /* ears are asked with ear_burst() */
    RADIO_DEVICES_MAX = 1000000,
    RADIO_FAMILIES_MAX = 1000,
    RADIO_BURST_ADVERTS = 16,
    RADIO_MIX_EVERY = 5,
};

struct radio_config {
    uint64_t seed;
    enum radio_payload payload; /* load consists of the generated devices alone */
    uint32_t devices;           /* generated ones */
    uint32_t families;          /* so many of each device that can be connected to; 0: one */
    int32_t rate;               /* advertisements/s of each ear, or as above */
    uint32_t sentinel;          /* after that many an ear hears one marked "FPEND"; 0: never */
};

struct radio;
struct ear;
struct gatt_device;

/* Several ears that hear one advertisement get it at the same time. */
typedef void ear_report_fn(void *user, const struct batch_advert *advert, uint64_t now_ns);

/* 0, BLEPROXY_E_NOMEM or BLEPROXY_E_INVALID (no devices at all or too many, a flood of life). */
int radio_new(const struct radio_config *config, const struct env *env, uint64_t now_ns,
              struct radio **ret_radio);
/* After its ears. NULL is fine. */
void radio_free(struct radio *radio);
uint64_t radio_deadline(const struct radio *radio);
void radio_tick(struct radio *radio, uint64_t now_ns);

/* An ear hears the house from its own place, which follows from its seed. It starts deaf and active.
 * on_report may change whether ears listen, and nothing else of the radio. 0 or BLEPROXY_E_NOMEM. */
int ear_new(struct radio *radio, uint64_t seed, ear_report_fn *on_report, void *user, struct ear **ret_ear);
void ear_free(struct ear *ear);
void ear_listen(struct ear *ear, bool listening, uint64_t now_ns);
/* Active ears ask for scan responses. */
void ear_set_active(struct ear *ear, bool active);
/* The device of that address that can be connected to, or NULL; and how strongly the ear hears it as a rule. */
struct gatt_device *ear_find_device(const struct ear *ear, uint64_t address, uint8_t address_type,
                                    int8_t *ret_rssi);
/* In a flood: the next RADIO_BURST_ADVERTS advertisements as one encoded message, borrowed until the next
 * call. */
const uint8_t *ear_burst(struct ear *ear, size_t *ret_size);

#endif
