/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "columns.h"
#include "terminal.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

static const struct column list[] = {
    {.head = "NAME", .min = 4},
    {.head = "N", .min = 3, .max = 3, .rank = 1, .fixed = true, .right = true},
    {.head = "PATH", .min = 3, .max = 8, .rank = 3, .tail = true},
    {.head = "WHAT", .min = 5, .rank = 2},
};
enum { N_COLUMNS = 4 };

static void add(struct columns *columns, const char *name, const char *n, const char *path, const char *what)
{
    columns_add(columns, NULL, "%s", name);
    columns_add(columns, TERMINAL_RED, "%s", n);
    columns_add(columns, NULL, "%s", path);
    columns_add(columns, NULL, "%s", what);
}

/* To be freed. */
static char *print(unsigned line, bool colour, const char *const (*rows)[N_COLUMNS], size_t n_rows)
{
    struct columns columns;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    columns_init(&columns, list, N_COLUMNS, line, colour);
    for (size_t i = 0; i < n_rows; i++)
        add(&columns, rows[i][0], rows[i][1], rows[i][2], rows[i][3]);
    columns_print(&columns, out);
    assert_int_equal(columns_n_rows(&columns), n_rows);
    columns_deinit(&columns);
    fclose(out);
    return text;
}

static const char *const rows[][N_COLUMNS] = {
    {"kitchen", "1", "/usr/share", "a lamp"},
    {"attic", "12", "", ""},
};

static void assert_printed(unsigned line, const char *expected)
{
    char *text = print(line, false, rows, 2);
    assert_string_equal(text, expected);
    free(text);
}

static void test_as_wide_as_it_takes(void **state)
{
    (void)state;
    assert_printed(80, "NAME       N  PATH      WHAT\n"
                       "kitchen    1  sr/share  a lamp\n"
                       "attic     12\n");
}

static void test_nothing_is_cut_without_a_line(void **state)
{
    (void)state;
    assert_printed(0, "NAME       N  PATH      WHAT\n"
                      "kitchen    1  /usr/share  a lamp\n"
                      "attic     12\n");
}

static void test_the_least_important_get_narrower_then_go(void **state)
{
    (void)state;
    assert_printed(29, "NAME       N  PATH     WHAT\n"
                       "kitchen    1  r/share  a lamp\n"
                       "attic     12\n");
    assert_printed(24, "NAME       N  PAT  WHAT\n"
                       "kitchen    1  are  a lam\n"
                       "attic     12\n");
    assert_printed(21, "NAME    N  PAT  WHAT\n"
                       "kitc    1  are  a lam\n"
                       "atti   12\n");
    assert_printed(20, "NAME       N  WHAT\n"
                       "kitchen    1  a lamp\n"
                       "attic     12\n");
    assert_printed(12, "NAME       N\n"
                       "kitchen    1\n"
                       "attic     12\n");
    assert_printed(5, "NAME\nkitch\nattic\n");
    assert_printed(1, "N\nk\na\n");
}

static void test_lists_are_cut_between_entries(void **state)
{
    (void)state;
    static const struct column heard[] = {{.head = "NAME", .min = 4},
                                          {.head = "HEARD BY", .min = 8, .max = 24, .rank = 1, .list = true}};
    static const struct {
        unsigned line;
        const char *expected;
    } cases[] = {
        {0, "NAME  HEARD BY\nlamp  attic -42, garage -80, hall -90\n"},
        {80, "NAME  HEARD BY\nlamp  attic -42, +2\n"},
        {19, "NAME  HEARD BY\nlamp  attic -42, +2\n"},
        {18, "NAME  HEARD BY\nlamp  +3\n"},
        {13, "NAME\nlamp\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct columns columns;
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        columns_init(&columns, heard, 2, cases[i].line, false);
        columns_add(&columns, NULL, "lamp");
        columns_add(&columns, NULL, "attic -42, garage -80, hall -90");
        columns_print(&columns, out);
        columns_deinit(&columns);
        fclose(out);
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

static void test_colour_is_around_the_text_alone(void **state)
{
    (void)state;
    char *text = print(80, true, rows, 2);
    assert_non_null(strstr(text, "kitchen    \033[31m1\033[0m  sr/share"));
    assert_non_null(strstr(text, "\033[1mNAME"));
    free(text);
}

static void assert_within(const char *text, unsigned line)
{
    char copy[512];
    while (*text) {
        size_t n = strcspn(text, "\n");
        assert_true(n < sizeof(copy));
        memcpy(copy, text, n);
        copy[n] = '\0';
        assert_true(text_width(copy) <= line);
        text += n + 1;
    }
}

static void test_wide_characters_never_make_a_line_too_wide(void **state)
{
    (void)state;
    static const char *const wide[][N_COLUMNS] = {
        {"温度計センサー", "1", "台所の温度計センサー", "リビング"},
        {"שלום", "22", "e\u0301e\u0301e\u0301e\u0301e\u0301", "مرحبا"},
        {"\xff\xfe bad", "", "\xc3", "🌡🌡🌡🌡🌡🌡"},
    };
    for (unsigned line = 1; line < 90; line++) {
        char *text = print(line, false, wide, 3);
        assert_within(text, line);
        free(text);
    }
}

static void test_columns_stay_in_line_below_wide_characters(void **state)
{
    (void)state;
    static const char *const wide[][N_COLUMNS] = {{"温度計", "1", "x", "y"}, {"abcdef", "1", "x", "y"}};
    char *text = print(80, false, wide, 2);
    assert_string_equal(text, "NAME      N  PATH  WHAT\n"
                              "温度計    1  x     y\n"
                              "abcdef    1  x     y\n");
    free(text);
}

static void test_nothing_to_show_is_a_head(void **state)
{
    (void)state;
    char *text = print(80, false, NULL, 0);
    assert_string_equal(text, "NAME    N  PATH  WHAT\n");
    free(text);
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
        cmocka_unit_test(test_as_wide_as_it_takes),
        cmocka_unit_test(test_nothing_is_cut_without_a_line),
        cmocka_unit_test(test_the_least_important_get_narrower_then_go),
        cmocka_unit_test(test_lists_are_cut_between_entries),
        cmocka_unit_test(test_colour_is_around_the_text_alone),
        cmocka_unit_test(test_wide_characters_never_make_a_line_too_wide),
        cmocka_unit_test(test_columns_stay_in_line_below_wide_characters),
        cmocka_unit_test(test_nothing_to_show_is_a_head),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
