/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "wire/fields.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields with memory of exactly FIELDS_MAX bytes, so that an overrun is noticed. */
static struct fields *fields_new(void)
{
    struct fields *fields = malloc(sizeof(*fields));
    fields_init(fields, malloc(FIELDS_MAX));
    return fields;
}

static void fields_free(struct fields *fields)
{
    free(fields->bytes);
    free(fields);
}

static struct bleproxy_advertisement view_of(const struct fields *fields)
{
    return (struct bleproxy_advertisement){.fields = fields->bytes, .fields_size = (uint32_t)fields->size};
}

static void print_hex(char **text, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *text += sprintf(*text, "%02x", bytes[i]);
}

/* "name | uuids | service data | manufacturer data | tx power", "-" for what is absent. Static memory. */
static const char *describe(const struct fields *fields)
{
    static char memory[65536];
    char *text = memory;
    if (fields->name)
        text += sprintf(text, "%.*s", (int)fields->name_size, (const char *)fields->name);
    else
        text += sprintf(text, "-");
    struct bleproxy_advertisement view = view_of(fields);
    for (int kind = BLEPROXY_FIELD_SERVICE_UUID; kind <= BLEPROXY_FIELD_MANUFACTURER_DATA; kind++) {
        struct bleproxy_field field;
        size_t position = 0, n = 0;
        text += sprintf(text, " | ");
        while (bleproxy_field_next(&view, &position, &field)) {
            if ((int)field.kind != kind)
                continue;
            if (n++ > 0)
                *text++ = ',';
            if (field.kind == BLEPROXY_FIELD_MANUFACTURER_DATA)
                text += sprintf(text, "%u", field.company);
            else
                print_hex(&text, field.uuid.bytes, field.uuid.size);
            if (field.kind != BLEPROXY_FIELD_SERVICE_UUID)
                *text++ = ':';
            print_hex(&text, field.data, field.size);
        }
        if (n == 0)
            *text++ = '-';
    }
    if (fields->tx_power_dbm == BLEPROXY_TX_POWER_NONE)
        sprintf(text, " | -");
    else
        sprintf(text, " | %d", fields->tx_power_dbm);
    return memory;
}

static void assert_parsed(const char *payload, const char *expected)
{
    size_t size;
    uint8_t *bytes = hex(payload, &size);
    uint8_t *raw = malloc(size + 1); /* one more: malloc(0) may be NULL */
    uint8_t *exact = size > 0 ? realloc(raw, size) : raw;
    memcpy(exact, bytes, size);
    struct fields *fields = fields_new();
    fields_parse(fields, exact, size);
    assert_string_equal(describe(fields), expected);
    assert_false(fields->truncated);
    fields_free(fields);
    free(exact);
}

static void test_f80_manufacturer_data_and_tx_power(void **state)
{
    (void)state;
    assert_parsed("02011a020a0c0bff4c001006421dd63f4f78", "- | - | - | 76:1006421dd63f4f78 | 12");
}

static void test_f81_name_and_long_uuid(void **state)
{
    (void)state;
    assert_parsed("0201020909613235626430643911070000cdc4c6eaeeb6c845adad33b3d639",
                  "a25bd0d9 | 39d6b333adad45c8b6eeeac6c4cd0000 | - | - | -");
}

static void test_f82_service_data(void **state)
{
    (void)state;
    assert_parsed("0201050716feff0900ff10", "- | - | fffe:0900ff10 | - | -");
}

static void test_f83_uuid_manufacturer_data_and_tx_power(void **state)
{
    (void)state;
    assert_parsed("020104030307fe14ffa705060012702500ca00000800000000000000020a00",
                  "- | fe07 | - | 1447:060012702500ca00000800000000000000 | 0");
}

static void test_f84_length_overrun_is_ignored(void **state)
{
    (void)state;
    assert_parsed("020104030307fe18ff9705060016702500ca00000800000000000000020a00", "- | fe07 | - | - | -");
}

static void test_f85_service_data_of_a_long_uuid(void **state)
{
    (void)state;
    assert_parsed("12211a020a050aff06326b0352000104090004",
                  "- | - | 000904010052036b3206ff0a050a021a:04 | - | -");
}

