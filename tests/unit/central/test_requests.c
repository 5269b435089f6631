/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static int setup(void **state)
{
    int r = world_setup(state);
    connect_device(*state);
    return r;
}

static void read_begin(struct world *world, uint16_t handle, struct told *told)
{
    *told = told_by(world);
    assert_int_equal(
        peripheral_read(world->peripheral, handle, 0, on_told, told, world->now_ns, &told->operation), 0);
    assert_int_equal(told->calls, 0);
}

static int write_value(struct world *world, uint16_t handle, size_t size, enum bleproxy_write_mode mode,
                       struct told *told)
{
    static const uint8_t value[600] = {0x01, 0x02, 0x03};
    *told = told_by(world);
    return peripheral_write(world->peripheral, handle, value, size, mode, 0, on_told, told, world->now_ns,
                            &told->operation);
}

static void assert_done(const struct told *told, int error)
{
    assert_int_equal(told->calls, 1);
    assert_int_equal(told->result.error, error);
    assert_int_equal(told->result.source, SOURCE);
}

/* ---- Reading ---- */

static void test_reads_values_and_descriptors(void **state)
{
    struct world *world = *state;
    struct told value, descriptor;
    read_begin(world, MEASUREMENT, &value);
    read_begin(world, MEASUREMENT_DESCRIPTION, &descriptor);
    assert_sent(world, "read 12; read-descriptor 14");
    say_read(world, MEASUREMENT_DESCRIPTION, "68656c6c6f");
    assert_int_equal(value.calls, 0);
    assert_done(&descriptor, 0);
    assert_memory_equal(descriptor.value, "hello", 5);
    say_read(world, MEASUREMENT, "");
    assert_done(&value, 0);
    assert_int_equal(value.result.size, 0);
}

static void test_value_longer_than_any_is_refused(void **state)
{
    struct world *world = *state;
    struct told told;
    char text[2 * 513 + 1];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    read_begin(world, MEASUREMENT, &told);
    say_read(world, MEASUREMENT, text);
    assert_done(&told, BLEPROXY_E_PROTOCOL);
    read_begin(world, MEASUREMENT, &told);
    say_read(world, MEASUREMENT, text + 2);
    assert_done(&told, 0);
    assert_int_equal(told.result.size, 512);
}

static void test_f68_read_times_out_and_the_link_stays(void **state)
{
    struct world *world = *state;
    struct told told;
    read_begin(world, MEASUREMENT, &told);
    pass_ms(world, 29999);
    assert_int_equal(told.calls, 0);
    pass_ms(world, 1);
    assert_done(&told, BLEPROXY_E_TIMEOUT);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_TIMEOUT);
    assert_non_null(strstr(told.text, "0x0012"));
    assert_true(peripheral_is_connected(world->peripheral));
}

static void test_f68_gatt_error_minus_1_is_a_lost_link(void **state)
{
    struct world *world = *state;
    struct told told, other, lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &lost);
    read_begin(world, MEASUREMENT, &told);
    read_begin(world, ALARM, &other);
    say_gatt_error(world, MEASUREMENT, -1);
    assert_done(&told, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(told.result.code, -1);
    assert_false(told.connected);
    assert_done(&other, BLEPROXY_E_DISCONNECTED);
    assert_done(&lost, BLEPROXY_E_DISCONNECTED);
    assert_true(told.order < other.order && other.order < lost.order);
    /* The reference sends nothing: the proxy is told nonetheless, it may have the link by an error of its own. */
    assert_sent(world, "read 12; read 16; disconnect");
    say_connection(world, false, 0, 0);
    assert_int_equal(lost.calls, 1);
    assert_idle(world);
}

static void test_f68_dropped(void **state)
{
    struct world *world = *state;
    struct told told, lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &lost);
    read_begin(world, MEASUREMENT, &told);
    say_connection(world, false, 0, 0x13);
    assert_done(&told, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(told.result.code, 0x13);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_PEER);
    assert_non_null(strstr(told.text, "TERMINATE_PEER_USER")); /* not the GATT table's word for 0x13 */
    assert_done(&lost, BLEPROXY_E_DISCONNECTED);
    assert_sent(world, "read 12");
    assert_idle(world);
}

