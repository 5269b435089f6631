/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "central/establish.h"

static void disconnect(struct world *world, struct told *told)
{
    *told = told_by(world);
    assert_int_equal(peripheral_disconnect(world->peripheral, on_told, told, world->now_ns, &told->operation),
                     0);
    assert_int_equal(told->calls, 0);
}

static void watch(struct world *world, struct told *lost)
{
    *lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, lost);
}

static void assert_lost(const struct world *world)
{
    const struct peripheral *peripheral = world->peripheral;
    assert_false(peripheral_is_connected(peripheral));
    assert_int_equal(peripheral_source(peripheral), 0);
    assert_int_equal(peripheral_mtu(peripheral), BLEPROXY_MTU_DEFAULT);
    assert_int_equal(peripheral_services(peripheral)->n_services, 0);
}

/* ---- on_disconnected ---- */

static void test_f65_once_for_each_link(void **state)
{
    struct world *world = *state;
    struct told lost;
    watch(world, &lost);
    for (unsigned i = 1; i <= 2; i++) {
        connect_device(world);
        say_connection(world, false, 0, 0x08);
        assert_int_equal(lost.calls, i);
        assert_int_equal(lost.result.error, BLEPROXY_E_DISCONNECTED);
        assert_int_equal(lost.result.code, 0x08);
        assert_int_equal(lost.result.source, SOURCE);
        assert_lost(world);
        say_connection(world, false, 0, 0x08);
        assert_int_equal(lost.calls, i);
        assert_idle(world);
    }
}

static void test_f65_proxy_lost_twice(void **state)
{
    struct world *world = *state;
    struct told lost;
    watch(world, &lost);
    connect_device(world);
    session_fail(world->proxies[0].session, BLEPROXY_E_IO, "connection reset", world->now_ns);
    proxy_lose(world, 0); /* now the session is freed */
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.error, BLEPROXY_E_CLOSED);
    assert_int_equal(lost.result.cause, BLEPROXY_CAUSE_PROXY);
    assert_non_null(strstr(lost.text, "kitchen"));
    assert_lost(world);
}

static void free_scanner(struct world *world)
{
    struct proxy_play *proxy = &world->proxies[0];
    wiring_detach(proxy->session, proxy->scanner);
    scanner_free(proxy->scanner);
    proxy->scanner = NULL;
}

/* A program that manages connections itself may give up the scanner and keep the client. */
static void test_scanner_freed_while_the_session_lives(void **state)
{
    struct world *world = *state;
    struct told lost, read = told_by(world);
    watch(world, &lost);
    connect_device(world);
    assert_int_equal(peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &read, world->now_ns, NULL),
                     0);
    free_scanner(world);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.result.error, BLEPROXY_E_CLOSED);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.error, BLEPROXY_E_CLOSED);
    assert_sent(world, "read 12; disconnect");
    assert_lost(world);
    assert_idle(world);
    say_connection(world, false, 0, 0x16);
    assert_int_equal(lost.calls, 1);
}

/* The same in the middle of an attempt: it holds the scanner paused, and waits for its slots. */
static void test_scanner_freed_in_an_attempt(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    free_scanner(world);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_CLOSED);
    assert_sent(world, "connect; disconnect");
    assert_idle(world);
}

static void test_scanner_freed_while_a_slot_is_waited_for(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    say_slots(world, 0, 3, 3);
    attempt_begin(world, &told);
    free_scanner(world);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_CLOSED);
    assert_sent(world, "");
    assert_idle(world);
}

static void test_f67_slot_report_without_the_device(void **state)
{
    struct world *world = *state;
    struct told lost;
    watch(world, &lost);
    connect_device(world);
    say_slots(world, 1, 2, 1);
    assert_int_equal(lost.calls, 0);
    say_slots(world, 0, 2, 1); /* not to be trusted */
    say_slots(world, 1, 2, 0);
    assert_int_equal(lost.calls, 0);
    say_slots(world, 2, 2, 0);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.error, BLEPROXY_E_DISCONNECTED);
    assert_lost(world);
    assert_sent(world, "");
    assert_idle(world);
}

