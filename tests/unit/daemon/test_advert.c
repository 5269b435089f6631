/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "advert.h"
#include <stdlib.h>
#include <string.h>

static unsigned take_as(struct advert *advert, const char *payload, bool anew, unsigned *ret_told)
{
    struct bleproxy_advertisement report = {.address = 1};
    size_t size;
    report.raw = hex(payload, &size);
    report.raw_size = (uint16_t)size;
    return advert_take(advert, &report, anew, ret_told);
}

static unsigned take(struct advert *advert, const char *payload)
{
    unsigned told;
    return take_as(advert, payload, false, &told);
}

static void assert_uuids(const struct advert *advert, const char *const *expected, size_t n)
{
    char text[BLEPROXY_UUID_TEXT_SIZE];
    assert_int_equal(advert->n_uuids, n);
    for (size_t i = 0; i < n; i++) {
        bleproxy_uuid_format(&advert->uuids[i], text);
        assert_string_equal(text, expected[i]);
    }
}

static void assert_entry(const struct advert_data *data, size_t i, uint16_t key, const char *bytes)
{
    assert_true(i < data->n);
    assert_int_equal(data->entries[i].key, key);
    assert_hex(data->entries[i].data, data->entries[i].size, bytes);
}

static void lists_of_services(void **state)
{
    static const char *const expected[] = {
        "0000180f-0000-1000-8000-00805f9b34fb",
        "0000180d-0000-1000-8000-00805f9b34fb",
        "01020304-0000-1000-8000-00805f9b34fb",
        "0f0e0d0c-0b0a-0908-0706-050403020100",
    };
    struct advert advert = {0};
    (void)state;
    assert_int_equal(take(&advert, "05 02 0f18 0d18"), ADVERT_UUIDS);
    assert_int_equal(take(&advert, "03 03 0f18"), 0);
    assert_int_equal(take(&advert, "05 04 04030201"), ADVERT_UUIDS);
    assert_int_equal(take(&advert, "05 05 0f180000"), 0); /* the same in another length */
    assert_int_equal(take(&advert, "11 06 000102030405060708090a0b0c0d0e0f"), ADVERT_UUIDS);
    assert_int_equal(take(&advert, "11 07 fb349b5f80000080001000000f180000"), 0);
    assert_uuids(&advert, expected, 4);
    /* What is left of an incomplete one is nothing. */
    assert_int_equal(take(&advert, "02 03 01  04 05 010203  10 07 000102030405060708090a0b0c0d0e"), 0);
    assert_int_equal(take(&advert, "04 03 0118 02"), ADVERT_UUIDS);
    assert_int_equal(advert.n_uuids, 5);
    advert_deinit(&advert);
    advert_deinit(&advert);
}

static void single_values(void **state)
{
    struct advert advert = {0};
    (void)state;
    assert_int_equal(take(&advert, "02 01 00"), ADVERT_FLAGS);
    assert_true(advert.has_flags && advert.flags == 0);
    assert_int_equal(take(&advert, "02 01 06  02 0a f4"), ADVERT_FLAGS | ADVERT_TX_POWER);
    assert_int_equal(advert.tx_power_dbm, -12);
    assert_int_equal(take(&advert, "04 0d 040302"), ADVERT_CLASS);
    assert_int_equal(advert.class, 0x020304);
    assert_int_equal(take(&advert, "03 19 c103"), ADVERT_APPEARANCE);
    assert_int_equal(advert.appearance, 0x03c1);
    assert_int_equal(take(&advert, "09 10 0200 6b1d 4602 4205"), ADVERT_MODALIAS);
    assert_hex(advert.modalias, 8, "0200 6b1d 4602 4205");
    assert_int_equal(take(&advert, "02 01 06  02 0a f4  04 0d 040302  03 19 c103  09 10 0200 6b1d 4602 4205"),
                     0);
    /* Too short, or of a source that there is not. */
    assert_int_equal(take(&advert, "01 01  01 0a  03 0d 0102  02 19 01  08 10 0100 6b1d 4602 42"), 0);
    assert_int_equal(take(&advert, "09 10 0300 6b1d 4602 4205  09 10 0201 6b1d 4602 4205"), 0);
    assert_int_equal(advert.other.n, 0);
    advert_deinit(&advert);
}

