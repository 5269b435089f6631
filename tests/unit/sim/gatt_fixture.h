/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_GATT_FIXTURE_H
#define TESTS_SIM_GATT_FIXTURE_H

#include "support.h"

#include "sim/house.h"
#include "sim/proxy.h"
#include "wire/frame.h"
#include "wire/message.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

/* A virtual house with two proxies and a client at each, on a clock of their own. */

enum { CLIENTS = 2, INBOX = 512 * 1024 };

#define FOREVER_NS (600 * NS_PER_S)

struct client {
    struct sim_proxy proxy;
    struct server_connection *connection;
    uint8_t inbox[INBOX]; /* plaintext frames not yet looked at */
    size_t size;
    uint32_t free;                  /* slots, as last told */
    unsigned n_adverts, n_scanning; /* messages so far: advertisements, scanner states */
    uint32_t scanner_state;
};

struct answer {
    int32_t error; /* of an error response, or of the answer itself */
    size_t size;
    uint8_t value[1024];
};

static struct test_env test;
static struct radio *radio;
static struct client clients[CLIENTS];
static struct client *const client = &clients[0], *const other = &clients[1];
static struct arena arena;
static uint64_t now_ns, pinged_ns;

static inline void client_take(struct client *c)
{
    struct iovec vec;
    size_t n;
    while ((n = server_connection_pending(c->connection, &vec)) > 0) {
        assert_true(c->size + n <= INBOX);
        memcpy(c->inbox + c->size, vec.iov_base, n);
        c->size += n;
        server_connection_sent(c->connection, n);
    }
}

static inline void client_on_pending(void *user)
{
    client_take(user);
}

static inline void client_on_close(void *user, const char *why)
{
    (void)user;
    fail_msg("closed: %s", why);
}

static const struct server_connection_ops client_ops = {client_on_pending, client_on_close};

static inline void client_send(struct client *c, uint32_t type, const void *message)
{
    struct buffer payload, out;
    buffer_init(&payload, &test.env, 65536);
    buffer_init(&out, &test.env, 65536);
    if (message_packed_size(message) > 0)
        assert_int_equal(message_pack(message, &payload), 0);
    assert_int_equal(frame_write_plain_header(&out, type, payload.size), 0);
    if (payload.size > 0)
        assert_int_equal(buffer_append(&out, buffer_data(&payload), payload.size), 0);
    server_connection_feed(c->connection, buffer_data(&out), out.size, now_ns);
    client_take(c);
    buffer_deinit(&payload);
    buffer_deinit(&out);
}

static inline uint64_t house_deadline(void)
{
    uint64_t deadline_ns = radio_deadline(radio);
    for (size_t i = 0; i < CLIENTS; i++)
        deadline_ns = time_min(deadline_ns, sim_proxy_deadline(&clients[i].proxy));
    return deadline_ns;
}

/* Pings are answered whether they were asked or not. */
static inline void house_keep_alive(void)
{
    const PingResponse pong = PING_RESPONSE__INIT;
    if (now_ns - pinged_ns < 20 * NS_PER_S)
        return;
    pinged_ns = now_ns;
    for (size_t i = 0; i < CLIENTS; i++)
        if (clients[i].connection)
            client_send(&clients[i], MESSAGE_PING_RESPONSE, &pong);
}

/* Lets the next thing happen that happens by then. False: nothing does. */
static inline bool house_step(uint64_t end_ns)
{
    uint64_t deadline_ns = house_deadline();
    if (deadline_ns > end_ns)
        return false;
    if (deadline_ns > now_ns)
        now_ns = deadline_ns;
    house_keep_alive();
    radio_tick(radio, now_ns);
    for (size_t i = 0; i < CLIENTS; i++)
        if (now_ns >= sim_proxy_deadline(&clients[i].proxy))
            sim_proxy_tick(&clients[i].proxy, now_ns);
    return true;
}

static inline void house_pass(uint64_t time_ns)
{
    uint64_t end_ns = now_ns + time_ns;
    while (house_step(end_ns))
        ;
    now_ns = end_ns;
}

static inline const ProtobufCMessage *client_unpack(const struct frame *frame)
{
    ProtobufCMessage *message;
    arena_reset(&arena);
    assert_int_equal(message_unpack(&arena, frame->type, frame->data, frame->size, &message), 0);
    return message;
}

/* Notes what proxies say of themselves. */
static inline bool client_overhears(struct client *c, const struct frame *frame)
{
    switch (frame->type) {
    case MESSAGE_RAW_ADVERTISEMENTS_RESPONSE:
        c->n_adverts++;
        return true;
    case MESSAGE_SCANNER_STATE_RESPONSE:
        c->scanner_state = ((const BluetoothScannerStateResponse *)client_unpack(frame))->state;
        c->n_scanning++;
        return true;
    case MESSAGE_CONNECTIONS_FREE_RESPONSE:
        c->free = ((const BluetoothConnectionsFreeResponse *)client_unpack(frame))->free;
        return true;
    case MESSAGE_PING_REQUEST:
    case MESSAGE_GET_TIME_REQUEST:
        return true;
    }
    return false;
}

