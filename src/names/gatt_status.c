/* SPDX-License-Identifier: MIT */
#include "names/code.h"

#define PAIR     "pair the device through this proxy, then try again"
#define STALE    "clear the device's cache (clear-cache) and connect again: its services may have changed"
#define WAIT     "wait a moment and try again"
#define RESTART  "connect again; if that does not help, restart the device or the proxy"
#define FIRMWARE "update ESPHome on the proxy; if that does not help, report it to the makers of ESPHome"
#define DEVICE   "see the device's own documentation: the meaning is its own"

/* The ATT protocol's errors (Core Specification, Vol 3 Part F 3.4.1.1) up to 0x13, profiles' from 0xfc; between them
 * Bluedroid's statuses, as far as a device's application does not use the same numbers; ESP-IDF's errors from 0x101,
 * ESPHome's own below 0. */
static const struct bleproxy_code statuses[] = {
    {-2, "NO_MEMORY", "the proxy is out of memory", "use fewer components and connection slots on it"},
    {-1, "NOT_CONNECTED", "the proxy has no connection to the device", "connect again"},
    {1, "INVALID_HANDLE", "the device has no attribute at this handle", STALE},
    {2, "READ_NOT_PERMITTED", "the device does not allow this value to be read",
     "use another characteristic: the properties of each say what it can"},
    {3, "WRITE_NOT_PERMITTED", "the device does not allow this value to be written",
     "use another characteristic: the properties of each say what it can"},
    {4, "INVALID_PDU", "the device did not understand the request", RESTART},
    {5, "INSUFFICIENT_AUTHENTICATION", "the device gives this only to hosts that are paired with it", PAIR},
    {6, "REQUEST_NOT_SUPPORTED", "the device does not know this kind of request",
     "write with response instead of without, or the other way round"},
    {7, "INVALID_OFFSET", "the device has no part of the value at this offset", "read the value anew"},
    {8, "INSUFFICIENT_AUTHORIZATION", "the device wants its user to allow this",
     "allow it on the device, in its menu or by its button"},
    {9, "PREPARE_QUEUE_FULL", "the device cannot take a value this long in one piece",
     "write a shorter value"},
    {10, "ATTRIBUTE_NOT_FOUND", "the device has nothing of this kind", STALE},
    {11, "ATTRIBUTE_NOT_LONG", "the value cannot be read or written in parts",
     "use a value that fits into one packet: the MTU less 3 bytes"},
    {12, "INSUFFICIENT_KEY_SIZE", "the encryption key is shorter than the device demands",
     "unpair the device, then pair it again"},
    {13, "INVALID_ATTRIBUTE_LENGTH", "the value has a length that the device does not accept",
     "write as many bytes as the characteristic has"},
    {14, "UNLIKELY_ERROR", "the device failed and does not say why",
     "try again; many devices answer so to a value they do not like"},
    {15, "INSUFFICIENT_ENCRYPTION", "the device gives this only over an encrypted connection", PAIR},
    {16, "UNSUPPORTED_GROUP_TYPE", "the device cannot list what was asked for", STALE},
    {17, "INSUFFICIENT_RESOURCES", "the device has no memory left for this", "restart the device"},
    {18, "DATABASE_OUT_OF_SYNC", "the device's services have changed since they were discovered", STALE},
    {19, "VALUE_NOT_ALLOWED", "the device does not accept this value", "write another value"},
    {128, "APPLICATION_ERROR",
     "the device's application refused, or the proxy's Bluetooth stack is out of memory", DEVICE},
    {129, "INTERNAL_ERROR", "the proxy's Bluetooth stack failed, or the device's application refused",
     RESTART},
    {130, "WRONG_STATE", "this cannot be done in the present state of the connection", RESTART},
    {131, "DATABASE_FULL", "a table of services is full", RESTART},
    {132, "BUSY", "another request is under way", WAIT},
    {133, "ERROR", "the proxy's Bluetooth stack failed without saying why", RESTART},
    {134, "COMMAND_STARTED", "the request was begun and has not been answered", WAIT},
    {135, "ILLEGAL_PARAMETER", "the proxy's Bluetooth stack rejected the request", FIRMWARE},
    {136, "PENDING", "an earlier request has not been answered", WAIT},
    {137, "AUTHENTICATION_FAILED", "the sides could not authenticate each other",
     "unpair the device, then pair it again"},
    {138, "MORE", "there is more to come than one answer holds", FIRMWARE},
    {139, "INVALID_CONFIGURATION", "the request does not fit the proxy's configuration", FIRMWARE},
    {140, "SERVICE_STARTED", "the service was started already", WAIT},
    {141, "ENCRYPTED_NO_MITM", "the connection is encrypted, but not protected against a man in the middle",
     "that takes a passkey, which proxies cannot give: this value is out of reach through a proxy"},
    {142, "NOT_ENCRYPTED", "the connection is not encrypted", PAIR},
    {143, "CONGESTED", "too much was waiting to be sent", "send less at a time, or write with response"},
    {144, "DUPLICATE_REGISTRATION", "this was registered already", WAIT},
    {145, "ALREADY_OPEN", "the connection is open already", WAIT},
    {146, "CANCEL", "the request was given up", "try again"},
    {224, "STACK_RESPONSE", "the proxy's Bluetooth stack answers itself", FIRMWARE},
    {225, "APPLICATION_RESPONSE", "the application answers itself", FIRMWARE},
    {239, "UNKNOWN_ERROR", "the proxy's Bluetooth stack does not know why it failed", RESTART},
    {252, "WRITE_REQUEST_REJECTED", "the device refused to write, for a reason of its profile", DEVICE},
    {253, "CCC_CONFIGURATION_ERROR",
     "the characteristic's notifications are not enabled as the device wants them", "subscribe to it first"},
    {254, "PROCEDURE_IN_PROGRESS", "the device is still busy with the last request", WAIT},
    {255, "OUT_OF_RANGE", "the value is out of the range that the device accepts", "write another value"},
    {257, "ESP_NO_MEMORY", "the proxy is out of memory", "use fewer components and connection slots on it"},
    {258, "ESP_INVALID_ARGUMENT", "the proxy's Bluetooth stack rejected the request", FIRMWARE},
    {259, "ESP_INVALID_STATE", "the proxy's Bluetooth stack could not do this in its present state", RESTART},
};

const struct bleproxy_code *bleproxy_gatt_status(int32_t code)
{
    return code_find(statuses, sizeof(statuses) / sizeof(statuses[0]), code);
}
