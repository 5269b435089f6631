/* SPDX-License-Identifier: MIT */
/* The central over a hub, against a proxy whose every reply is fuzzed. Byte 0: which features the firmware has. Then
 * steps, each a byte, what it does (bits 0-2) and to which (bits 3-7): a reply about one of two devices, any message, a
 * call of the program, time that passes, the end of the session. Every operation completes once and never from within its
 * start, `disconnected` is told once per link, no value comes after the end, and nothing is left when all is freed. */
#include "fuzz.h"

#include "central/establish.h"
#include "central/operation.h"
#include "hub/disconnect_set.h"
#include "hub/scanner.h"
#include "hub/scanner_private.h"
#include "hub/slots.h"
#include "hub/wiring.h"
#include "session/session.h"
#include "wire/frame.h"
#include <bleproxy/error.h>

enum { DEVICES = 2, TASKS_MAX = 64, STEP_BITS = 3, STEPS_MAX = 400, PAYLOAD_MAX = 16 * 1024 };
enum step {
    STEP_REPLY,
    STEP_MESSAGE,
    STEP_CALL,
    STEP_TIME,
    STEP_SERVICES,
    STEP_LOSE,
    STEP_CONNECTION,
    STEP_SLOTS
};
enum call {
    CALL_CONNECT,
    CALL_DISCONNECT,
    CALL_READ,
    CALL_WRITE,
    CALL_SUBSCRIBE,
    CALL_UNSUBSCRIBE,
    CALL_PAIR,
    CALL_UNPAIR,
    CALL_CLEAR_CACHE,
    CALL_SET_PARAMETERS,
    CALL_CANCEL,
    CALL_FREE,
    CALLS
};

static const uint64_t device_address[DEVICES] = {0xa4c138112233, 0xc0ffee000001};
static const uint64_t source = 0xacbc32890eaa;

struct task {
    struct fuzz *fuzz;
    struct bleproxy_operation *operation;
    unsigned device;
    bool pending, starting, connects;
};

struct fuzz {
    const uint8_t *data;
    size_t size;
    uint64_t now_ns;
    uint32_t features;
    struct hub *hub;
    struct central *central;
    struct session *session; /* NULL: lost */
    struct scanner *scanner;
    struct peripheral *peripherals[DEVICES];
    bool up[DEVICES];
    struct task tasks[TASKS_MAX];
    size_t n_tasks;
};

static uint8_t take(struct fuzz *fuzz)
{
    if (fuzz->size == 0)
        return 0;
    fuzz->size--;
    return *fuzz->data++;
}

/* ---- The program ---- */

static void on_done(void *user, const struct bleproxy_result *result)
{
    struct task *task = user;
    struct fuzz *fuzz = task->fuzz;
    FUZZ_CHECK(task->pending && !task->starting);
    FUZZ_CHECK(result->text && (result->error == 0 && !result->missing) == (result->text[0] == '\0'));
    FUZZ_CHECK(result->size <= BLEPROXY_VALUE_MAX);
    task->pending = false;
    if (task->connects && result->error == 0) {
        FUZZ_CHECK(!fuzz->up[task->device] && peripheral_is_connected(fuzz->peripherals[task->device]));
        fuzz->up[task->device] = true;
    }
}

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    bool *up = user;
    FUZZ_CHECK(*up && result->text);
    *up = false;
}

static void on_notification(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    const bool *up = user;
    (void)handle;
    FUZZ_CHECK(*up && size <= BLEPROXY_VALUE_MAX && (value || size == 0));
}

static void begin_peripheral(struct fuzz *fuzz, unsigned device)
{
    FUZZ_CHECK(peripheral_new(fuzz->central, device_address[device], &fuzz->peripherals[device]) == 0);
    peripheral_on_disconnected(fuzz->peripherals[device], on_disconnected, &fuzz->up[device]);
}

