/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROFILE_H
#define DAEMON_PROFILE_H

#include "device.h"
#include "tree.h"

#include <systemd/sd-bus.h>

/* Device1.ConnectProfile and DisconnectProfile. Profiles are Classic's; the services of a Low Energy device all come and go
 * with its one connection. They answer the call, now or later. */
int profile_connect(struct device *device, sd_bus_message *call);
int profile_disconnect(struct device *device, sd_bus_message *call);

/* org.bluez.ProfileManager1, on that object: programs would offer profiles, to Classic devices. Each is told that this is not
 * to be had; but there are programs, KDE's, to which BlueZ is not there without the interface. 0 or a negative errno. */
int profile_init(struct object *object);

#endif
