/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "replay/seconds.h"
#include <bleproxy/error.h>
#include <string.h>

static const char *format(uint64_t ns)
{
    static char memory[32];
    struct line line;
    line_init(&line, memory, sizeof(memory));
    seconds_add(&line, ns);
    line_end(&line);
    return memory;
}

static void test_decimals_are_exact_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"0", 0},
        {"0.1", 100000000},
        {"0.000000001", 1},
        {"0.3", 300000000},
        {"1", 1000000000},
        {"10", 10000000000},
        {"0.001953125", 1953125}, /* 1/512 */
        {"16777216.123456789", 16777216123456789},
        {"8999999999.999999999", SECONDS_MAX_NS - 1},
        {"9000000000", SECONDS_MAX_NS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t ns;
        assert_int_equal(seconds_parse(cases[i].text, strlen(cases[i].text), &ns), 0);
        assert_true(ns == cases[i].ns);
        assert_string_equal(format(ns), cases[i].text);
    }
}

static void test_other_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"1.500", 1500000000},
        {"-0", 0},
        {"-0.0", 0},
        {"1e0", 1000000000},
        {"1E+2", 100000000000},
        {"12.5e-1", 1250000000},
        {"1e-9", 1},
        {"1e-07", 100},
        {"0.1e10", 1000000000000000000},
        {"0e999999999999", 0},
        {"5e-10", 1},
        {"4.9e-10", 0},
        {"9e-11", 0},
        {"1e-999999999999", 0},
        {"0.30000000000000004", 300000000}, /* 0.1 + 0.2 as Python writes it */
        {"1.0000000005", 1000000001},
        {"1.00000000049999", 1000000000},
        {"0.9999999999", 1000000000},
        {"9000000000.0000000004", SECONDS_MAX_NS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t ns;
        assert_int_equal(seconds_parse(cases[i].text, strlen(cases[i].text), &ns), 0);
        assert_true(ns == cases[i].ns);
    }
}

static void test_out_of_range(void **state)
{
    (void)state;
    static const char *const cases[] = {"-1",
                                        "-0.000000001",
                                        "9000000000.000000001",
                                        "9000000000.0000000005",
                                        "18446744073.709551616",
                                        "1e10",
                                        "1e999999999999",
                                        "99999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t ns = 7;
        assert_int_equal(seconds_parse(cases[i], strlen(cases[i]), &ns), BLEPROXY_E_INVALID);
        assert_true(ns == 7);
    }
}

static void test_any_time_comes_back(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test);
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t ns, again;
        test.env.random(&test, &ns, sizeof(ns));
        ns %= SECONDS_MAX_NS + 1;
        const char *text = format(ns);
        assert_int_equal(seconds_parse(text, strlen(text), &again), 0);
        assert_true(ns == again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals_are_exact_both_ways),
        cmocka_unit_test(test_other_spellings),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_any_time_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