/* ---- Disconnecting ---- */

static void test_f66_disconnect(void **state)
{
    struct world *world = *state;
    struct told told, again, lost;
    watch(world, &lost);
    connect_device(world);
    disconnect(world, &told);
    disconnect(world, &again);
    assert_sent(world, "disconnect");
    struct told refused = told_by(world);
    assert_int_equal(
        peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &refused, world->now_ns, NULL),
        BLEPROXY_E_NOT_CONNECTED);
    say_connection(world, false, 0, 0x16);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.error, 0); /* as was asked for */
    assert_int_equal(lost.result.code, 0x16);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(again.calls, 1);
    assert_true(lost.order < told.order && told.order < again.order);
    assert_lost(world);
    assert_idle(world);
}

static void test_f66_proxy_lost_while_disconnecting(void **state)
{
    struct world *world = *state;
    struct told told, lost;
    watch(world, &lost);
    connect_device(world);
    disconnect(world, &told);
    proxy_lose(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0); /* it is disconnected, that much is sure */
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.error, BLEPROXY_E_CLOSED);
    assert_idle(world);
}

static void test_disconnect_that_cannot_be_sent(void **state)
{
    struct world *world = *state;
    struct told told, lost;
    watch(world, &lost);
    connect_device(world);
    session_disconnect(world->proxies[0].session, false, world->now_ns);
    disconnect(world, &told);
    pass_ms(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(lost.result.error, BLEPROXY_E_CLOSED);
    assert_lost(world);
}

static void test_disconnect_unconfirmed_for_20_s(void **state)
{
    struct world *world = *state;
    struct told told, lost;
    watch(world, &lost);
    connect_device(world);
    disconnect(world, &told);
    pass_ms(world, 19999);
    assert_int_equal(lost.calls, 0);
    assert_true(peripheral_is_connected(world->peripheral));
    pass_ms(world, 1);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
    assert_true(lost.order < told.order);
    assert_lost(world);
    assert_sent(world, "disconnect");
    assert_idle(world);
}

static void test_disconnect_without_a_link(void **state)
{
    struct world *world = *state;
    struct told told;
    disconnect(world, &told);
    pass_ms(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_sent(world, "");
}

static void test_disconnect_cancelled_goes_on(void **state)
{
    struct world *world = *state;
    struct told told, lost;
    watch(world, &lost);
    connect_device(world);
    disconnect(world, &told);
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(told.result.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(lost.calls, 0);
    say_connection(world, false, 0, 0x16);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.error, 0);
    assert_int_equal(told.calls, 1);
    assert_idle(world);
}

static void test_requests_under_way_are_lost_with_a_wanted_end(void **state)
{
    struct world *world = *state;
    struct told told, read = told_by(world), lost;
    watch(world, &lost);
    connect_device(world);
    assert_int_equal(peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &read, world->now_ns, NULL),
                     0);
    disconnect(world, &told);
    say_connection(world, false, 0, 0x16);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.result.error, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(lost.result.error, 0);
    assert_int_equal(told.result.error, 0);
    assert_true(read.order < lost.order && lost.order < told.order);
}

static void test_link_reported_up_while_disconnecting(void **state)
{
    struct world *world = *state;
    struct told told, read = told_by(world), lost;
    watch(world, &lost);
    connect_device(world);
    assert_int_equal(peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &read, world->now_ns, NULL),
                     0);
    disconnect(world, &told);
    say_connection(world, true, 23, 0);
    pass_ms(world, 0);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.result.error, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(lost.calls, 0);
    pass_ms(world, 20000);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
    assert_sent(world, "read 12; disconnect");
    assert_idle(world);
}

/* The order in which session and scanner go is of no importance. */
static void test_session_lost_without_a_word(void **state)
{
    struct world *world = *state;
    struct told read = told_by(world), lost;
    struct proxy_play *proxy = &world->proxies[0];
    watch(world, &lost);
    connect_device(world);
    assert_int_equal(peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &read, world->now_ns, NULL),
                     0);
    session_free(proxy->session);
    hub_unregister_scanner(world->hub, proxy->scanner, world->now_ns);
    scanner_free(proxy->scanner);
    proxy->session = NULL;
    proxy->scanner = NULL;
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.result.error, BLEPROXY_E_CLOSED);
    assert_int_equal(lost.calls, 1);
    assert_lost(world);
}

