/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "replay/structures.h"

static uint8_t built[STRUCTURES_MAX];

static size_t build(const char *raw)
{
    size_t size;
    const uint8_t *bytes = hex(raw, &size);
    return structures_build(view_of(bytes, size), built);
}

static void test_what_a_view_holds_comes_back(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "",
        "0309c3a9",
        "0503d2fc0f18 0516 1c18 0102 0316 0a18 04ff4c00aa 03ff3412",
        "0503d2fc0f18 0505 78563412 1107 00112233445566778899aabbccddeeff 03030a18",
        "0720 78563412 0102 1221 00112233445566778899aabbccddeeff 03",
        "0503d2fcd2fc 02ff4c 0209 ff",
    };
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        size_t size = build(payloads[i]);
        const struct bleproxy_advertisement *view = view_of(built, size), again = *view;
        uint8_t fields[FIELDS_MAX];
        char name[256] = "";
        memcpy(fields, view->fields, again.fields_size);
        if (view->name) {
            assert_true(strlen(view->name) < sizeof(name));
            memcpy(name, view->name, strlen(view->name));
        }
        const uint8_t *bytes = hex(payloads[i], &size);
        view = view_of(bytes, size);
        assert_int_equal(again.fields_size, view->fields_size);
        assert_memory_equal(fields, view->fields, view->fields_size);
        assert_string_equal(name, view->name ? view->name : "");
    }
}

static void test_lists_are_joined_and_their_order_is_kept(void **state)
{
    (void)state;
    size_t size = build("0309 4142 0303d2fc 03020f18 1107 00112233445566778899aabbccddeeff 03030a18");
    assert_hex(built, size, "0309 4142 0503d2fc0f18 1107 00112233445566778899aabbccddeeff 03030a18");
}

static void test_a_long_list_becomes_several(void **state)
{
    (void)state;
    uint8_t block[FIELDS_MAX];
    struct fields fields;
    fields_init(&fields, block);
    for (uint8_t i = 0; i < 130; i++)
        fields_add_uuid(&fields, &(struct bleproxy_uuid){2, {0x18, i}});
    const struct bleproxy_advertisement view = {.fields = block, .fields_size = (uint32_t)fields.size};
    assert_int_equal(structures_build(&view, built), 2 + 254 + 2 + 6);
    assert_hex(built, 4, "ff030018");
    assert_hex(built + 256, 8, "07037f1880188118");
}

static void test_what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    uint8_t block[FIELDS_MAX], data[400] = {1};
    struct fields fields;
    fields_init(&fields, block);
    fields_set_manufacturer_data(&fields, 1, data, 252);
    fields_set_manufacturer_data(&fields, 2, data, 253);
    for (uint16_t company = 3; company <= 9; company++)
        fields_set_manufacturer_data(&fields, company, data, 252);
    fields_set_manufacturer_data(&fields, 10, data, 110);
    const struct bleproxy_advertisement view = {.fields = block, .fields_size = (uint32_t)fields.size};
    assert_int_equal(structures_build(&view, built), 6 * 256 + 114);
    assert_int_equal(STRUCTURES_MAX, 6 * 256 + 114);
    assert_hex(built + 256, 4, "ffff0300");
    assert_hex(built + 6 * 256, 4, "71ff0a00");
}

static void test_a_long_name_is_cut_between_characters(void **state)
{
    (void)state;
    char name[3 * 100 + 1] = "a";
    for (unsigned i = 0; i < 99; i++)
        strcat(name, "\ufffd");
    const struct bleproxy_advertisement view = {.name = name, .name_size = (uint16_t)strlen(name)};
    assert_int_equal(structures_build(&view, built), 2 + 1 + 82 * 3);
    assert_hex(built, 3, "f80961");
    assert_hex(built + 246, 3, "efbfbd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_view_holds_comes_back),
        cmocka_unit_test(test_lists_are_joined_and_their_order_is_kept),
        cmocka_unit_test(test_a_long_list_becomes_several),
        cmocka_unit_test(test_what_does_not_fit_is_left_out),
        cmocka_unit_test(test_a_long_name_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
