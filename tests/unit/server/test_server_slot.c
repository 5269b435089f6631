/* SPDX-License-Identifier: MIT */
#include "air_fixture.h"

/* Slots: who has them, when they are told, how links come and go. */

static struct device device;
static struct peer peer, other;

static void start(const char *firmware)
{
    air_start(&device, firmware);
    peer_subscribe(&peer, &device);
}

static void connected(uint64_t address)
{
    ask_device(&peer, ASK_CONNECT, address);
    air_opened(address, 247);
    heard(&peer);
    air.asked[0] = '\0';
}

static void test_connect_takes_a_slot_when_accepted_and_tells_the_mtu_when_up(void **state)
{
    (void)state;
    start("2026.8");
    ask_device(&peer, ASK_CONNECT, 1);
    assert_string_equal(heard(&peer), "free 2/3 1;");
    air_expect("open 1 1;");
    air_opened(1, 247);
    assert_string_equal(heard(&peer), "1 up 247;free 2/3 1;");
    air_stop(&peer);
}

static void test_with_cache_the_default_mtu_is_told(void **state)
{
    (void)state;
    start("2026.8");
    ask_device(&peer, ASK_CONNECT_CACHED, 1);
    air_expect("open 1 1 cached;");
    air_opened(1, 247);
    assert_string_equal(heard(&peer), "free 2/3 1;1 up 23;free 2/3 1;");
    air_stop(&peer);
}

static void test_older_firmware_lists_no_addresses(void **state)
{
    (void)state;
    start("2023.6");
    ask_device(&peer, ASK_CONNECT, 1);
    air_opened(1, 185);
    assert_string_equal(heard(&peer), "free 2/3;1 up 185;free 2/3;");
    air_stop(&peer);
}

