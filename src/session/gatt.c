/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

/* BluetoothDeviceRequest.request_type */
enum {
    REQUEST_PAIR = 2,
    REQUEST_UNPAIR = 3,
    REQUEST_CLEAR_CACHE = 6,
};

static bool answer_about_attribute(struct answer *answer, uint64_t address, uint32_t handle)
{
    answer->address = address;
    answer->handle = handle;
    return handle <= HANDLE_MAX;
}

static bool answer_about_device(struct answer *answer, uint64_t address, bool success, int32_t code)
{
    answer->address = address;
    answer->is_refusal = !success;
    answer->outcome.code = success ? 0 : code;
    return true;
}

static bool answer_read_connection(struct answer *answer, const BluetoothDeviceConnectionResponse *connection)
{
    answer->address = connection->address;
    answer->outcome.error = BLEPROXY_E_DISCONNECTED;
    answer->outcome.code = connection->error;
    return true;
}

static bool answer_read_value(struct answer *answer, const BluetoothGATTReadResponse *read)
{
    answer->outcome.value = read->data.data;
    answer->outcome.size = read->data.len;
    return answer_about_attribute(answer, read->address, read->handle);
}

static bool answer_read_error(struct answer *answer, const BluetoothGATTErrorResponse *error)
{
    answer->is_refusal = true;
    answer->outcome.code = error->error;
    return answer_about_attribute(answer, error->address, error->handle);
}

bool gatt_read_answer(struct answer *answer)
{
    const void *message = answer->message;
    switch (answer->type) {
    case MESSAGE_DEVICE_CONNECTION_RESPONSE:
        return answer_read_connection(answer, message);
    case MESSAGE_GATT_READ_RESPONSE:
        return answer_read_value(answer, message);
    case MESSAGE_GATT_ERROR_RESPONSE:
        return answer_read_error(answer, message);
    case MESSAGE_GATT_WRITE_RESPONSE: {
        const BluetoothGATTWriteResponse *write = message;
        return answer_about_attribute(answer, write->address, write->handle);
    }
    case MESSAGE_GATT_NOTIFY_RESPONSE: {
        const BluetoothGATTNotifyResponse *notify = message;
        return answer_about_attribute(answer, notify->address, notify->handle);
    }
    case MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE: {
        const BluetoothGATTGetServicesDoneResponse *done = message;
        return answer_about_device(answer, done->address, true, 0);
    }
    case MESSAGE_DEVICE_PAIRING_RESPONSE: {
        const BluetoothDevicePairingResponse *pairing = message;
        return answer_about_device(answer, pairing->address, pairing->paired, pairing->error);
    }
    case MESSAGE_DEVICE_UNPAIRING_RESPONSE: {
        const BluetoothDeviceUnpairingResponse *unpairing = message;
        return answer_about_device(answer, unpairing->address, unpairing->success, unpairing->error);
    }
    case MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE: {
        const BluetoothDeviceClearCacheResponse *clearing = message;
        return answer_about_device(answer, clearing->address, clearing->success, clearing->error);
    }
    case MESSAGE_SET_CONNECTION_PARAMS_RESPONSE: {
        const BluetoothSetConnectionParamsResponse *parameters = message;
        return answer_about_device(answer, parameters->address, parameters->error == 0, parameters->error);
    }
    }
    return true;
}

static ProtobufCBinaryData gatt_value(const void *value, size_t size)
{
    return (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)value};
}

/* Sends message, whose answer is described by request but for the awaiting one. */
static int gatt_ask(struct session *session, uint32_t type, const ProtobufCMessage *message,
                    struct session_request request, const struct session_await *await, uint64_t now_ns)
{
    request.is_about_device = true;
    request.on_outcome = await->on_outcome;
    request.user = await->user;
    return requests_begin(session, type, message, &request, await->timeout_ns, now_ns, await->ret_request);
}

/* await NULL: nothing is awaited. */
static int gatt_ask_attribute(struct session *session, uint32_t type, const ProtobufCMessage *message,
                              uint64_t address, uint16_t handle, uint32_t reply_type,
                              const struct session_await *await, uint64_t now_ns)
{
    struct session_request request = {.reply_type = reply_type,
                                      .other_type = MESSAGE_GATT_ERROR_RESPONSE,
                                      .address = address,
                                      .handle = handle,
                                      .refusal = BLEPROXY_E_GATT};
    if (!await)
        return session_send(session, type, message, now_ns);
    return gatt_ask(session, type, message, request, await, now_ns);
}

int session_gatt_read(struct session *session, uint64_t address, uint16_t handle,
                      const struct session_await *await, uint64_t now_ns)
{
    BluetoothGATTReadRequest message = BLUETOOTH_GATTREAD_REQUEST__INIT;
    message.address = address;
    message.handle = handle;
    return gatt_ask_attribute(session, MESSAGE_GATT_READ_REQUEST, &message.base, address, handle,
                              MESSAGE_GATT_READ_RESPONSE, await, now_ns);
}

int session_gatt_read_descriptor(struct session *session, uint64_t address, uint16_t handle,
                                 const struct session_await *await, uint64_t now_ns)
{
    BluetoothGATTReadDescriptorRequest message = BLUETOOTH_GATTREAD_DESCRIPTOR_REQUEST__INIT;
    message.address = address;
    message.handle = handle;
    return gatt_ask_attribute(session, MESSAGE_GATT_READ_DESCRIPTOR_REQUEST, &message.base, address, handle,
                              MESSAGE_GATT_READ_RESPONSE, await, now_ns);
}

