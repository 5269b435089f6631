/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>

static void test_format(void **state)
{
    (void)state;
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(UINT64_C(0xa4c138112233), text);
    assert_string_equal(text, "A4:C1:38:11:22:33");
    bleproxy_address_format(UINT64_C(0xffff00000000000a), text);
    assert_string_equal(text, "00:00:00:00:00:0A");
}

static void test_forms_of_text(void **state)
{
    (void)state;
    const char *forms[] = {"A4:C1:38:11:22:33", "a4:c1:38:11:22:33", "A4-C1-38-11-22-33", "a4C138112233"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        uint64_t address = 0;
        assert_int_equal(bleproxy_address_parse(forms[i], &address), 0);
        assert_int_equal(address, UINT64_C(0xa4c138112233));
    }
}

static void test_text_that_is_no_address(void **state)
{
    (void)state;
    const char *texts[] = {"",
                           "A",
                           "A4",
                           "A4:",
                           "A4:C1:38:11:22",
                           "A4:C1:38:11:22:3",
                           "A4:C1:38:11:22:333",
                           "A4:C1-38:11:22:33",
                           "A4C1:38:11:22:33",
                           "A4:C138112233",
                           "A4C13811223",
                           "A4C1381122334",
                           "A4:C1:38:11:22:3G",
                           "0x38112233ab",
                           " A4C138112233",
                           "A4:C1:38:11:22:33:"};
    uint64_t address = 7;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(bleproxy_address_parse(texts[i], &address), BLEPROXY_E_INVALID);
    assert_int_equal(address, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_forms_of_text),
        cmocka_unit_test(test_text_that_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
