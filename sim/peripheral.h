/* SPDX-License-Identifier: MIT */
#ifndef SIM_PERIPHERAL_H
#define SIM_PERIPHERAL_H

#include <stdbool.h>
#include <stdint.h>

/* One Bluetooth device of the virtual house, and what it advertises. */
enum peripheral_kind {
    PERIPHERAL_THERMOMETER, /* named, measures every 10 s: BTHome v2 service data */
    PERIPHERAL_IBEACON,
    PERIPHERAL_LAMP,      /* its name is in the scan response only */
    PERIPHERAL_WANDERER,  /* nothing but a random address that changes every minute */
    PERIPHERAL_NEARBY,    /* Apple phones and watches: type 0x10, */
    PERIPHERAL_FIND_MY,   /* 0x12 */
    PERIPHERAL_HANDOFF,   /* and 0x0c; private addresses that change every quarter of an hour */
    PERIPHERAL_MICROSOFT, /* Windows looking for its like */
    PERIPHERAL_SENSOR,    /* a thermometer without a name */
    PERIPHERAL_EDDYSTONE,
};

enum { PERIPHERAL_PACKET_MAX = 31 };

struct peripheral {
    uint64_t seed; /* all of its features follow from it */
    uint64_t address;
    uint64_t next_ns;   /* its next advertisement */
    uint64_t change_ns; /* its next change of address or payload */
    uint32_t interval_ms;
    uint32_t count; /* changes so far */
    enum peripheral_kind kind;
    uint8_t address_type; /* 0 public, 1 random */
    uint8_t size, response_size;
    uint8_t change_at; /* the two bytes of packet that tell one payload of it from the next */
    uint8_t packet[PERIPHERAL_PACKET_MAX], response[PERIPHERAL_PACKET_MAX];
};

/* Seeds of one house differ in their low 24 bits: so do the addresses of their public ones. */
void peripheral_init(struct peripheral *peripheral, enum peripheral_kind kind, uint64_t seed,
                     uint64_t now_ns);
/* Lets time pass: measures, rotates addresses. */
void peripheral_live(struct peripheral *peripheral, uint64_t now_ns);
/* The usual mixture: 34 % Apple, 8 % Microsoft, the rest sensors and beacons. */
enum peripheral_kind peripheral_any_kind(uint64_t seed);

#endif
