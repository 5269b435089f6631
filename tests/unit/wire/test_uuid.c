/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "wire/uuid.h"
#include <bleproxy/error.h>
#include <string.h>

static void assert_text(const struct bleproxy_uuid *uuid, uint8_t size, const char *expected)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    assert_int_equal(uuid->size, size);
    bleproxy_uuid_format(uuid, text);
    assert_string_equal(text, expected);
}

static void test_uuids_are_read_from_the_air(void **state)
{
    (void)state;
    struct bleproxy_uuid uuid = uuid_from_air(hex("0a18", NULL), 2);
    assert_text(&uuid, 2, "0000180a-0000-1000-8000-00805f9b34fb");
    uuid = uuid_from_air(hex("0a180000", NULL), 4);
    assert_text(&uuid, 2, "0000180a-0000-1000-8000-00805f9b34fb");
    uuid = uuid_from_air(hex("78563412", NULL), 4);
    assert_text(&uuid, 4, "12345678-0000-1000-8000-00805f9b34fb");
    uuid = uuid_from_air(hex("fb349b5f80000080001000000a180000", NULL), 16);
    assert_text(&uuid, 2, "0000180a-0000-1000-8000-00805f9b34fb");
    uuid = uuid_from_air(hex("fb349b5f800000800010000078563412", NULL), 16);
    assert_text(&uuid, 4, "12345678-0000-1000-8000-00805f9b34fb");
    uuid = uuid_from_air(hex("0000cdc4c6eaeeb6c845adad33b3d639", NULL), 16);
    assert_text(&uuid, 16, "39d6b333-adad-45c8-b6ee-eac6c4cd0000");
    uuid = uuid_from_air(hex("fb349b5f80000080001000010a180000", NULL), 16);
    assert_text(&uuid, 16, "0000180a-0100-1000-8000-00805f9b34fb");
}

static void test_forms_of_text(void **state)
{
    (void)state;
    const char *forms[] = {
        "180A", "180a", "0x180f", "0X180a", "0000180a", "0x0000180A", "0000180A-0000-1000-8000-00805F9B34FB"};
    struct bleproxy_uuid expected = uuid_from_air(hex("0a18", NULL), 2), uuid;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        assert_int_equal(bleproxy_uuid_parse(forms[i], &uuid), 0);
        assert_int_equal(bleproxy_uuid_equal(&uuid, &expected), i != 2);
    }
    /* Equal UUIDs have equal bytes. */
    assert_memory_equal(&uuid, &expected, sizeof(uuid));
    assert_int_equal(bleproxy_uuid_parse("39d6b333-adad-45c8-b6ee-eac6c4cd0000", &uuid), 0);
    assert_text(&uuid, 16, "39d6b333-adad-45c8-b6ee-eac6c4cd0000");
    assert_false(bleproxy_uuid_equal(&uuid, &expected));
    assert_int_equal(uuid_parse("0x180ffff", 6, &uuid), 0);
    assert_text(&uuid, 2, "0000180f-0000-1000-8000-00805f9b34fb");
}

static void test_text_that_is_no_uuid(void **state)
{
    (void)state;
    const char *texts[] = {"",
                           "0x",
                           "18",
                           "180",
                           "180aa",
                           "180g",
                           "0x180",
                           "0000180a-0000-1000-8000-00805f9b34f",
                           "0000180a-0000-1000-8000-00805f9b34fb0",
                           "0000180a00001000800000805f9b34fb",
                           "0000180a 0000-1000-8000-00805f9b34fb",
                           "0x00180a-0000-1000-8000-00805f9b34fb",
                           "+80a",
                           " 80a",
                           "-0000180a-000-1000-8000-00805f9b34fb"};
    struct bleproxy_uuid uuid = {.size = 99};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(bleproxy_uuid_parse(texts[i], &uuid), BLEPROXY_E_INVALID);
    assert_int_equal(uuid.size, 99);
}

static void test_words_and_numbers(void **state)
{
    (void)state;
    struct bleproxy_uuid uuid = uuid_from_number(0x180a);
    assert_text(&uuid, 2, "0000180a-0000-1000-8000-00805f9b34fb");
    uint64_t words[2];
    uuid_to_words(&uuid, words);
    assert_true(words[0] == UINT64_C(0x0000180a00001000) && words[1] == UINT64_C(0x800000805f9b34fb));
    struct bleproxy_uuid again = uuid_from_words(words);
    assert_memory_equal(&again, &uuid, sizeof(uuid));
    uuid = uuid_from_number(0x12345678);
    assert_text(&uuid, 4, "12345678-0000-1000-8000-00805f9b34fb");
    uuid_to_words(&uuid, words);
    again = uuid_from_words(words);
    assert_memory_equal(&again, &uuid, sizeof(uuid));
    uuid = uuid_from_words((uint64_t[]){UINT64_C(0x39d6b333adad45c8), UINT64_C(0xb6eeeac6c4cd0000)});
    assert_text(&uuid, 16, "39d6b333-adad-45c8-b6ee-eac6c4cd0000");
    uuid_to_words(&uuid, words);
    assert_true(words[0] == UINT64_C(0x39d6b333adad45c8) && words[1] == UINT64_C(0xb6eeeac6c4cd0000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uuids_are_read_from_the_air),
        cmocka_unit_test(test_words_and_numbers),
        cmocka_unit_test(test_forms_of_text),
        cmocka_unit_test(test_text_that_is_no_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
