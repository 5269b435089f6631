/* SPDX-License-Identifier: MIT */
#include <bleproxy/names.h>

enum { DESCRIPTOR_FIRST = 0x2900 };

/* Bluetooth SIG, Assigned Numbers, GATT descriptors; as of January 2026. From DESCRIPTOR_FIRST on without a gap. */
static const char descriptors[][48] = {
    "Characteristic Extended Properties",
    "Characteristic User Description",
    "Client Characteristic Configuration",
    "Server Characteristic Configuration",
    "Characteristic Presentation Format",
    "Characteristic Aggregate Format",
    "Valid Range",
    "External Report Reference",
    "Report Reference",
    "Number of Digitals",
    "Value Trigger Setting",
    "Environmental Sensing Configuration",
    "Environmental Sensing Measurement",
    "Environmental Sensing Trigger Setting",
    "Time Trigger Setting",
    "Complete BR-EDR Transport Block Data",
    "Observation Schedule",
    "Valid Range and Accuracy",
};

const char *bleproxy_descriptor_name(const struct bleproxy_uuid *uuid)
{
    unsigned value = (unsigned)uuid->bytes[0] << 8 | uuid->bytes[1];
    if (uuid->size != 2 || value < DESCRIPTOR_FIRST ||
        value - DESCRIPTOR_FIRST >= sizeof(descriptors) / sizeof(descriptors[0]))
        return NULL;
    return descriptors[value - DESCRIPTOR_FIRST];
}
