/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include "adapter.h"
#include "link.h"

#define NOT_AVAILABLE "org.bluez.Error.NotAvailable"

/* 0; 1: it was answered that it is none; a negative errno. */
static int read_uuid(struct device *device, sd_bus_message *call, struct bleproxy_uuid *ret_uuid)
{
    const char *text;
    int r = sd_bus_message_read(call, "s", &text);
    if (r < 0 || bleproxy_uuid_parse(text, ret_uuid) == 0)
        return r < 0 ? r : 0;
    r = call_fail(device->object->tree, call, ERROR_INVALID_ARGUMENTS, "br-connection-invalid-argument");
    return r < 0 ? r : 1;
}

int profile_connect(struct device *device, sd_bus_message *call)
{
    struct tree *tree = device->object->tree;
    struct bleproxy_uuid uuid;
    int r = read_uuid(device, call, &uuid);
    if (r != 0)
        return r < 0 ? r : 0;
    if (!adapter_is_powered(device->adapter))
        return call_fail(tree, call, ERROR_NOT_READY, "br-connection-adapter-not-powered");
    if (!advert_has_uuid(&device->advert, &uuid))
        return call_fail(tree, call, NOT_AVAILABLE, "br-connection-profile-unavailable");
    return link_connect(device, call);
}

int profile_disconnect(struct device *device, sd_bus_message *call)
{
    struct tree *tree = device->object->tree;
    struct bleproxy_uuid uuid;
    int r = read_uuid(device, call, &uuid);
    if (r != 0)
        return r < 0 ? r : 0;
    if (!advert_has_uuid(&device->advert, &uuid))
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid arguments in method call");
    if (!device->connected)
        return call_fail(tree, call, ERROR_NOT_CONNECTED, "Not Connected");
    return call_fail(tree, call, ERROR_NOT_SUPPORTED, "Operation is not supported");
}

/* ---- org.bluez.ProfileManager1 ---- */

static int call_register(sd_bus_message *call, void *data)
{
    return call_fail(((struct object *)data)->tree, call, ERROR_NOT_SUPPORTED, "Operation is not supported");
}

static int call_unregister(sd_bus_message *call, void *data)
{
    return call_fail(((struct object *)data)->tree, call, ERROR_DOES_NOT_EXIST, "Does Not Exist");
}

static const struct method methods[] = {
    {"RegisterProfile", "osa{sv}", "", call_register},
    {"UnregisterProfile", "o", "", call_unregister},
    {0},
};
static const struct interface profile_manager_interface = {
    .name = "org.bluez.ProfileManager1",
    .methods = methods,
};

int profile_init(struct object *object)
{
    return object_add(object, &profile_manager_interface, object);
}
