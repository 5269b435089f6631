/* SPDX-License-Identifier: MIT */
#include "gatt_fixture.h"

/* What each virtual device does, through a virtual proxy that answers at once. */

#define NORDIC(n) "6e40" n "-b5a3-f393-e0a9-e50e24dcca9e"
#define OWN(n)    "5f1e" n "-7b0a-4c6d-9e21-3d8a60c4b517"

static void connect_at_once(enum gatt_model_number model)
{
    house_open(0);
    assert_int_equal(connect_to(client, model, NULL), 0);
}

static void expect_text(enum gatt_model_number model, const char *uuid, const char *text)
{
    const struct answer *answer = read_from(client, model, handle_of(model, uuid, 0));
    assert_int_equal(answer->error, 0);
    assert_int_equal(answer->size, strlen(text));
    assert_memory_equal(answer->value, text, answer->size);
}

static void test_battery_tells_its_level_and_its_maker(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_BATTERY);
    uint16_t level = handle_of(GATT_MODEL_BATTERY, "2a19", 0);
    const struct answer *answer = read_from(client, GATT_MODEL_BATTERY, level);
    assert_int_equal(answer->size, 1);
    assert_in_range(answer->value[0], 41, 100);
    expect_text(GATT_MODEL_BATTERY, "2a00", "Virtual Battery");
    expect_text(GATT_MODEL_BATTERY, "2a29", "bleproxy");
    subscribe_to(client, GATT_MODEL_BATTERY, level);
    uint64_t since_ns = now_ns;
    assert_in_range(await_notification(client, level)->value[0], 41, 100);
    assert_int_equal(now_ns - since_ns, 10 * NS_PER_S);
    house_close();
}

static void test_heart_beats_every_second(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_HEART);
    uint16_t rate = handle_of(GATT_MODEL_HEART, "2a37", 0);
    uint64_t since_ns = now_ns;
    subscribe_to(client, GATT_MODEL_HEART, rate);
    for (unsigned i = 1; i <= 200; i++) {
        const struct answer *answer = await_notification(client, rate);
        assert_int_equal(now_ns - since_ns, i * NS_PER_S);
        assert_int_equal(answer->size, 4);
        assert_int_equal(answer->value[0], 0x16);
        assert_in_range(answer->value[1], 60, 100);
        assert_in_range(answer->value[2] | answer->value[3] << 8, 600, 1030);
    }
    house_close();
}

static void test_heart_control_point_takes_1_only(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_HEART);
    uint16_t control = handle_of(GATT_MODEL_HEART, "2a39", 0);
    expect_text(GATT_MODEL_HEART, "2a38", "\x01");
    assert_int_equal(write_to(client, GATT_MODEL_HEART, control, "\x01", 1, true), 0);
    assert_int_equal(write_to(client, GATT_MODEL_HEART, control, "\x02", 1, true), 0x80);
    house_close();
}

static void test_heart_cannot_be_paired(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_HEART);
    ask_device(client, GATT_MODEL_HEART, PAIR);
    const BluetoothDevicePairingResponse *response = client_await(client, MESSAGE_DEVICE_PAIRING_RESPONSE);
    assert_false(response->paired);
    assert_int_equal(response->error, 82);
    house_close();
}

static void test_uart_echoes(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_UART);
    uint16_t in = handle_of(GATT_MODEL_UART, NORDIC("0002"), 0);
    uint16_t out = handle_of(GATT_MODEL_UART, NORDIC("0003"), 0);
    assert_int_equal(write_to(client, GATT_MODEL_UART, in, "nobody listens", 14, true), 0);
    client_expect_nothing(client, NS_PER_S);
    subscribe_to(client, GATT_MODEL_UART, out);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(write_to(client, GATT_MODEL_UART, in, "hello", 5, i == 0), 0);
        const struct answer *answer = await_notification(client, out);
        assert_int_equal(answer->size, 5);
        assert_memory_equal(answer->value, "hello", 5);
    }
    house_close();
}

