/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* What came of a subscription: the values, as text. */
struct values {
    struct world *world;
    char text[2000];
    unsigned n;
    void (*then)(struct values *values);
    struct told told; /* of what then() does */
};

static struct values values_of(struct world *world)
{
    return (struct values){.world = world, .told = told_by(world)};
}

static void on_value(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct values *values = user;
    size_t n = strlen(values->text);
    values->n++;
    n += (size_t)snprintf(values->text + n, sizeof(values->text) - n, "%s%x:", n > 0 ? " " : "", handle);
    for (size_t i = 0; i < size && i < 20; i++)
        n += (size_t)snprintf(values->text + n, sizeof(values->text) - n, "%02x", value[i]);
    if (values->then)
        values->then(values);
}

static int setup(void **state)
{
    int r = world_setup(state);
    connect_device(*state);
    return r;
}

static int subscribe(struct world *world, uint16_t handle, struct values *values, struct told *told)
{
    *told = told_by(world);
    return peripheral_subscribe(world->peripheral, handle, 0, on_value, values, on_told, told, world->now_ns,
                                &told->operation);
}

static void subscribed(struct world *world, struct values *values)
{
    struct told told;
    assert_int_equal(subscribe(world, MEASUREMENT, values, &told), 0);
    say_notifying(world, MEASUREMENT);
    say_written(world, MEASUREMENT_CONFIGURATION);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_sent(world, "notify 12 on; write-descriptor 13 0100");
}

static void unsubscribe(struct world *world, uint16_t handle, struct told *told)
{
    *told = told_by(world);
    assert_int_equal(
        peripheral_unsubscribe(world->peripheral, handle, on_told, told, world->now_ns, &told->operation), 0);
    assert_int_equal(told->calls, 0);
}

/* ---- Subscribing ---- */

static void test_f71_twice(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told told, again;
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &told), 0);
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &again), BLEPROXY_E_BUSY);
    say_notifying(world, MEASUREMENT);
    say_written(world, MEASUREMENT_CONFIGURATION);
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &again), BLEPROXY_E_BUSY);
    assert_int_equal(told.result.error, 0);
}

/* The reference enables a characteristic that lacks its configuration first, and fails then. */
static void test_f71_refused_before_anything_is_sent(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told told;
    assert_int_equal(subscribe(world, COMMAND, &values, &told), BLEPROXY_E_PROPERTY);
    assert_int_equal(subscribe(world, BARE, &values, &told), BLEPROXY_E_NO_ATTRIBUTE);
    assert_int_equal(subscribe(world, NO_HANDLE, &values, &told), BLEPROXY_E_NO_ATTRIBUTE);
    assert_int_equal(subscribe(world, MEASUREMENT_CONFIGURATION, &values, &told), BLEPROXY_E_NO_ATTRIBUTE);
    assert_int_equal(peripheral_subscribe(world->peripheral, MEASUREMENT, 0, NULL, NULL, on_told, &told,
                                          world->now_ns, NULL),
                     BLEPROXY_E_INVALID);
    assert_true(list_empty(&world->peripheral->subscriptions));
    assert_sent(world, "");
}

static void assert_failed(struct world *world, const struct values *values, const struct told *told,
                          int error, const char *sent)
{
    assert_int_equal(told->calls, 1);
    assert_int_equal(told->result.error, error);
    assert_sent(world, sent);
    assert_true(list_empty(&world->peripheral->subscriptions));
    say_value(world, MEASUREMENT, "ff");
    assert_int_equal(values->n, 0);
    assert_true(list_empty(&world->central->operations));
    assert_false(proxy_owes(world));
    assert_true(peripheral_is_connected(world->peripheral));
}

static void test_f71_enabling_fails(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told told;
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &told), 0);
    say_gatt_error(world, MEASUREMENT, 0x80);
    assert_failed(world, &values, &told, BLEPROXY_E_GATT, "notify 12 on");
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &told), 0);
    pass_ms(world, 30000);
    assert_failed(world, &values, &told, BLEPROXY_E_TIMEOUT, "notify 12 on; notify 12 off");
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &told), 0);
    operation_cancel(told.operation, world->now_ns);
    assert_failed(world, &values, &told, BLEPROXY_E_CANCELLED, "notify 12 on; notify 12 off");
}

static void test_f71_writing_the_configuration_fails(void **state)
{
    struct world *world = *state;
    static const int errors[] = {BLEPROXY_E_GATT, BLEPROXY_E_TIMEOUT, BLEPROXY_E_CANCELLED};
    for (unsigned i = 0; i < 3; i++) {
        struct values values = values_of(world);
        struct told told;
        const char *sent = "notify 12 on; write-descriptor 13 0100; write-descriptor 13 0000; notify 12 off";
        assert_int_equal(subscribe(world, MEASUREMENT, &values, &told), 0);
        say_notifying(world, MEASUREMENT);
        if (errors[i] == BLEPROXY_E_GATT)
            say_gatt_error(world, MEASUREMENT_CONFIGURATION, 5);
        else if (errors[i] == BLEPROXY_E_TIMEOUT)
            pass_ms(world, 30000);
        else
            operation_cancel(told.operation, world->now_ns);
        if (errors[i] == BLEPROXY_E_GATT) /* the device has refused: it sends nothing */
            sent = "notify 12 on; write-descriptor 13 0100; notify 12 off";
        assert_failed(world, &values, &told, errors[i], sent);
    }
}