static void end_peripheral(struct fuzz *fuzz, unsigned device)
{
    peripheral_free(fuzz->peripherals[device], fuzz->now_ns);
    fuzz->up[device] = false;
    for (size_t i = 0; i < fuzz->n_tasks; i++)
        FUZZ_CHECK(!fuzz->tasks[i].pending || fuzz->tasks[i].device != device);
}

static void cancel(struct fuzz *fuzz, uint16_t which)
{
    struct task *task = fuzz->n_tasks > 0 ? &fuzz->tasks[which % fuzz->n_tasks] : NULL;
    if (task && task->pending) {
        operation_cancel(task->operation, fuzz->now_ns);
        FUZZ_CHECK(!task->pending);
    }
}

static int start(struct fuzz *fuzz, enum call what, struct task *task, uint16_t handle)
{
    static const struct bleproxy_connection_parameters parameters = {6, 12, 0, 400};
    const struct bleproxy_connect_options options = {
        .deadline_ms = 1000u * handle, .pair = handle & 1, .no_cache = handle & 2};
    struct peripheral *peripheral = fuzz->peripherals[task->device];
    uint64_t now_ns = fuzz->now_ns;
    uint8_t value[600] = {1};
    switch (what) {
    case CALL_CONNECT:
        return establish_start(peripheral, &options, on_done, task, now_ns, &task->operation);
    case CALL_DISCONNECT:
        return peripheral_disconnect(peripheral, on_done, task, now_ns, &task->operation);
    case CALL_READ:
        return peripheral_read(peripheral, handle, 0, on_done, task, now_ns, &task->operation);
    case CALL_WRITE:
        return peripheral_write(peripheral, handle, value, take(fuzz) * 2u, BLEPROXY_WRITE_DEFAULT, 0,
                                on_done, task, now_ns, &task->operation);
    case CALL_SUBSCRIBE:
        return peripheral_subscribe(peripheral, handle, 0, on_notification, &fuzz->up[task->device], on_done,
                                    task, now_ns, &task->operation);
    case CALL_UNSUBSCRIBE:
        return peripheral_unsubscribe(peripheral, handle, on_done, task, now_ns, &task->operation);
    case CALL_PAIR:
        return peripheral_pair(peripheral, on_done, task, now_ns, &task->operation);
    case CALL_UNPAIR:
        return peripheral_unpair(peripheral, on_done, task, now_ns, &task->operation);
    case CALL_CLEAR_CACHE:
        return peripheral_clear_cache(peripheral, on_done, task, now_ns, &task->operation);
    case CALL_SET_PARAMETERS:
        return peripheral_set_parameters(peripheral, &parameters, on_done, task, now_ns, &task->operation);
    case CALL_CANCEL:
    case CALL_FREE:
    case CALLS:
        break;
    }
    return BLEPROXY_E_INVALID;
}

static void call(struct fuzz *fuzz, enum call what, unsigned device, uint16_t handle)
{
    if (what == CALL_CANCEL) {
        cancel(fuzz, handle);
    } else if (what == CALL_FREE) {
        end_peripheral(fuzz, device);
        begin_peripheral(fuzz, device);
    } else if (fuzz->n_tasks < TASKS_MAX) {
        struct task *task = &fuzz->tasks[fuzz->n_tasks++];
        *task = (struct task){.fuzz = fuzz,
                              .device = device,
                              .pending = true,
                              .starting = true,
                              .connects = what == CALL_CONNECT};
        task->pending = start(fuzz, what, task, handle) == 0;
        task->starting = false;
    }
}

/* ---- The proxy ---- */

static void on_ready(void *user, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
}

static void end_scanner(struct fuzz *fuzz)
{
    struct scanner *scanner = fuzz->scanner;
    if (!scanner)
        return;
    fuzz->scanner = NULL;
    scanner_set_available(scanner, false, fuzz->now_ns);
    wiring_detach(fuzz->session, scanner);
    disconnect_set_fire(scanner_disconnect_set(scanner));
    scanner_unsetup(scanner, fuzz->now_ns);
    hub_unregister_scanner(fuzz->hub, scanner, fuzz->now_ns);
    scanner_free(scanner);
}

