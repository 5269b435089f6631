/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

static struct device device;
static struct peer peer;

SPLIT_TEST(test_ping_after_60_s_dropped_after_150)
{
    device_start(&device, "2026.8");
    peer_join(&peer, &device);
    device_pass(&device, 60 * NS_PER_S - 1);
    peer_expect(&peer, "");
    device_pass(&device, 1);
    assert_int_equal(peer.n_pending, 1);
    peer_expect(&peer, "000007");
    device_pass(&device, 90 * NS_PER_S - 1);
    peer_expect(&peer, "");
    assert_int_equal(peer.n_closed, 0);
    device_pass(&device, 1);
    peer_expect(&peer, "");
    assert_int_equal(peer.n_closed, 1);
    assert_string_equal(peer.why, "the client answers no more");
    device_stop(&device);
}

SPLIT_TEST(test_answers_keep_it_alive)
{
    device_start(&device, "2026.8");
    peer_join(&peer, &device);
    for (unsigned i = 0; i < 10; i++) {
        device_pass(&device, 60 * NS_PER_S);
        peer_expect(&peer, "000007");
        device_pass(&device, 89 * NS_PER_S);
        peer_send(&peer, "000008");
    }
    assert_int_equal(peer.n_closed, 0);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_what_is_sent_does_not_count)
{
    const struct batch_advert advert = {.address = 1, .rssi = -50};
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    for (unsigned i = 0; i < 59; i++) {
        server_report(device.server, &advert, device.now_ns);
        device_pass(&device, NS_PER_S);
    }
    peer_take(&peer);
    peer.size = 0;
    device_pass(&device, NS_PER_S);
    peer_expect(&peer, "000007");
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_not_authenticated_within_60_s)
{
    device_start(&device, "2026.8");
    peer_open(&peer, &device);
    for (unsigned i = 0; i < 59; i++) {
        device_pass(&device, NS_PER_S);
        peer_send(&peer, "000007"); /* does not extend it */
    }
    assert_int_equal(peer.n_closed, 0);
    device_pass(&device, NS_PER_S);
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

SPLIT_TEST(test_handshake_without_end_is_dropped_too)
{
    static const uint8_t psk[32] = {1};
    device_prepare(&device, "2026.8");
    device.config.psk = psk;
    device_begin(&device);
    peer_open(&peer, &device);
    peer_send(&peer, "010000");
    device_pass(&device, 60 * NS_PER_S);
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

SPLIT_TEST(test_old_firmware_waits_150_s_for_a_hello)
{
    device_start(&device, "2023.6");
    peer_open(&peer, &device);
    device_pass(&device, 149 * NS_PER_S);
    peer_expect(&peer, "000007");
    assert_int_equal(peer.n_closed, 0);
    device_pass(&device, NS_PER_S);
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

SPLIT_TEST(test_dead_subscriber_gives_the_subscription_back)
{
    device_start(&device, "2025.8");
    peer_subscribe(&peer, &device);
    device_pass(&device, 151 * NS_PER_S);
    assert_int_equal(peer.n_closed, 1);
    assert_false(server_is_subscribed(device.server));
    assert_int_equal(device.n_unsubscribed, 1);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ping_after_60_s_dropped_after_150),
        cmocka_unit_test(test_answers_keep_it_alive),
        cmocka_unit_test(test_what_is_sent_does_not_count),
        cmocka_unit_test(test_not_authenticated_within_60_s),
        cmocka_unit_test(test_handshake_without_end_is_dropped_too),
        cmocka_unit_test(test_old_firmware_waits_150_s_for_a_hello),
        cmocka_unit_test(test_dead_subscriber_gives_the_subscription_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
