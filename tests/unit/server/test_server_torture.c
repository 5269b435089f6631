/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

/* Out of memory at every single allocation of a conversation, and clients that send anything. */

static struct device device;
static struct peer peer;

static const char requests[] = HELLO_REQUEST LOGIN_REQUEST "000009"
                                                           "00000b"
                                                           "00009501"
                                                           "0002420801"
                                                           "000050"
                                                           "000a4408b3c4c4c09398291001";
static const char noise_requests[] =
    "010000"
    "01003100358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
    "00000000000000000000000000000000"
    "01001600010002180100000000000000000000000000000000"
    "010016004200020801"
    "00000000000000000000000000000000";

static void report_much(void)
{
    static const uint8_t data[62];
    const struct batch_advert advert = {.address = 1, .rssi = -1, .data = data, .size = sizeof(data)};
    for (unsigned i = 0; i < 40; i++)
        server_report(device.server, &advert, device.now_ns);
    device_pass(&device, NS_PER_S);
}

static void converse(const char *text)
{
    size_t size;
    const uint8_t *bytes = hex(text, &size);
    memset(&peer, 0, sizeof(peer));
    peer.device = &device;
    if (server_accept(device.server, &peer_ops, &peer, device.now_ns, &peer.connection) < 0)
        return;
    peer_send_bytes(&peer, bytes, size / 2);
    peer_send_bytes(&peer, bytes + size / 2, size - size / 2);
    report_much();
    peer_take(&peer);
    assert_true(peer.n_closed == 0 || peer.connection == NULL);
    peer_leave(&peer);
}

static void torture(const char *firmware, const uint8_t *psk, const char *text)
{
    size_t fails = 0;
    for (bool whole = false; !whole; fails++) {
        device_prepare(&device, firmware);
        device.config.psk = psk;
        device.config.aead = &aead_null;
        device.test.fail_after = fails;
        int r = server_new(&device.config, &device_radio, &device, device.now_ns, &device.server);
        if (r < 0) {
            assert_int_equal(r, BLEPROXY_E_NOMEM);
            assert_int_equal(device.test.live_blocks, 0);
            continue;
        }
        converse(text);
        whole = device.test.fail_after > 0;
        assert_true(!whole || device.n_subscribed == 1);
        device_stop(&device);
    }
    assert_true(fails > 8);
}

static void test_out_of_memory_at_every_step(void **state)
{
    (void)state;
    torture("2022.12", NULL, requests);
    torture("2026.8", NULL, requests);
}

static void test_out_of_memory_at_every_step_encrypted(void **state)
{
    (void)state;
    static const uint8_t psk[32] = {1};
    torture("2026.8", psk, noise_requests);
}

static void test_random_bytes_after_a_login(void **state)
{
    (void)state;
    uint64_t dice = 1;
    for (unsigned round = 0; round < 300; round++) {
        device_start(&device, round % 2 ? "2026.8" : "2022.12");
        peer_subscribe(&peer, &device);
        uint8_t noise[64];
        for (unsigned i = 0; i < 20; i++) {
            for (size_t j = 0; j < sizeof(noise); j++) {
                dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
                noise[j] = (uint8_t)(dice >> 56);
            }
            /* A frame that is whole, of a type that may exist. */
            noise[0] = 0;
            noise[1] = sizeof(noise) - 3;
            noise[2] &= 0x7f;
            peer_send_bytes(&peer, noise, sizeof(noise));
        }
        peer_leave(&peer);
        device_stop(&device);
    }
}

static void test_reports_allocate_nothing_after_warm_up(void **state)
{
    (void)state;
    device_start(&device, "2026.8");
    peer_subscribe(&peer, &device);
    for (unsigned i = 0; i < 10; i++) {
        report_much();
        peer_take(&peer);
        peer.size = 0;
    }
    size_t allocations = device.test.allocations;
    report_much();
    assert_int_equal(device.test.allocations, allocations);
    peer_leave(&peer);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_memory_at_every_step),
        cmocka_unit_test(test_out_of_memory_at_every_step_encrypted),
        cmocka_unit_test(test_random_bytes_after_a_login),
        cmocka_unit_test(test_reports_allocate_nothing_after_warm_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
