/* SPDX-License-Identifier: MIT */
#include "adapter.h"

#include "link.h"
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
enum { PACE_MS = 50, EXPIRY_MS = 1000 };

void adapter_changed(const struct adapter *adapter, bool soon)
{
    adapter->config.on_changed(adapter->config.user, soon);
}

bool adapter_is_powered(const struct adapter *adapter)
{
    return !adapter->is_off && adapter->has_proxies;
}

/* ---- Devices ---- */

static int compare_addresses(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

struct device *adapter_find_device(const struct adapter *adapter, uint64_t address)
{
    struct device *const *found = tfind(&address, &adapter->by_address, compare_addresses);
    return found ? *found : NULL;
}

static void unlink_device(struct adapter *adapter, struct device *device)
{
    if (device->previous)
        device->previous->next = device->next;
    else
        adapter->first_device = device->next;
    if (device->next)
        device->next->previous = device->previous;
    else
        adapter->last_device = device->previous;
}

static void append_device(struct adapter *adapter, struct device *device)
{
    device->previous = adapter->last_device;
    device->next = NULL;
    if (adapter->last_device)
        adapter->last_device->next = device;
    else
        adapter->first_device = device;
    adapter->last_device = device;
}

void adapter_remove_device(struct adapter *adapter, struct device *device)
{
    monitors_forget_device(&adapter->monitors, device->address);
    tdelete(device, &adapter->by_address, compare_addresses);
    unlink_device(adapter, device);
    adapter->n_devices--;
    adapter_changed(adapter, device_is_remembered(device));
    device_free(device);
}

/* The one that was heard longest ago of those that nobody wanted gives way, unless that was just now: else more devices
 * than there is room for would come and go with each of their advertisements. */
static bool make_room(struct adapter *adapter)
{
    uint64_t now_ns = bleproxy_loop_now_ns(adapter->config.loop);
    struct device *device = adapter->first_device;
    if (adapter->n_devices < ADAPTER_DEVICES_MAX)
        return true;
    while (device && device_is_kept(device))
        device = device->next;
    if (!device || now_ns < device->heard_ns + ADAPTER_FRESH_S * NS_PER_S)
        return false;
    adapter_remove_device(adapter, device);
    return true;
}

bool adapter_allows(const struct adapter *adapter, uint64_t address)
{
    return adapter->config.is_allowed(adapter->config.user, address);
}

struct device *adapter_make_device(struct adapter *adapter, uint64_t address)
{
    struct device *device = make_room(adapter) ? device_new(adapter, address) : NULL;
    if (!device)
        return NULL;
    if (!tsearch(device, &adapter->by_address, compare_addresses)) {
        device_free(device);
        return NULL;
    }
    append_device(adapter, device);
    adapter->n_devices++;
    adapter_changed(adapter, false);
    return device;
}

struct device *adapter_get_device(struct adapter *adapter, uint64_t address)
{
    struct device *device = adapter_find_device(adapter, address);
    if (device)
        return device;
    device = adapter_make_device(adapter, address);
    if (device) /* else it could go at once */
        device->heard_ns = bleproxy_loop_now_ns(adapter->config.loop);
    return device;
}

/* While nobody reads what is sent, all that changes becomes one signal. */
static void on_pace(void *user)
{
    struct adapter *adapter = user;
    uint64_t now_ns = bleproxy_loop_now_ns(adapter->config.loop);
    bool is_pending = false;
    for (struct device *device = adapter->first_device; device; device = device->next) {
        if (adapter->config.is_congested(adapter->config.user))
            return;
        is_pending |= device_tick(device, now_ns);
        tree_flush(adapter->tree);
    }
    if (!is_pending) {
        bleproxy_timer_free(adapter->pace);
        adapter->pace = NULL;
    }
}

void adapter_report(struct adapter *adapter, const struct bleproxy_advertisement *report, unsigned telling)
{
    struct device *device = adapter_find_device(adapter, report->address);
    bool is_congested = adapter->config.is_congested(adapter->config.user);
    if (!adapter_allows(adapter, report->address))
        return;
    if (device) {
        unlink_device(adapter, device);
        append_device(adapter, device);
    } else if (!is_congested) { /* it can be told of when it is heard again */
        device = adapter_make_device(adapter, report->address);
    }
    if (!device)
        return;
    device_report(device, report, telling);
    if (!is_congested) {
        if (telling & DEVICE_TELL_DUPLICATES)
            device_tell(device);
        else
            device_tick(device, bleproxy_loop_now_ns(adapter->config.loop));
        tree_flush(adapter->tree); /* at once: the next report shall see what the bus has to carry */
    }
    if (device->pending && !adapter->pace)
        bleproxy_timer_new(adapter->config.loop, PACE_MS, PACE_MS, on_pace, adapter, &adapter->pace);
}

void adapter_review_devices(struct adapter *adapter)
{
    for (struct device *device = adapter->first_device, *next; device; device = next) {
        next = device->next;
        device_review_name(device);
        if (adapter_allows(adapter, device->address))
            continue;
        if (device->link && device->link->state != LINK_IDLE) {
            device->link->remove = true;
            link_drop(device->link);
        } else {
            adapter_remove_device(adapter, device);
        }
    }
}

void adapter_repeat_signals(struct adapter *adapter, uint64_t since_ns)
{
    for (struct device *device = adapter->last_device; device && device->heard_ns >= since_ns;
         device = device->previous)
        device_repeat_signal(device);
}

void adapter_forget_signals(struct adapter *adapter)
{
    for (struct device *device = adapter->first_device; device; device = device->next)
        device_forget_signal(device);
}

static void on_expiry(void *user)
{
    struct adapter *adapter = user;
    uint64_t now_ns = bleproxy_loop_now_ns(adapter->config.loop);
    for (struct device *device = adapter->first_device, *next; device; device = next) {
        next = device->next;
        if (!device_is_kept(device) && now_ns > device->heard_ns + adapter->config.temporary_s * NS_PER_S)
            adapter_remove_device(adapter, device);
    }
}

/* ---- What becomes of it ---- */

/* Who discovers goes on when a proxy is there again: programs do not begin anew because of a reboot. Connections end by
 * themselves. */
void adapter_set_has_proxies(struct adapter *adapter, bool has_proxies)
{
    bool was_powered = adapter_is_powered(adapter);
    adapter->has_proxies = has_proxies;
    adapter_power_changed(adapter, was_powered);
}

void adapter_catch_up(struct adapter *adapter, const char *name)
{
    for (struct device *device = adapter->first_device; device; device = device->next)
        object_tell_passing(device->object, &device_interface, name);
}

void adapter_forget_client(struct adapter *adapter, const char *sender)
{
    discovery_forget(&adapter->discovery, sender);
    monitors_forget(&adapter->monitors, sender);
    for (struct device *device = adapter->first_device, *next; device; device = next) {
        next = device->next;
        if (device->link)
            link_forget_client(device->link, sender);
    }
}

/* Always the same one on a machine, and nobody else's: locally administered. */
static uint64_t own_address(void)
{
    static const sd_id128_t purpose =
        SD_ID128_MAKE(8c, 1e, 5a, 27, 3f, 46, 4b, 0d, 9a, 71, 52, e0, 6d, 18, b3, c4);
    sd_id128_t id = purpose;
    uint64_t address = 0;
    sd_id128_get_machine_app_specific(purpose, &id);
    for (size_t i = 0; i < 6; i++)
        address = address << 8 | id.bytes[i];
    return (address & ~UINT64_C(0x030000000000)) | UINT64_C(0x020000000000);
}

int adapter_init(struct adapter *adapter, const struct adapter_config *config)
{
    *adapter = (struct adapter){.tree = config->parent->tree,
                                .config = *config,
                                .address = own_address(),
                                .pairable = true,
                                .discoverable_timeout_s = 180};
    if (gethostname(adapter->name, sizeof(adapter->name) - 1) < 0 || !adapter->name[0])
        snprintf(adapter->name, sizeof(adapter->name), "bleproxy");
    discovery_init(&adapter->discovery, adapter);
    adapter->object = object_new(config->parent, "hci0");
    if (!adapter->object ||
        bleproxy_timer_new(config->loop, EXPIRY_MS, EXPIRY_MS, on_expiry, adapter, &adapter->expiry) < 0)
        return -ENOMEM;
    int r = object_add(adapter->object, &adapter_interface, adapter);
    return r < 0 ? r : monitors_init(&adapter->monitors, adapter);
}

void adapter_deinit(struct adapter *adapter)
{
    if (!adapter->object)
        return;
    discovery_deinit(&adapter->discovery);
    monitors_deinit(&adapter->monitors);
    while (adapter->last_device)
        adapter_remove_device(adapter, adapter->last_device);
    bleproxy_timer_free(adapter->expiry);
    bleproxy_timer_free(adapter->pace);
    object_free(adapter->object);
    free(adapter->alias);
    adapter->object = NULL;
}