static void test_f86_complete_name_replaces_a_short_one(void **state)
{
    (void)state;
    assert_parsed("030841420309434403084546", "CD | - | - | - | -");
    assert_parsed("0308414203084344", "AB | - | - | - | -");
    assert_parsed("0309414203094344", "CD | - | - | - | -");
}

static void test_f87_tx_power_is_signed_and_one_byte(void **state)
{
    (void)state;
    assert_parsed("020a80", "- | - | - | - | -128");
    assert_parsed("030a0102", "- | - | - | - | -");
}

static void test_f88_service_data_may_be_empty_but_not_its_uuid(void **state)
{
    (void)state;
    assert_parsed("0316aabb", "- | - | bbaa: | - | -");
    assert_parsed("0216aa", "- | - | - | - | -");
}

static void test_f89_odd_tail_of_a_uuid_list_is_dropped(void **state)
{
    (void)state;
    assert_parsed("0403aabbcc", "- | bbaa | - | - | -");
}

static void test_f90_service_data_of_32_bits(void **state)
{
    (void)state;
    assert_parsed("0520010203fe", "- | - | fe030201: | - | -");
}

static void test_f91_nothing(void **state)
{
    (void)state;
    assert_parsed("0000020106", "- | - | - | - | -");
    assert_parsed("", "- | - | - | - | -");
    assert_parsed("00", "- | - | - | - | -");
    assert_parsed("0309", "- | - | - | - | -");
    assert_parsed("02ff01", "- | - | - | - | -");
}

static void test_f92_tail_after_valid_structures_is_ignored(void **state)
{
    (void)state;
    assert_parsed("02011a020a050aff4c0010050a1c77f95b0201", "- | - | - | 76:10050a1c77f95b | 5");
}

static void test_f93_type_zero_is_skipped(void **state)
{
    (void)state;
    assert_parsed("0200ff02010603094142", "AB | - | - | - | -");
}

static void test_uuids_are_shortened(void **state)
{
    (void)state;
    /* 180a as 16, 32 and 128 bits, and a 32-bit one as 128: the list keeps duplicates and order. */
    assert_parsed(
        "03030a18 05050a180000 1107fb349b5f80000080001000000a180000 1107fb349b5f800000800010000078563412",
        "- | 180a,180a,180a,12345678 | - | - | -");
    /* Equal keys in different forms are one key; the later value wins in the earlier place. */
    assert_parsed("04160a1801 0416091802 06200a18000003", "- | - | 180a:03,1809:02 | - | -");
}

static void test_structures_of_any_order_are_grouped(void **state)
{
    (void)state;
    assert_parsed("04ff010011 04160a1822 03030a18 04ff020033 0416091844 03020918 05ff01005566",
                  "- | 180a,1809 | 180a:22,1809:44 | 1:5566,2:33 | -");
}

static void test_rotating_keys_stop_at_the_cap(void **state)
{
    (void)state;
    struct fields *held = fields_new();
    bool changed = true;
    for (unsigned company = 0; company < 1000; company++) {
        struct fields *heard = fields_new(), *merged = fields_new();
        uint8_t raw[] = {8, 0xff, (uint8_t)company, (uint8_t)(company >> 8), 1, 2, 3, 4, 5};
        fields_parse(heard, raw, sizeof(raw));
        changed = fields_merge(merged, held->bytes, held->size, heard);
        assert_true(merged->size <= FIELDS_MAX);
        assert_int_equal(changed, !merged->truncated);
        fields_free(heard);
        fields_free(held);
        held = merged;
    }
    assert_false(changed);
    assert_true(held->truncated);
    assert_int_equal(held->size, FIELDS_MAX / 11 * 11);
    /* What was known stays known and can still change, as long as it does not grow. */
    struct fields *heard = fields_new(), *merged = fields_new();
    fields_set_manufacturer_data(heard, 0, (const uint8_t *)"abcde", 5);
    assert_true(fields_merge(merged, held->bytes, held->size, heard));
    assert_false(merged->truncated);
    struct bleproxy_advertisement view = view_of(merged);
    size_t size;
    assert_memory_equal(bleproxy_manufacturer_data(&view, 0, &size), "abcde", 5);
    fields_free(heard);
    fields_free(merged);
    fields_free(held);
}

