/* SPDX-License-Identifier: MIT */
#include "air_fixture.h"

/* What is asked about devices, by firmware: the radio's part and the client's. */

static struct device device;
static struct peer peer;

static const char *const firmwares[] = {"2022.12", "2023.6", "2025.8", "2026.8"};
enum { N_FIRMWARES = sizeof(firmwares) / sizeof(*firmwares) };

static void value(uint16_t handle, int32_t status, const char *text)
{
    server_link_value(device.server, 1, handle, status, (const uint8_t *)text, strlen(text), device.now_ns);
}

static void written(uint16_t handle, int32_t status)
{
    server_link_written(device.server, 1, handle, status, device.now_ns);
}

static void test_read_and_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FIRMWARES; i++) {
        air_connected(&peer, &device, firmwares[i]);
        ask_read(&peer, 1, 3);
        ask_read_descriptor(&peer, 1, 4);
        ask_write(&peer, 1, 5, true);
        ask_write(&peer, 1, 6, false);
        ask_write_descriptor(&peer, 1, 7);
        air_expect("read 1 3;read 1 4;write 1 5 ca+2;command 1 6 ca+2;write 1 7 01+2;");
        assert_string_equal(heard(&peer), "");
        value(3, 0, "TEST");
        value(4, 0, "");
        written(5, 0);
        written(6, 0); /* without response too */
        written(7, 0);
        assert_string_equal(heard(&peer), "1 value 3 TEST;1 value 4 ;1 written 5;1 written 6;1 written 7;");
        air_stop(&peer);
    }
}

static void test_status_of_the_device_is_passed_on(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    ask_read(&peer, 1, 3);
    ask_write(&peer, 1, 5, true);
    value(3, 5, "");
    written(5, 0x85);
    assert_string_equal(heard(&peer), "1 error 3 5;1 error 5 133;");
    air_stop(&peer);
}

static void test_answers_that_nobody_waits_for_are_ignored(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    value(3, 0, "x");
    written(3, 0);
    server_link_paired(device.server, 1, true, 0, device.now_ns);
    server_link_value(device.server, 2, 3, 0, NULL, 0, device.now_ns);
    server_link_written(device.server, 2, 3, 0, device.now_ns);
    server_link_paired(device.server, 2, true, 0, device.now_ns);
    air_notified(2, 3, "x");
    assert_string_equal(heard(&peer), "");
    air_stop(&peer);
}

static void test_answers_while_the_link_is_being_closed(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    ask_read(&peer, 1, 3);
    ask_device(&peer, ASK_DISCONNECT, 1);
    value(3, 0x85, "");
    air_closed(1, 0x16);
    value(3, 0, "x");
    assert_string_equal(heard(&peer), "1 error 3 133;1 down 22;free 3/3;");
    air_stop(&peer);
}

static void ask_all(uint64_t address)
{
    ask_services(&peer, address);
    ask_read(&peer, address, 3);
    ask_read_descriptor(&peer, address, 4);
    ask_write(&peer, address, 5, true);
    ask_write(&peer, address, 6, false);
    ask_write_descriptor(&peer, address, 7);
    ask_notify(&peer, address, 8, true);
}

static void test_requests_without_a_link_are_refused(void **state)
{
    (void)state;
    static const char refused[] = "2 error 0 -1;2 error 3 -1;2 error 4 -1;2 error 5 -1;2 error 6 -1;"
                                  "2 error 7 -1;2 error 8 -1;";
    for (size_t i = 0; i < N_FIRMWARES; i++) {
        air_connected(&peer, &device, firmwares[i]);
        ask_all(2);
        assert_string_equal(heard(&peer), refused);
        ask_device(&peer, ASK_CONNECT, 2);
        heard(&peer);
        ask_all(2); /* not yet */
        assert_string_equal(heard(&peer), refused);
        air_opened(2, 50);
        ask_device(&peer, ASK_DISCONNECT, 2);
        heard(&peer);
        ask_all(2); /* not any more */
        assert_string_equal(heard(&peer), refused);
        air_expect("open 2 1;close 2;");
        air_stop(&peer);
    }
}

