/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include "cli.h"
#include "json.h"
#include <stdio.h>

enum { OPTION_NO_CACHE = OPTION_OWN };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"no-cache", no_argument, NULL, OPTION_NO_CACHE},
    {0},
};

static const char help[] =
    "Usage: bleproxy services [OPTION]... ADDRESS\n"
    "List the services of a device, with their characteristics and descriptors.\n"
    "ADDRESS is the device's address, its name in the configuration, or its exact name.\n"
    "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    for connecting at most (30)\n"
    "      --no-cache           ask the device, even if its services are known\n";

static int parse(void *user, int option, const char *value)
{
    (void)value;
    struct device *device = user;
    device->no_cache |= option == OPTION_NO_CACHE;
    return CLI_DONE;
}

/* "2a19", or all of it. */
static void short_uuid(const struct bleproxy_uuid *uuid, char text[BLEPROXY_UUID_TEXT_SIZE])
{
    if (uuid->size == 2)
        snprintf(text, BLEPROXY_UUID_TEXT_SIZE, "%02x%02x", uuid->bytes[0], uuid->bytes[1]);
    else
        bleproxy_uuid_format(uuid, text);
}

static void print_attribute(const char *indent, uint16_t handle, const struct bleproxy_uuid *uuid,
                            const char *name)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    short_uuid(uuid, text);
    printf("%s@%-5u %s%s%s", indent, handle, text, name ? "  " : "", name ? name : "");
}

static void print_properties(uint32_t properties)
{
    const char *separator = "  [";
    for (uint32_t bit = 1; bit != 0 && bit <= properties; bit <<= 1) {
        const char *name = properties & bit ? bleproxy_property_name(bit) : NULL;
        if (name) {
            printf("%s%s", separator, name);
            separator = ", ";
        }
    }
    if (*separator == ',')
        putchar(']');
}

static void print_services(const struct device *device, const struct bleproxy_services *services)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(device->address, address);
    printf("%s  MTU %u\n", address, device->ops->mtu(device));
    for (size_t i = 0; i < services->n_services; i++) {
        const struct bleproxy_service *service = &services->services[i];
        putchar('\n');
        print_attribute("", service->handle, &service->uuid, bleproxy_service_name(&service->uuid));
        putchar('\n');
        for (size_t j = 0; j < service->n_characteristics; j++) {
            const struct bleproxy_characteristic *characteristic = &service->characteristics[j];
            print_attribute("  ", characteristic->handle, &characteristic->uuid,
                            bleproxy_characteristic_name(&characteristic->uuid));
            print_properties(characteristic->properties);
            putchar('\n');
            for (size_t k = 0; k < characteristic->n_descriptors; k++) {
                const struct bleproxy_descriptor *descriptor = &characteristic->descriptors[k];
                print_attribute("    ", descriptor->handle, &descriptor->uuid,
                                bleproxy_descriptor_name(&descriptor->uuid));
                putchar('\n');
            }
        }
    }
}

static struct json_object *attribute_json(const struct bleproxy_uuid *uuid, uint16_t handle)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    struct json_object *object = json_object_new_object();
    bleproxy_uuid_format(uuid, text);
    json_object_object_add(object, "uuid", json_text(text));
    json_object_object_add(object, "handle", json_object_new_int(handle));
    return object;
}

static struct json_object *characteristic_json(const struct bleproxy_characteristic *characteristic)
{
    struct json_object *object = attribute_json(&characteristic->uuid, characteristic->handle);
    struct json_object *properties = json_object_new_array(), *descriptors = json_object_new_array();
    for (uint32_t bit = 1; bit != 0 && bit <= characteristic->properties; bit <<= 1)
        if (characteristic->properties & bit && bleproxy_property_name(bit))
            json_object_array_add(properties, json_text(bleproxy_property_name(bit)));
    for (size_t i = 0; i < characteristic->n_descriptors; i++)
        json_object_array_add(descriptors, attribute_json(&characteristic->descriptors[i].uuid,
                                                          characteristic->descriptors[i].handle));
    json_object_object_add(object, "properties", properties);
    json_object_object_add(object, "descriptors", descriptors);
    return object;
}

static void print_json(const struct device *device, const struct bleproxy_services *services)
{
    struct json_object *object = json_object_new_object(), *list = json_object_new_array();
    json_object_object_add(object, "address", json_address(device->address));
    json_object_object_add(object, "mtu", json_object_new_int(device->ops->mtu(device)));
    for (size_t i = 0; i < services->n_services; i++) {
        const struct bleproxy_service *service = &services->services[i];
        struct json_object *entry = attribute_json(&service->uuid, service->handle);
        struct json_object *characteristics = json_object_new_array();
        for (size_t j = 0; j < service->n_characteristics; j++)
            json_object_array_add(characteristics, characteristic_json(&service->characteristics[j]));
        json_object_object_add(entry, "characteristics", characteristics);
        json_object_array_add(list, entry);
    }
    json_object_object_add(object, "services", list);
    json_print(object);
}

static void act(struct device *device)
{
    const struct bleproxy_services *services = device->ops->services(device);
    if (device->options.json)
        print_json(device, services);
    else
        print_services(device, services);
    device_finish(device, CLI_DONE);
}

static const struct device_command command = {
    .name = "bleproxy services",
    .table = {.longs = longs,
              .help = help,
              .parse = parse,
              .arguments = "ADDRESS",
              .arguments_min = 1,
              .arguments_max = 1},
    .act = act,
    .connect_timeout = true,
};

int cmd_services(int argc, char **argv)
{
    struct device device = {.command = &command};
    return device_main(&device, argc, argv);
}
