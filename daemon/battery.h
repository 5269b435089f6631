/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_BATTERY_H
#define DAEMON_BATTERY_H

#include "tree.h"

/* org.bluez.Battery1, on the object of a connected device that has a Battery Service: its level is read once, and then as
 * the device tells it. docs/dbus/battery.md. */

struct gatt;

struct battery {
    struct object *object; /* the device's, borrowed; NULL: there is no battery */
    bool is_known;
    uint8_t percentage;
};

/* The device has connected; gatt is borrowed, and must be there until battery_end(). */
void battery_begin(struct battery *battery, struct object *device, struct gatt *gatt);
/* Before the services go. Idempotent. */
void battery_end(struct battery *battery);

#endif