static void test_handles_have_16_bits(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    ask_read(&peer, 1, 0x10003);
    ask_write(&peer, 1, UINT32_MAX, true);
    ask_notify(&peer, 1, 0x10000, true);
    ask_read(&peer, 1, 0xffff);
    air_expect("read 1 65535;");
    assert_string_equal(heard(&peer), "1 error 65539 1;1 error 4294967295 1;1 error 65536 1;");
    air_stop(&peer);
}

static void test_requests_in_the_air_have_a_cap(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    for (unsigned i = 0; i < SERVER_LINK_REQUESTS_MAX; i++)
        ask_read(&peer, 1, 3);
    assert_string_equal(heard(&peer), "");
    ask_read(&peer, 1, 3);
    assert_string_equal(heard(&peer), "1 error 3 143;");
    value(3, 0, "x");
    ask_write(&peer, 1, 4, true);
    assert_string_equal(heard(&peer), "1 value 3 x;");
    air_stop(&peer);
}

/* ---- Notifications ---- */

static void test_notify_forwards_values_of_that_handle(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    air_notified(1, 5, "early");
    ask_notify(&peer, 1, 5, true);
    ask_notify(&peer, 1, 5, true);
    ask_notify(&peer, 1, 6, true);
    assert_string_equal(heard(&peer), "1 notify 5;1 notify 5;1 notify 6;");
    air_notified(1, 5, "a");
    air_notified(1, 6, "b");
    air_notified(1, 7, "c");
    assert_string_equal(heard(&peer), "1 notified 5 a;1 notified 6 b;");
    ask_notify(&peer, 1, 5, false);
    air_notified(1, 5, "d");
    air_notified(1, 6, "e");
    assert_string_equal(heard(&peer), "1 notify 5;1 notified 6 e;");
    ask_notify(&peer, 1, 5, false); /* once more */
    assert_string_equal(heard(&peer), "1 notify 5;");
    air_expect("notify 1 5 on;notify 1 5 on;notify 1 6 on;notify 1 5 off;notify 1 5 off;");
    air_stop(&peer);
}

static void test_notify_that_the_stack_refuses(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    air.status = 1;
    ask_notify(&peer, 1, 5, true);
    air_notified(1, 5, "a");
    assert_string_equal(heard(&peer), "1 error 5 1;");
    air_stop(&peer);
}

static void test_notify_ends_with_the_link(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    ask_notify(&peer, 1, 5, true);
    ask_device(&peer, ASK_DISCONNECT, 1);
    heard(&peer);
    air_notified(1, 5, "a");
    air_closed(1, 0x16);
    ask_device(&peer, ASK_CONNECT, 1);
    air_opened(1, 50);
    heard(&peer);
    air_notified(1, 5, "a");
    assert_string_equal(heard(&peer), "");
    air_stop(&peer);
}

static void test_notify_has_a_cap(void **state)
{
    (void)state;
    air_connected(&peer, &device, "2026.8");
    for (unsigned i = 1; i <= SERVER_LINK_NOTIFY_MAX; i++)
        ask_notify(&peer, 1, i, true);
    heard(&peer);
    ask_notify(&peer, 1, 100, true);
    ask_notify(&peer, 1, 7, true);
    assert_string_equal(heard(&peer), "1 error 100 17;1 notify 7;");
    ask_notify(&peer, 1, 7, false);
    ask_notify(&peer, 1, 100, true);
    assert_string_equal(heard(&peer), "1 notify 7;1 notify 100;");
    air_stop(&peer);
}

static void test_notifications_for_a_client_that_does_not_read_are_dropped(void **state)
{
    (void)state;
    static char large[500];
    memset(large, 'x', sizeof(large) - 1);
    air_connected(&peer, &device, "2026.8");
    ask_notify(&peer, 1, 5, true);
    for (unsigned i = 0; i < 1000; i++)
        air_notified(1, 5, large);
    assert_true(server_backlog(device.server) > SERVER_OUT_MAX);
    assert_true(server_backlog(device.server) < SERVER_OUT_MAX + 600);
    peer_take(&peer);
    peer.size = 0;
    air_notified(1, 5, "a");
    assert_string_equal(heard(&peer), "1 notified 5 a;");
    air_stop(&peer);
}

