/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "device_names.h"
#include <string.h>

/* What the configuration calls devices, and what a daemon's configuration adds to that. */

#define LOCK   UINT64_C(0xa4c138000001)
#define SENSOR UINT64_C(0xa4c138000002)
#define LAMP   UINT64_C(0xa4c138000003)

static struct device_names names;

static int tear_down(void **state)
{
    (void)state;
    device_names_deinit(&names);
    return 0;
}

static void read_text(const char *text)
{
    struct config config;
    struct config_error error = {0};
    if (config_parse(text, strlen(text), &config, &error) < 0)
        fail_msg("%u: %s", error.line, error.text);
    assert_int_equal(device_names_read(&names, &config), 0);
    config_deinit(&config);
}

static void test_without_names_nothing_is_found(void **state)
{
    (void)state;
    read_text("devices:\n  - address: A4:C1:38:00:00:01\n");
    assert_int_equal(names.n, 0);
    assert_null(device_names_of(&names, LOCK));
    assert_int_equal(device_names_find(&names, "front door"), 0);
    assert_string_equal(device_names_show(&names, LOCK, "LOCK_1"), "LOCK_1");
    assert_null(device_names_show(&names, LOCK, NULL));
}

static void test_names_are_found_both_ways(void **state)
{
    (void)state;
    read_text("devices:\n  - {address: A4:C1:38:00:00:03, name: lamp}\n  - address: A4:C1:38:00:00:02\n"
              "  - {address: a4c138000001, name: front door}\n");
    assert_int_equal(names.n, 2);
    assert_string_equal(device_names_of(&names, LOCK), "front door");
    assert_string_equal(device_names_show(&names, LAMP, "LAMP_1"), "lamp");
    assert_null(device_names_of(&names, SENSOR));
    assert_true(device_names_find(&names, "front door") == LOCK);
    assert_true(device_names_find(&names, "lamp") == LAMP);
}

static void test_only_the_exact_name_is_one(void **state)
{
    static const char *const others[] = {"", "front", "front doors", "Front door", "front door "};
    (void)state;
    read_text("devices:\n  - {address: A4:C1:38:00:00:01, name: front door}\n");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(device_names_find(&names, others[i]), 0);
}

static void test_those_that_are_there_go_before_others(void **state)
{
    struct device_names others = {0};
    (void)state;
    read_text("devices:\n  - {address: A4:C1:38:00:00:02, name: front door}\n");
    assert_int_equal(device_names_append(&others, LAMP, "lamp"), 0);
    assert_int_equal(device_names_append(&others, LOCK, "front door"), 0);
    assert_int_equal(device_names_append(&others, SENSOR, "sensor"), 0);
    device_names_sort(&others);
    assert_int_equal(device_names_merge(&names, &others), 0);
    assert_int_equal(others.n, 0);
    assert_int_equal(names.n, 2);
    assert_string_equal(device_names_of(&names, SENSOR), "front door");
    assert_string_equal(device_names_of(&names, LAMP), "lamp");
    assert_null(device_names_of(&names, LOCK));
}

static void test_others_are_taken_where_there_are_none(void **state)
{
    struct device_names others = {0};
    (void)state;
    assert_int_equal(device_names_merge(&names, &others), 0);
    assert_int_equal(names.n, 0);
    assert_int_equal(device_names_append(&others, LOCK, "front door"), 0);
    device_names_sort(&others);
    assert_int_equal(device_names_merge(&names, &others), 0);
    assert_true(device_names_find(&names, "front door") == LOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_without_names_nothing_is_found, tear_down),
        cmocka_unit_test_teardown(test_names_are_found_both_ways, tear_down),
        cmocka_unit_test_teardown(test_only_the_exact_name_is_one, tear_down),
        cmocka_unit_test_teardown(test_those_that_are_there_go_before_others, tear_down),
        cmocka_unit_test_teardown(test_others_are_taken_where_there_are_none, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
