/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "wire/frame.h"
#include "wire/message.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS UINT64_C(0xa4c138112233)

/* Whole plaintext frames. They were written by protobuf's own Python implementation. */
static const struct vector {
    const char *name;
    uint32_t type;
    const char *frame;
} vectors[] = {
    {"hello request", 1, "0012010a0c6573702d632d636c69656e741001180f"},
    {"hello response", 2, "0016020801100f1a08323032362e382e302206767072 6f7879"},
    {"hello response of 2023.6", 2,
     "003602080110091a216d6173746572617672656c6179202865737068 "
     "6f6d652076323032332e362e3329220d6d61737465726176"
     "72656c6179"},
    {"authentication request without password", 3, "000003"},
    {"authentication request", 3, "0008030a06736563726574"},
    {"authentication accepted", 4, "000004"},
    {"authentication refused", 4, "0002040801"},
    {"ping request", 7, "000007"},
    {"ping response", 8, "000008"},
    {"disconnect request", 5, "000005"},
    {"disconnect request with reason", 5, "0002050801"},
    {"disconnect response", 6, "000006"},
    {"device info request", 9, "000009"},
    {"device info response", 10,
     "006e0a12067670726f78791a1141433a42433a33323a38393a30453a41382208323032362e382e302a154175672032312032303"
     "2362c20"
     "31383a34313a343632077669727475616c6204486f73746a07562050726f787978ff0192011141433a42433a33323a38393a304"
     "53a4141"
     "980101"},
    {"list entities request", 11, "00000b"},
    {"list entities done", 19, "000013"},
    {"time request", 36, "000024"},
    {"time response", 37, "000b250d00b95569120455544330"},
    {"capabilities request", 149, "00009501"},
    {"capabilities response", 150, "001896010a1608ff01121141433a42433a33323a38393a30453a4141"},
    {"subscribe raw advertisements", 66, "0002420801"},
    {"subscribe decoded advertisements", 66, "000042"},
    {"unsubscribe advertisements", 87, "000057"},
    {"one raw advertisement", 93, "00215d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"},
    {"two raw advertisements", 93,
     "00395d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d303030310a1608d588cd9192e21e10b30118012"
     "20702"
     "01060303aafe"},
    {"connect without cache", 68, "000c4408b3c4c4c093982910051801"},
    {"connect with cache", 68, "000e4408b3c4c4c0939829100418012001"},
    {"disconnect device", 68, "000a4408b3c4c4c09398291001"},
    {"pair device", 68, "000a4408b3c4c4c09398291002"},
    {"connection up", 69, "000d4508b3c4c4c0939829100118f701"},
    {"connection down", 69, "000a4508b3c4c4c09398292013"},
    {"connection down, negative error", 69, "00134508b3c4c4c093982920ffffffffffffffffff01"},
    {"connections free, packed", 81, "000d51080210031a07b3c4c4c0939829"},
    {"subscribe connections free", 80, "000050"},
    {"all connections free", 81, "00045108031003"},
    {"no connections", 81, "000051"},
    {"get services", 70, "00084608b3c4c4c0939829"},
    {"get services done", 72, "00084808b3c4c4c0939829"},
    {"services, packed", 71,
     "00534708b3c4c4c0939829120e10011a071003180228805420803012390a1393e78fad9b8080a06e9e95f3a6e2a1f9d4e001100"
     "a1a200a"
     "1393e78fadbb8080a06e9e95f3a6e2a1f9d4e001100c18102205100d188252"},
    {"read", 73, "000a4908b3c4c4c09398291003"},
    {"read response", 74, "00104a08b3c4c4c093982910031a0454455354"},
    {"write with response", 75, "00104b08b3c4c4c0939829100c180122020102"},
    {"write without response", 75, "000e4b08b3c4c4c0939829100c22020102"},
    {"write response", 83, "000a5308b3c4c4c0939829100c"},
    {"write descriptor", 77, "000e4d08b3c4c4c0939829100d1a020100"},
    {"notify on", 78, "000c4e08b3c4c4c0939829100c1801"},
    {"notify off", 78, "000a4e08b3c4c4c0939829100c"},
    {"notify response", 84, "000a5408b3c4c4c0939829100c"},
    {"notify data", 79, "000e4f08b3c4c4c0939829100c1a02cafe"},
    {"GATT error, negative", 82, "00155208b3c4c4c0939829100c18ffffffffffffffffff01"},
    {"GATT error", 82, "000d5208b3c4c4c0939829100c188501"},
    {"paired", 85, "000a5508b3c4c4c09398291001"},
    {"unpaired", 86, "000a5608b3c4c4c09398291001"},
    {"cache cleared", 88, "000a5808b3c4c4c09398291001"},
    {"scanner state", 126, "00067e080210011801"},
    {"scanner mode passive", 127, "00007f"},
    {"scanner mode active", 127, "00027f0801"},
    {"set connection parameters", 145, "0011910108b3c4c4c093982910a00618a00628d804"},
    {"connection parameters set", 146, "0008920108b3c4c4c0939829"},
};

