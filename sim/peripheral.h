/* SPDX-License-Identifier: MIT */
#ifndef SIM_PERIPHERAL_H
#define SIM_PERIPHERAL_H

#include <stdbool.h>
#include <stdint.h>

struct gatt_model;

/* One Bluetooth device of the virtual house, and what it advertises. */
enum sim_peripheral_kind {
    SIM_PERIPHERAL_THERMOMETER, /* named, measures every 10 s: BTHome v2 service data */
    SIM_PERIPHERAL_IBEACON,
    SIM_PERIPHERAL_LAMP,      /* its name is in the scan response only */
    SIM_PERIPHERAL_WANDERER,  /* nothing but a random address that changes every minute */
    SIM_PERIPHERAL_NEARBY,    /* Apple phones and watches: type 0x10, */
    SIM_PERIPHERAL_FIND_MY,   /* 0x12 */
    SIM_PERIPHERAL_HANDOFF,   /* and 0x0c; private addresses that change every quarter of an hour */
    SIM_PERIPHERAL_MICROSOFT, /* Windows looking for its like */
    SIM_PERIPHERAL_SENSOR,    /* a thermometer without a name */
    SIM_PERIPHERAL_EDDYSTONE,
    SIM_PERIPHERAL_GATT, /* can be connected to: see its model */
};

enum { SIM_PERIPHERAL_PACKET_MAX = 31 };

struct sim_peripheral {
    uint64_t seed; /* all of its features follow from it */
    uint64_t address;
    uint64_t next_ns;   /* its next advertisement */
    uint64_t change_ns; /* its next change of address or payload */
    uint32_t interval_ms;
    uint32_t count; /* changes so far */
    enum sim_peripheral_kind kind;
    const struct gatt_model *model; /* or NULL */
    uint8_t address_type;           /* 0 public, 1 random */
    bool silent;                    /* does not advertise: it is connected */
    uint8_t size, response_size;
    uint8_t change_at; /* the two bytes of packet that tell one payload of it from the next */
    uint8_t packet[SIM_PERIPHERAL_PACKET_MAX], response[SIM_PERIPHERAL_PACKET_MAX];
};

/* Seeds of one house differ in their low 24 bits: so do the addresses of their public ones. */
void sim_peripheral_init(struct sim_peripheral *peripheral, enum sim_peripheral_kind kind, uint64_t seed,
                         uint64_t now_ns);
/* One that can be connected to. */
void sim_peripheral_init_gatt(struct sim_peripheral *peripheral, const struct gatt_model *model,
                              uint64_t seed, uint64_t now_ns);
/* Lets time pass: measures, rotates addresses. */
void sim_peripheral_live(struct sim_peripheral *peripheral, uint64_t now_ns);
/* The usual mixture: 34 % Apple, 8 % Microsoft, the rest sensors and beacons. */
enum sim_peripheral_kind sim_peripheral_any_kind(uint64_t seed);

#endif
