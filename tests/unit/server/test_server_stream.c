/* SPDX-License-Identifier: MIT */
#include "air_fixture.h"

/* How databases are sent: sizes, forms, pace, interruptions. */

static struct device device;
static struct peer peer, other;

/* ESPHome's main loop */
#define PASS_NS (16 * NS_PER_MS)

/* The two services of the vector: 0x1800 {0x2a00}, Nordic UART {TX {0x2902}} */
static const struct server_descriptor uart_descriptors[] = {{{2, {0x29, 0x02}}, 13}};
static const struct server_characteristic access_characteristics[] = {
    {{2, {0x2a, 0x00}}, 3, 0x02, NULL, 0},
};
static const struct server_characteristic uart_characteristics[] = {
    {{16, {0x6e, 0x40, 0x00, 0x03, 0xb5, 0xa3, 0xf3, 0x93, 0xe0, 0xa9, 0xe5, 0x0e, 0x24, 0xdc, 0xca, 0x9e}},
     12,
     0x10,
     uart_descriptors,
     1},
};
static const struct server_service two_services[] = {
    {{2, {0x18, 0x00}}, 1, access_characteristics, 1},
    {{16, {0x6e, 0x40, 0x00, 0x01, 0xb5, 0xa3, 0xf3, 0x93, 0xe0, 0xa9, 0xe5, 0x0e, 0x24, 0xdc, 0xca, 0x9e}},
     10,
     uart_characteristics,
     1},
};

/* A large database: services with ever more characteristics, each with descriptors. */
enum { MANY = 16, MANY_CHARACTERISTICS = 40 };

static struct server_characteristic many_characteristics[MANY_CHARACTERISTICS];
static struct server_service many_services[MANY];

static void use_many(size_t n_each)
{
    for (unsigned i = 0; i < MANY_CHARACTERISTICS; i++)
        many_characteristics[i] = (struct server_characteristic){
            {4, {1, 2, 3, (uint8_t)i}}, (uint16_t)(100 + i), 0xff, uart_descriptors, 1};
    for (unsigned i = 0; i < MANY; i++)
        many_services[i] =
            (struct server_service){{2, {0x18, (uint8_t)i}}, (uint16_t)(1 + i), many_characteristics, n_each};
    air.services = many_services;
    air.n_services = MANY;
}

static void use_two(void)
{
    air.services = two_services;
    air.n_services = 2;
}

static void test_with_cache_there_is_nothing_to_send(void **state)
{
    (void)state;
    static const char *const firmwares[] = {"2022.12", "2023.6", "2025.8", "2026.8"};
    for (size_t i = 0; i < 4; i++) {
        air_start(&device, firmwares[i]);
        peer_subscribe(&peer, &device);
        ask_device(&peer, ASK_CONNECT_CACHED, 1);
        air_opened(1, 247);
        heard(&peer);
        ask_services(&peer, 1);
        ask_services(&peer, 1);
        assert_string_equal(heard(&peer), "1 done;1 done;");
        air_stop(&peer);
    }
}

/* HelloRequest of API 1.11 and of 1.12, and the login */
static void join_with_minor(const char *minor)
{
    char text[128];
    snprintf(text, sizeof(text), "0012010a0c6573702d632d636c69656e74100118%s%s0002420801", minor,
             LOGIN_REQUEST);
    peer_open(&peer, &device);
    peer_send(&peer, text);
    BluetoothDeviceRequest request = BLUETOOTH_DEVICE_REQUEST__INIT;
    request.address = UINT64_C(0xa4c138112233);
    request.request_type = ASK_CONNECT;
    request.has_address_type = true;
    ask(&peer, MESSAGE_DEVICE_REQUEST, &request.base);
    air_opened(UINT64_C(0xa4c138112233), 247);
    peer_take(&peer);
    peer.size = 0;
    peer_send(&peer, "00084608b3c4c4c0939829");
}

static void test_short_uuids_for_clients_that_know_them(void **state)
{
    (void)state;
    air_start(&device, "2026.8");
    use_two();
    join_with_minor("0c");
    peer_expect(&peer, "00534708b3c4c4c0939829120e10011a071003180228805420803012390893e78fad9b"
                       "8080a06e089e95f3a6e2a1f9d4e001100a1a200893e78fadbb8080a06e089e95f3a6e2"
                       "a1f9d4e001100c18102205100d188252"
                       "00084808b3c4c4c0939829");
    air_stop(&peer);
}

