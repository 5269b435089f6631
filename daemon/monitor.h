/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MONITOR_H
#define DAEMON_MONITOR_H

#include "pattern.h"

#include <systemd/sd-bus.h>

/* One monitor of a program's: what it looks for, and which devices it was told of. Without thresholds a device is found
 * whenever it is heard, but told once in MONITOR_PACE_MS; with them it is found after it was strong for long enough, and
 * lost after it was weak, or silent, for long enough. */

enum { MONITOR_PACE_MS = 1000, MONITOR_TIMEOUT_MAX_S = 300 };

struct monitor {
    struct monitor *next;
    char *path; /* of the program's object */
    struct pattern *patterns;
    size_t n_patterns;
    bool has_thresholds;
    int16_t high_dbm, low_dbm;
    uint16_t high_s, low_s;
    bool matched;     /* for who asks in two steps */
    void *by_address; /* tsearch(3): what is known of devices */
};

enum monitor_news { MONITOR_NOTHING, MONITOR_FOUND, MONITOR_LOST };

/* Reads the properties, a{sv}. 0; 1: they are no monitor's; a negative errno: the message is broken, or there is no memory.
 * path is copied. */
int monitor_read(sd_bus_message *message, const char *path, struct monitor **ret_monitor);
/* NULL is fine. */
void monitor_free(struct monitor *monitor);

bool monitor_matches(const struct monitor *monitor, const struct bleproxy_advertisement *report);
/* A report that matches; what the program is to be told. */
enum monitor_news monitor_hear(struct monitor *monitor, const struct bleproxy_advertisement *report);
/* Calls on_lost for each device that was silent for too long. */
void monitor_tick(struct monitor *monitor, uint64_t now_ns,
                  void (*on_lost)(struct monitor *monitor, uint64_t address, void *user), void *user);
/* The device's object goes. */
void monitor_forget(struct monitor *monitor, uint64_t address);

#endif