static void test_f68_connection_message_with_the_link_up(void **state)
{
    struct world *world = *state;
    struct told told, lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &lost);
    say_connection(world, true, 23, 0); /* disturbs nobody */
    assert_true(peripheral_is_connected(world->peripheral));
    read_begin(world, MEASUREMENT, &told);
    say_connection(world, true, 23, 0);
    assert_done(&told, BLEPROXY_E_DISCONNECTED);
    assert_done(&lost, BLEPROXY_E_DISCONNECTED);
    assert_sent(world, "read 12; disconnect"); /* the proxy has it still */
    say_connection(world, false, 0, 0x16);
    assert_idle(world);
}

static void test_f68_gatt_error_5_and_the_link_stays(void **state)
{
    struct world *world = *state;
    struct told told;
    read_begin(world, MEASUREMENT, &told);
    say_gatt_error(world, MEASUREMENT, 5);
    assert_done(&told, BLEPROXY_E_GATT);
    assert_int_equal(told.result.code, 5);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_KEY);
    assert_non_null(strstr(told.text, "INSUFFICIENT_AUTHENTICATION"));
    assert_non_null(strstr(told.text, "0x0012"));
    assert_true(peripheral_is_connected(world->peripheral));
    read_begin(world, MEASUREMENT, &told);
    say_gatt_error(world, MEASUREMENT, 0x0d);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_ATTRIBUTE);
    read_begin(world, MEASUREMENT, &told);
    say_gatt_error(world, MEASUREMENT, 0x7777);
    assert_non_null(strstr(told.text, "0x7777 = 30583"));
}