/* ---- Pairing and the rest ---- */

static void test_pair(void **state)
{
    (void)state;
    for (size_t i = 1; i < N_FIRMWARES; i++) {
        air_connected(&peer, &device, firmwares[i]);
        ask_device(&peer, ASK_PAIR, 1);
        ask_device(&peer, ASK_PAIR, 1);
        assert_string_equal(heard(&peer), "");
        air_expect("pair 1;");
        server_link_paired(device.server, 1, false, 0x61, device.now_ns);
        assert_string_equal(heard(&peer), "1 paired 0 97;");
        ask_device(&peer, ASK_PAIR, 1);
        server_link_paired(device.server, 1, true, 0, device.now_ns);
        assert_string_equal(heard(&peer), "1 paired 1 0;");
        air.paired = true;
        ask_device(&peer, ASK_PAIR, 1);
        assert_string_equal(heard(&peer), "1 paired 1 0;");
        air_expect("pair 1;");
        air_stop(&peer);
    }
}

static void test_pair_without_a_link(void **state)
{
    (void)state;
    static const char *const answers[N_FIRMWARES] = {"", "", "", "2 paired 0 -1;"};
    for (size_t i = 0; i < N_FIRMWARES; i++) {
        air_connected(&peer, &device, firmwares[i]);
        air.paired = true;
        ask_device(&peer, ASK_PAIR, 2);
        assert_string_equal(heard(&peer), answers[i]);
        air_expect("");
        air_stop(&peer);
    }
}

static void test_unpair(void **state)
{
    (void)state;
    static const char *const answers[N_FIRMWARES] = {
        "", "2 paired 1 0;2 paired 0 7;", "2 paired 1 0;2 paired 0 7;", "2 unpaired 1 0;2 unpaired 0 7;"};
    for (size_t i = 0; i < N_FIRMWARES; i++) {
        air_connected(&peer, &device, firmwares[i]);
        ask_device(&peer, ASK_UNPAIR, 2);
        air.status = 7;
        ask_device(&peer, ASK_UNPAIR, 2);
        assert_string_equal(heard(&peer), answers[i]);
        air_expect(i == 0 ? "" : "unpair 2;unpair 2;");
        air_stop(&peer);
    }
}

static void test_clear_cache(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FIRMWARES; i++) {
        air_connected(&peer, &device, firmwares[i]);
        ask_device(&peer, ASK_CLEAR_CACHE, 1);
        air.status = -1;
        ask_device(&peer, ASK_CLEAR_CACHE, 2);
        assert_string_equal(heard(&peer), i == 0 ? "" : "1 cleared 1 0;2 cleared 0 -1;");
        air_expect(i == 0 ? "" : "clear 1;clear 2;");
        air_stop(&peer);
    }
}

static void test_connection_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FIRMWARES; i++) {
        air_connected(&peer, &device, firmwares[i]);
        BluetoothSetConnectionParamsRequest request = BLUETOOTH_SET_CONNECTION_PARAMS_REQUEST__INIT;
        request.address = 1;
        request.min_interval = 800;
        request.max_interval = 65536;
        request.timeout = UINT32_MAX;
        ask(&peer, MESSAGE_SET_CONNECTION_PARAMS_REQUEST, &request.base);
        request.address = 2;
        ask(&peer, MESSAGE_SET_CONNECTION_PARAMS_REQUEST, &request.base);
        request.address = 1;
        air.status = 258;
        ask(&peer, MESSAGE_SET_CONNECTION_PARAMS_REQUEST, &request.base);
        bool known = i == N_FIRMWARES - 1;
        assert_string_equal(heard(&peer), known ? "1 parameters 0;2 parameters -1;1 parameters 258;" : "");
        air_expect(known ? "parameters 1 800 65535 0 65535;parameters 1 800 65535 0 65535;" : "");
        air_stop(&peer);
    }
}