static void test_value_larger_than_the_cap_is_left_out(void **state)
{
    (void)state;
    uint8_t *value = calloc(1, 70000);
    struct fields *fields = fields_new();
    fields_set_manufacturer_data(fields, 1, value, 10);
    fields_set_manufacturer_data(fields, 1, value, 70000);
    fields_set_manufacturer_data(fields, 2, value, 70000);
    assert_true(fields->truncated);
    assert_string_equal(describe(fields), "- | - | - | 1:00000000000000000000 | -");
    fields_set_manufacturer_data(fields, 1, value, FIELDS_MAX - 6);
    assert_int_equal(fields->size, FIELDS_MAX);
    fields_free(fields);
    free(value);
}

/* Merges the payload into held (replaced) and returns whether that changed it. */
static bool merge(struct fields **held, const char *payload)
{
    struct fields *heard = fields_new(), *merged = fields_new();
    size_t size;
    uint8_t *raw = hex(payload, &size);
    fields_parse(heard, raw, size);
    bool changed = fields_merge(merged, (*held)->size > 0 ? (*held)->bytes : NULL, (*held)->size, heard);
    fields_free(heard);
    fields_free(*held);
    *held = merged;
    return changed;
}

static void test_f100_packets_complete_each_other(void **state)
{
    (void)state;
    struct fields *held = fields_new();
    assert_true(merge(&held, "0709776f68616e64 03030118 04160118aa 04ff010001"));
    assert_string_equal(describe(held), "- | 1801 | 1801:aa | 1:01 | -");
    assert_true(merge(&held, "03030218 04160218bb 04ff010001 04ff020002"));
    assert_string_equal(describe(held), "- | 1801,1802 | 1801:aa,1802:bb | 1:01,2:02 | -");
    assert_true(merge(&held, "04ff010004 04ff020002 04ff030003"));
    assert_string_equal(describe(held), "- | 1801,1802 | 1801:aa,1802:bb | 1:04,2:02,3:03 | -");
    assert_true(merge(&held, "04ff010004 04ff020001"));
    assert_string_equal(describe(held), "- | 1801,1802 | 1801:aa,1802:bb | 1:04,2:01,3:03 | -");
    fields_free(held);
}

static void test_merge_keeps_what_is_not_heard_again(void **state)
{
    (void)state;
    struct fields *held = fields_new();
    assert_false(merge(&held, ""));
    assert_true(merge(&held, "0503011802 18 04160118aa 04ff010001"));
    assert_false(merge(&held, ""));
    assert_false(merge(&held, "02010603030118"));
    assert_false(merge(&held, "04ff010001"));
    assert_false(merge(&held, "04160118aa"));
    assert_string_equal(describe(held), "- | 1801,1802 | 1801:aa | 1:01 | -");
    fields_free(held);
}

static void test_union_of_uuids_has_no_duplicates(void **state)
{
    (void)state;
    struct fields *held = fields_new();
    size_t size;
    const uint8_t *first =
        hex("050301180118 04ff010001", &size); /* as it is: there is nothing to merge it with */
    fields_parse(held, first, size);
    assert_string_equal(describe(held), "- | 1801,1801 | - | 1:01 | -");
    assert_false(merge(&held, "050301180118"));
    assert_true(merge(&held, "03030218"));
    assert_string_equal(describe(held), "- | 1801,1802 | - | 1:01 | -");
    fields_free(held);
}

static void test_union_with_a_device_that_had_no_uuids_has_no_duplicates_either(void **state)
{
    (void)state;
    struct fields *held = fields_new();
    assert_true(merge(&held, "050301180118"));
    assert_string_equal(describe(held), "- | 1801 | - | - | -");
    fields_free(held);
}

