/* SPDX-License-Identifier: MIT */
#include "monitors.h"

#include "adapter.h"
#include "monitor_root.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SILENCE_MS = 1000 };

static struct tree *tree_of(const struct monitors *monitors)
{
    return monitors->adapter->tree;
}

bool monitors_are_active(const struct monitors *monitors)
{
    return monitors->n_monitors > 0;
}

/* ---- Devices that are found and lost ---- */

static void tell_device(const struct monitor_root *root, const struct monitor *monitor, uint64_t address,
                        const char *member)
{
    struct adapter *adapter = root->monitors->adapter;
    const struct device *device = adapter_find_device(adapter, address);
    if (device)
        call_out(adapter->tree, root->sender, monitor->path, MONITOR_INTERFACE, member, "o",
                 device->object->path);
}

bool monitors_match(struct monitors *monitors, const struct bleproxy_advertisement *report)
{
    bool any = false;
    for (struct monitor_root *root = monitors->first; root; root = root->next)
        for (struct monitor *monitor = root->first; monitor; monitor = monitor->next)
            any |= monitor->matched = monitor_matches(monitor, report);
    return any;
}

void monitors_tell(struct monitors *monitors, const struct bleproxy_advertisement *report)
{
    struct adapter *adapter = monitors->adapter;
    if (adapter->config.is_congested(adapter->config.user) || !adapter_find_device(adapter, report->address))
        return;
    for (struct monitor_root *root = monitors->first; root; root = root->next)
        for (struct monitor *monitor = root->first; monitor; monitor = monitor->next) {
            enum monitor_news news = monitor->matched ? monitor_hear(monitor, report) : MONITOR_NOTHING;
            if (news != MONITOR_NOTHING)
                tell_device(root, monitor, report->address,
                            news == MONITOR_FOUND ? "DeviceFound" : "DeviceLost");
        }
}

static void on_lost(struct monitor *monitor, uint64_t address, void *user)
{
    tell_device(user, monitor, address, "DeviceLost");
}

static void on_silence(void *user)
{
    struct monitors *monitors = user;
    uint64_t now_ns = bleproxy_loop_now_ns(monitors->adapter->config.loop);
    for (struct monitor_root *root = monitors->first; root; root = root->next)
        for (struct monitor *monitor = root->first; monitor; monitor = monitor->next)
            monitor_tick(monitor, now_ns, on_lost, root);
}

void monitors_forget_device(struct monitors *monitors, uint64_t address)
{
    for (struct monitor_root *root = monitors->first; root; root = root->next)
        for (struct monitor *monitor = root->first; monitor; monitor = monitor->next)
            monitor_forget(monitor, address);
}

/* ---- Roots come and go ---- */

void monitors_count(struct monitors *monitors, size_t n)
{
    monitors->n_monitors += n;
    if (monitors->n_monitors == 0) {
        bleproxy_timer_free(monitors->silence);
        monitors->silence = NULL;
    } else if (!monitors->silence) {
        bleproxy_timer_new(monitors->adapter->config.loop, SILENCE_MS, SILENCE_MS, on_silence, monitors,
                           &monitors->silence);
    }
    listening_update(monitors->adapter);
}

static struct monitor_root **find_root(struct monitors *monitors, const char *sender, const char *path)
{
    struct monitor_root **at = &monitors->first;
    while (*at && (strcmp((*at)->sender, sender) != 0 || (path && strcmp((*at)->path, path) != 0)))
        at = &(*at)->next;
    return at;
}

/* release: the program is told. */
static void remove_root(struct monitors *monitors, struct monitor_root **at, bool release)
{
    struct monitor_root *root = *at;
    *at = root->next;
    monitors->n_roots--;
    monitor_root_free(root, release);
}

void monitors_drop(struct monitors *monitors, struct monitor_root *root)
{
    remove_root(monitors, find_root(monitors, root->sender, root->path), false);
}

static int add_root(struct monitors *monitors, sd_bus_message *call, const char *path)
{
    struct monitor_root **last = &monitors->first;
    while (*last)
        last = &(*last)->next;
    int r = monitor_root_new(monitors, call, path, last);
    monitors->n_roots += r >= 0;
    return r < 0 ? r : 0;
}

/* ---- The interface ---- */

/* All of them, or a program's. */
static bool are_too_many(const struct monitors *monitors, const char *sender)
{
    size_t n = 0;
    for (const struct monitor_root *root = monitors->first; root; root = root->next)
        n += strcmp(root->sender, sender) == 0;
    return monitors->n_roots == MONITOR_ROOTS_MAX || n == MONITOR_ROOTS_OF_ONE_MAX;
}

static int call_register(sd_bus_message *call, void *data)
{
    struct monitors *monitors = data;
    const char *sender = sd_bus_message_get_sender(call), *path;
    int r = sd_bus_message_read(call, "o", &path);
    if (r < 0)
        return r;
    if (*find_root(monitors, sender, path))
        return call_fail(tree_of(monitors), call, ERROR_ALREADY_EXISTS, "Already Exists");
    if (are_too_many(monitors, sender))
        return call_fail(tree_of(monitors), call, ERROR_FAILED, "there are too many monitors");
    return add_root(monitors, call, path);
}

static int call_unregister(sd_bus_message *call, void *data)
{
    struct monitors *monitors = data;
    const char *path;
    int r = sd_bus_message_read(call, "o", &path);
    if (r < 0)
        return r;
    struct monitor_root **at = find_root(monitors, sd_bus_message_get_sender(call), path);
    if (!*at)
        return call_fail(tree_of(monitors), call, ERROR_DOES_NOT_EXIST, "Does Not Exist");
    remove_root(monitors, at, true);
    return call_reply(tree_of(monitors), call, "");
}

static int append_types(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "as", 1, "or_patterns");
}

/* Controllers of their own could do without the host: proxies do not. */
static int append_features(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "as", 0);
}

static const struct property properties[] = {
    {"SupportedMonitorTypes", "as", append_types, NULL, NULL},
    {"SupportedFeatures", "as", append_features, NULL, NULL},
    {0},
};
static const struct method methods[] = {
    {"RegisterMonitor", "o", "", call_register},
    {"UnregisterMonitor", "o", "", call_unregister},
    {0},
};
static const struct interface manager_interface = {
    .name = "org.bluez.AdvertisementMonitorManager1",
    .properties = properties,
    .methods = methods,
};

int monitors_init(struct monitors *monitors, struct adapter *adapter)
{
    *monitors = (struct monitors){.adapter = adapter};
    return object_add(adapter->object, &manager_interface, monitors);
}

void monitors_forget(struct monitors *monitors, const char *sender)
{
    struct monitor_root **at;
    while (*(at = find_root(monitors, sender, NULL)))
        remove_root(monitors, at, false);
}

void monitors_deinit(struct monitors *monitors)
{
    while (monitors->first)
        remove_root(monitors, &monitors->first, true);
}