int session_gatt_write(struct session *session, uint64_t address, uint16_t handle, const void *value,
                       size_t size, const struct session_await *await, uint64_t now_ns)
{
    BluetoothGATTWriteRequest message = BLUETOOTH_GATTWRITE_REQUEST__INIT;
    message.address = address;
    message.handle = handle;
    message.response = true;
    message.data = gatt_value(value, size);
    return gatt_ask_attribute(session, MESSAGE_GATT_WRITE_REQUEST, &message.base, address, handle,
                              MESSAGE_GATT_WRITE_RESPONSE, await, now_ns);
}

int session_gatt_write_command(struct session *session, uint64_t address, uint16_t handle, const void *value,
                               size_t size, uint64_t now_ns)
{
    BluetoothGATTWriteRequest message = BLUETOOTH_GATTWRITE_REQUEST__INIT;
    message.address = address;
    message.handle = handle;
    message.data = gatt_value(value, size);
    return session_send(session, MESSAGE_GATT_WRITE_REQUEST, &message.base, now_ns);
}

int session_gatt_write_descriptor(struct session *session, uint64_t address, uint16_t handle,
                                  const void *value, size_t size, const struct session_await *await,
                                  uint64_t now_ns)
{
    BluetoothGATTWriteDescriptorRequest message = BLUETOOTH_GATTWRITE_DESCRIPTOR_REQUEST__INIT;
    message.address = address;
    message.handle = handle;
    message.data = gatt_value(value, size);
    return gatt_ask_attribute(session, MESSAGE_GATT_WRITE_DESCRIPTOR_REQUEST, &message.base, address, handle,
                              MESSAGE_GATT_WRITE_RESPONSE, await, now_ns);
}

int session_gatt_notify(struct session *session, uint64_t address, uint16_t handle, bool enable,
                        const struct session_await *await, uint64_t now_ns)
{
    BluetoothGATTNotifyRequest message = BLUETOOTH_GATTNOTIFY_REQUEST__INIT;
    message.address = address;
    message.handle = handle;
    message.enable = enable;
    return gatt_ask_attribute(session, MESSAGE_GATT_NOTIFY_REQUEST, &message.base, address, handle,
                              MESSAGE_GATT_NOTIFY_RESPONSE, await, now_ns);
}

/* The error that firmware answers with carries handle 0. */
int session_gatt_services(struct session *session, uint64_t address, session_service_fn *on_service,
                          const struct session_await *await, uint64_t now_ns)
{
    BluetoothGATTGetServicesRequest message = BLUETOOTH_GATTGET_SERVICES_REQUEST__INIT;
    struct session_request request = {.reply_type = MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE,
                                      .other_type = MESSAGE_GATT_ERROR_RESPONSE,
                                      .address = address,
                                      .handle = HANDLE_ANY,
                                      .refusal = BLEPROXY_E_GATT,
                                      .on_service = on_service};
    message.address = address;
    return gatt_ask(session, MESSAGE_GATT_GET_SERVICES_REQUEST, &message.base, request, await, now_ns);
}

void gatt_services(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    const BluetoothGATTGetServicesResponse *response = (const BluetoothGATTGetServicesResponse *)message;
    (void)now_ns;
    requests_stream(session, response->address, response->services, response->n_services);
}

static int gatt_ask_device(struct session *session, uint64_t address, uint32_t request_type,
                           struct session_request request, const struct session_await *await, uint64_t now_ns)
{
    BluetoothDeviceRequest message = BLUETOOTH_DEVICE_REQUEST__INIT;
    message.address = address;
    message.request_type = request_type;
    request.address = address;
    request.handle = HANDLE_ANY;
    return gatt_ask(session, MESSAGE_DEVICE_REQUEST, &message.base, request, await, now_ns);
}

int session_device_pair(struct session *session, uint64_t address, const struct session_await *await,
                        uint64_t now_ns)
{
    struct session_request request = {.reply_type = MESSAGE_DEVICE_PAIRING_RESPONSE,
                                      .refusal = BLEPROXY_E_PAIRING};
    return gatt_ask_device(session, address, REQUEST_PAIR, request, await, now_ns);
}

int session_device_unpair(struct session *session, uint64_t address, const struct session_await *await,
                          uint64_t now_ns)
{
    struct session_request request = {.reply_type = MESSAGE_DEVICE_UNPAIRING_RESPONSE,
                                      .other_type = MESSAGE_DEVICE_PAIRING_RESPONSE,
                                      .refusal = BLEPROXY_E_REFUSED};
    return gatt_ask_device(session, address, REQUEST_UNPAIR, request, await, now_ns);
}

int session_device_clear_cache(struct session *session, uint64_t address, const struct session_await *await,
                               uint64_t now_ns)
{
    struct session_request request = {.reply_type = MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE,
                                      .refusal = BLEPROXY_E_REFUSED};
    return gatt_ask_device(session, address, REQUEST_CLEAR_CACHE, request, await, now_ns);
}

int session_device_set_parameters(struct session *session, uint64_t address, uint32_t interval_min,
                                  uint32_t interval_max, uint32_t latency, uint32_t timeout,
                                  const struct session_await *await, uint64_t now_ns)
{
    BluetoothSetConnectionParamsRequest message = BLUETOOTH_SET_CONNECTION_PARAMS_REQUEST__INIT;
    struct session_request request = {.reply_type = MESSAGE_SET_CONNECTION_PARAMS_RESPONSE,
                                      .address = address,
                                      .handle = HANDLE_ANY,
                                      .refusal = BLEPROXY_E_REFUSED};
    message.address = address;
    message.min_interval = interval_min;
    message.max_interval = interval_max;
    message.latency = latency;
    message.timeout = timeout;
    return gatt_ask(session, MESSAGE_SET_CONNECTION_PARAMS_REQUEST, &message.base, request, await, now_ns);
}