static void test_connect_of_what_is_connected(void **state)
{
    (void)state;
    static const struct {
        const char *firmware, *heard;
    } cases[] = {
        {"2022.12", "1 up 0;free 2/3;"},
        {"2023.6", "1 up 0;free 2/3;"},
        {"2025.8", "1 up 0;free 2/3 1;"},
        {"2026.8", "1 up 247;free 2/3 1;"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        start(cases[i].firmware);
        connected(1);
        ask_device(&peer, ASK_CONNECT, 1);
        assert_string_equal(heard(&peer), cases[i].heard);
        air_expect("");
        air_stop(&peer);
    }
}

static void test_connect_while_connecting_or_disconnecting_is_ignored(void **state)
{
    (void)state;
    start("2026.8");
    ask_device(&peer, ASK_CONNECT, 1);
    heard(&peer);
    ask_device(&peer, ASK_CONNECT, 1);
    assert_string_equal(heard(&peer), "");
    ask_device(&peer, ASK_DISCONNECT, 1);
    ask_device(&peer, ASK_CONNECT_CACHED, 1);
    assert_string_equal(heard(&peer), "");
    air_expect("open 1 1;close 1;");
    air_stop(&peer);
}

static void test_connect_without_a_free_slot(void **state)
{
    (void)state;
    start("2026.8");
    for (unsigned i = 1; i <= 3; i++)
        connected(i);
    ask_device(&peer, ASK_CONNECT, 4);
    assert_string_equal(heard(&peer), "4 down 0;");
    air_expect("");
    air_stop(&peer);
}

static void test_connect_that_is_refused(void **state)
{
    (void)state;
    start("2026.8");
    air.refusing = true;
    ask_device(&peer, ASK_CONNECT, 1);
    assert_string_equal(heard(&peer), "1 down 0;");
    air.refusing = false;
    BluetoothDeviceRequest request = BLUETOOTH_DEVICE_REQUEST__INIT;
    request.address = 1;
    request.request_type = ASK_CONNECT;
    ask(&peer, MESSAGE_DEVICE_REQUEST, &request.base); /* no address type */
    request.has_address_type = true;
    request.address_type = 4; /* unknown */
    ask(&peer, MESSAGE_DEVICE_REQUEST, &request.base);
    assert_string_equal(heard(&peer), "1 down 0;1 down 0;");
    ask_device(&peer, ASK_CONNECT, 0);
    ask_device(&peer, ASK_CONNECT, UINT64_C(1) << 48);
    assert_string_equal(heard(&peer), "0 down 0;0 down 0;"); /* the fixture cuts addresses */
    air_expect("");
    ask_device(&peer, ASK_DISCONNECT, 1);
    assert_string_equal(heard(&peer), "1 down 0;free 3/3;");
    air_stop(&peer);
}

static void test_links_open_one_at_a_time(void **state)
{
    (void)state;
    start("2026.8");
    for (unsigned i = 1; i <= 3; i++)
        ask_device(&peer, ASK_CONNECT, i);
    assert_string_equal(heard(&peer), "free 2/3 1;free 1/3 1 2;free 0/3 1 2 3;");
    air_expect("open 1 1;");
    air_opened(2, 100); /* nobody asked for that yet */
    air_closed(2, 8);
    assert_string_equal(heard(&peer), "");
    air_opened(1, 247);
    air_expect("open 2 1;");
    air_closed(2, 133);
    air_expect("open 3 1;");
    assert_string_equal(heard(&peer), "1 up 247;free 0/3 1 2 3;2 down 133;free 1/3 1 3;");
    ask_device(&peer, ASK_CONNECT, 4);
    ask_device(&peer, ASK_DISCONNECT, 3);
    air_expect("close 3;open 4 1;");
    air_stop(&peer);
}

static void test_disconnect_of_what_waits_for_its_turn(void **state)
{
    (void)state;
    start("2026.8");
    ask_device(&peer, ASK_CONNECT, 1);
    ask_device(&peer, ASK_CONNECT, 2);
    heard(&peer);
    ask_device(&peer, ASK_DISCONNECT, 2);
    assert_string_equal(heard(&peer), "2 down -1;free 2/3 1;");
    air_expect("open 1 1;");
    air_stop(&peer);
}

static void test_disconnect(void **state)
{
    (void)state;
    start("2026.8");
    connected(1);
    ask_device(&peer, ASK_DISCONNECT, 1);
    ask_device(&peer, ASK_DISCONNECT, 1);
    air_expect("close 1;");
    assert_string_equal(heard(&peer), "");
    air_opened(1, 247); /* too late */
    assert_string_equal(heard(&peer), "");
    air_closed(1, 0x16);
    assert_string_equal(heard(&peer), "1 down 22;free 3/3;");
    air_closed(1, 0x16);
    assert_string_equal(heard(&peer), "");
    ask_device(&peer, ASK_DISCONNECT, 1);
    assert_string_equal(heard(&peer), "1 down 0;free 3/3;");
    air_stop(&peer);
}

static void test_link_loss_is_told_before_the_slot_is_free(void **state)
{
    (void)state;
    start("2026.8");
    connected(1);
    connected(2);
    air_closed(1, 8);
    assert_string_equal(heard(&peer), "1 down 8;free 2/3 2;");
    air_stop(&peer);
}

static void test_closing_that_is_not_confirmed_ends_after_10_s(void **state)
{
    (void)state;
    start("2026.8");
    connected(1);
    ask_device(&peer, ASK_DISCONNECT, 1);
    device_pass(&device, 10 * NS_PER_S - 1);
    assert_string_equal(heard(&peer), "");
    device_pass(&device, 1);
    assert_string_equal(heard(&peer), "1 down 8;free 3/3;");
    air_closed(1, 0x16);
    assert_string_equal(heard(&peer), "");
    air_stop(&peer);
}

static void test_links_of_a_subscriber_that_leaves_are_closed_by_the_next_housekeeping(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        start("2026.8");
        connected(1);
        ask_device(&peer, ASK_CONNECT, 2);
        ask_device(&peer, ASK_CONNECT, 3);
        air_expect("open 2 1;");
        if (round == 0)
            peer_send(&peer, "000057");
        else
            peer_leave(&peer);
        air_expect("");
        device_pass(&device, 100 * NS_PER_MS);
        air_expect("close 1;close 2;open 3 1;close 3;");
        air_closed(2, 0x16);
        peer_subscribe(&other, &device);
        ask_device(&other, ASK_DISCONNECT, 2);
        assert_string_equal(heard(&other), "2 down 0;free 1/3 1 3;");
        air_closed(1, 0x16); /* this one is told, and may be surprised */
        assert_string_equal(heard(&other), "1 down 22;free 2/3 3;");
        peer_leave(&other);
        air_stop(&peer);
    }
}

