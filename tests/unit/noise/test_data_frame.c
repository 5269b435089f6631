/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "noise/data_frame.h"
#include <bleproxy/error.h>
#include <string.h>

static const char client_key[] = "810cde8f99b1a2a5a863e41b93fd1c11b29ab8fee3f3edcb662e163b245164ca";
static const char device_key[] = "f8ca9cf382ec15ac3609fa976595baafec96af6729b05edab8e41839ed09f6cd";

/* What followed the handshake with fixed keys, in order. */
struct transcript_line {
    uint32_t type;
    const char *payload, *frame;
};

static const struct transcript_line from_client[] = {
    {1, "0a0c6573702d632d636c69656e741001180f",
     "010026afbce0bd26efd45fbcd0f774bd3be03fdd60cae02830958f87c9c55fac53bb9bb27dbb8d280e"},
    {3, "", "010014853f7af0d2b2eda1e9fb71cc6d2e1181b00b2cb2"},
    {7, "", "010014094e4cd31771e90471f01169213902a35919a9f5"},
};

static const struct transcript_line from_device[] = {
    {2, "0801100f1a08323032362e382e3022067670726f7879",
     "01002a8500851aea6779f5bc48317e06cf3bb8c39b8176caaacc338cd855b6dbf57b9913ebd979e151bcfd33b5"},
    {8, "", "010014d5d78e683c1fde067023736d9b5e49a88749b8ad"},
    {93, "0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031",
     "010035cd93492a77aaa0f3192c9738cd23c90815cf45238388e6f7c11f0eec5b1afb037e0012583660d62e2f5fd486489493"
     "243ced67e092"},
    {146, "08b3c4c4c0939829", "01001cef80df52cfc460c68a834516e550cb9d74f6913f5964e70ed3867133"},
};

static const char too_short[] = "01001377e39ed271af95e6bd60f31607c08c0e329986";    /* the device's fifth */
static const char wrong_size[] = "010014850a8509fad1d8c4ea0e0df075cebef3d1e1d3f5"; /* another first one */

struct fixture {
    struct test_env test;
    struct buffer out;
    struct cipher cipher;
};

static void fixture_init(struct fixture *fixture, const char *key)
{
    test_env_init(&fixture->test);
    buffer_init(&fixture->out, &fixture->test.env, 200000);
    cipher_init(&fixture->cipher, &aead_sodium, hex(key, NULL));
}

static void fixture_deinit(struct fixture *fixture)
{
    cipher_deinit(&fixture->cipher);
    buffer_deinit(&fixture->out);
    test_env_deinit(&fixture->test);
}

/* The body of a frame in hexadecimal. */
static struct frame body_of(const char *frame)
{
    size_t size;
    uint8_t *bytes = hex(frame, &size);
    return (struct frame){.data = bytes + DATA_FRAME_HEADER, .size = size - DATA_FRAME_HEADER};
}

static void append(struct fixture *fixture, uint32_t type, const void *payload, size_t size)
{
    uint8_t *space;
    assert_int_equal(data_frame_begin(&fixture->out, type, size, &space), 0);
    if (size > 0)
        memcpy(space, payload, size);
    assert_int_equal(data_frame_end(&fixture->out, &fixture->cipher, size), 0);
}

static void assert_sealed(const char *key, const struct transcript_line *lines, size_t n)
{
    struct fixture fixture;
    fixture_init(&fixture, key);
    for (size_t i = 0; i < n; i++) {
        size_t size;
        const uint8_t *payload = hex(lines[i].payload, &size);
        append(&fixture, lines[i].type, payload, size);
        assert_hex(buffer_data(&fixture.out), fixture.out.size, lines[i].frame);
        buffer_consume(&fixture.out, fixture.out.size);
    }
    fixture_deinit(&fixture);
}

static void assert_opened(const char *key, bool strict, const struct transcript_line *lines, size_t n)
{
    struct fixture fixture;
    fixture_init(&fixture, key);
    for (size_t i = 0; i < n; i++) {
        struct frame frame = body_of(lines[i].frame);
        assert_int_equal(data_frame_open(&fixture.cipher, strict, &frame), 0);
        assert_int_equal(frame.type, lines[i].type);
        assert_hex(frame.data, frame.size, lines[i].payload);
    }
    fixture_deinit(&fixture);
}

static void test_transcript_of_the_client_is_sealed_and_opened(void **state)
{
    (void)state;
    assert_sealed(client_key, from_client, 3);
    assert_opened(client_key, true, from_client, 3);
}

static void test_transcript_of_the_device_is_sealed_and_opened(void **state)
{
    (void)state;
    assert_sealed(device_key, from_device, 4);
    assert_opened(device_key, false, from_device, 4);
}

static void test_case_18_less_than_the_inner_header_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, device_key);
    fixture.cipher.nonce = 4;
    struct frame frame = body_of(too_short);
    assert_int_equal(data_frame_open(&fixture.cipher, false, &frame), BLEPROXY_E_PROTOCOL);
    for (size_t size = 0; size < DATA_FRAME_INNER; size++)
        for (int strict = 0; strict < 2; strict++) {
            uint8_t sealed[DATA_FRAME_INNER + CIPHER_TAG_SIZE] = {0};
            fixture.cipher.nonce = 9;
            assert_int_equal(cipher_seal(&fixture.cipher, NULL, 0, sealed, size), 0);
            fixture.cipher.nonce = 9;
            frame = (struct frame){.data = sealed, .size = size + CIPHER_TAG_SIZE};
            assert_int_equal(data_frame_open(&fixture.cipher, strict, &frame), BLEPROXY_E_PROTOCOL);
        }
    fixture_deinit(&fixture);
}

