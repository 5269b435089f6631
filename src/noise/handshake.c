/* SPDX-License-Identifier: MIT */
#include "noise/handshake.h"

#include <bleproxy/error.h>
#include <sodium.h>
#include <string.h>

/* Noise revision 34; the client is the initiator. Both messages have an empty payload, so each is a public
 * key and the tag over nothing.
 *
 *   NNpsk0:
 *     -> psk, e
 *     <- e, ee
 */
static const char protocol_name[] = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
static const char prologue[] = "NoiseAPIInit";

enum { HASH_SIZE = crypto_hash_sha256_BYTES, DH_SIZE = crypto_scalarmult_BYTES };

/* HKDF over HMAC-SHA256 with as many outputs as there are pointers. An output may be the chaining key. */
static void kdf(const uint8_t chaining_key[HASH_SIZE], const uint8_t *input, size_t input_size,
                uint8_t *const outputs[], size_t n_outputs)
{
    struct {
        uint8_t key[HASH_SIZE];
        uint8_t block[HASH_SIZE + 1];
    } secret;
    crypto_auth_hmacsha256(secret.key, input, input_size, chaining_key);
    size_t block_size = 0;
    for (size_t i = 0; i < n_outputs; i++) {
        secret.block[block_size] = (uint8_t)(i + 1);
        crypto_auth_hmacsha256(secret.block, secret.block, block_size + 1, secret.key);
        memcpy(outputs[i], secret.block, HASH_SIZE);
        block_size = HASH_SIZE;
    }
    sodium_memzero(&secret, sizeof(secret));
}

static void mix_hash(struct handshake *handshake, const void *data, size_t size)
{
    crypto_hash_sha256_state sha;
    crypto_hash_sha256_init(&sha);
    crypto_hash_sha256_update(&sha, handshake->hash, HASH_SIZE);
    crypto_hash_sha256_update(&sha, data, size);
    crypto_hash_sha256_final(&sha, handshake->hash);
}

static void mix_key(struct handshake *handshake, const uint8_t input[DH_SIZE])
{
    kdf(handshake->chaining_key, input, DH_SIZE, (uint8_t *[]){handshake->chaining_key, handshake->key}, 2);
}

static void mix_key_and_hash(struct handshake *handshake, const uint8_t input[HANDSHAKE_PSK_SIZE])
{
    uint8_t hashed[HASH_SIZE];
    kdf(handshake->chaining_key, input, HANDSHAKE_PSK_SIZE,
        (uint8_t *[]){handshake->chaining_key, hashed, handshake->key}, 3);
    mix_hash(handshake, hashed, HASH_SIZE);
    sodium_memzero(hashed, sizeof(hashed));
}

/* The nonce is 0 in both messages: each changes the key first. */
static void encrypt_and_hash(struct handshake *handshake, uint8_t tag[CIPHER_TAG_SIZE])
{
    handshake->aead->seal(handshake->key, 0, handshake->hash, HASH_SIZE, tag, 0);
    mix_hash(handshake, tag, CIPHER_TAG_SIZE);
}

static int decrypt_and_hash(struct handshake *handshake, const uint8_t tag[CIPHER_TAG_SIZE])
{
    uint8_t text[CIPHER_TAG_SIZE];
    memcpy(text, tag, CIPHER_TAG_SIZE);
    if (handshake->aead->open(handshake->key, 0, handshake->hash, HASH_SIZE, text, CIPHER_TAG_SIZE) < 0)
        return BLEPROXY_E_INVALID_KEY;
    mix_hash(handshake, tag, CIPHER_TAG_SIZE);
    return 0;
}

/* Because a psk is part of the pattern, every e also enters the key. */
static void mix_ephemeral(struct handshake *handshake, const uint8_t public[DH_SIZE])
{
    mix_hash(handshake, public, DH_SIZE);
    mix_key(handshake, public);
}

static void write_ephemeral(struct handshake *handshake, const struct env *env)
{
    env->random(env->user, handshake->ephemeral_private, DH_SIZE);
    crypto_scalarmult_base(handshake->ephemeral_public, handshake->ephemeral_private);
    mix_ephemeral(handshake, handshake->ephemeral_public);
}

static void read_ephemeral(struct handshake *handshake, const uint8_t public[DH_SIZE])
{
    memcpy(handshake->peer_public, public, DH_SIZE);
    mix_ephemeral(handshake, public);
}

static int mix_dh(struct handshake *handshake)
{
    uint8_t shared[DH_SIZE];
    int r = BLEPROXY_E_HANDSHAKE;
    if (crypto_scalarmult(shared, handshake->ephemeral_private, handshake->peer_public) == 0) {
        mix_key(handshake, shared);
        r = 0;
    }
    sodium_memzero(shared, sizeof(shared));
    return r;
}

/* Every step works on a copy; only a step that succeeded replaces the handshake. */
static int commit(struct handshake *handshake, struct handshake *next, enum handshake_state state, int r)
{
    if (r == 0) {
        next->state = state;
        *handshake = *next;
    }
    sodium_memzero(next, sizeof(*next));
    return r;
}

void handshake_init(struct handshake *handshake, const struct aead *aead,
                    const uint8_t psk[HANDSHAKE_PSK_SIZE], const uint8_t *client_hello,
                    size_t client_hello_size)
{
    *handshake = (struct handshake){.state = HANDSHAKE_INITIAL, .aead = aead};
    memcpy(handshake->psk, psk, HANDSHAKE_PSK_SIZE);
    crypto_hash_sha256(handshake->hash, (const uint8_t *)protocol_name, sizeof(protocol_name) - 1);
    memcpy(handshake->chaining_key, handshake->hash, HASH_SIZE);
    crypto_hash_sha256_state sha;
    crypto_hash_sha256_init(&sha);
    crypto_hash_sha256_update(&sha, handshake->hash, HASH_SIZE);
    crypto_hash_sha256_update(&sha, (const uint8_t *)prologue, sizeof(prologue) - 1);
    crypto_hash_sha256_update(&sha,
                              (uint8_t[]){(uint8_t)(client_hello_size >> 8), (uint8_t)client_hello_size}, 2);
    crypto_hash_sha256_update(&sha, client_hello, client_hello_size);
    crypto_hash_sha256_final(&sha, handshake->hash);
}

