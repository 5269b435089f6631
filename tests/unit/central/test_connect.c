/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "central/establish.h"

/* Whole connects, over the attempts as they are: test_establish.c has the rules. */

static void hear(struct world *world, unsigned proxy, int32_t rssi)
{
    static const uint8_t flags[] = {2, 1, 6};
    const struct batch_advert advert = {
        .address = DEVICE, .data = flags, .size = sizeof(flags), .rssi = rssi, .address_type = 1};
    scanner_report(world->proxies[proxy].scanner, &advert, world->now_ns);
}

static void begin(struct world *world, const struct bleproxy_connect_options *options, struct told *told)
{
    assert_int_equal(
        establish_start(world->peripheral, options, on_told, told, world->now_ns, &told->operation), 0);
    pass_ms(world, 0);
    assert_int_equal(told->calls, 0);
}

static void assert_cancelled(struct world *world, const struct told *told)
{
    assert_int_equal(told->calls, 1);
    assert_int_equal(told->result.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(told->result.cause, BLEPROXY_CAUSE_CALLER);
    assert_true(list_empty(&world->central->operations));
}

static void test_connected_at_the_second_attempt(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    hear(world, 0, -60);
    begin(world, NULL, &told);
    assert_sent(world, "connect");
    say_connection(world, false, 0, 0x3e);
    pass_ms(world, 499);
    assert_sent(world, "");
    pass_ms(world, 1);
    assert_sent(world, "connect");
    say_connection(world, true, DEVICE_MTU, 0);
    say_services(world);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(told.result.attempts, 2);
    assert_int_equal(told.result.source, SOURCE);
    assert_true(told.connected);
    assert_true(list_empty(&world->central->operations));
}

static void test_a_connect_that_fails_says_why(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    hear(world, 0, -60);
    begin(world, NULL, &told);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(told.calls, 0);
        say_connection(world, false, 0, 0x85);
        pass_ms(world, 1000);
    }
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_LINK);
    assert_int_equal(told.result.code, 0x85);
    assert_int_equal(told.result.attempts, 4);
    assert_non_null(
        strstr(told.text, "gave up after 4 attempts: connecting to A4:C1:38:11:22:33 through kitchen"));
    assert_non_null(strstr(told.text, "GATT_ERROR"));
    assert_idle(world);
}

static void test_a_deadline_that_ends_the_wait_for_a_slot_says_that_a_slot_is_missing(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    const struct bleproxy_connect_options options = {.deadline_ms = 1000};
    hear(world, 0, -60);
    say_slots_of(world, 0, 0, 3);
    begin(world, &options, &told);
    pass_ms(world, 1000);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_SLOTS);
    assert_non_null(
        strstr(told.text, "all connection slots of the proxies that hear it are in use: kitchen (3 of 3)"));
    assert_int_equal(told.result.attempts, 0);
    assert_sent(world, "");
    assert_idle(world);
}

static void garage_has_slots(struct world *world)
{
    BluetoothConnectionsFreeResponse slots = BLUETOOTH_CONNECTIONS_FREE_RESPONSE__INIT;
    slots.free = slots.limit = 3;
    say(world, 1, MESSAGE_CONNECTIONS_FREE_RESPONSE, &slots.base);
}

/* Its services are known. */
static void garage_connects(struct world *world)
{
    BluetoothDeviceConnectionResponse connection = BLUETOOTH_DEVICE_CONNECTION_RESPONSE__INIT;
    connection.address = DEVICE;
    connection.connected = true;
    connection.mtu = DEVICE_MTU;
    say(world, 1, MESSAGE_DEVICE_CONNECTION_RESPONSE, &connection.base);
}

static void test_the_proxy_is_lost_and_another_hears_it(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    connect_device(world);
    say_connection(world, false, 0, 0x13);
    proxy_begin(world, 1, ALL_FEATURES);
    garage_has_slots(world);
    hear(world, 0, -60);
    hear(world, 1, -90);
    begin(world, NULL, &told);
    assert_sent(world, "hint");
    pass_ms(world, 3000);
    proxy_lose(world, 0);
    pass_ms(world, 249);
    assert_sent_to(world, 1, "");
    pass_ms(world, 1);
    assert_sent_to(world, 1, "hint");
    garage_connects(world);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(told.result.attempts, 2);
    assert_int_equal(told.result.source, SOURCE + 1);
    assert_int_equal(peripheral_source(world->peripheral), SOURCE + 1);
}

static void test_the_deadline_leaves_no_link(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    const struct bleproxy_connect_options options = {.deadline_ms = 5000};
    hear(world, 0, -60);
    begin(world, &options, &told);
    say_connection(world, true, DEVICE_MTU, 0);
    assert_sent(world, "connect; services");
    pass_ms(world, 4999);
    assert_int_equal(told.calls, 0);
    pass_ms(world, 1);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(told.result.source, SOURCE);
    assert_sent(world, "disconnect");
    say_connection(world, false, 0, 0x16);
    pass_ms(world, 60000);
    assert_int_equal(told.calls, 1);
    assert_idle(world);
}

static void test_cancelled_while_services_come(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    hear(world, 0, -60);
    begin(world, NULL, &told);
    say_connection(world, true, DEVICE_MTU, 0);
    operation_cancel(told.operation, world->now_ns);
    assert_cancelled(world, &told);
    assert_sent(world, "connect; services; disconnect");
    say_services(world);
    say_connection(world, false, 0, 0x16);
    pass_ms(world, 60000);
    assert_int_equal(told.calls, 1);
    assert_idle(world);
}