static void test_f72_configuration_by_property(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told both, indicate;
    assert_int_equal(subscribe(world, BOTH, &values, &both), 0);
    assert_sent(world, "notify 1d on");
    say_notifying(world, BOTH);
    assert_sent(world, "write-descriptor 1e 0100");
    assert_int_equal(subscribe(world, ALARM, &values, &indicate), 0);
    say_notifying(world, ALARM);
    assert_sent(world, "notify 16 on; write-descriptor 17 0200");
    assert_int_equal(both.calls, 0);
    say_written(world, BOTH_CONFIGURATION);
    assert_int_equal(both.calls, 1);
    say_written(world, ALARM_CONFIGURATION);
    assert_int_equal(indicate.result.error, 0);
    /* Without REMOTE_CACHING the firmware writes it: through such a proxy we do not connect, see test_attempt. */
}

static void test_values_come_in_order_from_the_beginning(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told told;
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &told), 0);
    say_value(world, MEASUREMENT, "01"); /* before the answer */
    say_notifying(world, MEASUREMENT);
    say_value(world, MEASUREMENT, "02");
    say_value(world, ALARM, "aa"); /* nobody's */
    say_written(world, MEASUREMENT_CONFIGURATION);
    say_value(world, MEASUREMENT, "");
    say_value(world, MEASUREMENT, "0304");
    assert_string_equal(values.text, "12:01 12:02 12: 12:0304");
}

static void test_value_longer_than_any_is_dropped(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    char text[2 * 513 + 1];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    subscribed(world, &values);
    for (unsigned i = 0; i < 100; i++)
        say_value(world, MEASUREMENT, text);
    assert_int_equal(values.n, 0);
    assert_int_equal(world->test.n_logs[BLEPROXY_LOG_WARNING], 1);
    say_value(world, MEASUREMENT, text + 2);
    assert_int_equal(values.n, 1);
}

/* ---- The end ---- */

static void test_f73_unsubscribing_from_what_is_not_subscribed(void **state)
{
    struct world *world = *state;
    struct told told;
    unsubscribe(world, MEASUREMENT, &told);
    pass_ms(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_sent(world, "");
}

/* The reference leaves the configuration written, and the device sending. */
static void test_unsubscribing_writes_the_configuration(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told told;
    subscribed(world, &values);
    unsubscribe(world, MEASUREMENT, &told);
    assert_sent(world, "write-descriptor 13 0000; notify 12 off");
    say_value(world, MEASUREMENT, "01");
    pass_ms(world, 10);
    assert_int_equal(told.calls, 0);
    struct told again;
    assert_int_equal(subscribe(world, MEASUREMENT, &values, &again), BLEPROXY_E_BUSY);
    say_written(world, MEASUREMENT_CONFIGURATION);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(values.n, 0);
    subscribed(world, &values);
    say_value(world, MEASUREMENT, "02");
    assert_int_equal(values.n, 1);
}

static void test_unsubscribing_fails_or_is_cancelled_or_loses_the_link(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told told;
    subscribed(world, &values);
    unsubscribe(world, MEASUREMENT, &told);
    say_gatt_error(world, MEASUREMENT_CONFIGURATION, 3);
    assert_failed(world, &values, &told, BLEPROXY_E_GATT, "write-descriptor 13 0000; notify 12 off");
    subscribed(world, &values);
    unsubscribe(world, MEASUREMENT, &told);
    operation_cancel(told.operation, world->now_ns);
    assert_failed(world, &values, &told, BLEPROXY_E_CANCELLED, "write-descriptor 13 0000; notify 12 off");
    subscribed(world, &values);
    unsubscribe(world, MEASUREMENT, &told);
    say_connection(world, false, 0, 0x08);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0); /* the device forgets it with the link */
}

static void test_unsubscribing_while_it_is_being_subscribed(void **state)
{
    struct world *world = *state;
    for (unsigned i = 0; i < 2; i++) {
        struct values values = values_of(world);
        struct told told, ended;
        assert_int_equal(subscribe(world, MEASUREMENT, &values, &told), 0);
        if (i == 1)
            say_notifying(world, MEASUREMENT);
        unsubscribe(world, MEASUREMENT, &ended);
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.result.error, BLEPROXY_E_CANCELLED);
        assert_sent(world,
                    i == 1 ? "notify 12 on; write-descriptor 13 0100; write-descriptor 13 0000; notify 12 off"
                           : "notify 12 on; write-descriptor 13 0000; notify 12 off");
        say_written(world, MEASUREMENT_CONFIGURATION);
        assert_failed(world, &values, &ended, 0, "");
    }
}

