/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "hub/signals.h"

enum { FIRST = 0xA0, SECOND, THIRD };

static struct test_env test;
static struct signals signals;

static int setup(void **state)
{
    (void)state;
    test_env_init(&test);
    signals = (struct signals){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    signals_deinit(&signals, &test.env);
    signals_deinit(&signals, &test.env); /* idempotent */
    test_env_deinit(&test);
    return 0;
}

static double smooth(uint64_t source, double rssi_dbm)
{
    return signals_smooth(&signals, &test.env, source, rssi_dbm);
}

static void demote(uint64_t winner, uint64_t loser)
{
    signals_demote(&signals, &test.env, winner, loser);
}

static void assert_strength(uint64_t source, double expected_dbm)
{
    double dbm = 0;
    assert_true(signals_get(&signals, source, &dbm));
    assert_true(dbm == expected_dbm);
}

static void assert_no_strength(uint64_t source)
{
    double dbm = 7;
    assert_false(signals_get(&signals, source, &dbm));
    assert_true(dbm == 7);
}

static void test_first_reading_is_taken_as_it_is_the_next_for_three_tenths(void **state)
{
    (void)state;
    assert_no_strength(FIRST);
    assert_true(smooth(FIRST, -60) == -60);
    assert_true(smooth(FIRST, -30) == 0.3 * -30 + 0.7 * -60);
    assert_strength(FIRST, 0.3 * -30 + 0.7 * -60);
    assert_no_strength(SECOND);
    assert_int_equal(signals.n_smoothed, 1);
}

static void test_each_proxy_has_its_own(void **state)
{
    (void)state;
    smooth(FIRST, -60);
    smooth(SECOND, -70);
    smooth(THIRD, -80);
    assert_strength(FIRST, -60);
    assert_strength(SECOND, -70);
    assert_strength(THIRD, -80);
    assert_int_equal(signals.n_smoothed, 3);
}

/* All 48 bits tell, and so do neighbours. */
static void test_sources_of_48_bits(void **state)
{
    (void)state;
    smooth(UINT64_C(0xffffffffffff), -1);
    smooth(UINT64_C(0x7fffffffffff), -2);
    smooth(0, -3);
    smooth(1, -4);
    assert_strength(UINT64_C(0xffffffffffff), -1);
    assert_strength(UINT64_C(0x7fffffffffff), -2);
    assert_strength(0, -3);
    assert_strength(1, -4);
}

static void test_who_loses_is_remembered_until_it_wins(void **state)
{
    (void)state;
    smooth(FIRST, -60);
    smooth(SECOND, -40);
    demote(SECOND, FIRST);
    assert_true(signals_is_demoted(&signals, FIRST));
    assert_false(signals_is_demoted(&signals, SECOND));
    demote(FIRST, SECOND);
    assert_false(signals_is_demoted(&signals, FIRST));
    assert_true(signals_is_demoted(&signals, SECOND));
    assert_strength(FIRST, -60);
    assert_strength(SECOND, -40);
}

static void test_several_may_have_lost_it(void **state)
{
    (void)state;
    demote(SECOND, FIRST);
    demote(THIRD, SECOND);
    assert_true(signals_is_demoted(&signals, FIRST));
    assert_true(signals_is_demoted(&signals, SECOND));
    assert_false(signals_is_demoted(&signals, THIRD));
}

static void test_having_lost_it_is_no_strength(void **state)
{
    (void)state;
    demote(SECOND, FIRST);
    assert_no_strength(FIRST);
    assert_int_equal(signals.n_smoothed, 0);
    assert_true(smooth(FIRST, -50) == -50); /* its first */
    assert_true(signals_is_demoted(&signals, FIRST));
    assert_int_equal(signals.n_smoothed, 1);
}

static void test_dropped_proxy_leaves_the_others(void **state)
{
    (void)state;
    smooth(FIRST, -60);
    smooth(SECOND, -70);
    demote(SECOND, THIRD);
    signals_drop(&signals, FIRST);
    signals_drop(&signals, FIRST);
    assert_no_strength(FIRST);
    assert_strength(SECOND, -70);
    assert_true(signals_is_demoted(&signals, THIRD));
    assert_int_equal(signals.n_smoothed, 1);
    signals_drop(&signals, THIRD);
    assert_int_equal(signals.n_smoothed, 1);
    assert_false(signals_is_demoted(&signals, THIRD));
    signals_drop(&signals, SECOND);
    assert_int_equal(signals.n_smoothed, 0);
    assert_int_equal(signals.n, 0);
    assert_true(smooth(FIRST, -20) == -20);
}

static void test_no_more_proxies_than_the_cap(void **state)
{
    (void)state;
    for (uint64_t source = 0; source < SIGNALS_MAX; source++)
        smooth(source, -50);
    assert_true(smooth(SIGNALS_MAX, -33) == -33); /* each reading alone */
    assert_true(smooth(SIGNALS_MAX, -44) == -44);
    assert_no_strength(SIGNALS_MAX);
    demote(0, SIGNALS_MAX + 1);
    assert_false(signals_is_demoted(&signals, SIGNALS_MAX + 1));
    assert_int_equal(signals.n, SIGNALS_MAX);
    signals_drop(&signals, 5);
    smooth(SIGNALS_MAX, -44);
    assert_strength(SIGNALS_MAX, -44);
    assert_strength(SIGNALS_MAX - 1, -50);
}

static void test_out_of_memory_what_is_held_stays(void **state)
{
    (void)state;
    test.fail_after = 0;
    assert_true(smooth(FIRST, -60) == -60);
    assert_int_equal(signals.n, 0);
    test.fail_after = SIZE_MAX;
    uint64_t source = 0;
    do
        smooth(source++, -50);
    while (signals.n < signals.capacity);
    test.fail_after = 0;
    assert_true(smooth(source, -70) == -70);
    demote(0, source);
    assert_false(signals_is_demoted(&signals, source));
    for (uint64_t held = 0; held < source; held++)
        assert_strength(held, -50);
    smooth(0, -60); /* who is known needs none */
    assert_strength(0, 0.3 * -60 + 0.7 * -50);
    test.fail_after = SIZE_MAX;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_reading_is_taken_as_it_is_the_next_for_three_tenths),
        TEST(test_each_proxy_has_its_own),
        TEST(test_sources_of_48_bits),
        TEST(test_who_loses_is_remembered_until_it_wins),
        TEST(test_several_may_have_lost_it),
        TEST(test_having_lost_it_is_no_strength),
        TEST(test_dropped_proxy_leaves_the_others),
        TEST(test_no_more_proxies_than_the_cap),
        TEST(test_out_of_memory_what_is_held_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
