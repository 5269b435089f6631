/* SPDX-License-Identifier: MIT */
#include "gatt_fixture.h"

#include "sim/dice.h"

/* Links that go wrong: each fault alone and always, and all of them now and then. */

enum { ALWAYS = 1000 };

static void open_with(const struct sim_link_faults *faults)
{
    const struct radio_config house = {.seed = 1, .rate = RADIO_RATE_NATURAL};
    house_open_with(&house, GATT_LATENCY_NATURAL, faults);
}

static uint16_t level(void)
{
    return handle_of(GATT_MODEL_BATTERY, "2a19", 0);
}

static void test_slots_are_refused(void **state)
{
    (void)state;
    open_with(&(const struct sim_link_faults){.refused = ALWAYS});
    ask_device(client, GATT_MODEL_BATTERY, CONNECT);
    assert_int_equal(await_end(client, GATT_MODEL_BATTERY), 0);
    house_close();
}

static void test_links_fail_to_come_up(void **state)
{
    (void)state;
    unsigned n[256] = {0};
    open_with(&(const struct sim_link_faults){.failed = ALWAYS});
    for (unsigned i = 0; i < 60; i++)
        n[connect_to(client, GATT_MODEL_BATTERY, NULL)]++;
    assert_true(n[HCI_NOT_ESTABLISHED] > 10 && n[0x85] > 10 && n[HCI_TIMEOUT] > 10);
    assert_int_equal(n[HCI_NOT_ESTABLISHED] + n[0x85] + n[HCI_TIMEOUT], 60);
    house_close();
}

static void test_links_get_stuck_until_they_are_closed(void **state)
{
    (void)state;
    open_with(&(const struct sim_link_faults){.stuck = ALWAYS});
    ask_device(client, GATT_MODEL_BATTERY, CONNECT);
    client_expect_nothing(client, 100 * NS_PER_S);
    disconnect_from(client, GATT_MODEL_BATTERY);
    house_close();
}

static void test_links_are_lost_by_requests(void **state)
{
    (void)state;
    open_with(&(const struct sim_link_faults){.lost_request = ALWAYS});
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    client_expect_nothing(client, 10 * NS_PER_S);
    send_read(client, GATT_MODEL_BATTERY, level());
    assert_int_equal(await_end(client, GATT_MODEL_BATTERY), HCI_TIMEOUT);
    house_close();
}

static void test_links_are_lost_by_themselves(void **state)
{
    (void)state;
    open_with(&(const struct sim_link_faults){.lost_second = ALWAYS});
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    uint64_t since_ns = now_ns;
    assert_int_equal(await_end(client, GATT_MODEL_BATTERY), HCI_TIMEOUT);
    assert_in_range(now_ns - since_ns, 1, NS_PER_S);
    house_close();
}

static void test_requests_are_answered_with_errors(void **state)
{
    (void)state;
    open_with(&(const struct sim_link_faults){.errors = ALWAYS});
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    assert_int_equal(read_from(client, GATT_MODEL_BATTERY, level())->error, ATT_UNLIKELY_ERROR);
    house_close();
}

static void test_ends_are_not_told(void **state)
{
    (void)state;
    open_with(&(const struct sim_link_faults){.untold_ends = ALWAYS});
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    client_expect_nothing(client, NS_PER_S);
    assert_int_equal(client->free, 2);
    ask_device(client, GATT_MODEL_BATTERY, DISCONNECT);
    client_expect_nothing(client, 20 * NS_PER_S);
    assert_int_equal(client->free, 3); /* only the slots tell */
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    house_close();
}

static void test_values_get_lost(void **state)
{
    (void)state;
    open_with(&(const struct sim_link_faults){.lost_values = ALWAYS});
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    subscribe_to(client, GATT_MODEL_BATTERY, level());
    send_read(client, GATT_MODEL_BATTERY, level());
    client_expect_nothing(client, 60 * NS_PER_S);
    house_close();
}

static void test_out_of_memory_costs_the_link_or_the_request_only(void **state)
{
    (void)state;
    struct test_env poor;
    test_env_init(&poor);
    poor.fail_after = 0;
    open_with(NULL);
    client->proxy.gatt.env = &poor.env;
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0x85);
    client->proxy.gatt.env = &test.env;
    assert_int_equal(connect_to(client, GATT_MODEL_BATTERY, NULL), 0);
    client->proxy.gatt.env = &poor.env;
    assert_int_equal(read_from(client, GATT_MODEL_BATTERY, level())->error, ATT_INSUFFICIENT_RESOURCES);
    assert_int_equal(write_to(client, GATT_MODEL_BATTERY, level(), "x", 1, true), ATT_INSUFFICIENT_RESOURCES);
    client->proxy.gatt.env = &test.env;
    assert_int_equal(read_from(client, GATT_MODEL_BATTERY, level())->error, 0);
    house_close();
    test_env_deinit(&poor);
}

