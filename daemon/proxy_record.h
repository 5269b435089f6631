/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROXY_RECORD_H
#define DAEMON_PROXY_RECORD_H

#include "cli/fleet.h"

#include <systemd/sd-bus.h>

/* What org.bleproxy1.Manager tells of a proxy, and of one as the way to a device: a{sv} each, with the keys of
 * docs/dbus/manager.md. 0 or a negative errno. */
int proxy_record_append(sd_bus_message *message, const struct member *member);
int proxy_record_append_path(sd_bus_message *message, const struct bleproxy_path *path);

#endif
