/* SPDX-License-Identifier: MIT */
/* Programs that free and cancel things to do with devices at the wrong moment. */
#include "device_fixture.h"

#include <signal.h>

/* Cancelled or freed after so many turns of the loop: whatever the link is at then. */
enum { TURNS_MAX = 60 };

static void free_it(struct fixture *fixture)
{
    bleproxy_peripheral_free(fixture->peripheral);
    fixture->peripheral = NULL;
    bleproxy_loop_stop(fixture->loop);
}

static void free_when_done(void *user, const struct bleproxy_result *result)
{
    struct fixture *fixture = user;
    fixture->n_done++;
    fixture->last.error = result->error;
    free_it(fixture);
}

static void free_when_notified(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct fixture *fixture = user;
    (void)handle, (void)value, (void)size;
    fixture->n_notified++;
    free_it(fixture);
}

static void test_a_peripheral_is_freed_in_each_of_its_callbacks(void **state)
{
    (void)state;
    enum { AT_CONNECTED, AT_READ, AT_WRITTEN, AT_SUBSCRIBED, AT_NOTIFIED, AT_LOST, AT_LEFT, N_CASES };
    static const uint8_t ten[] = {10, 0};
    for (int when = 0; when < N_CASES; when++) {
        struct fixture fixture;
        fixture_open(&fixture, "Virtual UART", NULL);
        struct bleproxy_peripheral *peripheral = fixture.peripheral;
        int r = bleproxy_peripheral_connect(
            peripheral, NULL, when == AT_CONNECTED ? free_when_done : fixture_done, &fixture, NULL);
        assert_int_equal(r, 0);
        fixture_run(&fixture, &fixture.n_done, 1);
        if (when != AT_CONNECTED) {
            uint16_t store = fixture_handle(&fixture, UART_STORE),
                     burst = fixture_handle(&fixture, UART_BURST);
            switch (when) {
            case AT_READ:
                r = bleproxy_peripheral_read(peripheral, store, 0, free_when_done, &fixture, NULL);
                break;
            case AT_WRITTEN:
                r = bleproxy_peripheral_write(peripheral, store, "x", 1, BLEPROXY_WRITE_WITHOUT_RESPONSE, 0,
                                              free_when_done, &fixture, NULL);
                break;
            case AT_SUBSCRIBED:
                r = bleproxy_peripheral_subscribe(peripheral, burst, 0, fixture_notified, &fixture,
                                                  free_when_done, &fixture, NULL);
                break;
            case AT_NOTIFIED:
                r = bleproxy_peripheral_subscribe(peripheral, burst, 0, free_when_notified, &fixture,
                                                  fixture_done, &fixture, NULL);
                fixture_run(&fixture, &fixture.n_done, 2);
                assert_int_equal(fixture_write(&fixture, burst, ten, 2, BLEPROXY_WRITE_DEFAULT), 0);
                fixture_run(&fixture, &fixture.n_notified, 1);
                break;
            case AT_LOST:
                bleproxy_peripheral_on_disconnected(peripheral, free_when_done, &fixture);
                r = bleproxy_peripheral_disconnect(peripheral, fixture_done, &fixture, NULL);
                break;
            case AT_LEFT:
                r = bleproxy_peripheral_disconnect(peripheral, free_when_done, &fixture, NULL);
                break;
            }
            assert_int_equal(r, 0);
            fixture_run(&fixture, &fixture.n_done, 2);
        }
        assert_int_equal(fixture.n_notified, when == AT_NOTIFIED);
        assert_null(fixture.peripheral);
        fixture_close(&fixture);
    }
}

static void free_all(struct fixture *fixture)
{
    bleproxy_peripheral_free(fixture->peripheral);
    bleproxy_manager_free(fixture->manager);
    bleproxy_hub_free(fixture->hub);
    bleproxy_loop_free(fixture->loop);
    fixture->peripheral = NULL;
    fixture->manager = NULL;
    fixture->hub = NULL;
    fixture->loop = NULL;
}

static void free_all_when_done(void *user, const struct bleproxy_result *result)
{
    struct fixture *fixture = user;
    fixture->n_done++;
    fixture->last.error = result->error;
    free_all(fixture);
}

