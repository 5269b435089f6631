/* SPDX-License-Identifier: MIT */
#include "client.h"
#include "session/session_internal.h"

#define MAC_FAILURE "0100160148616e647368616b65204d4143206661696c757265"

/* Frames 1-7 prove the reader (test_frame.c); here they prove what a session makes of its outcomes. */

SPLIT_TEST(test_case_03_payload_over_65535_bytes_ends_the_session)
{
    client_start(c);
    client_feed(c, "008080045d");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "kitchen sent a frame that breaks the protocol");
}

static void test_case_03_payload_of_65535_bytes_is_taken(void **state)
{
    static uint8_t frame[5 + 65535] = {0, 0xff, 0xff, 0x03, 100};
    (void)state;
    for (long split = SPLIT_BYTES; split < 40; split++) {
        struct client c;
        client_init(&c);
        c.split = split;
        client_connect(&c, HELLO_15);
        client_feed_bytes(&c, frame, sizeof(frame));
        client_feed(&c, "000007");
        client_expect(&c, "000008");
        client_deinit(&c);
    }
}

SPLIT_TEST(test_case_04_overlong_varint_ends_the_session)
{
    static const char *const streams[] = {"808080808080", "00808080808080", "0000808080808080",
                                          "00ffffffff0f"};
    for (size_t i = 0; i < 4; i++) {
        struct client one;
        client_init(&one);
        one.split = c->split;
        client_start(&one);
        client_feed(&one, streams[i]);
        client_expect_end(&one, BLEPROXY_E_PROTOCOL, "kitchen ");
        c->fed = one.fed > c->fed ? one.fed : c->fed;
        client_deinit(&one);
    }
}

SPLIT_TEST(test_case_05_incomplete_varint_waits_for_more)
{
    client_start(c);
    client_feed(c, "808080");
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_case_08_bad_preamble_is_a_protocol_error)
{
    client_start(c);
    client_feed(c, "090000");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "kitchen does not speak the ESPHome API");
}

SPLIT_TEST(test_case_08_noise_bytes_on_plaintext_require_encryption_and_survive_later_errors)
{
    client_start(c);
    client_feed(c, "010000");
    client_expect_end(c, BLEPROXY_E_REQUIRES_ENCRYPTION, "kitchen requires encryption: give its noise_psk");
    client_feed(c, "090000");
    session_fail(c->session, BLEPROXY_E_IO, "reset", c->now_ns);
    client_expect_end(c, BLEPROXY_E_REQUIRES_ENCRYPTION, "requires encryption");
    assert_int_equal(session_send(c->session, MESSAGE_PING_REQUEST, NULL, c->now_ns),
                     BLEPROXY_E_REQUIRES_ENCRYPTION);
}

SPLIT_TEST(test_an_encrypted_proxy_tells_a_plaintext_client_bad_indicator_byte)
{
    client_start(c);
    client_feed(c, "0100130142616420696e64696361746f722062797465");
    client_expect_end(c, BLEPROXY_E_REQUIRES_ENCRYPTION, "requires encryption");
}

SPLIT_TEST(test_case_09_plaintext_bytes_on_noise_tell_that_it_does_not_encrypt)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "000000");
    client_expect_end(c, BLEPROXY_E_ENCRYPTION_PLAINTEXT, "kitchen does not encrypt");
}

SPLIT_TEST(test_case_09_bad_indicator_notice_tells_that_it_does_not_encrypt)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "0042616420696e64696361746f722062797465");
    client_expect_end(c, BLEPROXY_E_ENCRYPTION_PLAINTEXT, "does not encrypt");
}

SPLIT_TEST(test_case_09_bad_marker_on_noise_is_a_protocol_error)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "020000");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "does not speak");
}

static void test_case_10_reset_before_the_noise_hello(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_encrypt(&c);
    client_start(&c);
    session_fail(c.session, BLEPROXY_E_IO, "Connection reset by peer", c.now_ns);
    client_expect_end(&c, BLEPROXY_E_ENCRYPTION_HELLO, "Connection reset by peer");
    client_deinit(&c);
}

