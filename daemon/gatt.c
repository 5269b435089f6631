/* SPDX-License-Identifier: MIT */
#include "gatt.h"

#include "adapter.h"
#include "characteristic.h"
#include "descriptor.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct service {
    struct object *object;
    const struct object *device;
    struct bleproxy_uuid uuid;
    uint16_t handle;
};

struct gatt {
    struct service *services;
    struct characteristic *characteristics;
    struct descriptor *descriptors;
    size_t n_services, n_characteristics, n_descriptors;
};

/* ---- org.bluez.GattService1 ---- */

static int append_uuid(sd_bus_message *message, void *data)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    bleproxy_uuid_format(&((const struct service *)data)->uuid, text);
    return sd_bus_message_append(message, "s", text);
}

static int append_device(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "o", ((const struct service *)data)->device->path);
}

/* Proxies do not tell secondary services from primary ones, nor which includes which. */
static int append_primary(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "b", true);
}

static int append_includes(sd_bus_message *message, void *data)
{
    (void)data;
    return sd_bus_message_append(message, "ao", 0);
}

static int append_handle(sd_bus_message *message, void *data)
{
    return sd_bus_message_append(message, "q", ((const struct service *)data)->handle);
}

static const struct property properties[] = {
    {"Handle", "q", append_handle, NULL, NULL},      {"UUID", "s", append_uuid, NULL, NULL},
    {"Device", "o", append_device, NULL, NULL},      {"Primary", "b", append_primary, NULL, NULL},
    {"Includes", "ao", append_includes, NULL, NULL}, {0},
};
static const struct interface service_interface = {.name = "org.bluez.GattService1",
                                                   .properties = properties};

/* ---- The tree ---- */

static bool allocate(struct gatt *gatt, const struct bleproxy_services *services)
{
    size_t n_characteristics = 0, n_descriptors = 0;
    for (size_t i = 0; i < services->n_services; i++) {
        const struct bleproxy_service *service = &services->services[i];
        n_characteristics += service->n_characteristics;
        for (size_t j = 0; j < service->n_characteristics; j++)
            n_descriptors += service->characteristics[j].n_descriptors;
    }
    gatt->services = calloc(services->n_services + 1, sizeof(*gatt->services));
    gatt->characteristics = calloc(n_characteristics + 1, sizeof(*gatt->characteristics));
    gatt->descriptors = calloc(n_descriptors + 1, sizeof(*gatt->descriptors));
    return gatt->services && gatt->characteristics && gatt->descriptors;
}

static struct object *make_object(struct object *parent, const char *kind, uint16_t handle)
{
    char name[16];
    snprintf(name, sizeof(name), "%s%04x", kind, handle);
    return object_new(parent, name);
}

/* The declaration is told nowhere, but lies before the value; another attribute may be there with odd devices. previous is the
 * highest handle of those before it in the service. */
static uint16_t declaration_of(const struct bleproxy_characteristic *characteristic, uint16_t previous)
{
    uint16_t handle = characteristic->handle;
    return handle > 1 && handle - 1 > previous ? (uint16_t)(handle - 1) : handle;
}

static bool add_characteristic(struct gatt *gatt, const struct gatt_context *context, struct object *parent,
                               const struct bleproxy_characteristic *from, uint16_t *previous)
{
    struct characteristic *characteristic = &gatt->characteristics[gatt->n_characteristics];
    uint16_t declaration = declaration_of(from, *previous);
    struct object *object = make_object(parent, "char", declaration);
    if (!object)
        return false;
    gatt->n_characteristics++;
    characteristic_init(characteristic, context, object, from, declaration);
    if (from->handle > *previous)
        *previous = from->handle;
    for (size_t i = 0; i < from->n_descriptors; i++) {
        struct object *below = make_object(object, "desc", from->descriptors[i].handle);
        if (!below)
            return false;
        descriptor_init(&gatt->descriptors[gatt->n_descriptors++], context, below, &from->descriptors[i]);
        if (from->descriptors[i].handle > *previous) /* odd devices have some before their characteristic */
            *previous = from->descriptors[i].handle;
    }
    return true;
}

static bool add_service(struct gatt *gatt, const struct gatt_context *context,
                        const struct bleproxy_service *from)
{
    struct service *service = &gatt->services[gatt->n_services];
    uint16_t previous = from->handle;
    *service = (struct service){.device = context->device, .uuid = from->uuid, .handle = from->handle};
    service->object = make_object(context->device, "service", from->handle);
    if (!service->object)
        return false;
    gatt->n_services++;
    object_add(service->object, &service_interface, service);
    for (size_t i = 0; i < from->n_characteristics; i++)
        if (!add_characteristic(gatt, context, service->object, &from->characteristics[i], &previous))
            return false;
    return true;
}

