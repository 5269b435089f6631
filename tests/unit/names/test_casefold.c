/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "names/casefold.h"
#include <string.h>

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct row {
    uint32_t first, last, step, to, second, third;
} rows[] = {
#define FOLD(first, last, step, to)                     {first, last, step, to, 0, 0},
#define FOLD_FULL(first, last, step, to, second, third) {first, last, step, to, second, third},
#include "names/casefold.inc"
#undef FOLD
#undef FOLD_FULL
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* What the search and the packed table rely on. */
static void test_the_table_is_in_order(void **state)
{
    (void)state;
    assert_true(rows[0].first >= 0x80);
    for (const struct row *row = rows; row < rows + N_ROWS; row++) {
        bool sound = row->first <= row->last && row->last - row->first <= UINT8_MAX && row->step > 0 &&
                     (row->last - row->first) % row->step == 0 && row->first >> 16 == row->to >> 16 &&
                     row->last >> 16 == (row->to + (row->last - row->first)) >> 16 &&
                     (row->third == 0 || row->second != 0) && row->second <= UINT16_MAX &&
                     row->third <= UINT16_MAX && (row == rows || row[-1].last < row->first);
        if (!sound)
            fail_msg("the row from U+%04X", (unsigned)row->first);
    }
}

/* Of Unicode 14.0 1,426 characters become one other (status C) and 104 become several (status F). */
static void test_as_many_change_as_unicode_has(void **state)
{
    (void)state;
    size_t one = 0, several = 0;
    for (uint32_t character = 0; character <= 0x10ffff; character++) {
        uint32_t folded[CASEFOLD_MAX], again[CASEFOLD_MAX];
        size_t n = casefold_character(character, folded);
        assert_in_range(n, 1, CASEFOLD_MAX);
        one += n == 1 && folded[0] != character;
        several += n > 1;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(casefold_character(folded[i], again), 1);
            assert_int_equal(again[0], folded[i]);
        }
    }
    assert_int_equal(one, 1426);
    assert_int_equal(several, 104);
}

static void test_characters(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t character, folded[CASEFOLD_MAX];
        size_t n;
    } cases[] = {
        {"the one before A", '@', {'@'}, 1},
        {"A", 'A', {'a'}, 1},
        {"Z", 'Z', {'z'}, 1},
        {"the one after Z", '[', {'['}, 1},
        {"z", 'z', {'z'}, 1},
        {"NUL", 0, {0}, 1},
        {"micro sign, to Greek", 0xb5, {0x3bc}, 1},
        {"the first of a range", 0xc0, {0xe0}, 1},
        {"the last of a range", 0xd6, {0xf6}, 1},
        {"multiplication sign, between two ranges", 0xd7, {0xd7}, 1},
        {"sharp s", 0xdf, {'s', 's'}, 2},
        {"capital sharp s", 0x1e9e, {'s', 's'}, 2},
        {"every other one", 0x100, {0x101}, 1},
        {"the one between", 0x101, {0x101}, 1},
        {"I with dot", 0x130, {'i', 0x307}, 2},
        {"dotless i", 0x131, {0x131}, 1},
        {"n after apostrophe", 0x149, {0x2bc, 'n'}, 2},
        {"long s, to ASCII", 0x17f, {'s'}, 1},
        {"capital digraph DZ with caron", 0x1c4, {0x1c6}, 1},
        {"titlecase digraph Dz with caron", 0x1c5, {0x1c6}, 1},
        {"titlecase digraph Nj", 0x1cb, {0x1cc}, 1},
        {"A with stroke, far away", 0x23a, {0x2c65}, 1},
        {"capital sigma", 0x3a3, {0x3c3}, 1},
        {"final sigma", 0x3c2, {0x3c3}, 1},
        {"three at once", 0x390, {0x3b9, 0x308, 0x301}, 3},
        {"capital Cherokee stays", 0x13a0, {0x13a0}, 1},
        {"small Cherokee becomes capital", 0xab70, {0x13a0}, 1},
        {"the last small Cherokee of its block", 0xabbf, {0x13ef}, 1},
        {"small Cherokee next to the capitals", 0x13fd, {0x13f5}, 1},
        {"Greek with iota below", 0x1f80, {0x1f00, 0x3b9}, 2},
        {"the same as a title", 0x1f8f, {0x1f07, 0x3b9}, 2},
        {"ohm", 0x2126, {0x3c9}, 1},
        {"kelvin, to ASCII", 0x212a, {'k'}, 1},
        {"ligature fi", 0xfb01, {'f', 'i'}, 2},
        {"ligature ffi", 0xfb03, {'f', 'f', 'i'}, 3},
        {"replacement character", 0xfffd, {0xfffd}, 1},
        {"Deseret", 0x10400, {0x10428}, 1},
        {"the last of Deseret", 0x10427, {0x1044f}, 1},
        {"small Deseret", 0x10428, {0x10428}, 1},
        {"the last that changes", 0x1e921, {0x1e943}, 1},
        {"the last character", 0x10ffff, {0x10ffff}, 1},
        {"none at all", 0xffffffff, {0xffffffff}, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t folded[CASEFOLD_MAX];
        size_t n = casefold_character(cases[i].character, folded);
        if (n != cases[i].n || memcmp(folded, cases[i].folded, n * sizeof(folded[0])) != 0)
            fail_msg("%s", cases[i].what);
    }
}

