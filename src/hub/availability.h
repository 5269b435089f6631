/* SPDX-License-Identifier: MIT */
#ifndef HUB_AVAILABILITY_H
#define HUB_AVAILABILITY_H

#include "hub/device.h"

struct hub;

/* Which devices are gone, looked at every now and then; and those who want to know. */
struct availability {
    uint64_t due_ns;
    struct list watches;
};

void availability_init(struct availability *availability, uint32_t rules, uint64_t now_ns);
/* Other rules hold from now on: the next look is not later than by them. */
void availability_hurry(struct availability *availability, uint32_t rules, uint64_t now_ns);
/* Within hub_enter() and hub_leave(). */
void availability_tick(struct hub *hub, uint64_t now_ns);
/* The device makes way for another, and is out of the table: who watches is told. Frees it. Within hub_enter(). */
void availability_displaced(struct hub *hub, struct bleproxy_device *device);
/* How often it speaks, as far as that is known: as learned so far, or as the user has set it. 0: not known. */
uint64_t availability_interval_ns(const struct bleproxy_device *device);
/* How long a scanner remembers what it does not hear any more. */
uint64_t availability_memory_ns(uint32_t rules, const struct sighting *sighting);

/* No call follows; the memory goes with hub_leave(). */
void watches_end(struct hub *hub);
void watches_sweep(struct hub *hub);

#endif
