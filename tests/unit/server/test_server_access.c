/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

/* Who may say what, when; hello, login, limits, and how connections end. */

static struct device device;
static struct peer peer, other;

SPLIT_TEST(test_before_hello_only_hello_disconnect_and_ping)
{
    static const struct {
        const char *frame, *reply;
        bool stays;
    } cases[] = {
        {"000007", "000008", true},
        {"000005", "000006", false},
        {"000009", "", false},
        {"00000b", "", false},
        {"000008", "", false},
        {"000042", "", false},
        {"0000e807" /* 1000 */, "", false},
        {"000003", "", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        device_start(&device, "2025.8");
        peer_open(&peer, &device);
        peer_send(&peer, cases[i].frame);
        peer_expect(&peer, cases[i].reply);
        assert_int_equal(peer.n_closed, !cases[i].stays);
        peer_leave(&peer);
        device_stop(&device);
    }
}

SPLIT_TEST(test_unknown_messages_are_ignored_after_authentication)
{
    device_start(&device, "2026.8");
    peer_join(&peer, &device);
    peer_send(&peer, "0000e807"
                     "000000"
                     "000003"
                     "0002e807ffff"
                     "000007");
    peer_expect(&peer, "000008");
    assert_int_equal(peer.n_closed, 0);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_messages_newer_than_the_firmware_are_ignored)
{
    device_start(&device, "2025.8");
    peer_join(&peer, &device);
    peer_send(&peer, "00009501"
                     "0000910100007c");
    peer_expect(&peer, "");
    peer_leave(&peer);
    device_stop(&device);
    device_start(&device, "2023.6");
    peer_subscribe(&peer, &device);
    peer_send(&peer, "00007f");
    peer_expect(&peer, "");
    assert_int_equal(device.n_modes, 0);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_login_of_2024_without_password)
{
    device_start(&device, "2023.6");
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST);
    peer_take(&peer);
    peer.size = 0;
    peer_send(&peer, "000009"); /* needs only the hello */
    peer_next(&peer, MESSAGE_DEVICE_INFO_RESPONSE);
    peer_leave(&peer);

    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST "0008030a06736563726574"); /* "secret" */
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "0002040801"); /* refused, but not thrown out */
    peer_send(&peer, "000007");
    peer_expect(&peer, "000008");
    peer_send(&peer, "00000b");
    peer_expect(&peer, "");
    assert_int_equal(peer.n_closed, 1);

    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST LOGIN_REQUEST "00000b");
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "000004"
                       "000013");
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_login_with_password)
{
    device_prepare(&device, "2025.8");
    device.config.password = "secret";
    device_begin(&device);
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST LOGIN_REQUEST);
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "0002040801");
    peer_leave(&peer);

    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST "0008030a06736563726575"
                                   "0007030a057365637265"
                                   "0008030a06736563726574"
                                   "00000b");
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "0002040801"
                       "0002040801"
                       "000004"
                       "000013");
    peer_send(&peer, "000009");
    struct frame frame = peer_next(&peer, MESSAGE_DEVICE_INFO_RESPONSE);
    assert_memory_equal(frame.data, "\x08\x01", 2); /* uses_password */
    assert_false(test_env_logged(&device.test, "secre"));
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_2025_accepts_any_password_when_it_has_none)
{
    device_start(&device, "2025.8");
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST "00000b"
                                   "0008030a06736563726574");
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "000013"
                       "000004");
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_2026_knows_no_passwords)
{
    device_prepare(&device, "2026.8");
    device.config.password = "secret";
    device_begin(&device);
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST LOGIN_REQUEST "00000b");
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "000013");
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_newest_firmware_asks_for_the_time_once)
{
    device_prepare(&device, "2026.8");
    device.profile.asks_time = true;
    device_begin(&device);
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST);
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "000024");
    peer_send(&peer, "000b250d00b95569120455544330");
    peer_send(&peer, HELLO_REQUEST);
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "");
    assert_int_equal(peer.n_closed, 0);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_client_name_is_cut_and_sanitised)
{
    device_start(&device, "2026.8");
    peer_open(&peer, &device);
    /* "a", escape, "[31mb", 40 times "c" */
    peer_send(&peer, "0031010a2f611b5b33316d62"
                     "63636363636363636363636363636363636363636363636363636363636363636363636363636363");
    assert_string_equal(server_connection_client(peer.connection), "a[31mbcccccccccccccccccccccccccc");
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_malformed_message_ends_the_connection)
{
    device_start(&device, "2026.8");
    peer_join(&peer, &device);
    peer_send(&peer, "000142ff");
    assert_int_equal(peer.n_closed, 1);
    assert_string_equal(peer.why, "the client sent a malformed message");
    device_stop(&device);
}

