/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

#include "noise/handshake.h"

/* How a device without a key gets one, keeps it, and what it says to whom before and afterwards. */

static struct device device;
static struct peer peer, other;

/* NoiseEncryptionSetKeyResponse */
#define REFUSED "00007d"
#define DONE    "00027d0801"

static const char key_text[] = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
static const char other_text[] = "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVU=";
static const char zero_text[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

static struct {
    unsigned n;
    int result;
    bool cleared;
    uint8_t psk[HANDSHAKE_PSK_SIZE];
} stored;

static int store_key(void *user, const uint8_t *psk)
{
    assert_ptr_equal(user, &device);
    stored.n++;
    stored.cleared = psk == NULL;
    if (psk)
        memcpy(stored.psk, psk, sizeof(stored.psk));
    return stored.result;
}

static void prepare(const char *firmware)
{
    memset(&stored, 0, sizeof(stored));
    device_prepare(&device, firmware);
    device.config.provisionable = true;
    device.radio.store_key = store_key;
}

static void start(const char *firmware)
{
    prepare(firmware);
    device_begin(&device);
}

static void ask_key(struct peer *from, const char *text, size_t size)
{
    uint8_t frame[128] = {0, (uint8_t)(size + 2), 124, 0x0a, (uint8_t)size};
    memcpy(frame + 5, text, size);
    if (size == 0)
        frame[1] = 0;
    peer_send_bytes(from, frame, size ? size + 5 : 3);
}

/* ---- A client that speaks Noise ---- */

static struct handshake handshake;
static struct cipher receive, seal;

/* What it sends first, all at once. */
static void noise_open(const uint8_t psk[HANDSHAKE_PSK_SIZE])
{
    uint8_t bytes[3 + 3 + 1 + HANDSHAKE_MESSAGE_SIZE] = {1, 0, 0, 1, 0, 1 + HANDSHAKE_MESSAGE_SIZE, 0};
    handshake_init(&handshake, &aead_sodium, psk, NULL, 0);
    assert_int_equal(handshake_write_first(&handshake, &device.test.env, bytes + 7), 0);
    peer_open(&peer, &device);
    peer_send_bytes(&peer, bytes, sizeof(bytes));
    peer_take(&peer);
}

/* The next frame that came; it lives until the next call. */
static struct frame noise_next(void)
{
    static uint8_t body[1024];
    struct frame frame;
    size_t used;
    assert_int_equal(frame_read_noise(peer.bytes, peer.size, &frame_limits_client, &frame, &used), 0);
    assert_true(frame.size <= sizeof(body));
    memcpy(body, frame.data, frame.size);
    frame.data = body;
    memmove(peer.bytes, peer.bytes + used, peer.size - used);
    peer.size -= used;
    return frame;
}

static void expect_noise_session(const uint8_t psk[HANDSHAKE_PSK_SIZE])
{
    noise_open(psk);
    noise_next();
    struct frame frame = noise_next();
    assert_int_equal(frame.data[0], 0);
    assert_int_equal(handshake_read_second(&handshake, frame.data + 1, frame.size - 1), 0);
    assert_int_equal(handshake_split(&handshake, &seal, &receive), 0);
    handshake_deinit(&handshake);
    cipher_deinit(&seal);
    cipher_deinit(&receive);
    peer_leave(&peer);
}

static void expect_mac_failure(const uint8_t psk[HANDSHAKE_PSK_SIZE])
{
    noise_open(psk);
    noise_next();
    peer_expect(&peer, "0100160148616e647368616b65204d4143206661696c757265");
    assert_int_equal(peer.n_closed, 1);
    handshake_deinit(&handshake);
}

static void expect_plaintext_session(void)
{
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST "000007");
    peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    peer_expect(&peer, "000008");
    peer_leave(&peer);
}

static void expect_requires_encryption(void)
{
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST);
    peer_expect(&peer, "01001301"
                       "42616420696e64696361746f722062797465");
    assert_int_equal(peer.n_closed, 1);
}

static const uint8_t zeros[HANDSHAKE_PSK_SIZE];

static void ours(uint8_t ret_psk[HANDSHAKE_PSK_SIZE])
{
    for (unsigned i = 0; i < HANDSHAKE_PSK_SIZE; i++)
        ret_psk[i] = (uint8_t)(i + 1);
}

/* ---- Before ---- */

