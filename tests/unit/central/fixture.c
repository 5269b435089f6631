/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "steady.h"

#include "hub/disconnect_set.h"
#include "hub/scanner_private.h"
#include "session/session_internal.h"
#include <stdlib.h>

#define HELLO_RESPONSE "0016020801100f1a08323032362e382e3022067670726f7879"

static unsigned told_order;

/* ---- What proxies are sent ---- */

static const char *request_word(uint32_t type)
{
    static const char *const words[] = {"connect-1", "disconnect", "pair",       "unpair",
                                        "hint",      "connect",    "clear-cache"};
    return type < sizeof(words) / sizeof(words[0]) ? words[type] : "?";
}

static void append_value(char text[400], const char *verb, uint32_t handle, const ProtobufCBinaryData *data)
{
    int n = snprintf(text, 400, "%s %x ", verb, handle);
    if (data->len > 40)
        snprintf(text + n, (size_t)(400 - n), "%zu bytes", data->len);
    for (size_t i = 0; i < data->len && data->len <= 40; i++)
        n += snprintf(text + n, (size_t)(400 - n), "%02x", data->data[i]);
}

/* "" for what the tests have no interest in. */
static void describe(const struct frame *frame, const ProtobufCMessage *message, char text[400])
{
    text[0] = '\0';
    switch (frame->type) {
    case MESSAGE_DEVICE_REQUEST: {
        const BluetoothDeviceRequest *request = (const void *)message;
        int n = snprintf(text, 400, "%s", request_word(request->request_type));
        if (request->address != DEVICE)
            snprintf(text + n, (size_t)(400 - n), "+%d", (int)(request->address - DEVICE));
        assert_int_equal(request->has_address_type, request->request_type >= 4 && request->request_type <= 5);
        break;
    }
    case MESSAGE_GATT_GET_SERVICES_REQUEST: {
        int device = (int)(((const BluetoothGATTGetServicesRequest *)message)->address - DEVICE);
        int n = snprintf(text, 400, "services");
        if (device != 0)
            snprintf(text + n, (size_t)(400 - n), "+%d", device);
        break;
    }
    case MESSAGE_GATT_READ_REQUEST:
        snprintf(text, 400, "read %x", ((const BluetoothGATTReadRequest *)message)->handle);
        break;
    case MESSAGE_GATT_READ_DESCRIPTOR_REQUEST:
        snprintf(text, 400, "read-descriptor %x",
                 ((const BluetoothGATTReadDescriptorRequest *)message)->handle);
        break;
    case MESSAGE_GATT_WRITE_REQUEST: {
        const BluetoothGATTWriteRequest *request = (const void *)message;
        append_value(text, request->response ? "write" : "command", request->handle, &request->data);
        break;
    }
    case MESSAGE_GATT_WRITE_DESCRIPTOR_REQUEST: {
        const BluetoothGATTWriteDescriptorRequest *request = (const void *)message;
        append_value(text, "write-descriptor", request->handle, &request->data);
        break;
    }
    case MESSAGE_GATT_NOTIFY_REQUEST: {
        const BluetoothGATTNotifyRequest *request = (const void *)message;
        snprintf(text, 400, "notify %x %s", request->handle, request->enable ? "on" : "off");
        break;
    }
    case MESSAGE_SET_CONNECTION_PARAMS_REQUEST: {
        const BluetoothSetConnectionParamsRequest *request = (const void *)message;
        snprintf(text, 400, "parameters %u %u %u %u", request->min_interval, request->max_interval,
                 request->latency, request->timeout);
        break;
    }
    }
}

static void proxy_hear(struct proxy_play *proxy)
{
    struct test_env mine;
    struct arena arena;
    struct iovec vec;
    size_t left = session_pending(proxy->session, &vec), size = left;
    uint8_t *copy = malloc(left + 1), *bytes = copy;
    if (left > 0)
        memcpy(copy, vec.iov_base, left);
    test_env_init(&mine);
    arena_init(&arena, &mine.env);
    while (left > 0) {
        struct frame frame;
        size_t used;
        ProtobufCMessage *message;
        char text[400];
        assert_int_equal(frame_read_plain(bytes, left, &frame_limits_firmware, &frame, &used), 0);
        assert_int_equal(message_unpack(&arena, frame.type, frame.data, frame.size, &message), 0);
        describe(&frame, message, text);
        size_t n = strlen(proxy->sent);
        if (text[0])
            snprintf(proxy->sent + n, sizeof(proxy->sent) - n, "%s%s", n > 0 ? "; " : "", text);
        arena_reset(&arena);
        bytes += used;
        left -= used;
    }
    arena_deinit(&arena);
    test_env_deinit(&mine);
    free(copy);
    session_sent(proxy->session, size);
}

