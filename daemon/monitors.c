/* SPDX-License-Identifier: MIT */
#include "monitors.h"

#include "adapter.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MONITOR_INTERFACE        "org.bluez.AdvertisementMonitor1"
#define OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"
enum { SILENCE_MS = 1000 };

/* What a program has registered. */
struct monitor_root {
    struct monitor_root *next;
    struct monitors *monitors;
    char *sender, *path;
    sd_bus_message *call; /* RegisterMonitor, which waits */
    sd_bus_slot *asking, *added, *removed;
    struct monitor *first;
};

static struct tree *tree_of(const struct monitors *monitors)
{
    return monitors->adapter->tree;
}

bool monitors_are_active(const struct monitors *monitors)
{
    return monitors->n_monitors > 0;
}

/* ---- Devices that are found and lost ---- */

static void call_monitor(const struct monitor_root *root, const char *path, const char *member)
{
    call_out(tree_of(root->monitors), root->sender, path, MONITOR_INTERFACE, member, "");
}

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

/* ---- Monitors come and go ---- */

static void count(struct monitors *monitors, size_t n)
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

static struct monitor **find_monitor(struct monitor_root *root, const char *path)
{
    struct monitor **at = &root->first;
    while (*at && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    return at;
}

/* At the root, or below it. */
static bool is_below(const struct monitor_root *root, const char *path)
{
    size_t length = strlen(root->path);
    if (strcmp(root->path, "/") == 0)
        return true;
    return strncmp(path, root->path, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static void answer(struct monitor_root *root)
{
    sd_bus_message *call = root->call;
    root->call = NULL;
    if (call)
        call_reply(tree_of(root->monitors), call, "");
    sd_bus_message_unref(call);
}

/* The properties of a monitor follow in the message. 0 or a negative errno: the message is broken. */
static int add_monitor(struct monitor_root *root, sd_bus_message *message, const char *path)
{
    struct monitors *monitors = root->monitors;
    struct monitor **last = find_monitor(root, path), *monitor = NULL;
    if (*last || !is_below(root, path))
        return sd_bus_message_skip(message, "a{sv}");
    int r = monitor_read(message, path, &monitor);
    answer(root);
    if (r != 0 || monitors->n_monitors == MONITORS_MAX) {
        if (r == 0)
            monitor_free(monitor);
        call_monitor(root, path, "Release");
        return r < 0 ? r : 0;
    }
    *last = monitor;
    call_monitor(root, path, "Activate");
    count(monitors, 1);
    return 0;
}

/* {interface: {property: value}} of the object */
static int read_interfaces(struct monitor_root *root, sd_bus_message *message, const char *path)
{
    const char *interface;
    int r = sd_bus_message_enter_container(message, 'a', "{sa{sv}}");
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sa{sv}")) > 0) {
        r = sd_bus_message_read(message, "s", &interface);
        if (r >= 0)
            r = strcmp(interface, MONITOR_INTERFACE) == 0 ? add_monitor(root, message, path)
                                                          : sd_bus_message_skip(message, "a{sv}");
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
    }
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

static void remove_monitor(struct monitor_root *root, struct monitor **at)
{
    struct monitor *monitor = *at;
    *at = monitor->next;
    monitor_free(monitor);
    count(root->monitors, (size_t)-1);
}

static int on_added(sd_bus_message *message, void *user, sd_bus_error *error)
{
    const char *path;
    (void)error;
    if (sd_bus_message_read(message, "o", &path) >= 0)
        read_interfaces(user, message, path);
    return 0;
}

static int on_removed(sd_bus_message *message, void *user, sd_bus_error *error)
{
    struct monitor_root *root = user;
    const char *path, *interface;
    (void)error;
    if (sd_bus_message_read(message, "o", &path) < 0 || sd_bus_message_enter_container(message, 'a', "s") < 0)
        return 0;
    struct monitor **at = find_monitor(root, path);
    while (*at && sd_bus_message_read(message, "s", &interface) > 0)
        if (strcmp(interface, MONITOR_INTERFACE) == 0) {
            remove_monitor(root, at);
            break;
        }
    return 0;
}

/* ---- Roots ---- */

static struct monitor_root **find_root(struct monitors *monitors, const char *sender, const char *path)
{
    struct monitor_root **at = &monitors->first;
    while (*at && (strcmp((*at)->sender, sender) != 0 || (path && strcmp((*at)->path, path) != 0)))
        at = &(*at)->next;
    return at;
}

static void free_root(struct monitor_root *root)
{
    sd_bus_slot_unref(root->asking);
    sd_bus_slot_unref(root->added);
    sd_bus_slot_unref(root->removed);
    sd_bus_message_unref(root->call);
    free(root->sender);
    free(root->path);
    free(root);
}

/* release: the program is told. */
static void remove_root(struct monitors *monitors, struct monitor_root **at, bool release)
{
    struct monitor_root *root = *at;
    *at = root->next;
    monitors->n_roots--;
    while (root->first) {
        if (release)
            call_monitor(root, root->first->path, "Release");
        remove_monitor(root, &root->first);
    }
    if (root->call)
        call_fail(tree_of(monitors), root->call, ERROR_FAILED, "it was unregistered");
    free_root(root);
}

static int read_objects(struct monitor_root *root, sd_bus_message *reply)
{
    const char *path;
    int r = sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}");
    while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}")) > 0) {
        r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
            r = read_interfaces(root, reply, path);
        if (r >= 0)
            r = sd_bus_message_exit_container(reply);
    }
    return r;
}