static void test_values_may_grow_shrink_and_vanish(void **state)
{
    (void)state;
    struct fields *held = fields_new();
    assert_true(merge(&held, "05ff01001111 04ff020022 0416011833"));
    assert_true(merge(&held, "07ff010044444444"));
    assert_string_equal(describe(held), "- | - | 1801:33 | 1:44444444,2:22 | -");
    assert_true(merge(&held, "03ff0100 0716011855555555"));
    assert_string_equal(describe(held), "- | - | 1801:55555555 | 1:,2:22 | -");
    fields_free(held);
}

/* Of two payloads, both ways. */
static bool equal(const char *a_payload, const char *b_payload)
{
    struct fields *a = fields_new(), *b = fields_new();
    size_t size;
    uint8_t *raw = hex(a_payload, &size);
    fields_parse(a, raw, size);
    raw = hex(b_payload, &size);
    fields_parse(b, raw, size);
    /* In memory of their own size, so that an overrun is noticed. */
    uint8_t *a_bytes = a->size ? memcpy(malloc(a->size), a->bytes, a->size) : NULL;
    uint8_t *b_bytes = b->size ? memcpy(malloc(b->size), b->bytes, b->size) : NULL;
    bool equals = fields_equal(a_bytes, a->size, b_bytes, b->size);
    assert_int_equal(fields_equal(b_bytes, b->size, a_bytes, a->size), equals);
    free(a_bytes);
    free(b_bytes);
    fields_free(a);
    fields_free(b);
    return equals;
}

static void test_equal_are_those_that_tell_the_same(void **state)
{
    (void)state;
    assert_true(equal("", ""));
    assert_true(equal("", "020106 05094c616d70")); /* names and flags are not among them */
    assert_true(equal("03030118 04160118aa 04ff010001", "03030118 04160118aa 04ff010001"));
    assert_true(equal("0303 0118", "1107fb349b5f80000080001000000118 0000")); /* one key in two forms */
    assert_false(equal("", "03030118"));
    assert_false(equal("04160118aa", ""));
}

static void test_order_of_data_does_not_tell_but_that_of_uuids_does(void **state)
{
    (void)state;
    assert_true(equal("04ff010001 04ff020002", "04ff020002 04ff010001"));
    assert_true(equal("04160118aa 05160218bbbb 061603180c0c0c", "061603180c0c0c 04160118aa 05160218bbbb"));
    assert_true(equal("04160118aa 04ff010001", "04ff010001 04160118aa"));
    assert_false(equal("050301180218", "050302180118"));
    assert_false(equal("0303011804ff010001", "0303021804ff010001"));
    assert_false(equal("0503 01180118", "0503 01180218"));
}

static void test_what_differs_in_one_thing_is_not_equal(void **state)
{
    (void)state;
    assert_false(equal("04ff010001", "04ff010002"));          /* value */
    assert_false(equal("04ff010001", "04ff020001"));          /* key */
    assert_false(equal("04160118aa", "04ff0118aa"));          /* kind */
    assert_false(equal("04ff010001", "05ff01000100"));        /* size */
    assert_false(equal("03ff0100", "04ff010000"));            /* empty and zero */
    assert_false(equal("04ff010001", "04ff010001 03ff0200")); /* one more */
    /* Sizes that agree in sum only. */
    assert_false(equal("05ff01000101 03ff0200", "03ff0100 05ff02000101"));
    assert_false(equal("04ff01000a 04ff02000b", "04ff01000b 04ff02000a"));
    /* A service of 16 bits and of 32. */
    assert_false(equal("04160118aa", "0620 01180100 aa"));
}

static uint32_t next_random(uint32_t *random)
{
    return *random = *random * 1664525u + 1013904223u;
}

/* So many structures of service and manufacturer data; which come first is drawn, what they are depends on i. */
static size_t put_structures(uint8_t *raw, unsigned n, unsigned first, int altered)
{
    size_t size = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned which = (first + i) % n, length = which % 5;
        raw[size++] = (uint8_t)(3 + length);
        raw[size++] = which % 2 ? 0xff : 0x16;
        raw[size++] = (uint8_t)which;
        raw[size++] = 0x18;
        memset(raw + size, (int)which == altered ? 0x55 : 0x44, length);
        size += length;
    }
    return size;
}

