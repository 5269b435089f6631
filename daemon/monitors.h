/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MONITORS_H
#define DAEMON_MONITORS_H

#include "monitor.h"
#include "tree.h"

/* org.bluez.AdvertisementMonitorManager1: programs that listen without discovering. A program registers a root, and has
 * monitors as objects there and below, then or later. docs/dbus/monitor.md. */

struct adapter;
struct monitor_root;

struct monitors {
    struct adapter *adapter;
    struct monitor_root *first;
    size_t n_roots, n_monitors; /* those that look for something */
    struct bleproxy_timer *silence;
};

enum { MONITOR_ROOTS_MAX = 128, MONITOR_ROOTS_OF_ONE_MAX = 32, MONITORS_MAX = 256, MONITORS_OF_ONE_MAX = 64 };

/* Adds the interface to the adapter's object. 0 or a negative errno. */
int monitors_init(struct monitors *monitors, struct adapter *adapter);
/* Programs are told that theirs are released. Idempotent. */
void monitors_deinit(struct monitors *monitors);

bool monitors_are_active(const struct monitors *monitors);
/* Whether any of them looks for that; then monitors_tell() follows, as soon as its device has an object. */
bool monitors_match(struct monitors *monitors, const struct bleproxy_advertisement *report);
void monitors_tell(struct monitors *monitors, const struct bleproxy_advertisement *report);
/* A device's object goes. */
void monitors_forget_device(struct monitors *monitors, uint64_t address);
/* For roots: so many monitors more; and that this one cannot be used. */
void monitors_count(struct monitors *monitors, size_t n);
void monitors_drop(struct monitors *monitors, struct monitor_root *root);
/* A program has left the bus. */
void monitors_forget(struct monitors *monitors, const char *sender);

#endif
