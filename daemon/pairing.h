/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PAIRING_H
#define DAEMON_PAIRING_H

#include "device.h"

#include <bleproxy/bleproxy.h>
#include <systemd/sd-bus.h>

/* Device1.Pair, CancelPairing, and what becomes of a bond when its device is removed. Bonds are on the proxies, which pair
 * without asking anybody ("just works"). docs/dbus/device.md. */

struct link;

enum { PAIRING_REMOVAL_MS = 5000 }; /* a device is removed, whatever its proxy says */

/* The methods: they answer the call, now or later. */
int pairing_start(struct device *device, sd_bus_message *call);
int pairing_cancel(struct device *device, sd_bus_message *call);

/* Answers a Pair that has failed. */
int pairing_fail(struct tree *tree, sd_bus_message *call, const struct bleproxy_result *result);
/* Cancels what is under way over a connection: it is to end. */
void pairing_end(struct link *link);
/* A program has left the bus: what it began over a connection that stays is cancelled. */
void pairing_forget_client(struct link *link, const char *sender);
/* Removes the bond from the proxy that has the link; then the link is dropped. False: there is no bond, or none that can be
 * removed there, and nothing follows. */
bool pairing_remove_bond(struct link *link);
/* Forgets that there is a bond, and says where it stays. */
void pairing_forget_bond(struct device *device);

#endif
