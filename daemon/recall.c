/* SPDX-License-Identifier: MIT */
#include "recall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is kept ---- */

static int fill_device(const struct device *device, struct memory *memory)
{
    const struct memory_device kept = {.address = device->address,
                                       .address_type = device->address_type & 3,
                                       .trusted = device->trusted,
                                       .blocked = device->blocked,
                                       .name = device->advert.name,
                                       .alias = device->alias};
    return device_is_remembered(device) ? memory_add_device(memory, &kept) : 0;
}

static int fill_paths(const struct adapter *adapter, struct memory *memory)
{
    const struct object *hci0 = adapter->object;
    size_t length = strlen(hci0->path) + 1;
    int r = 0;
    for (const struct object *object = hci0->first_child; object && r == 0; object = object_after(object)) {
        void *device;
        if (strncmp(object->path, hci0->path, length - 1) != 0 || object->path[length - 1] != '/')
            break;
        bool is_connected =
            object_has(object, &device_interface, &device) && ((const struct device *)device)->connected;
        r = memory_add_path(memory, object->path + length, is_connected);
    }
    return r;
}

int recall_fill(const struct adapter *adapter, struct memory *memory, bool with_paths)
{
    int r = 0;
    memory->adapter_is_off = adapter->is_off;
    if (adapter->alias && !(memory->adapter_alias = strdup(adapter->alias)))
        return -ENOMEM;
    for (const struct device *device = adapter->first_device; device && r == 0; device = device->next)
        r = fill_device(device, memory);
    return r == 0 && with_paths ? fill_paths(adapter, memory) : r;
}

/* ---- What comes back ---- */

static void recall_device(struct adapter *adapter, const struct memory_device *kept)
{
    struct device *device =
        adapter_allows(adapter, kept->address) ? adapter_make_device(adapter, kept->address) : NULL;
    if (!device)
        return;
    device->address_type = kept->address_type;
    device->trusted = kept->trusted;
    device->blocked = kept->blocked;
    if (kept->name)
        device->advert.name = strdup(kept->name);
    if (kept->alias)
        device->alias = strdup(kept->alias);
}

void recall_adapter(struct adapter *adapter, const struct memory *memory)
{
    const struct bleproxy_bond *bond;
    size_t position = 0;
    adapter->is_off = memory->adapter_is_off;
    if (memory->adapter_alias)
        adapter->alias = strdup(memory->adapter_alias);
    for (size_t i = 0; i < memory->n_devices; i++)
        recall_device(adapter, &memory->devices[i]);
    while ((bond = bleproxy_hub_next_bond(adapter->config.hub, &position)))
        if (!adapter_find_device(adapter, bond->address) && adapter_allows(adapter, bond->address))
            adapter_make_device(adapter, bond->address);
}

void recall_heard(struct adapter *adapter)
{
    for (struct device *device = adapter->first_device; device; device = device->next) {
        const struct bleproxy_advertisement *heard =
            device->paired && !device->advert.name
                ? bleproxy_hub_remembered(adapter->config.hub, device->address, NULL)
                : NULL;
        if (heard)
            device_set_remembered(device, heard);
    }
}

/* ---- What is gone ---- */

static const char *interface_of(const char *path)
{
    const char *last = strrchr(path, '/');
    if (!last)
        return "org.bluez.Device1";
    switch (last[1]) {
    case 's':
        return "org.bluez.GattService1";
    case 'c':
        return "org.bluez.GattCharacteristic1";
    default:
        return "org.bluez.GattDescriptor1";
    }
}

static void tell_gone(sd_bus *bus, const char *adapter, const struct memory_path *gone)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", adapter, gone->text);
    if (gone->is_connected)
        sd_bus_emit_signal(bus, path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
                           "org.bluez.Device1", 2, "ServicesResolved", "b", 0, "Connected", "b", 0, 0);
    sd_bus_emit_signal(bus, "/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", path, 3,
                       introspectable_interface.name, properties_interface.name, interface_of(gone->text));
}

void recall_tell_gone(const struct adapter *adapter, const struct memory *memory)
{
    for (size_t i = memory->n_paths; i > 0; i--)
        tell_gone(adapter->tree->bus, adapter->object->path, &memory->paths[i - 1]);
}
