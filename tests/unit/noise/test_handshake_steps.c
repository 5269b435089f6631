/* SPDX-License-Identifier: MIT */
#include "support.h"

/* The steps between the messages are nobody's business but its own. */
#include "noise/handshake.c"

/* The handshake with fixed keys of test_handshake.c, value by value: PSK 00..1f, the client's ephemeral
 * private key 20..3f, the device's 40..5f. */
static const char psk_hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char client_private[] = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
static const char device_private[] = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";

static void assert_keys(const struct handshake *handshake, const char *chaining_key, const char *hash,
                        const char *key)
{
    assert_hex(handshake->chaining_key, HASH_SIZE, chaining_key);
    assert_hex(handshake->hash, HASH_SIZE, hash);
    assert_hex(handshake->key, HASH_SIZE, key);
}

static void test_protocol_name_is_hashed(void **state)
{
    uint8_t hash[HASH_SIZE];
    (void)state;
    crypto_hash_sha256(hash, (const uint8_t *)protocol_name, sizeof(protocol_name) - 1);
    assert_int_equal(sizeof(protocol_name) - 1, 36);
    assert_hex(hash, sizeof(hash), "f0b890826fb8e6584af6948d227169c381c9ed6a4c1c90df4b9ff454fa947f7b");
}

static void test_psk_gives_three_keys(void **state)
{
    uint8_t keys[3][HASH_SIZE];
    struct handshake handshake;
    (void)state;
    handshake_init(&handshake, &aead_sodium, hex(psk_hex, NULL), NULL, 0);
    kdf(handshake.chaining_key, handshake.psk, HANDSHAKE_PSK_SIZE, (uint8_t *[]){keys[0], keys[1], keys[2]},
        3);
    assert_hex(keys[0], HASH_SIZE, "9b4711ec9740e2ed66c6b7dd318498a099fb3af117ed91c3afe7be34409d7e10");
    assert_hex(keys[1], HASH_SIZE, "e75afe211d69e5c3cb5374305e4180dc4509be44a2caac47ecb203abc5d077ac");
    assert_hex(keys[2], HASH_SIZE, "a70be24398b39bb16173ac9e9915f5e476934de93c561f8706ecfb65d1d70192");
    handshake_deinit(&handshake);
}

/* psk, e, {}, e, ee, {} on either side, of which one sends the public keys that the other receives. */
static void take_steps(struct handshake *client, struct handshake *device, struct test_env *test)
{
    uint8_t tag[CIPHER_TAG_SIZE];
    struct handshake *both[] = {client, device};
    for (int i = 0; i < 2; i++) {
        handshake_init(both[i], &aead_sodium, hex(psk_hex, NULL), NULL, 0);
        mix_key_and_hash(both[i], both[i]->psk);
        assert_keys(both[i], "9b4711ec9740e2ed66c6b7dd318498a099fb3af117ed91c3afe7be34409d7e10",
                    "55cbb607f895118b2b5089a0f5fb1e5f756165fa3f57163d0ccbcbd87dbc44aa",
                    "a70be24398b39bb16173ac9e9915f5e476934de93c561f8706ecfb65d1d70192");
    }
    test->random_bytes = hex(client_private, &test->random_left);
    write_ephemeral(client, &test->env);
    read_ephemeral(device, client->ephemeral_public);
    for (int i = 0; i < 2; i++)
        assert_keys(both[i], "4bbe7fe7eab33e763d98f1fe9317d8897a7a9a04a88c24044826dbc2c6dc328d",
                    "24db175cd03912b296d4489a9dcbdffc4765dadb8b9776114a78973a56948a3b",
                    "9dd2bab4f776313d2482a17e73fdb37c763a50befe22035eed9d712ba42064f7");
    encrypt_and_hash(client, tag);
    assert_hex(tag, sizeof(tag), "8b18e980a5463f4f4ed6a227d01eebb1");
    assert_int_equal(decrypt_and_hash(device, tag), 0);
    for (int i = 0; i < 2; i++)
        assert_hex(both[i]->hash, HASH_SIZE,
                   "1e96400358bb7b726dde0508f9da0f5125f25c45aef1bfe58b4922f5b129ba81");

    test->random_bytes = hex(device_private, &test->random_left);
    write_ephemeral(device, &test->env);
    read_ephemeral(client, device->ephemeral_public);
    for (int i = 0; i < 2; i++) {
        uint8_t shared[DH_SIZE];
        assert_hex(both[i]->chaining_key, HASH_SIZE,
                   "b807d66b184d23acaf8f449ba584cfdd795dc30e9397383d32de3a5cace355f0");
        assert_int_equal(crypto_scalarmult(shared, both[i]->ephemeral_private, both[i]->peer_public), 0);
        assert_hex(shared, sizeof(shared),
                   "04c304fb1ca83cee75e206344231f33797e07d9929db670994b7c6fbeb1dc255");
        assert_int_equal(mix_dh(both[i]), 0);
        assert_keys(both[i], "6b8a5bc652b3f9778cf22aa99918204288e05858977cd52ca474b347ac1e27c1",
                    "56367e21aa2afbb26726b6c7f40bad5b393268cfa053c98f94fec8a2825b0ff2",
                    "fb638e73cc98b3390ce667b57f857412953104f938ffa43e949945f0dbcc6adc");
    }
    encrypt_and_hash(device, tag);
    assert_hex(tag, sizeof(tag), "08d629a47626962aacde23c4ab9801ba");
    assert_int_equal(decrypt_and_hash(client, tag), 0);
    for (int i = 0; i < 2; i++)
        assert_hex(both[i]->hash, HASH_SIZE,
                   "b1bfdfac0bc19212b0d33f07d59a377677ba89dc872aaed5901488c9961b67c3");
}

static void test_every_step_of_both_sides_gives_the_known_values(void **state)
{
    struct test_env test;
    struct handshake client, device;
    (void)state;
    test_env_init(&test);
    take_steps(&client, &device, &test);
    handshake_deinit(&client);
    handshake_deinit(&device);
    test_env_deinit(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_name_is_hashed),
        cmocka_unit_test(test_psk_gives_three_keys),
        cmocka_unit_test(test_every_step_of_both_sides_gives_the_known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
