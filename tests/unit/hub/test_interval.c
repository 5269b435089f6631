/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/device.h"

/* How often a device speaks: learned once as habluetooth does it (F134), or again and again. */

enum { A, B, C, D };

static void hear_from(struct fixture *f, unsigned scanner, int32_t rssi)
{
    hear(f, f->scanners[scanner], 1, rssi, "020106");
}

static const struct interval *interval_of(const struct fixture *f)
{
    return &((const struct bleproxy_device *)hub_device(f->hub, 1))->interval;
}

/* So many reports, so many seconds apart; the first comes after that time. */
static void hear_every(struct fixture *f, unsigned scanner, unsigned times, uint64_t seconds)
{
    while (times-- > 0) {
        pass_time(f, seconds);
        hear_from(f, scanner, -50);
    }
}

static uint64_t longest_s(const struct fixture *f)
{
    return bleproxy_device_interval_ns(hub_device(f->hub, 1)) / NS_PER_S;
}

/* ---- The interval itself ---- */

static void test_longest_of_15_gaps(void **state)
{
    (void)state;
    for (unsigned once = 0; once < 2; once++) {
        struct interval interval = {0};
        uint64_t now_ns = 1;
        interval_hear(&interval, once, now_ns);
        for (uint64_t gap_ns = 1; gap_ns < 15; gap_ns++)
            interval_hear(&interval, once, now_ns += gap_ns);
        assert_false(interval.known);
        assert_int_equal(interval_longest_ns(&interval), 14);
        interval_hear(&interval, once, now_ns += 2);
        assert_true(interval.known);
        assert_int_equal(interval.learned_ns, 14);
    }
}

static void test_learned_once_it_stays(void **state)
{
    (void)state;
    struct interval interval = {0};
    for (uint64_t now_ns = 1; now_ns <= 16; now_ns++)
        interval_hear(&interval, true, now_ns);
    for (uint64_t now_ns = 100; now_ns <= 5000; now_ns += 100)
        interval_hear(&interval, true, now_ns);
    assert_int_equal(interval_longest_ns(&interval), 1);
}

static void test_longer_gap_counts_at_once_and_for_30_gaps_at_most(void **state)
{
    (void)state;
    for (unsigned before = 0; before < INTERVAL_GAPS; before++) {
        struct interval interval = {0};
        uint64_t now_ns = 1;
        interval_hear(&interval, false, now_ns);
        for (unsigned i = 0; i < INTERVAL_GAPS + before; i++)
            interval_hear(&interval, false, now_ns += 10);
        interval_hear(&interval, false, now_ns += 70);
        assert_int_equal(interval_longest_ns(&interval), 70);
        unsigned lasted = 1;
        for (; interval_longest_ns(&interval) == 70; lasted++)
            interval_hear(&interval, false, now_ns += 10);
        assert_in_range(lasted - 1, INTERVAL_GAPS, 2 * INTERVAL_GAPS);
        assert_int_equal(interval_longest_ns(&interval), 10);
        assert_true(interval.known);
    }
}

static void test_skipped_gap_does_not_count(void **state)
{
    (void)state;
    struct interval interval = {0};
    interval_hear(&interval, false, 100);
    interval_hear(&interval, false, 105);
    interval_skip(&interval);
    interval_hear(&interval, false, 200);
    assert_int_equal(interval_longest_ns(&interval), 5);
    interval_hear(&interval, false, 206);
    assert_int_equal(interval_longest_ns(&interval), 6);
}

static void test_restart_drops_what_was_begun(void **state)
{
    (void)state;
    struct interval interval = {.known = true, .learned_ns = 7};
    interval_hear(&interval, false, 100);
    interval_hear(&interval, false, 109);
    interval_restart(&interval);
    assert_int_equal(interval_longest_ns(&interval), 7);
    interval_hear(&interval, false, 200);
    assert_int_equal(interval_longest_ns(&interval), 7);
}

/* ---- As habluetooth learns it ---- */

static void test_f134_sixteen_reports(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 7, 3);
    hear_every(f, A, 1, 7);
    hear_every(f, A, 7, 3);
    assert_false(interval_of(f)->known);
    hear_every(f, A, 1, 3);
    assert_true(interval_of(f)->known);
    assert_int_equal(longest_s(f), 7);
    hear_every(f, A, 40, 20);
    assert_int_equal(longest_s(f), 7);
}

static void test_f134_another_owner_forgets_it(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 16, 3);
    assert_int_equal(longest_s(f), 3);
    hear_from(f, B, -30);
    assert_false(interval_of(f)->known);
    assert_int_equal(longest_s(f), 0);
    hear_every(f, B, 15, 4);
    assert_true(interval_of(f)->known);
    assert_int_equal(longest_s(f), 4);
}

static void test_f134_pause_clears_what_was_begun(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 15, 3);
    scanner_pause(f->scanners[B]); /* of another: nothing */
    scanner_resume(f->scanners[B]);
    scanner_pause(f->scanners[A]);
    scanner_resume(f->scanners[A]);
    hear_every(f, A, 1, 30);
    hear_every(f, A, 14, 3);
    assert_false(interval_of(f)->known);
    hear_every(f, A, 1, 3);
    assert_true(interval_of(f)->known);
    assert_int_equal(longest_s(f), 3);
    scanner_pause(f->scanners[A]);
    assert_true(interval_of(f)->known); /* what is learned stays */
    assert_int_equal(longest_s(f), 3);
}

