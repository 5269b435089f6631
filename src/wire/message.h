/* SPDX-License-Identifier: MIT */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "base/buffer.h"
#include "bleproxy.pb-c.h" /* generated from proto/bleproxy.proto */
#include "wire/arena.h"

enum message_type {
    MESSAGE_HELLO_REQUEST = 1,
    MESSAGE_HELLO_RESPONSE = 2,
    MESSAGE_AUTHENTICATION_REQUEST = 3,
    MESSAGE_AUTHENTICATION_RESPONSE = 4,
    MESSAGE_DISCONNECT_REQUEST = 5,
    MESSAGE_DISCONNECT_RESPONSE = 6,
    MESSAGE_PING_REQUEST = 7,
    MESSAGE_PING_RESPONSE = 8,
    MESSAGE_DEVICE_INFO_REQUEST = 9,
    MESSAGE_DEVICE_INFO_RESPONSE = 10,
    MESSAGE_LIST_ENTITIES_REQUEST = 11,
    MESSAGE_LIST_ENTITIES_DONE_RESPONSE = 19,
    MESSAGE_SUBSCRIBE_STATES_REQUEST = 20,
    MESSAGE_SUBSCRIBE_LOGS_REQUEST = 28,
    MESSAGE_SUBSCRIBE_LOGS_RESPONSE = 29,
    MESSAGE_SUBSCRIBE_HOMEASSISTANT_SERVICES_REQUEST = 34,
    MESSAGE_GET_TIME_REQUEST = 36,
    MESSAGE_GET_TIME_RESPONSE = 37,
    MESSAGE_SUBSCRIBE_HOMEASSISTANT_STATES_REQUEST = 38,
    MESSAGE_SUBSCRIBE_ADVERTISEMENTS_REQUEST = 66,
    MESSAGE_ADVERTISEMENT_RESPONSE = 67,
    MESSAGE_DEVICE_REQUEST = 68,
    MESSAGE_DEVICE_CONNECTION_RESPONSE = 69,
    MESSAGE_GATT_GET_SERVICES_REQUEST = 70,
    MESSAGE_GATT_GET_SERVICES_RESPONSE = 71,
    MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE = 72,
    MESSAGE_GATT_READ_REQUEST = 73,
    MESSAGE_GATT_READ_RESPONSE = 74,
    MESSAGE_GATT_WRITE_REQUEST = 75,
    MESSAGE_GATT_READ_DESCRIPTOR_REQUEST = 76,
    MESSAGE_GATT_WRITE_DESCRIPTOR_REQUEST = 77,
    MESSAGE_GATT_NOTIFY_REQUEST = 78,
    MESSAGE_GATT_NOTIFY_DATA_RESPONSE = 79,
    MESSAGE_SUBSCRIBE_CONNECTIONS_FREE_REQUEST = 80,
    MESSAGE_CONNECTIONS_FREE_RESPONSE = 81,
    MESSAGE_GATT_ERROR_RESPONSE = 82,
    MESSAGE_GATT_WRITE_RESPONSE = 83,
    MESSAGE_GATT_NOTIFY_RESPONSE = 84,
    MESSAGE_DEVICE_PAIRING_RESPONSE = 85,
    MESSAGE_DEVICE_UNPAIRING_RESPONSE = 86,
    MESSAGE_UNSUBSCRIBE_ADVERTISEMENTS_REQUEST = 87,
    MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE = 88,
    MESSAGE_RAW_ADVERTISEMENTS_RESPONSE = 93,
    MESSAGE_NOISE_SET_KEY_REQUEST = 124,
    MESSAGE_NOISE_SET_KEY_RESPONSE = 125,
    MESSAGE_SCANNER_STATE_RESPONSE = 126,
    MESSAGE_SCANNER_SET_MODE_REQUEST = 127,
    MESSAGE_SET_CONNECTION_PARAMS_REQUEST = 145,
    MESSAGE_SET_CONNECTION_PARAMS_RESPONSE = 146,
    MESSAGE_DEVICE_CAPABILITIES_REQUEST = 149,
    MESSAGE_DEVICE_CAPABILITIES_RESPONSE = 150,
    MESSAGE_TYPE_LAST = 150, /* the highest type of API 1.15; types above it, and 0, are ignored */
};

/* The schema of a type, or NULL when it is not one of ours (it is then ignored). */
const ProtobufCMessageDescriptor *message_descriptor(uint32_t type);
/* "HelloRequest", or "unknown message". */
const char *message_name(uint32_t type);

/* Outcomes of message_unpack() */
enum {
    MESSAGE_UNKNOWN = 1,   /* no schema: ignore it */
    MESSAGE_MALFORMED = 2, /* the bytes are not that message */
    MESSAGE_TOO_LARGE = 3, /* it would need more than ARENA_MAX to hold */
};

/* Decodes into the arena; the message lives until arena_reset(). 0, an outcome above, or BLEPROXY_E_NOMEM.
 * Repeated scalars are accepted packed and unpacked, unknown fields are skipped. */
int message_unpack(struct arena *arena, uint32_t type, const uint8_t *data, size_t size,
                   ProtobufCMessage **ret_message);

size_t message_packed_size(const ProtobufCMessage *message);
/* Appends the protobuf of the message. 0, BLEPROXY_E_NOMEM or BLEPROXY_E_LIMIT. */
int message_pack(const ProtobufCMessage *message, struct buffer *out);

#endif
