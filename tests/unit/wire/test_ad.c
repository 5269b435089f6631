/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <bleproxy/advertisement.h>
#include <stdlib.h>
#include <string.h>

/* "type:size" of each structure, from a block of exactly the payload's size. */
static void assert_structures(const char *payload, size_t n, const uint8_t (*expected)[2])
{
    size_t size, position = 0, i = 0;
    uint8_t *bytes = hex(payload, &size);
    uint8_t *block = malloc(size > 0 ? size : 1);
    memcpy(block, bytes, size);
    struct bleproxy_ad ad;
    for (; bleproxy_ad_next(block, size, &position, &ad); i++) {
        assert_true(i < n);
        assert_int_equal(ad.type, expected[i][0]);
        assert_int_equal(ad.size, expected[i][1]);
        assert_true(ad.data + ad.size <= block + size);
    }
    assert_int_equal(i, n);
    assert_false(bleproxy_ad_next(block, size, &position, &ad));
    free(block);
}

static void test_structures_of_all_types(void **state)
{
    (void)state;
    assert_structures("020106 03191234 0324ab17 05ff4c000102", 4,
                      (const uint8_t[][2]){{0x01, 1}, {0x19, 2}, {0x24, 2}, {0xff, 4}});
}

static void test_padding_and_empty_structures_are_skipped(void **state)
{
    (void)state;
    assert_structures("0000 0109 020106 0000 0111", 1, (const uint8_t[][2]){{0x01, 1}});
    assert_structures("", 0, NULL);
    assert_structures("00", 0, NULL);
    assert_structures("05", 0, NULL);
}

static void test_structure_past_the_end_is_skipped(void **state)
{
    (void)state;
    assert_structures("020106 0509414243", 1, (const uint8_t[][2]){{0x01, 1}});
    assert_structures("ff09", 0, NULL);
    assert_structures("0209", 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structures_of_all_types),
        cmocka_unit_test(test_padding_and_empty_structures_are_skipped),
        cmocka_unit_test(test_structure_past_the_end_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