static void test_uart_keeps_512_bytes(void **state)
{
    (void)state;
    uint8_t value[513];
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (uint8_t)(i * 7);
    connect_at_once(GATT_MODEL_UART);
    uint16_t store = handle_of(GATT_MODEL_UART, NORDIC("0004"), 0);
    assert_int_equal(write_to(client, GATT_MODEL_UART, store, value, 512, true), 0);
    const struct answer *answer = read_from(client, GATT_MODEL_UART, store);
    assert_int_equal(answer->size, 512);
    assert_memory_equal(answer->value, value, 512);
    assert_int_equal(write_to(client, GATT_MODEL_UART, store, value, 513, true), ATT_INVALID_LENGTH);
    assert_int_equal(write_to(client, GATT_MODEL_UART, store, NULL, 0, true), 0);
    assert_int_equal(read_from(client, GATT_MODEL_UART, store)->size, 0);
    disconnect_from(client, GATT_MODEL_UART);
    house_close();
}

static void check_burst(int32_t latency_ms, unsigned n, unsigned size)
{
    const uint8_t control[] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)size, (uint8_t)(size >> 8)};
    house_open(latency_ms);
    assert_int_equal(connect_to(client, GATT_MODEL_UART, NULL), 0);
    uint16_t burst = handle_of(GATT_MODEL_UART, NORDIC("0005"), 0);
    subscribe_to(client, GATT_MODEL_UART, burst);
    assert_int_equal(write_to(client, GATT_MODEL_UART, burst, control, size ? 4 : 2, true), 0);
    for (unsigned i = 0; i < n; i++) {
        const struct answer *answer = await_notification(client, burst);
        assert_int_equal(answer->size, size ? size : 20);
        assert_int_equal(answer->value[0] | answer->value[1] << 8, i);
    }
    client_expect_nothing(client, 10 * NS_PER_S);
    house_close();
}

static void test_uart_bursts_come_whole_and_in_order(void **state)
{
    (void)state;
    check_burst(0, 1000, 0);
    check_burst(0, 5000, 244);
    check_burst(GATT_LATENCY_NATURAL, 1000, 20);
    check_burst(0, 0, 0);
}

static void test_uart_bursts_of_impossible_size_are_refused(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_UART);
    uint16_t burst = handle_of(GATT_MODEL_UART, NORDIC("0005"), 0);
    static const uint8_t small[] = {1, 0, 1, 0}, large[] = {1, 0, 1, 2};
    assert_int_equal(write_to(client, GATT_MODEL_UART, burst, small, 4, true), ATT_INVALID_LENGTH);
    assert_int_equal(write_to(client, GATT_MODEL_UART, burst, large, 4, true), ATT_INVALID_LENGTH);
    assert_int_equal(write_to(client, GATT_MODEL_UART, burst, large, 3, true), ATT_INVALID_LENGTH);
    house_close();
}

static void pair_with(struct client *c, enum gatt_model_number model)
{
    ask_device(c, model, PAIR);
    const BluetoothDevicePairingResponse *response = client_await(c, MESSAGE_DEVICE_PAIRING_RESPONSE);
    assert_true(response->paired);
    assert_int_equal(response->error, 0);
}

static void test_lock_opens_to_friends_only(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_LOCK);
    uint16_t bolt = handle_of(GATT_MODEL_LOCK, OWN("0011"), 0), cccd = (uint16_t)(bolt + 1);
    expect_text(GATT_MODEL_LOCK, "2a00", "Virtual Lock");
    assert_int_equal(read_from(client, GATT_MODEL_LOCK, bolt)->error, ATT_INSUFFICIENT_AUTHENTICATION);
    assert_int_equal(write_to(client, GATT_MODEL_LOCK, bolt, "\0", 1, true), ATT_INSUFFICIENT_AUTHENTICATION);
    assert_int_equal(write_to(client, GATT_MODEL_LOCK, cccd, "\1\0", 2, true),
                     ATT_INSUFFICIENT_AUTHENTICATION);
    pair_with(client, GATT_MODEL_LOCK);
    assert_int_equal(write_to(client, GATT_MODEL_LOCK, bolt, "\0", 1, true), 0);
    assert_int_equal(read_from(client, GATT_MODEL_LOCK, bolt)->value[0], 0);
    house_close();
}