static void test_lost_answers(void **state)
{
    (void)state;
    static const uint32_t types[] = {MESSAGE_GATT_READ_RESPONSE, MESSAGE_GATT_WRITE_RESPONSE,
                                     MESSAGE_GATT_NOTIFY_RESPONSE, MESSAGE_GATT_NOTIFY_DATA_RESPONSE};
    static const char *const heards[] = {
        "1 notify 3;1 notified 3 b;1 written 3;", "1 notify 3;1 notified 3 b;1 value 3 a;",
        "1 notified 3 b;1 value 3 a;1 written 3;", "1 notify 3;1 value 3 a;1 written 3;"};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        air_connected(&peer, &device, "2026.8");
        air.losing = types[i];
        ask_notify(&peer, 1, 3, true);
        air_notified(1, 3, "b");
        ask_read(&peer, 1, 3);
        value(3, 0, "a");
        ask_write(&peer, 1, 3, true);
        written(3, 0);
        assert_string_equal(heard(&peer), heards[i]);
        air_stop(&peer);
    }
}

/* ---- A radio that answers from within, and memory that runs out ---- */

static void answer_at_once(void)
{
    value(3, 0, "x");
    air_closed(1, 8);
}

static void test_link_is_lost_while_the_radio_is_asked(void **state)
{
    (void)state;
    static void (*const asks[])(struct peer *, uint64_t, uint32_t) = {ask_read, ask_read_descriptor,
                                                                      ask_write_descriptor};
    for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
        air_connected(&peer, &device, "2026.8");
        air.on_asked = answer_at_once;
        asks[i](&peer, 1, 3);
        assert_string_equal(heard(&peer), "1 value 3 x;1 down 8;free 3/3;");
        air_stop(&peer);
    }
    air_connected(&peer, &device, "2026.8");
    air.on_asked = answer_at_once;
    ask_notify(&peer, 1, 3, true);
    assert_string_equal(heard(&peer), "1 down 8;free 3/3;1 error 3 -1;");
    air_stop(&peer);
}

/* Whatever fails for want of memory costs the client its connection, and the links with it. */
static void test_out_of_memory_at_every_step(void **state)
{
    (void)state;
    bool whole = false;
    for (size_t fails = 0; !whole; fails++) {
        air_connected(&peer, &device, "2026.8");
        device.test.fail_after = fails;
        ask_read(&peer, 1, 3);
        value(3, 0, "x");
        ask_notify(&peer, 1, 3, true);
        for (unsigned i = 0; i < 40; i++)
            air_notified(1, 3, "a value of some length");
        ask_write(&peer, 1, 3, true);
        written(3, 0);
        ask_device(&peer, ASK_CONNECT, 2);
        ask_device(&peer, ASK_PAIR, 1);
        whole = device.test.fail_after > 0;
        device.test.fail_after = SIZE_MAX;
        assert_true(!whole || peer.connection);
        peer_leave(&peer);
        device_pass(&device, NS_PER_S);
        assert_non_null(strstr(air.asked, "close 1;"));
        air_stop(&peer);
        assert_true(fails < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_write),
        cmocka_unit_test(test_status_of_the_device_is_passed_on),
        cmocka_unit_test(test_answers_that_nobody_waits_for_are_ignored),
        cmocka_unit_test(test_answers_while_the_link_is_being_closed),
        cmocka_unit_test(test_requests_without_a_link_are_refused),
        cmocka_unit_test(test_handles_have_16_bits),
        cmocka_unit_test(test_requests_in_the_air_have_a_cap),
        cmocka_unit_test(test_notify_forwards_values_of_that_handle),
        cmocka_unit_test(test_notify_that_the_stack_refuses),
        cmocka_unit_test(test_notify_ends_with_the_link),
        cmocka_unit_test(test_notify_has_a_cap),
        cmocka_unit_test(test_notifications_for_a_client_that_does_not_read_are_dropped),
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_pair_without_a_link),
        cmocka_unit_test(test_unpair),
        cmocka_unit_test(test_clear_cache),
        cmocka_unit_test(test_connection_parameters),
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_link_is_lost_while_the_radio_is_asked),
        cmocka_unit_test(test_out_of_memory_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