static void test_next_subscriber_in_time_inherits_the_links(void **state)
{
    (void)state;
    start("2023.6");
    connected(1);
    peer_leave(&peer);
    peer_subscribe(&other, &device);
    device_pass(&device, NS_PER_S);
    air_expect("");
    air_closed(1, 8);
    assert_string_equal(heard(&other), "1 down 8;free 3/3;");
    air_stop(&other);
}

static void test_newest_subscriber_takes_the_links_over(void **state)
{
    (void)state;
    start("2026.8");
    connected(1);
    ask_notify(&peer, 1, 5, true);
    heard(&peer);
    peer_subscribe(&other, &device);
    device_pass(&device, NS_PER_S);
    air_notified(1, 5, "x");
    ask_read(&peer, 1, 5);
    server_link_value(device.server, 1, 5, 0, (const uint8_t *)"y", 1, device.now_ns);
    assert_string_equal(heard(&other), "1 notified 5 x;1 value 5 y;");
    peer_leave(&peer); /* has no say any more */
    device_pass(&device, NS_PER_S);
    air_expect("notify 1 5 on;read 1 5;");
    assert_string_equal(heard(&other), "");
    air_stop(&other);
}

static void test_without_a_subscriber_a_connection_lasts_until_the_next_housekeeping(void **state)
{
    (void)state;
    air_start(&device, "2026.8");
    peer_join(&peer, &device);
    ask_device(&peer, ASK_CONNECT, 1);
    air_opened(1, 247);
    device_pass(&device, 100 * NS_PER_MS);
    air_expect("open 1 1;close 1;");
    assert_string_equal(heard(&peer), "");
    air_closed(1, 0x16);
    peer_send(&peer, "000050");
    assert_string_equal(heard(&peer), "free 3/3;");
    air_stop(&peer);
}

static void test_lost_messages(void **state)
{
    (void)state;
    start("2026.8");
    connected(1);
    air.losing = MESSAGE_DEVICE_CONNECTION_RESPONSE;
    air_closed(1, 8);
    assert_string_equal(heard(&peer), "free 3/3;");
    air.losing = MESSAGE_CONNECTIONS_FREE_RESPONSE;
    ask_device(&peer, ASK_CONNECT, 1);
    assert_string_equal(heard(&peer), "");
    peer_send(&peer, "000050"); /* what was asked for arrives */
    assert_string_equal(heard(&peer), "free 2/3 1;");
    air_stop(&peer);
}

/* ---- A radio that answers from within ---- */

static void fail_at_once(void)
{
    for (unsigned i = 1; i <= 3; i++)
        air_closed(i, 133);
}

static void test_radio_that_fails_at_once(void **state)
{
    (void)state;
    start("2026.8");
    ask_device(&peer, ASK_CONNECT, 1);
    ask_device(&peer, ASK_CONNECT, 2);
    ask_device(&peer, ASK_CONNECT, 3);
    heard(&peer);
    air.on_asked = fail_at_once;
    air_closed(1, 133);
    air_expect("open 1 1;open 2 1;open 3 1;");
    assert_string_equal(heard(&peer), "1 down 133;free 1/3 2 3;2 down 133;free 2/3 3;3 down 133;free 3/3;");
    air_stop(&peer);
}

