/* SPDX-License-Identifier: MIT */
#include "server/device.h"

/* Requests about Bluetooth devices, and the radio's answers. */

enum {
    GATT_NOT_CONNECTED = -1, /* ESPHome's own code */
    GATT_INVALID_HANDLE = 0x01,
    GATT_INSUFFICIENT_RESOURCES = 0x11,
    GATT_CONGESTED = 0x8f, /* Bluedroid's */
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

/* ---- Pairing and caches ---- */

static void gatt_say_paired(const struct server *server, uint64_t address, bool paired, int32_t error)
{
    BluetoothDevicePairingResponse response = BLUETOOTH_DEVICE_PAIRING_RESPONSE__INIT;
    response.address = address;
    response.paired = paired;
    response.error = error;
    slot_tell(server, MESSAGE_DEVICE_PAIRING_RESPONSE, address, &response.base);
}

static void gatt_pair(struct server *server, uint64_t address, uint64_t now_ns)
{
    const struct server_link_ops *links = server->radio->links;
    struct slot *slot = slot_find_up(server, address);
    if (!slot) {
        /* Older firmware leaves the client waiting. */
        if (server->profile->complete_pairing)
            gatt_say_paired(server, address, false, GATT_NOT_CONNECTED);
    } else if (links->is_paired(server->radio_user, address)) {
        gatt_say_paired(server, address, true, 0);
    } else if (!slot->pairing) {
        slot->pairing = true;
        links->pair(server->radio_user, address, now_ns);
    }
}

void server_link_paired(struct server *server, uint64_t address, bool paired, int32_t reason, uint64_t now_ns)
{
    (void)now_ns;
    struct slot *slot = slot_find(server, address);
    if (!slot || !slot->pairing)
        return;
    server_enter(server);
    slot->pairing = false;
    gatt_say_paired(server, address, paired, reason);
    server_leave(server);
}

/* Without a bond there is nothing to remove, which is success. Older firmware answers with the message for
 * pairing. */
static void gatt_unpair(struct server *server, uint64_t address, uint64_t now_ns)
{
    const struct server_link_ops *links = server->radio->links;
    int32_t error = links ? links->unpair(server->radio_user, address, now_ns) : 0;
    if (!server->profile->complete_pairing) {
        gatt_say_paired(server, address, error == 0, error);
        return;
    }
    BluetoothDeviceUnpairingResponse response = BLUETOOTH_DEVICE_UNPAIRING_RESPONSE__INIT;
    response.address = address;
    response.success = error == 0;
    response.error = error;
    slot_tell(server, MESSAGE_DEVICE_UNPAIRING_RESPONSE, address, &response.base);
}

static void gatt_clear_cache(struct server *server, uint64_t address, uint64_t now_ns)
{
    const struct server_link_ops *links = server->radio->links;
    int32_t error = links ? links->clear_cache(server->radio_user, address, now_ns) : 0;
    BluetoothDeviceClearCacheResponse response = BLUETOOTH_DEVICE_CLEAR_CACHE_RESPONSE__INIT;
    response.address = address;
    response.success = error == 0;
    response.error = error;
    slot_tell(server, MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE, address, &response.base);
}

void gatt_device(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    struct server *server = connection->server;
    const BluetoothDeviceRequest *request = (const void *)message;
    switch ((enum device_request)request->request_type) {
    case DEVICE_CONNECT_GONE:
        slot_say_disconnected(server, request->address, 0);
        break;
    case DEVICE_DISCONNECT:
        slot_disconnect(server, request->address, now_ns);
        break;
    case DEVICE_PAIR:
        if (server->profile->pairing)
            gatt_pair(server, request->address, now_ns);
        break;
    case DEVICE_UNPAIR:
        if (server->profile->pairing)
            gatt_unpair(server, request->address, now_ns);
        break;
    case DEVICE_CONNECT_WITH_CACHE:
        slot_connect(server, request, true, now_ns);
        break;
    case DEVICE_CONNECT:
        slot_connect(server, request, false, now_ns);
        break;
    case DEVICE_CLEAR_CACHE:
        if (server->profile->pairing)
            gatt_clear_cache(server, request->address, now_ns);
        break;
    }
}

/* ---- Reading and writing ---- */

static void gatt_refuse(const struct server *server, uint64_t address, uint32_t handle, int32_t error)
{
    BluetoothGATTErrorResponse response = BLUETOOTH_GATTERROR_RESPONSE__INIT;
    response.address = address;
    response.handle = handle;
    response.error = error;
    slot_tell(server, MESSAGE_GATT_ERROR_RESPONSE, address, &response.base);
}

/* The link whose attribute a request is about; NULL when the request was refused. */
static struct slot *gatt_link(struct server *server, uint64_t address, uint32_t handle)
{
    struct slot *slot = slot_find_up(server, address);
    if (slot && handle <= UINT16_MAX)
        return slot;
    gatt_refuse(server, address, handle, slot ? GATT_INVALID_HANDLE : GATT_NOT_CONNECTED);
    return NULL;
}

/* Whether the radio is to be asked, which then owes an answer. */
static bool gatt_ask(struct server *server, uint64_t address, uint32_t handle)
{
    struct slot *slot = gatt_link(server, address, handle);
    if (!slot)
        return false;
    if (slot->n_requests == SERVER_LINK_REQUESTS_MAX) {
        gatt_refuse(server, address, handle, GATT_CONGESTED);
        return false;
    }
    slot->n_requests++;
    return true;
}

/* Whether that is an answer which the radio owed. */
static bool gatt_owed(struct server *server, uint64_t address)
{
    struct slot *slot = slot_find(server, address);
    if (!slot || slot->n_requests == 0)
        return false;
    slot->n_requests--;
    return true;
}

static void gatt_read_attribute(struct server *server, uint64_t address, uint32_t handle, uint64_t now_ns)
{
    if (gatt_ask(server, address, handle))
        server->radio->links->read(server->radio_user, address, (uint16_t)handle, now_ns);
}

static void gatt_write_attribute(struct server *server, uint64_t address, uint32_t handle,
                                 const ProtobufCBinaryData *value, bool response, uint64_t now_ns)
{
    if (gatt_ask(server, address, handle))
        server->radio->links->write(server->radio_user, address, (uint16_t)handle, value->data, value->len,
                                    response, now_ns);
}

void gatt_read(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    const BluetoothGATTReadRequest *request = (const void *)message;
    gatt_read_attribute(connection->server, request->address, request->handle, now_ns);
}

void gatt_write(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    const BluetoothGATTWriteRequest *request = (const void *)message;
    gatt_write_attribute(connection->server, request->address, request->handle, &request->data,
                         request->response, now_ns);
}

void gatt_read_descriptor(struct server_connection *connection, const ProtobufCMessage *message,
                          uint64_t now_ns)
{
    const BluetoothGATTReadDescriptorRequest *request = (const void *)message;
    gatt_read_attribute(connection->server, request->address, request->handle, now_ns);
}

void gatt_write_descriptor(struct server_connection *connection, const ProtobufCMessage *message,
                           uint64_t now_ns)
{
    const BluetoothGATTWriteDescriptorRequest *request = (const void *)message;
    gatt_write_attribute(connection->server, request->address, request->handle, &request->data, true, now_ns);
}

void server_link_value(struct server *server, uint64_t address, uint16_t handle, int32_t status,
                       const uint8_t *value, size_t size, uint64_t now_ns)
{
    (void)now_ns;
    if (!gatt_owed(server, address))
        return;
    server_enter(server);
    if (status == 0) {
        BluetoothGATTReadResponse response = BLUETOOTH_GATTREAD_RESPONSE__INIT;
        response.address = address;
        response.handle = handle;
        response.data = data_of(value, size);
        slot_tell(server, MESSAGE_GATT_READ_RESPONSE, address, &response.base);
    } else {
        gatt_refuse(server, address, handle, status);
    }
    server_leave(server);
}

/* Firmware answers writes without response just the same. */
void server_link_written(struct server *server, uint64_t address, uint16_t handle, int32_t status,
                         uint64_t now_ns)
{
    (void)now_ns;
    if (!gatt_owed(server, address))
        return;
    server_enter(server);
    if (status == 0) {
        BluetoothGATTWriteResponse response = BLUETOOTH_GATTWRITE_RESPONSE__INIT;
        response.address = address;
        response.handle = handle;
        slot_tell(server, MESSAGE_GATT_WRITE_RESPONSE, address, &response.base);
    } else {
        gatt_refuse(server, address, handle, status);
    }
    server_leave(server);
}

/* ---- Notifications ---- */

/* Where the handle is in slot->notify, or slot->n_notify. */
static size_t gatt_find_notify(const struct slot *slot, uint32_t handle)
{
    size_t i = 0;
    while (i < slot->n_notify && slot->notify[i] != handle)
        i++;
    return i;
}

/* False when there is no room for another handle. */
static bool gatt_set_notify(struct slot *slot, uint16_t handle, bool enable)
{
    size_t i = gatt_find_notify(slot, handle);
    bool found = i < slot->n_notify;
    if (!enable && found)
        slot->notify[i] = slot->notify[--slot->n_notify];
    else if (enable && !found && i == SERVER_LINK_NOTIFY_MAX)
        return false;
    else if (enable && !found)
        slot->notify[slot->n_notify++] = handle;
    return true;
}

/* Only says which values are forwarded: the client writes to the device itself that it shall send them. */
void gatt_notify(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    struct server *server = connection->server;
    const BluetoothGATTNotifyRequest *request = (const void *)message;
    uint64_t address = request->address;
    bool enable = request->enable;
    if (!gatt_link(server, address, request->handle))
        return;
    uint16_t handle = (uint16_t)request->handle;
    int32_t status = server->radio->links->notify(server->radio_user, address, handle, enable, now_ns);
    struct slot *slot = gatt_link(server, address, handle);
    if (!slot)
        return;
    if (status == 0 && !gatt_set_notify(slot, handle, enable))
        status = GATT_INSUFFICIENT_RESOURCES;
    if (status != 0) {
        gatt_refuse(server, address, handle, status);
        return;
    }
    BluetoothGATTNotifyResponse response = BLUETOOTH_GATTNOTIFY_RESPONSE__INIT;
    response.address = address;
    response.handle = handle;
    slot_tell(server, MESSAGE_GATT_NOTIFY_RESPONSE, address, &response.base);
}

void server_link_notification(struct server *server, uint64_t address, uint16_t handle, const uint8_t *value,
                              size_t size, uint64_t now_ns)
{
    (void)now_ns;
    const struct slot *slot = slot_find_up(server, address);
    if (!slot || gatt_find_notify(slot, handle) == slot->n_notify || server_backlog(server) > SERVER_OUT_MAX)
        return;
    server_enter(server);
    BluetoothGATTNotifyDataResponse response = BLUETOOTH_GATTNOTIFY_DATA_RESPONSE__INIT;
    response.address = address;
    response.handle = handle;
    response.data = data_of(value, size);
    slot_tell(server, MESSAGE_GATT_NOTIFY_DATA_RESPONSE, address, &response.base);
    server_leave(server);
}

/* ---- The rest ---- */

void gatt_get_services(struct server_connection *connection, const ProtobufCMessage *message, uint64_t now_ns)
{
    const BluetoothGATTGetServicesRequest *request = (const void *)message;
    struct slot *slot = gatt_link(connection->server, request->address, 0);
    if (slot)
        stream_request(connection->server, slot, now_ns);
}

static uint16_t gatt_clamp(uint32_t value)
{
    return (uint16_t)(value > UINT16_MAX ? UINT16_MAX : value);
}

void gatt_set_parameters(struct server_connection *connection, const ProtobufCMessage *message,
                         uint64_t now_ns)
{
    struct server *server = connection->server;
    const BluetoothSetConnectionParamsRequest *request = (const void *)message;
    BluetoothSetConnectionParamsResponse response = BLUETOOTH_SET_CONNECTION_PARAMS_RESPONSE__INIT;
    response.address = request->address;
    response.error = GATT_NOT_CONNECTED;
    if (slot_find_up(server, request->address))
        response.error = server->radio->links->set_parameters(
            server->radio_user, request->address, gatt_clamp(request->min_interval),
            gatt_clamp(request->max_interval), gatt_clamp(request->latency), gatt_clamp(request->timeout),
            now_ns);
    slot_tell(server, MESSAGE_SET_CONNECTION_PARAMS_RESPONSE, response.address, &response.base);
}