static void names(void **state)
{
    struct advert advert = {0};
    (void)state;
    assert_int_equal(take(&advert, "03 08 4c61"), ADVERT_NAME);
    assert_string_equal(advert.name, "La");
    assert_int_equal(take(&advert, "07 09 4c616d70 0000"),
                     ADVERT_NAME); /* zeros at the end are no part of it */
    assert_string_equal(advert.name, "Lamp");
    assert_int_equal(take(&advert, "03 08 4c62"), 0); /* a short one says less */
    assert_int_equal(take(&advert, "05 30 54616767"), ADVERT_NAME);
    assert_string_equal(advert.name, "Tagg");
    assert_int_equal(take(&advert, "01 09"), 0);
    assert_int_equal(take(&advert, "03 09 0000"), 0);
    assert_int_equal(take(&advert, "04 09 fffec0"), 0); /* nothing of it is text */
    assert_string_equal(advert.name, "Tagg");
    assert_int_equal(take(&advert, "0a 09 61 1b 5b c3 62 0a 00 e280ae"), ADVERT_NAME);
    assert_string_equal(advert.name, "a[b");
    advert_deinit(&advert);
}

static void data_add_up(void **state)
{
    struct advert advert = {0};
    (void)state;
    assert_int_equal(take(&advert, "05 ff 9904 0102"), ADVERT_MANUFACTURER_DATA);
    assert_int_equal(take(&advert, "03 ff 4c00"), ADVERT_MANUFACTURER_DATA);
    assert_int_equal(take(&advert, "05 ff 9904 0102  03 ff 4c00"), 0);
    assert_int_equal(take(&advert, "06 ff 9904 010203"), ADVERT_MANUFACTURER_DATA);
    assert_int_equal(advert.manufacturer.n, 2);
    assert_entry(&advert.manufacturer, 0, 0x0499, "010203");
    assert_entry(&advert.manufacturer, 1, 0x004c, "");
    assert_int_equal(take(&advert, "04 16 0f18 64"), ADVERT_SERVICE_DATA | ADVERT_UUIDS);
    assert_int_equal(take(&advert, "06 20 0f180000 63"), ADVERT_SERVICE_DATA);
    assert_int_equal(take(&advert, "12 21 fb349b5f80000080001000000f180000 62"), ADVERT_SERVICE_DATA);
    assert_int_equal(advert.service.n, 1);
    assert_entry(&advert.service, 0, 0, "62");
    assert_int_equal(advert.n_bytes, 4);
    assert_int_equal(take(&advert, "02 ff 01  02 16 01  04 20 010203"), 0);
    assert_int_equal(advert.n_bytes, 4);
    advert_deinit(&advert);
    assert_int_equal(advert.n_bytes, 0);
}

static void data_anew(void **state)
{
    struct advert advert = {0};
    unsigned told;
    (void)state;
    take(&advert, "04 ff 0100 61  04 ff 0200 62  04 16 0f18 64  02 3d 01");
    assert_int_equal(take_as(&advert, "04 ff 0200 63  04 ff 0300 64", true, &told), ADVERT_MANUFACTURER_DATA);
    assert_int_equal(told, ADVERT_MANUFACTURER_DATA);
    assert_int_equal(advert.manufacturer.n, 2);
    assert_entry(&advert.manufacturer, 0, 2, "63");
    assert_int_equal(advert.service.n, 1); /* nothing new came of these */
    /* The same again is told of, though it is no news. */
    take_as(&advert, "04 ff 0200 63  04 ff 0300 64", true, &told);
    assert_int_equal(told, ADVERT_MANUFACTURER_DATA);
    assert_int_equal(advert.manufacturer.n, 2);
    assert_int_equal(advert.n_bytes, 4);
    advert_deinit(&advert);
}

static void other_types(void **state)
{
    static const uint8_t hidden[] = {0x0e, 0x0f, 0x14, 0x15, 0x17, 0x18, 0x1b, 0x1c, 0x1d, 0x1e};
    struct advert advert = {0};
    struct bleproxy_advertisement report = {.address = 1};
    unsigned told;
    (void)state;
    for (size_t i = 0; i < sizeof(hidden); i++) {
        const uint8_t raw[] = {3, hidden[i], 1, 2};
        report.raw = raw;
        report.raw_size = sizeof(raw);
        assert_int_equal(advert_take(&advert, &report, false, &told), 0);
    }
    assert_int_equal(take(&advert, "05 12 06000c00  02 3d 01"), ADVERT_OTHER_DATA);
    assert_int_equal(take(&advert, "02 3d 02"), ADVERT_OTHER_DATA);
    assert_int_equal(advert.other.n, 2);
    assert_entry(&advert.other, 0, 0x12, "06000c00");
    assert_entry(&advert.other, 1, 0x3d, "02");
    advert_deinit(&advert);
}

