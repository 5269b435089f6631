/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

/* Requests about devices that are not connected and cannot be reached: A4:C1:38:11:22:33 throughout. */

static struct device device;
static struct peer peer, other;

#define ADDRESS "08b3c4c4c0939829"
#define MINUS_1 "ffffffffffffffffff01"
#define DOWN_0  "00084508b3c4c4c0939829"
#define FREE_3  "00045108031003"

static void check(const char *firmware, const char *request, const char *reply)
{
    device_start(&device, firmware);
    peer_subscribe(&peer, &device);
    peer_send(&peer, request);
    peer_expect(&peer, reply);
    assert_int_equal(peer.n_closed, 0);
    peer_leave(&peer);
    device_stop(&device);
}

static void test_connect_takes_a_slot_and_fails(void **state)
{
    (void)state;
    static const char fails[] = "000c510802100318b3c4c4c0939829" /* as firmware writes it: unpacked */
                                "000b45" ADDRESS "208501" FREE_3;
    check("2026.8", "000c4408b3c4c4c093982910051801", fails);
    check("2026.8", "000e4408b3c4c4c0939829100418012001", fails);
    check("2022.12", "000c4408b3c4c4c093982910051801",
          "00045108021003"
          "000b45" ADDRESS "208501" FREE_3);
}

static void test_connect_without_address_type(void **state)
{
    (void)state;
    check("2026.8", "000a44" ADDRESS "1005", DOWN_0);
}

SPLIT_TEST(test_connect_without_slots)
{
    device_prepare(&device, "2026.8");
    device.config.slots = 0;
    device_begin(&device);
    peer_subscribe(&peer, &device);
    peer_send(&peer, "000c44" ADDRESS "10051801");
    peer_expect(&peer, DOWN_0);
    peer_send(&peer, "000050");
    peer_expect(&peer, "000051");
    peer_leave(&peer);
    device_stop(&device);
}

static void test_removed_connect(void **state)
{
    (void)state;
    check("2026.8", "000844" ADDRESS, DOWN_0);
}

static void test_disconnect_of_unknown_device(void **state)
{
    (void)state;
    check("2026.8", "000a44" ADDRESS "1001", DOWN_0 FREE_3);
}

static void test_pair(void **state)
{
    (void)state;
    check("2026.8", "000a44" ADDRESS "1002", "001355" ADDRESS "18" MINUS_1);
    check("2025.8", "000a44" ADDRESS "1002", "");
}

static void test_unpair(void **state)
{
    (void)state;
    check("2026.8", "000a44" ADDRESS "1003", "000a56" ADDRESS "1001");
    check("2025.8", "000a44" ADDRESS "1003", "000a55" ADDRESS "1001");
}

static void test_clear_cache(void **state)
{
    (void)state;
    check("2026.8", "000a44" ADDRESS "1006", "000a58" ADDRESS "1001");
}

static void test_unknown_device_request(void **state)
{
    (void)state;
    check("2026.8", "000a44" ADDRESS "1063", "");
}

static void test_gatt_requests_are_refused(void **state)
{
    (void)state;
    check("2026.8", "000846" ADDRESS, "001352" ADDRESS "18" MINUS_1);
    check("2026.8", "000a49" ADDRESS "1003", "001552" ADDRESS "100318" MINUS_1);
    check("2026.8", "00104b" ADDRESS "100c180122020102", "001552" ADDRESS "100c18" MINUS_1);
    check("2026.8", "000e4b" ADDRESS "100c22020102", "001552" ADDRESS "100c18" MINUS_1);
    check("2026.8", "000a4c" ADDRESS "100d", "001552" ADDRESS "100d18" MINUS_1);
    check("2026.8", "000e4d" ADDRESS "100d1a020100", "001552" ADDRESS "100d18" MINUS_1);
    check("2026.8", "000c4e" ADDRESS "100c1801", "001552" ADDRESS "100c18" MINUS_1);
}

static void test_connection_parameters(void **state)
{
    (void)state;
    check("2026.8", "00119101" ADDRESS "10a00618a00628d804", "00139201" ADDRESS "10" MINUS_1);
    check("2025.8", "00119101" ADDRESS "10a00618a00628d804", "");
}

SPLIT_TEST(test_answers_go_to_the_subscriber)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    peer_join(&other, &device);
    peer_send(&other, "000a44" ADDRESS "1001"
                      "000a49" ADDRESS "1003");
    peer_expect(&other, "");
    peer_expect(&peer, DOWN_0 FREE_3 "001552" ADDRESS "100318" MINUS_1);
    peer_send(&other, "000050"); /* but this one to who asks */
    peer_expect(&other, FREE_3);
    peer_expect(&peer, "");
    peer_leave(&peer);
    peer_send(&other, "000a44" ADDRESS "1001"); /* nobody */
    peer_expect(&other, "");
    peer_leave(&other);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_takes_a_slot_and_fails),
        cmocka_unit_test(test_connect_without_address_type),
        cmocka_unit_test(test_connect_without_slots),
        cmocka_unit_test(test_removed_connect),
        cmocka_unit_test(test_disconnect_of_unknown_device),
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_unpair),
        cmocka_unit_test(test_clear_cache),
        cmocka_unit_test(test_unknown_device_request),
        cmocka_unit_test(test_gatt_requests_are_refused),
        cmocka_unit_test(test_connection_parameters),
        cmocka_unit_test(test_answers_go_to_the_subscriber),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