static void test_long_uuids_for_older_clients(void **state)
{
    (void)state;
    static const uint64_t base = UINT64_C(0x800000805f9b34fb);
    air_start(&device, "2026.8");
    use_two();
    join_with_minor("0b");
    struct arena arena;
    ProtobufCMessage *message;
    arena_init(&arena, &device.test.env);
    struct frame frame = peer_next(&peer, MESSAGE_GATT_GET_SERVICES_RESPONSE);
    assert_int_equal(message_unpack(&arena, frame.type, frame.data, frame.size, &message), 0);
    const BluetoothGATTGetServicesResponse *response = (const void *)message;
    assert_int_equal(response->n_services, 2);
    const BluetoothGATTService *service = response->services[0];
    assert_int_equal(service->n_uuid, 2);
    assert_true(service->uuid[0] == UINT64_C(0x0000180000001000) && service->uuid[1] == base);
    assert_int_equal(service->short_uuid, 0);
    assert_int_equal(service->handle, 1);
    const BluetoothGATTCharacteristic *characteristic = service->characteristics[0];
    assert_true(characteristic->uuid[0] == UINT64_C(0x00002a0000001000) && characteristic->uuid[1] == base);
    assert_int_equal(characteristic->handle, 3);
    assert_int_equal(characteristic->properties, 0x02);
    assert_int_equal(characteristic->n_descriptors, 0);
    characteristic = response->services[1]->characteristics[0];
    assert_true(characteristic->uuid[0] == UINT64_C(0x6e400003b5a3f393) &&
                characteristic->uuid[1] == UINT64_C(0xe0a9e50e24dcca9e));
    assert_true(characteristic->descriptors[0]->uuid[0] == UINT64_C(0x0000290200001000) &&
                characteristic->descriptors[0]->uuid[1] == base);
    assert_int_equal(characteristic->descriptors[0]->handle, 13);
    arena_deinit(&arena);
    peer_next(&peer, MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE);
    assert_int_equal(peer.size, 0);
    air_stop(&peer);
}

/* All messages up to the end: how many services in how many messages, and the largest one. */
static void collect(size_t *ret_services, size_t *ret_messages, size_t *ret_largest)
{
    size_t services = 0, messages = 0, largest = 0;
    struct arena arena;
    arena_init(&arena, &device.test.env);
    for (;; device_pass(&device, PASS_NS)) {
        ProtobufCMessage *message;
        struct frame frame = peer_next(&peer, MESSAGE_GATT_GET_SERVICES_RESPONSE);
        assert_int_equal(message_unpack(&arena, frame.type, frame.data, frame.size, &message), 0);
        const BluetoothGATTGetServicesResponse *response = (const void *)message;
        for (size_t i = 0; i < response->n_services; i++) {
            const BluetoothGATTService *service = response->services[i];
            assert_int_equal(service->short_uuid, 0x1800 + services);
            assert_int_equal(service->handle, 1 + services++);
            assert_int_equal(service->n_characteristics, many_services[0].n_characteristics);
            for (size_t j = 0; j < service->n_characteristics; j++) {
                assert_int_equal(service->characteristics[j]->short_uuid, 0x01020300 + j);
                assert_int_equal(service->characteristics[j]->handle, 100 + j);
                assert_int_equal(service->characteristics[j]->descriptors[0]->short_uuid, 0x2902);
            }
        }
        largest = frame.size > largest ? frame.size : largest;
        messages++;
        arena_reset(&arena);
        if (services == MANY)
            break;
        assert_int_equal(peer.size, 0);
    }
    arena_deinit(&arena);
    peer_next(&peer, MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE);
    assert_int_equal(peer.size, 0);
    *ret_services = services;
    *ret_messages = messages;
    *ret_largest = largest;
}

static void check_packing(const char *firmware, size_t n_each, size_t n_messages, size_t at_least,
                          size_t at_most)
{
    size_t services, messages, largest;
    air_connected(&peer, &device, firmware);
    use_many(n_each);
    ask_services(&peer, 1);
    collect(&services, &messages, &largest);
    assert_int_equal(messages, n_messages);
    assert_in_range(largest, at_least, at_most);
    air_stop(&peer);
}

