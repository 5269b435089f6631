/* SPDX-License-Identifier: MIT */
/* The interface of org.bluez.Adapter1: its properties, and the way to its methods. */
#include "adapter.h"

#include "link.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum adapter_property {
    ADAPTER_ADDRESS,
    ADAPTER_ADDRESS_TYPE,
    ADAPTER_NAME,
    ADAPTER_ALIAS,
    ADAPTER_CLASS,
    ADAPTER_POWERED,
    ADAPTER_DISCOVERABLE,
    ADAPTER_DISCOVERABLE_TIMEOUT,
    ADAPTER_PAIRABLE,
    ADAPTER_PAIRABLE_TIMEOUT,
    ADAPTER_DISCOVERING,
    ADAPTER_UUIDS,
    ADAPTER_MODALIAS,
    ADAPTER_ROLES,
};

/* ---- Properties ---- */

static int append_address(sd_bus_message *message, void *data)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(((const struct adapter *)data)->address, text);
    return sd_bus_message_append(message, "s", text);
}

static int append_address_type(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "s", "public");
}

static int append_name(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "s", ((const struct adapter *)data)->name);
}

static int append_alias(sd_bus_message *message, void *data)
{
    const struct adapter *adapter = data;
    return sd_bus_message_append(message, "s", adapter->alias ? adapter->alias : adapter->name);
}

static int set_alias(sd_bus_message *call, void *data)
{
    struct adapter *adapter = data;
    const char *text;
    int r = sd_bus_message_read(call, "s", &text);
    if (r < 0)
        return r;
    if (strlen(text) > DEVICE_ALIAS_MAX)
        return call_fail(adapter->tree, call, ERROR_INVALID_ARGUMENTS, "the alias is too long");
    if (strcmp(text, adapter->alias ? adapter->alias : "") != 0) {
        char *copy = *text ? strdup(text) : NULL;
        if (*text && !copy)
            return -ENOMEM;
        free(adapter->alias);
        adapter->alias = copy;
        object_changed(adapter->object, &adapter_interface, ADAPTER_ALIAS);
        adapter_changed(adapter, true);
    }
    return call_reply(adapter->tree, call, "");
}

static int append_class(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "u", UINT32_C(0));
}

static int append_powered(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", adapter_is_powered(data));
}

void adapter_power_changed(struct adapter *adapter, bool was_powered)
{
    if (was_powered == adapter_is_powered(adapter))
        return;
    object_changed(adapter->object, &adapter_interface, ADAPTER_POWERED);
    listening_update(adapter);
}

static void switch_off(struct adapter *adapter)
{
    discovery_stop_all(&adapter->discovery);
    for (struct device *device = adapter->first_device, *next; device; device = next) {
        next = device->next;
        if (!device_is_kept(device))
            adapter_remove_device(adapter, device);
        else if (device->link) /* which may have to remove it */
            link_drop(device->link);
    }
}

static int set_powered(sd_bus_message *call, void *data)
{
    struct adapter *adapter = data;
    bool was_powered = adapter_is_powered(adapter), was_off = adapter->is_off;
    int wanted;
    int r = sd_bus_message_read(call, "b", &wanted);
    if (r < 0)
        return r;
    if (adapter->is_off != !wanted)
        adapter_changed(adapter, true);
    adapter->is_off = !wanted;
    adapter_power_changed(adapter, was_powered);
    if (adapter->is_off && !was_off)
        switch_off(adapter);
    if (wanted && !adapter_is_powered(adapter))
        return call_fail(adapter->tree, call, ERROR_FAILED, "no proxy is connected");
    return call_reply(adapter->tree, call, "");
}

static int append_discoverable(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", ((const struct adapter *)data)->discoverable);
}

static int append_pairable(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b", ((const struct adapter *)data)->pairable);
}

/* They mean nothing to proxies, but programs stop when they cannot be set. */
static int set_bool(sd_bus_message *call, struct adapter *adapter, bool *value,
                    enum adapter_property property)
{
    int wanted;
    int r = sd_bus_message_read(call, "b", &wanted);
    if (r < 0)
        return r;
    if (*value != (wanted != 0))
        object_changed(adapter->object, &adapter_interface, property);
    *value = wanted != 0;
    return call_reply(adapter->tree, call, "");
}

static int set_discoverable(sd_bus_message *call, void *data)
{
    struct adapter *adapter = data;
    return set_bool(call, adapter, &adapter->discoverable, ADAPTER_DISCOVERABLE);
}

static int set_pairable(sd_bus_message *call, void *data)
{
    struct adapter *adapter = data;
    return set_bool(call, adapter, &adapter->pairable, ADAPTER_PAIRABLE);
}

