/* SPDX-License-Identifier: MIT */
#include "noise/cipher.h"

#include <bleproxy/error.h>
#include <sodium.h>
#include <string.h>

void cipher_init(struct cipher *cipher, const struct aead *aead, const uint8_t key[CIPHER_KEY_SIZE])
{
    *cipher = (struct cipher){.aead = aead};
    memcpy(cipher->key, key, CIPHER_KEY_SIZE);
}

void cipher_deinit(struct cipher *cipher)
{
    sodium_memzero(cipher, sizeof(*cipher));
}

int cipher_seal(struct cipher *cipher, const uint8_t *ad, size_t ad_size, uint8_t *text, size_t size)
{
    if (cipher->nonce == UINT64_MAX)
        return BLEPROXY_E_ENCRYPTION;
    cipher->aead->seal(cipher->key, cipher->nonce++, ad, ad_size, text, size);
    return 0;
}

int cipher_open(struct cipher *cipher, const uint8_t *ad, size_t ad_size, uint8_t *text, size_t size)
{
    if (cipher->nonce == UINT64_MAX || size < CIPHER_TAG_SIZE)
        return BLEPROXY_E_ENCRYPTION;
    if (cipher->aead->open(cipher->key, cipher->nonce, ad, ad_size, text, size) < 0)
        return BLEPROXY_E_ENCRYPTION;
    cipher->nonce++;
    return 0;
}
