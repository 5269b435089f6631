/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "sim/proxy.h"
#include "wire/frame.h"
#include "wire/message.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

/* What befalls a virtual proxy: power, sleep, deafness, a rival, a key. */

#define MINUTE_NS    (60 * NS_PER_S)
#define HELLO        "0012010a0c6573702d632d636c69656e741001180f"
#define LOGIN        "000003"
#define SUBSCRIBE    "0002420801"
#define UNKNOWN_READ "0007490880808080e01f"

static struct test_env test;
static struct radio *radio;
static struct sim_proxy proxy;
static uint64_t now_ns;
static unsigned n_offs, n_ons;

static struct client {
    struct server_connection *connection; /* NULL once it is gone */
    unsigned n_goodbyes, n_reports, n_answers;
} client;

static void client_on_pending(void *user)
{
    struct client *c = user;
    struct iovec vec;
    size_t n;
    while (c->connection && (n = server_connection_pending(c->connection, &vec)) > 0) {
        struct frame frame;
        size_t used;
        while (frame_read_plain(vec.iov_base, n, &frame_limits_client, &frame, &used) == 0) {
            c->n_goodbyes += frame.type == MESSAGE_DISCONNECT_REQUEST;
            c->n_reports += frame.type == MESSAGE_RAW_ADVERTISEMENTS_RESPONSE ||
                            frame.type == MESSAGE_ADVERTISEMENT_RESPONSE;
            c->n_answers += frame.type == MESSAGE_GATT_ERROR_RESPONSE;
            server_connection_sent(c->connection, used);
            n = server_connection_pending(c->connection, &vec);
        }
        assert_int_equal(n, 0);
    }
}

static void client_on_close(void *user, const char *why)
{
    struct client *c = user;
    (void)why;
    server_connection_free(c->connection, now_ns);
    c->connection = NULL;
}

static const struct server_connection_ops client_ops = {.on_pending = client_on_pending,
                                                        .on_close = client_on_close};

static void client_say(const char *text)
{
    size_t size;
    const uint8_t *bytes = hex(text, &size);
    uint8_t copy[256];
    memcpy(copy, bytes, size);
    server_connection_feed(client.connection, copy, size, now_ns);
    client_on_pending(&client);
}

static void client_join(void)
{
    client = (struct client){0};
    assert_int_equal(server_accept(proxy.server, &client_ops, &client, now_ns, &client.connection), 0);
    client_say(HELLO LOGIN);
}

static void on_power(void *user, bool on, uint64_t at_ns)
{
    assert_ptr_equal(user, &proxy);
    assert_int_equal(at_ns, now_ns);
    if (on)
        n_ons++;
    else
        n_offs++;
    client.connection = NULL;
}

static struct sim_proxy_config config_of(const char *firmware)
{
    return (struct sim_proxy_config){.name = "here",
                                     .profile = server_profile_find(firmware),
                                     .flush_ns = BP_NEVER,
                                     .seed = 1,
                                     .slots = 3,
                                     .latency_ms = GATT_LATENCY_NATURAL,
                                     .on_power = on_power,
                                     .user = &proxy};
}

static void open_with(const struct sim_proxy_config *config)
{
    const struct radio_config house = {.seed = 1, .rate = RADIO_RATE_NATURAL};
    test_env_init(&test);
    now_ns = 1000 * NS_PER_S;
    n_offs = n_ons = 0;
    client = (struct client){0};
    assert_int_equal(radio_new(&house, &test.env, now_ns, &radio), 0);
    assert_int_equal(sim_proxy_init(&proxy, config, radio, &test.env, now_ns), 0);
}

static void open_as(const char *firmware)
{
    const struct sim_proxy_config config = config_of(firmware);
    open_with(&config);
}

static void close_all(void)
{
    sim_proxy_deinit(&proxy);
    sim_proxy_deinit(&proxy);
    radio_free(radio);
    test_env_deinit(&test);
}

static void pass(uint64_t delay_ns)
{
    uint64_t end_ns = now_ns + delay_ns;
    for (;;) {
        uint64_t deadline_ns = time_min(radio_deadline(radio), sim_proxy_deadline(&proxy));
        if (deadline_ns > end_ns)
            break;
        if (deadline_ns > now_ns)
            now_ns = deadline_ns;
        radio_tick(radio, now_ns);
        sim_proxy_tick(&proxy, now_ns);
        assert_true(sim_proxy_deadline(&proxy) > now_ns);
    }
    now_ns = end_ns;
}

