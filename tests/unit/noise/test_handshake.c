/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "noise/handshake.h"
#include <bleproxy/error.h>
#include <string.h>

/* One handshake with fixed keys: PSK 00..1f, the client's ephemeral private key 20..3f, the device's 40..5f.
 */
static const char psk_hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char client_private[] = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
static const char device_private[] = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
static const char client_public[] = "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254";
static const char device_public[] = "79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a";
static const char first_hex[] = "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
                                "8b18e980a5463f4f4ed6a227d01eebb1";
static const char second_hex[] = "79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a"
                                 "08d629a47626962aacde23c4ab9801ba";

struct pair {
    struct test_env test;
    struct handshake client, device;
    uint8_t first[HANDSHAKE_MESSAGE_SIZE], second[HANDSHAKE_MESSAGE_SIZE];
};

static void next_random(struct pair *pair, const char *bytes)
{
    pair->test.random_bytes = hex(bytes, &pair->test.random_left);
}

static void pair_init(struct pair *pair, const struct aead *aead)
{
    test_env_init(&pair->test);
    handshake_init(&pair->client, aead, hex(psk_hex, NULL), NULL, 0);
    handshake_init(&pair->device, aead, hex(psk_hex, NULL), NULL, 0);
}

static void pair_exchange_first(struct pair *pair)
{
    next_random(pair, client_private);
    assert_int_equal(handshake_write_first(&pair->client, &pair->test.env, pair->first), 0);
    assert_int_equal(handshake_read_first(&pair->device, pair->first, sizeof(pair->first)), 0);
}

static void pair_write_second(struct pair *pair)
{
    next_random(pair, device_private);
    assert_int_equal(handshake_write_second(&pair->device, &pair->test.env, pair->second), 0);
}

static void pair_deinit(struct pair *pair)
{
    handshake_deinit(&pair->client);
    handshake_deinit(&pair->device);
    test_env_deinit(&pair->test);
}

static void test_transcript_start(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &aead_sodium);
    assert_int_equal(pair.client.state, HANDSHAKE_INITIAL);
    assert_hex(pair.client.chaining_key, 32,
               "f0b890826fb8e6584af6948d227169c381c9ed6a4c1c90df4b9ff454fa947f7b");
    assert_hex(pair.client.hash, 32, "e118ea76fecd615fda78e16054f431702b62650438dc7a42d2d4b7226a4c5506");
    pair_deinit(&pair);
}

static void assert_after_first(const struct handshake *handshake)
{
    assert_hex(handshake->chaining_key, 32,
               "4bbe7fe7eab33e763d98f1fe9317d8897a7a9a04a88c24044826dbc2c6dc328d");
    assert_hex(handshake->key, 32, "9dd2bab4f776313d2482a17e73fdb37c763a50befe22035eed9d712ba42064f7");
    assert_hex(handshake->hash, 32, "1e96400358bb7b726dde0508f9da0f5125f25c45aef1bfe58b4922f5b129ba81");
}

static void test_transcript_first_message(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &aead_sodium);
    pair_exchange_first(&pair);
    assert_hex(pair.first, sizeof(pair.first), first_hex);
    assert_int_equal(pair.client.state, HANDSHAKE_SENT);
    assert_int_equal(pair.device.state, HANDSHAKE_RECEIVED);
    assert_after_first(&pair.client);
    assert_after_first(&pair.device);
    assert_hex(pair.client.ephemeral_public, 32, client_public);
    assert_hex(pair.device.peer_public, 32, client_public);
    pair_deinit(&pair);
}

static void assert_after_second(const struct handshake *handshake)
{
    assert_int_equal(handshake->state, HANDSHAKE_DONE);
    assert_hex(handshake->chaining_key, 32,
               "6b8a5bc652b3f9778cf22aa99918204288e05858977cd52ca474b347ac1e27c1");
    assert_hex(handshake->key, 32, "fb638e73cc98b3390ce667b57f857412953104f938ffa43e949945f0dbcc6adc");
    assert_hex(handshake->hash, 32, "b1bfdfac0bc19212b0d33f07d59a377677ba89dc872aaed5901488c9961b67c3");
}

static void assert_session_keys(const struct handshake *handshake)
{
    struct cipher to_server, to_client;
    assert_int_equal(handshake_split(handshake, &to_server, &to_client), 0);
    assert_hex(to_server.key, 32, "810cde8f99b1a2a5a863e41b93fd1c11b29ab8fee3f3edcb662e163b245164ca");
    assert_hex(to_client.key, 32, "f8ca9cf382ec15ac3609fa976595baafec96af6729b05edab8e41839ed09f6cd");
    assert_int_equal(to_server.nonce, 0);
    assert_int_equal(to_client.nonce, 0);
    assert_ptr_equal(to_server.aead, handshake->aead);
    assert_ptr_equal(to_client.aead, handshake->aead);
    cipher_deinit(&to_server);
    cipher_deinit(&to_client);
}

