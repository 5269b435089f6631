/* SPDX-License-Identifier: MIT */
#include "hub/ownership.h"

#include "base/time.h"
#include "hub/scanner.h"

static void make_owner(struct bleproxy_device *device, struct sighting *sighting)
{
    list_unlink(&sighting->in_device);
    list_append(device->sightings.next, &sighting->in_device); /* before the first */
}

bool ownership_challenge(struct bleproxy_device *device, struct sighting *sighting)
{
    const struct sighting *owner = device_owner(device);
    bool stronger = sighting->view.rssi_dbm - OWNERSHIP_MARGIN_DB > owner->view.rssi_dbm;
    bool silent = owner->view.time_ns + OWNERSHIP_SILENCE_S * NS_PER_S < sighting->view.time_ns;
    if (!stronger && !silent && scanner_is_scanning(owner->scanner))
        return false;
    device->unannounced = device->unannounced || !sighting_same_content(&owner->view, &sighting->view);
    make_owner(device, sighting);
    return true;
}

void ownership_end_rescue(struct hub *hub, uint64_t address)
{
    (void)hub, (void)address;
}

bool ownership_has_rescues(const struct hub *hub)
{
    (void)hub;
    return false;
}

void ownership_elect(struct bleproxy_device *device)
{
    uint64_t latest_ns = 0;
    list_for_each(node, &device->sightings)
    {
        const struct sighting *sighting = list_entry(node, struct sighting, in_device);
        if (sighting->view.time_ns > latest_ns)
            latest_ns = sighting->view.time_ns;
    }
    struct sighting *best = NULL;
    list_for_each(candidate, &device->sightings)
    {
        struct sighting *sighting = list_entry(candidate, struct sighting, in_device);
        if (latest_ns - sighting->view.time_ns <= OWNERSHIP_SILENCE_S * NS_PER_S &&
            (!best || sighting->view.rssi_dbm > best->view.rssi_dbm))
            best = sighting;
    }
    if (best)
        make_owner(device, best);
}
