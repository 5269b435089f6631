/* SPDX-License-Identifier: MIT */
#include "hub/device.h"

#include "hub/scanner_private.h"
#include "names/casefold.h"

/* The name of a device, from what all proxies hear: names come mostly in scan responses, which only those get that scan
 * actively. It is the view's, but for the time between a report that gives another and the owner's next one. */

const char *device_name(const struct bleproxy_device *device, size_t *ret_size)
{
    *ret_size = device->has_other_name ? device->other_name_size : device->view.name_size;
    return device->has_other_name ? device->other_name : device->view.name;
}

bool device_name_is_address(const struct bleproxy_advertisement *view)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(view->address, address);
    return view->name_size == sizeof(address) - 1 && memcmp(view->name, address, sizeof(address) - 1) == 0;
}

static bool hold_other_name(struct bleproxy_device *device, const char *name, uint16_t size)
{
    if (size >= device->other_name_capacity) {
        char *memory = env_resize(device->table->env, device->other_name, size + (size_t)1);
        if (!memory)
            return false;
        device->other_name = memory;
        device->other_name_capacity = (uint16_t)(size + 1);
    }
    memcpy(device->other_name, name, size);
    device->other_name[size] = '\0';
    device->other_name_size = size;
    return true;
}

/* is_taken: the report that brings it is about to become the current one. False: there is no memory for it, the old one
 * stays. */
static bool device_rename(struct bleproxy_device *device, const char *name, uint16_t size, bool is_taken)
{
    bool is_views =
        is_taken || (device->view.name_size == size && memcmp(device->view.name, name, size) == 0);
    if (!is_views && !hold_other_name(device, name, size))
        return false;
    device->has_other_name = !is_views;
    device->name_epoch += device->name_epoch == UINT32_MAX ? 2 : 1;
    return true;
}

/* A truncation of the name, or a change of case only, does not replace it. */
static bool is_better(const struct bleproxy_advertisement *view, const char *name, size_t size)
{
    return device_is_named(view) && (!name || !casefold_starts_with(name, size, view->name, view->name_size));
}

void device_recall_name(struct bleproxy_device *device, const struct sighting *sighting)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    size_t size;
    const char *name = device_name(device, &size);
    if (is_better(view, name, size))
        device_rename(device, view->name, view->name_size, false);
}

void device_settle_name(struct bleproxy_device *device, struct sighting *sighting)
{
    const struct bleproxy_advertisement *view = &sighting->view;
    size_t size;
    sighting->name_epoch = 0;
    const char *name = device_name(device, &size);
    bool same = name ? view->name_size == size && memcmp(view->name, name, size) == 0 : !view->name;
    if (!same && is_better(view, name, size)) {
        if (!device_rename(device, view->name, view->name_size, !device->has_report))
            return;
    } else if (!same) {
        sighting->content_epoch = 0;
        if (name && !sightings_rename(&sighting->scanner->sightings, sighting, name, (uint16_t)size))
            return;
    }
    sighting->name_epoch = device->name_epoch;
}