static void test_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text;
        size_t size;
        const char *prefix;
        size_t prefix_size;
        bool starts;
    } cases[] = {
        {"nothing with nothing", TEXT(""), TEXT(""), true},
        {"something with nothing", TEXT("Onvis"), TEXT(""), true},
        {"nothing with something", TEXT(""), TEXT("O"), false},
        {"with itself", TEXT("Onvis"), TEXT("Onvis"), true},
        {"in another case", TEXT("Onvis"), TEXT("oNVIS"), true},
        {"with its start", TEXT("Onvis 123"), TEXT("ONV"), true},
        {"with more than it is", TEXT("Onv"), TEXT("Onvis"), false},
        {"with another", TEXT("Onvis"), TEXT("Donkey"), false},
        {"with its middle", TEXT("Onvis"), TEXT("nvis"), false},
        {"the last differs", TEXT("Onvis"), TEXT("Onvit"), false},
        {"punctuation 32 apart is not case", TEXT("["), TEXT("{"), false},
        {"NULs are characters", TEXT("a\0B"), TEXT("A\0b"), true},
        {"and end nothing", TEXT("a\0b"), TEXT("a\0c"), false},
        {"nor are they nothing", TEXT("a"), TEXT("a\0"), false},
        {"sharp s with ss", TEXT("Stra\xc3\x9f\x65"), TEXT("STRASSE"), true},
        {"ss with sharp s", TEXT("STRASSE"), TEXT("stra\xc3\x9f"), true},
        {"sharp s with half of it", TEXT("\xc3\x9f"), TEXT("S"), true},
        {"half of it with sharp s", TEXT("S"), TEXT("\xc3\x9f"), false},
        {"half of it and another", TEXT("st"), TEXT("\xc3\x9f"), false},
        {"ffi with f and fi", TEXT("\xef\xac\x83"), TEXT("F\xef\xac\x81"), true},
        {"ffi with ff", TEXT("\xef\xac\x83"), TEXT("fF"), true},
        {"ffi with fl", TEXT("\xef\xac\x83"), TEXT("fl"), false},
        {"final sigma", TEXT("\xce\xa3\xce\xa3"), TEXT("\xcf\x83\xcf\x82"), true},
        {"Cherokee", TEXT("\xe1\x8e\xa0"), TEXT("\xea\xad\xb0"), true},
        {"Deseret", TEXT("\xf0\x90\x90\x80x"), TEXT("\xf0\x90\x90\xa8"), true},
        {"fewer bytes than its prefix", TEXT("K"), TEXT("\xe2\x84\xaa"), true},
        {"the same replacement", TEXT("\xef\xbf\xbd!"), TEXT("\xef\xbf\xbd"), true},
        {"a byte that is not UTF-8", TEXT("a\xc4z"), TEXT("A\xc4"), true},
        {"and what follows it", TEXT("a\xc4z"), TEXT("A\xc4y"), false},
        {"another one", TEXT("a\xc4"), TEXT("a\xe4"), false},
        {"not the character with its number", TEXT("\xc3\x84"), TEXT("\xc4"), false},
        {"nor with a surrogate's", TEXT("\xed\xb3\x84"), TEXT("\xc4"), false},
        {"a surrogate is three bytes", TEXT("\xed\xa0\x80"), TEXT("\xed\xa0"), true},
        {"cut short in a character", TEXT("\xe2\x82\xac"), TEXT("\xe2\x82"), false},
        {"both cut short", TEXT("X\xe2\x82"), TEXT("x\xe2"), true},
        {"no overlong A", TEXT("a"), TEXT("\xc1\x81"), false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (casefold_starts_with(cases[i].text, cases[i].size, cases[i].prefix, cases[i].prefix_size) !=
            cases[i].starts)
            fail_msg("%s", cases[i].what);
    assert_true(casefold_starts_with(NULL, 0, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_in_order),
        cmocka_unit_test(test_as_many_change_as_unicode_has),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
