/* SPDX-License-Identifier: MIT */
#include "descriptor.h"

enum descriptor_property { DESCRIPTOR_HANDLE, DESCRIPTOR_UUID, DESCRIPTOR_CHARACTERISTIC, DESCRIPTOR_VALUE };

static const struct interface descriptor_interface;

static int append_handle(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "q", ((const struct descriptor *)data)->attribute.handle);
}

static int append_uuid(sd_bus_message *message, void *data)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    bleproxy_uuid_format(&((const struct descriptor *)data)->uuid, text);
    return sd_bus_message_append(message, "s", text);
}

static int append_characteristic(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "o",
                                 ((const struct descriptor *)data)->attribute.object->parent->path);
}

static const struct property properties[] = {
    [DESCRIPTOR_HANDLE] = {"Handle", "q", append_handle, NULL, NULL},
    [DESCRIPTOR_UUID] = {"UUID", "s", append_uuid, NULL, NULL},
    [DESCRIPTOR_CHARACTERISTIC] = {"Characteristic", "o", append_characteristic, NULL, NULL},
    [DESCRIPTOR_VALUE] = {"Value", "ay", attribute_append_value, attribute_has_value, NULL},
    {0},
};

static int call_read(sd_bus_message *call, void *data)
{
    struct descriptor *descriptor = data;
    return attribute_read(&descriptor->attribute, call);
}

static bool is_configuration(const struct descriptor *descriptor)
{
    static const struct bleproxy_uuid configuration = {.size = 2, .bytes = {0x29, 0x02}};
    return bleproxy_uuid_equal(&descriptor->uuid, &configuration);
}

/* Programs give a type, which means nothing here. */
static int call_write(sd_bus_message *call, void *data)
{
    struct descriptor *descriptor = data;
    struct tree *tree = descriptor->attribute.object->tree;
    struct attribute_options options;
    const void *value;
    size_t size;
    int r = sd_bus_message_read_array(call, 'y', &value, &size);
    if (r < 0)
        return r;
    if (attribute_read_options(call, &options) < 0)
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid arguments in method call");
    if (is_configuration(descriptor))
        return call_fail(tree, call, ERROR_NOT_PERMITTED, "Write not permitted");
    if (options.offset > 0)
        return call_fail(tree, call, ERROR_NOT_SUPPORTED, "Operation is not supported");
    return attribute_write(&descriptor->attribute, call, value, size, BLEPROXY_WRITE_WITH_RESPONSE,
                           options.timeout_ms);
}

static const struct method methods[] = {
    {"ReadValue", "a{sv}", "ay", call_read},
    {"WriteValue", "aya{sv}", "", call_write},
    {0},
};
static const struct interface descriptor_interface = {
    .name = "org.bluez.GattDescriptor1",
    .properties = properties,
    .methods = methods,
};

void descriptor_init(struct descriptor *descriptor, const struct gatt_context *context, struct object *object,
                     const struct bleproxy_descriptor *from)
{
    descriptor->attribute = (struct attribute){.peripheral = context->peripheral,
                                               .object = object,
                                               .interface = &descriptor_interface,
                                               .property = DESCRIPTOR_VALUE,
                                               .handle = from->handle};
    descriptor->uuid = from->uuid;
    object_add(object, &descriptor_interface, descriptor);
}

void descriptor_deinit(struct descriptor *descriptor)
{
    attribute_deinit(&descriptor->attribute);
}
