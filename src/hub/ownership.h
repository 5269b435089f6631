/* SPDX-License-Identifier: MIT */
#ifndef HUB_OWNERSHIP_H
#define HUB_OWNERSHIP_H

#include "hub/device.h"

struct hub;

enum {
    OWNERSHIP_MARGIN_DB = 16, /* a challenger must be stronger by more than this */
    OWNERSHIP_SILENCE_S = 60, /* an owner silent for longer loses to whoever speaks */
};

/* A sighting that is not the owner's has just been updated: makes it the owner if it is clearly better than
 * the present one. Returns whether it is now. */
bool ownership_challenge(struct bleproxy_device *device, struct sighting *sighting);

/* A sighting has just been updated. Returns whether it is the owner's. */
static inline bool ownership_claim(struct bleproxy_device *device, struct sighting *sighting)
{
    if (device->sightings.next != &sighting->in_device)
        return ownership_challenge(device, sighting);
    if (sighting->view.changed)
        device->unannounced = true;
    return true;
}

/* Nobody asks for active scans of the device any more: an overdue owner is not looked for. */
void ownership_end_rescue(struct hub *hub, uint64_t address);
/* Whether an overdue owner of any device is being looked for. */
bool ownership_has_rescues(const struct hub *hub);

/* The owner left: the strongest of those heard lately becomes the owner. */
void ownership_elect(struct bleproxy_device *device);

#endif