SPLIT_TEST(test_without_a_key_plaintext_and_zeros_are_taken_side_by_side)
{
    uint8_t wrong[HANDSHAKE_PSK_SIZE];
    memset(wrong, '0', sizeof(wrong)); /* the probe of Home Assistant */
    start("2026.8");
    peer_join(&other, &device);
    expect_noise_session(zeros);
    expect_plaintext_session();
    expect_mac_failure(wrong);
    peer_send(&other, "000007");
    peer_expect(&other, "000008");
    peer_leave(&other);
    device_stop(&device);
}

SPLIT_TEST(test_2025_takes_only_plaintext_without_a_key)
{
    start("2025.8");
    expect_plaintext_session();
    peer_open(&peer, &device);
    peer_send(&peer, "010000");
    peer_expect(&peer, "0042616420696e64696361746f722062797465");
    device_stop(&device);
}

SPLIT_TEST(test_first_byte_that_belongs_to_neither_framing)
{
    start("2026.8");
    peer_open(&peer, &device);
    peer_send(&peer, "474554");
    peer_expect(&peer, "01001301"
                       "42616420696e64696361746f722062797465");
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

static void test_silent_client_is_dropped_before_its_first_byte(void **state)
{
    (void)state;
    start("2026.8");
    peer_open(&peer, &device);
    device_pass(&device, 60 * NS_PER_S);
    peer_expect(&peer, "");
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

static void test_only_firmware_that_knows_keys_can_be_given_one(void **state)
{
    (void)state;
    static const char *const firmware[] = {"2022.12", "2023.6"};
    for (size_t i = 0; i < 2; i++) {
        prepare(firmware[i]);
        assert_int_equal(server_new(&device.config, &device.radio, &device, 0, &device.server),
                         BLEPROXY_E_INVALID);
    }
}

/* Whether the device's information has the field, a bool of two tag bytes, set. */
static bool info_has(uint8_t first, uint8_t second)
{
    peer_send(&other, "000009");
    struct frame frame = peer_next(&other, MESSAGE_DEVICE_INFO_RESPONSE);
    const uint8_t field[] = {first, second, 1};
    return memmem(frame.data, frame.size, field, sizeof(field)) != NULL;
}

static void test_device_info_tells_that_a_key_can_be_set(void **state)
{
    (void)state;
    static const struct {
        const char *firmware;
        bool provisionable;
    } cases[] = {{"2025.8", false}, {"2026.8", true}};
    for (size_t i = 0; i < 2; i++) {
        start(cases[i].firmware);
        peer_join(&other, &device);
        assert_true(info_has(0x98, 0x01)); /* api_encryption_supported */
        assert_int_equal(info_has(0xd0, 0x01), cases[i].provisionable);
        ask_key(&other, key_text, 44);
        peer_expect(&other, DONE);
        assert_false(info_has(0xd0, 0x01));
        peer_leave(&other);
        device_stop(&device);
    }
}

/* ---- Setting it ---- */

SPLIT_TEST(test_key_counts_100_ms_after_the_answer)
{
    uint8_t key[HANDSHAKE_PSK_SIZE];
    ours(key);
    start("2026.8");
    peer_join(&other, &device);
    ask_key(&other, key_text, 44);
    peer_expect(&other, DONE);
    assert_int_equal(stored.n, 1);
    assert_memory_equal(stored.psk, key, sizeof(key));
    device_pass(&device, 100 * NS_PER_MS - 1);
    expect_plaintext_session();
    peer_expect(&other, "");
    device_pass(&device, 1);
    peer_expect(&other, "000005");
    peer_send(&other, "000006");
    assert_int_equal(other.n_closed, 1);
    expect_requires_encryption();
    expect_mac_failure(zeros);
    expect_noise_session(key);
    assert_false(test_env_logged(&device.test, key_text));
    device_stop(&device);
}

/* Half a handshake under the old key would end in a session under none that the device has. */
SPLIT_TEST(test_clients_without_a_session_are_closed_when_the_key_changes)
{
    start("2026.8");
    peer_join(&other, &device);
    peer_open(&peer, &device);
    peer_send(&peer, "010000");
    ask_key(&other, key_text, 44);
    device_pass(&device, 100 * NS_PER_MS);
    assert_int_equal(peer.n_closed, 1);
    assert_int_equal(other.n_closed, 0);
    peer_leave(&other);
    device_stop(&device);
}

SPLIT_TEST(test_what_is_no_key_is_refused)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {zero_text, 44},
        {key_text, 43},
        {key_text, 4},
        {"!QIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", 44},
        {"AQID\0AUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", 44},
        {"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh", 44},
    };
    start("2026.8");
    peer_join(&other, &device);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ask_key(&other, cases[i].text, cases[i].size);
        peer_expect(&other, REFUSED);
    }
    device_pass(&device, NS_PER_S);
    assert_int_equal(stored.n, 0);
    expect_plaintext_session();
    peer_leave(&other);
    device_stop(&device);
}

