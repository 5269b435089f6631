/* SPDX-License-Identifier: MIT */
#ifndef CLI_HEARING_H
#define CLI_HEARING_H

#include "fleet.h"

/* A proxy that hears a device. */
struct hearing {
    const struct member *proxy;
    const struct bleproxy_advertisement *report; /* the last; borrowed until control returns to the loop */
    int smoothed_dbm;                            /* or BLEPROXY_RSSI_NONE: it hears it alone */
    int strength_dbm;                            /* smoothed if it is, else the last report's */
    double age_s;
};

/* Those that hear the device: the one that owns it first, if it is among them, then by strength. One for each proxy of the
 * fleet at most: hearings has room for as many. Returns how many. */
size_t hearing_list(struct fleet *fleet, const struct bleproxy_device *device, struct hearing *hearings);
/* All proxies that can hear the device have heard it. */
bool hearing_is_complete(const struct fleet *fleet, uint64_t address);
/* One of them can make connections. */
bool hearing_is_connectable(const struct hearing *hearings, size_t n);
/* How strongly the owner hears the device, smoothed if it is. */
int hearing_strength_dbm(const struct bleproxy_device *device);
/* Seconds since a report. */
double hearing_age_s(const struct fleet *fleet, const struct bleproxy_advertisement *report);
/* {proxy, source, rssi, smoothed, age} */
struct json_object *hearing_json(const struct hearing *hearing);

#endif
