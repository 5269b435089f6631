/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/sightings.h"

static void test_known_devices_allocate_nothing(void **state)
{
    struct fixture *f = *state;
    struct listener listener = {0};
    listen(f, BLEPROXY_STREAM_REPORTS, &listener);
    static const char *const payloads[] = {
        "0201060303d2fc 0816d2fc4002c40929 05094c616d70", /* a thermometer that changes, with and without name
                                                           */
        "0201060303d2fc 0816d2fc4002c50929",
        "0201060303d2fc 0816d2fc4002c60930 05ff4c001005",
        "0201060303d2fc 0816d2fc4002c60930 05ff4c001006",
    };
    for (unsigned warm_up = 0; warm_up < 4; warm_up++)
        for (uint64_t address = 0; address < 100; address++)
            hear(f, f->scanners[address % N_SCANNERS], address, -50, payloads[warm_up]);
    size_t allocations = f->test.allocations;
    for (unsigned round = 0; round < 40; round++)
        for (uint64_t address = 0; address < 100; address++)
            hear(f, f->scanners[address % N_SCANNERS], address, -50 - (int32_t)round,
                 payloads[round / 2 % 4]);
    assert_int_equal(f->test.allocations, allocations);
    assert_int_equal(listener.calls, 4400);
}

static void test_newcomer_displaces_the_longest_silent_heard_once(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    for (uint64_t address = 0; address < SIGHTINGS_MAX; address++)
        hear(f, scanner, address, -50, "020106");
    hear(f, scanner, 0, -50, "020106"); /* heard again: it stays */
    hear(f, scanner, SIGHTINGS_MAX, -50, "020106");
    assert_int_equal(scanner_n_devices(scanner), SIGHTINGS_MAX);
    assert_non_null(scanner_last(scanner, 0));
    assert_null(scanner_last(scanner, 1));
    assert_non_null(scanner_last(scanner, 2));
    assert_non_null(scanner_last(scanner, SIGHTINGS_MAX));
}

static void test_newcomer_is_refused_when_all_were_heard_again(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    struct bleproxy_hub_statistics statistics;
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t address = 0; address < SIGHTINGS_MAX; address++)
            hear(f, scanner, address, -50, "020106");
    hear(f, scanner, SIGHTINGS_MAX, -50, "020106");
    assert_null(scanner_last(scanner, SIGHTINGS_MAX));
    hub_get_statistics(f->hub, &statistics);
    assert_int_equal(statistics.devices_refused, 1);
    pass_time(f, 200);
    hear(f, scanner, 0, -50, "020106");
    pass_time(f, 200);
    scanner_tick(scanner, f->now_ns);
    assert_int_equal(scanner_n_devices(scanner), 1);
    hear(f, scanner, SIGHTINGS_MAX, -50, "020106");
    assert_non_null(scanner_last(scanner, SIGHTINGS_MAX));
}

static void test_large_payloads_stop_at_the_budget(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    static uint8_t raw[SIGHTING_RAW_MAX];
    const size_t fitting = SIGHTINGS_BYTES_MAX / SIGHTING_RAW_MAX;
    /* Every one twice, so that none makes way. */
    for (uint64_t address = 0; address < 2 * fitting; address++)
        for (unsigned i = 0; i < 2; i++)
            hear_bytes(f, scanner, address, -50, raw, sizeof(raw));
    assert_in_range(scanner_n_devices(scanner), fitting * 9 / 10, fitting);
    /* Known devices go on; one that wants to grow does not get it, and keeps what it has. */
    hear(f, scanner, 0, -40, "020106");
    assert_int_equal(scanner_last(scanner, 0)->rssi_dbm, -40);
    pass_time(f, 340);
    scanner_tick(scanner, f->now_ns);
    hear(f, scanner, 1, -50, "020106");
    assert_int_equal(scanner_n_devices(scanner), 1);
}

static void test_large_payloads_displace_those_heard_once(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    static uint8_t raw[SIGHTING_RAW_MAX];
    const size_t fitting = SIGHTINGS_BYTES_MAX / SIGHTING_RAW_MAX;
    for (uint64_t address = 0; address < 2 * fitting; address++)
        hear_bytes(f, scanner, address, -50, raw, sizeof(raw));
    assert_non_null(scanner_last(scanner, 2 * fitting - 1));
    assert_null(scanner_last(scanner, 0));
}

/* Keys that rotate make the merged block grow up to its cap, and no further. */
static void test_rotating_keys_stop_at_the_cap(void **state)
{
    struct fixture *f = *state;
    for (unsigned company = 0; company < 5000; company++) {
        const uint8_t raw[] = {4, 0xff, (uint8_t)company, (uint8_t)(company >> 8), 1};
        hear_bytes(f, f->scanners[0], 1, -50, raw, sizeof(raw));
    }
    assert_in_range(scanner_last(f->scanners[0], 1)->fields_size, FIELDS_MAX - 16, FIELDS_MAX);
}

/* Memory runs out after every possible number of allocations; what was stored stays whole. */
static void test_no_memory_at_any_point(void **state)
{
    struct fixture *f = *state;
    static const char *const payloads[] = {
        "020106",
        "0709776f68616e64 0303000d 0416000d64",
        "09ff4c00100611223344 0709776f68616e65",
        "020106 1107000102030405060708090a0b0c0d0e0f 0b09616263646566676869ff",
    };
    bool enough = false;
    for (size_t n = 0; !enough; n++) {
        struct scanner *scanner = make_scanner(f, 0x99, "tight");
        struct listener listener = {0};
        struct bleproxy_subscription *subscription = listen(f, BLEPROXY_STREAM_REPORTS, &listener);
        assert_int_equal(hub_register_scanner(f->hub, scanner, f->now_ns), 0);
        f->test.fail_after = n;
        for (unsigned i = 0; i < 4; i++)
            for (uint64_t address = 0; address < 30; address++)
                hear(f, scanner, address, -50, payloads[(address + i) % 4]);
        enough = f->test.fail_after > 0;
        f->test.fail_after = SIZE_MAX;
        if (enough)
            assert_int_equal(listener.calls, 120);
        for (uint64_t address = 0; address < 30; address++) {
            hear(f, scanner, address, -50, payloads[address % 4]);
            const struct bleproxy_advertisement *view = scanner_last(scanner, address);
            size_t size;
            const uint8_t *raw = hex(payloads[address % 4], &size);
            assert_int_equal(view->raw_size, size);
            assert_memory_equal(view->raw, raw, size);
        }
        assert_int_equal(hub_n_devices(f->hub), 30);
        bleproxy_subscription_free(subscription);
        scanner_free(scanner);
        hub_free(f->hub, f->now_ns);
        assert_int_equal(hub_new(&f->test.env, NULL, f->now_ns, &f->hub), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_known_devices_allocate_nothing),
        TEST(test_newcomer_displaces_the_longest_silent_heard_once),
        TEST(test_newcomer_is_refused_when_all_were_heard_again),
        TEST(test_large_payloads_stop_at_the_budget),
        TEST(test_large_payloads_displace_those_heard_once),
        TEST(test_rotating_keys_stop_at_the_cap),
        TEST(test_no_memory_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