static void test_f69_not_connected(void **state)
{
    struct world *world = *state;
    struct peripheral *peripheral = world->peripheral;
    const struct bleproxy_connection_parameters parameters = {6, 12, 0, 100};
    struct told told = told_by(world);
    uint64_t now_ns = world->now_ns;
    say_connection(world, false, 0, 0x13);
    const int errors[] = {
        peripheral_read(peripheral, MEASUREMENT, 0, on_told, &told, now_ns, NULL),
        write_value(world, MEASUREMENT, 1, BLEPROXY_WRITE_DEFAULT, &told),
        peripheral_unsubscribe(peripheral, MEASUREMENT, on_told, &told, now_ns, NULL),
        peripheral_pair(peripheral, on_told, &told, now_ns, NULL),
        peripheral_unpair(peripheral, on_told, &told, now_ns, NULL),
        peripheral_set_parameters(peripheral, &parameters, on_told, &told, now_ns, NULL),
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        assert_int_equal(errors[i], BLEPROXY_E_NOT_CONNECTED);
    pass_ms(world, 40000);
    assert_int_equal(told.calls, 0);
    assert_sent(world, "");
    assert_idle(world);
}

static void test_f70_read_with_a_timeout(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    assert_int_equal(
        peripheral_read(world->peripheral, MEASUREMENT, 5 * NS_PER_S, on_told, &told, world->now_ns, NULL),
        0);
    pass_ms(world, 4999);
    assert_int_equal(told.calls, 0);
    pass_ms(world, 1);
    assert_done(&told, BLEPROXY_E_TIMEOUT);
}

static void test_unknown_handle(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    assert_int_equal(peripheral_read(world->peripheral, NO_HANDLE, 0, on_told, &told, world->now_ns, NULL),
                     BLEPROXY_E_NO_ATTRIBUTE);
    assert_int_equal(write_value(world, NO_HANDLE, 1, BLEPROXY_WRITE_DEFAULT, &told),
                     BLEPROXY_E_NO_ATTRIBUTE);
    assert_int_equal(peripheral_read(world->peripheral, 0, 0, on_told, &told, world->now_ns, NULL),
                     BLEPROXY_E_NO_ATTRIBUTE);
    assert_sent(world, "");
}

/* ---- A cache that is out of date ---- */

static void test_stale_handles_evict_the_cache(void **state)
{
    struct world *world = *state;
    struct told told;
    struct cache *cache = central_cache(world->central);
    read_begin(world, MEASUREMENT, &told);
    say_gatt_error(world, MEASUREMENT, 1);
    assert_non_null(cache_services(cache, DEVICE)); /* this connection discovered them itself */
    say_connection(world, false, 0, 0x13);

    static const int32_t codes[] = {1, 10};
    for (size_t i = 0; i < 2; i++) {
        struct told connected = told_by(world);
        attempt_begin(world, &connected);
        say_connection(world, true, 23, 0);
        assert_done(&connected, 0);
        read_begin(world, MEASUREMENT, &told);
        say_gatt_error(world, MEASUREMENT, 5);
        assert_non_null(cache_services(cache, DEVICE));
        read_begin(world, MEASUREMENT, &told);
        say_gatt_error(world, MEASUREMENT, codes[i]);
        assert_done(&told, BLEPROXY_E_GATT);
        assert_null(cache_services(cache, DEVICE));
        assert_int_equal(cache_mtu(cache, DEVICE), 0);
        assert_true(test_env_logged(&world->test, "discovered anew"));
        say_connection(world, false, 0, 0x13);
        connect_device(world);
        say_connection(world, false, 0, 0x13);
    }
}

/* ---- Writing ---- */

static void test_write_mode_by_property(void **state)
{
    struct world *world = *state;
    struct told told;
    assert_int_equal(write_value(world, MEASUREMENT, 3, BLEPROXY_WRITE_DEFAULT, &told), 0);
    assert_sent(world, "write 12 010203");
    pass_ms(world, 0);
    assert_int_equal(told.calls, 0);
    say_written(world, MEASUREMENT);
    assert_done(&told, 0);
    assert_int_equal(write_value(world, COMMAND, 2, BLEPROXY_WRITE_DEFAULT, &told), 0);
    assert_sent(world, "command 1b 0102");
    assert_int_equal(told.calls, 0);
    pass_ms(world, 0);
    assert_done(&told, 0);
    /* It cannot be written, and is to say so. */
    assert_int_equal(write_value(world, ALARM, 1, BLEPROXY_WRITE_DEFAULT, &told), 0);
    assert_sent(world, "write 16 01");
    say_gatt_error(world, ALARM, 0x03);
    assert_done(&told, BLEPROXY_E_GATT);
    assert_int_equal(write_value(world, MEASUREMENT, 1, BLEPROXY_WRITE_WITHOUT_RESPONSE, &told), 0);
    assert_sent(world, "command 12 01");
    pass_ms(world, 0);
    assert_int_equal(write_value(world, COMMAND, 0, BLEPROXY_WRITE_WITH_RESPONSE, &told), 0);
    assert_sent(world, "write 1b ");
    say_written(world, COMMAND);
    assert_done(&told, 0);
}

static void test_write_refused(void **state)
{
    struct world *world = *state;
    struct told told;
    assert_int_equal(write_value(world, MEASUREMENT, 3, BLEPROXY_WRITE_DEFAULT, &told), 0);
    say_gatt_error(world, MEASUREMENT, 3);
    assert_done(&told, BLEPROXY_E_GATT);
    assert_int_equal(told.result.code, 3);
}

static void test_length_of_writes(void **state)
{
    struct world *world = *state;
    struct told told;
    const enum bleproxy_write_mode command = BLEPROXY_WRITE_WITHOUT_RESPONSE;
    assert_int_equal(write_value(world, MEASUREMENT, 513, BLEPROXY_WRITE_DEFAULT, &told),
                     BLEPROXY_E_TOO_LONG);
    assert_int_equal(write_value(world, MEASUREMENT, 512, BLEPROXY_WRITE_DEFAULT, &told), 0);
    assert_sent(world, "write 12 512 bytes");
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(write_value(world, COMMAND, DEVICE_MTU - 2, command, &told), BLEPROXY_E_TOO_LONG);
    assert_int_equal(write_value(world, COMMAND, DEVICE_MTU - 3, command, &told), 0);
    assert_sent(world, "command 1b 182 bytes");
    operation_cancel(told.operation, world->now_ns);
}

static void test_arguments_of_writes(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    assert_int_equal(write_value(world, MEASUREMENT, 1, (enum bleproxy_write_mode)3, &told),
                     BLEPROXY_E_INVALID);
    assert_int_equal(peripheral_write(world->peripheral, MEASUREMENT, NULL, 1, BLEPROXY_WRITE_DEFAULT, 0,
                                      on_told, &told, world->now_ns, NULL),
                     BLEPROXY_E_INVALID);
    assert_int_equal(write_value(world, MEASUREMENT_CONFIGURATION, 2, BLEPROXY_WRITE_DEFAULT, &told),
                     BLEPROXY_E_INVALID);
    assert_sent(world, "");
}

static void test_descriptors_are_written_with_response(void **state)
{
    struct world *world = *state;
    struct told told;
    assert_int_equal(write_value(world, MEASUREMENT_DESCRIPTION, 2, BLEPROXY_WRITE_WITHOUT_RESPONSE, &told),
                     0);
    assert_sent(world, "write-descriptor 14 0102");
    pass_ms(world, 0);
    assert_int_equal(told.calls, 0);
    say_written(world, MEASUREMENT_DESCRIPTION);
    assert_done(&told, 0);
}

static void write_again(struct told *told)
{
    static const uint8_t value[1];
    assert_int_equal(peripheral_write(told->world->peripheral, COMMAND, value, 1, BLEPROXY_WRITE_DEFAULT, 0,
                                      on_told, told, told->world->now_ns, NULL),
                     0);
}

static void test_writes_without_response_take_one_tick_together(void **state)
{
    struct world *world = *state;
    struct told told[50], endless;
    unsigned deadlines = world->deadlines;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(write_value(world, COMMAND, 1, BLEPROXY_WRITE_DEFAULT, &told[i]), 0);
    assert_int_equal(world->deadlines, deadlines + 1);
    assert_int_equal(central_deadline(world->central), world->now_ns);
    central_tick(world->central, world->now_ns);
    for (unsigned i = 0; i < 50; i++)
        assert_done(&told[i], 0);
    assert_true(told[0].order < told[49].order);

    assert_int_equal(write_value(world, COMMAND, 1, BLEPROXY_WRITE_DEFAULT, &endless), 0);
    endless.then = write_again;
    for (unsigned i = 1; i <= 5; i++) {
        central_tick(world->central, world->now_ns);
        assert_int_equal(endless.calls, i); /* what it writes in its callback is told at the next tick */
    }
    endless.then = NULL;
    central_tick(world->central, world->now_ns);
    assert_int_equal(central_deadline(world->central), BP_NEVER);
}

/* ---- Cancelling, losing, running out ---- */

static unsigned begin_all(struct world *world, struct told told[8])
{
    const struct bleproxy_connection_parameters parameters = {6, 12, 0, 100};
    struct peripheral *peripheral = world->peripheral;
    uint64_t now_ns = world->now_ns;
    for (unsigned i = 0; i < 8; i++)
        told[i] = told_by(world);
    const int begun[] = {
        peripheral_read(peripheral, MEASUREMENT, 0, on_told, &told[0], now_ns, &told[0].operation),
        write_value(world, MEASUREMENT, 1, BLEPROXY_WRITE_DEFAULT, &told[1]),
        write_value(world, COMMAND, 1, BLEPROXY_WRITE_DEFAULT, &told[2]),
        write_value(world, MEASUREMENT_DESCRIPTION, 1, BLEPROXY_WRITE_DEFAULT, &told[3]),
        peripheral_pair(peripheral, on_told, &told[4], now_ns, &told[4].operation),
        peripheral_unpair(peripheral, on_told, &told[5], now_ns, &told[5].operation),
        peripheral_clear_cache(peripheral, on_told, &told[6], now_ns, &told[6].operation),
        peripheral_set_parameters(peripheral, &parameters, on_told, &told[7], now_ns, &told[7].operation),
    };
    unsigned n = 0;
    for (unsigned i = 0; i < 8; i++) {
        assert_true(begun[i] == 0 || begun[i] == BLEPROXY_E_NOMEM);
        n += begun[i] == 0;
        if (begun[i] < 0)
            told[i].operation = NULL;
    }
    return n;
}

static void test_cancelling_each(void **state)
{
    struct world *world = *state;
    struct told told[8];
    assert_int_equal(begin_all(world, told), 8);
    for (unsigned i = 0; i < 8; i++) {
        operation_cancel(told[i].operation, world->now_ns);
        assert_done(&told[i], BLEPROXY_E_CANCELLED);
    }
    assert_false(proxy_owes(world));
    say_read(world, MEASUREMENT, "00"); /* answers that come nonetheless */
    say_written(world, MEASUREMENT);
    say_paired(world, true, 0);
    pass_ms(world, 60000);
    assert_true(peripheral_is_connected(world->peripheral));
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(told[i].calls, 1);
}

static void test_losing_the_link_or_the_proxy_completes_all(void **state)
{
    struct world *world = *state;
    struct told told[8], lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &lost);
    begin_all(world, told);
    say_connection(world, false, 0, 0x08);
    for (unsigned i = 0; i < 8; i++) {
        assert_done(&told[i], BLEPROXY_E_DISCONNECTED);
        assert_int_equal(told[i].result.code, 0x08);
        assert_false(told[i].connected);
        assert_true(told[i].order < lost.order);
    }
    assert_done(&lost, BLEPROXY_E_DISCONNECTED);
    connect_device(world);
    begin_all(world, told);
    proxy_lose(world, 0);
    for (unsigned i = 0; i < 8; i++) {
        assert_done(&told[i], BLEPROXY_E_CLOSED); /* as on_disconnected is told */
        assert_int_equal(told[i].result.cause, BLEPROXY_CAUSE_PROXY);
    }
    assert_int_equal(lost.calls, 2);
    assert_idle(world);
}

