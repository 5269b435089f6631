/* SPDX-License-Identifier: MIT */
#include "gatt_fixture.h"

/* Links as on the air: they take their time, one device has one at a time, and distance matters. */

#define NORDIC(n) "6e40" n "-b5a3-f393-e0a9-e50e24dcca9e"

static void assert_took(uint64_t since_ns, unsigned least_ms, unsigned most_ms)
{
    assert_in_range(now_ns - since_ns, least_ms * NS_PER_MS, most_ms * NS_PER_MS);
}

static void test_operations_take_their_time(void **state)
{
    (void)state;
    uint32_t mtu;
    house_open(GATT_LATENCY_NATURAL);
    uint64_t since_ns = now_ns;
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, &mtu), 0);
    assert_took(since_ns, 300, 800);
    assert_int_equal(mtu, 247);
    for (unsigned i = 0; i < 20; i++) {
        since_ns = now_ns;
        read_from(client, GATT_MODEL_BATTERY, handle_of(GATT_MODEL_BATTERY, "2a19", 0));
        assert_took(since_ns, 15, 50);
    }
    since_ns = now_ns;
    disconnect_from(client, GATT_MODEL_BATTERY);
    assert_took(since_ns, 15, 50);
    house_close();
}

static void test_without_latency_everything_is_answered_at_once(void **state)
{
    (void)state;
    house_open(0);
    uint64_t since_ns = now_ns;
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    read_from(client, GATT_MODEL_BATTERY, handle_of(GATT_MODEL_BATTERY, "2a19", 0));
    disconnect_from(client, GATT_MODEL_BATTERY);
    assert_int_equal(now_ns, since_ns);
    assert_int_equal(client->n_scanning, 1); /* it did not stop for that */
    house_close();
}

static void test_a_latency_can_be_chosen(void **state)
{
    (void)state;
    house_open(7);
    uint64_t since_ns = now_ns;
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    assert_took(since_ns, 7, 7);
    since_ns = now_ns;
    read_from(client, GATT_MODEL_BATTERY, handle_of(GATT_MODEL_BATTERY, "2a19", 0));
    assert_took(since_ns, 7, 7);
    house_close();
}

static void test_long_values_take_several_trips(void **state)
{
    (void)state;
    static const uint8_t value[512] = {1};
    house_open(10);
    assert_int_equal(connect_to(client, GATT_MODEL_UART, NULL), 0);
    uint16_t store = handle_of(GATT_MODEL_UART, NORDIC("0004"), 0);
    uint64_t since_ns = now_ns;
    assert_int_equal(write_to(client, GATT_MODEL_UART, store, value, 512, true), 0); /* within the MTU */
    assert_took(since_ns, 10, 10);
    disconnect_from(client, GATT_MODEL_UART);
    assert_int_equal(connect_to(client, GATT_MODEL_LOCK, NULL), 0);
    since_ns = now_ns;
    write_to(client, GATT_MODEL_LOCK, 3, value, 100, true);
    assert_took(since_ns, 70, 70); /* 6 parts of 18 bytes, and the request to keep them */
    house_close();
}

static void test_requests_are_answered_one_after_the_other(void **state)
{
    (void)state;
    static const char *const uuids[] = {"2a00", "2a01", "2a04", "2a19"};
    house_open(GATT_LATENCY_NATURAL);
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        send_read(client, GATT_MODEL_BATTERY, handle_of(GATT_MODEL_BATTERY, uuids[i], 0));
    for (size_t i = 0; i < 4; i++) {
        uint64_t since_ns = now_ns;
        await_answer(client, MESSAGE_GATT_READ_RESPONSE, handle_of(GATT_MODEL_BATTERY, uuids[i], 0));
        assert_took(since_ns, 15, 50);
    }
    house_close();
}