static int set_timeout(sd_bus_message *call, struct adapter *adapter, uint32_t *value,
                       enum adapter_property property)
{
    uint32_t wanted;
    int r = sd_bus_message_read(call, "u", &wanted);
    if (r < 0)
        return r;
    if (*value != wanted)
        object_changed(adapter->object, &adapter_interface, property);
    *value = wanted;
    return call_reply(adapter->tree, call, "");
}

static int append_discoverable_timeout(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "u", ((const struct adapter *)data)->discoverable_timeout_s);
}

static int set_discoverable_timeout(sd_bus_message *call, void *data)
{
    struct adapter *adapter = data;
    return set_timeout(call, adapter, &adapter->discoverable_timeout_s, ADAPTER_DISCOVERABLE_TIMEOUT);
}

static int append_pairable_timeout(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "u", ((const struct adapter *)data)->pairable_timeout_s);
}

static int set_pairable_timeout(sd_bus_message *call, void *data)
{
    struct adapter *adapter = data;
    return set_timeout(call, adapter, &adapter->pairable_timeout_s, ADAPTER_PAIRABLE_TIMEOUT);
}

void adapter_discovering_changed(struct adapter *adapter)
{
    object_changed(adapter->object, &adapter_interface, ADAPTER_DISCOVERING);
}

static int append_discovering(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "b",
                                 discovery_is_active(&((const struct adapter *)data)->discovery));
}

static int append_uuids(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "as", 0);
}

/* BlueZ's own: some programs do without adapters that have none. */
static int append_modalias(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "s", ADAPTER_BLUEZ_MODALIAS);
}

static int append_roles(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "as", 1, "central");
}

static const struct property properties[] = {
    [ADAPTER_ADDRESS] = {"Address", "s", append_address, NULL, NULL},
    [ADAPTER_ADDRESS_TYPE] = {"AddressType", "s", append_address_type, NULL, NULL},
    [ADAPTER_NAME] = {"Name", "s", append_name, NULL, NULL},
    [ADAPTER_ALIAS] = {"Alias", "s", append_alias, NULL, set_alias},
    [ADAPTER_CLASS] = {"Class", "u", append_class, NULL, NULL},
    [ADAPTER_POWERED] = {"Powered", "b", append_powered, NULL, set_powered},
    [ADAPTER_DISCOVERABLE] = {"Discoverable", "b", append_discoverable, NULL, set_discoverable},
    [ADAPTER_DISCOVERABLE_TIMEOUT] = {"DiscoverableTimeout", "u", append_discoverable_timeout, NULL,
                                      set_discoverable_timeout},
    [ADAPTER_PAIRABLE] = {"Pairable", "b", append_pairable, NULL, set_pairable},
    [ADAPTER_PAIRABLE_TIMEOUT] = {"PairableTimeout", "u", append_pairable_timeout, NULL,
                                  set_pairable_timeout},
    [ADAPTER_DISCOVERING] = {"Discovering", "b", append_discovering, NULL, NULL},
    [ADAPTER_UUIDS] = {"UUIDs", "as", append_uuids, NULL, NULL},
    [ADAPTER_MODALIAS] = {"Modalias", "s", append_modalias, NULL, NULL},
    [ADAPTER_ROLES] = {"Roles", "as", append_roles, NULL, NULL},
    {0},
};

/* ---- Methods ---- */

static int call_start_discovery(sd_bus_message *call, void *data)
{
    return discovery_start(&((struct adapter *)data)->discovery, call);
}

static int call_stop_discovery(sd_bus_message *call, void *data)
{
    return discovery_stop(&((struct adapter *)data)->discovery, call);
}

static int call_set_discovery_filter(sd_bus_message *call, void *data)
{
    return discovery_set_filter(&((struct adapter *)data)->discovery, call);
}

static int call_get_discovery_filters(sd_bus_message *call, void *data)
{
    return discovery_get_filters(&((struct adapter *)data)->discovery, call);
}

static int call_remove_device(sd_bus_message *call, void *data)
{
    struct adapter *adapter = data;
    const char *path;
    void *device;
    int r = sd_bus_message_read(call, "o", &path);
    if (r < 0)
        return r;
    struct object *object = object_find(adapter->tree, path);
    if (!object || !object_has(object, &device_interface, &device))
        return call_fail(adapter->tree, call, ERROR_DOES_NOT_EXIST, "Does Not Exist");
    return link_remove(device, call);
}

static const struct method methods[] = {
    {"StartDiscovery", "", "", call_start_discovery},
    {"StopDiscovery", "", "", call_stop_discovery},
    {"SetDiscoveryFilter", "a{sv}", "", call_set_discovery_filter},
    {"GetDiscoveryFilters", "", "as", call_get_discovery_filters},
    {"RemoveDevice", "o", "", call_remove_device},
    {0},
};
const struct interface adapter_interface = {
    .name = "org.bluez.Adapter1",
    .properties = properties,
    .methods = methods,
};