static void test_case_18_a_shortened_or_garbled_frame_does_not_authenticate(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, device_key);
    size_t whole = body_of(from_device[0].frame).size;
    for (size_t size = 0; size < whole; size++) {
        struct frame frame = body_of(from_device[0].frame), before;
        frame.size = size;
        before = frame;
        assert_int_equal(data_frame_open(&fixture.cipher, false, &frame), BLEPROXY_E_ENCRYPTION);
        assert_memory_equal(&frame, &before, sizeof(frame));
    }
    for (size_t bit = 0; bit < whole * 8; bit++) {
        struct frame frame = body_of(from_device[0].frame);
        frame.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(data_frame_open(&fixture.cipher, false, &frame), BLEPROXY_E_ENCRYPTION);
    }
    assert_int_equal(fixture.cipher.nonce, 0);
    fixture_deinit(&fixture);
    assert_opened(device_key, false, from_device, 4);
}

static void test_case_19_a_client_ignores_the_inner_size_and_firmware_does_not(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, device_key);
    struct frame frame = body_of(wrong_size);
    assert_int_equal(data_frame_open(&fixture.cipher, false, &frame), 0);
    assert_int_equal(frame.type, 8);
    assert_int_equal(frame.size, 0);
    fixture.cipher.nonce = 0;
    frame = body_of(wrong_size);
    assert_int_equal(data_frame_open(&fixture.cipher, true, &frame), BLEPROXY_E_PROTOCOL);
    fixture_deinit(&fixture);
}

static void test_firmware_takes_exactly_the_inner_size(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, client_key);
    for (uint8_t declared = 0; declared <= 3; declared++)
        for (int strict = 0; strict < 2; strict++) {
            uint8_t sealed[6 + CIPHER_TAG_SIZE] = {0, 7, 0, declared, 0xab, 0xcd};
            fixture.cipher.nonce = declared;
            assert_int_equal(cipher_seal(&fixture.cipher, NULL, 0, sealed, 6), 0);
            fixture.cipher.nonce = declared;
            struct frame frame = {.data = sealed, .size = sizeof(sealed)};
            int r = data_frame_open(&fixture.cipher, strict, &frame);
            assert_int_equal(r, strict && declared > 2 ? BLEPROXY_E_PROTOCOL : 0);
            if (r == 0) {
                assert_int_equal(frame.size, strict ? declared : 2);
                assert_ptr_equal(frame.data, sealed + DATA_FRAME_INNER);
            }
        }
    fixture_deinit(&fixture);
}

static void test_the_largest_message_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    struct fixture fixture;
    static uint8_t payload[DATA_FRAME_PAYLOAD_MAX];
    uint8_t *space;
    fixture_init(&fixture, client_key);
    memset(payload, 0x5a, sizeof(payload));
    append(&fixture, 65535, payload, sizeof(payload));
    assert_int_equal(fixture.out.size, DATA_FRAME_HEADER + 65535);
    assert_hex(buffer_data(&fixture.out), DATA_FRAME_HEADER, "01ffff");
    fixture.cipher.nonce = 0;
    struct frame frame = {.data = buffer_data(&fixture.out) + DATA_FRAME_HEADER, .size = 65535};
    assert_int_equal(data_frame_open(&fixture.cipher, true, &frame), 0);
    assert_int_equal(frame.type, 65535);
    assert_int_equal(frame.size, DATA_FRAME_PAYLOAD_MAX);
    assert_memory_equal(frame.data, payload, sizeof(payload));
    assert_int_equal(data_frame_begin(&fixture.out, 1, DATA_FRAME_PAYLOAD_MAX + 1, &space), BLEPROXY_E_LIMIT);
    assert_int_equal(data_frame_begin(&fixture.out, 1, SIZE_MAX, &space), BLEPROXY_E_LIMIT);
    assert_int_equal(data_frame_begin(&fixture.out, 65536, 0, &space), BLEPROXY_E_LIMIT);
    assert_int_equal(fixture.out.size, DATA_FRAME_HEADER + 65535);
    fixture_deinit(&fixture);
}

static void test_a_frame_that_fails_is_not_in_the_buffer(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t *space;
    fixture_init(&fixture, client_key);
    fixture.test.fail_after = 0;
    assert_int_equal(data_frame_begin(&fixture.out, 7, 0, &space), BLEPROXY_E_NOMEM);
    fixture.test.fail_after = SIZE_MAX;
    fixture.out.limit = DATA_FRAME_HEADER + DATA_FRAME_INNER + CIPHER_TAG_SIZE;
    assert_int_equal(data_frame_begin(&fixture.out, 7, 1, &space), BLEPROXY_E_LIMIT);
    fixture.cipher.nonce = UINT64_MAX;
    assert_int_equal(data_frame_begin(&fixture.out, 7, 0, &space), 0);
    assert_int_equal(data_frame_end(&fixture.out, &fixture.cipher, 0), BLEPROXY_E_ENCRYPTION);
    assert_int_equal(fixture.out.size, 0);
    fixture.cipher.nonce = 2;
    append(&fixture, 7, NULL, 0);
    assert_hex(buffer_data(&fixture.out), fixture.out.size, from_client[2].frame);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transcript_of_the_client_is_sealed_and_opened),
        cmocka_unit_test(test_transcript_of_the_device_is_sealed_and_opened),
        cmocka_unit_test(test_case_18_less_than_the_inner_header_is_refused),
        cmocka_unit_test(test_case_18_a_shortened_or_garbled_frame_does_not_authenticate),
        cmocka_unit_test(test_case_19_a_client_ignores_the_inner_size_and_firmware_does_not),
        cmocka_unit_test(test_firmware_takes_exactly_the_inner_size),
        cmocka_unit_test(test_the_largest_message_fits_and_one_byte_more_does_not),
        cmocka_unit_test(test_a_frame_that_fails_is_not_in_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
