/* SPDX-License-Identifier: MIT */
#include "client.h"

SPLIT_TEST(test_subscriptions_are_written)
{
    client_connect(c, HELLO_15);
    assert_int_equal(session_subscribe_adverts(c->session, true, c->now_ns), 0);
    client_expect(c, "0002420801");
    assert_int_equal(session_subscribe_adverts(c->session, false, c->now_ns), 0);
    client_expect(c, "000042");
    assert_int_equal(session_subscribe_slots(c->session, c->now_ns), 0);
    client_expect(c, "000050");
    assert_int_equal(session_set_scanner_mode(c->session, BLEPROXY_MODE_PASSIVE, c->now_ns), 0);
    client_expect(c, "00007f");
    assert_int_equal(session_set_scanner_mode(c->session, BLEPROXY_MODE_ACTIVE, c->now_ns), 0);
    client_expect(c, "00027f0801");
    assert_int_equal(session_set_scanner_mode(c->session, BLEPROXY_MODE_AUTO, c->now_ns), BLEPROXY_E_INVALID);
    client_expect(c, "");
}

SPLIT_TEST(test_case_48_unsubscribe_sends_87)
{
    client_connect(c, HELLO_15);
    assert_int_equal(session_unsubscribe_adverts(c->session, c->now_ns), 0);
    client_expect(c, "000057");
    session_fail(c->session, BLEPROXY_E_CLOSED, NULL, c->now_ns);
    assert_int_equal(session_unsubscribe_adverts(c->session, c->now_ns), BLEPROXY_E_CLOSED);
    client_expect(c, "");
}

SPLIT_TEST(test_case_48_raw_adverts_are_handed_over_whole)
{
    client_connect(c, HELLO_15);
    client_feed(c, RAW_ADVERT);
    assert_int_equal(c->events[EVENT_ADVERT], 1);
    assert_int_equal(c->advert.address, 0xA4C138112233);
    assert_int_equal(c->advert.rssi, -67);
    assert_int_equal(c->advert.address_type, 0);
    assert_hex(c->advert.data, c->advert.size, "020106030316180a09544553542d30303031");
    client_feed(c, RAW_ADVERTS);
    assert_int_equal(c->events[EVENT_ADVERT], 3);
    assert_int_equal(c->advert.address, 0x7B1122334455);
    assert_int_equal(c->advert.rssi, -90);
    assert_int_equal(c->advert.address_type, 1);
    assert_hex(c->advert.data, c->advert.size, "0201060303aafe");
}

SPLIT_TEST(test_case_48_raw_adverts_of_an_encrypted_session)
{
    client_connect_noise(c);
    for (int i = 0; i < 3; i++)
        client_feed_sealed(c, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE,
                           "0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031");
    assert_int_equal(c->events[EVENT_ADVERT], 3);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_case_48_decoded_advert_is_handed_over)
{
    client_connect(c, HELLO_9);
    client_feed(c, "00274308b3c4c4c09398291204544553541885012206307831383066320c0a063078303034431a020215");
    assert_int_equal(c->events[EVENT_DECODED], 1);
    assert_int_equal(c->advert.address, 0xA4C138112233);
    assert_int_equal(c->advert.rssi, -67);
}

SPLIT_TEST(test_malformed_batch_is_a_protocol_error_after_what_came_before)
{
    client_connect(c, HELLO_15);
    client_feed(c, "00235d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"
                   "0aff");
    assert_int_equal(c->events[EVENT_ADVERT], 1);
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "malformed BluetoothLERawAdvertisementsResponse");
}

SPLIT_TEST(test_ending_the_session_in_an_advert_stops_the_batch)
{
    c->disconnect_on_advert = true;
    client_connect(c, HELLO_15);
    client_feed(c, RAW_ADVERTS RAW_ADVERT);
    assert_int_equal(c->events[EVENT_ADVERT], 1);
    client_expect_end(c, 0, "was disconnected");
}

SPLIT_TEST(test_scanner_state)
{
    client_connect(c, HELLO_15);
    client_feed(c, "00067e080210011801");
    assert_int_equal(c->events[EVENT_SCANNER], 1);
    assert_int_equal(c->scanner_state, BLEPROXY_SCANNER_RUNNING);
    assert_int_equal(c->scanner_mode, BLEPROXY_MODE_ACTIVE);
    assert_int_equal(c->scanner_configured_mode, BLEPROXY_MODE_ACTIVE);
    client_feed(c, "00067e086310001801");
    assert_int_equal(c->scanner_state, 0x63); /* a state that newer firmware invented */
}

SPLIT_TEST(test_slots_packed_and_as_firmware_writes_them)
{
    static const char *const reports[] = {"000d51080210031a07b3c4c4c0939829",
                                          "000c510802100318b3c4c4c0939829"};
    client_connect(c, HELLO_15);
    for (size_t i = 0; i < 2; i++) {
        memset(&c->slots, 0, sizeof(c->slots));
        client_feed(c, reports[i]);
        assert_int_equal(c->slots.free, 2);
        assert_int_equal(c->slots.limit, 3);
        assert_int_equal(c->slots.n_allocated, 1);
        assert_int_equal(c->allocated[0], 0xA4C138112233);
    }
    client_feed(c, "000051");
    assert_int_equal(c->events[EVENT_SLOTS], 3);
    assert_int_equal(c->slots.limit, 0);
    assert_int_equal(c->slots.n_allocated, 0);
}

SPLIT_TEST(test_slots_are_capped_and_zero_addresses_left_out)
{
    uint8_t frame[4 + 2 * 200] = {0, 0x90, 0x03, 81};
    client_connect(c, HELLO_15);
    for (size_t i = 0; i < 200; i++) {
        frame[4 + 2 * i] = 0x18;
        frame[5 + 2 * i] = (uint8_t)(i % 100);
    }
    client_feed_bytes(c, frame, sizeof(frame));
    assert_int_equal(c->events[EVENT_SLOTS], 1);
    assert_int_equal(c->slots.n_allocated, 64);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(c->allocated[i], i + 1);
}

static void test_adverts_allocate_nothing(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_connect_noise(&c);
    client_feed_sealed(&c, 93, "0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031");
    size_t allocations = c.test.allocations;
    c.split = 0;
    for (int i = 0; i < 1000; i++)
        client_feed_sealed(&c, 93, "0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031");
    assert_int_equal(c.events[EVENT_ADVERT], 1001);
    assert_int_equal(c.test.allocations, allocations);
    client_deinit(&c);
}

SPLIT_TEST(test_streams_nobody_wants_are_dropped)
{
    client_connect(c, HELLO_15);
    session_set_stream(c->session, NULL, NULL);
    client_feed(c, RAW_ADVERT "00067e080210011801"
                              "00045108031003"
                              "000043");
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscriptions_are_written),
        cmocka_unit_test(test_case_48_unsubscribe_sends_87),
        cmocka_unit_test(test_case_48_raw_adverts_are_handed_over_whole),
        cmocka_unit_test(test_case_48_raw_adverts_of_an_encrypted_session),
        cmocka_unit_test(test_case_48_decoded_advert_is_handed_over),
        cmocka_unit_test(test_malformed_batch_is_a_protocol_error_after_what_came_before),
        cmocka_unit_test(test_ending_the_session_in_an_advert_stops_the_batch),
        cmocka_unit_test(test_scanner_state),
        cmocka_unit_test(test_slots_packed_and_as_firmware_writes_them),
        cmocka_unit_test(test_slots_are_capped_and_zero_addresses_left_out),
        cmocka_unit_test(test_adverts_allocate_nothing),
        cmocka_unit_test(test_streams_nobody_wants_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