void assert_sent_to(struct world *world, unsigned i, const char *expected)
{
    struct proxy_play *proxy = &world->proxies[i];
    if (proxy->session)
        proxy_hear(proxy);
    assert_string_equal(proxy->sent, expected);
    proxy->sent[0] = '\0';
}

const char *take_sent(struct world *world, unsigned i)
{
    static char taken[sizeof(world->proxies[0].sent)];
    struct proxy_play *proxy = &world->proxies[i];
    if (proxy->session)
        proxy_hear(proxy);
    memcpy(taken, proxy->sent, sizeof(taken));
    proxy->sent[0] = '\0';
    return taken;
}

void assert_sent(struct world *world, const char *expected)
{
    assert_sent_to(world, 0, expected);
}

/* ---- What they say ---- */

void say(struct world *world, unsigned i, uint32_t type, const ProtobufCMessage *message)
{
    struct test_env mine;
    struct buffer packed, framed;
    test_env_init(&mine);
    buffer_init(&packed, &mine.env, 100000);
    buffer_init(&framed, &mine.env, 100000);
    assert_int_equal(message_pack(message, &packed), 0);
    assert_int_equal(frame_write_plain_header(&framed, type, packed.size), 0);
    assert_int_equal(buffer_append(&framed, buffer_data(&packed), packed.size), 0);
    if (world->proxies[i].session)
        session_feed(world->proxies[i].session, buffer_data(&framed), framed.size, world->now_ns);
    buffer_deinit(&packed);
    buffer_deinit(&framed);
    test_env_deinit(&mine);
}

void say_advert(struct world *world, unsigned i, unsigned device, int32_t rssi)
{
    static const uint8_t flags[] = {2, 1, 6};
    const struct batch_advert advert = {
        .address = DEVICE + device, .data = flags, .size = sizeof(flags), .rssi = rssi, .address_type = 1};
    scanner_report(world->proxies[i].scanner, &advert, world->now_ns);
}

void say_connection(struct world *world, bool connected, uint32_t mtu, int32_t reason)
{
    BluetoothDeviceConnectionResponse message = BLUETOOTH_DEVICE_CONNECTION_RESPONSE__INIT;
    message.address = DEVICE;
    message.connected = connected;
    message.mtu = mtu;
    message.error = reason;
    say(world, 0, MESSAGE_DEVICE_CONNECTION_RESPONSE, &message.base);
}

void say_connection_of(struct world *world, unsigned i, unsigned device, bool connected, int32_t reason)
{
    BluetoothDeviceConnectionResponse message = BLUETOOTH_DEVICE_CONNECTION_RESPONSE__INIT;
    message.address = DEVICE + device;
    message.connected = connected;
    message.mtu = DEVICE_MTU;
    message.error = reason;
    say(world, i, MESSAGE_DEVICE_CONNECTION_RESPONSE, &message.base);
}

void say_slots_of(struct world *world, unsigned i, uint32_t free_slots, uint32_t limit)
{
    BluetoothConnectionsFreeResponse message = BLUETOOTH_CONNECTIONS_FREE_RESPONSE__INIT;
    message.free = free_slots;
    message.limit = limit;
    say(world, i, MESSAGE_CONNECTIONS_FREE_RESPONSE, &message.base);
}

void say_slots(struct world *world, uint32_t free_slots, uint32_t limit, size_t n_allocated)
{
    uint64_t allocated[16];
    BluetoothConnectionsFreeResponse message = BLUETOOTH_CONNECTIONS_FREE_RESPONSE__INIT;
    for (size_t i = 0; i < n_allocated; i++)
        allocated[i] = DEVICE + i;
    message.free = free_slots;
    message.limit = limit;
    message.allocated = allocated;
    message.n_allocated = n_allocated;
    say(world, 0, MESSAGE_CONNECTIONS_FREE_RESPONSE, &message.base);
}

