/* SPDX-License-Identifier: MIT */
#ifndef HUB_OWNERSHIP_H
#define HUB_OWNERSHIP_H

#include "hub/device.h"

struct hub;

enum {
    OWNERSHIP_MARGIN_DB = 16,  /* a challenger must be stronger by more than this */
    OWNERSHIP_RECLAIM_DB = 6,  /* and by so much more, if it has lost the device before */
    OWNERSHIP_STRONG_DBM = -70 /* an owner this strong has not lost the device because it missed it once */
};

/* A report has been stored in one of the device's sightings: does it become the device's current one? Then it is, and so
 * the scanner the owner. The last stream that it belongs to: reports, the owner's, or changes. */
enum bleproxy_stream ownership_hear(struct hub *hub, struct bleproxy_device *device,
                                    struct sighting *sighting);
/* Whether there is a registered proxy that could connect to the device, by what is known of its reports. */
bool ownership_is_connectable(const struct hub *hub, const struct bleproxy_device *device);
/* A report of the device's owner as those see it who asked for changes: connectable, if another proxy could connect. view,
 * or *copy. */
const struct bleproxy_advertisement *ownership_change(const struct hub *hub,
                                                      const struct bleproxy_device *device,
                                                      const struct bleproxy_advertisement *view,
                                                      struct bleproxy_advertisement *copy);

/* How long a device may be silent before its owner has missed a report; and before it counts as gone. */
uint64_t ownership_stale_ns(const struct bleproxy_device *device);
uint64_t ownership_gone_ns(const struct bleproxy_device *device);

/* The scanner has been unregistered: what only its registration makes true is forgotten. */
void ownership_source_gone(struct hub *hub, uint64_t source);
/* The scanner stops listening for a connection attempt: gaps in what it hears say nothing. */
void ownership_source_pauses(struct hub *hub, uint64_t source);

/* A rescue: a device that needs active scans is not heard by its owner any more, but by a challenger. Before it changes
 * hands, both scan actively: the owner's silence may be the device's, and what the challenger heard may lack the scan
 * response. */
void ownership_end_rescue(struct hub *hub, uint64_t address);
/* Whether there are any. */
bool ownership_has_rescues(const struct hub *hub);
/* The device is about to go, or what it has told is forgotten. */
void ownership_forget(struct hub *hub, struct bleproxy_device *device);

#endif