static bool hears(void)
{
    client.n_reports = 0;
    pass(10 * NS_PER_S);
    client_say("000007");
    return client.n_reports > 0;
}

/* ---- Power ---- */

static void test_power_cut_loses_what_is_in_memory(void **state)
{
    (void)state;
    open_as("2026.8");
    client_join();
    client_say(SUBSCRIBE "00007f"); /* passive */
    pass(NS_PER_S);
    assert_int_equal(server_scanner_mode(proxy.server), BLEPROXY_MODE_PASSIVE);
    sim_proxy_power_off(&proxy, 5 * NS_PER_S, now_ns);
    assert_int_equal(n_offs, 1);
    assert_int_equal(client.n_goodbyes, 0);
    assert_null(proxy.server);
    pass(5 * NS_PER_S - 1);
    assert_null(proxy.server);
    pass(1);
    assert_int_equal(n_ons, 1);
    assert_non_null(proxy.server);
    assert_false(server_is_subscribed(proxy.server));
    assert_int_equal(server_scanner_mode(proxy.server), BLEPROXY_MODE_ACTIVE);
    client_join();
    client_say(SUBSCRIBE);
    assert_true(hears());
    close_all();
}

static void test_bonds_survive(void **state)
{
    (void)state;
    open_as("2026.8");
    gatt_radio_bond(&proxy.gatt, 7);
    sim_proxy_power_off(&proxy, NS_PER_S, now_ns);
    pass(NS_PER_S);
    assert_true(gatt_radio_has_bond(&proxy.gatt, 7));
    assert_false(gatt_radio_has_bond(&proxy.gatt, 8));
    close_all();
}

static void test_links_do_not(void **state)
{
    (void)state;
    open_as("2026.8");
    client_join();
    client_say(SUBSCRIBE "000d440880808080e01f100518012001");
    assert_false(list_empty(&proxy.gatt.links));
    sim_proxy_power_off(&proxy, NS_PER_S, now_ns);
    assert_true(list_empty(&proxy.gatt.links));
    pass(MINUTE_NS);
    client_join();
    close_all();
}

static void test_reboot_takes_leave(void **state)
{
    (void)state;
    open_as("2026.8");
    client_join();
    sim_proxy_reboot(&proxy, 3 * NS_PER_S, now_ns);
    assert_int_equal(client.n_goodbyes, 1);
    pass(500 * NS_PER_MS - 1);
    assert_int_equal(n_offs, 0);
    pass(1);
    assert_int_equal(n_offs, 1);
    sim_proxy_reboot(&proxy, 4 * NS_PER_S, now_ns); /* it is off already: later, then */
    pass(4 * NS_PER_S - 1);
    assert_null(proxy.server);
    pass(1);
    assert_int_equal(n_ons, 1);
    assert_int_equal(n_offs, 1);
    close_all();
}

static void test_it_may_stay_off_until_somebody_turns_it_on(void **state)
{
    (void)state;
    open_as("2026.8");
    sim_proxy_power_off(&proxy, BP_NEVER, now_ns);
    assert_int_equal(sim_proxy_deadline(&proxy), BP_NEVER);
    sim_proxy_go_deaf(&proxy, SERVER_CURE_MODE);
    sim_proxy_tick(&proxy, now_ns + MINUTE_NS);
    assert_null(proxy.server);
    assert_int_equal(sim_proxy_power_on(&proxy, now_ns), 0);
    assert_int_equal(sim_proxy_power_on(&proxy, now_ns), 0);
    assert_false(server_is_deaf(proxy.server));
    close_all();
}

static void test_start_without_memory_is_tried_again(void **state)
{
    (void)state;
    open_as("2026.8");
    for (size_t fails = 0; fails < 4; fails++) {
        sim_proxy_power_off(&proxy, NS_PER_S, now_ns);
        test.fail_after = fails;
        pass(NS_PER_S);
        assert_null(proxy.server);
        test.fail_after = SIZE_MAX;
        pass(NS_PER_S);
        assert_non_null(proxy.server);
    }
    close_all();
}