static BluetoothGATTDescriptor descriptor(uint32_t handle, uint32_t uuid)
{
    BluetoothGATTDescriptor result = BLUETOOTH_GATTDESCRIPTOR__INIT;
    result.handle = handle;
    result.short_uuid = uuid;
    return result;
}

void say_services(struct world *world)
{
    say_services_of(world, 0, 0);
}

void say_services_of(struct world *world, unsigned proxy, unsigned device)
{
    static const struct {
        uint32_t handle, uuid, properties, descriptors[2]; /* their UUIDs; 0: none */
    } all[] = {
        {MEASUREMENT, 0x2a37, 0x02 | 0x08 | 0x10, {0x2902, 0x2901}},
        {ALARM, 0x2a46, 0x20, {0x2902}},
        {BARE, 0x2a19, 0x10, {0}},
        {COMMAND, 0x2a39, 0x04, {0}},
        {BOTH, 0x2a05, 0x30, {0x2902}},
    };
    enum { N = sizeof(all) / sizeof(all[0]) };
    BluetoothGATTDescriptor descriptors[N][2], *descriptor_list[N][2];
    BluetoothGATTCharacteristic characteristics[N], *list[N];
    for (size_t i = 0; i < N; i++) {
        BluetoothGATTCharacteristic init = BLUETOOTH_GATTCHARACTERISTIC__INIT;
        characteristics[i] = init;
        characteristics[i].handle = all[i].handle;
        characteristics[i].short_uuid = all[i].uuid;
        characteristics[i].properties = all[i].properties;
        characteristics[i].descriptors = descriptor_list[i];
        for (size_t j = 0; j < 2 && all[i].descriptors[j] != 0; j++) {
            descriptors[i][j] = descriptor(all[i].handle + 1 + (uint32_t)j, all[i].descriptors[j]);
            descriptor_list[i][characteristics[i].n_descriptors++] = &descriptors[i][j];
        }
        list[i] = &characteristics[i];
    }
    BluetoothGATTService service = BLUETOOTH_GATTSERVICE__INIT, *services = &service;
    service.handle = 0x10;
    service.short_uuid = 0x180d;
    service.characteristics = list;
    service.n_characteristics = N;
    BluetoothGATTGetServicesResponse message = BLUETOOTH_GATTGET_SERVICES_RESPONSE__INIT;
    message.address = DEVICE + device;
    message.services = &services;
    message.n_services = 1;
    say(world, proxy, MESSAGE_GATT_GET_SERVICES_RESPONSE, &message.base);
    BluetoothGATTGetServicesDoneResponse done = BLUETOOTH_GATTGET_SERVICES_DONE_RESPONSE__INIT;
    done.address = DEVICE + device;
    say(world, proxy, MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE, &done.base);
}

void say_services_done(struct world *world)
{
    BluetoothGATTGetServicesDoneResponse message = BLUETOOTH_GATTGET_SERVICES_DONE_RESPONSE__INIT;
    message.address = DEVICE;
    say(world, 0, MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE, &message.base);
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    ProtobufCBinaryData data;
    data.data = hex(text, &data.len);
    return data;
}

void say_read(struct world *world, uint32_t handle, const char *text)
{
    BluetoothGATTReadResponse message = BLUETOOTH_GATTREAD_RESPONSE__INIT;
    message.address = DEVICE;
    message.handle = handle;
    message.data = bytes_of(text);
    say(world, 0, MESSAGE_GATT_READ_RESPONSE, &message.base);
}

void say_written(struct world *world, uint32_t handle)
{
    BluetoothGATTWriteResponse message = BLUETOOTH_GATTWRITE_RESPONSE__INIT;
    message.address = DEVICE;
    message.handle = handle;
    say(world, 0, MESSAGE_GATT_WRITE_RESPONSE, &message.base);
}

void say_notifying(struct world *world, uint32_t handle)
{
    BluetoothGATTNotifyResponse message = BLUETOOTH_GATTNOTIFY_RESPONSE__INIT;
    message.address = DEVICE;
    message.handle = handle;
    say(world, 0, MESSAGE_GATT_NOTIFY_RESPONSE, &message.base);
}

void say_value(struct world *world, uint32_t handle, const char *text)
{
    BluetoothGATTNotifyDataResponse message = BLUETOOTH_GATTNOTIFY_DATA_RESPONSE__INIT;
    message.address = DEVICE;
    message.handle = handle;
    message.data = bytes_of(text);
    say(world, 0, MESSAGE_GATT_NOTIFY_DATA_RESPONSE, &message.base);
}

