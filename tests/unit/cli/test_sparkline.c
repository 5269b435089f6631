/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "sparkline.h"
#include <string.h>

static void assert_bars(const struct sparkline *sparkline, unsigned n_bars, const char *expected)
{
    char text[SPARKLINE_TEXT_SIZE];
    sparkline_format(sparkline, n_bars, text);
    assert_string_equal(text, expected);
}

static struct sparkline of(const uint32_t *values, size_t n)
{
    struct sparkline sparkline = {0};
    for (size_t i = 0; i < n; i++)
        sparkline_add(&sparkline, values[i]);
    return sparkline;
}
#define OF(...)                                                                                              \
    of((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void test_what_is_not_known_is_blank(void **state)
{
    (void)state;
    struct sparkline sparkline = {0};
    assert_bars(&sparkline, 5, "     ");
    assert_int_equal(sparkline_max(&sparkline), 0);
    sparkline_add(&sparkline, 7);
    assert_bars(&sparkline, 5, "    █");
}

static void test_the_greatest_has_full_height_and_the_least_is_seen(void **state)
{
    (void)state;
    struct sparkline sparkline = OF(1, 2, 3, 4, 5, 6, 7, 8);
    assert_bars(&sparkline, 8, "▁▂▃▄▅▆▇█");
    sparkline = OF(1, 1000, 0, 500);
    assert_bars(&sparkline, 4, "▁█.▄");
}

static void test_nothing_at_all_is_dots(void **state)
{
    (void)state;
    struct sparkline sparkline = OF(0, 0, 0);
    assert_bars(&sparkline, 3, "...");
}

static void test_great_numbers(void **state)
{
    (void)state;
    struct sparkline sparkline = OF(UINT32_MAX, UINT32_MAX / 2, 1);
    assert_bars(&sparkline, 3, "█▄▁");
}

static void test_the_newest_are_shown_and_the_scale_is_that_of_all(void **state)
{
    (void)state;
    struct sparkline sparkline = OF(8, 4, 2);
    assert_bars(&sparkline, 2, "▄▂");
    assert_bars(&sparkline, 0, "");
}

static void test_the_oldest_goes(void **state)
{
    (void)state;
    char text[SPARKLINE_TEXT_SIZE];
    struct sparkline sparkline = {0};
    sparkline_add(&sparkline, 1000);
    for (uint32_t i = 0; i < SPARKLINE_BARS; i++)
        sparkline_add(&sparkline, 8);
    assert_int_equal(sparkline.n_values, SPARKLINE_BARS);
    assert_int_equal(sparkline_max(&sparkline), 8);
    sparkline_format(&sparkline, UINT32_MAX, text);
    assert_int_equal(strlen(text), 3 * SPARKLINE_BARS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_known_is_blank),
        cmocka_unit_test(test_the_greatest_has_full_height_and_the_least_is_seen),
        cmocka_unit_test(test_nothing_at_all_is_dots),
        cmocka_unit_test(test_great_numbers),
        cmocka_unit_test(test_the_newest_are_shown_and_the_scale_is_that_of_all),
        cmocka_unit_test(test_the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