static void test_eof_before_the_noise_hello_is_closed(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_encrypt(&c);
    client_start(&c);
    session_fail(c.session, BLEPROXY_E_CLOSED, NULL, c.now_ns);
    client_expect_end(&c, BLEPROXY_E_CLOSED, "closed the connection before it was ready");
    client_deinit(&c);
}

SPLIT_TEST(test_case_10_reset_in_the_middle_of_the_noise_hello)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "0100150176");
    session_fail(c->session, BLEPROXY_E_IO, "Connection reset by peer", c->now_ns);
    client_expect_end(c, BLEPROXY_E_ENCRYPTION_HELLO, "broke off before encryption began");
}

SPLIT_TEST(test_reset_after_the_noise_hello_is_a_loss)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO);
    session_fail(c->session, BLEPROXY_E_IO, "Connection reset by peer", c->now_ns);
    client_expect_end(c, BLEPROXY_E_CLOSED, "was lost (Connection reset by peer)");
}

SPLIT_TEST(test_case_11_empty_noise_hello)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "010000");
    client_expect_end(c, BLEPROXY_E_HANDSHAKE, "empty encryption hello");
}

SPLIT_TEST(test_case_11_noise_hello_of_another_protocol)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "0100020200");
    client_expect_end(c, BLEPROXY_E_HANDSHAKE, "encryption protocol");
}

SPLIT_TEST(test_case_12_other_name_in_the_noise_hello)
{
    client_encrypt(c);
    c->config.expected_name = "wrongname";
    client_start(c);
    client_feed(c, "01000d01736572766963657465737400");
    client_expect_end(c, BLEPROXY_E_BAD_NAME, "calls itself 'servicetest', not 'wrongname'");
    assert_string_equal(c->end.received_name, "servicetest");
}

SPLIT_TEST(test_case_13_other_mac_in_the_noise_hello)
{
    client_encrypt(c);
    c->config.expected_mac = "aabbccddeeff";
    client_start(c);
    client_feed(c, "01001f01706f6f6c686f757365383170726f78790032343463616230363439396300");
    client_expect_end(c, BLEPROXY_E_BAD_MAC_ADDRESS, "'244cab06499c', not 'aabbccddeeff'");
    assert_string_equal(c->end.received_name, "poolhouse81proxy");
    assert_string_equal(c->end.received_mac, "244cab06499c");
}

SPLIT_TEST(test_expected_name_and_mac_that_match_go_on)
{
    client_encrypt(c);
    c->config.expected_name = "vproxy";
    c->config.expected_mac = "acbc32890ea8";
    client_start(c);
    client_drain(c);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE NOISE_HELLO_RESPONSE);
    assert_true(session_is_ready(c->session));
}

SPLIT_TEST(test_a_noise_hello_without_name_or_mac_skips_their_checks)
{
    client_encrypt(c);
    c->config.expected_name = "kitchen";
    c->config.expected_mac = "aabbccddeeff";
    client_start(c);
    client_drain(c);
    client_feed(c, "01000101" NOISE_HANDSHAKE);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    assert_false(session_is_ready(c->session));
}

SPLIT_TEST(test_case_14_refused_key_carries_name_and_mac)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO MAC_FAILURE);
    client_expect_end(
        c, BLEPROXY_E_INVALID_KEY,
        "kitchen refused the key: its own is another one, see `key` under `api: encryption:` in its ESPHome "
        "configuration; the proxy calls itself 'vproxy' (MAC acbc32890ea8)");
    assert_string_equal(c->end.received_name, "vproxy");
    assert_string_equal(c->end.received_mac, "acbc32890ea8");
}

SPLIT_TEST(test_case_14_refused_key_without_name)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "01000101" MAC_FAILURE);
    client_expect_end(c, BLEPROXY_E_INVALID_KEY, "kitchen refused the key");
    assert_string_equal(c->end.received_name, "");
}