/* As firmware writes them: one tag for each element of a repeated number. */
static const char connections_free_unpacked[] = "000c510802100318b3c4c4c0939829";
static const char services_unpacked[] = "00534708b3c4c4c0939829120e10011a071003180228805420803012390893e78fad"
                                        "9b8080a06e089e95f3a6e2a1f9d4e001100a1a200893"
                                        "e78fadbb8080a06e089e95f3a6e2a1f9d4e001100c18102205100d188252";

struct fixture {
    struct test_env env;
    struct arena arena;
    struct buffer out;
};

static int setup(void **state)
{
    struct fixture *fixture = malloc(sizeof(*fixture));
    test_env_init(&fixture->env);
    arena_init(&fixture->arena, &fixture->env.env);
    buffer_init(&fixture->out, &fixture->env.env, 70000);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_deinit(&fixture->arena);
    buffer_deinit(&fixture->out);
    test_env_deinit(&fixture->env);
    free(fixture);
    return 0;
}

static struct frame frame_of(const char *text)
{
    size_t n, used;
    uint8_t *bytes = hex(text, &n);
    struct frame frame;
    assert_int_equal(frame_read_plain(bytes, n, &frame_limits_client, &frame, &used), 0);
    assert_int_equal(used, n);
    return frame;
}

/* The message of a whole frame; it lives in the arena. */
static void *unpack(struct fixture *fixture, const char *text)
{
    struct frame frame = frame_of(text);
    ProtobufCMessage *message;
    assert_int_equal(message_unpack(&fixture->arena, frame.type, frame.data, frame.size, &message), 0);
    return message;
}

static void assert_packs(struct fixture *fixture, uint32_t type, const void *message, const char *expected)
{
    buffer_consume(&fixture->out, fixture->out.size);
    assert_int_equal(frame_write_plain_header(&fixture->out, type, message_packed_size(message)), 0);
    assert_int_equal(message_pack(message, &fixture->out), 0);
    assert_hex(buffer_data(&fixture->out), fixture->out.size, expected);
}

static void assert_text(ProtobufCBinaryData data, const char *expected)
{
    assert_int_equal(data.len, strlen(expected));
    if (data.len > 0)
        assert_memory_equal(data.data, expected, data.len);
}

static void test_vectors_decode_and_encode(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct frame frame = frame_of(vectors[i].frame);
        ProtobufCMessage *message;
        int r = message_unpack(&fixture->arena, frame.type, frame.data, frame.size, &message);
        if (r != 0 || frame.type != vectors[i].type || message->n_unknown_fields > 0)
            fail_msg("%s: outcome %d, type %u", vectors[i].name, r, frame.type);
        assert_packs(fixture, frame.type, message, vectors[i].frame);
        arena_reset(&fixture->arena);
    }
}

static void test_vectors_cut_short_are_malformed_or_shorter(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct frame frame = frame_of(vectors[i].frame);
        for (size_t size = 0; size < frame.size; size++) {
            uint8_t *exact = malloc(size + 1);
            memcpy(exact, frame.data, size);
            ProtobufCMessage *message;
            int r = message_unpack(&fixture->arena, frame.type, exact, size, &message);
            assert_true(r == 0 || r == MESSAGE_MALFORMED);
            free(exact);
            arena_reset(&fixture->arena);
        }
    }
}

static void test_hello_of_2023(void **state)
{
    const HelloResponse *hello = unpack(*state, vectors[2].frame);
    assert_int_equal(hello->api_version_major, 1);
    assert_int_equal(hello->api_version_minor, 9);
    assert_text(hello->server_info, "masteravrelay (esphome v2023.6.3)");
    assert_text(hello->name, "masteravrelay");
}