/* ---- In callbacks ---- */

static void connect_in_callback(struct told *told)
{
    static struct told connected;
    told->then = NULL;
    connected = told_by(told->world);
    attempt_begin(told->world, &connected);
    told->operation = connected.operation;
}

static void test_callback_of_a_request_connects_again(void **state)
{
    struct world *world = *state;
    struct told read = told_by(world), lost;
    watch(world, &lost);
    connect_device(world);
    read.then = connect_in_callback;
    assert_int_equal(peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &read, world->now_ns, NULL),
                     0);
    say_connection(world, false, 0, 0x13); /* not taken for the new attempt's answer */
    assert_int_equal(read.calls, 1);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.result.source, SOURCE);
    assert_sent(world, "read 12; hint");
    say_connection(world, true, 23, 0);
    assert_true(peripheral_is_connected(world->peripheral));
    assert_int_equal(peripheral_mtu(world->peripheral), DEVICE_MTU);
}

static void test_on_disconnected_connects_again(void **state)
{
    struct world *world = *state;
    struct told told, lost;
    watch(world, &lost);
    connect_device(world);
    lost.then = connect_in_callback;
    disconnect(world, &told);
    say_connection(world, false, 0, 0x16);
    assert_int_equal(told.calls, 1);
    assert_sent(world, "disconnect; hint");
    say_connection(world, true, 23, 0);
    assert_true(peripheral_is_connected(world->peripheral));
    assert_int_equal(lost.calls, 1);
}

static void test_on_disconnected_of_a_lost_proxy_connects_through_another(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), lost;
    proxy_begin(world, 1, ALL_FEATURES);
    BluetoothConnectionsFreeResponse slots = BLUETOOTH_CONNECTIONS_FREE_RESPONSE__INIT;
    slots.free = slots.limit = 3;
    say(world, 1, MESSAGE_CONNECTIONS_FREE_RESPONSE, &slots.base);
    watch(world, &lost);
    connect_device(world);
    proxy_lose(world, 0);
    struct attempt attempt = attempt_by_default(world);
    attempt.scanner = world->proxies[1].scanner;
    attempt_begin_with(world, &attempt, &told);
    assert_sent_to(world, 1, "hint");
    proxy_lose(world, 1);
    assert_int_equal(told.result.source, SOURCE + 1);
    assert_non_null(strstr(told.text, "garage"));
}

static void free_in_callback(struct told *told)
{
    peripheral_free(told->world->peripheral, told->world->now_ns);
    told->world->peripheral = NULL;
}

static void free_central_in_callback(struct told *told)
{
    central_free(told->world->central, told->world->now_ns);
    free_in_callback(told);
    told->world->central = NULL;
}

