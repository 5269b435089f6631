/* SPDX-License-Identifier: MIT */
#include "device_fixture.h"

#include "noise/handshake.h"

/* The device's side of the reference frames: byte for byte, and however the client's bytes are cut. */

static struct device device;
static struct peer peer;

#define HELLO_RESPONSE "0016020801100f1a08323032362e382e3022067670726f7879"

#define DEVICE_INFO                                                                                          \
    "12067670726f78791a1141433a42433a33323a38393a30453a41382208323032362e382e302a15417567203231"             \
    "20323032362c2031383a34313a343632077669727475616c6204486f73746a07562050726f787978ff01920111"             \
    "41433a42433a33323a38393a30453a4141"

/* A conversation that touches everything a plaintext client says before it scans. */
static const char plain_requests[] = HELLO_REQUEST LOGIN_REQUEST "000007"
                                                                 "000009"
                                                                 "00000b"
                                                                 "00009501"
                                                                 "0002420801"
                                                                 "000050"
                                                                 "000005";
/* Encryption is supported where the reference says so in its last three bytes; this device has no key. */
static const char plain_replies[] = HELLO_RESPONSE "000008"
                                                   "006b0a" DEVICE_INFO "000013"
                                                   "001896010a1608ff01121141433a42433a33323a38393a30453a4141"
                                                   "00067e080210011801"
                                                   "00045108031003"
                                                   "000006";

SPLIT_TEST(test_plaintext_conversation)
{
    device_start(&device, "2026.8");
    peer_open(&peer, &device);
    peer_send(&peer, plain_requests);
    peer_expect(&peer, plain_replies);
    assert_int_equal(peer.n_closed, 1);
    assert_int_equal(device.n_subscribed, 1);
    assert_int_equal(device.n_unsubscribed, 1);
    device_stop(&device);
}

SPLIT_TEST(test_old_hello_response_is_that_of_a_real_device)
{
    device_prepare(&device, "2023.6");
    device.config.name = "masteravrelay";
    device.profile.esphome_version = "2023.6.3";
    device_begin(&device);
    peer_open(&peer, &device);
    peer_send(&peer, HELLO_REQUEST);
    struct frame frame = peer_next(&peer, MESSAGE_HELLO_RESPONSE);
    assert_hex(frame.data, frame.size,
               "080110091a216d6173746572617672656c6179202865737068"
               "6f6d652076323032332e362e3329220d6d6173746572617672656c6179");
    device_stop(&device);
}

/* ---- Noise ---- */

static uint8_t psk[32], ephemeral[32];

static void prepare_noise(void)
{
    device_prepare(&device, "2026.8");
    for (unsigned i = 0; i < 32; i++) {
        psk[i] = (uint8_t)i;
        ephemeral[i] = (uint8_t)(0x40 + i);
    }
    device.config.psk = psk;
}

static void start_noise(void)
{
    prepare_noise();
    device_begin(&device);
    peer_open(&peer, &device);
    device.test.random_bytes = ephemeral;
    device.test.random_left = sizeof(ephemeral);
}

#define NOISE_CLIENT                                                                                         \
    "01000001003100358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"                         \
    "8b18e980a5463f4f4ed6a227d01eebb1"
#define NOISE_SERVER_HELLO "010015017670726f78790061636263333238393065613800"
#define NOISE_SERVER_HANDSHAKE                                                                               \
    "0100310079a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a08d629a47626962aacde23c4ab9801" \
    "ba"
#define NOISE_HELLO_REQUEST                                                                                  \
    "010026afbce0bd26efd45fbcd0f774bd3be03fdd60cae02830958f87c9c55fac53bb9bb27dbb8d280e"
#define NOISE_LOGIN_REQUEST "010014853f7af0d2b2eda1e9fb71cc6d2e1181b00b2cb2"
#define NOISE_PING_REQUEST  "010014094e4cd31771e90471f01169213902a35919a9f5"
#define NOISE_HELLO_RESPONSE                                                                                 \
    "01002a8500851aea6779f5bc48317e06cf3bb8c39b8176caaacc338cd855b6dbf57b9913ebd979e151bcfd33b5"
#define NOISE_PING_RESPONSE    "010014d5d78e683c1fde067023736d9b5e49a88749b8ad"
#define NOISE_REJECT_MAC       "0100160148616e647368616b65204d4143206661696c757265"
#define NOISE_REJECT_INDICATOR "0100130142616420696e64696361746f722062797465"

static const char noise_requests[] = NOISE_CLIENT NOISE_HELLO_REQUEST NOISE_LOGIN_REQUEST NOISE_PING_REQUEST;
static const char noise_replies[] =
    NOISE_SERVER_HELLO NOISE_SERVER_HANDSHAKE NOISE_HELLO_RESPONSE NOISE_PING_RESPONSE;