static void test_link_ends_subscriptions(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    struct told told;
    subscribed(world, &values);
    assert_int_equal(subscribe(world, ALARM, &values, &told), 0);
    say_connection(world, false, 0, 0x08);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_DISCONNECTED);
    assert_sent(world, "notify 16 on"); /* nothing is left to switch off */
    connect_device(world);
    say_value(world, MEASUREMENT, "01");
    assert_int_equal(values.n, 0);
    subscribed(world, &values);
}

/* ---- In callbacks ---- */

static void unsubscribe_in_callback(struct values *values)
{
    struct world *world = values->world;
    assert_int_equal(
        peripheral_unsubscribe(world->peripheral, MEASUREMENT, on_told, &values->told, world->now_ns, NULL),
        0);
}

static void free_in_callback(struct values *values)
{
    peripheral_free(values->world->peripheral, values->world->now_ns);
    values->world->peripheral = NULL;
}

static void free_all_in_callback(struct values *values)
{
    struct world *world = values->world;
    central_free(world->central, world->now_ns);
    free_in_callback(values);
    world->central = NULL;
    proxy_lose(world, 0);
}

static void test_callback_unsubscribes(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    subscribed(world, &values);
    values.then = unsubscribe_in_callback;
    say_value(world, MEASUREMENT, "01");
    say_value(world, MEASUREMENT, "02");
    assert_int_equal(values.n, 1);
    say_written(world, MEASUREMENT_CONFIGURATION);
    assert_int_equal(values.told.calls, 1);
}

static void test_callback_frees_the_peripheral(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    subscribed(world, &values);
    values.then = free_in_callback;
    say_value(world, MEASUREMENT, "01");
    assert_sent(world, "disconnect");
    say_value(world, MEASUREMENT, "02");
    assert_int_equal(values.n, 1);
    assert_idle(world);
}

static void test_callback_frees_everything(void **state)
{
    struct world *world = *state;
    struct values values = values_of(world);
    subscribed(world, &values);
    values.then = free_all_in_callback;
    say_value(world, MEASUREMENT, "01");
    assert_int_equal(values.n, 1);
}

static void test_every_allocation_may_fail(void **state)
{
    struct world *world = *state;
    int r = BLEPROXY_E_NOMEM;
    for (size_t allowed = 0; r < 0; allowed++) {
        struct values values = values_of(world);
        struct told told;
        world->test.fail_after = allowed;
        r = subscribe(world, MEASUREMENT, &values, &told);
        world->test.fail_after = SIZE_MAX;
        assert_true(r == 0 || r == BLEPROXY_E_NOMEM);
        assert_int_equal(list_empty(&world->peripheral->subscriptions), r < 0);
        assert_int_equal(list_empty(&world->central->operations), r < 0);
        if (r == 0)
            operation_cancel(told.operation, world->now_ns);
    }
    assert_sent(world, "notify 12 on; notify 12 off");
    for (size_t allowed = 0;; allowed++) {
        struct values values = values_of(world);
        struct told told = told_by(world);
        subscribed(world, &values);
        world->test.fail_after = allowed;
        r = peripheral_unsubscribe(world->peripheral, MEASUREMENT, on_told, &told, world->now_ns, NULL);
        world->test.fail_after = SIZE_MAX;
        say_value(world, MEASUREMENT, "01");
        assert_int_equal(values.n, r < 0); /* what fails has changed nothing */
        if (r < 0) {
            assert_int_equal(r, BLEPROXY_E_NOMEM);
            assert_int_equal(
                peripheral_unsubscribe(world->peripheral, MEASUREMENT, on_told, &told, world->now_ns, NULL),
                0);
        }
        say_written(world, MEASUREMENT_CONFIGURATION);
        assert_int_equal(told.calls, 1);
        assert_sent(world, "write-descriptor 13 0000; notify 12 off");
        if (r == 0)
            break;
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_f71_twice),
        T(test_f71_refused_before_anything_is_sent),
        T(test_f71_enabling_fails),
        T(test_f71_writing_the_configuration_fails),
        T(test_f72_configuration_by_property),
        T(test_values_come_in_order_from_the_beginning),
        T(test_value_longer_than_any_is_dropped),
        T(test_f73_unsubscribing_from_what_is_not_subscribed),
        T(test_unsubscribing_writes_the_configuration),
        T(test_unsubscribing_fails_or_is_cancelled_or_loses_the_link),
        T(test_unsubscribing_while_it_is_being_subscribed),
        T(test_link_ends_subscriptions),
        T(test_callback_unsubscribes),
        T(test_callback_frees_the_peripheral),
        T(test_callback_frees_everything),
        T(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