static void on_closed(void *user, const struct session_end *end, uint64_t now_ns)
{
    (void)end;
    (void)now_ns;
    end_scanner(user);
}

static const struct session_ops session_ops = {.on_ready = on_ready, .on_closed = on_closed};

static void feed(struct fuzz *fuzz, const uint8_t *bytes, size_t size)
{
    struct iovec vec;
    uint8_t *received = malloc(size);
    FUZZ_CHECK(received);
    memcpy(received, bytes, size);
    session_feed(fuzz->session, received, size, fuzz->now_ns);
    free(received);
    session_sent(fuzz->session, session_pending(fuzz->session, &vec));
}

static void say_bytes(struct fuzz *fuzz, uint32_t type, const uint8_t *payload, size_t size)
{
    struct buffer framed;
    buffer_init(&framed, &fuzz_env, PAYLOAD_MAX + 16);
    FUZZ_CHECK(frame_write_plain_header(&framed, type, size) == 0);
    FUZZ_CHECK(buffer_append(&framed, payload, size) == 0);
    feed(fuzz, buffer_data(&framed), framed.size);
    buffer_deinit(&framed);
}

static void say(struct fuzz *fuzz, uint32_t type, const ProtobufCMessage *message)
{
    struct buffer packed;
    buffer_init(&packed, &fuzz_env, PAYLOAD_MAX);
    FUZZ_CHECK(message_pack(message, &packed) == 0);
    say_bytes(fuzz, type, buffer_data(&packed), packed.size);
    buffer_deinit(&packed);
}

static void say_connection(struct fuzz *fuzz, uint64_t address, bool connected, int32_t reason)
{
    BluetoothDeviceConnectionResponse message = BLUETOOTH_DEVICE_CONNECTION_RESPONSE__INIT;
    message.address = address;
    message.connected = connected;
    message.mtu = connected ? 247 : 0;
    message.error = reason;
    say(fuzz, MESSAGE_DEVICE_CONNECTION_RESPONSE, &message.base);
}

static void say_slots(struct fuzz *fuzz, uint32_t n_free, size_t n_allocated)
{
    uint64_t allocated[] = {device_address[0], device_address[1], 1};
    BluetoothConnectionsFreeResponse message = BLUETOOTH_CONNECTIONS_FREE_RESPONSE__INIT;
    message.free = n_free;
    message.limit = 3;
    message.allocated = allocated;
    message.n_allocated = n_allocated;
    say(fuzz, MESSAGE_CONNECTIONS_FREE_RESPONSE, &message.base);
}

/* Characteristics with the handles 2, 4 and so on, that can do everything, each with its configuration. */
static void say_services(struct fuzz *fuzz, uint64_t address)
{
    enum { N = 3 };
    BluetoothGATTDescriptor descriptors[N], *descriptor_list[N];
    BluetoothGATTCharacteristic characteristics[N], *list[N];
    for (unsigned i = 0; i < N; i++) {
        const BluetoothGATTDescriptor no_descriptor = BLUETOOTH_GATTDESCRIPTOR__INIT;
        const BluetoothGATTCharacteristic no_characteristic = BLUETOOTH_GATTCHARACTERISTIC__INIT;
        descriptors[i] = no_descriptor;
        descriptors[i].handle = 2 * i + 3;
        descriptors[i].short_uuid = 0x2902;
        descriptor_list[i] = &descriptors[i];
        characteristics[i] = no_characteristic;
        characteristics[i].handle = 2 * i + 2;
        characteristics[i].short_uuid = 0x2a00 + i;
        characteristics[i].properties = 0x3e;
        characteristics[i].descriptors = &descriptor_list[i];
        characteristics[i].n_descriptors = 1;
        list[i] = &characteristics[i];
    }
    BluetoothGATTService service = BLUETOOTH_GATTSERVICE__INIT, *services = &service;
    service.handle = 1;
    service.short_uuid = 0x180d;
    service.characteristics = list;
    service.n_characteristics = N;
    BluetoothGATTGetServicesResponse message = BLUETOOTH_GATTGET_SERVICES_RESPONSE__INIT;
    message.address = address;
    message.services = &services;
    message.n_services = 1;
    say(fuzz, MESSAGE_GATT_GET_SERVICES_RESPONSE, &message.base);
    BluetoothGATTGetServicesDoneResponse done = BLUETOOTH_GATTGET_SERVICES_DONE_RESPONSE__INIT;
    done.address = address;
    say(fuzz, MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE, &done.base);
}