SPLIT_TEST(test_noise_transcript)
{
    start_noise();
    peer_send(&peer, "010000");
    peer_expect(&peer, NOISE_SERVER_HELLO); /* before the client has shown a key */
    peer_send(&peer, &NOISE_CLIENT[6]);
    peer_expect(&peer, NOISE_SERVER_HANDSHAKE);
    peer_send(&peer, NOISE_HELLO_REQUEST NOISE_LOGIN_REQUEST NOISE_PING_REQUEST);
    peer_expect(&peer, NOISE_HELLO_RESPONSE NOISE_PING_RESPONSE);
    peer_leave(&peer);
    device_stop(&device);
}

/* The reference has no subscription; its fourth message to the device is sealed here. */
static void subscribe_encrypted(void)
{
    size_t size;
    const uint8_t *key = hex("810cde8f99b1a2a5a863e41b93fd1c11b29ab8fee3f3edcb662e163b245164ca", &size);
    uint8_t frame[3 + 6 + CIPHER_TAG_SIZE] = {1, 0, 6 + CIPHER_TAG_SIZE, 0, 66, 0, 2, 8, 1};
    aead_sodium.seal(key, 3, NULL, 0, frame + 3, 6);
    peer_send_bytes(&peer, frame, sizeof(frame));
}

SPLIT_TEST(test_noise_advertisement)
{
    static const uint8_t data[] = "\x02\x01\x06\x03\x03\x16\x18\x0a\x09"
                                  "TEST-0001";
    const struct batch_advert advert = {
        .address = UINT64_C(0xa4c138112233), .rssi = -67, .data = data, .size = sizeof(data) - 1};
    prepare_noise();
    device.profile.scanner_state = false; /* its message would come before */
    device_begin(&device);
    peer_open(&peer, &device);
    device.test.random_bytes = ephemeral;
    device.test.random_left = sizeof(ephemeral);
    peer_send(&peer, noise_requests);
    peer_expect(&peer, noise_replies);
    subscribe_encrypted();
    server_report(device.server, &advert, device.now_ns);
    device_pass(&device, NS_PER_S);
    peer_expect(&peer,
                "010035cd93492a77aaa0f3192c9738cd23c90815cf45238388e6f7c11f0eec5b1afb037e0012583660d62e2f"
                "5fd486489493243ced67e092");
    peer_leave(&peer);
    device_stop(&device);
}

static void expect_reject(const char *sent, const char *received, const char *why)
{
    peer_send(&peer, sent);
    peer_expect(&peer, received);
    assert_int_equal(peer.n_closed, 1);
    assert_null(peer.connection);
    assert_string_equal(peer.why, why);
    device_stop(&device);
}

static void test_reject_plaintext_client_of_encrypted_device(void **state)
{
    (void)state;
    start_noise();
    expect_reject(HELLO_REQUEST, NOISE_REJECT_INDICATOR, "Bad indicator byte");
}

SPLIT_TEST(test_reject_noise_client_of_plaintext_device)
{
    device_start(&device, "2026.8");
    peer_open(&peer, &device);
    expect_reject(NOISE_CLIENT, "0042616420696e64696361746f722062797465", "Bad indicator byte");
}

static void test_reject_wrong_key_behind_the_device_s_name(void **state)
{
    (void)state;
    start_noise();
    expect_reject("01000001003100358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
                  "2f6aa6eef63969d6b9b625128ee4568b",
                  NOISE_SERVER_HELLO NOISE_REJECT_MAC, "Handshake MAC failure");
}

SPLIT_TEST(test_client_hello_body_enters_the_prologue)
{
    start_noise();
    peer_send(&peer, "010002aabb"
                     "01003100358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
                     "fbfd02abe4df8e54de6bb224bea66f24");
    peer_take(&peer);
    assert_int_equal(peer.size, 24 + 52); /* hello and handshake, no refusal */
    peer_leave(&peer);
    device_stop(&device);
}

static void test_reject_handshake_frame_over_128_bytes(void **state)
{
    (void)state;
    start_noise();
    expect_reject("010081",
                  "0100190142616420"
                  "68616e647368616b65207061636b6574206c656e",
                  "Bad handshake packet len");
}

static void test_reject_empty_handshake(void **state)
{
    (void)state;
    start_noise();
    expect_reject("010000010000", NOISE_SERVER_HELLO "01001801456d7074792068616e647368616b65206d657373616765",
                  "Empty handshake message");
}

static void test_reject_bad_handshake_error_byte(void **state)
{
    (void)state;
    start_noise();
    expect_reject("01000001000101",
                  NOISE_SERVER_HELLO "010019014261642068616e647368616b65206572726f722062797465",
                  "Bad handshake error byte");
}

static void test_reject_handshake_of_other_size(void **state)
{
    (void)state;
    start_noise();
    expect_reject("0100000100030001ff", NOISE_SERVER_HELLO "0100100148616e647368616b65206572726f72",
                  "Handshake error");
}

