/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

/* The subscription: who has it, when batches go out, what happens when they cannot. */

static struct device device;
static struct peer peer, other;

static const uint8_t ad[62] = {2, 1, 6, 6, 9, 'T', 'E', 'S', 'T', '1'};

static void report(uint32_t size)
{
    const struct batch_advert advert = {
        .address = UINT64_C(0xa4c138112233), .rssi = -67, .address_type = 1, .data = ad, .size = size};
    server_report(device.server, &advert, device.now_ns);
}

/* The advertisements in the next message. */
static unsigned next_batch(struct peer *from)
{
    struct frame frame = peer_next(from, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE);
    struct batch batch;
    struct batch_advert advert;
    unsigned n = 0;
    batch_init(&batch, frame.data, frame.size);
    while (batch_next(&batch, &advert) == 1) {
        assert_int_equal(advert.address, UINT64_C(0xa4c138112233));
        assert_int_equal(advert.rssi, -67);
        assert_int_equal(advert.address_type, 1);
        n++;
    }
    return n;
}

SPLIT_TEST(test_nobody_listens_nothing_is_kept)
{
    device_start(&device, "2026.8");
    report(10);
    assert_true(server_deadline(device.server) == BP_NEVER);
    peer_subscribe(&peer, &device);
    device_pass(&device, NS_PER_S);
    peer_expect(&peer, "");
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_16_go_out_at_once)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    for (unsigned i = 0; i < 15; i++)
        report(10);
    peer_expect(&peer, "");
    report(10);
    assert_int_equal(peer.n_pending, 1);
    assert_int_equal(next_batch(&peer), 16);
    device_pass(&device, NS_PER_S);
    peer_expect(&peer, "");
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_full_batch_of_largest_advertisements_has_1264_bytes)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    for (unsigned i = 0; i < 16; i++)
        report(62);
    assert_int_equal(peer_next(&peer, MESSAGE_RAW_ADVERTISEMENTS_RESPONSE).size, 1264);
    report(63); /* cannot be */
    assert_true(server_deadline(device.server) > device.now_ns + 50 * NS_PER_S);
    peer_leave(&peer);
    device_stop(&device);
}

/* Times between the batches of a client that hears an advertisement every 10 ms, but never 16 of them. */
static void flush_times(const char *firmware, uint64_t *times_ns, size_t n)
{
    uint64_t last_ns = 0;
    device_start(&device, firmware);
    peer_subscribe(&peer, &device);
    for (size_t i = 0; i < n;) {
        report(10);
        device_pass(&device, 20 * NS_PER_MS);
        if (peer.n_pending == 0)
            continue;
        peer.n_pending = 0;
        assert_in_range(next_batch(&peer), 1, 15);
        times_ns[i++] = device.now_ns - last_ns;
        last_ns = device.now_ns;
    }
    peer_leave(&peer);
    device_stop(&device);
}

static void test_flush_every_100_ms_in_2025(void **state)
{
    (void)state;
    uint64_t times_ns[8];
    flush_times("2025.8", times_ns, 8);
    for (size_t i = 1; i < 8; i++)
        assert_int_equal(times_ns[i], 100 * NS_PER_MS);
}

static void test_flush_every_200_ms_in_2026(void **state)
{
    (void)state;
    uint64_t times_ns[8];
    flush_times("2026.8", times_ns, 8);
    for (size_t i = 1; i < 8; i++)
        assert_int_equal(times_ns[i], 200 * NS_PER_MS);
}

SPLIT_TEST(test_first_batch_after_idle_goes_out_on_the_next_tick)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    device_pass(&device, 10 * NS_PER_S);
    for (unsigned i = 0; i < 20; i++) {
        report(10);
        uint64_t deadline_ns = server_deadline(device.server);
        assert_in_range(deadline_ns - device.now_ns, 1, 100 * NS_PER_MS);
        device_pass(&device, 37 * NS_PER_MS * 23);
        assert_int_equal(next_batch(&peer), 1);
    }
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_2023_sends_what_one_drain_brought)
{
    device_start(&device, "2023.6");
    peer_subscribe(&peer, &device);
    report(10);
    report(10);
    report(10);
    assert_true(server_deadline(device.server) <= device.now_ns);
    server_tick(device.server, device.now_ns);
    assert_int_equal(next_batch(&peer), 3);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_batches_behind_a_full_backlog_are_dropped)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    while (server_backlog(device.server) <= SERVER_OUT_MAX)
        report(62);
    assert_int_equal(server_dropped(device.server), 0);
    size_t backlog = server_backlog(device.server);
    for (unsigned i = 0; i < 160; i++)
        report(62);
    assert_int_equal(server_dropped(device.server), 10);
    assert_int_equal(server_backlog(device.server), backlog);
    peer_send(&peer, "000007"); /* answers still have room */
    peer_take(&peer);
    assert_int_equal(server_backlog(device.server), 0);
    for (unsigned i = 0; i < 16; i++)
        report(62);
    assert_int_equal(server_dropped(device.server), 10);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_encoded_batches_pass_as_they_are)
{
    struct buffer payload;
    const struct batch_advert advert = {
        .address = UINT64_C(0xa4c138112233), .rssi = -67, .address_type = 1, .data = ad, .size = 10};
    device_start(&device, "2023.6");
    buffer_init(&payload, &device.test.env, 4096);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(batch_append(&payload, &advert), 0);
    server_report_batch(device.server, buffer_data(&payload), payload.size, device.now_ns);
    peer_subscribe(&peer, &device);
    report(10);
    server_report_batch(device.server, buffer_data(&payload), payload.size, device.now_ns);
    assert_int_equal(next_batch(&peer), 1);
    assert_int_equal(next_batch(&peer), 16);
    peer_send(&peer, "000042"); /* decoded from now on */
    server_report_batch(device.server, buffer_data(&payload), payload.size, device.now_ns);
    for (unsigned i = 0; i < 16; i++)
        peer_next(&peer, MESSAGE_ADVERTISEMENT_RESPONSE);
    peer_leave(&peer);
    buffer_deinit(&payload);
    device_stop(&device);
}

