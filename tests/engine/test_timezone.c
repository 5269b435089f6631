/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "engine/timezone.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *read_as(const char *tz)
{
    static char zone[TIMEZONE_SIZE];
    assert_int_equal(setenv("TZ", tz, 1), 0);
    memset(zone, 'x', sizeof(zone));
    timezone_read(zone);
    return zone;
}

static void test_a_rule_is_taken_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(read_as("CET-1CEST,M3.5.0,M10.5.0/3"), "CET-1CEST,M3.5.0,M10.5.0/3");
    assert_string_equal(read_as(":UTC0"), "UTC0");
}

static void test_an_empty_zone_is_utc(void **state)
{
    (void)state;
    assert_string_equal(read_as(""), "UTC0");
}

static void test_what_names_no_zone_is_unknown(void **state)
{
    (void)state;
    char longest[2 * TIMEZONE_SIZE] = "A1";
    memset(longest + 2, 'b', sizeof(longest) - 3);
    assert_string_equal(read_as(longest), "");
    assert_string_equal(read_as("Nowhere/Nothing"), "");
    assert_string_equal(read_as("/"), "");
    assert_string_equal(read_as("/dev/null"), "");
}

/* The last line of a file of version 2; another file ends differently. */
static void test_a_file_ends_in_its_rule(void **state)
{
    (void)state;
    char path[] = "/tmp/zone-XXXXXX";
    int fd = mkstemp(path);
    static const char content[] = "TZif2\nEST5EDT,M3.2.0,M11.1.0\n";
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fwrite(content, 1, sizeof(content) - 1, file);
    fclose(file);
    assert_string_equal(read_as(path), "EST5EDT,M3.2.0,M11.1.0");
    file = fopen(path, "w");
    fputs("no rule", file);
    fclose(file);
    assert_string_equal(read_as(path), "");
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rule_is_taken_as_it_is),
        cmocka_unit_test(test_an_empty_zone_is_utc),
        cmocka_unit_test(test_what_names_no_zone_is_unknown),
        cmocka_unit_test(test_a_file_ends_in_its_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