void say_gatt_error(struct world *world, uint32_t handle, int32_t code)
{
    BluetoothGATTErrorResponse message = BLUETOOTH_GATTERROR_RESPONSE__INIT;
    message.address = DEVICE;
    message.handle = handle;
    message.error = code;
    say(world, 0, MESSAGE_GATT_ERROR_RESPONSE, &message.base);
}

void say_paired(struct world *world, bool paired, int32_t code)
{
    BluetoothDevicePairingResponse message = BLUETOOTH_DEVICE_PAIRING_RESPONSE__INIT;
    message.address = DEVICE;
    message.paired = paired;
    message.error = code;
    say(world, 0, MESSAGE_DEVICE_PAIRING_RESPONSE, &message.base);
}

bool proxy_owes(const struct world *world)
{
    return !list_empty(&world->proxies[0].session->requests);
}

/* ---- Proxies coming and going ---- */

static void on_ready(void *user, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
}

/* In the order of a manager. */
static void end_scanner(struct proxy_play *proxy, uint64_t now_ns)
{
    struct scanner *scanner = proxy->scanner;
    if (!scanner)
        return;
    scanner_set_available(scanner, false, now_ns);
    wiring_detach(proxy->session, scanner);
    disconnect_set_fire(scanner_disconnect_set(scanner));
    proxy->scanner = NULL;
    scanner_unsetup(scanner, now_ns);
    hub_unregister_scanner(proxy->world->hub, scanner, now_ns);
    scanner_free(scanner);
}

static void on_closed(void *user, const struct session_end *end, uint64_t now_ns)
{
    (void)end;
    end_scanner(user, now_ns);
}

static const struct session_ops session_ops = {.on_ready = on_ready, .on_closed = on_closed};

void proxy_begin(struct world *world, unsigned i, uint32_t features)
{
    static char firmware[] = "2026.8.0", old_firmware[] = "2023.2.1";
    static char names[N_PROXIES][8] = {"kitchen", "garage"};
    const struct session_config config = {.env = &world->test.env,
                                          .label = names[i],
                                          .client_info = "test",
                                          .timeouts = session_timeouts_default};
    const struct bleproxy_device_info info = {.name = names[i],
                                              .esphome_version =
                                                  features == ALL_FEATURES ? firmware : old_firmware,
                                              .source = SOURCE + i,
                                              .features = features};
    struct proxy_play *proxy = &world->proxies[i];
    size_t n;
    proxy->world = world;
    assert_int_equal(session_new(&config, &session_ops, proxy, world->now_ns, &proxy->session), 0);
    uint8_t *hello = hex(HELLO_RESPONSE, &n);
    session_feed(proxy->session, hello, n, world->now_ns);
    assert_true(session_is_ready(proxy->session));
    assert_int_equal(wiring_connect_scanner(proxy->session, &world->test.env, &info, NULL, WIRING_TO_USE,
                                            NULL, world->now_ns, &proxy->scanner),
                     0);
    scanner_setup(proxy->scanner, world->now_ns);
    assert_int_equal(hub_register_scanner(world->hub, proxy->scanner, world->now_ns), 0);
    struct iovec vec;
    session_sent(proxy->session, session_pending(proxy->session, &vec));
}

void proxy_lose(struct world *world, unsigned i)
{
    struct proxy_play *proxy = &world->proxies[i];
    if (!proxy->session)
        return;
    session_fail(proxy->session, BLEPROXY_E_IO, "connection reset", world->now_ns);
    session_free(proxy->session);
    proxy->session = NULL;
}

/* ---- The world ---- */

static void on_deadline(void *user)
{
    struct world *world = user;
    world->deadlines++;
}

int world_setup(void **state)
{
    static struct world world;
    world = (struct world){.now_ns = 1000 * NS_PER_S};
    test_env_init(&world.test);
    world.test.env.random = steady_random;
    assert_int_equal(hub_new(&world.test.env, NULL, world.now_ns, &world.hub), 0);
    const struct central_config config = {
        .env = &world.test.env, .hub = world.hub, .on_deadline = on_deadline, .user = &world};
    assert_int_equal(central_new(&config, &world.central), 0);
    assert_int_equal(peripheral_new(world.central, DEVICE, &world.peripheral), 0);
    proxy_begin(&world, 0, ALL_FEATURES);
    say_slots(&world, 3, 3, 0);
    *state = &world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    peripheral_free(world->peripheral, world->now_ns);
    for (unsigned i = 0; i < N_PROXIES; i++)
        proxy_lose(world, i);
    central_free(world->central, world->now_ns);
    hub_free(world->hub, world->now_ns);
    test_env_deinit(&world->test);
    return 0;
}

