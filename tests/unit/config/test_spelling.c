/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "config/spelling.h"

static void test_slips_of_the_hand_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},         {"port", "port", 0},      {"PORT", "port", 0},           {"", "port", 4},
        {"prot", "port", 1}, {"adress", "address", 1}, {"addresss", "address", 1},    {"oprt", "port", 1},
        {"name", "nose", 2}, {"kitten", "sitting", 3}, {"noise-psk", "noise_psk", 1}, {"abc", "xyz", 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(spelling_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(spelling_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void test_long_words_are_far_from_everything(void **state)
{
    (void)state;
    static const char word_32[] = "abcdefghijklmnopqrstuvwxyzabcdef",
                      word_33[] = "abcdefghijklmnopqrstuvwxyzabcdefg";
    assert_int_equal(spelling_distance(word_32, word_32), 0);
    assert_int_equal(spelling_distance(word_32, ""), 32);
    assert_true(spelling_distance(word_33, word_33) == SIZE_MAX);
    assert_true(spelling_distance("a", word_33) == SIZE_MAX);
}

static const char *meant(const char *word)
{
    static const char *const words[] = {"scan", "services", "discover", "devices", "top", "run"};
    struct spelling spelling;
    spelling_seek(&spelling, word);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        spelling_try(&spelling, words[i]);
    return spelling.nearest;
}

static void test_what_was_meant_is_the_nearest(void **state)
{
    (void)state;
    assert_string_equal(meant("scna"), "scan");
    assert_string_equal(meant("SCAN"), "scan");
    assert_string_equal(meant("device"), "devices");
    assert_string_equal(meant("disc"), "discover");
    assert_string_equal(meant("tpo"), "top");
    assert_null(meant("d"));
    assert_null(meant(""));
    assert_null(meant("frobnicate"));
    assert_null(meant("scanning"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips_of_the_hand_are_counted),
        cmocka_unit_test(test_long_words_are_far_from_everything),
        cmocka_unit_test(test_what_was_meant_is_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
