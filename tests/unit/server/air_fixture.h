/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SERVER_AIR_FIXTURE_H
#define TESTS_SERVER_AIR_FIXTURE_H

#include "device_fixture.h"

/* A device whose radio notes what it is asked and does nothing by itself, and what a client hears, as text:
 * both as words with a ';' behind each. Addresses are small numbers. */

static struct {
    struct device *device;
    char asked[4096];
    const struct server_service *services;
    size_t n_services;
    int32_t status;         /* of everything that is answered at once */
    bool paired;            /* so is every device */
    bool refusing;          /* connections */
    uint32_t losing;        /* messages of that type */
    void (*on_asked)(void); /* behind each note */
} air;

static inline void air_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void air_note(const char *format, ...)
{
    size_t size = strlen(air.asked);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(air.asked + size, sizeof(air.asked) - size, format, arguments);
    va_end(arguments);
    if (air.on_asked)
        air.on_asked();
}

static inline void air_open(void *user, uint64_t address, uint8_t address_type, bool cached, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("open %u %u%s;", (unsigned)address, address_type, cached ? " cached" : "");
}

static inline void air_close(void *user, uint64_t address, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("close %u;", (unsigned)address);
}

static inline const struct server_service *air_services(void *user, uint64_t address, size_t *ret_n)
{
    (void)user;
    (void)address;
    *ret_n = air.n_services;
    return air.services;
}

static inline void air_read(void *user, uint64_t address, uint16_t handle, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("read %u %u;", (unsigned)address, handle);
}

static inline void air_write(void *user, uint64_t address, uint16_t handle, const uint8_t *value, size_t size,
                             bool response, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("%s %u %u %02x+%zu;", response ? "write" : "command", (unsigned)address, handle,
             size > 0 ? value[0] : 0, size);
}

static inline int32_t air_notify(void *user, uint64_t address, uint16_t handle, bool enable, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("notify %u %u %s;", (unsigned)address, handle, enable ? "on" : "off");
    return air.status;
}

static inline void air_pair(void *user, uint64_t address, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("pair %u;", (unsigned)address);
}

static inline bool air_is_paired(void *user, uint64_t address)
{
    (void)user;
    (void)address;
    return air.paired;
}

static inline int32_t air_unpair(void *user, uint64_t address, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("unpair %u;", (unsigned)address);
    return air.status;
}

static inline int32_t air_clear_cache(void *user, uint64_t address, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("clear %u;", (unsigned)address);
    return air.status;
}

static inline int32_t air_set_parameters(void *user, uint64_t address, uint16_t interval_min,
                                         uint16_t interval_max, uint16_t latency, uint16_t timeout,
                                         uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
    air_note("parameters %u %u %u %u %u;", (unsigned)address, interval_min, interval_max, latency, timeout);
    return air.status;
}

static inline bool air_loses(void *user, uint32_t message_type, uint64_t address)
{
    (void)user;
    (void)address;
    return message_type == air.losing;
}

static inline bool air_refuses(void *user, uint64_t address)
{
    (void)user;
    (void)address;
    return air.refusing;
}

static const struct server_link_ops air_links = {
    .open = air_open,
    .close = air_close,
    .services = air_services,
    .read = air_read,
    .write = air_write,
    .notify = air_notify,
    .pair = air_pair,
    .is_paired = air_is_paired,
    .unpair = air_unpair,
    .clear_cache = air_clear_cache,
    .set_parameters = air_set_parameters,
    .loses = air_loses,
    .refuses = air_refuses,
};

static inline void air_start(struct device *device, const char *firmware)
{
    memset(&air, 0, sizeof(air));
    air.device = device;
    device_prepare(device, firmware);
    device->radio.links = &air_links;
    device_begin(device);
}

/* That exactly this was asked of the radio since the last look. */
static inline void air_expect(const char *asked)
{
    assert_string_equal(air.asked, asked);
    air.asked[0] = '\0';
}

static inline void air_opened(uint64_t address, uint16_t mtu)
{
    server_link_opened(air.device->server, address, mtu, air.device->now_ns);
}

static inline void air_closed(uint64_t address, int32_t reason)
{
    server_link_closed(air.device->server, address, reason, air.device->now_ns);
}

static inline void air_notified(uint64_t address, uint16_t handle, const char *value)
{
    server_link_notification(air.device->server, address, handle, (const uint8_t *)value, strlen(value),
                             air.device->now_ns);
}

/* ---- What clients ask ---- */

