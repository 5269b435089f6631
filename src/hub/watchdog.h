/* SPDX-License-Identifier: MIT */
#ifndef HUB_WATCHDOG_H
#define HUB_WATCHDOG_H

#include "base/time.h"
#include <stdbool.h>

struct scanner;

/* Firmware before 2026.7 silently refuses a second subscriber to advertisements until it has noticed that the
 * first is dead (about 150 s). It sends its scanner state to the subscriber alone: until one arrives,
 * subscribe again. Not so with newer firmware, where that would take the subscription from somebody. */
struct watchdog {
    uint64_t due_ns; /* BP_NEVER: not running */
    unsigned attempts;
    bool satisfied;
};

void watchdog_init(struct watchdog *watchdog);
/* Runs from now on unless a state has arrived. */
void watchdog_start(struct watchdog *watchdog, uint64_t now_ns);
void watchdog_stop(struct watchdog *watchdog);
/* A state has arrived. */
void watchdog_satisfied(struct watchdog *watchdog);
/* Within scanner_pin(). */
void watchdog_tick(struct scanner *scanner, uint64_t now_ns);

#endif
