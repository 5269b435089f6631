/* SPDX-License-Identifier: MIT */
#include "server/device.h"

/* This radio opens no connections: every device is out of reach, and every request is answered as firmware
 * answers it for such a device. All answers go to whoever subscribes to advertisements, whoever asked; to
 * nobody if there is no subscriber. */

enum {
    GATT_NOT_CONNECTED = -1, /* ESPHome's own code */
    GATT_OPEN_FAILED = 0x85, /* Bluedroid's code for a device that does not answer */
};

enum device_request {
    DEVICE_CONNECT_GONE = 0,
    DEVICE_DISCONNECT = 1,
    DEVICE_PAIR = 2,
    DEVICE_UNPAIR = 3,
    DEVICE_CONNECT_WITH_CACHE = 4,
    DEVICE_CONNECT = 5,
    DEVICE_CLEAR_CACHE = 6,
};

static void gatt_answer(const struct server *server, uint32_t type, const ProtobufCMessage *message)
{
    if (server->scan.subscriber)
        connection_send(server->scan.subscriber, type, message);
}

/* used: the device that holds a slot, or 0. */
static void gatt_send_slots(const struct server *server, struct server_connection *to, uint64_t used)
{
    /* Firmware writes one tag for each element. */
    BluetoothConnectionsFreeResponseUnpacked response = BLUETOOTH_CONNECTIONS_FREE_RESPONSE_UNPACKED__INIT;
    response.limit = server->slots;
    response.free = server->slots - (used != 0);
    if (used && server->profile->allocated_list) {
        response.n_allocated = 1;
        response.allocated = &used;
    }
    if (to)
        connection_send(to, MESSAGE_CONNECTIONS_FREE_RESPONSE, &response.base);
}

void gatt_free_slots(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    (void)now_ns;
    gatt_send_slots(connection->server, connection, 0);
}

static void gatt_send_disconnected(const struct server *server, uint64_t address, int32_t error)
{
    BluetoothDeviceConnectionResponse response = BLUETOOTH_DEVICE_CONNECTION_RESPONSE__INIT;
    response.address = address;
    response.error = error;
    gatt_answer(server, MESSAGE_DEVICE_CONNECTION_RESPONSE, &response.base);
}

/* Takes a slot for as long as the attempt lasts. */
static void gatt_connect(const struct server *server, const BluetoothDeviceRequest *request)
{
    uint64_t address = request->address;
    if (server->slots == 0 || !request->has_address_type) {
        gatt_send_disconnected(server, address, 0);
        return;
    }
    gatt_send_slots(server, server->scan.subscriber, address);
    gatt_send_disconnected(server, address, GATT_OPEN_FAILED);
    gatt_send_slots(server, server->scan.subscriber, 0);
}

static void gatt_send_paired(const struct server *server, uint64_t address, bool paired, int32_t error)
{
    BluetoothDevicePairingResponse response = BLUETOOTH_DEVICE_PAIRING_RESPONSE__INIT;
    response.address = address;
    response.paired = paired;
    response.error = error;
    gatt_answer(server, MESSAGE_DEVICE_PAIRING_RESPONSE, &response.base);
}

/* There is no bond to remove, which is success. Older firmware answers with the message for pairing. */
static void gatt_unpair(const struct server *server, uint64_t address)
{
    if (!server->profile->complete_pairing) {
        gatt_send_paired(server, address, true, 0);
        return;
    }
    BluetoothDeviceUnpairingResponse response = BLUETOOTH_DEVICE_UNPAIRING_RESPONSE__INIT;
    response.address = address;
    response.success = true;
    gatt_answer(server, MESSAGE_DEVICE_UNPAIRING_RESPONSE, &response.base);
}

static void gatt_clear_cache(const struct server *server, uint64_t address)
{
    BluetoothDeviceClearCacheResponse response = BLUETOOTH_DEVICE_CLEAR_CACHE_RESPONSE__INIT;
    response.address = address;
    response.success = true;
    gatt_answer(server, MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE, &response.base);
}

void gatt_device(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    const struct server *server = connection->server;
    const BluetoothDeviceRequest *request = (const void *)message;
    switch ((enum device_request)request->request_type) {
    case DEVICE_CONNECT_GONE:
        gatt_send_disconnected(server, request->address, 0);
        break;
    case DEVICE_DISCONNECT:
        gatt_send_disconnected(server, request->address, 0);
        gatt_send_slots(server, server->scan.subscriber, 0);
        break;
    case DEVICE_PAIR:
        /* Older firmware leaves the client waiting. */
        if (server->profile->complete_pairing)
            gatt_send_paired(server, request->address, false, GATT_NOT_CONNECTED);
        break;
    case DEVICE_UNPAIR:
        gatt_unpair(server, request->address);
        break;
    case DEVICE_CONNECT_WITH_CACHE:
    case DEVICE_CONNECT:
        gatt_connect(server, request);
        break;
    case DEVICE_CLEAR_CACHE:
        gatt_clear_cache(server, request->address);
        break;
    }
}

static void gatt_refuse(const struct server_connection *connection, uint64_t address, uint32_t handle)
{
    BluetoothGATTErrorResponse response = BLUETOOTH_GATTERROR_RESPONSE__INIT;
    response.address = address;
    response.handle = handle;
    response.error = GATT_NOT_CONNECTED;
    gatt_answer(connection->server, MESSAGE_GATT_ERROR_RESPONSE, &response.base);
}

void gatt_get_services(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    const BluetoothGATTGetServicesRequest *request = (const void *)message;
    gatt_refuse(connection, request->address, 0);
}

void gatt_read(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    const BluetoothGATTReadRequest *request = (const void *)message;
    gatt_refuse(connection, request->address, request->handle);
}

void gatt_write(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    const BluetoothGATTWriteRequest *request = (const void *)message;
    gatt_refuse(connection, request->address, request->handle);
}

void gatt_read_descriptor(struct server_connection *connection, const ProtobufCMessage *message,
                          uint64_t now_ns)
{
    (void)now_ns;
    const BluetoothGATTReadDescriptorRequest *request = (const void *)message;
    gatt_refuse(connection, request->address, request->handle);
}

void gatt_write_descriptor(struct server_connection *connection, const ProtobufCMessage *message,
                           uint64_t now_ns)
{
    (void)now_ns;
    const BluetoothGATTWriteDescriptorRequest *request = (const void *)message;
    gatt_refuse(connection, request->address, request->handle);
}

void gatt_notify(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)now_ns;
    const BluetoothGATTNotifyRequest *request = (const void *)message;
    gatt_refuse(connection, request->address, request->handle);
}

void gatt_set_parameters(struct server_connection *connection, const ProtobufCMessage *message,
                         uint64_t now_ns)
{
    (void)now_ns;
    const BluetoothSetConnectionParamsRequest *request = (const void *)message;
    BluetoothSetConnectionParamsResponse response = BLUETOOTH_SET_CONNECTION_PARAMS_RESPONSE__INIT;
    response.address = request->address;
    response.error = GATT_NOT_CONNECTED;
    gatt_answer(connection->server, MESSAGE_SET_CONNECTION_PARAMS_RESPONSE, &response.base);
}