/* Tests that let memory run out spare the client. */
static inline void ask(struct peer *peer, uint32_t type, const ProtobufCMessage *message)
{
    struct test_env *test = &peer->device->test;
    size_t fail_after = test->fail_after;
    struct buffer frame;
    test->fail_after = SIZE_MAX;
    buffer_init(&frame, &test->env, 64 * 1024);
    assert_int_equal(frame_write_plain_header(&frame, type, message_packed_size(message)), 0);
    assert_int_equal(message_pack(message, &frame), 0);
    test->fail_after = fail_after;
    peer_send_bytes(peer, buffer_data(&frame), frame.size);
    buffer_deinit(&frame);
}

enum { ASK_DISCONNECT = 1, ASK_PAIR, ASK_UNPAIR, ASK_CONNECT_CACHED, ASK_CONNECT, ASK_CLEAR_CACHE };

static inline void ask_device(struct peer *peer, uint32_t request_type, uint64_t address)
{
    BluetoothDeviceRequest request = BLUETOOTH_DEVICE_REQUEST__INIT;
    request.address = address;
    request.request_type = request_type;
    request.has_address_type = true;
    request.address_type = 1;
    ask(peer, MESSAGE_DEVICE_REQUEST, &request.base);
}

static inline void ask_services(struct peer *peer, uint64_t address)
{
    BluetoothGATTGetServicesRequest request = BLUETOOTH_GATTGET_SERVICES_REQUEST__INIT;
    request.address = address;
    ask(peer, MESSAGE_GATT_GET_SERVICES_REQUEST, &request.base);
}

static inline void ask_read(struct peer *peer, uint64_t address, uint32_t handle)
{
    BluetoothGATTReadRequest request = BLUETOOTH_GATTREAD_REQUEST__INIT;
    request.address = address;
    request.handle = handle;
    ask(peer, MESSAGE_GATT_READ_REQUEST, &request.base);
}

static inline void ask_write(struct peer *peer, uint64_t address, uint32_t handle, bool response)
{
    BluetoothGATTWriteRequest request = BLUETOOTH_GATTWRITE_REQUEST__INIT;
    uint8_t value[] = {0xca, 0xfe};
    request.address = address;
    request.handle = handle;
    request.response = response;
    request.data = (ProtobufCBinaryData){.len = sizeof(value), .data = value};
    ask(peer, MESSAGE_GATT_WRITE_REQUEST, &request.base);
}

static inline void ask_read_descriptor(struct peer *peer, uint64_t address, uint32_t handle)
{
    BluetoothGATTReadDescriptorRequest request = BLUETOOTH_GATTREAD_DESCRIPTOR_REQUEST__INIT;
    request.address = address;
    request.handle = handle;
    ask(peer, MESSAGE_GATT_READ_DESCRIPTOR_REQUEST, &request.base);
}

static inline void ask_write_descriptor(struct peer *peer, uint64_t address, uint32_t handle)
{
    BluetoothGATTWriteDescriptorRequest request = BLUETOOTH_GATTWRITE_DESCRIPTOR_REQUEST__INIT;
    uint8_t value[] = {1, 0};
    request.address = address;
    request.handle = handle;
    request.data = (ProtobufCBinaryData){.len = sizeof(value), .data = value};
    ask(peer, MESSAGE_GATT_WRITE_DESCRIPTOR_REQUEST, &request.base);
}

static inline void ask_notify(struct peer *peer, uint64_t address, uint32_t handle, bool enable)
{
    BluetoothGATTNotifyRequest request = BLUETOOTH_GATTNOTIFY_REQUEST__INIT;
    request.address = address;
    request.handle = handle;
    request.enable = enable;
    ask(peer, MESSAGE_GATT_NOTIFY_REQUEST, &request.base);
}

/* ---- What clients hear ---- */

static inline const char *heard_bytes(ProtobufCBinaryData data)
{
    static char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)(data.len < 32 ? data.len : 32), (const char *)data.data);
    return text;
}

static inline int heard_free(const BluetoothConnectionsFreeResponse *free, char *out, size_t size)
{
    int n = snprintf(out, size, "free %u/%u", free->free, free->limit);
    for (size_t i = 0; i < free->n_allocated; i++)
        n += snprintf(out + n, size - (size_t)n, " %u", (unsigned)free->allocated[i]);
    return n + snprintf(out + n, size - (size_t)n, ";");
}