static void test_reboots_when_nobody_comes(void **state)
{
    (void)state;
    struct sim_proxy_config config = config_of("2026.8");
    config.reboot_timeout_ns = 15 * MINUTE_NS;
    open_with(&config);
    pass(15 * MINUTE_NS - 1);
    assert_int_equal(n_offs, 0);
    pass(1);
    assert_int_equal(n_offs, 1);
    pass(SIM_BOOT_S * NS_PER_S);
    assert_int_equal(n_ons, 1);
    pass(15 * MINUTE_NS);
    assert_int_equal(n_offs, 2);
    close_all();
}

static void test_deep_sleep(void **state)
{
    (void)state;
    struct sim_proxy_config config = config_of("2026.8");
    config.awake_ns = 20 * NS_PER_S;
    config.asleep_ns = MINUTE_NS;
    open_with(&config);
    for (unsigned i = 1; i < 4; i++) {
        client_join();
        pass(20 * NS_PER_S);
        assert_int_equal(client.n_goodbyes, 1);
        pass(500 * NS_PER_MS);
        assert_null(proxy.server);
        pass(MINUTE_NS);
        assert_int_equal(n_ons, i);
    }
    close_all();
}

/* ---- The key ---- */

static int key_result;

static int store_key(void *user, const uint8_t *psk)
{
    assert_ptr_equal(user, &proxy);
    assert_true(!psk || psk[0] == 1);
    return key_result;
}

#define SET_KEY                                                                                              \
    "002e7c0a2c41514944424155474277674a4367734d44513450"                                                     \
    "45424553457851564668635947526f62484230654879413d"

static void test_key_survives_a_power_cut(void **state)
{
    (void)state;
    struct sim_proxy_config config = config_of("2026.8");
    config.provisionable = true;
    config.store_key = store_key;
    for (key_result = -1; key_result <= 0; key_result++) {
        open_with(&config);
        client_join();
        client_say(SET_KEY);
        sim_proxy_power_off(&proxy, NS_PER_S, now_ns); /* even before it counts */
        pass(NS_PER_S);
        assert_int_equal(proxy.has_key, key_result == 0);
        client = (struct client){0};
        assert_int_equal(server_accept(proxy.server, &client_ops, &client, now_ns, &client.connection), 0);
        size_t size;
        uint8_t hello[64];
        memcpy(hello, hex(HELLO, &size), 21);
        server_connection_feed(client.connection, hello, 21, now_ns);
        assert_int_equal(client.connection == NULL, key_result == 0);
        close_all();
    }
}

/* ---- Deafness ---- */

static void test_deafness_ends_with_a_reboot_unless_nothing_helps(void **state)
{
    (void)state;
    for (int cure = SERVER_CURE_MODE; cure <= SERVER_CURE_NONE; cure++) {
        open_as("2026.8");
        client_join();
        client_say(SUBSCRIBE);
        sim_proxy_go_deaf(&proxy, (enum server_cure)cure);
        assert_false(hears());
        client_say(UNKNOWN_READ);
        assert_int_equal(client.n_answers, 1);
        sim_proxy_power_off(&proxy, NS_PER_S, now_ns);
        pass(NS_PER_S);
        client_join();
        client_say(SUBSCRIBE);
        assert_int_equal(hears(), cure != SERVER_CURE_NONE);
        sim_proxy_hear(&proxy);
        assert_true(hears());
        close_all();
    }
}

static void test_goes_deaf_every_so_often(void **state)
{
    (void)state;
    struct sim_proxy_config config = config_of("2026.8");
    config.deaf_every_ns = MINUTE_NS;
    config.cure = SERVER_CURE_SUBSCRIBE;
    open_with(&config);
    client_join();
    client_say(SUBSCRIBE);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(hears());
        client_say("000007");
        pass(50 * NS_PER_S);
        assert_true(server_is_deaf(proxy.server));
        client_say(SUBSCRIBE);
    }
    close_all();
}

/* ---- A rival ---- */

static void test_thief_takes_it_where_the_newest_wins(void **state)
{
    (void)state;
    open_as("2026.8");
    client_join();
    client_say(SUBSCRIBE);
    assert_true(hears());
    assert_int_equal(sim_proxy_rob(&proxy, now_ns), 0);
    assert_true(thief_has_it(&proxy.thief));
    assert_false(hears());
    client_say(UNKNOWN_READ);
    assert_int_equal(client.n_answers, 0);
    for (unsigned i = 0; i < 20; i++) { /* it lives, and reads */
        pass(30 * NS_PER_S);
        client_say("000007");
    }
    assert_true(thief_has_it(&proxy.thief));
    client_say(SUBSCRIBE);
    assert_true(hears());
    assert_false(thief_has_it(&proxy.thief));
    pass(MINUTE_NS);
    assert_false(thief_has_it(&proxy.thief)); /* it asked once */
    sim_proxy_unrob(&proxy, now_ns);
    sim_proxy_unrob(&proxy, now_ns);
    assert_true(hears());
    close_all();
}