static void test_any_rotation_is_equal_and_any_alteration_is_not(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (unsigned round = 0; round < 500; round++) {
        uint8_t a_raw[400], b_raw[400];
        unsigned n = 1 + next_random(&random) % 30, altered = next_random(&random) % n;
        bool alters = round % 2 && altered % 5 != 0; /* an empty value cannot be */
        struct fields *a = fields_new(), *b = fields_new();
        fields_parse(a, a_raw, put_structures(a_raw, n, 0, -1));
        fields_parse(b, b_raw,
                     put_structures(b_raw, n, next_random(&random) % n, alters ? (int)altered : -1));
        assert_int_equal(fields_equal(a->bytes, a->size, b->bytes, b->size), !alters);
        fields_free(a);
        fields_free(b);
    }
}

static void test_lookups(void **state)
{
    (void)state;
    struct fields *fields = fields_new();
    size_t size;
    uint8_t *raw = hex("05030f180a18 04160a1807 0520785634 12 05ff4c000215", &size);
    fields_parse(fields, raw, size);
    struct bleproxy_advertisement view = view_of(fields);
    struct bleproxy_uuid uuid;
    assert_int_equal(bleproxy_uuid_parse("0000180a-0000-1000-8000-00805f9b34fb", &uuid), 0);
    assert_true(bleproxy_has_service(&view, &uuid));
    assert_hex(bleproxy_service_data(&view, &uuid, &size), 1, "07");
    assert_int_equal(size, 1);
    assert_int_equal(bleproxy_uuid_parse("12345678", &uuid), 0);
    assert_false(bleproxy_has_service(&view, &uuid));
    assert_non_null(bleproxy_service_data(&view, &uuid, &size));
    assert_int_equal(size, 0);
    assert_hex(bleproxy_manufacturer_data(&view, 0x4c, &size), 2, "0215");
    assert_int_equal(size, 2);
    assert_null(bleproxy_manufacturer_data(&view, 0x4d, &size));
    struct bleproxy_advertisement empty = {0};
    assert_null(bleproxy_manufacturer_data(&empty, 0x4c, &size));
    assert_false(bleproxy_has_service(&empty, &uuid));
    fields_free(fields);
}

static void assert_name(const char *bytes, const char *expected)
{
    size_t size;
    uint8_t *text = hex(bytes, &size);
    char out[100];
    size_t written = fields_decode_name(out, sizeof(out), text, size);
    assert_hex(out, written, expected);
    assert_int_equal(out[written], '\0');
}

static void test_names_are_utf8_with_replacements(void **state)
{
    (void)state;
    assert_name("", "");
    assert_name("4142", "4142");
    assert_name("c3a9 e282ac f09f9880", "c3a9 e282ac f09f9880");
    assert_name("410042", "410042");
    assert_name("ff41", "efbfbd 41");
    assert_name("80", "efbfbd");
    assert_name("c0af", "efbfbd efbfbd"); /* overlong */
    assert_name("e282 41", "efbfbd 41");  /* one for a started character */
    assert_name("e282", "efbfbd");
    assert_name("f09f98", "efbfbd");
    assert_name("eda080", "efbfbd efbfbd efbfbd"); /* a surrogate */
    assert_name("f0808080", "efbfbd efbfbd efbfbd efbfbd");
    assert_name("f4908080", "efbfbd efbfbd efbfbd efbfbd");
    assert_name("f48fbfbf", "f48fbfbf");
    assert_name("e0a080 e09f80", "e0a080 efbfbd efbfbd efbfbd");
}