SPLIT_TEST(test_key_that_cannot_be_stored_is_refused)
{
    start("2026.8");
    stored.result = BLEPROXY_E_IO;
    peer_join(&other, &device);
    ask_key(&other, key_text, 44);
    peer_expect(&other, REFUSED);
    device_pass(&device, NS_PER_S);
    assert_int_equal(stored.n, 1);
    expect_plaintext_session();
    peer_leave(&other);
    device_stop(&device);
}

SPLIT_TEST(test_same_key_again_changes_nothing)
{
    start("2026.8");
    peer_join(&other, &device);
    ask_key(&other, key_text, 44);
    ask_key(&other, key_text, 44);
    peer_expect(&other, DONE DONE);
    assert_int_equal(stored.n, 1);
    peer_leave(&other);
    device_stop(&device);
}

SPLIT_TEST(test_last_of_several_keys_counts)
{
    uint8_t key[HANDSHAKE_PSK_SIZE];
    start("2026.8");
    peer_join(&other, &device);
    ask_key(&other, key_text, 44);
    device_pass(&device, 50 * NS_PER_MS);
    ask_key(&other, other_text, 44);
    device_pass(&device, 99 * NS_PER_MS);
    expect_plaintext_session();
    device_pass(&device, NS_PER_MS);
    memset(key, 0x55, sizeof(key));
    expect_noise_session(key);
    peer_leave(&other);
    device_stop(&device);
}

/* ---- Afterwards ---- */

SPLIT_TEST(test_stored_key_can_be_cleared)
{
    start("2026.8");
    peer_join(&other, &device);
    ask_key(&other, key_text, 44);
    device_pass(&device, NS_PER_S);
    ask_key(&other, "", 0); /* its session goes on until it leaves */
    assert_true(stored.cleared);
    device_pass(&device, 100 * NS_PER_MS);
    expect_plaintext_session();
    expect_noise_session(zeros);
    peer_leave(&other);
    device_stop(&device);
}

SPLIT_TEST(test_key_of_the_configuration_stays)
{
    uint8_t key[HANDSHAKE_PSK_SIZE];
    ours(key);
    device_prepare(&device, "2026.8");
    device.config.psk = key;
    device_begin(&device);
    expect_requires_encryption();
    expect_mac_failure(zeros);
    expect_noise_session(key);
    device_stop(&device);
}

SPLIT_TEST(test_device_without_encryption_does_not_know_the_request)
{
    device_start(&device, "2026.8");
    peer_join(&other, &device);
    ask_key(&other, key_text, 44);
    peer_expect(&other, "");
    peer_leave(&other);
    device_stop(&device);
}

static void set_key_and_wait(void)
{
    peer_join(&other, &device);
    ask_key(&other, key_text, 44);
    device_pass(&device, NS_PER_S);
    peer_leave(&other);
}

SPLIT_TEST(test_device_starts_with_the_key_that_it_was_given)
{
    uint8_t key[HANDSHAKE_PSK_SIZE];
    start("2026.8");
    set_key_and_wait();
    memcpy(key, stored.psk, sizeof(key));
    device_stop(&device);
    prepare("2026.8");
    device.config.psk = key;
    device_begin(&device);
    expect_requires_encryption();
    expect_noise_session(key);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_key_plaintext_and_zeros_are_taken_side_by_side),
        cmocka_unit_test(test_2025_takes_only_plaintext_without_a_key),
        cmocka_unit_test(test_first_byte_that_belongs_to_neither_framing),
        cmocka_unit_test(test_silent_client_is_dropped_before_its_first_byte),
        cmocka_unit_test(test_only_firmware_that_knows_keys_can_be_given_one),
        cmocka_unit_test(test_device_info_tells_that_a_key_can_be_set),
        cmocka_unit_test(test_key_counts_100_ms_after_the_answer),
        cmocka_unit_test(test_clients_without_a_session_are_closed_when_the_key_changes),
        cmocka_unit_test(test_what_is_no_key_is_refused),
        cmocka_unit_test(test_key_that_cannot_be_stored_is_refused),
        cmocka_unit_test(test_same_key_again_changes_nothing),
        cmocka_unit_test(test_last_of_several_keys_counts),
        cmocka_unit_test(test_stored_key_can_be_cleared),
        cmocka_unit_test(test_key_of_the_configuration_stays),
        cmocka_unit_test(test_device_without_encryption_does_not_know_the_request),
        cmocka_unit_test(test_device_starts_with_the_key_that_it_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
