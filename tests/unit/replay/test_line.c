/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "replay/line.h"
#include <string.h>

static void assert_string(const char *utf8, size_t size, const char *expected)
{
    char memory[256];
    struct line line;
    line_init(&line, memory, sizeof(memory));
    line_add_string(&line, utf8, size);
    assert_int_equal(line_end(&line), strlen(expected));
    assert_string_equal(memory, expected);
}

#define assert_literal(literal, expected) assert_string((literal), sizeof(literal) - 1, (expected))

static void test_strings_are_ascii_and_harmless(void **state)
{
    (void)state;
    assert_literal("", "\"\"");
    assert_literal("Lamp 1/2", "\"Lamp 1/2\"");
    assert_literal("a\"b\\c", "\"a\\u0022b\\u005cc\"");
    assert_literal("\0\n\033\177", "\"\\u0000\\u000a\\u001b\\u007f\"");
    assert_literal("\u00e9\u20ac\U0001f4a1", "\"\\u00e9\\u20ac\\ud83d\\udca1\"");
    assert_literal("\u202e\xc2\x9b", "\"\\u202e\\u009b\"");
}

static void test_what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    assert_literal("a\xff", "\"a\\ufffd\"");
    assert_literal("\xc3", "\"\\ufffd\"");
    assert_literal("\xc3(", "\"\\ufffd(\"");
    assert_literal("\xc0\x80", "\"\\ufffd\\ufffd\"");
    assert_literal("\xf5\x80\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

static void test_numbers(void **state)
{
    (void)state;
    char memory[64];
    struct line line;
    line_init(&line, memory, sizeof(memory));
    line_add_number(&line, 0);
    line_add_literal(&line, " ");
    line_add_number(&line, -67);
    line_add_literal(&line, " ");
    line_add_number(&line, INT64_MIN);
    line_end(&line);
    assert_string_equal(memory, "0 -67 -9223372036854775808");
}

static void test_what_does_not_fit_is_left_out_with_all_that_follows(void **state)
{
    (void)state;
    char memory[8] = "xxxxxxx";
    struct line line;
    line_init(&line, memory, 6);
    line_add_literal(&line, "abcd");
    assert_false(line.full);
    line_add_hex(&line, (const uint8_t *)"z", 1);
    assert_true(line.full);
    line_add_literal(&line, "e");
    assert_int_equal(line_end(&line), 4);
    assert_memory_equal(memory, "abcd\0xx", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_are_ascii_and_harmless),
        cmocka_unit_test(test_what_is_not_utf8_is_replaced),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_does_not_fit_is_left_out_with_all_that_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
