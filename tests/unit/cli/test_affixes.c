/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "affixes.h"

static void assert_affixes(const char *const *labels, size_t n, size_t begin, size_t end)
{
    struct affixes affixes = affixes_find(labels, n);
    assert_int_equal(affixes.begin, begin);
    assert_int_equal(affixes.end, end);
}
#define ASSERT_AFFIXES(begin, end, ...)                                                                      \
    assert_affixes((const char *const[]){__VA_ARGS__},                                                       \
                   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), begin, end)

static void test_what_is_common_ends_at_separators(void **state)
{
    (void)state;
    ASSERT_AFFIXES(6, 0, "esp32-kitchen", "esp32-kiosk");
    ASSERT_AFFIXES(0, 6, "kitchen-proxy", "attic-proxy");
    ASSERT_AFFIXES(3, 4, "bt_a.lan", "bt_b.lan", "bt_cc.lan");
    ASSERT_AFFIXES(10, 0, "sim-proxy-1", "sim-proxy-12");
    ASSERT_AFFIXES(0, 0, "proxy1", "proxy2");
    ASSERT_AFFIXES(0, 0, "kitchen", "attic");
}

static void test_something_is_left_of_each(void **state)
{
    (void)state;
    ASSERT_AFFIXES(0, 0, "a-", "a-b");
    ASSERT_AFFIXES(0, 0, "-a", "b-a");
    ASSERT_AFFIXES(2, 0, "a-a", "a-b-a");
    ASSERT_AFFIXES(0, 0, "", "");
    ASSERT_AFFIXES(0, 0, "-", "-");
    ASSERT_AFFIXES(5, 0, "same-x", "same-x");
}

static void test_fewer_than_two_have_nothing_in_common(void **state)
{
    (void)state;
    ASSERT_AFFIXES(0, 0, "esp32-kitchen");
    assert_affixes(NULL, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_common_ends_at_separators),
        cmocka_unit_test(test_something_is_left_of_each),
        cmocka_unit_test(test_fewer_than_two_have_nothing_in_common),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