/* One message as text; every one about a device begins with its address. */
static inline int heard_message(uint32_t type, const ProtobufCMessage *message, char *out, size_t size)
{
    const union {
        const ProtobufCMessage *base;
        const BluetoothDeviceConnectionResponse *connection;
        const BluetoothGATTGetServicesResponse *services;
        const BluetoothGATTReadResponse *read;
        const BluetoothGATTErrorResponse *error;
        const BluetoothDevicePairingResponse *pairing;
        const BluetoothDeviceUnpairingResponse *unpairing;
        const BluetoothDeviceClearCacheResponse *cleared;
        const BluetoothSetConnectionParamsResponse *parameters;
        const BluetoothConnectionsFreeResponse *free;
        const BluetoothGATTNotifyDataResponse *notified;
        const BluetoothGATTWriteResponse *written;
        const BluetoothGATTNotifyResponse *notify;
    } m = {.base = message};
    if (type == MESSAGE_CONNECTIONS_FREE_RESPONSE)
        return heard_free(m.free, out, size);
    int n = snprintf(out, size, "%u ", (unsigned)m.connection->address); /* the first field of each */
    out += n;
    size -= (size_t)n;
    switch (type) {
    case MESSAGE_DEVICE_CONNECTION_RESPONSE:
        return n + (m.connection->connected ? snprintf(out, size, "up %u;", m.connection->mtu)
                                            : snprintf(out, size, "down %d;", m.connection->error));
    case MESSAGE_GATT_GET_SERVICES_RESPONSE:
        return n + snprintf(out, size, "services %zu;", m.services->n_services);
    case MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE:
        return n + snprintf(out, size, "done;");
    case MESSAGE_GATT_READ_RESPONSE:
        return n + snprintf(out, size, "value %u %s;", m.read->handle, heard_bytes(m.read->data));
    case MESSAGE_GATT_WRITE_RESPONSE:
        return n + snprintf(out, size, "written %u;", m.written->handle);
    case MESSAGE_GATT_NOTIFY_RESPONSE:
        return n + snprintf(out, size, "notify %u;", m.notify->handle);
    case MESSAGE_GATT_NOTIFY_DATA_RESPONSE:
        return n + snprintf(out, size, "notified %u %s;", m.notified->handle, heard_bytes(m.notified->data));
    case MESSAGE_GATT_ERROR_RESPONSE:
        return n + snprintf(out, size, "error %u %d;", m.error->handle, m.error->error);
    case MESSAGE_DEVICE_PAIRING_RESPONSE:
        return n + snprintf(out, size, "paired %d %d;", m.pairing->paired, m.pairing->error);
    case MESSAGE_DEVICE_UNPAIRING_RESPONSE:
        return n + snprintf(out, size, "unpaired %d %d;", m.unpairing->success, m.unpairing->error);
    case MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE:
        return n + snprintf(out, size, "cleared %d %d;", m.cleared->success, m.cleared->error);
    case MESSAGE_SET_CONNECTION_PARAMS_RESPONSE:
        return n + snprintf(out, size, "parameters %d;", m.parameters->error);
    }
    return n + snprintf(out, size, "message %u;", type);
}

/* Everything that came since the last look. */
static inline const char *heard(struct peer *peer)
{
    static char text[8192];
    struct arena arena;
    struct frame frame;
    size_t at = 0, used;
    int size = 0;
    arena_init(&arena, &peer->device->test.env);
    text[0] = '\0';
    peer_take(peer);
    for (; at < peer->size; at += used) {
        ProtobufCMessage *message;
        assert_int_equal(
            frame_read_plain(peer->bytes + at, peer->size - at, &frame_limits_client, &frame, &used), 0);
        assert_int_equal(message_unpack(&arena, frame.type, frame.data, frame.size, &message), 0);
        size += heard_message(frame.type, message, text + size, sizeof(text) - (size_t)size);
        assert_true(size < (int)sizeof(text));
        arena_reset(&arena);
    }
    peer->size = 0;
    arena_deinit(&arena);
    return text;
}

/* A client subscribes, and the device with address 1 is connected. What was asked and heard is forgotten. */
static inline void air_connected(struct peer *peer, struct device *device, const char *firmware)
{
    air_start(device, firmware);
    peer_subscribe(peer, device);
    ask_device(peer, ASK_CONNECT, 1);
    air_opened(1, 247);
    air.asked[0] = '\0';
    heard(peer);
}

static inline void air_stop(struct peer *peer)
{
    peer_leave(peer);
    device_stop(air.device);
}

#endif
