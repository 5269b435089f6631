/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "names/utf8.h"
#include <string.h>

static size_t encode(uint32_t character, uint8_t out[4])
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; character >>= 6)
        out[i] = (uint8_t)(0x80 | (character & 0x3f));
    out[0] = (uint8_t)(lead[length] | character);
    return length;
}

static void test_every_character_is_decoded_unless_cut_short(void **state)
{
    (void)state;
    for (uint32_t character = 0; character <= 0x10ffff; character++) {
        uint8_t bytes[5] = {0};
        size_t size = encode(character, bytes);
        uint32_t decoded = 0xffffffff;
        bool surrogate = character >= 0xd800 && character <= 0xdfff;
        for (size_t cut = 1; cut < size; cut++)
            assert_int_equal(utf8_decode(bytes, cut, &decoded), 0);
        assert_int_equal(utf8_decode(bytes, sizeof(bytes), &decoded), surrogate ? 0 : size);
        assert_int_equal(decoded, surrogate ? 0xffffffff : character);
    }
}

static void test_what_is_malformed(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "80",       "bf",         "c0",       "c080", /* continuations alone; overlong U+0000 */
        "c1bf",     "e09fbf",     "f08fbfbf",         /* the longest overlong forms */
        "eda080",   "edbfbf",                         /* surrogates */
        "f4908080", "f7bfbfbf",                       /* above U+10FFFF */
        "f8808080", "fbbfbfbfbf", "fe",       "ff",   /* five bytes, and none at all */
        "c341",     "e28241",     "e24182",   "f09f9841", "f09f4180", "f0419f80",
    };
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        size_t size;
        const uint8_t *bytes = hex(malformed[i], &size);
        uint32_t decoded = 0xffffffff;
        if (utf8_decode(bytes, size, &decoded) != 0 || decoded != 0xffffffff)
            fail_msg("%s is U+%04X", malformed[i], (unsigned)decoded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character_is_decoded_unless_cut_short),
        cmocka_unit_test(test_what_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