/* The type of the next message about devices, 0: there is none yet. */
static inline uint32_t client_next(struct client *c, const ProtobufCMessage **ret_message)
{
    struct frame frame;
    size_t used;
    while (frame_read_plain(c->inbox, c->size, &frame_limits_client, &frame, &used) == 0) {
        bool overheard = client_overhears(c, &frame);
        if (!overheard)
            *ret_message = client_unpack(&frame);
        memmove(c->inbox, c->inbox + used, c->size - used);
        c->size -= used;
        if (!overheard)
            return frame.type;
    }
    return 0;
}

/* Waits for the next message about devices. 0: nothing came. */
static inline uint32_t client_wait(struct client *c, uint64_t time_ns, const ProtobufCMessage **ret_message)
{
    uint64_t end_ns = now_ns + time_ns;
    uint32_t type;
    while ((type = client_next(c, ret_message)) == 0)
        if (!house_step(end_ns)) {
            now_ns = end_ns;
            break;
        }
    return type;
}

/* The next message, which must have that type. */
static inline const void *client_await(struct client *c, uint32_t type)
{
    const ProtobufCMessage *message = NULL;
    assert_int_equal(client_wait(c, FOREVER_NS, &message), type);
    return message;
}

static inline void client_expect_nothing(struct client *c, uint64_t time_ns)
{
    const ProtobufCMessage *message;
    assert_int_equal(client_wait(c, time_ns, &message), 0);
}

static inline void client_join(struct client *c)
{
    static const uint8_t hello[] = {0, 4, 1, 0x10, 1, 0x18, 15};
    uint8_t bytes[sizeof(hello)];
    memcpy(bytes, hello, sizeof(hello));
    assert_int_equal(server_accept(c->proxy.server, &client_ops, c, now_ns, &c->connection), 0);
    server_connection_feed(c->connection, bytes, sizeof(bytes), now_ns);
    client_take(c);
    c->size = 0;
    SubscribeBluetoothLEAdvertisementsRequest request = SUBSCRIBE_BLUETOOTH_LEADVERTISEMENTS_REQUEST__INIT;
    request.flags = 1;
    client_send(c, MESSAGE_SUBSCRIBE_ADVERTISEMENTS_REQUEST, &request);
    client_expect_nothing(c, 0);
}

