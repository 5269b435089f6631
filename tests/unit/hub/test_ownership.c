/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static uint64_t owner(const struct fixture *f)
{
    return bleproxy_device_advertisement(hub_device(f->hub, 1))->source - 0xA0;
}

static void hear_from(struct fixture *f, unsigned scanner, int32_t rssi)
{
    hear(f, f->scanners[scanner], 1, rssi, "020106");
}

static void test_owner_is_kept_until_another_is_17_db_stronger(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -60);
    hear_from(f, 1, -44);
    assert_int_equal(owner(f), 0);
    hear_from(f, 1, -43);
    assert_int_equal(owner(f), 1);
    hear_from(f, 0, -60);
    assert_int_equal(owner(f), 1);
}

static void test_f107_f108_first_sights(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -100);
    hear_from(f, 1, -98);
    assert_int_equal(owner(f), 0);
    hear_from(f, 2, -60);
    assert_int_equal(owner(f), 2);
    hear_from(f, 0, -62);
    assert_int_equal(owner(f), 2);
}

static void test_f109_owner_of_unknown_strength_loses(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, 0);
    hear_from(f, 1, -60);
    assert_int_equal(owner(f), 1);
    hear_from(f, 0, 0);
    assert_int_equal(owner(f), 1);
}

static void test_owner_silent_over_60_s_loses_to_any(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -50);
    pass_time(f, 60);
    hear_from(f, 1, -95);
    assert_int_equal(owner(f), 0);
    pass_time(f, 1);
    hear_from(f, 1, -95);
    assert_int_equal(owner(f), 1);
}

static void test_owner_that_does_not_scan_loses_to_any(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -50);
    scanner_pause(f->scanners[0]);
    hear_from(f, 1, -90);
    assert_int_equal(owner(f), 1);
}

static void test_unregistered_owner_leaves_it_to_the_strongest(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -50);
    hear_from(f, 1, -90);
    hear_from(f, 2, -60);
    hear_from(f, 3, -70);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(owner(f), 2);
}

static void test_the_strongest_counts_only_when_heard_lately(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -45);
    hear_from(f, 2, -50);
    pass_time(f, 61);
    hear_from(f, 0, -45);
    hear_from(f, 1, -90);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(owner(f), 1);
}

static void test_who_was_heard_60_s_ago_still_counts(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 2, -50);
    hear_from(f, 0, -20);
    pass_time(f, 60);
    hear_from(f, 0, -20);
    hear_from(f, 1, -90);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(owner(f), 2);
}

static void test_expired_owner_leaves_it_to_another(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -50);
    for (unsigned i = 0; i < 8; i++) {
        scanner_pause(f->scanners[1]);
        hear_from(f, 1, -90);
        pass_time(f, 30);
    }
    for (unsigned i = 0; i < N_SCANNERS; i++)
        scanner_tick(f->scanners[i], f->now_ns);
    assert_int_equal(owner(f), 1);
    assert_int_equal(hub_n_devices(f->hub), 1);
}

static void test_owner_comes_first_among_the_reports(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < N_SCANNERS; i++)
        hear_from(f, i, -60 - (int32_t)i);
    hear_from(f, 2, -30);
    const struct bleproxy_device *device = hub_device(f->hub, 1);
    const void *position = NULL;
    unsigned n = 0, seen = 0;
    for (const struct bleproxy_advertisement *report;
         (report = bleproxy_device_next_report(device, &position)); n++) {
        if (n == 0)
            assert_int_equal(report->source, 0xA2);
        seen |= 1u << (report->source - 0xA0);
    }
    assert_int_equal(n, N_SCANNERS);
    assert_int_equal(seen, 0xf);
}

static void test_only_reports_of_owners_count(void **state)
{
    struct fixture *f = *state;
    hear_from(f, 0, -50);
    pass_time(f, 5);
    hear_from(f, 1, -55);
    hear_from(f, 0, -50);
    const struct bleproxy_device *device = hub_device(f->hub, 1);
    assert_int_equal(bleproxy_device_reports(device), 2);
    assert_int_equal(bleproxy_device_first_heard_ns(device), T0);
}

static void test_name_is_the_longest_that_any_proxy_heard(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[0], 1, -50, "03084c61");
    const struct bleproxy_device *device = hub_device(f->hub, 1);
    assert_string_equal(bleproxy_device_name(device), "La");
    hear(f, f->scanners[1], 1, -60, "05094c616d70");
    hear(f, f->scanners[2], 1, -60, "020106");
    assert_string_equal(bleproxy_device_name(device), "Lamp");
    hear(f, f->scanners[2], 2, -60, "020106");
    assert_null(bleproxy_device_name(hub_device(f->hub, 2)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_owner_is_kept_until_another_is_17_db_stronger),
        TEST(test_f107_f108_first_sights),
        TEST(test_f109_owner_of_unknown_strength_loses),
        TEST(test_owner_silent_over_60_s_loses_to_any),
        TEST(test_owner_that_does_not_scan_loses_to_any),
        TEST(test_unregistered_owner_leaves_it_to_the_strongest),
        TEST(test_the_strongest_counts_only_when_heard_lately),
        TEST(test_who_was_heard_60_s_ago_still_counts),
        TEST(test_expired_owner_leaves_it_to_another),
        TEST(test_owner_comes_first_among_the_reports),
        TEST(test_only_reports_of_owners_count),
        TEST(test_name_is_the_longest_that_any_proxy_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
