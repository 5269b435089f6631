/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/time.h"
#include "central/pauses.h"

enum { A = 0xA0, B = 0xB0 };

static struct pauses pauses;

static int setup(void **state)
{
    (void)state;
    pauses = (struct pauses){0};
    return 0;
}

static void begin(uint64_t source, unsigned second)
{
    pauses_begin(&pauses, source, second * NS_PER_S);
}

static void end(uint64_t source, unsigned second)
{
    pauses_end(&pauses, source, second * NS_PER_S);
}

static unsigned since(uint64_t source, unsigned second, unsigned now)
{
    return (unsigned)(pauses_since(&pauses, source, second * NS_PER_S, now * NS_PER_S) / NS_PER_S);
}

static void test_a_pause_under_way_and_over(void **state)
{
    (void)state;
    assert_int_equal(since(A, 90, 100), 0);
    begin(A, 100);
    assert_int_equal(since(A, 90, 107), 7);
    assert_int_equal(since(A, 103, 107), 4); /* heard in it */
    end(A, 110);
    assert_int_equal(since(A, 90, 200), 10);
    assert_int_equal(since(A, 105, 200), 5);
    assert_int_equal(since(A, 110, 200), 0);
    assert_int_equal(since(B, 90, 200), 0);
}

static void test_pauses_that_follow_closely_are_one_busy_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        begin(A, 100 + 10 * i);
        end(A, 107 + 10 * i);
    }
    assert_int_equal(since(A, 90, 200), 70);
    begin(A, 205); /* after more than 5 s it is another one */
    end(A, 206);
    assert_int_equal(since(A, 90, 210), 1);
}

static void test_pauses_at_the_same_time_are_one(void **state)
{
    (void)state;
    begin(A, 100);
    begin(A, 105);
    end(A, 110);
    assert_int_equal(since(A, 90, 112), 12);
    end(A, 115);
    end(A, 120); /* one too many */
    assert_int_equal(since(A, 90, 200), 15);
}

static void test_of_many_proxies_the_longest_over_is_forgotten(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PAUSES_MAX; i++) {
        begin(A + i, 100 + i);
        end(A + i, 101 + i);
    }
    begin(A, 200); /* no longer the longest */
    begin(A + PAUSES_MAX, 201);
    end(A + PAUSES_MAX, 202);
    assert_int_equal(since(A, 90, 210), 10);
    assert_int_equal(since(A + 1, 90, 210), 0);
    assert_int_equal(since(A + 2, 90, 210), 1);
    assert_int_equal(since(A + PAUSES_MAX, 90, 210), 1);
}

static void test_when_all_are_pausing_no_more_are_remembered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PAUSES_MAX; i++)
        begin(A + i, 100);
    begin(A + PAUSES_MAX, 100);
    assert_int_equal(since(A + PAUSES_MAX, 90, 110), 0);
    end(A + PAUSES_MAX, 105);
    for (unsigned i = 0; i < PAUSES_MAX; i++)
        assert_int_equal(since(A + i, 90, 110), 10);
}

#define CASE(function) cmocka_unit_test_setup(function, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_pause_under_way_and_over),
        CASE(test_pauses_that_follow_closely_are_one_busy_time),
        CASE(test_pauses_at_the_same_time_are_one),
        CASE(test_of_many_proxies_the_longest_over_is_forgotten),
        CASE(test_when_all_are_pausing_no_more_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