static void test_device_info(void **state)
{
    const DeviceInfoResponse *info = unpack(*state, vectors[13].frame);
    assert_text(info->name, "vproxy");
    assert_text(info->mac_address, "AC:BC:32:89:0E:A8");
    assert_text(info->bluetooth_mac_address, "AC:BC:32:89:0E:AA");
    assert_text(info->esphome_version, "2026.8.0");
    assert_text(info->compilation_time, "Aug 21 2026, 18:41:46");
    assert_text(info->model, "virtual");
    assert_text(info->manufacturer, "Host");
    assert_text(info->friendly_name, "V Proxy");
    assert_text(info->suggested_area, "");
    assert_int_equal(info->bluetooth_proxy_feature_flags, 0xff);
    assert_true(info->api_encryption_supported);
    assert_false(info->has_deep_sleep);
}

static void test_time_and_its_zone(void **state)
{
    struct fixture *fixture = *state;
    const GetTimeResponse *now = unpack(fixture, "000b250d00b95569120455544330");
    assert_int_equal(now->epoch_seconds, 1767225600);
    assert_text(now->timezone, "UTC0");

    DSTRule start = DSTRULE__INIT;
    start.time_seconds = 7200;
    start.type = 1;
    start.month = 3;
    start.week = 5;
    ParsedTimezone zone = PARSED_TIMEZONE__INIT;
    zone.std_offset_seconds = -3600;
    zone.dst_offset_seconds = -7200;
    zone.dst_start = &start;
    GetTimeResponse berlin = GET_TIME_RESPONSE__INIT;
    berlin.epoch_seconds = 1;
    berlin.parsed_timezone = &zone;
    assert_packs(fixture, MESSAGE_GET_TIME_RESPONSE, &berlin,
                 "0018 25 0d01000000 1a11 089f38 10bf70 1a09 08c070 1801 2003 2805");
}

static void test_requests_and_their_fields(void **state)
{
    struct fixture *fixture = *state;
    const HelloRequest *hello = unpack(fixture, "0012010a0c6573702d632d636c69656e741001180f");
    assert_text(hello->client_info, "esp-c-client");
    assert_int_equal(hello->api_version_major, 1);
    assert_int_equal(hello->api_version_minor, 15);
    const AuthenticationRequest *login = unpack(fixture, "0008030a06736563726574");
    assert_text(login->password, "secret");
    const SubscribeBluetoothLEAdvertisementsRequest *subscribe = unpack(fixture, "0002420801");
    assert_int_equal(subscribe->flags, 1);
    const BluetoothDeviceRequest *connect = unpack(fixture, "000e4408b3c4c4c0939829100418012001");
    assert_int_equal(connect->address, ADDRESS);
    assert_int_equal(connect->request_type, 4);
    assert_true(connect->has_address_type);
    assert_int_equal(connect->address_type, 1);
    const BluetoothGATTReadRequest *read = unpack(fixture, "000a4908b3c4c4c09398291003");
    assert_int_equal(read->address, ADDRESS);
    assert_int_equal(read->handle, 3);
    const BluetoothGATTWriteRequest *write = unpack(fixture, "00104b08b3c4c4c0939829100c180122020102");
    assert_int_equal(write->handle, 12);
    assert_true(write->response);
    assert_hex(write->data.data, write->data.len, "0102");
    const BluetoothGATTWriteDescriptorRequest *cccd = unpack(fixture, "000e4d08b3c4c4c0939829100d1a020100");
    assert_int_equal(cccd->handle, 13);
    assert_hex(cccd->data.data, cccd->data.len, "0100");
    const BluetoothGATTNotifyRequest *notify = unpack(fixture, "000c4e08b3c4c4c0939829100c1801");
    assert_int_equal(notify->handle, 12);
    assert_true(notify->enable);
    const BluetoothScannerSetModeRequest *mode = unpack(fixture, "00027f0801");
    assert_int_equal(mode->mode, 1);
    const BluetoothSetConnectionParamsRequest *parameters =
        unpack(fixture, "0013910108b3c4c4c093982910a00618a1062003 28d804");
    assert_int_equal(parameters->address, ADDRESS);
    assert_int_equal(parameters->min_interval, 800);
    assert_int_equal(parameters->max_interval, 801);
    assert_int_equal(parameters->latency, 3);
    assert_int_equal(parameters->timeout, 600);
}