SPLIT_TEST(test_case_14_refused_key_with_the_name_of_firmware_that_tells_no_mac)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, "010008017670726f787900" MAC_FAILURE);
    client_expect_end(c, BLEPROXY_E_INVALID_KEY, "the proxy calls itself 'vproxy'");
    assert_string_equal(c->end.received_name, "vproxy");
    assert_string_equal(c->end.received_mac, "");
    assert_null(strstr(c->end.text, "MAC"));
}

SPLIT_TEST(test_case_15_other_rejection_is_a_handshake_error_with_its_text)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO "01000f01666f7263656420746f206661696c");
    client_expect_end(c, BLEPROXY_E_HANDSHAKE, "'forced to fail'");
}

SPLIT_TEST(test_case_15_padded_mac_failure_is_only_a_handshake_error)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO "0100170148616e647368616b65204d4143206661696c7572650d");
    client_expect_end(c, BLEPROXY_E_HANDSHAKE, "'Handshake MAC failure'");
}

SPLIT_TEST(test_case_15_long_rejection_is_cut_to_64_characters)
{
    uint8_t frame[4 + 200] = {1, 0, 201, 1};
    memset(frame + 4, 'r', 200);
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO);
    client_feed_bytes(c, frame, sizeof(frame));
    client_expect_end(c, BLEPROXY_E_HANDSHAKE, "'");
    assert_int_equal(strspn(strchr(c->end.text, '\'') + 1, "r"), 64);
}

SPLIT_TEST(test_case_16_empty_handshake_frame)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO "010000");
    client_expect_end(c, BLEPROXY_E_HANDSHAKE, "empty encryption handshake");
}

SPLIT_TEST(test_case_16_handshake_that_does_not_authenticate)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO
                "01003100ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                "ffffffffffffffffffffff");
    client_expect_end(c, BLEPROXY_E_INVALID_KEY, "does not have this key: its own is another one");
}

SPLIT_TEST(test_case_16_short_handshake)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO "010003000102");
    client_expect_end(c, BLEPROXY_E_HANDSHAKE, "malformed");
}

static void test_case_17_long_name_is_cut_to_32_characters(void **state)
{
    struct client c;
    uint8_t frame[3 + 1 + 4096 + 1] = {1, 0x10, 0x02, 1};
    (void)state;
    memset(frame + 4, 'n', 4096);
    for (int split = SPLIT_BYTES; split < 5; split++) {
        client_init(&c);
        client_encrypt(&c);
        c.split = split;
        c.config.expected_name = "kitchen";
        client_start(&c);
        client_feed_bytes(&c, frame, sizeof(frame));
        client_expect_end(&c, BLEPROXY_E_BAD_NAME, "'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn'");
        assert_int_equal(strlen(c.end.received_name), 32);
        client_deinit(&c);
    }
}

SPLIT_TEST(test_case_17_long_mac_is_cut_to_16_characters)
{
    uint8_t frame[3 + 1 + 2 + 100 + 1] = {1, 0, 104, 1, 'n', 0};
    memset(frame + 6, 'm', 100);
    client_encrypt(c);
    c->config.expected_mac = "aabbccddeeff";
    client_start(c);
    client_feed_bytes(c, frame, sizeof(frame));
    client_expect_end(c, BLEPROXY_E_BAD_MAC_ADDRESS, "'mmmmmmmmmmmmmmmm'");
    assert_int_equal(strlen(c->end.received_mac), 16);
}

SPLIT_TEST(test_case_17_control_characters_of_a_name_are_left_out)
{
    client_encrypt(c);
    c->config.expected_name = "kitchen";
    client_start(c);
    client_feed(c, "01000b01611b5b33316d620d0a00");
    client_expect_end(c, BLEPROXY_E_BAD_NAME, "'a[31mb'");
    assert_null(strchr(c->end.text, 0x1b));
}

