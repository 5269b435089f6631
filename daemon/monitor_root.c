/* SPDX-License-Identifier: MIT */
#include "monitor_root.h"

#include "adapter.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"

static struct tree *tree_of(const struct monitors *monitors)
{
    return monitors->adapter->tree;
}

static void call_monitor(const struct monitor_root *root, const char *path, const char *member)
{
    call_out(tree_of(root->monitors), root->sender, path, MONITOR_INTERFACE, member, "");
}

/* ---- Monitors come and go ---- */

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

/* All of them, or its program's. */
static bool are_too_many(const struct monitor_root *added)
{
    size_t n = 0;
    for (const struct monitor_root *root = added->monitors->first; root; root = root->next)
        if (strcmp(root->sender, added->sender) == 0)
            for (const struct monitor *monitor = root->first; monitor; monitor = monitor->next)
                n++;
    return added->monitors->n_monitors == MONITORS_MAX || n == MONITORS_OF_ONE_MAX;
}

/* The properties of a monitor follow in the message. 0 or a negative errno: the message is broken. */
static int add_monitor(struct monitor_root *root, sd_bus_message *message, const char *path)
{
    struct monitor **last = find_monitor(root, path), *monitor = NULL;
    if (*last || !is_below(root, path))
        return sd_bus_message_skip(message, "a{sv}");
    int r = monitor_read(message, path, &monitor);
    answer(root);
    if (r != 0 || are_too_many(root)) {
        if (r == 0)
            monitor_free(monitor);
        call_monitor(root, path, "Release");
        return r < 0 ? r : 0;
    }
    *last = monitor;
    call_monitor(root, path, "Activate");
    monitors_count(root->monitors, 1);
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
    monitors_count(root->monitors, (size_t)-1);
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

/* ---- The root ---- */

static void free_parts(struct monitor_root *root)
{
    sd_bus_slot_unref(root->asking);
    sd_bus_slot_unref(root->added);
    sd_bus_slot_unref(root->removed);
    sd_bus_message_unref(root->call);
    free(root->sender);
    free(root->path);
    free(root);
}

void monitor_root_free(struct monitor_root *root, bool release)
{
    while (root->first) {
        if (release)
            call_monitor(root, root->first->path, "Release");
        remove_monitor(root, &root->first);
    }
    if (root->call)
        call_fail(tree_of(root->monitors), root->call, ERROR_FAILED, "it was unregistered");
    free_parts(root);
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
        monitors_drop(monitors, root);
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

int monitor_root_new(struct monitors *monitors, sd_bus_message *call, const char *path,
                     struct monitor_root **ret_root)
{
    struct monitor_root *root = calloc(1, sizeof(*root));
    if (!root)
        return -ENOMEM;
    root->monitors = monitors;
    root->sender = strdup(sd_bus_message_get_sender(call));
    root->path = strdup(path);
    int r = root->sender && root->path ? ask(root) : -ENOMEM;
    if (r < 0) {
        free_parts(root);
        return r;
    }
    root->call = sd_bus_message_ref(call);
    *ret_root = root;
    return 0;
}
