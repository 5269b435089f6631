/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_INTEREST_H
#define CENTRAL_INTEREST_H

#include "hub/hub.h"

/* Devices that somebody cares for: pinned, bonded, being connected or connected ones. Counted. The hub, which forgets
 * strangers when it is full, does not yet make a difference. */
static inline int central_interest_hold(struct hub *hub, uint64_t address)
{
    (void)hub;
    (void)address;
    return 0;
}

static inline void central_interest_release(struct hub *hub, uint64_t address)
{
    (void)hub;
    (void)address;
}

#endif
