/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include "cli.h"
#include "json.h"
#include "log.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 4 * BLEPROXY_VALUE_MAX, HANDLES_SIZE = 128 };

/* 0: it is none. */
static uint16_t parse_handle(const char *text)
{
    char *end;
    if (*text == '@')
        text++;
    if (!isdigit((unsigned char)*text))
        return 0;
    unsigned long value = strtoul(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    return *end || value > UINT16_MAX ? 0 : (uint16_t)value;
}

static bool parse_uuid(const char *text, struct bleproxy_uuid *ret_uuid)
{
    return bleproxy_uuid_parse(text, ret_uuid) == 0 || bleproxy_characteristic_by_name(text, ret_uuid) == 0;
}

int attribute_check(const char *text)
{
    struct bleproxy_uuid uuid;
    if (parse_handle(text) || parse_uuid(text, &uuid))
        return CLI_DONE;
    log_say("'%s' names no characteristic: give a UUID (2a19 or all 36 digits), an assigned name "
            "(battery_level) or a handle (@42)",
            text);
    return CLI_USAGE;
}

static bool find_handle(const struct bleproxy_services *services, uint16_t handle,
                        struct attribute *ret_attribute)
{
    const struct bleproxy_descriptor *descriptor;
    struct attribute attribute = {.handle = handle, .characteristic = bleproxy_services_at(services, handle)};
    if (handle == 0)
        return false;
    if (attribute.characteristic) {
        attribute.uuid = attribute.characteristic->uuid;
    } else {
        descriptor = bleproxy_services_descriptor_at(services, handle, &attribute.characteristic);
        if (!descriptor)
            return false;
        attribute.uuid = descriptor->uuid;
        attribute.is_descriptor = true;
    }
    attribute.name = attribute.is_descriptor ? bleproxy_descriptor_name(&attribute.uuid)
                                             : bleproxy_characteristic_name(&attribute.uuid);
    *ret_attribute = attribute;
    return true;
}

/* "@12, @20": all that have the UUID. */
static void list_handles(const struct bleproxy_services *services, const struct bleproxy_uuid *uuid,
                         char text[HANDLES_SIZE])
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < services->n_services; i++)
        for (size_t j = 0; j < services->services[i].n_characteristics && at < HANDLES_SIZE; j++) {
            const struct bleproxy_characteristic *characteristic = &services->services[i].characteristics[j];
            if (bleproxy_uuid_equal(&characteristic->uuid, uuid))
                at += (size_t)snprintf(text + at, HANDLES_SIZE - at, "%s@%u", at > 0 ? ", " : "",
                                       characteristic->handle);
        }
}

bool attribute_find(struct device *device, const char *text, struct attribute *ret_attribute)
{
    const struct bleproxy_services *services = device->ops->services(device);
    const struct bleproxy_characteristic *characteristic;
    struct bleproxy_uuid uuid;
    char handles[HANDLES_SIZE];
    int r = BLEPROXY_E_NO_ATTRIBUTE;
    if (*text != '@' && parse_uuid(text, &uuid))
        r = bleproxy_services_find(services, &uuid, &characteristic);
    if (r == 0)
        return find_handle(services, characteristic->handle, ret_attribute);
    if (r == BLEPROXY_E_AMBIGUOUS) {
        list_handles(services, &uuid, handles);
        log_say("%s: several characteristics are '%s': give the handle of one: %s", device->label, text,
                handles);
    } else if (find_handle(services, parse_handle(text), ret_attribute)) {
        return true;
    } else {
        log_say("%s: there is no characteristic '%s'; 'bleproxy services \"%s\"' lists those it has",
                device->label, text, device->label);
    }
    device_finish(device, CLI_FAILED);
    return false;
}

static bool is_text(const uint8_t *value, size_t size)
{
    while (size > 0 && value[size - 1] == '\0')
        size--;
    for (size_t i = 0; i < size; i++)
        if (value[i] < 0x20 || value[i] == 0x7f)
            return false;
    return size > 0;
}

void attribute_print_value(const struct attribute *attribute, const uint8_t *value, size_t size)
{
    char text[TEXT_SIZE];
    for (size_t i = 0; i < size; i++)
        printf("%02x", value[i]);
    if (size == 0)
        fputs("(empty)", stdout);
    if (!attribute->is_descriptor &&
        bleproxy_value_format(&attribute->uuid, value, size, text, sizeof(text)) > 0)
        printf("  %s", text);
    else if (is_text(value, size) && bleproxy_sanitise(text, sizeof(text), value, size) > 0)
        printf("  \"%s\"", text);
}

void attribute_add_json(const struct device *device, const struct attribute *attribute, const uint8_t *value,
                        size_t size, struct json_object *object)
{
    char uuid[BLEPROXY_UUID_TEXT_SIZE];
    bleproxy_uuid_format(&attribute->uuid, uuid);
    json_object_object_add(object, "address", json_address(device->address));
    json_object_object_add(object, "uuid", json_text(uuid));
    json_object_object_add(object, "handle", json_object_new_int(attribute->handle));
    json_object_object_add(object, "value", json_hex(value, size));
}