static void open_and_close_at_once(void)
{
    air_opened(1, 50);
    if (strstr(air.asked, "close"))
        air_closed(1, 0x16);
}

static void test_radio_that_answers_at_once(void **state)
{
    (void)state;
    start("2026.8");
    air.on_asked = open_and_close_at_once;
    ask_device(&peer, ASK_CONNECT, 1);
    ask_device(&peer, ASK_DISCONNECT, 1);
    assert_string_equal(heard(&peer), "free 2/3 1;1 up 50;free 2/3 1;1 down 22;free 3/3;");
    air_stop(&peer);
}

static void leave(void)
{
    peer_leave(&peer);
}

static void test_subscriber_vanishes_while_the_radio_is_asked(void **state)
{
    (void)state;
    start("2026.8");
    air.on_asked = leave;
    ask_device(&peer, ASK_CONNECT, 1);
    air_opened(1, 50);
    device_pass(&device, NS_PER_S);
    air_expect("open 1 1;close 1;");
    air_closed(1, 0x16);

    air.on_asked = NULL;
    peer_subscribe(&peer, &device);
    connected(1);
    air.on_asked = leave;
    ask_notify(&peer, 1, 5, true);
    air_expect("notify 1 5 on;");
    device_pass(&device, NS_PER_S);
    air_expect("close 1;");
    air_stop(&peer);
}

static void end(void)
{
    server_free(device.server);
    device.server = NULL;
}

static void test_server_is_freed_while_the_radio_is_asked(void **state)
{
    (void)state;
    start("2026.8");
    ask_device(&peer, ASK_CONNECT, 1);
    ask_device(&peer, ASK_CONNECT, 2);
    air.asked[0] = '\0';
    air.on_asked = end;
    air_closed(1, 8); /* opens 2, which ends all */
    air_expect("open 2 1;");
    test_env_deinit(&device.test);
}

static void test_more_slots_than_firmware_can_have(void **state)
{
    (void)state;
    device_prepare(&device, "2026.8");
    device.config.slots = SERVER_SLOTS_MAX + 1;
    assert_int_equal(server_new(&device.config, &device.radio, &device, device.now_ns, &device.server),
                     BLEPROXY_E_INVALID);
    device.config.slots = SERVER_SLOTS_MAX;
    device_begin(&device);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_takes_a_slot_when_accepted_and_tells_the_mtu_when_up),
        cmocka_unit_test(test_with_cache_the_default_mtu_is_told),
        cmocka_unit_test(test_older_firmware_lists_no_addresses),
        cmocka_unit_test(test_connect_of_what_is_connected),
        cmocka_unit_test(test_connect_while_connecting_or_disconnecting_is_ignored),
        cmocka_unit_test(test_connect_without_a_free_slot),
        cmocka_unit_test(test_connect_that_is_refused),
        cmocka_unit_test(test_links_open_one_at_a_time),
        cmocka_unit_test(test_disconnect_of_what_waits_for_its_turn),
        cmocka_unit_test(test_disconnect),
        cmocka_unit_test(test_link_loss_is_told_before_the_slot_is_free),
        cmocka_unit_test(test_closing_that_is_not_confirmed_ends_after_10_s),
        cmocka_unit_test(test_links_of_a_subscriber_that_leaves_are_closed_by_the_next_housekeeping),
        cmocka_unit_test(test_next_subscriber_in_time_inherits_the_links),
        cmocka_unit_test(test_newest_subscriber_takes_the_links_over),
        cmocka_unit_test(test_without_a_subscriber_a_connection_lasts_until_the_next_housekeeping),
        cmocka_unit_test(test_lost_messages),
        cmocka_unit_test(test_radio_that_fails_at_once),
        cmocka_unit_test(test_radio_that_answers_at_once),
        cmocka_unit_test(test_subscriber_vanishes_while_the_radio_is_asked),
        cmocka_unit_test(test_server_is_freed_while_the_radio_is_asked),
        cmocka_unit_test(test_more_slots_than_firmware_can_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
