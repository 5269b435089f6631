/* SPDX-License-Identifier: MIT */
#include "wire/message.h"

#include <bleproxy/error.h>

static const ProtobufCMessageDescriptor *const descriptors[MESSAGE_TYPE_LAST + 1] = {
    [MESSAGE_HELLO_REQUEST] = &hello_request__descriptor,
    [MESSAGE_HELLO_RESPONSE] = &hello_response__descriptor,
    [MESSAGE_AUTHENTICATION_REQUEST] = &authentication_request__descriptor,
    [MESSAGE_AUTHENTICATION_RESPONSE] = &authentication_response__descriptor,
    [MESSAGE_DISCONNECT_REQUEST] = &disconnect_request__descriptor,
    [MESSAGE_DISCONNECT_RESPONSE] = &disconnect_response__descriptor,
    [MESSAGE_PING_REQUEST] = &ping_request__descriptor,
    [MESSAGE_PING_RESPONSE] = &ping_response__descriptor,
    [MESSAGE_DEVICE_INFO_REQUEST] = &device_info_request__descriptor,
    [MESSAGE_DEVICE_INFO_RESPONSE] = &device_info_response__descriptor,
    [MESSAGE_LIST_ENTITIES_REQUEST] = &list_entities_request__descriptor,
    [MESSAGE_LIST_ENTITIES_DONE_RESPONSE] = &list_entities_done_response__descriptor,
    [MESSAGE_SUBSCRIBE_STATES_REQUEST] = &subscribe_states_request__descriptor,
    [MESSAGE_SUBSCRIBE_LOGS_REQUEST] = &subscribe_logs_request__descriptor,
    [MESSAGE_SUBSCRIBE_LOGS_RESPONSE] = &subscribe_logs_response__descriptor,
    [MESSAGE_SUBSCRIBE_HOMEASSISTANT_SERVICES_REQUEST] =
        &subscribe_homeassistant_services_request__descriptor,
    [MESSAGE_GET_TIME_REQUEST] = &get_time_request__descriptor,
    [MESSAGE_GET_TIME_RESPONSE] = &get_time_response__descriptor,
    [MESSAGE_SUBSCRIBE_HOMEASSISTANT_STATES_REQUEST] = &subscribe_home_assistant_states_request__descriptor,
    [MESSAGE_SUBSCRIBE_ADVERTISEMENTS_REQUEST] = &subscribe_bluetooth_leadvertisements_request__descriptor,
    [MESSAGE_ADVERTISEMENT_RESPONSE] = &bluetooth_leadvertisement_response__descriptor,
    [MESSAGE_DEVICE_REQUEST] = &bluetooth_device_request__descriptor,
    [MESSAGE_DEVICE_CONNECTION_RESPONSE] = &bluetooth_device_connection_response__descriptor,
    [MESSAGE_GATT_GET_SERVICES_REQUEST] = &bluetooth_gattget_services_request__descriptor,
    [MESSAGE_GATT_GET_SERVICES_RESPONSE] = &bluetooth_gattget_services_response__descriptor,
    [MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE] = &bluetooth_gattget_services_done_response__descriptor,
    [MESSAGE_GATT_READ_REQUEST] = &bluetooth_gattread_request__descriptor,
    [MESSAGE_GATT_READ_RESPONSE] = &bluetooth_gattread_response__descriptor,
    [MESSAGE_GATT_WRITE_REQUEST] = &bluetooth_gattwrite_request__descriptor,
    [MESSAGE_GATT_READ_DESCRIPTOR_REQUEST] = &bluetooth_gattread_descriptor_request__descriptor,
    [MESSAGE_GATT_WRITE_DESCRIPTOR_REQUEST] = &bluetooth_gattwrite_descriptor_request__descriptor,
    [MESSAGE_GATT_NOTIFY_REQUEST] = &bluetooth_gattnotify_request__descriptor,
    [MESSAGE_GATT_NOTIFY_DATA_RESPONSE] = &bluetooth_gattnotify_data_response__descriptor,
    [MESSAGE_SUBSCRIBE_CONNECTIONS_FREE_REQUEST] = &subscribe_bluetooth_connections_free_request__descriptor,
    [MESSAGE_CONNECTIONS_FREE_RESPONSE] = &bluetooth_connections_free_response__descriptor,
    [MESSAGE_GATT_ERROR_RESPONSE] = &bluetooth_gatterror_response__descriptor,
    [MESSAGE_GATT_WRITE_RESPONSE] = &bluetooth_gattwrite_response__descriptor,
    [MESSAGE_GATT_NOTIFY_RESPONSE] = &bluetooth_gattnotify_response__descriptor,
    [MESSAGE_DEVICE_PAIRING_RESPONSE] = &bluetooth_device_pairing_response__descriptor,
    [MESSAGE_DEVICE_UNPAIRING_RESPONSE] = &bluetooth_device_unpairing_response__descriptor,
    [MESSAGE_UNSUBSCRIBE_ADVERTISEMENTS_REQUEST] =
        &unsubscribe_bluetooth_leadvertisements_request__descriptor,
    [MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE] = &bluetooth_device_clear_cache_response__descriptor,
    [MESSAGE_RAW_ADVERTISEMENTS_RESPONSE] = &bluetooth_leraw_advertisements_response__descriptor,
    [MESSAGE_NOISE_SET_KEY_REQUEST] = &noise_encryption_set_key_request__descriptor,
    [MESSAGE_NOISE_SET_KEY_RESPONSE] = &noise_encryption_set_key_response__descriptor,
    [MESSAGE_SCANNER_STATE_RESPONSE] = &bluetooth_scanner_state_response__descriptor,
    [MESSAGE_SCANNER_SET_MODE_REQUEST] = &bluetooth_scanner_set_mode_request__descriptor,
    [MESSAGE_SET_CONNECTION_PARAMS_REQUEST] = &bluetooth_set_connection_params_request__descriptor,
    [MESSAGE_SET_CONNECTION_PARAMS_RESPONSE] = &bluetooth_set_connection_params_response__descriptor,
    [MESSAGE_DEVICE_CAPABILITIES_REQUEST] = &device_capabilities_request__descriptor,
    [MESSAGE_DEVICE_CAPABILITIES_RESPONSE] = &device_capabilities_response__descriptor,
};

const ProtobufCMessageDescriptor *message_descriptor(uint32_t type)
{
    return type <= MESSAGE_TYPE_LAST ? descriptors[type] : NULL;
}

const char *message_name(uint32_t type)
{
    const ProtobufCMessageDescriptor *descriptor = message_descriptor(type);
    return descriptor ? descriptor->name : "unknown message";
}

int message_unpack(struct arena *arena, uint32_t type, const uint8_t *data, size_t size,
                   ProtobufCMessage **ret_message)
{
    const ProtobufCMessageDescriptor *descriptor = message_descriptor(type);
    if (!descriptor)
        return MESSAGE_UNKNOWN;
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &arena->allocator, size, data);
    if (message) {
        *ret_message = message;
        return 0;
    }
    if (arena->no_memory)
        return BLEPROXY_E_NOMEM;
    return arena->exhausted ? MESSAGE_TOO_LARGE : MESSAGE_MALFORMED;
}

size_t message_packed_size(const ProtobufCMessage *message)
{
    return protobuf_c_message_get_packed_size(message);
}

int message_pack(const ProtobufCMessage *message, struct buffer *out)
{
    uint8_t *space;
    int r = buffer_reserve(out, message_packed_size(message), &space);
    if (r < 0)
        return r;
    buffer_commit(out, protobuf_c_message_pack(message, space));
    return 0;
}