static void test_services_are_packed_up_to_1360_bytes(void **state)
{
    (void)state;
    check_packing("2022.12", 1, 16, 1, 100);
    check_packing("2023.6", 8, 16, 1, 300);
    check_packing("2025.8", 1, 1, 400, 1360);
    check_packing("2025.8", 8, 2, 1200, 1360);
    check_packing("2026.8", 9, 3, 1200, 1360);
    check_packing("2026.8", MANY_CHARACTERISTICS, 16, 700, 1360);
}

/* A service of more than 1360 bytes goes alone. */
static void test_large_service_goes_alone(void **state)
{
    (void)state;
    static struct server_characteristic characteristics[200];
    static struct server_service services[3];
    memset(characteristics, 0, sizeof(characteristics));
    for (size_t i = 0; i < 200; i++)
        characteristics[i] = (struct server_characteristic){.uuid = {2, {0x2a, 0x19}}, .handle = 300};
    for (size_t i = 0; i < 3; i++)
        services[i] = (struct server_service){{2, {0x18, 0x0f}}, 1, characteristics, i == 1 ? 200 : 1};
    air_connected(&peer, &device, "2026.8");
    air.services = services;
    air.n_services = 3;
    ask_services(&peer, 1);
    device_pass(&device, NS_PER_S);
    assert_string_equal(heard(&peer), "1 services 1;1 services 1;1 services 1;1 done;");
    air_stop(&peer);
}

/* One that fits no message: the walk fails, the link goes, nothing says that the database is whole. */
static void test_service_that_cannot_be_sent(void **state)
{
    (void)state;
    static struct server_characteristic characteristics[16000];
    static struct server_service services[2];
    for (size_t i = 0; i < 16000; i++)
        characteristics[i] = (struct server_characteristic){.uuid = {2, {0x2a, 0x19}}, .handle = 300};
    services[0] = (struct server_service){{2, {0x18, 0x0f}}, 1, NULL, 0};
    services[1] = (struct server_service){{2, {0x18, 0x0f}}, 2, characteristics, 16000};
    air_connected(&peer, &device, "2023.6");
    air.services = services;
    air.n_services = 2;
    ask_services(&peer, 1);
    device_pass(&device, NS_PER_S);
    air_expect("close 1;");
    assert_string_equal(heard(&peer), "1 services 1;");
    air_stop(&peer);
}

