/* SPDX-License-Identifier: MIT */
#include "noise/cipher.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* The AEAD of RFC 8439, put together from libsodium's ChaCha20 and Poly1305. libsodium's own (1.0.18) makes
 * the MAC's key, block 0 of the key stream, in a call apart, and on x86 each block beyond a multiple of its
 * vector width costs as much as half a vector: a frame of 720 bytes takes 1.2 times as long, one of 240 bytes
 * 1.6 times. Here block 0 and the text go through the stream together, padded to that width in scratch. */
enum {
    BLOCK_SIZE = 64,
    SCRATCH_SIZE = 2048, /* longer text goes on in place */
#if defined(__x86_64__) || defined(__i386__)
    VECTOR_SIZE = 4 * BLOCK_SIZE,
#else
    VECTOR_SIZE = BLOCK_SIZE, /* libsodium has no vector code here: padding would be lost work */
#endif
};

static_assert(crypto_stream_chacha20_ietf_KEYBYTES == CIPHER_KEY_SIZE, "key size");
static_assert(crypto_onetimeauth_poly1305_BYTES == CIPHER_TAG_SIZE, "tag size");
static_assert(SCRATCH_SIZE % VECTOR_SIZE == 0, "the padding fits");

struct job {
    uint8_t scratch[SCRATCH_SIZE]; /* the MAC's key in block 0, then what the start of the text becomes */
    size_t scratch_size;
    uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    size_t head; /* bytes of text in the scratch area */
};

static void put_le64(uint8_t to[8], uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void job_start(struct job *job, const uint8_t key[CIPHER_KEY_SIZE], uint64_t nonce,
                      const uint8_t *text, size_t size)
{
    job->head = size < SCRATCH_SIZE - BLOCK_SIZE ? size : SCRATCH_SIZE - BLOCK_SIZE;
    size_t used = BLOCK_SIZE + job->head;
    job->scratch_size = (used + VECTOR_SIZE - 1) / VECTOR_SIZE * VECTOR_SIZE;
    memset(job->scratch, 0, BLOCK_SIZE);
    memcpy(job->scratch + BLOCK_SIZE, text, job->head);
    memset(job->scratch + used, 0, job->scratch_size - used);
    memset(job->nonce, 0, 4);
    put_le64(job->nonce + 4, nonce);
    crypto_stream_chacha20_ietf_xor_ic(job->scratch, job->scratch, job->scratch_size, job->nonce, 0, key);
}

/* The key stream over the whole of text. */
static void job_finish(struct job *job, const uint8_t key[CIPHER_KEY_SIZE], uint8_t *text, size_t size)
{
    memcpy(text, job->scratch + BLOCK_SIZE, job->head);
    if (size > job->head)
        crypto_stream_chacha20_ietf_xor_ic(text + job->head, text + job->head, size - job->head, job->nonce,
                                           SCRATCH_SIZE / BLOCK_SIZE, key);
}

static void job_mac(const struct job *job, const uint8_t *ad, size_t ad_size, const uint8_t *text,
                    size_t size, uint8_t tag[CIPHER_TAG_SIZE])
{
    static const uint8_t zeros[16];
    uint8_t sizes[16];
    put_le64(sizes, ad_size);
    put_le64(sizes + 8, size);
    crypto_onetimeauth_poly1305_state poly;
    crypto_onetimeauth_poly1305_init(&poly, job->scratch);
    crypto_onetimeauth_poly1305_update(&poly, ad, ad_size);
    crypto_onetimeauth_poly1305_update(&poly, zeros, -ad_size % 16);
    crypto_onetimeauth_poly1305_update(&poly, text, size);
    crypto_onetimeauth_poly1305_update(&poly, zeros, -size % 16);
    crypto_onetimeauth_poly1305_update(&poly, sizes, sizeof(sizes));
    crypto_onetimeauth_poly1305_final(&poly, tag);
}

/* Only what was used: wiping is part of the price of a small frame. */
static void job_wipe(struct job *job)
{
    sodium_memzero(job->scratch, job->scratch_size);
}

static void sodium_seal(const uint8_t key[CIPHER_KEY_SIZE], uint64_t nonce, const uint8_t *ad, size_t ad_size,
                        uint8_t *text, size_t size)
{
    struct job job;
    job_start(&job, key, nonce, text, size);
    job_finish(&job, key, text, size);
    job_mac(&job, ad, ad_size, text, size, text + size);
    job_wipe(&job);
}

static int sodium_open(const uint8_t key[CIPHER_KEY_SIZE], uint64_t nonce, const uint8_t *ad, size_t ad_size,
                       uint8_t *text, size_t size)
{
    size -= CIPHER_TAG_SIZE;
    struct job job;
    uint8_t tag[CIPHER_TAG_SIZE];
    job_start(&job, key, nonce, text, size);
    job_mac(&job, ad, ad_size, text, size, tag);
    int r = crypto_verify_16(tag, text + size);
    if (r == 0)
        job_finish(&job, key, text, size);
    job_wipe(&job);
    return r;
}

const struct aead aead_sodium = {"sodium", sodium_seal, sodium_open};
