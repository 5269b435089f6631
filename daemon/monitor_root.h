/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MONITOR_ROOT_H
#define DAEMON_MONITOR_ROOT_H

#include "monitor.h"

/* What a program has registered: a root, and the monitors that are its objects there and below, as they come and go. */

#define MONITOR_INTERFACE "org.bluez.AdvertisementMonitor1"

struct monitors;

struct monitor_root {
    struct monitor_root *next;
    struct monitors *monitors;
    char *sender, *path;
    sd_bus_message *call; /* RegisterMonitor, which waits */
    sd_bus_slot *asking, *added, *removed;
    struct monitor *first;
};

/* Begins to read the program's objects; answers the call when they are read. 0 or a negative errno. */
int monitor_root_new(struct monitors *monitors, sd_bus_message *call, const char *path,
                     struct monitor_root **ret_root);
/* release: the program is told. A call that waits fails. */
void monitor_root_free(struct monitor_root *root, bool release);

#endif