static void say_fuzzed(struct fuzz *fuzz, uint32_t type, const uint8_t *start_of_payload, size_t n)
{
    uint8_t payload[16 + UINT8_MAX];
    size_t size = take(fuzz);
    if (n > 0)
        memcpy(payload, start_of_payload, n);
    for (size_t i = 0; i < size; i++)
        payload[n + i] = take(fuzz);
    say_bytes(fuzz, type, payload, n + size);
}

/* The address is the first field of all of them. */
static void say_reply(struct fuzz *fuzz, unsigned which, uint64_t address)
{
    static const uint8_t types[] = {
        MESSAGE_DEVICE_CONNECTION_RESPONSE,  MESSAGE_GATT_GET_SERVICES_RESPONSE,
        MESSAGE_GATT_READ_RESPONSE,          MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE,
        MESSAGE_GATT_NOTIFY_DATA_RESPONSE,   MESSAGE_GATT_ERROR_RESPONSE,
        MESSAGE_GATT_WRITE_RESPONSE,         MESSAGE_GATT_NOTIFY_RESPONSE,
        MESSAGE_DEVICE_PAIRING_RESPONSE,     MESSAGE_DEVICE_UNPAIRING_RESPONSE,
        MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE, MESSAGE_SET_CONNECTION_PARAMS_RESPONSE,
    };
    uint8_t field[8] = {0x08};
    size_t n = 1;
    for (; address >= 0x80; address >>= 7)
        field[n++] = (uint8_t)(address | 0x80);
    field[n++] = (uint8_t)address;
    say_fuzzed(fuzz, types[which % sizeof(types)], field, n);
}

static void begin_session(struct fuzz *fuzz)
{
    static char name[] = "proxy", firmware[] = "2026.8.0";
    static const uint8_t hello[] = {0, 4, 2, 8, 1, 16, 15}, flags[] = {2, 1, 6};
    const struct session_config config = {
        .env = &fuzz_env, .label = name, .client_info = "fuzz", .timeouts = session_timeouts_default};
    const struct bleproxy_device_info info = {
        .name = name, .esphome_version = firmware, .source = source, .features = fuzz->features};
    FUZZ_CHECK(session_new(&config, &session_ops, fuzz, fuzz->now_ns, &fuzz->session) == 0);
    feed(fuzz, hello, sizeof(hello));
    FUZZ_CHECK(session_is_ready(fuzz->session));
    FUZZ_CHECK(wiring_connect_scanner(fuzz->session, &fuzz_env, &info, NULL, WIRING_TO_USE, NULL,
                                      fuzz->now_ns, &fuzz->scanner) == 0);
    FUZZ_CHECK(hub_register_scanner(fuzz->hub, fuzz->scanner, fuzz->now_ns) == 0);
    scanner_setup(fuzz->scanner, fuzz->now_ns);
    say_slots(fuzz, 3, 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        const struct batch_advert advert = {
            .address = device_address[i], .data = flags, .size = sizeof(flags), .rssi = -60};
        scanner_report(fuzz->scanner, &advert, fuzz->now_ns);
    }
}

static void lose_session(struct fuzz *fuzz)
{
    session_fail(fuzz->session, BLEPROXY_E_IO, "reset", fuzz->now_ns);
    end_scanner(fuzz);
    session_free(fuzz->session);
    fuzz->session = NULL;
}

/* ---- Time ---- */