static void test_every_allocation_may_fail(void **state)
{
    struct world *world = *state;
    unsigned n = 0;
    for (size_t allowed = 0; n < 8; allowed++) {
        struct told told[8];
        world->test.fail_after = allowed;
        n = begin_all(world, told);
        world->test.fail_after = SIZE_MAX;
        for (unsigned i = 0; i < 8; i++)
            if (told[i].operation)
                operation_cancel(told[i].operation, world->now_ns);
        assert_true(allowed < 100);
        assert_false(proxy_owes(world));
        assert_true(peripheral_is_connected(world->peripheral));
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_reads_values_and_descriptors),
        T(test_value_longer_than_any_is_refused),
        T(test_f68_read_times_out_and_the_link_stays),
        T(test_f68_gatt_error_minus_1_is_a_lost_link),
        T(test_f68_dropped),
        T(test_f68_connection_message_with_the_link_up),
        T(test_f68_gatt_error_5_and_the_link_stays),
        T(test_f69_not_connected),
        T(test_f70_read_with_a_timeout),
        T(test_unknown_handle),
        T(test_stale_handles_evict_the_cache),
        T(test_write_mode_by_property),
        T(test_write_refused),
        T(test_length_of_writes),
        T(test_arguments_of_writes),
        T(test_descriptors_are_written_with_response),
        T(test_writes_without_response_take_one_tick_together),
        T(test_cancelling_each),
        T(test_losing_the_link_or_the_proxy_completes_all),
        T(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
