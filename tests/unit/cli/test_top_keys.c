/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "top.h"

static void assert_keys(const char *bytes, size_t n_keys, const enum top_key *expected)
{
    struct top_keys keys = {0};
    size_t n = 0;
    for (; *bytes; bytes++) {
        enum top_key key = top_keys_feed(&keys, (unsigned char)*bytes);
        if (key == TOP_KEY_NONE)
            continue;
        assert_true(n < n_keys);
        assert_int_equal(key, expected[n++]);
    }
    assert_int_equal(n, n_keys);
}
#define ASSERT_KEYS(bytes, ...)                                                                              \
    assert_keys(bytes, sizeof((const enum top_key[]){__VA_ARGS__}) / sizeof(enum top_key),                   \
                (const enum top_key[]){__VA_ARGS__})

static void test_letters(void **state)
{
    (void)state;
    ASSERT_KEYS("\tjkgGsp h?q", TOP_KEY_PANE, TOP_KEY_DOWN, TOP_KEY_UP, TOP_KEY_FIRST, TOP_KEY_LAST,
                TOP_KEY_SORT, TOP_KEY_PAUSE, TOP_KEY_PAUSE, TOP_KEY_HELP, TOP_KEY_HELP, TOP_KEY_QUIT);
}

static void test_sequences(void **state)
{
    (void)state;
    ASSERT_KEYS("\033[A\033OB\033[5~\033[6~\033[H\033OF\033[1~\033[4~", TOP_KEY_UP, TOP_KEY_DOWN,
                TOP_KEY_PAGE_UP, TOP_KEY_PAGE_DOWN, TOP_KEY_FIRST, TOP_KEY_LAST, TOP_KEY_FIRST, TOP_KEY_LAST);
    ASSERT_KEYS("\033[1;2A\033[5;5~", TOP_KEY_UP, TOP_KEY_PAGE_UP);
}

static void test_what_means_nothing_is_skipped_as_a_whole(void **state)
{
    (void)state;
    ASSERT_KEYS("\033[200~\033[24~\033[?1;2cxyz\001j", TOP_KEY_DOWN);
    ASSERT_KEYS("\033[99999999999999999999~q", TOP_KEY_QUIT);
}

static void test_escape_alone_swallows_nothing(void **state)
{
    (void)state;
    ASSERT_KEYS("\033q\033\033[Bj", TOP_KEY_QUIT, TOP_KEY_DOWN, TOP_KEY_DOWN);
}

static void test_any_bytes_are_endured(void **state)
{
    (void)state;
    struct top_keys keys = {0};
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            top_keys_feed(&keys, 0x1b);
            top_keys_feed(&keys, (unsigned char)a);
            top_keys_feed(&keys, (unsigned char)b);
        }
    top_keys_feed(&keys, 'm'); /* ends a sequence that may have begun */
    assert_int_equal(top_keys_feed(&keys, 'q'), TOP_KEY_QUIT);
}

static void test_what_keys_do(void **state)
{
    (void)state;
    struct top_view view = {.devices.page = 10, .proxies.page = 4};
    top_view_key(&view, TOP_KEY_UP);
    assert_int_equal(view.devices.first, 0);
    top_view_key(&view, TOP_KEY_PAGE_DOWN);
    assert_int_equal(view.devices.first, 9);
    top_view_key(&view, TOP_KEY_DOWN);
    top_view_key(&view, TOP_KEY_PAGE_UP);
    assert_int_equal(view.devices.first, 1);
    for (int sort = TOP_BY_NAME; sort <= TOP_N_SORTS; sort++) {
        top_view_key(&view, TOP_KEY_SORT);
        assert_int_equal(view.sort, sort % TOP_N_SORTS);
        assert_int_equal(view.devices.first, 0);
    }
    top_view_key(&view, TOP_KEY_PAUSE);
    assert_true(view.paused);
    top_view_key(&view, TOP_KEY_PAUSE);
    top_view_key(&view, TOP_KEY_HELP);
    assert_false(view.paused);
    assert_true(view.help);
}

static void test_keys_scroll_the_pane_that_has_the_focus(void **state)
{
    (void)state;
    struct top_view view = {.devices = {7, 10}, .proxies = {0, 4}};
    top_view_key(&view, TOP_KEY_PANE);
    top_view_key(&view, TOP_KEY_PAGE_DOWN);
    top_view_key(&view, TOP_KEY_DOWN);
    assert_int_equal(view.proxies.first, 4);
    top_view_key(&view, TOP_KEY_FIRST);
    assert_int_equal(view.proxies.first, 0);
    assert_int_equal(view.devices.first, 7);
    top_view_key(&view, TOP_KEY_PANE);
    top_view_key(&view, TOP_KEY_UP);
    assert_int_equal(view.devices.first, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_what_means_nothing_is_skipped_as_a_whole),
        cmocka_unit_test(test_escape_alone_swallows_nothing),
        cmocka_unit_test(test_any_bytes_are_endured),
        cmocka_unit_test(test_what_keys_do),
        cmocka_unit_test(test_keys_scroll_the_pane_that_has_the_focus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