struct gatt *gatt_new(struct device *device, struct bleproxy_peripheral *peripheral)
{
    const struct bleproxy_services *services = bleproxy_peripheral_services(peripheral);
    const struct gatt_context context = {.peripheral = peripheral,
                                         .device = device->object,
                                         .watches = device->adapter->config.watches,
                                         .loop = device->adapter->config.loop};
    struct gatt *gatt = calloc(1, sizeof(*gatt));
    bool done = gatt && allocate(gatt, services);
    for (size_t i = 0; done && i < services->n_services; i++)
        done = add_service(gatt, &context, &services->services[i]);
    if (done)
        return gatt;
    gatt_free(gatt);
    return NULL;
}

void gatt_free(struct gatt *gatt)
{
    if (!gatt)
        return;
    for (size_t i = 0; i < gatt->n_characteristics; i++)
        characteristic_deinit(&gatt->characteristics[i]);
    for (size_t i = 0; i < gatt->n_descriptors; i++)
        descriptor_deinit(&gatt->descriptors[i]);
    while (gatt->n_services > 0)
        object_free(gatt->services[--gatt->n_services].object);
    free(gatt->services);
    free(gatt->characteristics);
    free(gatt->descriptors);
    free(gatt);
}

static bool is_short(const struct bleproxy_uuid *uuid, uint16_t number)
{
    return uuid->size == 2 && (uuid->bytes[0] << 8 | uuid->bytes[1]) == number;
}

struct characteristic *gatt_find_characteristic(struct gatt *gatt, uint16_t service, uint16_t uuid)
{
    for (size_t i = 0; i < gatt->n_characteristics; i++)
        for (size_t j = 0; j < gatt->n_services; j++)
            if (gatt->characteristics[i].attribute.object->parent == gatt->services[j].object &&
                is_short(&gatt->services[j].uuid, service) && is_short(&gatt->characteristics[i].uuid, uuid))
                return &gatt->characteristics[i];
    return NULL;
}

void gatt_forget_listener(struct gatt *gatt, const char *sender)
{
    for (size_t i = 0; i < gatt->n_characteristics; i++)
        characteristic_forget_listener(&gatt->characteristics[i], sender);
}

void gatt_forget_writer(struct gatt *gatt, const char *sender)
{
    for (size_t i = 0; i < gatt->n_characteristics; i++)
        characteristic_forget_writer(&gatt->characteristics[i], sender);
}

/* ---- All of it at once ---- */

static int append_descriptors(const struct gatt *gatt, const struct object *parent, sd_bus_message *message)
{
    char uuid[BLEPROXY_UUID_TEXT_SIZE];
    int r = sd_bus_message_open_container(message, 'a', "(oqs)");
    for (size_t i = 0; r >= 0 && i < gatt->n_descriptors; i++) {
        const struct descriptor *descriptor = &gatt->descriptors[i];
        if (descriptor->attribute.object->parent != parent)
            continue;
        bleproxy_uuid_format(&descriptor->uuid, uuid);
        r = sd_bus_message_append(message, "(oqs)", descriptor->attribute.object->path,
                                  descriptor->attribute.handle, uuid);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_characteristics(const struct gatt *gatt, const struct object *parent,
                                  sd_bus_message *message)
{
    char uuid[BLEPROXY_UUID_TEXT_SIZE];
    int r = sd_bus_message_open_container(message, 'a', "(oqsua(oqs))");
    for (size_t i = 0; r >= 0 && i < gatt->n_characteristics; i++) {
        const struct characteristic *characteristic = &gatt->characteristics[i];
        const struct object *object = characteristic->attribute.object;
        if (object->parent != parent)
            continue;
        bleproxy_uuid_format(&characteristic->uuid, uuid);
        r = sd_bus_message_open_container(message, 'r', "oqsua(oqs)");
        if (r >= 0)
            r = sd_bus_message_append(message, "oqsu", object->path, characteristic->attribute.handle, uuid,
                                      characteristic->properties);
        if (r >= 0)
            r = append_descriptors(gatt, object, message);
        if (r >= 0)
            r = sd_bus_message_close_container(message);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

int gatt_append(const struct gatt *gatt, sd_bus_message *message)
{
    char uuid[BLEPROXY_UUID_TEXT_SIZE];
    int r = sd_bus_message_open_container(message, 'a', "(qsa(oqsua(oqs)))");
    for (size_t i = 0; r >= 0 && i < gatt->n_services; i++) {
        const struct service *service = &gatt->services[i];
        bleproxy_uuid_format(&service->uuid, uuid);
        r = sd_bus_message_open_container(message, 'r', "qsa(oqsua(oqs))");
        if (r >= 0)
            r = sd_bus_message_append(message, "qs", service->handle, uuid);
        if (r >= 0)
            r = append_characteristics(gatt, service->object, message);
        if (r >= 0)
            r = sd_bus_message_close_container(message);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}