/* The first of three operations to be told frees the peripheral, or all: the others are told that, on_disconnected is not. */
static void free_from_within(struct world *world, void (*then)(struct told *told))
{
    struct told told[3], lost;
    watch(world, &lost);
    connect_device(world);
    for (unsigned i = 0; i < 3; i++) {
        told[i] = told_by(world);
        told[i].then = i == 0 ? then : NULL;
        assert_int_equal(
            peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &told[i], world->now_ns, NULL), 0);
    }
    say_connection(world, false, 0, 0x13);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(told[i].calls, 1);
    assert_int_equal(told[0].result.error, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(told[2].result.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(lost.calls, 0);
}

static void test_callback_frees_the_peripheral(void **state)
{
    struct world *world = *state;
    free_from_within(world, free_in_callback);
    assert_idle(world);
}

static void test_callback_frees_the_central(void **state)
{
    free_from_within(*state, free_central_in_callback);
}

static void test_callbacks_of_connecting_and_disconnecting_free(void **state)
{
    struct world *world = *state;
    for (unsigned i = 0; i < 3; i++) {
        struct told told = told_by(world), lost, closed = told_by(world);
        if (!world->peripheral)
            assert_int_equal(peripheral_new(world->central, DEVICE, &world->peripheral), 0);
        watch(world, &lost);
        told.then = i == 0 ? free_in_callback : NULL;
        attempt_begin(world, &told);
        say_connection(world, true, 23, 0);
        say_services(world);
        assert_int_equal(told.calls, 1);
        if (i > 0) {
            disconnect(world, &closed);
            lost.then = i == 1 ? free_in_callback : NULL;
            closed.then = i == 2 ? free_in_callback : NULL;
        }
        say_connection(world, false, 0, 0x16);
        assert_int_equal(lost.calls, i > 0);
        assert_int_equal(closed.calls, i > 0);
        assert_null(world->peripheral);
        assert_idle(world);
    }
}

/* ---- Freeing ---- */

static void test_free_releases_at_every_stage(void **state)
{
    struct world *world = *state;
    static const char *const sent[] = {"",
                                       "connect; disconnect",
                                       "connect; services; disconnect",
                                       "connect; disconnect",
                                       "connect; services; disconnect",
                                       "connect; services; disconnect",
                                       "connect; services; read 12; disconnect"};
    for (unsigned stage = 0; stage < 7; stage++) {
        struct told told = told_by(world), closed = told_by(world), read = told_by(world), lost;
        if (!world->peripheral)
            assert_int_equal(peripheral_new(world->central, DEVICE, &world->peripheral), 0);
        cache_evict(central_cache(world->central), DEVICE);
        watch(world, &lost);
        say_slots(world, stage == 0 ? 0 : 3, 3, 0);
        attempt_begin(world, &told);
        if (stage >= 2)
            say_connection(world, true, 23, stage == 3);
        if (stage >= 4)
            say_services(world);
        if (stage == 5)
            disconnect(world, &closed);
        if (stage == 6)
            assert_int_equal(
                peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &read, world->now_ns, NULL), 0);
        peripheral_free(world->peripheral, world->now_ns);
        world->peripheral = NULL;
        assert_sent(world, sent[stage]);
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.result.error, stage >= 4 ? 0 : BLEPROXY_E_CANCELLED);
        assert_int_equal(closed.calls, stage == 5);
        assert_int_equal(read.calls, stage == 6);
        assert_int_equal(read.result.error, stage == 6 ? BLEPROXY_E_CANCELLED : 0);
        assert_int_equal(lost.calls, 0);
        assert_idle(world);
    }
}

/* The whole connect, of which the attempt is a part. */
static void test_free_ends_connecting(void **state)
{
    struct world *world = *state;
    static const struct batch_advert advert = {.address = DEVICE, .rssi = -50, .address_type = 1};
    struct told told = told_by(world);
    struct peripheral *other;
    scanner_report(world->proxies[0].scanner, &advert, world->now_ns);
    assert_int_equal(peripheral_new(world->central, DEVICE, &other), 0);
    assert_int_equal(establish_start(world->peripheral, NULL, on_told, &told, world->now_ns, NULL), 0);
    pass_ms(world, 0);
    assert_sent(world, "connect");
    say_connection(world, false, 0, 0x85);
    assert_true(peripheral_is_taken(other)); /* between the attempts, too */
    pass_ms(world, 2000);
    assert_sent(world, "connect");
    peripheral_free(world->peripheral, world->now_ns);
    world->peripheral = NULL;
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_CANCELLED);
    assert_sent(world, "disconnect");
    assert_false(peripheral_is_taken(other));
    peripheral_free(other, world->now_ns);
    assert_idle(world);
}

static void ask_again(struct told *told)
{
    struct world *world = told->world;
    const struct attempt attempt = attempt_by_default(world);
    assert_int_equal(peripheral_disconnect(world->peripheral, on_told, told, world->now_ns, NULL),
                     BLEPROXY_E_STATE);
    assert_int_equal(peripheral_clear_cache(world->peripheral, on_told, told, world->now_ns, NULL),
                     BLEPROXY_E_STATE);
    assert_int_equal(peripheral_attempt(world->peripheral, &attempt, on_told, told, world->now_ns, NULL),
                     BLEPROXY_E_STATE);
}