SPLIT_TEST(test_frame_over_the_limit_ends_the_connection)
{
    device_start(&device, "2026.8");
    peer_join(&peer, &device);
    peer_send(&peer, "00818002"
                     "07"); /* 32769 bytes */
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

static void take_all_clients(const char *firmware)
{
    static struct peer peers[8];
    device_start(&device, firmware);
    for (size_t i = 0; i < 8; i++)
        peer_join(&peers[i], &device);
    struct server_connection *connection = NULL;
    assert_int_equal(server_accept(device.server, &peer_ops, &peer, device.now_ns, &connection),
                     BLEPROXY_E_LIMIT);
    assert_null(connection);
    peer_leave(&peers[3]);
    peer_join(&peer, &device);
    device_stop(&device); /* frees those that are left, without a call */
    assert_int_equal(peer.n_closed, 0);
}

SPLIT_TEST(test_ninth_client_is_turned_away)
{
    for (size_t i = 0; i < server_n_profiles; i++)
        take_all_clients(server_profiles[i].name);
}

SPLIT_TEST(test_clock_is_set_again_every_quarter_of_an_hour_by_the_first_client)
{
    device_prepare(&device, "2026.8");
    device.profile.asks_time = true;
    device_begin(&device);
    device_pass(&device, (15 * 60 - 30) * NS_PER_S);
    peer_open(&peer, &device); /* not authenticated: not asked */
    peer_join(&other, &device);
    device_pass(&device, 30 * NS_PER_S - 1);
    other.size = 0; /* it was asked when it came */
    device_pass(&device, 1);
    peer_expect(&peer, "");
    peer_expect(&other, "000024");
    peer_send(&other, "000b250d00b95569120455544330");
    peer_leave(&peer);
    peer_leave(&other);
    device_stop(&device);
}

static unsigned n_reboots;

static void on_reboot(void *user, uint64_t now_ns)
{
    struct device *rebooting = user;
    assert_int_equal(now_ns, rebooting->now_ns);
    n_reboots++;
}

static void prepare_reboots(void)
{
    n_reboots = 0;
    device_prepare(&device, "2026.8");
    device.radio.reboot = on_reboot;
    device.config.reboot_timeout_ns = 15 * 60 * NS_PER_S;
    device_begin(&device);
}

static void test_reboots_after_a_quarter_of_an_hour_without_clients(void **state)
{
    (void)state;
    prepare_reboots();
    device_pass(&device, 15 * 60 * NS_PER_S - 1);
    assert_int_equal(n_reboots, 0);
    device_pass(&device, 1);
    assert_int_equal(n_reboots, 1);
    device_pass(&device, 24 * 60 * 60 * NS_PER_S); /* whose server is not replaced says it once */
    assert_int_equal(n_reboots, 1);
    device_stop(&device);
}

static void test_clients_put_the_reboot_off(void **state)
{
    (void)state;
    prepare_reboots();
    device_pass(&device, 14 * 60 * NS_PER_S);
    peer_join(&peer, &device);
    device_pass(&device, 149 * NS_PER_S);
    assert_int_equal(peer.n_closed, 0);
    device_pass(&device, NS_PER_S);
    assert_int_equal(peer.n_closed, 1); /* it was dead */
    device_pass(&device, 15 * 60 * NS_PER_S - 1);
    assert_int_equal(n_reboots, 0);
    device_pass(&device, 1);
    assert_int_equal(n_reboots, 1);
    device_stop(&device);
}

static void free_on_reboot(void *user, uint64_t now_ns)
{
    struct device *rebooting = user;
    (void)now_ns;
    server_free(rebooting->server);
    n_reboots++;
}

static void test_server_may_be_freed_by_its_reboot(void **state)
{
    (void)state;
    prepare_reboots();
    device.radio.reboot = free_on_reboot;
    server_tick(device.server, device.now_ns + 15 * 60 * NS_PER_S);
    assert_int_equal(n_reboots, 1);
    test_env_deinit(&device.test);
}

SPLIT_TEST(test_deep_sleep_is_told)
{
    for (unsigned sleeps = 0; sleeps < 2; sleeps++) {
        device_prepare(&device, "2026.8");
        device.config.deep_sleep = sleeps;
        device_begin(&device);
        peer_join(&peer, &device);
        peer_send(&peer, "000009");
        struct frame frame = peer_next(&peer, MESSAGE_DEVICE_INFO_RESPONSE);
        assert_int_equal(memmem(frame.data, frame.size, "\x38\x01", 2) != NULL, sleeps);
        peer_leave(&peer);
        device_stop(&device);
    }
}

SPLIT_TEST(test_shutdown_says_goodbye)
{
    device_start(&device, "2026.8");
    peer_join(&peer, &device);
    peer_open(&other, &device);
    server_shutdown(device.server, device.now_ns);
    assert_int_equal(other.n_closed, 1);
    assert_int_equal(peer.n_pending, 1);
    peer_expect(&peer, "000005");
    peer_send(&peer, "000006");
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

static void test_client_that_never_reads_is_dropped(void **state)
{
    (void)state;
    device_start(&device, "2026.8");
    peer_join(&peer, &device);
    for (unsigned i = 0; i < 100000 && peer.connection; i++)
        peer_send(&peer, "000009000009000009000009000009000009000009000009");
    assert_int_equal(peer.n_closed, 1);
    assert_string_equal(peer.why, "the client does not read");
    device_stop(&device);
}

/* ---- Callbacks that free ---- */

static void free_server_on_close(void *user, const char *why)
{
    struct peer *closed = user;
    (void)why;
    closed->n_closed++;
    server_free(closed->device->server);
    closed->device->server = NULL;
}

static const struct server_connection_ops freeing_ops = {.on_pending = peer_on_pending,
                                                         .on_close = free_server_on_close};

SPLIT_TEST(test_server_may_be_freed_in_on_close)
{
    device_start(&device, "2026.8");
    peer_join(&other, &device);
    memset(&peer, 0, sizeof(peer));
    peer.device = &device;
    assert_int_equal(server_accept(device.server, &freeing_ops, &peer, device.now_ns, &peer.connection), 0);
    peer_send(&peer, "000005");
    assert_int_equal(peer.n_closed, 1);
    assert_int_equal(other.n_closed, 0);
    test_env_deinit(&device.test);
}

static void free_other_on_pending(void *user)
{
    (void)user;
    peer_leave(&other);
    peer_leave(&peer);
}

static const struct server_connection_ops leaving_ops = {.on_pending = free_other_on_pending,
                                                         .on_close = peer_on_close};

SPLIT_TEST(test_connections_may_be_freed_in_on_pending)
{
    device_start(&device, "2026.8");
    peer_join(&other, &device);
    memset(&peer, 0, sizeof(peer));
    peer.device = &device;
    assert_int_equal(server_accept(device.server, &leaving_ops, &peer, device.now_ns, &peer.connection), 0);
    peer_send(&peer, HELLO_REQUEST "000042");
    server_scanner_state(device.server, BLEPROXY_SCANNER_STOPPED, device.now_ns);
    assert_null(peer.connection);
    assert_null(other.connection);
    assert_int_equal(device.n_unsubscribed, 1);
    assert_false(server_is_subscribed(device.server));
    device_stop(&device);
}

static void test_names_have_1_to_31_bytes(void **state)
{
    (void)state;
    device_prepare(&device, "2026.8");
    device.config.name = "";
    assert_int_equal(server_new(&device.config, &device_radio, &device, 0, &device.server),
                     BLEPROXY_E_INVALID);
    device.config.name = "a-name-that-is-32-bytes-long-000";
    assert_int_equal(server_new(&device.config, &device_radio, &device, 0, &device.server),
                     BLEPROXY_E_INVALID);
    device.config.name = "a-name-that-is-31-bytes-long-00";
    device_begin(&device);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_hello_only_hello_disconnect_and_ping),
        cmocka_unit_test(test_unknown_messages_are_ignored_after_authentication),
        cmocka_unit_test(test_messages_newer_than_the_firmware_are_ignored),
        cmocka_unit_test(test_login_of_2024_without_password),
        cmocka_unit_test(test_login_with_password),
        cmocka_unit_test(test_2025_accepts_any_password_when_it_has_none),
        cmocka_unit_test(test_2026_knows_no_passwords),
        cmocka_unit_test(test_newest_firmware_asks_for_the_time_once),
        cmocka_unit_test(test_client_name_is_cut_and_sanitised),
        cmocka_unit_test(test_malformed_message_ends_the_connection),
        cmocka_unit_test(test_frame_over_the_limit_ends_the_connection),
        cmocka_unit_test(test_ninth_client_is_turned_away),
        cmocka_unit_test(test_clock_is_set_again_every_quarter_of_an_hour_by_the_first_client),
        cmocka_unit_test(test_reboots_after_a_quarter_of_an_hour_without_clients),
        cmocka_unit_test(test_clients_put_the_reboot_off),
        cmocka_unit_test(test_server_may_be_freed_by_its_reboot),
        cmocka_unit_test(test_deep_sleep_is_told),
        cmocka_unit_test(test_shutdown_says_goodbye),
        cmocka_unit_test(test_client_that_never_reads_is_dropped),
        cmocka_unit_test(test_server_may_be_freed_in_on_close),
        cmocka_unit_test(test_connections_may_be_freed_in_on_pending),
        cmocka_unit_test(test_names_have_1_to_31_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