static inline void house_open_with(const struct radio_config *house, int32_t latency_ms,
                                   const struct sim_link_faults *faults)
{
    static const char *const names[CLIENTS] = {"here", "there"};
    test_env_init(&test);
    arena_init(&arena, &test.env);
    now_ns = pinged_ns = 1000 * NS_PER_S;
    assert_int_equal(radio_new(house, &test.env, now_ns, &radio), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        struct sim_proxy_config config = {.name = names[i],
                                          .profile = server_profile_find("2026.8"),
                                          .flush_ns = BP_NEVER,
                                          .seed = house->seed,
                                          .slots = 3,
                                          .latency_ms = latency_ms};
        if (faults)
            config.faults = *faults;
        memset(&clients[i], 0, sizeof(clients[i]));
        assert_int_equal(sim_proxy_init(&clients[i].proxy, &config, radio, &test.env, now_ns), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        client_join(&clients[i]);
}

static inline void house_open(int32_t latency_ms)
{
    const struct radio_config house = {.seed = 1, .rate = RADIO_RATE_NATURAL};
    house_open_with(&house, latency_ms, NULL);
}

static inline void house_close(void)
{
    for (size_t i = 0; i < CLIENTS; i++)
        sim_proxy_deinit(&clients[i].proxy);
    radio_free(radio);
    arena_deinit(&arena);
    test_env_deinit(&test);
}

/* ---- Devices ---- */

static inline struct gatt_device *device_of(enum gatt_model_number model)
{
    return &radio->devices[model];
}

static inline uint64_t address_of(enum gatt_model_number model)
{
    return device_of(model)->peripheral->address;
}

/* The handle of the n-th characteristic of that UUID, from 0. */
static inline uint16_t handle_of(enum gatt_model_number model, const char *uuid, unsigned n)
{
    const struct gatt_database *database = device_of(model)->database;
    for (uint16_t handle = 1; handle < database->n_handles; handle++) {
        const struct gatt_attribute *attribute = gatt_database_at(database, handle);
        if (attribute && strcmp(attribute->uuid, uuid) == 0 && n-- == 0)
            return handle;
    }
    fail_msg("no %s", uuid);
    return 0;
}

static inline void ask_device(struct client *c, enum gatt_model_number model, uint32_t type)
{
    BluetoothDeviceRequest request = BLUETOOTH_DEVICE_REQUEST__INIT;
    request.address = address_of(model);
    request.request_type = type;
    request.has_address_type = true;
    request.address_type = device_of(model)->peripheral->address_type;
    client_send(c, MESSAGE_DEVICE_REQUEST, &request);
}

enum { DISCONNECT = 1, PAIR = 2, UNPAIR = 3, CONNECT_CACHED = 4, CONNECT = 5, CLEAR_CACHE = 6 };

/* 0 and the MTU, or the reason why not. */
static inline int32_t connect_to(struct client *c, enum gatt_model_number model, uint32_t *ret_mtu)
{
    ask_device(c, model, CONNECT);
    const BluetoothDeviceConnectionResponse *response = client_await(c, MESSAGE_DEVICE_CONNECTION_RESPONSE);
    assert_true(response->address == address_of(model));
    if (!response->connected)
        return response->error ? response->error : -1;
    if (ret_mtu)
        *ret_mtu = response->mtu;
    return 0;
}

/* The reason why a link ended. */
static inline int32_t await_end(struct client *c, enum gatt_model_number model)
{
    const BluetoothDeviceConnectionResponse *response = client_await(c, MESSAGE_DEVICE_CONNECTION_RESPONSE);
    assert_true(response->address == address_of(model));
    assert_false(response->connected);
    return response->error;
}

static inline void disconnect_from(struct client *c, enum gatt_model_number model)
{
    ask_device(c, model, DISCONNECT);
    assert_int_equal(await_end(c, model), HCI_WE_HUNG_UP);
}

static inline void send_read(struct client *c, enum gatt_model_number model, uint16_t handle)
{
    BluetoothGATTReadRequest request = BLUETOOTH_GATTREAD_REQUEST__INIT;
    request.address = address_of(model);
    request.handle = handle;
    client_send(c, MESSAGE_GATT_READ_REQUEST, &request);
}

static inline void send_write(struct client *c, enum gatt_model_number model, uint16_t handle,
                              const void *value, size_t size, bool response)
{
    BluetoothGATTWriteRequest request = BLUETOOTH_GATTWRITE_REQUEST__INIT;
    request.address = address_of(model);
    request.handle = handle;
    request.response = response;
    request.data = (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)value};
    client_send(c, MESSAGE_GATT_WRITE_REQUEST, &request);
}

static inline void keep_value(struct answer *answer, const ProtobufCBinaryData *data)
{
    assert_true(data->len <= sizeof(answer->value));
    answer->error = 0;
    answer->size = data->len;
    if (data->len > 0)
        memcpy(answer->value, data->data, data->len);
}

/* What answers a request about the handle: an error, or a message of the given type. */
static inline const struct answer *await_answer(struct client *c, uint32_t type, uint16_t handle)
{
    static struct answer answer;
    const ProtobufCMessage *message = NULL;
    uint32_t got = client_wait(c, FOREVER_NS, &message);
    answer = (struct answer){0};
    if (got == MESSAGE_GATT_ERROR_RESPONSE) {
        const BluetoothGATTErrorResponse *error = (const void *)message;
        assert_int_equal(error->handle, handle);
        answer.error = error->error;
        return &answer;
    }
    assert_int_equal(got, type);
    if (type == MESSAGE_GATT_READ_RESPONSE) {
        const BluetoothGATTReadResponse *response = (const void *)message;
        assert_int_equal(response->handle, handle);
        keep_value(&answer, &response->data);
    }
    return &answer;
}

static inline const struct answer *read_from(struct client *c, enum gatt_model_number model, uint16_t handle)
{
    send_read(c, model, handle);
    return await_answer(c, MESSAGE_GATT_READ_RESPONSE, handle);
}

/* The error, or 0. */
static inline int32_t write_to(struct client *c, enum gatt_model_number model, uint16_t handle,
                               const void *value, size_t size, bool response)
{
    send_write(c, model, handle, value, size, response);
    return await_answer(c, MESSAGE_GATT_WRITE_RESPONSE, handle)->error;
}

static inline void forward_from(struct client *c, enum gatt_model_number model, uint16_t handle)
{
    BluetoothGATTNotifyRequest request = BLUETOOTH_GATTNOTIFY_REQUEST__INIT;
    request.address = address_of(model);
    request.handle = handle;
    request.enable = true;
    client_send(c, MESSAGE_GATT_NOTIFY_REQUEST, &request);
    client_await(c, MESSAGE_GATT_NOTIFY_RESPONSE);
}

static inline void subscribe_to(struct client *c, enum gatt_model_number model, uint16_t handle)
{
    uint16_t cccd = gatt_database_cccd(device_of(model)->database, handle);
    forward_from(c, model, handle);
    assert_int_equal(write_to(c, model, cccd, "\x01\x00", 2, true), 0);
}

static inline const struct answer *await_notification(struct client *c, uint16_t handle)
{
    static struct answer answer;
    const BluetoothGATTNotifyDataResponse *response = client_await(c, MESSAGE_GATT_NOTIFY_DATA_RESPONSE);
    assert_int_equal(response->handle, handle);
    keep_value(&answer, &response->data);
    return &answer;
}

#endif