void handshake_deinit(struct handshake *handshake)
{
    sodium_memzero(handshake, sizeof(*handshake));
}

int handshake_write_first(struct handshake *handshake, const struct env *env,
                          uint8_t message[HANDSHAKE_MESSAGE_SIZE])
{
    if (handshake->state != HANDSHAKE_INITIAL)
        return BLEPROXY_E_STATE;
    struct handshake next = *handshake;
    /* psk */
    mix_key_and_hash(&next, next.psk);
    /* e */
    write_ephemeral(&next, env);
    memcpy(message, next.ephemeral_public, DH_SIZE);
    /* {} */
    encrypt_and_hash(&next, message + DH_SIZE);
    return commit(handshake, &next, HANDSHAKE_SENT, 0);
}

int handshake_read_first(struct handshake *handshake, const uint8_t *message, size_t size)
{
    if (handshake->state != HANDSHAKE_INITIAL)
        return BLEPROXY_E_STATE;
    if (size != HANDSHAKE_MESSAGE_SIZE)
        return BLEPROXY_E_HANDSHAKE;
    struct handshake next = *handshake;
    /* psk */
    mix_key_and_hash(&next, next.psk);
    /* e */
    read_ephemeral(&next, message);
    /* {} */
    int r = decrypt_and_hash(&next, message + DH_SIZE);
    return commit(handshake, &next, HANDSHAKE_RECEIVED, r);
}

int handshake_write_second(struct handshake *handshake, const struct env *env,
                           uint8_t message[HANDSHAKE_MESSAGE_SIZE])
{
    if (handshake->state != HANDSHAKE_RECEIVED)
        return BLEPROXY_E_STATE;
    struct handshake next = *handshake;
    /* e */
    write_ephemeral(&next, env);
    /* ee */
    int r = mix_dh(&next);
    /* {} */
    if (r == 0) {
        memcpy(message, next.ephemeral_public, DH_SIZE);
        encrypt_and_hash(&next, message + DH_SIZE);
    }
    return commit(handshake, &next, HANDSHAKE_DONE, r);
}

int handshake_read_second(struct handshake *handshake, const uint8_t *message, size_t size)
{
    if (handshake->state != HANDSHAKE_SENT)
        return BLEPROXY_E_STATE;
    if (size != HANDSHAKE_MESSAGE_SIZE)
        return BLEPROXY_E_HANDSHAKE;
    struct handshake next = *handshake;
    /* e */
    read_ephemeral(&next, message);
    /* ee */
    int r = mix_dh(&next);
    /* {} */
    if (r == 0)
        r = decrypt_and_hash(&next, message + DH_SIZE);
    return commit(handshake, &next, HANDSHAKE_DONE, r);
}

int handshake_split(const struct handshake *handshake, struct cipher *ret_client_to_server,
                    struct cipher *ret_server_to_client)
{
    if (handshake->state != HANDSHAKE_DONE)
        return BLEPROXY_E_STATE;
    struct {
        uint8_t client_to_server[CIPHER_KEY_SIZE];
        uint8_t server_to_client[CIPHER_KEY_SIZE];
    } keys;
    kdf(handshake->chaining_key, NULL, 0, (uint8_t *[]){keys.client_to_server, keys.server_to_client}, 2);
    cipher_init(ret_client_to_server, handshake->aead, keys.client_to_server);
    cipher_init(ret_server_to_client, handshake->aead, keys.server_to_client);
    sodium_memzero(&keys, sizeof(keys));
    return 0;
}

/* All ones when low <= c <= high, else 0. */
static uint32_t within(uint32_t c, uint32_t low, uint32_t high)
{
    return (((c - low) | (high - c)) >> 31) - 1;
}

/* The value of a base64 digit, or a number with bit 31 set, by arithmetic alone. */
static uint32_t base64_digit(uint32_t c)
{
    uint32_t upper = within(c, 'A', 'Z'), lower = within(c, 'a', 'z'), number = within(c, '0', '9');
    uint32_t plus = within(c, '+', '+'), slash = within(c, '/', '/');
    uint32_t value = (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (number & (c - '0' + 52)) |
                     (plus & 62) | (slash & 63);
    return value | ~(upper | lower | number | plus | slash);
}

int handshake_psk_decode(const char *base64, uint8_t psk[HANDSHAKE_PSK_SIZE])
{
    enum { DIGITS = (HANDSHAKE_PSK_SIZE * 8 + 5) / 6 };
    uint32_t bits = 0, invalid = 0;
    if (strnlen(base64, DIGITS + 2) != DIGITS + 1 || base64[DIGITS] != '=') {
        sodium_memzero(psk, HANDSHAKE_PSK_SIZE);
        return BLEPROXY_E_INVALID_KEY;
    }
    for (size_t i = 0, n_bits = 0, n = 0; i < DIGITS; i++) {
        uint32_t digit = base64_digit((unsigned char)base64[i]);
        invalid |= digit & UINT32_C(0x80000000);
        bits = bits << 6 | (digit & 63);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            psk[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    sodium_memzero(&bits, sizeof(bits));
    if (invalid) {
        sodium_memzero(psk, HANDSHAKE_PSK_SIZE);
        return BLEPROXY_E_INVALID_KEY;
    }
    return 0;
}
