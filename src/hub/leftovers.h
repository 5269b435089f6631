/* SPDX-License-Identifier: MIT */
#ifndef HUB_LEFTOVERS_H
#define HUB_LEFTOVERS_H

#include <stdbool.h>
#include <stdint.h>

struct scanner;

/* Firmware since 2026.7 keeps the connections to devices when another client takes over its subscription, as we do when
 * an earlier session of ours was lost: they would hold their slots for ever. Before, it tells slots to the subscriber
 * alone, so that what was reported when we were not yet is out of date. The scanner's state shows that we are: then the
 * slots are asked for again, and connections in use that are nobody's in this session are closed, unless the hub is to
 * spare them, or the scanner is in none: who has no hub cannot want a slot. */
struct leftovers {
    bool asked; /* for the slots */
    unsigned n_closed;
};
/* In one session: a proxy whose list is wrong shall not keep us busy. */
enum { LEFTOVERS_MAX = 64 };

/* The proxy has told its scanner's state, its slots. Within scanner_pin(). */
void leftovers_on_state(struct scanner *scanner, uint64_t now_ns);
void leftovers_on_slots(struct scanner *scanner, uint64_t now_ns);

#endif
