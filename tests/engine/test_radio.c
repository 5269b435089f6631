/* SPDX-License-Identifier: MIT */
/* Programs without a loop of their own: the calls that wait. */
#include "device_fixture.h"

#include <bleproxy/blocking.h>
#include <signal.h>
#include <string.h>

struct radio {
    struct virtual_proxy proxy;
    struct bleproxy_radio *radio;
    struct bleproxy_peripheral *peripheral;
    struct bleproxy_failure failure;
    int n_notified, n_lost;
};

static void radio_setup(struct radio *radio, const char *firmware)
{
    *radio = (struct radio){.proxy = virtual_proxy_start(firmware, NULL, false)};
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = radio->proxy.port};
    assert_int_equal(bleproxy_radio_open(&config, 1, NULL, 10000, NULL, &radio->radio), 0);
}

static void radio_teardown(struct radio *radio)
{
    bleproxy_radio_disconnect(radio->radio, radio->peripheral);
    bleproxy_radio_close(radio->radio);
    virtual_proxy_stop(&radio->proxy, SIGTERM);
}

static uint64_t radio_address(struct radio *radio, const char *device)
{
    const struct bleproxy_filter filter = {.name = device};
    struct bleproxy_advertisement *found;
    assert_int_equal(bleproxy_radio_find(radio->radio, &filter, 30000, &found), 0);
    uint64_t address = found->address;
    bleproxy_advertisement_free(found);
    return address;
}

static int radio_connect(struct radio *radio, const char *device)
{
    return bleproxy_radio_connect(radio->radio, radio_address(radio, device), NULL, &radio->peripheral,
                                  &radio->failure);
}

static uint16_t radio_handle(const struct radio *radio, const char *text)
{
    struct bleproxy_uuid uuid;
    const struct bleproxy_characteristic *characteristic;
    assert_int_equal(bleproxy_uuid_parse(text, &uuid), 0);
    assert_int_equal(
        bleproxy_services_find(bleproxy_peripheral_services(radio->peripheral), &uuid, &characteristic), 0);
    return characteristic->handle;
}

static void on_notification(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct radio *radio = user;
    (void)handle, (void)value, (void)size;
    if (++radio->n_notified % 10 == 0)
        bleproxy_loop_stop(bleproxy_radio_loop(radio->radio));
}

static void test_each_call_waits_for_its_operation(void **state)
{
    (void)state;
    struct radio radio;
    struct bleproxy_value value;
    static const uint8_t ten[] = {10, 0};
    radio_setup(&radio, "2026.8");
    assert_int_equal(radio_connect(&radio, "Virtual UART"), 0);
    assert_int_equal(radio.failure.error, 0);
    assert_int_equal(radio.failure.attempts, 1);
    assert_string_equal(radio.failure.text, "");
    uint16_t store = radio_handle(&radio, UART_STORE), burst = radio_handle(&radio, UART_BURST);
    assert_int_equal(
        bleproxy_radio_write(radio.radio, radio.peripheral, store, "kept", 4, BLEPROXY_WRITE_DEFAULT, NULL),
        0);
    assert_int_equal(bleproxy_radio_read(radio.radio, radio.peripheral, store, &value, NULL), 0);
    assert_int_equal(value.size, 4);
    assert_memory_equal(value.bytes, "kept", 4);
    assert_int_equal(bleproxy_radio_write(radio.radio, radio.peripheral, store, "", 0, BLEPROXY_WRITE_DEFAULT,
                                          &radio.failure),
                     0);
    assert_int_equal(bleproxy_radio_read(radio.radio, radio.peripheral, store, &value, &radio.failure), 0);
    assert_int_equal(value.size, 0);
    assert_int_equal(
        bleproxy_radio_subscribe(radio.radio, radio.peripheral, burst, on_notification, &radio, NULL), 0);
    assert_int_equal(bleproxy_radio_write(radio.radio, radio.peripheral, burst, ten, sizeof(ten),
                                          BLEPROXY_WRITE_DEFAULT, NULL),
                     0);
    if (radio.n_notified < 10)
        bleproxy_radio_listen(radio.radio, 30000);
    assert_int_equal(radio.n_notified, 10);
    assert_int_equal(bleproxy_radio_unsubscribe(radio.radio, radio.peripheral, burst, NULL), 0);
    assert_int_equal(bleproxy_radio_pair(radio.radio, radio.peripheral, NULL), 0);
    assert_int_equal(bleproxy_radio_unpair(radio.radio, radio.peripheral, NULL), 0);
    assert_int_equal(bleproxy_radio_clear_cache(radio.radio, radio.peripheral, &radio.failure), 0);
    assert_int_equal(radio.failure.missing, 0);
    const struct bleproxy_connection_parameters slow = {800, 800, 0, 600};
    assert_int_equal(bleproxy_radio_set_parameters(radio.radio, radio.peripheral, &slow, NULL), 0);
    assert_int_equal(bleproxy_radio_disconnect(radio.radio, radio.peripheral), 0);
    assert_int_equal(bleproxy_radio_disconnect(radio.radio, NULL), 0);
    radio.peripheral = NULL;
    radio_teardown(&radio);
}