/* bluetoothctl registers its root whatever it was started for, and versions 5.56 to 5.73, started for one command alone, end
 * with the answer, before the command is done. As they have no monitor, they wait for it, and do what they were asked. */
static bool is_answered_later(const struct monitor_root *root)
{
    return !root->first && strcmp(root->path, "/") == 0;
}

static int on_objects(sd_bus_message *reply, void *user, sd_bus_error *error)
{
    struct monitor_root *root = user;
    struct monitors *monitors = root->monitors;
    (void)error;
    root->asking = sd_bus_slot_unref(root->asking);
    if (sd_bus_message_is_method_error(reply, NULL)) {
        if (root->call)
            call_fail(tree_of(monitors), root->call, ERROR_FAILED, "GetManagedObjects of it failed");
        root->call = sd_bus_message_unref(root->call);
        remove_root(monitors, find_root(monitors, root->sender, root->path), false);
        return 0;
    }
    read_objects(root, reply);
    if (!is_answered_later(root))
        answer(root);
    return 0;
}

static int ask(struct monitor_root *root)
{
    sd_bus *bus = tree_of(root->monitors)->bus;
    int r = sd_bus_match_signal_async(bus, &root->added, root->sender, NULL, OBJECT_MANAGER_INTERFACE,
                                      "InterfacesAdded", on_added, NULL, root);
    if (r >= 0)
        r = sd_bus_match_signal_async(bus, &root->removed, root->sender, NULL, OBJECT_MANAGER_INTERFACE,
                                      "InterfacesRemoved", on_removed, NULL, root);
    if (r >= 0)
        r = sd_bus_call_method_async(bus, &root->asking, root->sender, root->path, OBJECT_MANAGER_INTERFACE,
                                     "GetManagedObjects", on_objects, root, "");
    return r;
}

static int add_root(struct monitors *monitors, sd_bus_message *call, const char *path)
{
    struct monitor_root **last = &monitors->first, *root = calloc(1, sizeof(*root));
    if (!root)
        return -ENOMEM;
    root->monitors = monitors;
    root->sender = strdup(sd_bus_message_get_sender(call));
    root->path = strdup(path);
    int r = root->sender && root->path ? ask(root) : -ENOMEM;
    if (r < 0) {
        free_root(root);
        return r;
    }
    root->call = sd_bus_message_ref(call);
    while (*last)
        last = &(*last)->next;
    *last = root;
    monitors->n_roots++;
    return 0;
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