static void test_lock_knows_a_proxy_until_it_is_unpaired(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_LOCK);
    uint16_t bolt = handle_of(GATT_MODEL_LOCK, OWN("0011"), 0);
    pair_with(client, GATT_MODEL_LOCK);
    disconnect_from(client, GATT_MODEL_LOCK);
    assert_int_equal(connect_to(other, GATT_MODEL_LOCK, NULL), 0);
    assert_int_equal(read_from(other, GATT_MODEL_LOCK, bolt)->error, ATT_INSUFFICIENT_AUTHENTICATION);
    disconnect_from(other, GATT_MODEL_LOCK);
    assert_int_equal(connect_to(client, GATT_MODEL_LOCK, NULL), 0);
    assert_int_equal(read_from(client, GATT_MODEL_LOCK, bolt)->error, 0);
    ask_device(client, GATT_MODEL_LOCK, UNPAIR);
    const BluetoothDeviceUnpairingResponse *response =
        client_await(client, MESSAGE_DEVICE_UNPAIRING_RESPONSE);
    assert_true(response->success);
    assert_int_equal(read_from(client, GATT_MODEL_LOCK, bolt)->error, ATT_INSUFFICIENT_AUTHENTICATION);
    house_close();
}

static void test_tower_streams_16_services_in_several_messages(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_TOWER);
    BluetoothGATTGetServicesRequest request = BLUETOOTH_GATTGET_SERVICES_REQUEST__INIT;
    request.address = address_of(GATT_MODEL_TOWER);
    client_send(client, MESSAGE_GATT_GET_SERVICES_REQUEST, &request);
    size_t n_services = 0, n_messages = 0;
    uint32_t type;
    const ProtobufCMessage *message;
    while ((type = client_wait(client, FOREVER_NS, &message)) == MESSAGE_GATT_GET_SERVICES_RESPONSE) {
        n_services += ((const BluetoothGATTGetServicesResponse *)(const void *)message)->n_services;
        n_messages++;
    }
    assert_int_equal(type, MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE);
    assert_int_equal(n_services, 16);
    assert_true(n_messages > 1);
    house_close();
}

static void test_quitter_hangs_up_at_the_third_request(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_QUITTER);
    for (unsigned i = 0; i < 2; i++) {
        expect_text(GATT_MODEL_QUITTER, OWN("0021"), "still here");
        expect_text(GATT_MODEL_QUITTER, OWN("0021"), "still here");
        send_read(client, GATT_MODEL_QUITTER, handle_of(GATT_MODEL_QUITTER, OWN("0021"), 0));
        assert_int_equal(await_end(client, GATT_MODEL_QUITTER), HCI_PEER_HUNG_UP);
        assert_int_equal(connect_to(client, GATT_MODEL_QUITTER, NULL), 0);
    }
    house_close();
}

static void test_quitter_fails_as_it_is_told(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_QUITTER);
    uint16_t fail = handle_of(GATT_MODEL_QUITTER, OWN("0022"), 0);
    uint16_t hang_up = handle_of(GATT_MODEL_QUITTER, OWN("0023"), 0);
    assert_int_equal(write_to(client, GATT_MODEL_QUITTER, fail, "\x11", 1, true), 0x11);
    assert_int_equal(write_to(client, GATT_MODEL_QUITTER, hang_up, "\x08", 1, true), 0);
    assert_int_equal(await_end(client, GATT_MODEL_QUITTER), 8);
    house_close();
}

static void test_mute_answers_nothing_until_the_link_is_given_up(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_MUTE);
    send_read(client, GATT_MODEL_MUTE, handle_of(GATT_MODEL_MUTE, OWN("0031"), 0));
    send_write(client, GATT_MODEL_MUTE, handle_of(GATT_MODEL_MUTE, OWN("0031"), 0), "x", 1, true);
    client_expect_nothing(client, 31 * NS_PER_S);
    assert_int_equal(await_end(client, GATT_MODEL_MUTE), HCI_TIMEOUT);
    house_close();
}