static void test_names_are_cut_between_characters(void **state)
{
    (void)state;
    char out[4];
    assert_int_equal(fields_decode_name(out, 4, (const uint8_t *)"ab\xc3\xa9", 4), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(fields_decode_name(out, 4, (const uint8_t *)"a\xc3\xa9z", 4), 3);
    assert_string_equal(out, "a\xc3\xa9");
    assert_int_equal(fields_decode_name(out, 1, (const uint8_t *)"a", 1), 0);
    assert_string_equal(out, "");
}

static void assert_block(const char *text, bool is_block)
{
    size_t size;
    uint8_t *exact = hex(text, &size);
    exact = size > 0 ? memcpy(malloc(size), exact, size) : NULL;
    assert_int_equal(fields_is_block(exact, size), is_block);
    free(exact);
}

static void test_what_is_a_block(void **state)
{
    (void)state;
    assert_block("", true);
    assert_block("01020000 180f", true);
    assert_block("01040000 12345678", true);
    assert_block("01100000 6e400001b5a3f393e0a9e50e24dcca9e", true);
    assert_block("02020300 fcd2 400102", true);
    assert_block("03020000 004c", true);
    assert_block("01020000 180f 01020000 180f 02020100 fcd2 01 03020100 004c 10", true);
    assert_block("01", false);
    assert_block("010200", false);
    assert_block("01020000", false);
    assert_block("01020000 18", false);
    assert_block("01020000 180f 00", false);
    assert_block("02020300 fcd2 4001", false);
    assert_block("0202ffff fcd2 40", false);
    assert_block("00020000 180f", false); /* no such kind */
    assert_block("04020000 180f", false);
    assert_block("01020100 180f 00", false); /* UUIDs have no value */
    assert_block("01030000 00180f", false);  /* of that size are none */
    assert_block("02000000", false);
    assert_block("01ff0000 180f", false);
    assert_block("03040000 0000004c", false);
    assert_block("03020000 004c 01020000 180f", false); /* not in order */
    assert_block("02020000 fcd2 01020000 180f", false);
    uint8_t large[FIELDS_MAX + 6] = {0};
    for (size_t at = 0; at + 6 <= sizeof(large); at += 6) {
        large[at] = BLEPROXY_FIELD_SERVICE_UUID;
        large[at + 1] = 2;
    }
    assert_true(fields_is_block(large, FIELDS_MAX / 6 * 6));
    assert_false(fields_is_block(large, FIELDS_MAX / 6 * 6 + 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f80_manufacturer_data_and_tx_power),
        cmocka_unit_test(test_f81_name_and_long_uuid),
        cmocka_unit_test(test_f82_service_data),
        cmocka_unit_test(test_f83_uuid_manufacturer_data_and_tx_power),
        cmocka_unit_test(test_f84_length_overrun_is_ignored),
        cmocka_unit_test(test_f85_service_data_of_a_long_uuid),
        cmocka_unit_test(test_f86_complete_name_replaces_a_short_one),
        cmocka_unit_test(test_f87_tx_power_is_signed_and_one_byte),
        cmocka_unit_test(test_f88_service_data_may_be_empty_but_not_its_uuid),
        cmocka_unit_test(test_f89_odd_tail_of_a_uuid_list_is_dropped),
        cmocka_unit_test(test_f90_service_data_of_32_bits),
        cmocka_unit_test(test_f91_nothing),
        cmocka_unit_test(test_f92_tail_after_valid_structures_is_ignored),
        cmocka_unit_test(test_f93_type_zero_is_skipped),
        cmocka_unit_test(test_uuids_are_shortened),
        cmocka_unit_test(test_structures_of_any_order_are_grouped),
        cmocka_unit_test(test_rotating_keys_stop_at_the_cap),
        cmocka_unit_test(test_value_larger_than_the_cap_is_left_out),
        cmocka_unit_test(test_f100_packets_complete_each_other),
        cmocka_unit_test(test_merge_keeps_what_is_not_heard_again),
        cmocka_unit_test(test_union_of_uuids_has_no_duplicates),
        cmocka_unit_test(test_union_with_a_device_that_had_no_uuids_has_no_duplicates_either),
        cmocka_unit_test(test_values_may_grow_shrink_and_vanish),
        cmocka_unit_test(test_equal_are_those_that_tell_the_same),
        cmocka_unit_test(test_order_of_data_does_not_tell_but_that_of_uuids_does),
        cmocka_unit_test(test_what_differs_in_one_thing_is_not_equal),
        cmocka_unit_test(test_any_rotation_is_equal_and_any_alteration_is_not),
        cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_names_are_utf8_with_replacements),
        cmocka_unit_test(test_names_are_cut_between_characters),
        cmocka_unit_test(test_what_is_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
