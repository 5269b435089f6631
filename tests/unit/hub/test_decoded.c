/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static ProtobufCBinaryData data_of(const char *text)
{
    size_t size = strlen(text);
    return (ProtobufCBinaryData){size, size > 0 ? (uint8_t *)(uintptr_t)text : NULL};
}

static void test_case_48_decoded_advert(void **state)
{
    struct fixture *f = *state;
    ProtobufCBinaryData uuids[] = {data_of("0x180F"), data_of("39D6B333-ADAD-45C8-B6EE-EAC6C4CD0000"),
                                   data_of("nonsense"), data_of("")};
    BluetoothServiceData service = BLUETOOTH_SERVICE_DATA__INIT, first = service, second = service,
                         third = service;
    uint32_t legacy[] = {1, 255, 16}, not_bytes[] = {256};
    service.uuid = data_of("0xfcd2");
    service.n_legacy_data = 3;
    service.legacy_data = legacy;
    first.uuid = data_of("0x004C");
    first.data = data_of("AB");
    second.uuid = data_of("0x1004C");
    second.data = data_of("AB");
    third.uuid = data_of("5");
    third.n_legacy_data = 1;
    third.legacy_data = not_bytes;
    BluetoothServiceData *services[] = {&service}, *companies[] = {&first, &second, &third};
    BluetoothLEAdvertisementResponse advert = BLUETOOTH_LEADVERTISEMENT_RESPONSE__INIT;
    advert.address = 7;
    advert.name = data_of("Lamp");
    advert.rssi = -44;
    advert.address_type = 1;
    advert.n_service_uuids = 4;
    advert.service_uuids = uuids;
    advert.n_service_data = 1;
    advert.service_data = services;
    advert.n_manufacturer_data = 3;
    advert.manufacturer_data = companies;
    scanner_report_decoded(f->scanners[0], &advert, f->now_ns);
    const struct bleproxy_advertisement *view = scanner_last(f->scanners[0], 7);
    assert_string_equal(content(view), "Lamp| 180f 39d6| fcd2:01ff10| 4c:4142");
    assert_null(view->raw);
    assert_int_equal(view->raw_size, 0);
    assert_int_equal(view->tx_power_dbm, BLEPROXY_TX_POWER_NONE);
    assert_int_equal(view->address_type, 1);
    assert_int_equal(view->rssi_dbm, -44);
    assert_int_equal(view->changed, 1);
    scanner_report_decoded(f->scanners[0], &advert, f->now_ns);
    assert_int_equal(view->changed, 0);
    first.data = data_of("CD");
    scanner_report_decoded(f->scanners[0], &advert, f->now_ns);
    assert_string_equal(content(view), "Lamp| 180f 39d6| fcd2:01ff10| 4c:4344");
    assert_int_equal(view->changed, 1);
}

static void test_decoded_advert_with_nothing_in_it(void **state)
{
    struct fixture *f = *state;
    BluetoothLEAdvertisementResponse advert = BLUETOOTH_LEADVERTISEMENT_RESPONSE__INIT;
    scanner_report_decoded(f->scanners[0], &advert, f->now_ns);
    const struct bleproxy_advertisement *view = scanner_last(f->scanners[0], 0);
    assert_null(view->raw);
    assert_string_equal(content(view), "-");
}

/* An advert of one service and one company, the same text for both. */
static const char *content_with(struct fixture *f, ProtobufCBinaryData text, ProtobufCBinaryData value)
{
    BluetoothServiceData entry = BLUETOOTH_SERVICE_DATA__INIT, *entries[] = {&entry};
    entry.uuid = text;
    entry.data = value;
    BluetoothLEAdvertisementResponse advert = BLUETOOTH_LEADVERTISEMENT_RESPONSE__INIT;
    static uint64_t address = 100;
    advert.address = ++address; /* each a new device */
    advert.n_service_uuids = 1;
    advert.service_uuids = &text;
    advert.n_service_data = advert.n_manufacturer_data = 1;
    advert.service_data = advert.manufacturer_data = entries;
    scanner_report_decoded(f->scanners[0], &advert, f->now_ns);
    return content(scanner_last(f->scanners[0], address));
}

static void test_malformed_texts_are_left_out(void **state)
{
    struct fixture *f = *state;
    ProtobufCBinaryData value = data_of("A");
    assert_string_equal(content_with(f, data_of("0x004c"), value), "-| 004c| 004c:41| 4c:41");
    assert_string_equal(content_with(f, data_of("0x4c"), value), "-||| 4c:41");
    assert_string_equal(content_with(f, data_of("0000180f-0000-1000-8000-00805f9b34fb"), value),
                        "-| 180f| 180f:41");
    static const char *const malformed[] = {
        "", "0x", "0x10000", "xyz", "-1", "0000180f-0000-1000-8000-00805f9b34fbf", " 180", "18 0f",
    };
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        assert_string_equal(content_with(f, data_of(malformed[i]), value), "-");
    uint8_t with_nul[] = {'1', '8', '0', '\0'};
    assert_string_equal(content_with(f, (ProtobufCBinaryData){4, with_nul}, value), "-");
}

static void test_values_that_are_too_long_are_left_out(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[70000];
    assert_string_equal(content_with(f, data_of("180f"), (ProtobufCBinaryData){sizeof(bytes), bytes}),
                        "-| 180f");
    assert_string_equal(content_with(f, data_of("180f"), (ProtobufCBinaryData){4096, bytes}), "-| 180f");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_case_48_decoded_advert),
        TEST(test_decoded_advert_with_nothing_in_it),
        TEST(test_malformed_texts_are_left_out),
        TEST(test_values_that_are_too_long_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
