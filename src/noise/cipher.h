/* SPDX-License-Identifier: MIT */
#ifndef NOISE_CIPHER_H
#define NOISE_CIPHER_H

#include <stddef.h>
#include <stdint.h>

enum { CIPHER_KEY_SIZE = 32, CIPHER_TAG_SIZE = 16 };

/* The seam between Noise and a library's ChaCha20-Poly1305. The nonce is 4 zero bytes and the counter, little
 * endian. Text is worked on in place. */
struct aead {
    const char *name;
    /* Encrypts size bytes at text and writes the tag behind them. */
    void (*seal)(const uint8_t key[CIPHER_KEY_SIZE], uint64_t nonce, const uint8_t *ad, size_t ad_size,
                 uint8_t *text, size_t size);
    /* size counts the tag, and is not less. 0, or -1 when the tag is wrong: text is then as it was. */
    int (*open)(const uint8_t key[CIPHER_KEY_SIZE], uint64_t nonce, const uint8_t *ad, size_t ad_size,
                uint8_t *text, size_t size);
};

/* libsodium uses the processor's vector code only once the process has called sodium_init() (idempotent and
 * thread-safe); without it all results are the same, and slower. */
extern const struct aead aead_sodium;
/* Encrypts nothing and accepts any tag: lets fuzzers behind the authentication. Out of reach of the API. */
extern const struct aead aead_null;

/* One direction of a session. */
struct cipher {
    const struct aead *aead;
    uint64_t nonce; /* of the next message; UINT64_MAX is never used */
    uint8_t key[CIPHER_KEY_SIZE];
};

void cipher_init(struct cipher *cipher, const struct aead *aead, const uint8_t key[CIPHER_KEY_SIZE]);
/* Wipes the key. */
void cipher_deinit(struct cipher *cipher);
/* 0, or BLEPROXY_E_ENCRYPTION once the nonces are used up. There is room for the tag behind the text. */
int cipher_seal(struct cipher *cipher, const uint8_t *ad, size_t ad_size, uint8_t *text, size_t size);
/* 0, or BLEPROXY_E_ENCRYPTION: the tag is wrong, size is under CIPHER_TAG_SIZE, or the nonces are used up.
 * The nonce advances only on success. */
int cipher_open(struct cipher *cipher, const uint8_t *ad, size_t ad_size, uint8_t *text, size_t size);

#endif
