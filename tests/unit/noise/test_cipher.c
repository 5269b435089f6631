/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "noise/cipher.h"
#include <bleproxy/error.h>
#include <string.h>

static const char client_key[] = "810cde8f99b1a2a5a863e41b93fd1c11b29ab8fee3f3edcb662e163b245164ca";

static void start(struct cipher *cipher)
{
    cipher_init(cipher, &aead_sodium, hex(client_key, NULL));
}

static void test_empty_text_under_the_first_nonce_gives_the_known_tag(void **state)
{
    (void)state;
    struct cipher cipher;
    uint8_t text[CIPHER_TAG_SIZE];
    start(&cipher);
    assert_int_equal(cipher_seal(&cipher, NULL, 0, text, 0), 0);
    assert_hex(text, sizeof(text), "b215c81b607068db3638292cc0825965");
    assert_int_equal(cipher.nonce, 1);
    cipher_deinit(&cipher);
}

static void test_each_message_has_its_own_nonce(void **state)
{
    (void)state;
    struct cipher sender, receiver;
    uint8_t first[1 + CIPHER_TAG_SIZE] = "x", second[1 + CIPHER_TAG_SIZE] = "x";
    start(&sender);
    start(&receiver);
    assert_int_equal(cipher_seal(&sender, NULL, 0, first, 1), 0);
    assert_int_equal(cipher_seal(&sender, NULL, 0, second, 1), 0);
    assert_memory_not_equal(first, second, sizeof(first));
    assert_int_equal(cipher_open(&receiver, NULL, 0, first, sizeof(first)), 0);
    assert_int_equal(cipher_open(&receiver, NULL, 0, second, sizeof(second)), 0);
    assert_int_equal(first[0], 'x');
    assert_int_equal(second[0], 'x');
    cipher_deinit(&sender);
    cipher_deinit(&receiver);
}

static void test_a_refused_message_does_not_advance_the_nonce(void **state)
{
    (void)state;
    struct cipher sender, receiver;
    uint8_t sealed[4 + CIPHER_TAG_SIZE] = "text", work[sizeof(sealed)];
    start(&sender);
    start(&receiver);
    assert_int_equal(cipher_seal(&sender, NULL, 0, sealed, 4), 0);
    memcpy(work, sealed, sizeof(work));
    work[0] ^= 1;
    assert_int_equal(cipher_open(&receiver, NULL, 0, work, sizeof(work)), BLEPROXY_E_ENCRYPTION);
    assert_int_equal(receiver.nonce, 0);
    memcpy(work, sealed, sizeof(work));
    assert_int_equal(cipher_open(&receiver, NULL, 0, work, sizeof(work) - 1), BLEPROXY_E_ENCRYPTION);
    assert_int_equal(receiver.nonce, 0);
    assert_int_equal(cipher_open(&receiver, NULL, 0, sealed, sizeof(sealed)), 0);
    assert_int_equal(receiver.nonce, 1);
    assert_memory_equal(sealed, "text", 4);
    cipher_deinit(&sender);
    cipher_deinit(&receiver);
}

static void test_less_than_a_tag_is_refused(void **state)
{
    (void)state;
    struct cipher cipher;
    uint8_t text[CIPHER_TAG_SIZE] = {0};
    start(&cipher);
    cipher.aead = &aead_null;
    for (size_t size = 0; size < CIPHER_TAG_SIZE; size++)
        assert_int_equal(cipher_open(&cipher, NULL, 0, text, size), BLEPROXY_E_ENCRYPTION);
    assert_int_equal(cipher.nonce, 0);
    assert_int_equal(cipher_open(&cipher, NULL, 0, text, sizeof(text)), 0);
    cipher_deinit(&cipher);
}

static void test_the_last_nonce_is_never_used(void **state)
{
    (void)state;
    struct cipher sender, receiver;
    uint8_t text[CIPHER_TAG_SIZE], before[CIPHER_TAG_SIZE];
    start(&sender);
    start(&receiver);
    sender.nonce = receiver.nonce = UINT64_MAX - 1;
    assert_int_equal(cipher_seal(&sender, NULL, 0, text, 0), 0);
    assert_int_equal(cipher_open(&receiver, NULL, 0, text, sizeof(text)), 0);
    memcpy(before, text, sizeof(text));
    for (int again = 0; again < 2; again++) {
        assert_int_equal(cipher_seal(&sender, NULL, 0, text, 0), BLEPROXY_E_ENCRYPTION);
        assert_int_equal(cipher_open(&receiver, NULL, 0, text, sizeof(text)), BLEPROXY_E_ENCRYPTION);
        assert_int_equal(sender.nonce, UINT64_MAX);
        assert_int_equal(receiver.nonce, UINT64_MAX);
        assert_memory_equal(text, before, sizeof(text));
    }
    /* Nor does a message count that would authenticate. */
    aead_sodium.seal(receiver.key, UINT64_MAX, NULL, 0, text, 0);
    assert_int_equal(cipher_open(&receiver, NULL, 0, text, sizeof(text)), BLEPROXY_E_ENCRYPTION);
    cipher_deinit(&sender);
    cipher_deinit(&receiver);
}

static void test_deinit_wipes_the_key(void **state)
{
    (void)state;
    static const struct cipher wiped;
    struct cipher cipher;
    start(&cipher);
    cipher_deinit(&cipher);
    assert_memory_equal(&cipher, &wiped, sizeof(cipher));
    cipher_deinit(&cipher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_text_under_the_first_nonce_gives_the_known_tag),
        cmocka_unit_test(test_each_message_has_its_own_nonce),
        cmocka_unit_test(test_a_refused_message_does_not_advance_the_nonce),
        cmocka_unit_test(test_less_than_a_tag_is_refused),
        cmocka_unit_test(test_the_last_nonce_is_never_used),
        cmocka_unit_test(test_deinit_wipes_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