static void test_a_failure_says_what_happened(void **state)
{
    (void)state;
    struct radio radio;
    struct bleproxy_peripheral *nobody = NULL;
    struct bleproxy_value value;
    radio_setup(&radio, "2026.8");
    const struct bleproxy_connect_options soon = {.deadline_ms = 100};
    assert_int_equal(
        bleproxy_radio_connect(radio.radio, UINT64_C(0x112233445566), &soon, &nobody, &radio.failure),
        BLEPROXY_E_NOT_HEARD);
    assert_null(nobody);
    assert_int_equal(radio.failure.error, BLEPROXY_E_NOT_HEARD);
    assert_int_equal(radio.failure.cause, BLEPROXY_CAUSE_NOT_HEARD);
    assert_non_null(strstr(radio.failure.text, "11:22:33:44:55:66"));
    assert_int_equal(bleproxy_radio_connect(radio.radio, 0, NULL, &nobody, &radio.failure),
                     BLEPROXY_E_INVALID);
    assert_int_equal(radio.failure.cause, BLEPROXY_CAUSE_CALLER);
    assert_string_equal(radio.failure.text, bleproxy_strerror(BLEPROXY_E_INVALID));

    assert_int_equal(radio_connect(&radio, "Virtual Lock"), 0);
    uint16_t bolt = radio_handle(&radio, "5f1e0011-7b0a-4c6d-9e21-3d8a60c4b517");
    assert_int_equal(bleproxy_radio_read(radio.radio, radio.peripheral, bolt, &value, &radio.failure),
                     BLEPROXY_E_GATT);
    assert_true(radio.failure.code > 0);
    assert_int_equal(radio.failure.cause, BLEPROXY_CAUSE_KEY);
    assert_int_equal(bleproxy_radio_pair(radio.radio, radio.peripheral, NULL), 0);
    assert_int_equal(bleproxy_radio_read(radio.radio, radio.peripheral, bolt, &value, NULL), 0);
    radio_teardown(&radio);
}

static void test_a_part_that_old_firmware_cannot_do_is_told(void **state)
{
    (void)state;
    struct radio radio;
    radio_setup(&radio, "2022.12");
    assert_int_equal(radio_connect(&radio, "Virtual Battery"), 0);
    assert_int_equal(bleproxy_radio_clear_cache(radio.radio, radio.peripheral, &radio.failure), 0);
    assert_int_equal(radio.failure.missing, BLEPROXY_FEATURE_CACHE_CLEARING);
    assert_true(*radio.failure.text);
    assert_int_equal(bleproxy_radio_pair(radio.radio, radio.peripheral, &radio.failure),
                     BLEPROXY_E_UNSUPPORTED);
    assert_int_equal(radio.failure.missing, BLEPROXY_FEATURE_PAIRING);
    radio_teardown(&radio);
}

static void stop(void *user)
{
    bleproxy_loop_stop(user);
}

static void test_a_wait_that_is_ended_early_does_not_end_the_next_one(void **state)
{
    (void)state;
    struct radio radio;
    struct bleproxy_timer *timer;
    radio_setup(&radio, "2026.8");
    uint64_t address = radio_address(&radio, "Virtual Battery");
    struct bleproxy_loop *loop = bleproxy_radio_loop(radio.radio);
    assert_int_equal(bleproxy_timer_new(loop, 0, 0, stop, loop, &timer), 0);
    assert_int_equal(bleproxy_radio_connect(radio.radio, address, NULL, &radio.peripheral, &radio.failure),
                     BLEPROXY_E_CANCELLED);
    assert_int_equal(radio.failure.error, BLEPROXY_E_CANCELLED);
    bleproxy_timer_free(timer);
    assert_int_equal(bleproxy_radio_connect(radio.radio, address, NULL, &radio.peripheral, NULL), 0);
    radio_teardown(&radio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call_waits_for_its_operation),
        cmocka_unit_test(test_a_failure_says_what_happened),
        cmocka_unit_test(test_a_part_that_old_firmware_cannot_do_is_told),
        cmocka_unit_test(test_a_wait_that_is_ended_early_does_not_end_the_next_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
