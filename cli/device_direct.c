/* SPDX-License-Identifier: MIT */
/* Devices that this process talks to itself. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>

struct way {
    struct bleproxy_peripheral *peripheral;
};

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    device_lost(user, result);
}

static int make(struct device *device, uint64_t address)
{
    struct way *way = device->way ? NULL : calloc(1, sizeof(*way));
    if (device->way)
        return 0;
    if (!way)
        return BLEPROXY_E_NOMEM;
    int r = bleproxy_peripheral_new(device->fleet.hub, address, &way->peripheral);
    if (r < 0) {
        free(way);
        return r;
    }
    device->way = way;
    bleproxy_peripheral_on_disconnected(way->peripheral, on_disconnected, device);
    return 0;
}

static uint64_t direct_find(struct device *device, bool *ret_is_connected)
{
    const struct bleproxy_advertisement *remembered =
        bleproxy_hub_remembered(device->fleet.hub, device->filter.address, device->filter.name);
    *ret_is_connected = false;
    return remembered ? remembered->address : 0;
}

static int direct_connect(struct device *device, uint32_t deadline_ms, bleproxy_result_fn *on_connected)
{
    const struct bleproxy_connect_options options = {
        .deadline_ms = deadline_ms, .no_cache = device->no_cache, .ignore_bond = device_ignores_bond(device)};
    int r = make(device, device->address);
    return r < 0 ? r
                 : bleproxy_peripheral_connect(device->way->peripheral, &options, on_connected, device, NULL);
}

static int direct_disconnect(struct device *device, bleproxy_result_fn *on_done, void *user)
{
    return bleproxy_peripheral_disconnect(device->way->peripheral, on_done, user, NULL);
}

static const struct bleproxy_services *direct_services(const struct device *device)
{
    return bleproxy_peripheral_services(device->way->peripheral);
}

static uint16_t direct_mtu(const struct device *device)
{
    return bleproxy_peripheral_mtu(device->way->peripheral);
}

static uint64_t direct_source(const struct device *device)
{
    return bleproxy_peripheral_source(device->way->peripheral);
}

static int direct_read(struct device *device, uint16_t handle, bleproxy_result_fn *on_read)
{
    return bleproxy_peripheral_read(device->way->peripheral, handle, device->options.timeout_ms, on_read,
                                    device, NULL);
}

static int direct_write(struct device *device, uint16_t handle, const void *value, size_t size,
                        enum bleproxy_write_mode mode, bleproxy_result_fn *on_written)
{
    return bleproxy_peripheral_write(device->way->peripheral, handle, value, size, mode,
                                     device->options.timeout_ms, on_written, device, NULL);
}

static int direct_subscribe(struct device *device, uint16_t handle, bleproxy_notification_fn *on_notification,
                            bleproxy_result_fn *on_subscribed)
{
    return bleproxy_peripheral_subscribe(device->way->peripheral, handle, 0, on_notification, device,
                                         on_subscribed, device, NULL);
}

static int direct_do_deed(struct device *device, enum device_deed deed, bleproxy_result_fn *on_done)
{
    struct bleproxy_peripheral *peripheral = device->way->peripheral;
    switch (deed) {
    case DEVICE_PAIR:
        return bleproxy_peripheral_pair(peripheral, on_done, device, NULL);
    case DEVICE_UNPAIR:
        return bleproxy_peripheral_unpair(peripheral, on_done, device, NULL);
    case DEVICE_CLEAR_CACHE:
        return bleproxy_peripheral_clear_cache(peripheral, on_done, device, NULL);
    }
    return BLEPROXY_E_INVALID;
}

static int direct_set_parameters(struct device *device,
                                 const struct bleproxy_connection_parameters *parameters,
                                 bleproxy_result_fn *on_set)
{
    return bleproxy_peripheral_set_parameters(device->way->peripheral, parameters, on_set, device, NULL);
}

static void on_forgotten(void *user, const struct bleproxy_result *result)
{
    (void)user, (void)result; /* that nothing was done on a proxy is known */
}

static int direct_forget_services(struct device *device, uint64_t address)
{
    int r = make(device, address);
    return r < 0 ? r : bleproxy_peripheral_clear_cache(device->way->peripheral, on_forgotten, device, NULL);
}

static int direct_forget_bond(struct device *device, uint64_t address)
{
    return bleproxy_hub_forget_bond(device->fleet.hub, address);
}

static uint64_t direct_bond(struct device *device, char *proxy, size_t size)
{
    const struct bleproxy_bond *bond = bleproxy_hub_bond(device->fleet.hub, device->address);
    if (bond)
        snprintf(proxy, size, "%s", bond->proxy);
    return bond ? bond->source : 0;
}

static void direct_free(struct device *device)
{
    struct way *way = device->way;
    if (way)
        bleproxy_peripheral_free(way->peripheral);
    free(way);
    device->way = NULL;
}

const struct device_ops device_direct = {
    .find = direct_find,
    .connect = direct_connect,
    .disconnect = direct_disconnect,
    .services = direct_services,
    .mtu = direct_mtu,
    .source = direct_source,
    .read = direct_read,
    .write = direct_write,
    .subscribe = direct_subscribe,
    .do_deed = direct_do_deed,
    .set_parameters = direct_set_parameters,
    .forget_services = direct_forget_services,
    .forget_bond = direct_forget_bond,
    .bond = direct_bond,
    .free = direct_free,
};