static uint64_t next_deadline(const struct fuzz *fuzz)
{
    uint64_t deadline_ns = time_min(central_deadline(fuzz->central), hub_deadline(fuzz->hub));
    deadline_ns = time_min(deadline_ns, session_deadline(fuzz->session));
    return fuzz->scanner ? time_min(deadline_ns, scanner_deadline(fuzz->scanner)) : deadline_ns;
}

static void pass(struct fuzz *fuzz, uint64_t duration_ns)
{
    uint64_t until_ns = fuzz->now_ns + duration_ns;
    for (unsigned i = 0; next_deadline(fuzz) <= until_ns; i++) {
        FUZZ_CHECK(i < 100000); /* else time stands still */
        if (next_deadline(fuzz) > fuzz->now_ns)
            fuzz->now_ns = next_deadline(fuzz);
        session_tick(fuzz->session, fuzz->now_ns);
        if (fuzz->scanner)
            scanner_tick(fuzz->scanner, fuzz->now_ns);
        hub_tick(fuzz->hub, fuzz->now_ns);
        central_tick(fuzz->central, fuzz->now_ns);
    }
    fuzz->now_ns = until_ns;
}

static void step(struct fuzz *fuzz)
{
    uint8_t byte = take(fuzz);
    unsigned which = byte >> STEP_BITS, device = which % DEVICES;
    uint8_t type;
    switch ((enum step)(byte & 7)) {
    case STEP_REPLY:
        say_reply(fuzz, which / DEVICES, device_address[device]);
        break;
    case STEP_MESSAGE:
        type = take(fuzz);
        say_fuzzed(fuzz, type, NULL, 0);
        break;
    case STEP_CALL:
        call(fuzz, (enum call)(which / DEVICES % CALLS), device, take(fuzz));
        break;
    case STEP_TIME:
        pass(fuzz, (which + 1) * 200 * NS_PER_MS);
        break;
    case STEP_SERVICES:
        say_services(fuzz, device_address[device]);
        break;
    case STEP_LOSE:
        lose_session(fuzz);
        begin_session(fuzz);
        break;
    case STEP_CONNECTION:
        say_connection(fuzz, device_address[device], which & 2, which & 4 ? take(fuzz) : 0);
        break;
    case STEP_SLOTS:
        say_slots(fuzz, which % 4, which / 4 % 4);
        break;
    }
    for (unsigned i = 0; i < DEVICES; i++)
        FUZZ_CHECK(peripheral_is_connected(fuzz->peripherals[i]) == fuzz->up[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {.data = data, .size = size, .now_ns = NS_PER_S};
    fuzz.features = take(&fuzz) | BLEPROXY_FEATURE_ACTIVE_CONNECTIONS;
    FUZZ_CHECK(hub_new(&fuzz_env, NULL, fuzz.now_ns, &fuzz.hub) == 0);
    const struct central_config config = {.env = &fuzz_env, .hub = fuzz.hub};
    FUZZ_CHECK(central_new(&config, &fuzz.central) == 0);
    begin_session(&fuzz);
    for (unsigned i = 0; i < DEVICES; i++)
        begin_peripheral(&fuzz, i);
    for (unsigned i = 0; i < STEPS_MAX && fuzz.size > 0; i++)
        step(&fuzz);
    for (unsigned i = 0; i < DEVICES; i++)
        end_peripheral(&fuzz, i);
    FUZZ_CHECK(central_deadline(fuzz.central) == BP_NEVER);
    if (fuzz.scanner) {
        struct slots *slots = scanner_slot_record(fuzz.scanner);
        FUZZ_CHECK(list_empty(&slots->waiters) && list_empty(&slots->trackers));
        FUZZ_CHECK(scanner_pauses(fuzz.scanner) == 0);
        FUZZ_CHECK(fuzz.scanner->pins == 0);
    }
    lose_session(&fuzz);
    central_free(fuzz.central, fuzz.now_ns);
    hub_free(fuzz.hub, fuzz.now_ns);
    return 0;
}
