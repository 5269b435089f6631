/* SPDX-License-Identifier: MIT */
#ifndef HUB_SIGNALS_H
#define HUB_SIGNALS_H

#include "base/env.h"

/* How strongly each proxy hears a device, smoothed, so that a single reading moves nobody; and which proxies have lost it.
 * Kept only for devices that more than one has heard. Lasts longer than what a proxy remembers of the device. */
struct signals {
    struct signal *entries;
    uint16_t n, capacity;
    uint16_t n_smoothed; /* entries with a strength; 0: nothing is smoothed yet */
};

struct signal {
    uint64_t key; /* the proxy's MAC address above two bits: has a strength, has lost the device */
    double smoothed_dbm;
};

enum { SIGNALS_MAX = 1024 }; /* proxies that hear one device */

void signals_deinit(struct signals *signals, const struct env *env);
/* *ret_dbm, when the proxy has a strength. */
bool signals_get(const struct signals *signals, uint64_t source, double *ret_dbm);
/* A reading: the first is taken as it is, the next count three tenths (habluetooth's smoothing factor). Returns the
 * strength now; out of memory, the reading. */
double signals_smooth(struct signals *signals, const struct env *env, uint64_t source, double rssi_dbm);
/* The device has changed hands: who loses it must be stronger by more to win it back, until it has. */
void signals_demote(struct signals *signals, const struct env *env, uint64_t winner, uint64_t loser);
bool signals_is_demoted(const struct signals *signals, uint64_t source);
/* The proxy is gone. */
void signals_drop(struct signals *signals, uint64_t source);

#endif
