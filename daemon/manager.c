/* SPDX-License-Identifier: MIT */
#include "manager.h"

#include "guest.h"
#include "link.h"
#include "proxy_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATHS_MAX = 64 };

/* ---- Proxies, and the ways through them ---- */

static int send_list(struct manager *manager, sd_bus_message *call, sd_bus_message *message, int r)
{
    struct tree *tree = manager->object->tree;
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    tree_flush(tree);
    return call_finish(tree, call, message, r);
}

static int begin_list(sd_bus_message *call, sd_bus_message **ret_message)
{
    int r = sd_bus_message_new_method_return(call, ret_message);
    return r < 0 ? r : sd_bus_message_open_container(*ret_message, 'a', "a{sv}");
}

static int call_list_proxies(sd_bus_message *call, void *data)
{
    struct manager *manager = data;
    sd_bus_message *message = NULL;
    int r = begin_list(call, &message);
    for (size_t i = 0; r >= 0 && i < manager->fleet->n_members; i++)
        r = proxy_record_append(message, &manager->fleet->members[i]);
    return send_list(manager, call, message, r);
}

/* Above 0: of a device that may be used. Else the call was answered. */
static int read_address(struct manager *manager, sd_bus_message *call, uint64_t *ret_address)
{
    struct tree *tree = manager->object->tree;
    const char *text;
    int r = sd_bus_message_read(call, "s", &text);
    if (r < 0)
        return r;
    if (bleproxy_address_parse(text, ret_address) < 0)
        return call_fail(tree, call, SD_BUS_ERROR_INVALID_ARGS, "this is no Bluetooth address");
    if (!adapter_allows(manager->adapter, *ret_address))
        return call_fail(tree, call, ERROR_NOT_AUTHORIZED, "the configuration denies this device");
    return 1;
}

static int call_list_paths(sd_bus_message *call, void *data)
{
    struct manager *manager = data;
    struct bleproxy_path paths[PATHS_MAX];
    sd_bus_message *message = NULL;
    uint64_t address;
    size_t n;
    int r = read_address(manager, call, &address);
    if (r <= 0)
        return r;
    bleproxy_hub_paths(manager->fleet->hub, address, paths, PATHS_MAX, &n);
    r = begin_list(call, &message);
    for (size_t i = 0; r >= 0 && i < n && i < PATHS_MAX; i++)
        r = proxy_record_append_path(message, &paths[i]);
    return send_list(manager, call, message, r);
}

/* To the library all programs of the daemon's are this one. False: none of them has it. */
static bool explain_use(const struct manager *manager, uint64_t address, char *text, size_t size)
{
    const struct device *device = adapter_find_device(manager->adapter, address);
    const struct member *member =
        device && device->connected
            ? fleet_find(manager->fleet, bleproxy_peripheral_source(device->link->peripheral))
            : NULL;
    if (member)
        snprintf(text, size, "it is connected through %s, by a program of bleproxyd's", member->label);
    return member != NULL;
}

static int call_explain(sd_bus_message *call, void *data)
{
    struct manager *manager = data;
    char text[BLEPROXY_PATH_TEXT_SIZE];
    uint64_t address;
    int r = read_address(manager, call, &address);
    if (r <= 0)
        return r;
    if (!explain_use(manager, address, text, sizeof(text)))
        bleproxy_hub_explain_path(manager->fleet->hub, address, text, sizeof(text));
    return call_reply(manager->object->tree, call, "s", text);
}