SPLIT_TEST(test_case_17_name_with_newline_is_another_name)
{
    client_encrypt(c);
    c->config.expected_name = "name";
    client_start(c);
    client_feed(c, "010007016e616d650a00");
    client_expect_end(c, BLEPROXY_E_BAD_NAME, "calls itself 'name', not 'name'");
}

/* The proxy's messages 1 to 3 of the transcript: PingResponse, a raw advertisement, type 146. */
#define TRANSCRIPT_1_TO_3                                                                                    \
    "010014d5d78e683c1fde067023736d9b5e49a88749b8ad"                                                         \
    "010035cd93492a77aaa0f3192c9738cd23c90815cf45238388e6f7c11f0eec5b1afb037e0012583660d62e2f5fd4864894932"  \
    "43ced67e092"                                                                                            \
    "01001cef80df52cfc460c68a834516e550cb9d74f6913f5964e70ed3867133"

SPLIT_TEST(test_case_18_short_inner_message_after_the_whole_transcript)
{
    client_encrypt(c);
    client_start(c);
    client_expect(c, NOISE_CLIENT_HELLO);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE);
    client_expect(c, "010026afbce0bd26efd45fbcd0f774bd3be03fdd60cae02830958f87c9c55fac53bb9bb27dbb8d280e"
                     "010014853f7af0d2b2eda1e9fb71cc6d2e1181b00b2cb2");
    client_feed(c, NOISE_HELLO_RESPONSE);
    PingRequest ping = PING_REQUEST__INIT;
    assert_int_equal(session_send(c->session, MESSAGE_PING_REQUEST, &ping.base, c->now_ns), 0);
    client_expect(c, "010014094e4cd31771e90471f01169213902a35919a9f5");
    client_feed(c, TRANSCRIPT_1_TO_3);
    assert_int_equal(c->events[EVENT_ADVERT], 1);
    assert_int_equal(c->advert.address, 0xA4C138112233);
    client_feed(c, "01001377e39ed271af95e6bd60f31607c08c0e329986");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "too short");
}

SPLIT_TEST(test_case_18_shortened_ciphertext)
{
    client_connect_noise(c);
    client_feed(c, "010013d5d78e683c1fde067023736d9b5e49a88749b8");
    client_expect_end(c, BLEPROXY_E_ENCRYPTION, "does not authenticate");
}

SPLIT_TEST(test_case_18_garbage)
{
    client_connect_noise(c);
    client_feed(c, "0100020102");
    client_expect_end(c, BLEPROXY_E_ENCRYPTION, "does not authenticate");
}

SPLIT_TEST(test_case_19_inner_length_is_ignored)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE "010014850a8509fad1d8c4ea0e0df075cebef3d1e1d3f5");
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

/* A raw advertisement whose sender declares nothing, less, and more than is there. */
SPLIT_TEST(test_case_19_real_size_is_used_whatever_the_inner_length_says)
{
    static const uint8_t declared[] = {0, 5, 255};
    client_connect_noise(c);
    for (size_t i = 0; i < sizeof(declared); i++) {
        uint8_t frame[3 + 4 + 33 + CIPHER_TAG_SIZE] = {1, 0, sizeof(frame) - 3, 0, 93, 0, declared[i]};
        memcpy(frame + 7, hex("0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031", NULL),
               33);
        assert_int_equal(cipher_seal(&c->sealing, NULL, 0, frame + 3, 4 + 33), 0);
        client_feed_bytes(c, frame, sizeof(frame));
    }
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    assert_int_equal(c->events[EVENT_ADVERT], 3);
    assert_hex(c->advert.data, c->advert.size, "020106030316180a09544553542d30303031");
}

SPLIT_TEST(test_case_21_sealed_messages_after_the_end_are_ignored)
{
    client_connect_noise(c);
    session_disconnect(c->session, true, c->now_ns);
    client_drain(c);
    client_feed_sealed(c, MESSAGE_PING_REQUEST, "");
    client_feed(c, "0100020102");
    client_expect(c, "");
    client_expect_end(c, 0, "was disconnected");
}

