/* SPDX-License-Identifier: MIT */
/* Scanners without a connection, whose reports somebody else makes, through the public API. */
#include "support.h"

#include <bleproxy/bleproxy.h>
#include <string.h>

enum { SOURCE = 0x0a0b0c0d0e0f, DEVICE = 0xc01122334455 };
static const uint8_t payload[] = {2, 0x01, 0x06, 5, 0x09, 'L', 'a', 'm', 'p'};

struct heard {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_scanner *scanner;
    struct bleproxy_subscription *subscription;
    int n_reports, n_slots;
    bool frees; /* the scanner, when it hears */
    struct bleproxy_advertisement *last;
    uint32_t free_slots;
    int error;
    bool over;
};

static void on_report(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct heard *heard = user;
    heard->n_reports++;
    bleproxy_advertisement_free(heard->last);
    heard->last = bleproxy_advertisement_dup(advertisement);
    assert_non_null(heard->last);
    if (!heard->frees)
        return;
    bleproxy_scanner_free(heard->scanner);
    heard->scanner = NULL;
}

static void on_slots(void *user, uint64_t source, const char *proxy, const struct bleproxy_slots *slots)
{
    struct heard *heard = user;
    assert_int_equal(source, SOURCE);
    assert_string_equal(proxy, "attic");
    heard->n_slots++;
    heard->free_slots = slots->free;
}

static const struct bleproxy_scanner_config config = {.source = SOURCE,
                                                      .name = "attic",
                                                      .firmware = "2026.8.0",
                                                      .connectable = true,
                                                      .mode = BLEPROXY_MODE_ACTIVE};

static int setup(void **state)
{
    static struct heard heard;
    heard = (struct heard){0};
    assert_int_equal(bleproxy_loop_new(NULL, &heard.loop), 0);
    assert_int_equal(bleproxy_hub_new(heard.loop, NULL, &heard.hub), 0);
    assert_int_equal(bleproxy_hub_subscribe(heard.hub, BLEPROXY_STREAM_REPORTS, NULL, on_report, &heard,
                                            &heard.subscription),
                     0);
    bleproxy_hub_watch_slots(heard.hub, on_slots, &heard);
    assert_int_equal(bleproxy_scanner_new(heard.loop, &config, &heard.scanner), 0);
    bleproxy_scanner_setup(heard.scanner);
    assert_int_equal(bleproxy_hub_register_scanner(heard.hub, heard.scanner), 0);
    *state = &heard;
    return 0;
}

static int teardown(void **state)
{
    struct heard *heard = *state;
    bleproxy_scanner_free(heard->scanner);
    bleproxy_hub_free(heard->hub);
    bleproxy_loop_free(heard->loop);
    bleproxy_advertisement_free(heard->last);
    return 0;
}

static void test_what_is_told_is_heard(void **state)
{
    struct heard *heard = *state;
    bleproxy_scanner_report(heard->scanner, DEVICE, BLEPROXY_ADDRESS_RANDOM, -60, payload, sizeof(payload));
    assert_int_equal(heard->n_reports, 1);
    assert_int_equal(heard->last->source, SOURCE);
    assert_string_equal(heard->last->proxy, "attic");
    assert_string_equal(heard->last->name, "Lamp");
    assert_int_equal(heard->last->rssi_dbm, -60);
    assert_int_equal(heard->last->address_type, BLEPROXY_ADDRESS_RANDOM);
    assert_int_equal(heard->last->connectable, 1);
    assert_int_equal(heard->last->raw_size, sizeof(payload));
    assert_memory_equal(heard->last->raw, payload, sizeof(payload));
    bleproxy_scanner_report(heard->scanner, DEVICE, BLEPROXY_ADDRESS_RANDOM, BLEPROXY_RSSI_NONE, NULL, 0);
    assert_int_equal(heard->n_reports, 2);
    assert_int_equal(heard->last->rssi_dbm, BLEPROXY_RSSI_NONE);
    assert_non_null(bleproxy_hub_device(heard->hub, DEVICE));
}