static void test_thief_waits_for_it_where_the_first_wins(void **state)
{
    (void)state;
    static const char *const firmware[] = {"2022.12", "2023.6", "2025.8"};
    for (size_t i = 0; i < 3; i++) {
        open_as(firmware[i]);
        client_join();
        client_say(SUBSCRIBE);
        assert_int_equal(sim_proxy_rob(&proxy, now_ns), 0);
        assert_false(thief_has_it(&proxy.thief));
        assert_true(hears());
        client_say("000057");
        pass(10 * NS_PER_S);
        assert_true(thief_has_it(&proxy.thief));
        client_say(SUBSCRIBE);
        assert_false(hears());
        sim_proxy_unrob(&proxy, now_ns);
        client_say(SUBSCRIBE);
        assert_true(hears());
        close_all();
    }
}

/* After a reboot it is there first. */
static void test_thief_comes_back(void **state)
{
    (void)state;
    open_as("2025.8");
    client_join();
    client_say(SUBSCRIBE);
    sim_proxy_rob(&proxy, now_ns);
    sim_proxy_power_off(&proxy, NS_PER_S, now_ns);
    assert_false(thief_has_it(&proxy.thief));
    pass(NS_PER_S);
    assert_true(thief_has_it(&proxy.thief));
    client_join();
    client_say(SUBSCRIBE);
    assert_false(hears());
    sim_proxy_power_off(&proxy, NS_PER_S, now_ns);
    assert_int_equal(sim_proxy_rob(&proxy, now_ns), BLEPROXY_E_STATE);
    sim_proxy_unrob(&proxy, now_ns);
    pass(NS_PER_S);
    assert_false(server_is_subscribed(proxy.server));
    close_all();
}

static void test_thief_knows_password_and_key(void **state)
{
    (void)state;
    static const uint8_t psk[32] = {1, 2, 3};
    struct sim_proxy_config config = config_of("2025.8");
    config.password = "secret";
    config.psk = psk;
    open_with(&config);
    assert_int_equal(sim_proxy_rob(&proxy, now_ns), 0);
    assert_true(thief_has_it(&proxy.thief));
    close_all();
}

static void test_thief_counts_as_a_client(void **state)
{
    (void)state;
    struct sim_proxy_config config = config_of("2026.8");
    config.clients = 1;
    config.reboot_timeout_ns = 15 * MINUTE_NS;
    open_with(&config);
    client_join();
    assert_int_equal(sim_proxy_rob(&proxy, now_ns), BLEPROXY_E_LIMIT);
    assert_false(thief_has_it(&proxy.thief));
    server_connection_free(client.connection, now_ns);
    client.connection = NULL;
    assert_int_equal(sim_proxy_rob(&proxy, now_ns), 0);
    pass(20 * MINUTE_NS);
    assert_int_equal(n_offs, 0);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cut_loses_what_is_in_memory),
        cmocka_unit_test(test_bonds_survive),
        cmocka_unit_test(test_links_do_not),
        cmocka_unit_test(test_reboot_takes_leave),
        cmocka_unit_test(test_it_may_stay_off_until_somebody_turns_it_on),
        cmocka_unit_test(test_start_without_memory_is_tried_again),
        cmocka_unit_test(test_reboots_when_nobody_comes),
        cmocka_unit_test(test_deep_sleep),
        cmocka_unit_test(test_key_survives_a_power_cut),
        cmocka_unit_test(test_deafness_ends_with_a_reboot_unless_nothing_helps),
        cmocka_unit_test(test_goes_deaf_every_so_often),
        cmocka_unit_test(test_thief_takes_it_where_the_newest_wins),
        cmocka_unit_test(test_thief_waits_for_it_where_the_first_wins),
        cmocka_unit_test(test_thief_comes_back),
        cmocka_unit_test(test_thief_knows_password_and_key),
        cmocka_unit_test(test_thief_counts_as_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