static void test_asked_again_when_all_was_sent(void **state)
{
    (void)state;
    static const struct {
        const char *firmware, *first, *again;
    } cases[] = {
        {"2022.12", "1 services 1;1 services 1;1 done;", "1 done;"},
        {"2023.6", "1 services 1;1 services 1;1 done;", "1 done;"},
        {"2025.8", "1 services 2;1 done;", "1 done;"},
        {"2026.8", "1 services 2;1 done;", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        air_connected(&peer, &device, cases[i].firmware);
        use_two();
        ask_services(&peer, 1);
        device_pass(&device, NS_PER_S);
        assert_string_equal(heard(&peer), cases[i].first);
        ask_services(&peer, 1);
        device_pass(&device, NS_PER_S);
        assert_string_equal(heard(&peer), cases[i].again);
        air_stop(&peer);
    }
}

static void test_asked_again_in_the_middle(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2023.6");
    use_two();
    ask_services(&peer, 1);
    ask_services(&peer, 1);
    device_pass(&device, NS_PER_S);
    assert_string_equal(heard(&peer), "1 services 1;1 services 1;1 done;");
    air_stop(&peer);

    air_connected(&peer, &device, "2026.8"); /* starts again */
    use_many(MANY_CHARACTERISTICS);
    ask_services(&peer, 1);
    device_pass(&device, 2 * PASS_NS);
    assert_string_equal(heard(&peer), "1 services 1;1 services 1;1 services 1;");
    ask_services(&peer, 1);
    device_pass(&device, PASS_NS);
    size_t services, messages, largest;
    collect(&services, &messages, &largest);
    assert_int_equal(messages, MANY);
    air_stop(&peer);
}

static void test_link_that_is_lost_in_the_middle_is_never_done(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    use_many(MANY_CHARACTERISTICS);
    ask_services(&peer, 1);
    device_pass(&device, PASS_NS);
    air_closed(1, 0x13);
    device_pass(&device, NS_PER_S);
    assert_string_equal(heard(&peer), "1 services 1;1 services 1;1 down 19;free 3/3;");

    ask_device(&peer, ASK_CONNECT, 1);
    air_opened(1, 247);
    ask_services(&peer, 1);
    ask_device(&peer, ASK_DISCONNECT, 1);
    heard(&peer);
    device_pass(&device, NS_PER_S);
    assert_string_equal(heard(&peer), "");
    air_stop(&peer);
}

static void test_another_subscriber_gets_no_half_database(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    use_many(MANY_CHARACTERISTICS);
    ask_services(&peer, 1);
    peer_subscribe(&other, &device);
    device_pass(&device, NS_PER_S);
    assert_string_equal(heard(&peer), "1 services 1;");
    assert_string_equal(heard(&other), "");
    ask_services(&other, 1); /* but a whole one if it asks */
    device_pass(&device, NS_PER_S);
    assert_non_null(strstr(heard(&other), "1 services 1;1 done;"));
    peer_leave(&other);
    air_stop(&peer);
}

static void test_without_a_subscriber_nothing_is_sent(void **state)
{
    (void)state;
    air_start(&device, "2026.8");
    peer_join(&peer, &device);
    use_two();
    ask_device(&peer, ASK_CONNECT, 1);
    air_opened(1, 247);
    ask_services(&peer, 1);
    peer_send(&peer, "0002420801");
    ask_services(&peer, 1);
    device_pass(&device, NS_PER_S);
    assert_non_null(strstr(heard(&peer), "1 services 2;1 done;"));
    air_stop(&peer);
}

static void test_client_that_does_not_read_gets_the_rest_later(void **state)
{
    (void)state;
    static char large[500];
    memset(large, 'x', sizeof(large) - 1);
    air_connected(&peer, &device, "2026.8");
    use_two();
    ask_notify(&peer, 1, 5, true);
    while (server_backlog(device.server) <= SERVER_OUT_MAX)
        air_notified(1, 5, large);
    size_t backlog = server_backlog(device.server);
    ask_services(&peer, 1);
    device_pass(&device, NS_PER_S);
    assert_int_equal(server_backlog(device.server), backlog);
    peer_take(&peer);
    peer.size = 0;
    device_pass(&device, PASS_NS);
    assert_string_equal(heard(&peer), "1 services 2;1 done;");
    air_stop(&peer);
}

static void test_several_devices_at_once(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2023.6");
    use_two();
    ask_device(&peer, ASK_CONNECT, 2);
    air_opened(2, 50);
    heard(&peer);
    ask_services(&peer, 1);
    ask_services(&peer, 2);
    device_pass(&device, PASS_NS);
    assert_string_equal(heard(&peer), "1 services 1;2 services 1;1 services 1;1 done;2 services 1;2 done;");
    air_stop(&peer);
}

static void test_out_of_memory_at_every_step(void **state)
{
    (void)state;
    bool whole = false;
    for (size_t fails = 0; !whole; fails++) {
        air_connected(&peer, &device, "2026.8");
        use_many(MANY_CHARACTERISTICS);
        device.test.fail_after = fails;
        ask_services(&peer, 1);
        device_pass(&device, NS_PER_S);
        whole = device.test.fail_after > 0;
        device.test.fail_after = SIZE_MAX;
        const char *text = heard(&peer);
        bool done = strstr(text, "1 done;") != NULL;
        assert_true(done ? strlen(text) == MANY * strlen("1 services 1;") + strlen("1 done;") : !whole);
        assert_true(done || !peer.connection || strcmp(air.asked, "close 1;") == 0);
        air_stop(&peer);
        assert_true(fails < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_cache_there_is_nothing_to_send),
        cmocka_unit_test(test_short_uuids_for_clients_that_know_them),
        cmocka_unit_test(test_long_uuids_for_older_clients),
        cmocka_unit_test(test_services_are_packed_up_to_1360_bytes),
        cmocka_unit_test(test_large_service_goes_alone),
        cmocka_unit_test(test_service_that_cannot_be_sent),
        cmocka_unit_test(test_asked_again_when_all_was_sent),
        cmocka_unit_test(test_asked_again_in_the_middle),
        cmocka_unit_test(test_link_that_is_lost_in_the_middle_is_never_done),
        cmocka_unit_test(test_another_subscriber_gets_no_half_database),
        cmocka_unit_test(test_without_a_subscriber_nothing_is_sent),
        cmocka_unit_test(test_client_that_does_not_read_gets_the_rest_later),
        cmocka_unit_test(test_several_devices_at_once),
        cmocka_unit_test(test_out_of_memory_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
