/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "noise/cipher.h"
#include <sodium.h>
#include <string.h>

/* Beyond the area in which the start of a text is worked on. */
enum { TEXT_MAX = 2400 };

static void fill(uint8_t *bytes, size_t size, uint8_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

static void test_vector_of_rfc_8439_appendix_a_5(void **state)
{
    (void)state;
    static const char text[] =
        "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, "
        "or "
        "obsoleted by other documents at any time. It is inappropriate to use Internet-Drafts as reference "
        "material or to cite them other than as /\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
    static const char sealed[] =
        "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0"
        "bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
        "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e9"
        "9040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
        "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130"
        "305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38";
    const uint8_t *key = hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", NULL);
    const uint8_t *ad = hex("f33388860000000000004e91", NULL);
    uint64_t nonce = UINT64_C(0x0807060504030201);
    enum { SIZE = sizeof(text) - 1 };
    uint8_t work[SIZE + CIPHER_TAG_SIZE];
    memcpy(work, text, SIZE);
    aead_sodium.seal(key, nonce, ad, 12, work, SIZE);
    assert_hex(work, sizeof(work), sealed);
    assert_int_equal(aead_sodium.open(key, nonce, ad, 12, work, sizeof(work)), 0);
    assert_memory_equal(work, text, SIZE);
}

static void test_every_size_agrees_with_the_aead_of_libsodium(void **state)
{
    (void)state;
    uint8_t key[CIPHER_KEY_SIZE], ad[40];
    uint8_t text[TEXT_MAX], ours[TEXT_MAX + CIPHER_TAG_SIZE], theirs[TEXT_MAX + CIPHER_TAG_SIZE];
    fill(key, sizeof(key), 1);
    fill(ad, sizeof(ad), 2);
    fill(text, sizeof(text), 3);
    for (size_t size = 0; size <= TEXT_MAX; size++) {
        size_t ad_size = size % (sizeof(ad) + 1);
        uint64_t counter = size * UINT64_C(0x0101010101010101);
        uint8_t nonce[12] = {0};
        for (size_t i = 0; i < 8; i++)
            nonce[4 + i] = (uint8_t)(counter >> 8 * i);
        crypto_aead_chacha20poly1305_ietf_encrypt(theirs, NULL, text, size, ad, ad_size, NULL, nonce, key);
        memcpy(ours, text, size);
        aead_sodium.seal(key, counter, ad, ad_size, ours, size);
        assert_memory_equal(ours, theirs, size + CIPHER_TAG_SIZE);
        assert_int_equal(aead_sodium.open(key, counter, ad, ad_size, ours, size + CIPHER_TAG_SIZE), 0);
        if (size > 0)
            assert_memory_equal(ours, text, size);
    }
}

static void test_the_largest_frame_agrees_with_the_aead_of_libsodium(void **state)
{
    (void)state;
    enum { SIZE = 65535 - CIPHER_TAG_SIZE };
    static uint8_t text[SIZE], ours[SIZE + CIPHER_TAG_SIZE], theirs[SIZE + CIPHER_TAG_SIZE];
    const uint8_t key[CIPHER_KEY_SIZE] = {1}, nonce[12] = {0, 0, 0, 0, 9};
    fill(text, SIZE, 5);
    crypto_aead_chacha20poly1305_ietf_encrypt(theirs, NULL, text, SIZE, NULL, 0, NULL, nonce, key);
    memcpy(ours, text, SIZE);
    aead_sodium.seal(key, 9, NULL, 0, ours, SIZE);
    assert_memory_equal(ours, theirs, sizeof(ours));
    assert_int_equal(aead_sodium.open(key, 9, NULL, 0, ours, sizeof(ours)), 0);
    assert_memory_equal(ours, text, SIZE);
}

static void test_every_flipped_bit_is_refused_and_nothing_is_decrypted(void **state)
{
    (void)state;
    enum { SIZE = 100 };
    uint8_t key[CIPHER_KEY_SIZE] = {1}, ad[5] = {2}, sealed[SIZE + CIPHER_TAG_SIZE], work[sizeof(sealed)];
    fill(sealed, SIZE, 7);
    aead_sodium.seal(key, 3, ad, sizeof(ad), sealed, SIZE);
    for (size_t bit = 0; bit < sizeof(sealed) * 8; bit++) {
        memcpy(work, sealed, sizeof(work));
        work[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(aead_sodium.open(key, 3, ad, sizeof(ad), work, sizeof(work)), -1);
        work[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_memory_equal(work, sealed, sizeof(work));
    }
    for (size_t bit = 0; bit < sizeof(ad) * 8; bit++) {
        memcpy(work, sealed, sizeof(work));
        ad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(aead_sodium.open(key, 3, ad, sizeof(ad), work, sizeof(work)), -1);
        ad[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memcpy(work, sealed, sizeof(work));
    assert_int_equal(aead_sodium.open(key, 4, ad, sizeof(ad), work, sizeof(work)), -1);
    key[31] ^= 1;
    memcpy(work, sealed, sizeof(work));
    assert_int_equal(aead_sodium.open(key, 3, ad, sizeof(ad), work, sizeof(work)), -1);
}

static void test_the_null_aead_changes_no_text_and_accepts_any_tag(void **state)
{
    (void)state;
    const uint8_t key[CIPHER_KEY_SIZE] = {0};
    uint8_t text[3 + CIPHER_TAG_SIZE] = {'a', 'b', 'c'};
    memset(text + 3, 0xff, CIPHER_TAG_SIZE);
    assert_int_equal(aead_null.open(key, 0, NULL, 0, text, sizeof(text)), 0);
    aead_null.seal(key, 0, NULL, 0, text, 3);
    assert_hex(text, sizeof(text), "616263 00000000000000000000000000000000");
}

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_of_rfc_8439_appendix_a_5),
        cmocka_unit_test(test_every_size_agrees_with_the_aead_of_libsodium),
        cmocka_unit_test(test_the_largest_frame_agrees_with_the_aead_of_libsodium),
        cmocka_unit_test(test_every_flipped_bit_is_refused_and_nothing_is_decrypted),
        cmocka_unit_test(test_the_null_aead_changes_no_text_and_accepts_any_tag),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
