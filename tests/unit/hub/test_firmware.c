/* SPDX-License-Identifier: MIT */
#include "hub/firmware.h"
#include "support.h"

static void test_versions_are_compared_by_year_and_month(void **state)
{
    (void)state;
    assert_true(firmware_is_since("2025.9.0", 2025, 9));
    assert_true(firmware_is_since("2025.10.0-dev", 2025, 9));
    assert_true(firmware_is_since("2026.1.0", 2025, 9));
    assert_false(firmware_is_since("2025.8.4", 2025, 9));
    assert_false(firmware_is_since("2024.12.1", 2025, 9));
    assert_true(firmware_is_before("2025.8.4", 2025, 9));
    assert_true(firmware_is_before("2024.12", 2025, 9));
    assert_false(firmware_is_before("2025.9.0", 2025, 9));
    assert_false(firmware_is_before("2026.1.0", 2025, 9));
}

static void test_what_is_no_version_is_neither(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "dev",    "2025",    "2025.",  "2025.x",
                                        "2025.0.1", "1.20.4", "2025.13", "-1.9.0", "99999999999999999999.1"};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (firmware_is_since(texts[i], 2020, 1) || firmware_is_before(texts[i], 9999, 12))
            fail_msg("%s", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_are_compared_by_year_and_month),
        cmocka_unit_test(test_what_is_no_version_is_neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