SPLIT_TEST(test_first_subscriber_keeps_it_in_2025)
{
    device_start(&device, "2025.8");
    peer_subscribe(&peer, &device);
    peer_join(&other, &device);
    peer_send(&other, "0002420801");
    peer_expect(&other, "");
    for (unsigned i = 0; i < 16; i++)
        report(10);
    assert_int_equal(next_batch(&peer), 16);
    peer_expect(&other, "");
    peer_send(&other, "000057"); /* not its to give up */
    assert_true(server_is_subscribed(device.server));
    peer_send(&peer, "000057");
    assert_false(server_is_subscribed(device.server));
    peer_send(&other, "0002420801");
    peer_expect(&other, "00047e0802"
                        "1001");
    assert_int_equal(device.n_subscribed, 2);
    peer_leave(&peer);
    peer_leave(&other);
    assert_int_equal(device.n_unsubscribed, 2);
    device_stop(&device);
}

SPLIT_TEST(test_newest_subscriber_takes_it_in_2026)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    report(10);
    peer_join(&other, &device);
    peer_send(&other, "0002420801");
    peer_expect(&other, "00067e080210011801");
    for (unsigned i = 0; i < 16; i++)
        report(10);
    assert_int_equal(next_batch(&other), 16);
    device_pass(&device, NS_PER_S);
    peer_expect(&peer, "");
    assert_int_equal(peer.n_closed, 0);
    assert_int_equal(device.n_subscribed, 1);
    peer_leave(&peer);
    assert_true(server_is_subscribed(device.server));
    peer_leave(&other);
    assert_int_equal(device.n_unsubscribed, 1);
    device_stop(&device);
}

SPLIT_TEST(test_asking_again_confirms_the_subscription)
{
    device_start(&device, "2025.8");
    peer_subscribe(&peer, &device);
    peer_send(&peer, "0002420801");
    peer_expect(&peer, "00047e08021001");
    assert_int_equal(device.n_subscribed, 1);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_old_firmware_acknowledges_nothing)
{
    static const char *const firmware[] = {"2022.12", "2023.6"};
    for (size_t i = 0; i < 2; i++) {
        device_start(&device, firmware[i]);
        peer_join(&peer, &device);
        peer_send(&peer, "0002420801");
        peer_expect(&peer, "");
        server_scanner_state(device.server, BLEPROXY_SCANNER_STOPPED, device.now_ns);
        peer_expect(&peer, "");
        peer_leave(&peer);
        device_stop(&device);
    }
}

SPLIT_TEST(test_mode_changes_are_reported_step_by_step)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    peer_send(&peer, "00027f0801"); /* active, as it is */
    peer_expect(&peer, "");
    peer_send(&peer, "00007f");
    peer_expect(&peer, "00047e08041801"); /* stopping, passive, configured active */
    assert_int_equal(server_scanner_mode(device.server), BLEPROXY_MODE_PASSIVE);
    server_scanner_state(device.server, BLEPROXY_SCANNER_STOPPED, device.now_ns);
    server_scanner_state(device.server, BLEPROXY_SCANNER_STOPPED, device.now_ns);
    server_scanner_state(device.server, BLEPROXY_SCANNER_STARTING, device.now_ns);
    server_scanner_state(device.server, BLEPROXY_SCANNER_RUNNING, device.now_ns);
    peer_expect(&peer, "00047e08051801"
                       "00047e08011801"
                       "00047e08021801");
    assert_int_equal(device.n_modes, 1);
    peer_leave(&peer);
    device_stop(&device);
}

SPLIT_TEST(test_state_is_told_to_the_subscriber_whoever_changed_the_mode)
{
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    peer_join(&other, &device);
    peer_send(&other, "00007f");
    peer_expect(&other, "");
    assert_int_equal(peer.n_pending, 1);
    peer_expect(&peer, "00047e08041801");
    peer_leave(&peer);
    peer_leave(&other);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_listens_nothing_is_kept),
        cmocka_unit_test(test_16_go_out_at_once),
        cmocka_unit_test(test_full_batch_of_largest_advertisements_has_1264_bytes),
        cmocka_unit_test(test_flush_every_100_ms_in_2025),
        cmocka_unit_test(test_flush_every_200_ms_in_2026),
        cmocka_unit_test(test_first_batch_after_idle_goes_out_on_the_next_tick),
        cmocka_unit_test(test_2023_sends_what_one_drain_brought),
        cmocka_unit_test(test_batches_behind_a_full_backlog_are_dropped),
        cmocka_unit_test(test_encoded_batches_pass_as_they_are),
        cmocka_unit_test(test_first_subscriber_keeps_it_in_2025),
        cmocka_unit_test(test_newest_subscriber_takes_it_in_2026),
        cmocka_unit_test(test_asking_again_confirms_the_subscription),
        cmocka_unit_test(test_old_firmware_acknowledges_nothing),
        cmocka_unit_test(test_mode_changes_are_reported_step_by_step),
        cmocka_unit_test(test_state_is_told_to_the_subscriber_whoever_changed_the_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