static void test_everything_is_freed_when_a_value_comes(void **state)
{
    (void)state;
    struct fixture fixture;
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    fixture_open_uv(&fixture, &uv, "Virtual Battery");
    assert_int_equal(fixture_connect(&fixture), 0);
    assert_int_equal(bleproxy_peripheral_read(fixture.peripheral, fixture_handle(&fixture, "2a19"), 0,
                                              free_all_when_done, &fixture, NULL),
                     0);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(fixture.n_done, 2);
    assert_int_equal(fixture.last.error, 0);
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&fixture.proxy, SIGTERM);
}

static void test_everything_is_freed_when_an_operation_is_cancelled(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bleproxy_operation *operation;
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    fixture_open_uv(&fixture, &uv, "Virtual Battery");
    assert_int_equal(
        bleproxy_peripheral_connect(fixture.peripheral, NULL, free_all_when_done, &fixture, &operation), 0);
    bleproxy_operation_cancel(operation);
    assert_int_equal(fixture.n_done, 1);
    assert_int_equal(fixture.last.error, BLEPROXY_E_CANCELLED);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&fixture.proxy, SIGTERM);
}

static void test_everything_is_freed_when_the_peripherals_end_cancels(void **state)
{
    (void)state;
    struct fixture fixture;
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    fixture_open_uv(&fixture, &uv, "Virtual Battery");
    assert_int_equal(
        bleproxy_peripheral_connect(fixture.peripheral, NULL, free_all_when_done, &fixture, NULL), 0);
    bleproxy_peripheral_free(fixture.peripheral);
    assert_int_equal(fixture.n_done, 1);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&fixture.proxy, SIGTERM);
}

static void test_everything_is_freed_when_unsubscribing_cancels(void **state)
{
    (void)state;
    struct fixture fixture;
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    fixture_open_uv(&fixture, &uv, "Virtual UART");
    assert_int_equal(fixture_connect(&fixture), 0);
    uint16_t echo = fixture_handle(&fixture, UART_ECHO);
    assert_int_equal(bleproxy_peripheral_subscribe(fixture.peripheral, echo, 0, fixture_notified, &fixture,
                                                   free_all_when_done, &fixture, NULL),
                     0);
    assert_int_equal(bleproxy_peripheral_unsubscribe(fixture.peripheral, echo, NULL, NULL, NULL), 0);
    assert_int_equal(fixture.n_done, 2);
    assert_int_equal(fixture.last.error, BLEPROXY_E_CANCELLED);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&fixture.proxy, SIGTERM);
}

static struct bleproxy_operation *own;

static void cancel_own(void *user, const struct bleproxy_result *result)
{
    bleproxy_operation_cancel(own);
    fixture_done(user, result);
}

static void free_all_and_cancel_own(void *user, const struct bleproxy_result *result)
{
    free_all_when_done(user, result);
    bleproxy_operation_cancel(own);
}

static void test_cancelling_in_its_own_callback_does_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    fixture_open_uv(&fixture, &uv, "Virtual Battery");
    assert_int_equal(bleproxy_peripheral_connect(fixture.peripheral, NULL, cancel_own, &fixture, &own), 0);
    fixture_run(&fixture, &fixture.n_done, 1);
    assert_int_equal(fixture.last.error, 0);
    assert_int_equal(bleproxy_peripheral_read(fixture.peripheral, fixture_handle(&fixture, "2a19"), 0,
                                              free_all_and_cancel_own, &fixture, &own),
                     0);
    while (uv_run(&uv, UV_RUN_DEFAULT) > 0) /* a stop may be left */
        continue;
    assert_int_equal(fixture.n_done, 2);
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&fixture.proxy, SIGTERM);
}

static void try_again(void *user, const struct bleproxy_result *result)
{
    struct fixture *fixture = user;
    struct bleproxy_peripheral *other;
    fixture->n_done++;
    assert_int_equal(result->error, BLEPROXY_E_CANCELLED);
    assert_true(bleproxy_peripheral_connect(fixture->peripheral, NULL, fixture_done, fixture, NULL) < 0);
    assert_int_equal(bleproxy_peripheral_new(fixture->hub, 1, &other), BLEPROXY_E_STATE);
    bleproxy_hub_free(fixture->hub);
}