static void test_responses_and_their_fields(void **state)
{
    struct fixture *fixture = *state;
    const DisconnectRequest *disconnect = unpack(fixture, "0002050801");
    assert_int_equal(disconnect->reason, 1);
    const BluetoothGATTReadResponse *read = unpack(fixture, "00104a08b3c4c4c093982910031a0454455354");
    assert_int_equal(read->address, ADDRESS);
    assert_int_equal(read->handle, 3);
    assert_text(read->data, "TEST");
    const BluetoothGATTWriteResponse *written = unpack(fixture, "000a5308b3c4c4c0939829100c");
    assert_int_equal(written->handle, 12);
    const BluetoothGATTNotifyResponse *notifies = unpack(fixture, "000a5408b3c4c4c0939829100c");
    assert_int_equal(notifies->handle, 12);
    const BluetoothGATTNotifyDataResponse *data = unpack(fixture, "000e4f08b3c4c4c0939829100c1a02cafe");
    assert_int_equal(data->handle, 12);
    assert_hex(data->data.data, data->data.len, "cafe");
    const BluetoothDevicePairingResponse *paired = unpack(fixture, "000c5508b3c4c4c0939829 1001 1805");
    assert_true(paired->paired);
    assert_int_equal(paired->error, 5);
    const BluetoothDeviceUnpairingResponse *unpaired = unpack(fixture, "000c5608b3c4c4c0939829 1001 1805");
    assert_true(unpaired->success);
    assert_int_equal(unpaired->error, 5);
    const BluetoothDeviceClearCacheResponse *cleared = unpack(fixture, "000c5808b3c4c4c0939829 1001 1805");
    assert_true(cleared->success);
    assert_int_equal(cleared->error, 5);
    const BluetoothScannerStateResponse *scanner = unpack(fixture, "00067e080210001801");
    assert_int_equal(scanner->state, 2);
    assert_int_equal(scanner->mode, 0);
    assert_int_equal(scanner->configured_mode, 1);
    const BluetoothSetConnectionParamsResponse *set = unpack(fixture, "000a920108b3c4c4c0939829 1006");
    assert_int_equal(set->address, ADDRESS);
    assert_int_equal(set->error, 6);
}

static void test_connection_errors_may_be_negative(void **state)
{
    struct fixture *fixture = *state;
    const BluetoothDeviceConnectionResponse *up = unpack(fixture, "000d4508b3c4c4c0939829100118f701");
    assert_int_equal(up->address, ADDRESS);
    assert_true(up->connected);
    assert_int_equal(up->mtu, 247);
    const BluetoothDeviceConnectionResponse *down =
        unpack(fixture, "00134508b3c4c4c093982920ffffffffffffffffff01");
    assert_false(down->connected);
    assert_int_equal(down->error, -1);
    const BluetoothGATTErrorResponse *error = unpack(fixture, "000d5208b3c4c4c0939829100c188501");
    assert_int_equal(error->error, 0x85);
}

static void test_unknown_enumeration_values_survive(void **state)
{
    struct fixture *fixture = *state;
    const DisconnectRequest *disconnect = unpack(fixture, "000305088f4e");
    assert_int_equal(disconnect->reason, 9999);
    const BluetoothScannerStateResponse *scanner = unpack(fixture, "00047e082a1007");
    assert_int_equal(scanner->state, 42);
    assert_int_equal(scanner->mode, 7);
}

static void test_connections_free_packed_and_unpacked(void **state)
{
    struct fixture *fixture = *state;
    const char *forms[] = {"000d51080210031a07b3c4c4c0939829", connections_free_unpacked};
    for (size_t i = 0; i < 2; i++) {
        const BluetoothConnectionsFreeResponse *slots = unpack(fixture, forms[i]);
        assert_int_equal(slots->free, 2);
        assert_int_equal(slots->limit, 3);
        assert_int_equal(slots->n_allocated, 1);
        assert_int_equal(slots->allocated[0], ADDRESS);
        assert_packs(fixture, MESSAGE_CONNECTIONS_FREE_RESPONSE, slots, forms[0]);
    }
    uint64_t allocated[] = {ADDRESS};
    BluetoothConnectionsFreeResponseUnpacked firmware = BLUETOOTH_CONNECTIONS_FREE_RESPONSE_UNPACKED__INIT;
    firmware.free = 2;
    firmware.limit = 3;
    firmware.n_allocated = 1;
    firmware.allocated = allocated;
    assert_packs(fixture, MESSAGE_CONNECTIONS_FREE_RESPONSE, &firmware, connections_free_unpacked);
    /* Both forms in one message add up. */
    const BluetoothConnectionsFreeResponse *mixed = unpack(fixture, "000851 1a020102 1803 1004");
    assert_int_equal(mixed->n_allocated, 3);
    assert_int_equal(mixed->allocated[2], 3);
}