SPLIT_TEST(test_reject_public_key_of_low_order)
{
    start_noise();
    device.test.random_left = 0;
    peer_send(&peer, "01000001003100"
                     "0000000000000000000000000000000000000000000000000000000000000000"
                     "00000000000000000000000000000000");
    peer_take(&peer);
    assert_int_equal(peer.n_closed, 1);
    device_stop(&device);
}

SPLIT_TEST(test_external_first_message_is_accepted_under_its_key_only)
{
    static const char first[] =
        "010000010031001ed7f7bb0b74085418258ed5928931bc36ade7cf06937fcff089044d4ab142643f1b2c"
        "9935bb77696f23d930836737a4";
    prepare_noise();
    assert_int_equal(handshake_psk_decode("QRTIErOb/fcE9Ukd/5qA3RGYMn0Y+p06U58SCtOXvPc=", psk), 0);
    device_begin(&device);
    peer_open(&peer, &device);
    peer_send(&peer, first);
    assert_int_equal(peer.n_closed, 0);
    peer_leave(&peer);
    server_free(device.server);

    psk[31] ^= 1;
    device_begin(&device);
    peer_open(&peer, &device);
    expect_reject(first, NOISE_SERVER_HELLO NOISE_REJECT_MAC, "Handshake MAC failure");
}

SPLIT_TEST(test_data_phase_refuses_without_a_word)
{
    static const char *const bad[] = {
        "010014853f7af0d2b2eda1e9fb71cc6d2e1181b00b2cb3", /* tag */
        "010002ffff",                                     /* shorter than a tag */
        "000007",                                         /* plaintext */
    };
    for (size_t i = 0; i < 3; i++) {
        start_noise();
        peer_send(&peer, NOISE_CLIENT NOISE_HELLO_REQUEST);
        peer_expect(&peer, NOISE_SERVER_HELLO NOISE_SERVER_HANDSHAKE NOISE_HELLO_RESPONSE);
        expect_reject(bad[i], "", i == 2 ? "Bad indicator byte" : "a message did not authenticate");
    }
}

/* With the null cipher the inside is legible: type 7, and a size that the message does not have. */
SPLIT_TEST(test_inner_size_is_strict)
{
    static const char handshake[] = "01000001003100"
                                    "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
                                    "00000000000000000000000000000000";
    static const struct {
        const char *frame;
        unsigned n_closed;
    } cases[] = {
        {"0100140007000000000000000000000000000000000000", 0},
        {"0100150007000000000000000000000000000000000000"
         "00",
         0}, /* less than is there: the rest is not looked at */
        {"0100140007000500000000000000000000000000000000", 1},
        {"0100130007000000000000000000000000000000000000", 1}, /* three bytes inside */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        prepare_noise();
        device.config.aead = &aead_null;
        device_begin(&device);
        peer_open(&peer, &device);
        peer_send(&peer, handshake);
        size_t size;
        const uint8_t *frame = hex(cases[i].frame, &size);
        peer_send_bytes(&peer, frame, 3 + (size_t)frame[2]);
        assert_int_equal(peer.n_closed, cases[i].n_closed);
        peer_leave(&peer);
        device_stop(&device);
    }
}

SPLIT_TEST(test_encrypted_device_says_that_it_supports_encryption)
{
    prepare_noise();
    device.config.aead = &aead_null;
    device_begin(&device);
    peer_open(&peer, &device);
    peer_send(&peer, "01000001003100"
                     "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
                     "00000000000000000000000000000000");
    peer_send(&peer, "01001600010002"
                     "1801"
                     "00000000000000000000000000000000");
    peer_take(&peer);
    peer.size = 0;
    peer_send(&peer, "0100140009000000000000000000000000000000000000");
    peer_take(&peer);
    assert_hex(peer.bytes + 3, 4 + 0x6e, "000a006e" DEVICE_INFO "980101");
    peer_leave(&peer);
    device_stop(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plaintext_conversation),
        cmocka_unit_test(test_old_hello_response_is_that_of_a_real_device),
        cmocka_unit_test(test_noise_transcript),
        cmocka_unit_test(test_noise_advertisement),
        cmocka_unit_test(test_reject_plaintext_client_of_encrypted_device),
        cmocka_unit_test(test_reject_noise_client_of_plaintext_device),
        cmocka_unit_test(test_reject_wrong_key_behind_the_device_s_name),
        cmocka_unit_test(test_client_hello_body_enters_the_prologue),
        cmocka_unit_test(test_reject_handshake_frame_over_128_bytes),
        cmocka_unit_test(test_reject_empty_handshake),
        cmocka_unit_test(test_reject_bad_handshake_error_byte),
        cmocka_unit_test(test_reject_handshake_of_other_size),
        cmocka_unit_test(test_reject_public_key_of_low_order),
        cmocka_unit_test(test_external_first_message_is_accepted_under_its_key_only),
        cmocka_unit_test(test_data_phase_refuses_without_a_word),
        cmocka_unit_test(test_inner_size_is_strict),
        cmocka_unit_test(test_encrypted_device_says_that_it_supports_encryption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
