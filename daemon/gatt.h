/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_GATT_H
#define DAEMON_GATT_H

#include "tree.h"

#include <bleproxy/bleproxy.h>

/* The services of a device that is connected, as objects below it: org.bluez.GattService1, GattCharacteristic1 and
 * GattDescriptor1. docs/dbus/gatt.md. */

struct characteristic;
struct device;
struct gatt;

/* NULL: no memory. They are told with the next flush. peripheral outlives it. */
struct gatt *gatt_new(struct device *device, struct bleproxy_peripheral *peripheral);
/* Calls that wait are answered; told at once. NULL is fine. */
void gatt_free(struct gatt *gatt);
/* The first one of a service, both by their 16-bit UUIDs. NULL: there is none. */
struct characteristic *gatt_find_characteristic(struct gatt *gatt, uint16_t service, uint16_t uuid);
/* The database and where its objects are, as org.bleproxy1.Manager has it: a(qsa(oqsua(oqs))). 0 or a negative errno. */
int gatt_append(const struct gatt *gatt, sd_bus_message *message);
/* The program is notified no longer, whether by signals or by sockets; it has no sockets any more to write to. */
void gatt_forget_listener(struct gatt *gatt, const char *sender);
void gatt_forget_writer(struct gatt *gatt, const char *sender);

#endif