static int find_pin(const char *text, enum bleproxy_pin *ret_pin)
{
    static const char *const names[] = {[BLEPROXY_PIN_PREFER] = "prefer",
                                        [BLEPROXY_PIN_ONLY] = "only",
                                        [BLEPROXY_PIN_DENY] = "deny",
                                        [BLEPROXY_PIN_RESERVE] = "reserve"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], text) == 0) {
            *ret_pin = (enum bleproxy_pin)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int change_pin(sd_bus_message *call, struct manager *manager,
                      int change(struct bleproxy_hub *hub, uint64_t address, const char *proxy,
                                 enum bleproxy_pin kind))
{
    struct tree *tree = manager->object->tree;
    const char *proxy, *kind;
    enum bleproxy_pin pin;
    uint64_t address;
    int r = read_address(manager, call, &address);
    if (r <= 0)
        return r;
    r = sd_bus_message_read(call, "ss", &proxy, &kind);
    if (r < 0)
        return r;
    if (find_pin(kind, &pin) < 0)
        return call_fail(tree, call, SD_BUS_ERROR_INVALID_ARGS, "the kind is prefer, only, deny or reserve");
    r = change(manager->fleet->hub, address, proxy, pin);
    if (r == BLEPROXY_E_NOMEM)
        return -ENOMEM;
    return r < 0 ? call_fail(tree, call, SD_BUS_ERROR_INVALID_ARGS, bleproxy_strerror(r))
                 : call_reply(tree, call, "");
}

static int call_pin(sd_bus_message *call, void *data)
{
    return change_pin(call, data, bleproxy_hub_pin);
}

static int call_unpin(sd_bus_message *call, void *data)
{
    return change_pin(call, data, bleproxy_hub_unpin);
}

/* {"mode": "active"} or nothing. */
static int call_open(sd_bus_message *call, void *data)
{
    struct manager *manager = data;
    struct tree *tree = manager->object->tree;
    const char *key, *value = "";
    bool active = false;
    int r = sd_bus_message_enter_container(call, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
        r = sd_bus_message_read(call, "s", &key);
        if (r >= 0 && (strcmp(key, "mode") != 0 || sd_bus_message_read(call, "v", "s", &value) < 0 ||
                       (strcmp(value, "active") != 0 && strcmp(value, "") != 0)))
            return call_fail(tree, call, SD_BUS_ERROR_INVALID_ARGS,
                             "the only option is mode, and it is 'active'");
        active = strcmp(value, "active") == 0;
        if (r >= 0)
            r = sd_bus_message_exit_container(call);
    }
    return r < 0 ? r : feed_open(manager->feed, tree, call, active);
}

/* ---- Devices ---- */

static int call_of_device(sd_bus_message *call, struct manager *manager,
                          int answer(struct adapter *adapter, sd_bus_message *call, uint64_t address))
{
    uint64_t address;
    int r = read_address(manager, call, &address);
    return r > 0 ? answer(manager->adapter, call, address) : r;
}

/* What the configuration calls devices. */
static int call_list_names(sd_bus_message *call, void *data)
{
    struct manager *manager = data;
    const struct device_names *names = &manager->fleet->proxies.names;
    sd_bus_message *message = NULL;
    int r = sd_bus_message_new_method_return(call, &message);
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(ss)");
    for (size_t i = 0; r >= 0 && i < names->n; i++) {
        char address[BLEPROXY_ADDRESS_TEXT_SIZE];
        bleproxy_address_format(names->items[i].address, address);
        if (adapter_allows(manager->adapter, names->items[i].address))
            r = sd_bus_message_append(message, "(ss)", address, names->items[i].text);
    }
    return send_list(manager, call, message, r);
}

/* By its address, or else by its name in the configuration, or else by its exact name. */
static int call_find_device(sd_bus_message *call, void *data)
{
    struct manager *manager = data;
    const char *text;
    uint64_t address = 0;
    int r = sd_bus_message_read(call, "s", &text);
    if (r < 0)
        return r;
    if (!*text)
        return call_fail(manager->object->tree, call, SD_BUS_ERROR_INVALID_ARGS, "this is no device");
    bool is_address = bleproxy_address_parse(text, &address) == 0;
    if (!is_address)
        address = device_names_find(&manager->fleet->proxies.names, text);
    return guest_find(manager->adapter, call, address, is_address || address ? "" : text);
}

static int call_connect(sd_bus_message *call, void *data)
{
    return call_of_device(call, data, guest_connect);
}

static int call_release(sd_bus_message *call, void *data)
{
    return call_of_device(call, data, guest_release);
}

static int call_pair(sd_bus_message *call, void *data)
{
    return call_of_device(call, data, guest_pair);
}

static int call_unpair(sd_bus_message *call, void *data)
{
    return call_of_device(call, data, guest_unpair);
}

static int call_forget_bond(sd_bus_message *call, void *data)
{
    return call_of_device(call, data, guest_forget_bond);
}

static int call_clear_cache(sd_bus_message *call, void *data)
{
    return call_of_device(call, data, guest_clear_cache);
}

static int call_set_parameters(sd_bus_message *call, void *data)
{
    return call_of_device(call, data, guest_set_parameters);
}

/* The proxy that has the bond of a device, or "". */
static int call_find_bond(sd_bus_message *call, void *data)
{
    struct manager *manager = data;
    uint64_t address;
    char source[BLEPROXY_ADDRESS_TEXT_SIZE] = "";
    int r = read_address(manager, call, &address);
    if (r <= 0)
        return r;
    const struct bleproxy_bond *bond = bleproxy_hub_bond(manager->fleet->hub, address);
    if (bond)
        bleproxy_address_format(bond->source, source);
    return call_reply(manager->object->tree, call, "ss", bond ? bond->proxy : "", source);
}

static int append_version(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "s", BLEPROXY_VERSION);
}