static void test_transcript_second_message_and_session_keys(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &aead_sodium);
    pair_exchange_first(&pair);
    pair_write_second(&pair);
    assert_hex(pair.second, sizeof(pair.second), second_hex);
    assert_int_equal(handshake_read_second(&pair.client, pair.second, sizeof(pair.second)), 0);
    assert_after_second(&pair.client);
    assert_after_second(&pair.device);
    assert_hex(pair.device.ephemeral_public, 32, device_public);
    assert_hex(pair.client.peer_public, 32, device_public);
    assert_session_keys(&pair.client);
    assert_session_keys(&pair.device);
    pair_deinit(&pair);
}

static void assert_first_tag(const uint8_t *psk, const uint8_t *hello, size_t hello_size,
                             const char *expected)
{
    struct test_env test;
    struct handshake client, device;
    uint8_t first[HANDSHAKE_MESSAGE_SIZE];
    test_env_init(&test);
    test.random_bytes = hex(client_private, &test.random_left);
    handshake_init(&client, &aead_sodium, psk, hello, hello_size);
    handshake_init(&device, &aead_sodium, psk, hello, hello_size);
    assert_int_equal(handshake_write_first(&client, &test.env, first), 0);
    assert_hex(first, 32, client_public);
    assert_hex(first + 32, CIPHER_TAG_SIZE, expected);
    assert_int_equal(handshake_read_first(&device, first, sizeof(first)), 0);
    handshake_deinit(&client);
    handshake_deinit(&device);
    test_env_deinit(&test);
}

static void test_variant_with_a_zero_psk(void **state)
{
    (void)state;
    assert_first_tag((const uint8_t[HANDSHAKE_PSK_SIZE]){0}, NULL, 0, "2f6aa6eef63969d6b9b625128ee4568b");
}

static void test_variant_with_a_client_hello_body(void **state)
{
    (void)state;
    assert_first_tag(hex(psk_hex, NULL), (const uint8_t[]){0xaa, 0xbb}, 2,
                     "fbfd02abe4df8e54de6bb224bea66f24");
}

static const char foreign_psk[] = "QRTIErOb/fcE9Ukd/5qA3RGYMn0Y+p06U58SCtOXvPc=";
static const char foreign_first[] =
    "1ed7f7bb0b74085418258ed5928931bc36ade7cf06937fcff089044d4ab142643f1b2c9935bb77696f23d930836737a4";

static void test_a_responder_accepts_a_foreign_first_message(void **state)
{
    (void)state;
    struct handshake device;
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    assert_int_equal(handshake_psk_decode(foreign_psk, psk), 0);
    handshake_init(&device, &aead_sodium, psk, NULL, 0);
    assert_int_equal(handshake_read_first(&device, hex(foreign_first, NULL), HANDSHAKE_MESSAGE_SIZE), 0);
    assert_int_equal(device.state, HANDSHAKE_RECEIVED);
    handshake_deinit(&device);
}

static void test_a_responder_refuses_a_foreign_first_message_under_any_other_psk(void **state)
{
    (void)state;
    struct handshake device;
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    for (size_t bit = 0; bit < sizeof(psk) * 8; bit++) {
        assert_int_equal(handshake_psk_decode(foreign_psk, psk), 0);
        psk[bit / 8] ^= (uint8_t)(1u << bit % 8);
        handshake_init(&device, &aead_sodium, psk, NULL, 0);
        assert_int_equal(handshake_read_first(&device, hex(foreign_first, NULL), HANDSHAKE_MESSAGE_SIZE),
                         BLEPROXY_E_INVALID_KEY);
        handshake_deinit(&device);
    }
}