SPLIT_TEST(test_case_21_bytes_after_the_end_are_ignored)
{
    client_connect(c, HELLO_15);
    session_disconnect(c->session, true, c->now_ns);
    client_feed(c, RAW_ADVERT "090909");
    client_expect_end(c, 0, "disconnected");
    assert_int_equal(c->events[EVENT_ADVERT], 0);
}

SPLIT_TEST(test_case_23_other_name_in_the_encrypted_hello)
{
    client_encrypt(c);
    c->config.expected_name = "kitchen";
    client_start(c);
    client_feed(c, "01000101" NOISE_HANDSHAKE NOISE_HELLO_RESPONSE);
    client_expect_end(c, BLEPROXY_E_BAD_NAME, "calls itself 'vproxy', not 'kitchen'");
}

/* What a device that rejects at once says reads as a hello without a name. */
SPLIT_TEST(test_rejection_in_place_of_the_noise_hello)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, MAC_FAILURE);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    session_fail(c->session, BLEPROXY_E_CLOSED, NULL, c->now_ns);
    client_expect_end(c, BLEPROXY_E_CLOSED, "closed the connection before it was ready");
}

SPLIT_TEST(test_key_of_the_handshake_is_wiped_when_it_is_done)
{
    static const struct handshake wiped;
    client_connect_noise(c);
    assert_memory_equal(&c->session->framing.handshake, &wiped, sizeof(wiped));
}

SPLIT_TEST(test_case_35_sending_before_the_handshake_is_done)
{
    PingRequest ping = PING_REQUEST__INIT;
    client_encrypt(c);
    client_start(c);
    client_drain(c);
    assert_int_equal(session_send(c->session, MESSAGE_PING_REQUEST, &ping.base, c->now_ns),
                     BLEPROXY_E_NOT_CONNECTED);
    client_feed(c, NOISE_HELLO);
    assert_int_equal(session_send(c->session, MESSAGE_PING_REQUEST, &ping.base, c->now_ns),
                     BLEPROXY_E_NOT_CONNECTED);
    client_expect(c, "");
    client_feed(c, NOISE_HANDSHAKE);
    client_drain(c);
    assert_int_equal(session_send(c->session, MESSAGE_PING_REQUEST, &ping.base, c->now_ns),
                     BLEPROXY_E_NOT_CONNECTED);
    client_expect(c, "");
}

SPLIT_TEST(test_plaintext_and_noise_hello_vectors)
{
    client_start(c);
    client_expect(c, "0012010a0c6573702d632d636c69656e741001180f000003");
    assert_false(session_is_encrypted(c->session));
    client_feed(c, HELLO_15 RAW_ADVERTS);
    assert_int_equal(c->events[EVENT_ADVERT], 2);
    assert_int_equal(c->advert.address, 0x7B1122334455);
}

static void test_first_noise_write_is_55_bytes(void **state)
{
    struct client c;
    struct iovec vec;
    (void)state;
    client_init(&c);
    client_encrypt(&c);
    client_start(&c);
    assert_true(session_is_encrypted(c.session));
    assert_int_equal(session_pending(c.session, &vec), 55);
    client_expect(&c, NOISE_CLIENT_HELLO);
    assert_int_equal(session_pending(c.session, &vec), 0);
    client_deinit(&c);
}