/* What came late through the first pause was heard by a radio that was not always there. */
static void test_each_pause_clears_what_was_begun(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 3, 3);
    scanner_pause(f->scanners[A]);
    hear_every(f, A, 15, 3);
    scanner_pause(f->scanners[A]);
    hear_every(f, A, 15, 3);
    assert_false(interval_of(f)->known);
    hear_every(f, A, 1, 3);
    assert_true(interval_of(f)->known);
}

static void test_unregistering_forgets_it(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 16, 3);
    hub_unregister_scanner(f->hub, f->scanners[B], f->now_ns);
    assert_true(interval_of(f)->known);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    assert_false(interval_of(f)->known);
}

static void test_reports_that_do_not_count_teach_nothing(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    for (unsigned i = 0; i < 40; i++) {
        pass_time(f, 1);
        hear_from(f, B, -60);
    }
    hear_from(f, A, -50);
    assert_int_equal(interval_of(f)->n_gaps, 1);
    assert_int_equal(longest_s(f), 40);
}

/* ---- As we do ---- */

static void test_owner_that_changes_takes_the_interval_with_it(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 16, 3);
    pass_time(f, 60); /* the gap between two owners is nobody's */
    hear_from(f, B, -30);
    assert_true(interval_of(f)->known);
    assert_int_equal(longest_s(f), 3);
    hear_every(f, B, 3, 4);
    assert_int_equal(longest_s(f), 4);
}

static void test_radio_that_was_not_there_teaches_nothing(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 16, 3);
    scanner_pause(f->scanners[A]);
    pass_time(f, 100);
    scanner_resume(f->scanners[A]);
    hear_from(f, A, -50);
    assert_int_equal(longest_s(f), 3);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns); /* the proxy restarts */
    pass_time(f, 100);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[A], f->now_ns), 0);
    hear_from(f, A, -50);
    assert_int_equal(longest_s(f), 3);
    hear_every(f, A, 1, 5);
    assert_int_equal(longest_s(f), 5);
}

static void test_interval_follows_the_device(void **state)
{
    struct fixture *f = *state;
    hear_every(f, A, 40, 3);
    assert_int_equal(longest_s(f), 3);
    hear_every(f, A, 1, 60);
    assert_int_equal(longest_s(f), 60);
    hear_every(f, A, 30, 60);
    assert_int_equal(longest_s(f), 60);
    hear_every(f, A, 31, 1);
    assert_int_equal(longest_s(f), 1);
}

/* ---- BLEPROXY_RULE_INTERVAL: what the device's owner is worth when the device has moved on ---- */

static uint64_t owner(const struct fixture *f)
{
    return bleproxy_device_advertisement(hub_device(f->hub, 1))->source - 0xA0;
}

/* The device, every 10 s, was near A, comes to B, and goes back behind a wall where only A hears it, not as strongly as B
 * did. B goes on hearing others. Returns the seconds until A has it. */
static uint64_t seconds_to_follow(struct fixture *f, int32_t by_b)
{
    for (unsigned i = 0; i < 20; i++) {
        hear_from(f, A, -75);
        pass_time(f, 10);
    }
    hear_from(f, B, by_b);
    assert_int_equal(owner(f), B);
    uint64_t lost_ns = f->now_ns;
    while (owner(f) != A) {
        at_ns(f, f->now_ns - T0 + 10 * NS_PER_S);
        hear(f, f->scanners[B], 2, -50, "020106");
        hear_from(f, A, -75);
        assert_true(f->now_ns - lost_ns < 3600 * NS_PER_S);
    }
    return (f->now_ns - lost_ns) / NS_PER_S;
}

static void test_reference_follows_a_device_after_15_minutes(void **state)
{
    assert_int_equal(seconds_to_follow(*state, -50), 910);
}

static void test_we_follow_a_device_after_some_intervals(void **state)
{
    /* An interval of 10 s is 15 s with the delay that proxies may add; B heard it strongly: two and a half. */
    assert_int_equal(seconds_to_follow(*state, -50), 40);
}

static void test_we_follow_a_weak_device_after_one_and_a_half(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -95);
    hear_from(f, B, -95);
    for (unsigned i = 0; i < 20; i++) {
        pass_time(f, 10);
        hear_from(f, A, -95);
    }
    hear_from(f, B, -95 + 80); /* smoothed: -71 */
    assert_int_equal(owner(f), B);
    uint64_t lost_ns = f->now_ns;
    while (owner(f) != A) {
        pass_time(f, 1);
        hear(f, f->scanners[B], 2, -50, "020106");
        hear_from(f, A, -80);
    }
    assert_int_equal((f->now_ns - lost_ns) / NS_PER_S, 23);
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, reference_setup, fixture_teardown)
#define DEFAULT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_of_15_gaps),
        cmocka_unit_test(test_learned_once_it_stays),
        cmocka_unit_test(test_longer_gap_counts_at_once_and_for_30_gaps_at_most),
        cmocka_unit_test(test_skipped_gap_does_not_count),
        cmocka_unit_test(test_restart_drops_what_was_begun),
        TEST(test_f134_sixteen_reports),
        TEST(test_f134_another_owner_forgets_it),
        TEST(test_f134_pause_clears_what_was_begun),
        TEST(test_each_pause_clears_what_was_begun),
        TEST(test_unregistering_forgets_it),
        TEST(test_reports_that_do_not_count_teach_nothing),
        DEFAULT(test_owner_that_changes_takes_the_interval_with_it),
        DEFAULT(test_radio_that_was_not_there_teaches_nothing),
        DEFAULT(test_interval_follows_the_device),
        TEST(test_reference_follows_a_device_after_15_minutes),
        DEFAULT(test_we_follow_a_device_after_some_intervals),
        DEFAULT(test_we_follow_a_weak_device_after_one_and_a_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