static void test_commands_longer_than_the_mtu_are_refused(void **state)
{
    (void)state;
    static const uint8_t value[513];
    house_open(0);
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    uint16_t level = handle_of(GATT_MODEL_BATTERY, "2a19", 0);
    assert_int_equal(write_to(client, GATT_MODEL_BATTERY, level, value, 244, false), 0);
    assert_int_equal(write_to(client, GATT_MODEL_BATTERY, level, value, 245, false), ATT_INVALID_LENGTH);
    assert_int_equal(write_to(client, GATT_MODEL_BATTERY, level, value, 513, false), ATT_INVALID_LENGTH);
    house_close();
}

static void test_notifications_are_cut_to_the_mtu(void **state)
{
    (void)state;
    static const uint8_t control[] = {1, 0, 0, 2}; /* of 512 bytes */
    struct gatt_model model = gatt_models[GATT_MODEL_UART];
    model.mtu = 100;
    house_open(0);
    device_of(GATT_MODEL_UART)->model = &model;
    assert_int_equal(connect_to(client, GATT_MODEL_UART, NULL), 0);
    uint16_t burst = handle_of(GATT_MODEL_UART, NORDIC("0005"), 0);
    subscribe_to(client, GATT_MODEL_UART, burst);
    assert_int_equal(write_to(client, GATT_MODEL_UART, burst, control, 4, true), 0);
    assert_int_equal(await_notification(client, burst)->size, 97);
    house_close();
}

static void test_a_device_has_one_link_in_the_whole_house(void **state)
{
    (void)state;
    house_open(GATT_LATENCY_NATURAL);
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    assert_int_equal(connect_to(other, GATT_MODEL_BATTERY, NULL), HCI_NOT_ESTABLISHED);
    disconnect_from(client, GATT_MODEL_BATTERY);
    assert_int_equal(connect_to(other, GATT_MODEL_BATTERY, NULL), 0);
    house_close();
}

static void test_a_proxy_has_several_links(void **state)
{
    (void)state;
    house_open(GATT_LATENCY_NATURAL);
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    assert_int_equal(connect_to(client, GATT_MODEL_UART, NULL), 0);
    assert_int_equal(connect_to(client, GATT_MODEL_TOWER, NULL), 0);
    client_expect_nothing(client, NS_PER_S);
    assert_int_equal(client->free, 0);
    assert_int_equal(connect_to(client, GATT_MODEL_LOCK, NULL), -1); /* no slot: the error is 0 */
    assert_int_equal(read_from(client, GATT_MODEL_UART, 3)->size, 12);
    assert_int_equal(read_from(client, GATT_MODEL_TOWER, 3)->size, 13);
    house_close();
}

static void test_who_nobody_listens_to_is_let_go(void **state)
{
    (void)state;
    house_open(GATT_LATENCY_NATURAL);
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    server_connection_free(client->connection, now_ns);
    client->connection = NULL;
    house_pass(NS_PER_S);
    assert_null(device_of(GATT_MODEL_BATTERY)->link);
    assert_int_equal(connect_to(other, GATT_MODEL_BATTERY, NULL), 0);
    house_close();
}

static void test_connected_devices_are_silent_but_for_the_tower(void **state)
{
    (void)state;
    house_open(0);
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    assert_int_equal(connect_to(client, GATT_MODEL_TOWER, NULL), 0);
    assert_true(device_of(GATT_MODEL_BATTERY)->peripheral->silent);
    assert_false(device_of(GATT_MODEL_TOWER)->peripheral->silent);
    disconnect_from(client, GATT_MODEL_BATTERY);
    assert_false(device_of(GATT_MODEL_BATTERY)->peripheral->silent);
    house_close();
}