static void test_another_object_is_told_that_the_device_is_taken(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), none = told_by(world);
    struct peripheral *second;
    assert_int_equal(peripheral_new(world->central, DEVICE, &second), 0);
    hear(world, 0, -60);
    begin(world, NULL, &told);
    assert_int_equal(establish_start(second, NULL, on_told, &none, world->now_ns, &none.operation),
                     BLEPROXY_E_BUSY);
    say_connection(world, false, 0, 0x3e); /* now it pauses */
    pass_ms(world, 100);
    assert_int_equal(establish_start(second, NULL, on_told, &none, world->now_ns, &none.operation),
                     BLEPROXY_E_BUSY);
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(establish_start(second, NULL, on_told, &none, world->now_ns, &none.operation), 0);
    peripheral_free(second, world->now_ns);
    assert_int_equal(none.calls, 1);
    assert_int_equal(none.result.error, BLEPROXY_E_CANCELLED);
}

static void free_peripheral(struct world *world)
{
    struct peripheral *peripheral = world->peripheral;
    world->peripheral = NULL;
    peripheral_free(peripheral, world->now_ns);
}

static void test_freed_in_an_attempt(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    hear(world, 0, -60);
    begin(world, NULL, &told);
    free_peripheral(world);
    assert_cancelled(world, &told);
    assert_sent(world, "connect; disconnect");
}

static void test_freed_in_a_pause(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    hear(world, 0, -60);
    begin(world, NULL, &told);
    say_connection(world, false, 0, 0x100);
    pass_ms(world, 1000);
    free_peripheral(world);
    assert_cancelled(world, &told);
    hear(world, 0, -50);
    pass_ms(world, 60000);
    assert_int_equal(told.calls, 1);
}

static void test_freed_while_nobody_hears_it(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    begin(world, NULL, &told);
    pass_ms(world, 5000);
    free_peripheral(world);
    assert_cancelled(world, &told);
    hear(world, 0, -50);
    pass_ms(world, 60000);
    assert_int_equal(told.calls, 1);
}

static void free_from_within(struct told *told)
{
    struct world *world = told->world;
    struct central *central = world->central;
    free_peripheral(world);
    world->central = NULL;
    central_free(central, world->now_ns);
}

static void test_peripheral_and_central_freed_in_the_callback(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    told.then = free_from_within;
    hear(world, 0, -60);
    begin(world, NULL, &told);
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(told.calls, 1);
}

static void test_peripheral_and_central_freed_at_the_deadline(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    const struct bleproxy_connect_options options = {.deadline_ms = 3000};
    told.then = free_from_within;
    hear(world, 0, -60);
    begin(world, &options, &told);
    world->now_ns += 3 * NS_PER_S;
    central_tick(world->central, world->now_ns);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
}

static void test_the_central_goes_first(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), none = told_by(world);
    hear(world, 0, -60);
    begin(world, NULL, &told);
    struct central *central = world->central;
    central_free(central, world->now_ns);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(establish_start(world->peripheral, NULL, on_told, &none, world->now_ns, &none.operation),
                     BLEPROXY_E_STATE);
    world->central = NULL;
}

static void test_out_of_memory_at_every_point(void **state)
{
    struct world *world = *state;
    for (size_t n = 0; n < 100; n++) {
        struct told told = told_by(world);
        const struct bleproxy_connect_options once = {.attempts = 1, .no_cache = true};
        hear(world, 0, -60);
        world->test.fail_after = n;
        int r = establish_start(world->peripheral, &once, on_told, &told, world->now_ns, &told.operation);
        if (r == 0) {
            pass_ms(world, 0);
            if (told.calls == 0)
                say_connection(world, true, DEVICE_MTU, 0);
            if (told.calls == 0)
                say_services(world);
        }
        world->test.fail_after = SIZE_MAX;
        if (r < 0) {
            assert_int_equal(r, BLEPROXY_E_NOMEM);
            continue;
        }
        pass_ms(world, 3000);
        assert_int_equal(told.calls, 1);
        if (told.result.error == 0)
            return;
        if (!world->proxies[0].session || !world->proxies[0].scanner)
            fail_msg("the session did not survive");
        say_connection(world, false, 0, 0x16);
        assert_idle(world);
    }
    fail_msg("it never succeeded");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connected_at_the_second_attempt),
        TEST(test_a_connect_that_fails_says_why),
        TEST(test_a_deadline_that_ends_the_wait_for_a_slot_says_that_a_slot_is_missing),
        TEST(test_the_proxy_is_lost_and_another_hears_it),
        TEST(test_the_deadline_leaves_no_link),
        TEST(test_cancelled_while_services_come),
        TEST(test_another_object_is_told_that_the_device_is_taken),
        TEST(test_freed_in_an_attempt),
        TEST(test_freed_in_a_pause),
        TEST(test_freed_while_nobody_hears_it),
        TEST(test_peripheral_and_central_freed_in_the_callback),
        TEST(test_peripheral_and_central_freed_at_the_deadline),
        TEST(test_the_central_goes_first),
        TEST(test_out_of_memory_at_every_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