static const struct property properties[] = {{"Version", "s", append_version, NULL, NULL}, {0}};
static const struct method methods[] = {
    {"ListProxies", "", "aa{sv}", call_list_proxies},
    {"ListPaths", "s", "aa{sv}", call_list_paths},
    {"Explain", "s", "s", call_explain},
    {"Pin", "sss", "", call_pin},
    {"Unpin", "sss", "", call_unpin},
    {"Open", "a{sv}", "h", call_open},
    {"ListNames", "", "a(ss)", call_list_names},
    {"FindDevice", "s", "sb", call_find_device},
    {"Connect", "sa{sv}", "oqsa(qsa(oqsua(oqs)))", call_connect},
    {"Release", "s", "", call_release},
    {"Pair", "s", "us", call_pair},
    {"Unpair", "s", "us", call_unpair},
    {"FindBond", "s", "ss", call_find_bond},
    {"ForgetBond", "s", "", call_forget_bond},
    {"ClearCache", "s", "us", call_clear_cache},
    {"SetParameters", "sqqqq", "us", call_set_parameters},
    {0},
};
static const struct signal signals[] = {{"Disconnected", "siis"}, {0}};
static const struct interface manager_interface = {
    .name = MANAGER_INTERFACE,
    .properties = properties,
    .methods = methods,
    .signals = signals,
};

void manager_tell_end(struct manager *manager, uint64_t address, const struct bleproxy_result *result)
{
    char device[BLEPROXY_ADDRESS_TEXT_SIZE], text[1024];
    if (!manager->object)
        return;
    bleproxy_address_format(address, device);
    bleproxy_sanitise(text, sizeof(text), result->text, strlen(result->text));
    object_signal(manager->object, &manager_interface, "Disconnected", "siis", device, result->error,
                  result->code, text);
}

int manager_init(struct manager *manager, struct object *parent, struct fleet *fleet, struct feed *feed,
                 struct adapter *adapter)
{
    *manager = (struct manager){.fleet = fleet, .feed = feed, .adapter = adapter};
    manager->object = object_new(parent, "bleproxy1");
    if (!manager->object)
        return -ENOMEM;
    manager->object->is_aside = true; /* programs that look for BlueZ's would stumble over it */
    return object_add(manager->object, &manager_interface, manager);
}

void manager_deinit(struct manager *manager)
{
    object_free(manager->object);
    manager->object = NULL;
}