static void test_it_is_as_it_was_described(void **state)
{
    struct heard *heard = *state;
    assert_int_equal(bleproxy_scanner_source(heard->scanner), SOURCE);
    assert_string_equal(bleproxy_scanner_name(heard->scanner), "attic");
    assert_true(bleproxy_scanner_is_connectable(heard->scanner));
    assert_int_equal(bleproxy_scanner_mode(heard->scanner), BLEPROXY_MODE_ACTIVE);
    assert_int_equal(bleproxy_scanner_set_mode(heard->scanner, BLEPROXY_MODE_PASSIVE),
                     BLEPROXY_E_UNSUPPORTED);
}

static void test_slots_are_told(void **state)
{
    struct heard *heard = *state;
    const uint64_t allocated[] = {DEVICE};
    const struct bleproxy_slots slots = {.free = 2, .limit = 3, .allocated = allocated, .n_allocated = 1};
    int before = heard->n_slots;
    bleproxy_scanner_report_slots(heard->scanner, &slots);
    assert_int_equal(heard->n_slots, before + 1);
    assert_int_equal(heard->free_slots, 2);
    assert_int_equal(bleproxy_scanner_slots(heard->scanner)->limit, 3);
}

static void test_it_may_be_freed_by_who_hears(void **state)
{
    struct heard *heard = *state;
    heard->frees = true;
    bleproxy_scanner_report(heard->scanner, DEVICE, BLEPROXY_ADDRESS_PUBLIC, -60, payload, sizeof(payload));
    assert_int_equal(heard->n_reports, 1);
    assert_null(heard->scanner);
}

static void test_payloads_without_end_are_left_out(void **state)
{
    struct heard *heard = *state;
    static uint8_t long_one[UINT16_MAX + 10];
    bleproxy_scanner_report(heard->scanner, DEVICE, BLEPROXY_ADDRESS_PUBLIC, -60, long_one, 1651);
    bleproxy_scanner_report(heard->scanner, DEVICE, BLEPROXY_ADDRESS_PUBLIC, -60, long_one, sizeof(long_one));
    assert_int_equal(heard->n_reports, 0);
}

static void test_bad_configurations(void **state)
{
    const struct heard *heard = *state;
    struct bleproxy_scanner *scanner;
    struct bleproxy_scanner_config bad = config;
    bad.source = 0;
    assert_int_equal(bleproxy_scanner_new(heard->loop, &bad, &scanner), BLEPROXY_E_INVALID);
    bad = config;
    bad.name = NULL;
    assert_int_equal(bleproxy_scanner_new(heard->loop, &bad, &scanner), BLEPROXY_E_INVALID);
}

static void on_connected(void *user, const struct bleproxy_result *result)
{
    struct heard *heard = user;
    heard->error = result->error;
    heard->over = true;
    bleproxy_loop_stop(heard->loop);
}

static void test_nobody_is_connected_through_it(void **state)
{
    struct heard *heard = *state;
    struct bleproxy_peripheral *peripheral;
    const struct bleproxy_connect_options options = {.deadline_ms = 200};
    bleproxy_scanner_report(heard->scanner, DEVICE, BLEPROXY_ADDRESS_RANDOM, -60, payload, sizeof(payload));
    assert_int_equal(bleproxy_peripheral_new(heard->hub, DEVICE, &peripheral), 0);
    assert_int_equal(bleproxy_peripheral_connect(peripheral, &options, on_connected, heard, NULL), 0);
    while (!heard->over)
        bleproxy_loop_run(heard->loop);
    assert_int_equal(heard->error, BLEPROXY_E_NO_PROXY);
    bleproxy_peripheral_free(peripheral);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_told_is_heard),
        TEST(test_it_is_as_it_was_described),
        TEST(test_slots_are_told),
        TEST(test_it_may_be_freed_by_who_hears),
        TEST(test_payloads_without_end_are_left_out),
        TEST(test_bad_configurations),
        TEST(test_nobody_is_connected_through_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
