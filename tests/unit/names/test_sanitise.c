/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "names/sanitise.h"
#include <bleproxy/names.h>
#include <string.h>

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
    const char *what, *in;
    size_t size;
    const char *out;
} cases[] = {
    {"plain text", TEXT("Living room, 21.5 C"), "Living room, 21.5 C"},
    {"nothing", TEXT(""), ""},
    {"two to four bytes", TEXT("k\xc3\xbc\x63he \xe2\x82\xac \xf0\x9f\x98\x80"),
     "k\xc3\xbc\x63he \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"NUL", TEXT("a\0b"), "ab"},
    {"line ends and tab", TEXT("a\r\n\tb"), "ab"},
    {"DEL",
     TEXT("a\x7f"
          "b"),
     "ab"},
    {"a terminal's escape", TEXT("\x1b[31mred\x1b]0;title\x07"), "[31mred]0;title"},
    {"C1 CSI in two bytes",
     TEXT("a\xc2\x9b"
          "31m"),
     "a31m"},
    {"C1 CSI as a raw byte",
     TEXT("a\x9b"
          "31m"),
     "a31m"},
    {"NEL",
     TEXT("a\xc2\x85"
          "b"),
     "ab"},
    {"no-break space stays",
     TEXT("a\xc2\xa0"
          "b"),
     "a\xc2\xa0"
     "b"},
    {"soft hyphen",
     TEXT("a\xc2\xad"
          "b"),
     "ab"},
    {"line separator",
     TEXT("a\xe2\x80\xa8"
          "b"),
     "ab"},
    {"paragraph separator",
     TEXT("a\xe2\x80\xa9"
          "b"),
     "ab"},
    {"right-to-left override",
     TEXT("a\xe2\x80\xae"
          "b"),
     "ab"},
    {"isolate",
     TEXT("a\xe2\x81\xa6"
          "b\xe2\x81\xa9"),
     "ab"},
    {"direction marks",
     TEXT("a\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c"
          "b"),
     "ab"},
    {"zero-width space and joiners",
     TEXT("a\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d"
          "b"),
     "ab"},
    {"word joiner",
     TEXT("a\xe2\x81\xa0"
          "b"),
     "ab"},
    {"byte order mark",
     TEXT("\xef\xbb\xbf"
          "a"),
     "a"},
    {"private use",
     TEXT("a\xee\x80\x80\xf3\xb0\x80\x80\xf4\x8f\xbf\xbd"
          "b"),
     "ab"},
    {"noncharacters",
     TEXT("a\xef\xb7\x90\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\xbf\xbe"
          "b"),
     "ab"},
    {"tags",
     TEXT("a\xf3\xa0\x80\x81\xf3\xa0\x81\xa1"
          "b"),
     "ab"},
    {"variation selector stays", TEXT("\xe2\x9d\xa4\xef\xb8\x8f"), "\xe2\x9d\xa4\xef\xb8\x8f"},
    {"overlong slash",
     TEXT("a\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf"
          "b"),
     "ab"},
    {"overlong NUL",
     TEXT("a\xc0\x80"
          "b"),
     "ab"},
    {"overlong escape",
     TEXT("a\xc0\x9b"
          "b"),
     "ab"},
    {"surrogates",
     TEXT("a\xed\xa0\x80\xed\xbf\xbf"
          "b"),
     "ab"},
    {"above U+10FFFF",
     TEXT("a\xf4\x90\x80\x80\xf5\x80\x80\x80\xf8\x88\x80\x80\x80\xfe\xff"
          "b"),
     "ab"},
    {"lone continuation",
     TEXT("a\x80\xbf"
          "b"),
     "ab"},
    {"cut short in the middle",
     TEXT("a\xe2\x82"
          "b"),
     "ab"},
    {"cut short at the end", TEXT("a\xf0\x9f\x98"), "a"},
    {"the last of plane 3 but two", TEXT("\xf0\xbf\xbf\xbd"), "\xf0\xbf\xbf\xbd"},
};

static void test_what_does_not_print_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[64];
        size_t n = bleproxy_sanitise(out, sizeof(out), cases[i].in, cases[i].size);
        if (n != strlen(out) || strcmp(out, cases[i].out) != 0)
            fail_msg("%s: \"%s\"", cases[i].what, out);
        bool unchanged = n == cases[i].size && memcmp(out, cases[i].in, n) == 0;
        assert_int_equal(sanitise_keeps(cases[i].in, cases[i].size), unchanged);
    }
}