SPLIT_TEST(test_no_secret_in_texts_and_logs)
{
    static const char key[] = "key-of-thirty-two-bytes-in-text!";
    client_encrypt(c);
    c->config.psk = (const uint8_t *)key;
    c->config.password = "hunter2";
    client_start(c);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE);
    client_expect_end(c, BLEPROXY_E_INVALID_KEY, "does not have this key");
    assert_null(strstr(c->end.text, "key-of"));
    assert_false(test_env_logged(&c->test, "key-of"));
    assert_false(test_env_logged(&c->test, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_03_payload_over_65535_bytes_ends_the_session),
        cmocka_unit_test(test_case_03_payload_of_65535_bytes_is_taken),
        cmocka_unit_test(test_case_04_overlong_varint_ends_the_session),
        cmocka_unit_test(test_case_05_incomplete_varint_waits_for_more),
        cmocka_unit_test(test_case_08_bad_preamble_is_a_protocol_error),
        cmocka_unit_test(test_case_08_noise_bytes_on_plaintext_require_encryption_and_survive_later_errors),
        cmocka_unit_test(test_an_encrypted_proxy_tells_a_plaintext_client_bad_indicator_byte),
        cmocka_unit_test(test_case_09_plaintext_bytes_on_noise_tell_that_it_does_not_encrypt),
        cmocka_unit_test(test_case_09_bad_indicator_notice_tells_that_it_does_not_encrypt),
        cmocka_unit_test(test_case_09_bad_marker_on_noise_is_a_protocol_error),
        cmocka_unit_test(test_case_10_reset_before_the_noise_hello),
        cmocka_unit_test(test_eof_before_the_noise_hello_is_closed),
        cmocka_unit_test(test_case_10_reset_in_the_middle_of_the_noise_hello),
        cmocka_unit_test(test_reset_after_the_noise_hello_is_a_loss),
        cmocka_unit_test(test_case_11_empty_noise_hello),
        cmocka_unit_test(test_case_11_noise_hello_of_another_protocol),
        cmocka_unit_test(test_case_12_other_name_in_the_noise_hello),
        cmocka_unit_test(test_case_13_other_mac_in_the_noise_hello),
        cmocka_unit_test(test_expected_name_and_mac_that_match_go_on),
        cmocka_unit_test(test_a_noise_hello_without_name_or_mac_skips_their_checks),
        cmocka_unit_test(test_case_14_refused_key_carries_name_and_mac),
        cmocka_unit_test(test_case_14_refused_key_without_name),
        cmocka_unit_test(test_case_14_refused_key_with_the_name_of_firmware_that_tells_no_mac),
        cmocka_unit_test(test_case_15_other_rejection_is_a_handshake_error_with_its_text),
        cmocka_unit_test(test_case_15_padded_mac_failure_is_only_a_handshake_error),
        cmocka_unit_test(test_case_15_long_rejection_is_cut_to_64_characters),
        cmocka_unit_test(test_case_16_empty_handshake_frame),
        cmocka_unit_test(test_case_16_handshake_that_does_not_authenticate),
        cmocka_unit_test(test_case_16_short_handshake),
        cmocka_unit_test(test_case_17_long_name_is_cut_to_32_characters),
        cmocka_unit_test(test_case_17_long_mac_is_cut_to_16_characters),
        cmocka_unit_test(test_case_17_control_characters_of_a_name_are_left_out),
        cmocka_unit_test(test_case_17_name_with_newline_is_another_name),
        cmocka_unit_test(test_case_18_short_inner_message_after_the_whole_transcript),
        cmocka_unit_test(test_case_18_shortened_ciphertext),
        cmocka_unit_test(test_case_18_garbage),
        cmocka_unit_test(test_case_19_inner_length_is_ignored),
        cmocka_unit_test(test_case_19_real_size_is_used_whatever_the_inner_length_says),
        cmocka_unit_test(test_case_21_sealed_messages_after_the_end_are_ignored),
        cmocka_unit_test(test_case_21_bytes_after_the_end_are_ignored),
        cmocka_unit_test(test_case_23_other_name_in_the_encrypted_hello),
        cmocka_unit_test(test_rejection_in_place_of_the_noise_hello),
        cmocka_unit_test(test_key_of_the_handshake_is_wiped_when_it_is_done),
        cmocka_unit_test(test_case_35_sending_before_the_handshake_is_done),
        cmocka_unit_test(test_plaintext_and_noise_hello_vectors),
        cmocka_unit_test(test_first_noise_write_is_55_bytes),
        cmocka_unit_test(test_no_secret_in_texts_and_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