struct told told_by(struct world *world)
{
    return (struct told){.world = world};
}

void on_told(void *user, const struct bleproxy_result *result)
{
    struct told *told = user;
    const struct peripheral *peripheral = told->world->peripheral;
    told->calls++;
    told->order = ++told_order;
    told->result = *result;
    snprintf(told->text, sizeof(told->text), "%s", result->text);
    assert_true(result->size <= sizeof(told->value));
    if (result->size > 0)
        memcpy(told->value, result->value, result->size);
    told->connected = peripheral && peripheral_is_connected(peripheral);
    /* a failure is always explained */
    assert_int_equal(result->error != 0 || result->missing != 0, result->text[0] != '\0');
    assert_int_equal(result->error != 0, result->cause != BLEPROXY_CAUSE_NONE);
    if (told->then)
        told->then(told);
}

static uint64_t next_deadline(const struct world *world)
{
    uint64_t deadline_ns = central_deadline(world->central);
    for (unsigned i = 0; i < N_PROXIES; i++)
        if (world->proxies[i].session)
            deadline_ns = time_min(deadline_ns, session_deadline(world->proxies[i].session));
    return deadline_ns;
}

static void tick(struct world *world)
{
    for (unsigned i = 0; i < N_PROXIES; i++)
        if (world->proxies[i].session)
            session_tick(world->proxies[i].session, world->now_ns);
    central_tick(world->central, world->now_ns);
}

void pass_ms(struct world *world, uint64_t ms)
{
    uint64_t end_ns = world->now_ns + ms * NS_PER_MS, next_ns;
    PingResponse pong = PING_RESPONSE__INIT;
    while ((next_ns = next_deadline(world)) <= end_ns) {
        if (next_ns > world->now_ns)
            world->now_ns = next_ns;
        for (unsigned i = 0; i < N_PROXIES; i++)
            say(world, i, MESSAGE_PING_RESPONSE, &pong.base); /* it lives */
        tick(world);
        if (world->now_ns == end_ns)
            break;
    }
    world->now_ns = end_ns;
    tick(world);
}

struct attempt attempt_by_default(struct world *world)
{
    return (struct attempt){
        .scanner = world->proxies[0].scanner, .address_type = 1, .timeout_ns = 20 * NS_PER_S};
}

void attempt_begin_with(struct world *world, const struct attempt *attempt, struct told *told)
{
    assert_int_equal(
        peripheral_attempt(world->peripheral, attempt, on_told, told, world->now_ns, &told->operation), 0);
    assert_int_equal(told->calls, 0);
}

void attempt_begin(struct world *world, struct told *told)
{
    const struct attempt attempt = attempt_by_default(world);
    attempt_begin_with(world, &attempt, told);
}

void connect_device(struct world *world)
{
    struct told told = told_by(world);
    attempt_begin(world, &told);
    say_connection(world, true, DEVICE_MTU, 0);
    if (told.calls == 0)
        say_services(world);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_true(peripheral_is_connected(world->peripheral));
    proxy_hear(&world->proxies[0]);
    world->proxies[0].sent[0] = '\0';
}

void assert_idle(struct world *world)
{
    for (unsigned i = 0; i < N_PROXIES; i++) {
        const struct proxy_play *proxy = &world->proxies[i];
        if (!proxy->scanner)
            continue;
        const struct slots *slots = scanner_slot_record(proxy->scanner);
        assert_true(list_empty(&slots->waiters));
        assert_true(list_empty(&slots->trackers));
        assert_int_equal(proxy->scanner->pins, 0);
        assert_int_equal(scanner_pauses(proxy->scanner), 0);
        assert_true(scanner_is_scanning(proxy->scanner));
        assert_true(list_empty(&proxy->session->requests));
    }
    assert_true(list_empty(&world->central->operations));
    assert_false(world->peripheral && world->peripheral->link.session);
}
