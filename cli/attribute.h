/* SPDX-License-Identifier: MIT */
#ifndef CLI_ATTRIBUTE_H
#define CLI_ATTRIBUTE_H

#include "device.h"

#include <json-c/json_object.h>

/* A characteristic or descriptor, as users name it: a UUID of 4, 8 or 36 digits, an assigned name ("battery_level"), or a
 * handle: "@42", "@0x2a", or a plain number where no characteristic has it as UUID. Only a handle can be a descriptor's. */
struct attribute {
    uint16_t handle;
    struct bleproxy_uuid uuid;
    const char *name;                                     /* assigned, or NULL */
    const struct bleproxy_characteristic *characteristic; /* or whose descriptor it is */
    bool is_descriptor;
};

#define ATTRIBUTE_HELP                                                                                       \
    "ADDRESS is the device's address, its name in the configuration, or its exact name.\n"                   \
    "CHAR is a UUID (2a19 or all 36 digits), an assigned name (battery_level) or a\n"                        \
    "handle (@42).\n"

/* Whether it can be one, before there is a device. CLI_DONE, or CLI_USAGE after saying why. */
int attribute_check(const char *text);
/* On the device. False after device_finish(), when it has none or several. */
bool attribute_find(struct device *device, const char *text, struct attribute *ret_attribute);

/* A value for people: in hexadecimal, as text if it is one, and decoded if its format is known. Without a newline. */
void attribute_print_value(const struct attribute *attribute, const uint8_t *value, size_t size);
/* Members address, uuid, handle and value. */
void attribute_add_json(const struct device *device, const struct attribute *attribute, const uint8_t *value,
                        size_t size, struct json_object *object);

#endif