static void test_scanning_pauses_while_a_link_is_opened(void **state)
{
    (void)state;
    house_open(GATT_LATENCY_NATURAL);
    house_pass(10 * NS_PER_S);
    client_expect_nothing(client, 0);
    assert_true(client->n_adverts > 10);
    ask_device(client, GATT_MODEL_GHOST, CONNECT);
    client_expect_nothing(client, NS_PER_S);
    assert_int_equal(client->scanner_state, BLEPROXY_SCANNER_STOPPED);
    unsigned n_adverts = client->n_adverts, n_others = other->n_adverts;
    client_expect_nothing(client, 10 * NS_PER_S);
    client_expect_nothing(other, 0);
    assert_int_equal(client->n_adverts, n_adverts);
    assert_true(other->n_adverts > n_others);
    disconnect_from(client, GATT_MODEL_GHOST);
    client_expect_nothing(client, 10 * NS_PER_S);
    assert_int_equal(client->scanner_state, BLEPROXY_SCANNER_RUNNING);
    assert_true(client->n_adverts > n_adverts + 10);
    house_close();
}

static void test_a_mode_set_during_the_pause_is_kept(void **state)
{
    (void)state;
    BluetoothScannerSetModeRequest request = BLUETOOTH_SCANNER_SET_MODE_REQUEST__INIT;
    house_open(GATT_LATENCY_NATURAL);
    ask_device(client, GATT_MODEL_GHOST, CONNECT);
    house_pass(NS_PER_S);
    client_send(client, MESSAGE_SCANNER_SET_MODE_REQUEST, &request);
    client_expect_nothing(client, NS_PER_S);
    assert_int_equal(client->scanner_state, BLEPROXY_SCANNER_STOPPED);
    disconnect_from(client, GATT_MODEL_GHOST);
    client_expect_nothing(client, NS_PER_S);
    assert_int_equal(client->scanner_state, BLEPROXY_SCANNER_RUNNING);
    assert_int_equal(server_scanner_mode(client->proxy.server), BLEPROXY_MODE_PASSIVE);
    house_close();
}

static void check_unreachable(uint64_t address, uint32_t address_type)
{
    BluetoothDeviceRequest request = BLUETOOTH_DEVICE_REQUEST__INIT;
    request.address = address;
    request.request_type = CONNECT;
    request.has_address_type = true;
    request.address_type = address_type;
    uint64_t since_ns = now_ns;
    client_send(client, MESSAGE_DEVICE_REQUEST, &request);
    const BluetoothDeviceConnectionResponse *response =
        client_await(client, MESSAGE_DEVICE_CONNECTION_RESPONSE);
    assert_false(response->connected);
    assert_int_equal(response->error, 0x85);
    assert_took(since_ns, 5000, 5000);
}

static void test_nobody_answers_for_others(void **state)
{
    (void)state;
    house_open(GATT_LATENCY_NATURAL);
    check_unreachable(UINT64_C(0xa4c138112233), 0);
    check_unreachable(address_of(GATT_MODEL_BATTERY), 1); /* its address is a public one */
    check_unreachable(radio->peripherals[0].address, radio->peripherals[0].address_type); /* takes none */
    house_close();
}

static void test_far_devices_fail_more_often(void **state)
{
    (void)state;
    const struct radio_config house = {.seed = 5, .rate = 1, .families = 60};
    unsigned n_near = 0, n_far = 0, n_failed = 0;
    house_open_with(&house, 0, NULL);
    for (unsigned i = 0; i < radio->n_devices; i++) {
        const struct sim_peripheral *peripheral = radio->devices[i].peripheral;
        int8_t rssi;
        if (peripheral->model->ghost)
            continue;
        assert_non_null(
            ear_find_device(client->proxy.ear, peripheral->address, peripheral->address_type, &rssi));
        int32_t error = connect_to(client, (enum gatt_model_number)i, NULL);
        bool near = rssi > -82;
        assert_true(near || i >= GATT_N_MODELS);
        assert_true(error == 0 || (!near && error == HCI_NOT_ESTABLISHED));
        n_near += near;
        n_far += !near;
        n_failed += error != 0;
        if (error == 0)
            disconnect_from(client, (enum gatt_model_number)i);
    }
    assert_true(n_near > 200 && n_far > 50);
    assert_in_range(n_failed, n_far / 8, n_far / 2);
    house_close();
}