static void broken_payloads(void **state)
{
    static const char *const payloads[] = {"",      "00",       "0000000000", "ff",    "ff 09 4c616d70",
                                           "02",    "03 03 0f", "1f ff 0000", "01 ff", "01 16",
                                           "01 21", "01 10",    "01 0d",      "01 19", "01 30"};
    struct advert advert = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++)
        assert_int_equal(take(&advert, payloads[i]), 0);
    assert_null(advert.name);
    assert_int_equal(advert.n_uuids + advert.manufacturer.n + advert.service.n + advert.other.n, 0);
    assert_int_equal(take(&advert, "03 03 0f18  00 00  05 09 4c61"),
                     ADVERT_UUIDS); /* what was whole counts */
    advert_deinit(&advert);
}

static void caps(void **state)
{
    struct advert advert = {0};
    struct bleproxy_advertisement report = {.address = 1};
    unsigned told;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t raw[255] = {
            203, 0xff, (uint8_t)i, (uint8_t)(i >> 8), [204] = 3, 3, (uint8_t)i, (uint8_t)(i >> 8)};
        report.raw = raw;
        report.raw_size = sizeof(raw);
        advert_take(&advert, &report, false, &told);
        assert_true(advert.n_bytes <= ADVERT_BYTES_MAX);
    }
    assert_int_equal(advert.n_uuids, ADVERT_ENTRIES_MAX);
    assert_int_equal(advert.manufacturer.n, ADVERT_BYTES_MAX / 200);
    /* What is there can still change, and make room. */
    assert_int_equal(take(&advert, "04 ff 0000 01"), ADVERT_MANUFACTURER_DATA);
    assert_int_equal(take(&advert, "04 ff e703 01"), ADVERT_MANUFACTURER_DATA);
    for (unsigned i = 0; i < 256; i++) {
        const uint8_t raw[] = {4, 0x16, (uint8_t)i, 0xaa, 1};
        report.raw = raw;
        report.raw_size = sizeof(raw);
        advert_take(&advert, &report, false, &told);
    }
    assert_int_equal(advert.service.n, ADVERT_ENTRIES_MAX);
    advert_deinit(&advert);
}

static void a_known_payload_is_no_news(void **state)
{
    struct advert advert = {0};
    unsigned told;
    (void)state;
    take(&advert, "03 03 0f18  04 ff 0100 01");
    assert_int_equal(take_as(&advert, "03 03 0f18  04 ff 0100 01", false, &told), 0);
    assert_int_equal(told, 0);
    /* Alternating ones are compared by what they say. */
    assert_int_equal(take(&advert, "05 09 4c616d70"), ADVERT_NAME);
    assert_int_equal(take_as(&advert, "03 03 0f18  04 ff 0100 01", false, &told), 0);
    assert_int_equal(told, ADVERT_UUIDS | ADVERT_MANUFACTURER_DATA);
    advert_deinit(&advert);
}

/* As firmware before 2023.6 reports: kind, key size, value size, key, value. */
static void decoded_reports(void **state)
{
    struct advert advert = {0};
    struct bleproxy_advertisement report = {.address = 1, .name = "Lamp", .name_size = 4};
    unsigned told;
    size_t size;
    (void)state;
    report.fields = hex("01 02 0000 180f  02 02 0100 180d 64  03 02 0200 0499 0102", &size);
    report.fields_size = (uint32_t)size;
    assert_int_equal(advert_take(&advert, &report, false, &told),
                     ADVERT_NAME | ADVERT_UUIDS | ADVERT_SERVICE_DATA | ADVERT_MANUFACTURER_DATA);
    assert_string_equal(advert.name, "Lamp");
    assert_int_equal(advert.n_uuids, 2);
    assert_entry(&advert.manufacturer, 0, 0x0499, "0102");
    assert_int_equal(advert_take(&advert, &report, false, &told), 0);
    advert_deinit(&advert);
}

static void a_name_of_another_packet(void **state)
{
    struct advert advert = {0};
    struct bleproxy_advertisement report = {.address = 1,
                                            .name = "L\x1b"
                                                    "amp",
                                            .name_size = 5};
    unsigned told;
    size_t size;
    (void)state;
    report.raw = hex("02 01 06", &size);
    report.raw_size = (uint16_t)size;
    assert_int_equal(advert_take(&advert, &report, false, &told), ADVERT_FLAGS | ADVERT_NAME);
    assert_string_equal(advert.name, "Lamp");
    advert_deinit(&advert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_services),
        cmocka_unit_test(single_values),
        cmocka_unit_test(names),
        cmocka_unit_test(data_add_up),
        cmocka_unit_test(data_anew),
        cmocka_unit_test(other_types),
        cmocka_unit_test(broken_payloads),
        cmocka_unit_test(caps),
        cmocka_unit_test(a_known_payload_is_no_news),
        cmocka_unit_test(decoded_reports),
        cmocka_unit_test(a_name_of_another_packet),
    };
    return cmocka_run_group_tests_name("advert", tests, NULL, NULL);
}