static void test_services_packed_and_unpacked(void **state)
{
    struct fixture *fixture = *state;
    const BluetoothGATTGetServicesResponse *database = unpack(fixture, services_unpacked);
    assert_int_equal(database->n_services, 2);
    const BluetoothGATTService *gap = database->services[0], *uart = database->services[1];
    assert_int_equal(gap->short_uuid, 0x1800);
    assert_int_equal(gap->handle, 1);
    assert_int_equal(gap->characteristics[0]->short_uuid, 0x2a00);
    assert_int_equal(gap->characteristics[0]->handle, 3);
    assert_int_equal(gap->characteristics[0]->properties, 2);
    assert_int_equal(uart->n_uuid, 2);
    assert_int_equal(uart->uuid[0], UINT64_C(0x6e400001b5a3f393));
    assert_int_equal(uart->uuid[1], UINT64_C(0xe0a9e50e24dcca9e));
    assert_int_equal(uart->characteristics[0]->uuid[0], UINT64_C(0x6e400003b5a3f393));
    assert_int_equal(uart->characteristics[0]->descriptors[0]->short_uuid, 0x2902);
    assert_int_equal(uart->characteristics[0]->descriptors[0]->handle, 13);
    struct frame frame = frame_of(services_unpacked);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        if (strcmp(vectors[i].name, "services, packed") == 0)
            assert_packs(fixture, frame.type, database, vectors[i].frame);
    /* Through the form that writes as firmware does. */
    ProtobufCMessage *firmware =
        protobuf_c_message_unpack(&bluetooth_gattget_services_response_unpacked__descriptor,
                                  &fixture->arena.allocator, frame.size, frame.data);
    assert_packs(fixture, frame.type, firmware, services_unpacked);
}

static void test_case_47_features_by_api_version(void **state)
{
    struct fixture *fixture = *state;
    const DeviceInfoResponse *legacy = unpack(fixture, "00020a5805");
    assert_int_equal(legacy->legacy_bluetooth_proxy_version, 5);
    assert_int_equal(legacy->bluetooth_proxy_feature_flags, 0);
    const DeviceCapabilitiesResponse *capabilities =
        unpack(fixture, "001896010a1608ff01121141433a42433a33323a38393a30453a4141");
    assert_int_equal(capabilities->bluetooth_proxy->feature_flags, 0xff);
    assert_text(capabilities->bluetooth_proxy->mac_address, "AC:BC:32:89:0E:AA");
    assert_null(capabilities->voice_assistant);
    const DeviceCapabilitiesResponse *none = unpack(fixture, "00009601");
    assert_null(none->bluetooth_proxy);
}

static void test_case_48_decoded_advertisement(void **state)
{
    struct fixture *fixture = *state;
    const BluetoothLEAdvertisementResponse *advert = unpack(
        fixture, "003943 08b3c4c4c0939829 12024100 188501 2206307831383066 2a0c0a063078313830661a0264ff "
                 "32100a06307830303463 1002 1001 12021510 3801");
    assert_int_equal(advert->address, ADDRESS);
    assert_int_equal(advert->rssi, -67);
    assert_int_equal(advert->name.len, 2); /* a NUL does not end it */
    assert_int_equal(advert->address_type, 1);
    assert_int_equal(advert->n_service_uuids, 1);
    assert_text(advert->service_uuids[0], "0x180f");
    assert_hex(advert->service_data[0]->data.data, advert->service_data[0]->data.len, "64ff");
    assert_text(advert->manufacturer_data[0]->uuid, "0x004c");
    assert_int_equal(advert->manufacturer_data[0]->n_legacy_data, 4);
    assert_int_equal(advert->manufacturer_data[0]->legacy_data[0], 2);
    assert_int_equal(advert->manufacturer_data[0]->legacy_data[3], 0x10);
}

static void test_unknown_fields_are_skipped(void **state)
{
    const AuthenticationResponse *verdict =
        unpack(*state, "001a04 f80701 9a0603616263 7d01020304 81010102030405060708 0801");
    assert_true(verdict->invalid_password);
}

