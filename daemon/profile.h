/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROFILE_H
#define DAEMON_PROFILE_H

#include "device.h"

#include <systemd/sd-bus.h>

/* Device1.ConnectProfile and DisconnectProfile. Profiles are Classic's; the services of a Low Energy device all come and go
 * with its one connection. They answer the call, now or later. */
int profile_connect(struct device *device, sd_bus_message *call);
int profile_disconnect(struct device *device, sd_bus_message *call);

#endif