static void test_the_same_seed_takes_the_same_time(void **state)
{
    (void)state;
    uint64_t took_ns[2];
    for (size_t i = 0; i < 2; i++) {
        house_open(GATT_LATENCY_NATURAL);
        uint64_t since_ns = now_ns;
        assert_int_equal(connect_to(client, GATT_MODEL_UART, NULL), 0);
        read_from(client, GATT_MODEL_UART, 3);
        took_ns[i] = now_ns - since_ns;
        house_close();
    }
    assert_int_equal(took_ns[0], took_ns[1]);
}

static int32_t set_parameters(uint32_t least, uint32_t most, uint32_t latency, uint32_t timeout)
{
    BluetoothSetConnectionParamsRequest request = BLUETOOTH_SET_CONNECTION_PARAMS_REQUEST__INIT;
    request.address = address_of(GATT_MODEL_UART);
    request.min_interval = least;
    request.max_interval = most;
    request.latency = latency;
    request.timeout = timeout;
    client_send(client, MESSAGE_SET_CONNECTION_PARAMS_REQUEST, &request);
    return ((const BluetoothSetConnectionParamsResponse *)client_await(
                client, MESSAGE_SET_CONNECTION_PARAMS_RESPONSE))
        ->error;
}

static void test_parameters_out_of_range_are_refused(void **state)
{
    (void)state;
    house_open(0);
    assert_int_equal(connect_to(client, GATT_MODEL_UART, NULL), 0);
    assert_int_equal(set_parameters(800, 800, 0, 600), 0);
    assert_int_equal(set_parameters(5, 800, 0, 600), 0x102);
    assert_int_equal(set_parameters(800, 799, 0, 600), 0x102);
    assert_int_equal(set_parameters(800, 3201, 0, 600), 0x102);
    assert_int_equal(set_parameters(800, 800, 500, 600), 0x102);
    assert_int_equal(set_parameters(800, 800, 0, 70000), 0x102);
    house_close();
}

static void test_a_proxy_remembers_15_bonds(void **state)
{
    (void)state;
    struct gatt_radio bonds = {0};
    for (uint64_t address = 1; address <= 20; address++) {
        gatt_radio_bond(&bonds, address);
        gatt_radio_bond(&bonds, address);
    }
    for (uint64_t address = 1; address <= 20; address++)
        assert_int_equal(gatt_radio_has_bond(&bonds, address), address > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_take_their_time),
        cmocka_unit_test(test_without_latency_everything_is_answered_at_once),
        cmocka_unit_test(test_a_latency_can_be_chosen),
        cmocka_unit_test(test_long_values_take_several_trips),
        cmocka_unit_test(test_requests_are_answered_one_after_the_other),
        cmocka_unit_test(test_commands_longer_than_the_mtu_are_refused),
        cmocka_unit_test(test_notifications_are_cut_to_the_mtu),
        cmocka_unit_test(test_a_device_has_one_link_in_the_whole_house),
        cmocka_unit_test(test_a_proxy_has_several_links),
        cmocka_unit_test(test_who_nobody_listens_to_is_let_go),
        cmocka_unit_test(test_connected_devices_are_silent_but_for_the_tower),
        cmocka_unit_test(test_scanning_pauses_while_a_link_is_opened),
        cmocka_unit_test(test_a_mode_set_during_the_pause_is_kept),
        cmocka_unit_test(test_nobody_answers_for_others),
        cmocka_unit_test(test_far_devices_fail_more_often),
        cmocka_unit_test(test_the_same_seed_takes_the_same_time),
        cmocka_unit_test(test_parameters_out_of_range_are_refused),
        cmocka_unit_test(test_a_proxy_remembers_15_bonds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