static void test_the_hubs_end_cancels_what_is_under_way(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    assert_int_equal(bleproxy_loop_new(NULL, &fixture.loop), 0);
    assert_int_equal(bleproxy_hub_new(fixture.loop, NULL, &fixture.hub), 0);
    assert_int_equal(bleproxy_peripheral_new(fixture.hub, 1, &fixture.peripheral), 0);
    assert_int_equal(bleproxy_peripheral_connect(fixture.peripheral, NULL, try_again, &fixture, NULL), 0);
    bleproxy_loop_process(fixture.loop);
    bleproxy_hub_free(fixture.hub);
    assert_int_equal(fixture.n_done, 1);
    bleproxy_peripheral_free(fixture.peripheral); /* late, but fine */
    bleproxy_loop_free(fixture.loop);
}

struct watch {
    struct fixture *fixture;
    uint32_t free;
    int n_calls;
};

static void on_slots(void *user, uint64_t source, const char *proxy, const struct bleproxy_slots *slots)
{
    struct watch *watch = user;
    (void)source, (void)proxy;
    watch->free = slots->free;
    watch->n_calls++;
    bleproxy_loop_stop(watch->fixture->loop);
}

static void turn(struct fixture *fixture)
{
    uv_run(fixture->uv, UV_RUN_ONCE);
}

/* A connect that ends after each number of turns, until it is too late for that; nothing of it remains. */
static void end_connects(void (*end)(struct fixture *fixture, struct bleproxy_operation *operation))
{
    struct fixture fixture;
    struct bleproxy_operation *operation;
    uv_loop_t uv;
    bool late = false;
    assert_int_equal(uv_loop_init(&uv), 0);
    fixture_open_uv(&fixture, &uv, "Virtual Tower");
    struct watch watch = {.fixture = &fixture, .free = 3};
    bleproxy_hub_watch_slots(fixture.hub, on_slots, &watch);
    for (int turns = 0; turns < TURNS_MAX && !late; turns++) {
        const struct bleproxy_connect_options options = {.no_cache = true};
        int done = fixture.n_done;
        if (!fixture.peripheral)
            assert_int_equal(bleproxy_peripheral_new(fixture.hub, fixture.address, &fixture.peripheral), 0);
        assert_int_equal(
            bleproxy_peripheral_connect(fixture.peripheral, &options, fixture_done, &fixture, &operation), 0);
        for (int i = 0; i < turns && fixture.n_done == done; i++)
            turn(&fixture);
        late = fixture.n_done > done;
        if (late)
            continue;
        end(&fixture, operation);
        assert_int_equal(fixture.n_done, done + 1);
        assert_int_equal(fixture.last.error, BLEPROXY_E_CANCELLED);
    }
    assert_true(late);
    assert_int_equal(fixture.last.error, 0);
    assert_int_equal(fixture.n_lost, 0);
    assert_int_equal(fixture_disconnect(&fixture), 0);
    while (watch.free != 3)
        fixture_run(&fixture, &watch.n_calls, watch.n_calls + 1);
    free_all(&fixture);
    while (uv_run(&uv, UV_RUN_DEFAULT) > 0) /* a stop may be left */
        continue;
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&fixture.proxy, SIGTERM);
}

static void end_by_cancelling(struct fixture *fixture, struct bleproxy_operation *operation)
{
    (void)fixture;
    bleproxy_operation_cancel(operation);
}

static void end_by_freeing(struct fixture *fixture, struct bleproxy_operation *operation)
{
    (void)operation;
    bleproxy_peripheral_free(fixture->peripheral);
    fixture->peripheral = NULL;
}

static void test_a_connect_is_cancelled_at_each_turn(void **state)
{
    (void)state;
    end_connects(end_by_cancelling);
}

static void test_a_peripheral_is_freed_at_each_turn_of_its_connect(void **state)
{
    (void)state;
    end_connects(end_by_freeing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_peripheral_is_freed_in_each_of_its_callbacks),
        cmocka_unit_test(test_everything_is_freed_when_a_value_comes),
        cmocka_unit_test(test_everything_is_freed_when_an_operation_is_cancelled),
        cmocka_unit_test(test_everything_is_freed_when_the_peripherals_end_cancels),
        cmocka_unit_test(test_everything_is_freed_when_unsubscribing_cancels),
        cmocka_unit_test(test_cancelling_in_its_own_callback_does_nothing),
        cmocka_unit_test(test_the_hubs_end_cancels_what_is_under_way),
        cmocka_unit_test(test_a_connect_is_cancelled_at_each_turn),
        cmocka_unit_test(test_a_peripheral_is_freed_at_each_turn_of_its_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
