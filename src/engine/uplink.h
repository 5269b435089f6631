/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_UPLINK_H
#define ENGINE_UPLINK_H

#include "engine/nap.h"

/* Notices that this host has come into another network, or into one at all: pauses between attempts end, and connections are
 * asked whether they live. Only where netwatch.h does: elsewhere the pauses run their course. */
struct uplink {
    bool is_known;
    uint64_t addresses; /* a sum of those that this host had */
    struct nap *nap;
};

/* Those who wait for the end of a nap are told. */
void uplink_init(struct uplink *uplink, struct nap *nap);
/* The network may be another. */
void uplink_look(struct uplink *uplink);

/* Whether this host has an address of the family (4 or 6) with which others than its neighbours can be reached. */
bool uplink_has_address(uint8_t family);

#endif