/* One thing that a careless client may ask. */
static void ask_anything(struct client *c, uint64_t *dice)
{
    static const uint32_t requests[] = {CONNECT,    CONNECT, CONNECT_CACHED, CONNECT_CACHED,
                                        DISCONNECT, PAIR,    UNPAIR,         CLEAR_CACHE};
    enum gatt_model_number model =
        dice_roll(dice) % 3 ? (enum gatt_model_number)(dice_roll(dice) % GATT_N_MODELS) : GATT_MODEL_HEART;
    uint16_t handle = (uint16_t)(dice_roll(dice) % 40);
    BluetoothGATTNotifyRequest notify = BLUETOOTH_GATTNOTIFY_REQUEST__INIT;
    BluetoothGATTGetServicesRequest services = BLUETOOTH_GATTGET_SERVICES_REQUEST__INIT;
    uint8_t value[600];
    memset(value, (int)dice_roll(dice), sizeof(value));
    switch (dice_roll(dice) % 6) {
    case 0:
    case 1:
        ask_device(c, model, requests[dice_roll(dice) % 8]);
        break;
    case 2:
        send_read(c, model, handle);
        break;
    case 3:
        send_write(c, model, handle, value,
                   (size_t)(dice_roll(dice) % 5 ? dice_roll(dice) % 4 : dice_roll(dice) % 600),
                   dice_roll(dice) % 2);
        break;
    case 4:
        while (gatt_database_cccd(device_of(model)->database, handle) == 0)
            handle = (uint16_t)((handle + 1) % 40);
        notify.address = address_of(model);
        notify.handle = handle;
        notify.enable = dice_roll(dice) % 4 > 0;
        client_send(c, MESSAGE_GATT_NOTIFY_REQUEST, &notify);
        send_write(c, model, gatt_database_cccd(device_of(model)->database, handle), "\1\0", 2, true);
        break;
    case 5:
        services.address = address_of(model);
        client_send(c, MESSAGE_GATT_GET_SERVICES_REQUEST, &services);
        break;
    }
}

/* Afterwards no slot and no device is held. Counts the messages by type. */
static void live_badly(uint64_t seed, int32_t latency_ms, unsigned counts[MESSAGE_TYPE_LAST + 1])
{
    const struct radio_config house = {.seed = seed, .rate = RADIO_RATE_NATURAL};
    uint64_t dice = seed;
    house_open_with(&house, latency_ms, &sim_link_faults_all);
    for (unsigned i = 0; i < 2000; i++) {
        const ProtobufCMessage *message;
        struct client *c = &clients[dice_roll(&dice) % CLIENTS];
        ask_anything(c, &dice);
        uint32_t type;
        while ((type = client_wait(c, dice_roll(&dice) % (200 * NS_PER_MS), &message)) != 0)
            counts[type]++;
        client_take(&clients[0]);
        client_take(&clients[1]);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        for (enum gatt_model_number model = 0; model < GATT_N_MODELS; model++) {
            const ProtobufCMessage *message;
            ask_device(&clients[i], model, DISCONNECT);
            while (client_wait(&clients[i], NS_PER_S, &message) != 0)
                ;
        }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(clients[i].free, 3);
        assert_true(list_empty(&clients[i].proxy.gatt.links));
        assert_false(clients[i].proxy.paused);
    }
    for (uint32_t i = 0; i < radio->n_devices; i++) {
        assert_null(radio->devices[i].link);
        assert_false(radio->devices[i].peripheral->silent);
    }
    house_close();
}

static void test_nothing_is_held_after_a_bad_life(void **state)
{
    (void)state;
    unsigned counts[MESSAGE_TYPE_LAST + 1] = {0};
    for (uint64_t seed = 1; seed <= 20; seed++)
        live_badly(seed, seed % 4 ? GATT_LATENCY_NATURAL : 0, counts);
    static const uint32_t expected[] = {MESSAGE_DEVICE_CONNECTION_RESPONSE,
                                        MESSAGE_GATT_GET_SERVICES_RESPONSE,
                                        MESSAGE_GATT_GET_SERVICES_DONE_RESPONSE,
                                        MESSAGE_GATT_READ_RESPONSE,
                                        MESSAGE_GATT_NOTIFY_DATA_RESPONSE,
                                        MESSAGE_GATT_ERROR_RESPONSE,
                                        MESSAGE_GATT_WRITE_RESPONSE,
                                        MESSAGE_GATT_NOTIFY_RESPONSE,
                                        MESSAGE_DEVICE_PAIRING_RESPONSE,
                                        MESSAGE_DEVICE_UNPAIRING_RESPONSE,
                                        MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE};
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        if (counts[expected[i]] < 20)
            fail_msg("%u of %s", counts[expected[i]], message_name(expected[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_refused),
        cmocka_unit_test(test_links_fail_to_come_up),
        cmocka_unit_test(test_links_get_stuck_until_they_are_closed),
        cmocka_unit_test(test_links_are_lost_by_requests),
        cmocka_unit_test(test_links_are_lost_by_themselves),
        cmocka_unit_test(test_requests_are_answered_with_errors),
        cmocka_unit_test(test_ends_are_not_told),
        cmocka_unit_test(test_values_get_lost),
        cmocka_unit_test(test_out_of_memory_costs_the_link_or_the_request_only),
        cmocka_unit_test(test_nothing_is_held_after_a_bad_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