static void test_ghost_is_never_reached(void **state)
{
    (void)state;
    house_open(0);
    ask_device(client, GATT_MODEL_GHOST, CONNECT);
    client_expect_nothing(client, 100 * NS_PER_S);
    assert_int_equal(client->free, 2);
    disconnect_from(client, GATT_MODEL_GHOST);
    client_expect_nothing(client, 0);
    assert_int_equal(client->free, 3);
    house_close();
}

static void test_attributes_refuse_what_they_are_not_made_for(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_UART);
    uint16_t in = handle_of(GATT_MODEL_UART, NORDIC("0002"), 0);
    uint16_t out = handle_of(GATT_MODEL_UART, NORDIC("0003"), 0), cccd = (uint16_t)(out + 1);
    uint16_t name = handle_of(GATT_MODEL_UART, "2a00", 0);
    assert_int_equal(read_from(client, GATT_MODEL_UART, 0)->error, ATT_INVALID_HANDLE);
    assert_int_equal(read_from(client, GATT_MODEL_UART, 999)->error, ATT_INVALID_HANDLE);
    assert_int_equal(read_from(client, GATT_MODEL_UART, in)->error, ATT_READ_NOT_PERMITTED);
    assert_int_equal(write_to(client, GATT_MODEL_UART, name, "x", 1, true), ATT_WRITE_NOT_PERMITTED);
    assert_int_equal(write_to(client, GATT_MODEL_UART, 999, "x", 1, true), ATT_INVALID_HANDLE);
    assert_int_equal(write_to(client, GATT_MODEL_UART, cccd, "\1", 1, true), ATT_INVALID_LENGTH);
    /* Nobody learns what becomes of these. */
    assert_int_equal(write_to(client, GATT_MODEL_UART, name, "x", 1, false), 0);
    assert_int_equal(write_to(client, GATT_MODEL_UART, 999, "x", 1, false), 0);
    expect_text(GATT_MODEL_UART, "2a00", "Virtual UART");
    house_close();
}

static void test_a_configuration_holds_as_long_as_the_link(void **state)
{
    (void)state;
    connect_at_once(GATT_MODEL_HEART);
    uint16_t rate = handle_of(GATT_MODEL_HEART, "2a37", 0);
    subscribe_to(client, GATT_MODEL_HEART, rate);
    await_notification(client, rate);
    disconnect_from(client, GATT_MODEL_HEART);
    assert_int_equal(connect_to(client, GATT_MODEL_HEART, NULL), 0);
    forward_from(client, GATT_MODEL_HEART, rate); /* that alone is local to the proxy */
    client_expect_nothing(client, 5 * NS_PER_S);
    assert_int_equal(read_from(client, GATT_MODEL_HEART, (uint16_t)(rate + 1))->value[0], 0);
    house_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_battery_tells_its_level_and_its_maker),
        cmocka_unit_test(test_heart_beats_every_second),
        cmocka_unit_test(test_heart_control_point_takes_1_only),
        cmocka_unit_test(test_heart_cannot_be_paired),
        cmocka_unit_test(test_uart_echoes),
        cmocka_unit_test(test_uart_keeps_512_bytes),
        cmocka_unit_test(test_uart_bursts_come_whole_and_in_order),
        cmocka_unit_test(test_uart_bursts_of_impossible_size_are_refused),
        cmocka_unit_test(test_lock_opens_to_friends_only),
        cmocka_unit_test(test_lock_knows_a_proxy_until_it_is_unpaired),
        cmocka_unit_test(test_tower_streams_16_services_in_several_messages),
        cmocka_unit_test(test_quitter_hangs_up_at_the_third_request),
        cmocka_unit_test(test_quitter_fails_as_it_is_told),
        cmocka_unit_test(test_mute_answers_nothing_until_the_link_is_given_up),
        cmocka_unit_test(test_ghost_is_never_reached),
        cmocka_unit_test(test_attributes_refuse_what_they_are_not_made_for),
        cmocka_unit_test(test_a_configuration_holds_as_long_as_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