static void test_a_character_is_never_cut(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1 + 2 + 3 + 4 + 1 bytes */
    static const size_t fitting[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t room = 0; room < sizeof(fitting) / sizeof(fitting[0]); room++) {
        char out[16];
        memset(out, '#', sizeof(out));
        assert_int_equal(bleproxy_sanitise(out, room + 1, text, sizeof(text) - 1), fitting[room]);
        assert_int_equal(out[fitting[room]], '\0');
        assert_int_equal(out[room + 1], '#');
        assert_memory_equal(out, text, fitting[room]);
    }
}

static void test_characters_are_counted_not_bytes(void **state)
{
    (void)state;
    char out[16];
    static const char text[] = "\x01\xc3\xbc\xc3\xbc\x02\xc3\xbcz";
    assert_int_equal(sanitise(out, sizeof(out), text, sizeof(text) - 1, 3), 6);
    assert_string_equal(out, "\xc3\xbc\xc3\xbc\xc3\xbc");
    assert_int_equal(sanitise(out, sizeof(out), text, sizeof(text) - 1, 0), 0);
    assert_string_equal(out, "");
}

/* A second decoder, written the other way round: from the table of well-formed byte sequences. */
static size_t well_formed(const uint8_t *text, size_t size, uint32_t *ret_character)
{
    static const struct {
        uint8_t first, last, second_low, second_high, length;
    } rows[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t length = rows[i].length;
        if (text[0] < rows[i].first || text[0] > rows[i].last || length > size)
            continue;
        if (length > 1 && (text[1] < rows[i].second_low || text[1] > rows[i].second_high))
            continue;
        static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
        uint32_t character = text[0] & lead_mask[length];
        for (size_t j = 1; j < length; j++) {
            if (text[j] < 0x80 || text[j] > 0xbf)
                return 0;
            character = character * 64 + (text[j] - 0x80u);
        }
        *ret_character = character;
        return length;
    }
    return 0;
}

static void assert_clean(const char *text, size_t size)
{
    const uint8_t *in = (const uint8_t *)text;
    for (size_t i = 0; i < size;) {
        uint32_t c = 0;
        size_t length = well_formed(in + i, size - i, &c);
        assert_int_not_equal(length, 0);
        bool bad = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || (c >= 0x200b && c <= 0x200f) ||
                   (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
                   (c >= 0xd800 && c <= 0xf8ff) || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe ||
                   c >= 0xe0000;
        if (bad)
            fail_msg("U+%04X came through", c);
        i += length;
    }
}

static void test_random_bytes_come_out_clean(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test);
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t in[24];
        test.env.random(test.env.user, in, sizeof(in));
        if (round % 2) /* mostly lead and continuation bytes: random text is seldom UTF-8 */
            for (size_t i = 0; i < sizeof(in); i++)
                in[i] = (uint8_t)(i % 4 ? 0x80 | (in[i] & 0x3f) : 0xc0 | (in[i] & 0x3f));
        char out[64], again[64];
        size_t n = bleproxy_sanitise(out, sizeof(out), in, sizeof(in));
        assert_true(n <= sizeof(in));
        assert_clean(out, n);
        assert_true(sanitise_keeps(out, n));
        assert_int_equal(bleproxy_sanitise(again, sizeof(again), out, n), n);
        assert_memory_equal(again, out, n + 1);
    }
    test_env_deinit(&test);
}

static void test_every_assigned_script_comes_through(void **state)
{
    (void)state;
    static const char text[] = "Καλημέρα κόσμε Привет こんにちは 你好 안녕 مرحبا שלום नमस्ते ไทย 𝄞 "
                               "🌡";
    char out[sizeof(text)];
    assert_int_equal(bleproxy_sanitise(out, sizeof(out), text, sizeof(text) - 1), sizeof(text) - 1);
    assert_string_equal(out, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_does_not_print_is_left_out),
        cmocka_unit_test(test_a_character_is_never_cut),
        cmocka_unit_test(test_characters_are_counted_not_bytes),
        cmocka_unit_test(test_random_bytes_come_out_clean),
        cmocka_unit_test(test_every_assigned_script_comes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