static void test_a_tampered_first_message_changes_nothing(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &aead_sodium);
    next_random(&pair, client_private);
    assert_int_equal(handshake_write_first(&pair.client, &pair.test.env, pair.first), 0);
    struct handshake before = pair.device;
    for (size_t bit = 0; bit < sizeof(pair.first) * 8; bit++) {
        pair.first[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(handshake_read_first(&pair.device, pair.first, sizeof(pair.first)),
                         BLEPROXY_E_INVALID_KEY);
        assert_memory_equal(&pair.device, &before, sizeof(before));
        pair.first[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(handshake_read_first(&pair.device, pair.first, sizeof(pair.first)), 0);
    pair_deinit(&pair);
}

static void test_a_tampered_second_message_changes_nothing(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &aead_sodium);
    pair_exchange_first(&pair);
    pair_write_second(&pair);
    struct handshake before = pair.client;
    for (size_t bit = 0; bit < sizeof(pair.second) * 8; bit++) {
        pair.second[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(handshake_read_second(&pair.client, pair.second, sizeof(pair.second)),
                         BLEPROXY_E_INVALID_KEY);
        assert_memory_equal(&pair.client, &before, sizeof(before));
        pair.second[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(handshake_read_second(&pair.client, pair.second, sizeof(pair.second)), 0);
    pair_deinit(&pair);
}

static void test_case_16_a_second_message_of_ones_is_an_invalid_key(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &aead_sodium);
    pair_exchange_first(&pair);
    memset(pair.second, 0xff, sizeof(pair.second));
    assert_int_equal(handshake_read_second(&pair.client, pair.second, sizeof(pair.second)),
                     BLEPROXY_E_INVALID_KEY);
    pair_deinit(&pair);
}

static void test_case_16_messages_of_another_size_are_refused(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t message[HANDSHAKE_MESSAGE_SIZE + 2] = {1, 2};
    pair_init(&pair, &aead_sodium);
    for (size_t size = 0; size < sizeof(message); size++)
        if (size != HANDSHAKE_MESSAGE_SIZE)
            assert_int_equal(handshake_read_first(&pair.device, message, size), BLEPROXY_E_HANDSHAKE);
    assert_int_equal(pair.device.state, HANDSHAKE_INITIAL);
    pair_exchange_first(&pair);
    for (size_t size = 0; size < sizeof(message); size++)
        if (size != HANDSHAKE_MESSAGE_SIZE)
            assert_int_equal(handshake_read_second(&pair.client, message, size), BLEPROXY_E_HANDSHAKE);
    assert_int_equal(pair.client.state, HANDSHAKE_SENT);
    pair_deinit(&pair);
}

/* Points whose product with any private key is zero: orders 1, 2, 4 and 8, and values not reduced modulo p.
 */
static const char *const low_order_keys[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void test_a_public_key_of_low_order_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(low_order_keys) / sizeof(low_order_keys[0]); i++) {
        /* The null cipher stands for a peer that knows the PSK and makes a valid tag. */
        struct pair pair;
        uint8_t message[HANDSHAKE_MESSAGE_SIZE] = {0}, answer[HANDSHAKE_MESSAGE_SIZE] = {0};
        memcpy(message, hex(low_order_keys[i], NULL), 32);
        pair_init(&pair, &aead_null);
        assert_int_equal(handshake_read_first(&pair.device, message, sizeof(message)), 0);
        struct handshake before = pair.device;
        assert_int_equal(handshake_write_second(&pair.device, &pair.test.env, answer), BLEPROXY_E_HANDSHAKE);
        assert_memory_equal(&pair.device, &before, sizeof(before));
        assert_memory_equal(answer, (uint8_t[HANDSHAKE_MESSAGE_SIZE]){0}, sizeof(answer));

        assert_int_equal(handshake_write_first(&pair.client, &pair.test.env, pair.first), 0);
        before = pair.client;
        assert_int_equal(handshake_read_second(&pair.client, message, sizeof(message)), BLEPROXY_E_HANDSHAKE);
        assert_memory_equal(&pair.client, &before, sizeof(before));
        pair_deinit(&pair);
    }
}

static void assert_steps_refused(struct handshake *handshake, const struct env *env, bool write_first,
                                 bool read_first, bool write_second, bool read_second)
{
    struct handshake before = *handshake;
    uint8_t message[HANDSHAKE_MESSAGE_SIZE] = {0};
    struct cipher a, b;
    if (write_first)
        assert_int_equal(handshake_write_first(handshake, env, message), BLEPROXY_E_STATE);
    if (read_first)
        assert_int_equal(handshake_read_first(handshake, message, sizeof(message)), BLEPROXY_E_STATE);
    if (write_second)
        assert_int_equal(handshake_write_second(handshake, env, message), BLEPROXY_E_STATE);
    if (read_second)
        assert_int_equal(handshake_read_second(handshake, message, sizeof(message)), BLEPROXY_E_STATE);
    if (handshake->state != HANDSHAKE_DONE)
        assert_int_equal(handshake_split(handshake, &a, &b), BLEPROXY_E_STATE);
    assert_memory_equal(handshake, &before, sizeof(before));
}

static void test_steps_out_of_turn_are_refused(void **state)
{
    (void)state;
    struct pair pair;
    const struct env *env = &pair.test.env;
    pair_init(&pair, &aead_sodium);
    assert_steps_refused(&pair.client, env, false, false, true, true);
    pair_exchange_first(&pair);
    assert_steps_refused(&pair.client, env, true, true, true, false);
    assert_steps_refused(&pair.device, env, true, true, false, true);
    pair_write_second(&pair);
    assert_int_equal(handshake_read_second(&pair.client, pair.second, sizeof(pair.second)), 0);
    assert_steps_refused(&pair.client, env, true, true, true, true);
    assert_steps_refused(&pair.device, env, true, true, true, true);
    pair_deinit(&pair);
    assert_steps_refused(&pair.client, env, true, true, true, true);
}

static void test_deinit_wipes_everything(void **state)
{
    (void)state;
    static const struct handshake wiped;
    struct pair pair;
    pair_init(&pair, &aead_sodium);
    pair_exchange_first(&pair);
    pair_write_second(&pair);
    pair_deinit(&pair);
    assert_memory_equal(&pair.client, &wiped, sizeof(wiped));
    assert_memory_equal(&pair.device, &wiped, sizeof(wiped));
    pair_deinit(&pair);
}

static void test_a_psk_decodes(void **state)
{
    (void)state;
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    assert_int_equal(handshake_psk_decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", psk), 0);
    assert_hex(psk, sizeof(psk), psk_hex);
    assert_int_equal(handshake_psk_decode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopo=", psk), 0);
    assert_hex(psk, sizeof(psk), "00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29a");
    assert_int_equal(handshake_psk_decode("qrstuvwxyz0123456789+/qrstuvwxyz0123456789w=", psk), 0);
    assert_hex(psk, sizeof(psk), "aabb2dbafc31cb3d35db7e39ebbf3dfbfaabb2dbafc31cb3d35db7e39ebbf3dc");
}

static void test_the_surplus_bits_of_a_psk_are_ignored(void **state)
{
    (void)state;
    static const char *const same[] = {
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh/=",
    };
    for (size_t i = 0; i < 4; i++) {
        uint8_t psk[HANDSHAKE_PSK_SIZE];
        assert_int_equal(handshake_psk_decode(same[i], psk), 0);
        assert_hex(psk, sizeof(psk), psk_hex);
    }
}

static void test_case_20_a_malformed_psk_is_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",
        "=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",      /* no padding */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8==",    /* too much */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh==",     /* 31 bytes */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",     /* 33 bytes */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISI=", /* 35 bytes */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0O xAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh =",
        "AAECAwQFBgcICQoLDA0O=xAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-=", /* the alphabet of URLs */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh_=",
        "\303\244ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    };
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        uint8_t psk[HANDSHAKE_PSK_SIZE];
        memset(psk, 0xee, sizeof(psk));
        assert_int_equal(handshake_psk_decode(malformed[i], psk), BLEPROXY_E_INVALID_KEY);
        assert_memory_equal(psk, (uint8_t[HANDSHAKE_PSK_SIZE]){0}, sizeof(psk));
    }
}

static void test_only_the_digits_of_base64_are_digits(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int c = 1; c < 256; c++) {
        char base64[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        uint8_t psk[HANDSHAKE_PSK_SIZE];
        const char *digit = strchr(digits, c);
        base64[0] = (char)c;
        assert_int_equal(handshake_psk_decode(base64, psk), digit ? 0 : BLEPROXY_E_INVALID_KEY);
        if (digit)
            assert_int_equal(psk[0] >> 2, digit - digits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transcript_start),
        cmocka_unit_test(test_transcript_first_message),
        cmocka_unit_test(test_transcript_second_message_and_session_keys),
        cmocka_unit_test(test_variant_with_a_zero_psk),
        cmocka_unit_test(test_variant_with_a_client_hello_body),
        cmocka_unit_test(test_a_responder_accepts_a_foreign_first_message),
        cmocka_unit_test(test_a_responder_refuses_a_foreign_first_message_under_any_other_psk),
        cmocka_unit_test(test_a_tampered_first_message_changes_nothing),
        cmocka_unit_test(test_a_tampered_second_message_changes_nothing),
        cmocka_unit_test(test_case_16_a_second_message_of_ones_is_an_invalid_key),
        cmocka_unit_test(test_case_16_messages_of_another_size_are_refused),
        cmocka_unit_test(test_a_public_key_of_low_order_is_refused),
        cmocka_unit_test(test_steps_out_of_turn_are_refused),
        cmocka_unit_test(test_deinit_wipes_everything),
        cmocka_unit_test(test_a_psk_decodes),
        cmocka_unit_test(test_the_surplus_bits_of_a_psk_are_ignored),
        cmocka_unit_test(test_case_20_a_malformed_psk_is_refused),
        cmocka_unit_test(test_only_the_digits_of_base64_are_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
