/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "central/failures.h"

enum { A = 0xA0, B = 0xB0 };
#define DEVICE UINT64_C(0xA4C138112233)
#define T0     (1000 * NS_PER_S)

static struct test_env test;
static struct failures failures;

static int setup(void **state)
{
    (void)state;
    test_env_init(&test);
    failures_init(&failures, &test.env);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    failures_deinit(&failures);
    failures_deinit(&failures);
    test_env_deinit(&test);
    return 0;
}

static double db_after(unsigned seconds)
{
    return failures_db(&failures, A, DEVICE, T0 + seconds * NS_PER_S);
}

static void test_each_weighs_and_is_forgiven(void **state)
{
    (void)state;
    assert_true(db_after(0) == 0);
    failures_add(&failures, A, DEVICE, 0, T0);
    assert_true(db_after(0) == 10);
    assert_true(db_after(30) == 7.5);
    assert_true(db_after(120) == 0);
    assert_true(db_after(100000) == 0);
    failures_add(&failures, A, DEVICE, 0, T0 + 60 * NS_PER_S);
    assert_true(db_after(60) == 15);
}

static void test_together_they_weigh_no_more_than_forty(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        failures_add(&failures, A, DEVICE, 0, T0);
    assert_true(db_after(0) == 40);
    assert_int_equal(failures_count(&failures, A, DEVICE, 0), 1000);
}

static void test_they_are_of_one_proxy_and_one_device(void **state)
{
    (void)state;
    failures_add(&failures, A, DEVICE, 0, T0);
    assert_true(failures_db(&failures, B, DEVICE, T0) == 0);
    assert_true(failures_db(&failures, A, DEVICE + 1, T0) == 0);
    failures_clear(&failures, B, DEVICE);
    assert_true(db_after(0) == 10);
    failures_clear(&failures, A, DEVICE);
    assert_true(db_after(0) == 0);
    assert_int_equal(failures_count(&failures, A, DEVICE, 0), 0);
}

static void test_proxies_of_one_device_come_and_go_in_any_order(void **state)
{
    static const uint64_t order[] = {2, 0, 3, 1};
    (void)state;
    for (uint64_t i = 0; i < 4; i++)
        failures_add(&failures, A + i, DEVICE, 0, T0);
    for (size_t i = 0; i < 4; i++) {
        failures_clear(&failures, A + order[i], DEVICE);
        for (size_t j = 0; j < 4; j++)
            assert_true(failures_db(&failures, A + order[j], DEVICE, T0) == (j <= i ? 0 : 10));
    }
    assert_int_equal(failures.n, 0);
}

static void test_counting_begins_anew(void **state)
{
    (void)state;
    failures_add(&failures, A, DEVICE, 0, T0);
    failures_add(&failures, A, DEVICE, 0, T0 + 1);
    assert_int_equal(failures_count(&failures, A, DEVICE, T0), 2);
    assert_int_equal(failures_count(&failures, A, DEVICE, T0 + 2), 0);
    failures_add(&failures, A, DEVICE, T0 + 2, T0 + 3);
    assert_int_equal(failures_count(&failures, A, DEVICE, T0 + 2), 1);
    assert_true(db_after(1) > 0); /* what they weigh does not */
}

static void test_the_pairs_that_failed_last_are_remembered(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < FAILURES_MAX; i++)
        failures_add(&failures, A, DEVICE + i, 0, T0);
    failures_add(&failures, A, DEVICE, 0, T0); /* again: no longer the oldest */
    failures_add(&failures, B, DEVICE, 0, T0);
    assert_int_equal(failures.n, FAILURES_MAX);
    assert_int_equal(test.live_blocks, FAILURES_MAX + 1); /* and the map */
    assert_true(failures_db(&failures, A, DEVICE, T0) == 20);
    assert_true(failures_db(&failures, A, DEVICE + 1, T0) == 0);
    assert_true(failures_db(&failures, A, DEVICE + 2, T0) == 10);
}

static void test_out_of_memory_it_is_not_remembered(void **state)
{
    (void)state;
    test.fail_after = 0;
    failures_add(&failures, A, DEVICE, 0, T0);
    test.fail_after = SIZE_MAX;
    assert_true(db_after(0) == 0);
    assert_int_equal(failures.n, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_weighs_and_is_forgiven),
        CASE(test_together_they_weigh_no_more_than_forty),
        CASE(test_they_are_of_one_proxy_and_one_device),
        CASE(test_proxies_of_one_device_come_and_go_in_any_order),
        CASE(test_counting_begins_anew),
        CASE(test_the_pairs_that_failed_last_are_remembered),
        CASE(test_out_of_memory_it_is_not_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