static void test_unknown_types_have_no_schema(void **state)
{
    struct fixture *fixture = *state;
    ProtobufCMessage *message = NULL;
    const uint32_t types[] = {0, 12, 148, 151, 65535, UINT32_MAX};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_null(message_descriptor(types[i]));
        assert_string_equal(message_name(types[i]), "unknown message");
        assert_int_equal(message_unpack(&fixture->arena, types[i], NULL, 0, &message), MESSAGE_UNKNOWN);
    }
    assert_null(message);
    assert_string_equal(message_name(MESSAGE_HELLO_REQUEST), "HelloRequest");
    assert_string_equal(message_name(MESSAGE_RAW_ADVERTISEMENTS_RESPONSE),
                        "BluetoothLERawAdvertisementsResponse");
}

static void test_case_31_malformed_message(void **state)
{
    struct fixture *fixture = *state;
    ProtobufCMessage *message = NULL;
    const char *payloads[] = {"08", "0a05", "0aff", "0affffffff0f", "ffffffffffffffffffff01", "07"};
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        size_t n;
        uint8_t *bytes = hex(payloads[i], &n);
        assert_int_equal(message_unpack(&fixture->arena, MESSAGE_HELLO_RESPONSE, bytes, n, &message),
                         MESSAGE_MALFORMED);
        arena_reset(&fixture->arena);
    }
    assert_null(message);
}

static void test_frame_of_empty_submessages_hits_the_cap(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = malloc(65534);
    for (size_t i = 0; i < 65534; i += 2)
        memcpy(bytes + i, (const uint8_t[]){0x12, 0x00}, 2);
    ProtobufCMessage *message = NULL;
    assert_int_equal(
        message_unpack(&fixture->arena, MESSAGE_GATT_GET_SERVICES_RESPONSE, bytes, 65534, &message),
        MESSAGE_TOO_LARGE);
    assert_null(message);
    assert_true(fixture->arena.held <= ARENA_MAX);
    arena_reset(&fixture->arena);
    assert_true(fixture->arena.held <= 16 * 1024);
    assert_true(fixture->env.live_blocks <= 1);
    /* A largest frame of one string does fit, and the arena is as good as new. */
    memcpy(bytes, (const uint8_t[]){0x1a, 0xfa, 0xff, 0x03}, 4);
    assert_int_equal(message_unpack(&fixture->arena, MESSAGE_HELLO_RESPONSE, bytes, 65534, &message), 0);
    free(bytes);
}

static void test_out_of_memory_at_each_allocation(void **state)
{
    struct fixture *fixture = *state;
    struct frame frame = frame_of(services_unpacked);
    uint8_t payload[2000]; /* the services twenty times over: several blocks */
    size_t size = 0;
    while (size + frame.size <= sizeof(payload)) {
        memcpy(payload + size, frame.data, frame.size);
        size += frame.size;
    }
    ProtobufCMessage *message = NULL;
    size_t allowed = 0;
    for (;; allowed++) {
        fixture->env.fail_after = allowed;
        int r = message_unpack(&fixture->arena, frame.type, payload, size, &message);
        arena_deinit(&fixture->arena);
        if (r == 0)
            break;
        assert_int_equal(r, BLEPROXY_E_NOMEM);
        assert_null(message);
    }
    assert_true(allowed > 2);
    fixture->env.fail_after = 0;
    HelloRequest hello = HELLO_REQUEST__INIT;
    hello.api_version_major = 1;
    assert_int_equal(message_pack(&hello.base, &fixture->out), BLEPROXY_E_NOMEM);
    fixture->env.fail_after = SIZE_MAX;
}

static void test_steady_state_does_not_allocate(void **state)
{
    struct fixture *fixture = *state;
    size_t before = 0;
    for (size_t i = 0; i < 100; i++) {
        if (i == 10)
            before = fixture->env.allocations;
        unpack(fixture, services_unpacked);
        unpack(fixture, services_unpacked);
        unpack(fixture, vectors[13].frame);
        arena_reset(&fixture->arena);
    }
    assert_int_equal(fixture->env.allocations, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vectors_decode_and_encode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_cut_short_are_malformed_or_shorter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hello_of_2023, setup, teardown),
        cmocka_unit_test_setup_teardown(test_device_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_and_its_zone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_and_their_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_responses_and_their_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_errors_may_be_negative, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_enumeration_values_survive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections_free_packed_and_unpacked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_services_packed_and_unpacked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_case_31_malformed_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_case_47_features_by_api_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_case_48_decoded_advertisement, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_fields_are_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_types_have_no_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(test_frame_of_empty_submessages_hits_the_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory_at_each_allocation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steady_state_does_not_allocate, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
