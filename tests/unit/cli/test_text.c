/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "text.h"
#include <stdlib.h>

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("lamp"), 4);
    assert_int_equal(text_width("温度"), 4);
    assert_int_equal(text_width("e\u0301"), 1);
    assert_int_equal(text_width("▂▄▆█"), 4);
}

static void test_what_fits(void **state)
{
    (void)state;
    size_t size;
    assert_int_equal(text_fit("温度", 3, &size), 2);
    assert_int_equal(size, 3);
    assert_int_equal(text_fit("e\u0301x", 1, &size), 1);
    assert_int_equal(size, 3); /* with what belongs to it */
    assert_int_equal(text_fit("lamp", 9, NULL), 4);
    assert_int_equal(text_fit("lamp", 0, &size), 0);
    assert_int_equal(size, 0);
}

static void test_the_end_that_fits(void **state)
{
    (void)state;
    assert_string_equal(text_tail("kitchen", 4), "chen");
    assert_string_equal(text_tail("kitchen", 7), "kitchen");
    assert_string_equal(text_tail("温度", 3), "度");
    assert_string_equal(text_tail("▂▄▆█", 2), "▆█");
    assert_string_equal(text_tail("x", 0), "");
}

static void assert_entries(const char *list, unsigned width, const char *expected)
{
    char *text = text_entries(list, width);
    assert_string_equal(text, expected);
    free(text);
}

static void test_no_entry_is_cut(void **state)
{
    (void)state;
    static const char list[] = "attic -42, room-1 -74, garage -80";
    assert_entries(list, 33, list);
    assert_entries(list, 32, "attic -42, room-1 -74, +1");
    assert_entries(list, 25, "attic -42, room-1 -74, +1");
    assert_entries(list, 24, "attic -42, +2");
    assert_entries(list, 13, "attic -42, +2");
    assert_entries(list, 12, "+3");
    assert_entries(list, 2, "+3");
    assert_entries(list, 1, "");
    assert_entries("", 0, "");
    assert_entries("", 9, "");
    assert_entries("attic -42", 8, "+1");
    assert_entries("温度 -42, x -80", 12, "温度 -42, +1");
    assert_entries("温度 -42, x -80", 11, "+2");
    assert_entries(", , a", 4, "+3");
    assert_entries(", ,", 2, "+2");
    assert_entries("\xff\xff\xff, \xff", 5, "+2");
}

static void test_a_column_is_filled_up(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    text_column(out, "温度", 3);
    text_column(out, "x", 2);
    fclose(out);
    assert_string_equal(text, "温 x ");
    free(text);
}

static void assert_wrapped(const char *text, unsigned width, const char *expected)
{
    char *lines = NULL;
    size_t size;
    FILE *out = open_memstream(&lines, &size);
    assert_non_null(out);
    text_wrap(out, text, width);
    fclose(out);
    assert_string_equal(lines, expected);
    free(lines);
}

static void test_words_are_wrapped(void **state)
{
    (void)state;
    assert_wrapped("it is on, near a proxy", 11, "it is on,\nnear a\nproxy\n");
    assert_wrapped("it is on", 8, "it is on\n");
    assert_wrapped("it is on", 7, "it is\non\n");
    assert_wrapped("it is on", 0, "it is on\n");
    assert_wrapped("温度計 温度計", 12, "温度計\n温度計\n");
    assert_wrapped("温度計 温度計", 13, "温度計 温度計\n");
    assert_wrapped("impossible it is", 4, "impossible\nit\nis\n");
    assert_wrapped("", 4, "\n");
}

static void test_a_line_of_whole_words(void **state)
{
    (void)state;
    assert_int_equal(text_line("it is on", 8), 8);
    assert_int_equal(text_line("it is on", 7), 5);
    assert_int_equal(text_line("it is on", 5), 5);
    assert_int_equal(text_line("it is on", 4), 2);
    assert_int_equal(text_line("impossible it", 4), 4);
    assert_int_equal(text_line("温度計 温度計", 8), 9);
    assert_int_equal(text_line("温度計", 5), 6);
    assert_int_equal(text_line("温度計", 1), 3); /* at least one */
    assert_int_equal(text_line("", 1), 0);
}

static int setup(void **state)
{
    (void)state;
    text_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_what_fits),
        cmocka_unit_test(test_the_end_that_fits),
        cmocka_unit_test(test_no_entry_is_cut),
        cmocka_unit_test(test_a_column_is_filled_up),
        cmocka_unit_test(test_words_are_wrapped),
        cmocka_unit_test(test_a_line_of_whole_words),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