static void test_central_freed_before_its_peripherals(void **state)
{
    struct world *world = *state;
    struct told read = told_by(world), lost;
    struct peripheral *other;
    assert_int_equal(peripheral_new(world->central, DEVICE + 1, &other), 0);
    watch(world, &lost);
    connect_device(world);
    read.then = ask_again;
    assert_int_equal(peripheral_read(world->peripheral, MEASUREMENT, 0, on_told, &read, world->now_ns, NULL),
                     0);
    central_free(world->central, world->now_ns);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.result.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(lost.calls, 0);
    assert_sent(world, "read 12; disconnect");
    assert_lost(world);
    assert_null(peripheral_central(world->peripheral));
    peripheral_free(other, world->now_ns);
    peripheral_free(world->peripheral, world->now_ns);
    world->peripheral = NULL;
    world->central = NULL;
}

static void test_new(void **state)
{
    struct world *world = *state;
    struct peripheral *peripheral;
    assert_int_equal(peripheral_new(world->central, 0, &peripheral), BLEPROXY_E_INVALID);
    assert_int_equal(peripheral_new(world->central, UINT64_C(1) << 48, &peripheral), BLEPROXY_E_INVALID);
    world->test.fail_after = 0;
    assert_int_equal(peripheral_new(world->central, 1, &peripheral), BLEPROXY_E_NOMEM);
    struct central *central;
    const struct central_config config = {.env = &world->test.env, .hub = world->hub};
    assert_int_equal(central_new(&config, &central), BLEPROXY_E_NOMEM);
    world->test.fail_after = SIZE_MAX;
    assert_int_equal(peripheral_address(world->peripheral), DEVICE);
    assert_lost(world);
    peripheral_free(NULL, 0);
    central_free(NULL, 0);
}

static void test_disconnecting_without_memory(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), lost;
    watch(world, &lost);
    connect_device(world);
    int r = BLEPROXY_E_NOMEM;
    for (size_t allowed = 0; r < 0; allowed++) {
        world->test.fail_after = allowed;
        r = peripheral_disconnect(world->peripheral, on_told, &told, world->now_ns, NULL);
        world->test.fail_after = SIZE_MAX;
        assert_true(r == 0 || r == BLEPROXY_E_NOMEM);
        assert_true(peripheral_is_connected(world->peripheral));
    }
    assert_sent(world, "disconnect");
    say_connection(world, false, 0, 0x16);
    assert_int_equal(told.calls, 1);
    assert_int_equal(lost.calls, 1);
    assert_idle(world);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_f65_once_for_each_link),
        T(test_f65_proxy_lost_twice),
        T(test_scanner_freed_while_the_session_lives),
        T(test_scanner_freed_in_an_attempt),
        T(test_scanner_freed_while_a_slot_is_waited_for),
        T(test_f67_slot_report_without_the_device),
        T(test_f66_disconnect),
        T(test_f66_proxy_lost_while_disconnecting),
        T(test_disconnect_that_cannot_be_sent),
        T(test_disconnect_unconfirmed_for_20_s),
        T(test_disconnect_without_a_link),
        T(test_disconnect_cancelled_goes_on),
        T(test_requests_under_way_are_lost_with_a_wanted_end),
        T(test_link_reported_up_while_disconnecting),
        T(test_session_lost_without_a_word),
        T(test_callback_of_a_request_connects_again),
        T(test_on_disconnected_connects_again),
        T(test_on_disconnected_of_a_lost_proxy_connects_through_another),
        T(test_callback_frees_the_peripheral),
        T(test_callback_frees_the_central),
        T(test_callbacks_of_connecting_and_disconnecting_free),
        T(test_free_releases_at_every_stage),
        T(test_free_ends_connecting),
        T(test_central_freed_before_its_peripherals),
        T(test_new),
        T(test_disconnecting_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
