/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

/* Advertisements that the device decodes itself: the form of firmware before 2025.8. */

static struct device device;
static struct peer peer;
static struct arena arena;

static BluetoothLEAdvertisementResponse *decode(const char *firmware, const char *subscribe, const char *raw)
{
    size_t size;
    const uint8_t *data = hex(raw, &size);
    struct batch_advert advert = {.address = UINT64_C(0xa4c138112233), .rssi = -67, .address_type = 1};
    advert.data = data;
    advert.size = (uint32_t)size;
    device_start(&device, firmware);
    arena_init(&arena, &device.test.env);
    peer_join(&peer, &device);
    peer_send(&peer, subscribe);
    server_report(device.server, &advert, device.now_ns);
    assert_int_equal(peer.n_pending, 1); /* at once, one message each */
    struct frame frame = peer_next(&peer, MESSAGE_ADVERTISEMENT_RESPONSE);
    ProtobufCMessage *message;
    assert_int_equal(message_unpack(&arena, frame.type, frame.data, frame.size, &message), 0);
    BluetoothLEAdvertisementResponse *response = (void *)message;
    assert_int_equal(response->address, UINT64_C(0xa4c138112233));
    assert_int_equal(response->rssi, -67);
    assert_int_equal(response->address_type, 1);
    return response;
}

static void end(void)
{
    arena_deinit(&arena);
    peer_leave(&peer);
    device_stop(&device);
}

static void assert_text(ProtobufCBinaryData actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

static void test_everything_firmware_decodes(void **state)
{
    (void)state;
    BluetoothLEAdvertisementResponse *response = decode(
        "2022.12", "000042",
        "020106 05030f180a18 0509 54455354 0516d2fc4011 06ff4c00021507 0620785634129a 0508 5445535421");
    assert_text(response->name, "TEST");
    assert_int_equal(response->n_service_uuids, 2);
    assert_text(response->service_uuids[0], "0x180F");
    assert_text(response->service_uuids[1], "0x180A");
    assert_int_equal(response->n_service_data, 2);
    assert_text(response->service_data[1]->uuid, "0x12345678");
    assert_text(response->service_data[0]->uuid, "0xFCD2");
    assert_hex(response->service_data[0]->data.data, response->service_data[0]->data.len, "4011");
    assert_int_equal(response->service_data[0]->n_legacy_data, 0);
    assert_int_equal(response->n_manufacturer_data, 1);
    assert_text(response->manufacturer_data[0]->uuid, "0x004C");
    assert_hex(response->manufacturer_data[0]->data.data, response->manufacturer_data[0]->data.len, "021507");
    end();
}

static void test_long_uuids(void **state)
{
    (void)state;
    BluetoothLEAdvertisementResponse *response =
        decode("2022.12", "000042",
               "1107 9ecadc240ee5a9e093f3a3b50100406e 0905 78563412 efbeadde 1321 "
               "9ecadc240ee5a9e093f3a3b50100406e aabb");
    assert_int_equal(response->n_service_uuids, 3);
    assert_text(response->service_uuids[0], "6E400001-B5A3-F393-E0A9-E50E24DCCA9E");
    assert_text(response->service_uuids[1], "0x12345678");
    assert_text(response->service_uuids[2], "0xDEADBEEF");
    assert_int_equal(response->n_service_data, 1);
    assert_text(response->service_data[0]->uuid, "6E400001-B5A3-F393-E0A9-E50E24DCCA9E");
    assert_hex(response->service_data[0]->data.data, response->service_data[0]->data.len, "aabb");
    end();
}

static void test_longest_name_wins(void **state)
{
    (void)state;
    assert_text(decode("2022.12", "000042", "0308 4142 0509 41424344 0208 41")->name, "ABCD");
    end();
}

static void test_most_that_fits(void **state)
{
    (void)state;
    static const uint8_t empty_uuid[] = {3, 0x16, 0, 0};
    char raw[2 * 62 + 1] = "3d03";
    memset(raw + 4, '1', sizeof(raw) - 5);
    assert_int_equal(decode("2022.12", "000042", raw)->n_service_uuids, 30);
    end();
    for (size_t i = 0; i < 15; i++)
        for (size_t j = 0; j < 4; j++)
            snprintf(raw + 2 * (4 * i + j), 3, "%02x", empty_uuid[j]);
    assert_int_equal(decode("2022.12", "000042", raw)->n_service_data, 15);
    end();
}

static void test_garbage_is_left_out(void **state)
{
    (void)state;
    BluetoothLEAdvertisementResponse *response =
        decode("2022.12", "000042", "0000 0103 0203aa 0216bb 01ff 02ffcc 0105 1e09414243");
    assert_int_equal(response->n_service_uuids, 0);
    assert_int_equal(response->n_service_data, 0);
    assert_int_equal(response->n_manufacturer_data, 0);
    assert_int_equal(response->name.len, 0);
    end();
}

static void test_2023_decodes_for_who_does_not_ask_for_raw(void **state)
{
    (void)state;
    assert_text(decode("2023.6", "000042", "05094c616d70")->name, "Lamp");
    end();
}

static void test_2022_12_decodes_whatever_is_asked(void **state)
{
    (void)state;
    assert_text(decode("2022.12", "0002420801", "05094c616d70")->name, "Lamp");
    end();
}

SPLIT_TEST(test_2025_8_sends_raw_whatever_is_asked)
{
    const struct batch_advert advert = {.address = 1, .rssi = -1};
    device_start(&device, "2025.8");
    peer_join(&peer, &device);
    peer_send(&peer, "000042");
    peer_next(&peer, MESSAGE_SCANNER_STATE_RESPONSE);
    server_report(device.server, &advert, device.now_ns);
    device_pass(&device, NS_PER_S);
    peer_next(&peer, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE);
    peer_leave(&peer);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_firmware_decodes),
        cmocka_unit_test(test_long_uuids),
        cmocka_unit_test(test_longest_name_wins),
        cmocka_unit_test(test_most_that_fits),
        cmocka_unit_test(test_garbage_is_left_out),
        cmocka_unit_test(test_2023_decodes_for_who_does_not_ask_for_raw),
        cmocka_unit_test(test_2022_12_decodes_whatever_is_asked),
        cmocka_unit_test(test_2025_8_sends_raw_whatever_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
