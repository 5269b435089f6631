/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_DEVICE_H
#define TESTS_SIM_DEVICE_H

#include "world.h"

enum { HEARERS_MAX = 4 };

/* A house that hears the device. */
struct hearer {
    unsigned house;
    int8_t rssi_dbm;
    uint64_t sent_ns;  /* when it last advertised to it while it was healthy; 0: it never did */
    uint64_t heard_ns; /* when the hub last heard of it from there */
};

/* Something that advertises every half to whole minute, unless the radio knows that it is silent. */
struct device {
    struct world *world;
    uint64_t address;
    uint8_t address_type;
    const struct gatt_device *gatt; /* what it is for the radio, or NULL: it only advertises */
    unsigned index, n_hearers;
    uint64_t interval_ns;
    uint8_t counter;
    struct hearer hearers[HEARERS_MAX];
};

void devices_init(struct world *world);
/* Expects everything that should have been heard by now. */
void devices_check(struct world *world);

#endif
