/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "wire/frame.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 16 };

/* What a stream was cut into. */
struct cut {
    struct frame frames[FRAMES_MAX]; /* data is a copy */
    size_t n_frames;
    int outcome; /* FRAME_INCOMPLETE at the end of the stream, or what stopped it */
};

static void cut_feed(struct cut *cut, struct frame_reader *reader, frame_read_fn *read,
                     const struct frame_limits *limits, const uint8_t *bytes, size_t n)
{
    /* A block of exactly that size, so that reading past it is noticed; freed, so that keeping it is too. */
    uint8_t *block = malloc(n > 0 ? n : 1), *position = block;
    memcpy(block, bytes, n);
    struct frame frame;
    int r = 0;
    while (cut->outcome == FRAME_INCOMPLETE &&
           (r = frame_reader_next(reader, read, limits, &position, &n, &frame)) == 0) {
        assert_true(cut->n_frames < FRAMES_MAX);
        struct frame *copy = &cut->frames[cut->n_frames++];
        *copy = frame;
        copy->data = malloc(frame.size + 1);
        memcpy(copy->data, frame.data, frame.size);
        if (frame.size > 0)
            memset(frame.data, 0xee, frame.size); /* it may be changed in place */
    }
    if (cut->outcome == FRAME_INCOMPLETE && r != 0)
        cut->outcome = r;
    if (cut->outcome == FRAME_INCOMPLETE)
        assert_int_equal(n, 0);
    free(block);
}

static void cut_free(struct cut *cut)
{
    for (size_t i = 0; i < cut->n_frames; i++)
        free(cut->frames[i].data);
}

/* Cuts the stream delivered in pieces: [0, first), then pieces of step bytes. */
static struct cut cut_stream(frame_read_fn *read, const struct frame_limits *limits, const uint8_t *bytes,
                             size_t n, size_t first, size_t step)
{
    struct test_env env;
    test_env_init(&env);
    struct frame_reader reader;
    frame_reader_init(&reader, &env.env);
    struct cut cut = {.outcome = FRAME_INCOMPLETE};
    cut_feed(&cut, &reader, read, limits, bytes, first);
    for (size_t at = first; at < n; at += step)
        cut_feed(&cut, &reader, read, limits, bytes + at, step < n - at ? step : n - at);
    if (first == n)
        assert_true(cut.outcome != FRAME_INCOMPLETE || reader.needed > 0 || env.allocations == 0);
    frame_reader_deinit(&reader);
    test_env_deinit(&env);
    return cut;
}

static void assert_cut_equal(const struct cut *a, const struct cut *b)
{
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->n_frames, b->n_frames);
    for (size_t i = 0; i < a->n_frames; i++) {
        assert_int_equal(a->frames[i].type, b->frames[i].type);
        assert_int_equal(a->frames[i].size, b->frames[i].size);
        assert_memory_equal(a->frames[i].data, b->frames[i].data, a->frames[i].size);
    }
}

/* The stream whole; the same must come of it split in two anywhere, and byte by byte. The caller frees it. */
static struct cut cut_every_way(frame_read_fn *read, const struct frame_limits *limits, const uint8_t *bytes,
                                size_t n)
{
    struct cut whole = cut_stream(read, limits, bytes, n, n, 1);
    /* A long stream is split at both ends and now and then between. */
    for (size_t first = 0; first <= n; first += n < 2000 || first < 20 || n - first < 20 ? 1 : 997) {
        struct cut split = cut_stream(read, limits, bytes, n, first, n);
        assert_cut_equal(&split, &whole);
        cut_free(&split);
    }
    struct cut single = cut_stream(read, limits, bytes, n, 0, 1);
    assert_cut_equal(&single, &whole);
    cut_free(&single);
    return whole;
}

static int plain_outcome_within(const struct frame_limits *limits, const char *stream)
{
    size_t n;
    uint8_t *bytes = hex(stream, &n);
    struct cut cut = cut_every_way(frame_read_plain, limits, bytes, n);
    assert_int_equal(cut.n_frames, 0);
    cut_free(&cut);
    return cut.outcome;
}

static int plain_outcome(const char *stream)
{
    return plain_outcome_within(&frame_limits_client, stream);
}

static int noise_outcome(const struct frame_limits *limits, const char *stream)
{
    size_t n;
    uint8_t *bytes = hex(stream, &n);
    struct cut cut = cut_every_way(frame_read_noise, limits, bytes, n);
    assert_int_equal(cut.n_frames, 0);
    cut_free(&cut);
    return cut.outcome;
}

static void test_case_01_smallest_frame(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = hex("000001", &n);
    struct cut cut = cut_every_way(frame_read_plain, &frame_limits_client, bytes, n);
    assert_int_equal(cut.outcome, FRAME_INCOMPLETE);
    assert_int_equal(cut.n_frames, 1);
    assert_int_equal(cut.frames[0].type, 1);
    assert_int_equal(cut.frames[0].size, 0);
    cut_free(&cut);
}

static void test_case_02_five_frames_in_one_read(void **state)
{
    (void)state;
    uint8_t bytes[5 * 196];
    for (size_t i = 0; i < 5; i++) {
        memcpy(bytes + i * 196, (const uint8_t[]){0x00, 0xc0, 0x01, 0x64}, 4);
        memset(bytes + i * 196 + 4, 0x42, 192);
    }
    struct cut cut = cut_every_way(frame_read_plain, &frame_limits_client, bytes, sizeof(bytes));
    assert_int_equal(cut.outcome, FRAME_INCOMPLETE);
    assert_int_equal(cut.n_frames, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(cut.frames[i].type, 100);
        assert_int_equal(cut.frames[i].size, 192);
        assert_memory_equal(cut.frames[i].data, bytes + 4, 192);
    }
    cut_free(&cut);
}

static void test_case_03_payload_of_65535_bytes_is_the_largest(void **state)
{
    (void)state;
    enum { SIZE = 65535, HEADER = 5 };
    uint8_t *bytes = malloc(SIZE + HEADER);
    memcpy(bytes, (const uint8_t[]){0x00, 0xff, 0xff, 0x03, 0x5d}, HEADER);
    for (size_t i = 0; i < SIZE; i++)
        bytes[HEADER + i] = (uint8_t)(i * 7);
    struct cut cut = cut_every_way(frame_read_plain, &frame_limits_client, bytes, SIZE + HEADER);
    assert_int_equal(cut.n_frames, 1);
    assert_int_equal(cut.frames[0].size, SIZE);
    assert_memory_equal(cut.frames[0].data, bytes + HEADER, SIZE);
    cut_free(&cut);
    free(bytes);
    assert_int_equal(plain_outcome("00 808004 5d"), FRAME_TOO_LARGE);
}

static void test_case_04_varint_of_more_than_four_bytes_is_refused(void **state)
{
    (void)state;
    assert_int_equal(plain_outcome("8080808080 80"), FRAME_BAD_VARINT);
    assert_int_equal(plain_outcome("00 8080808080 80"), FRAME_BAD_VARINT);
    assert_int_equal(plain_outcome("00 00 8080808080 80"), FRAME_BAD_VARINT);
    assert_int_equal(plain_outcome("80808080"), FRAME_BAD_VARINT);
}

static void test_case_05_three_bytes_of_a_varint_wait_for_more(void **state)
{
    (void)state;
    assert_int_equal(plain_outcome("808080"), FRAME_INCOMPLETE);
    assert_int_equal(plain_outcome("00808080"), FRAME_INCOMPLETE);
    assert_int_equal(plain_outcome("0000808080"), FRAME_INCOMPLETE);
    assert_int_equal(plain_outcome(""), FRAME_INCOMPLETE);
}

static void test_case_06_length_does_not_escape_by_its_sign(void **state)
{
    (void)state;
    assert_int_equal(plain_outcome("00ffffffff0f"), FRAME_BAD_VARINT);
    assert_int_equal(plain_outcome("00ffffff7f00"), FRAME_TOO_LARGE);
}

static void test_case_07_varints_are_written_shortest(void **state)
{
    (void)state;
    static const struct {
        uint32_t value;
        const char *header;
    } cases[] = {{0, "00 00 01"},
                 {127, "00 7f 01"},
                 {128, "00 8001 01"},
                 {300, "00 ac02 01"},
                 {65536, "00 808004 01"}};
    struct test_env env;
    test_env_init(&env);
    struct buffer out;
    buffer_init(&out, &env.env, 100);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(frame_write_plain_header(&out, 1, cases[i].value), 0);
        assert_hex(buffer_data(&out), out.size, cases[i].header);
        buffer_consume(&out, out.size);
    }
    assert_int_equal(frame_write_plain_header(&out, 146, 8), 0);
    assert_hex(buffer_data(&out), out.size, "00 08 9201");
    buffer_deinit(&out);
    test_env_deinit(&env);
}

static void test_case_08_preambles_of_plaintext(void **state)
{
    (void)state;
    assert_int_equal(plain_outcome("090000"), FRAME_BAD_PREAMBLE);
    assert_int_equal(plain_outcome("010000"), FRAME_OTHER_FRAMING);
    assert_int_equal(plain_outcome("01001301426164"), FRAME_OTHER_FRAMING);
    assert_int_equal(plain_outcome("81800000"), FRAME_OTHER_FRAMING);
}

static void test_case_09_preambles_of_noise(void **state)
{
    (void)state;
    assert_int_equal(noise_outcome(&frame_limits_client, "000000"), FRAME_OTHER_FRAMING);
    assert_int_equal(noise_outcome(&frame_limits_client, "0042616420696e64"), FRAME_OTHER_FRAMING);
    assert_int_equal(noise_outcome(&frame_limits_client, "020000"), FRAME_BAD_PREAMBLE);
}

static void test_overlong_zero_preamble_is_accepted_by_the_client_only(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = hex("8000 00 07  808000 02 08 0801", &n);
    struct cut cut = cut_every_way(frame_read_plain, &frame_limits_client, bytes, n);
    assert_int_equal(cut.outcome, FRAME_INCOMPLETE);
    assert_int_equal(cut.n_frames, 2);
    assert_int_equal(cut.frames[0].type, 7);
    assert_int_equal(cut.frames[1].type, 8);
    assert_hex(cut.frames[1].data, cut.frames[1].size, "0801");
    cut_free(&cut);
    assert_int_equal(plain_outcome_within(&frame_limits_firmware, "80000007"), FRAME_BAD_PREAMBLE);
}

static void test_type_of_28_bits_is_the_largest_for_the_client(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = hex("00 00 ffffff7f", &n);
    struct cut cut = cut_every_way(frame_read_plain, &frame_limits_client, bytes, n);
    assert_int_equal(cut.n_frames, 1);
    assert_int_equal(cut.frames[0].type, (1u << 28) - 1);
    cut_free(&cut);
}

static void test_firmware_limits(void **state)
{
    (void)state;
    assert_int_equal(plain_outcome_within(&frame_limits_firmware, "00 818002 01"), FRAME_TOO_LARGE);
    assert_int_equal(plain_outcome_within(&frame_limits_firmware, "00 00 808004"), FRAME_TOO_LARGE);
    /* 16384 bytes of a type of two bytes need a header of six. */
    assert_int_equal(plain_outcome_within(&frame_limits_firmware, "00 808001 9201"), FRAME_BAD_VARINT);
    assert_int_equal(plain_outcome_within(&frame_limits_firmware, "00 ff7f 9201"), FRAME_INCOMPLETE);
    assert_int_equal(plain_outcome_within(&frame_limits_firmware, "00 808002 5d"), FRAME_INCOMPLETE);
    assert_int_equal(noise_outcome(&frame_limits_firmware, "01 8001"), FRAME_TOO_LARGE);
    assert_int_equal(noise_outcome(&frame_limits_firmware, "01 8000"), FRAME_INCOMPLETE);
}

static void test_noise_frames(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = hex("010000 010015017670726f78790061636263333238393065613800 01000105", &n);
    struct cut cut = cut_every_way(frame_read_noise, &frame_limits_client, bytes, n);
    assert_int_equal(cut.outcome, FRAME_INCOMPLETE);
    assert_int_equal(cut.n_frames, 3);
    assert_int_equal(cut.frames[0].size, 0);
    assert_hex(cut.frames[1].data, cut.frames[1].size, "017670726f78790061636263333238393065613800");
    assert_hex(cut.frames[2].data, cut.frames[2].size, "05");
    cut_free(&cut);

    uint8_t *largest = calloc(1, 65535 + 3);
    memcpy(largest, (const uint8_t[]){0x01, 0xff, 0xff}, 3);
    cut = cut_every_way(frame_read_noise, &frame_limits_client, largest, 65535 + 3);
    assert_int_equal(cut.n_frames, 1);
    assert_int_equal(cut.frames[0].size, 65535);
    cut_free(&cut);
    free(largest);
}

static void test_noise_frame_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct buffer out;
    buffer_init(&out, &env.env, 10);
    assert_int_equal(frame_write_noise(&out, "", 0), 0);
    assert_int_equal(frame_write_noise(&out, "abcde", 5), BLEPROXY_E_LIMIT);
    assert_hex(buffer_data(&out), out.size, "010000");
    assert_int_equal(frame_write_noise(&out, "abcd", 4), 0);
    assert_hex(buffer_data(&out), out.size, "010000 010004 61626364");
    buffer_deinit(&out);
    test_env_deinit(&env);
}

static void test_whole_frames_are_not_copied(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct frame_reader reader;
    frame_reader_init(&reader, &env.env);
    size_t n;
    uint8_t *bytes = hex("0002070801 000008", &n), *position = bytes;
    struct frame frame;
    assert_int_equal(
        frame_reader_next(&reader, frame_read_plain, &frame_limits_client, &position, &n, &frame), 0);
    assert_ptr_equal(frame.data, bytes + 3);
    assert_int_equal(
        frame_reader_next(&reader, frame_read_plain, &frame_limits_client, &position, &n, &frame), 0);
    assert_int_equal(frame.type, 8);
    assert_int_equal(n, 0);
    assert_int_equal(env.allocations, 0);
    frame_reader_deinit(&reader);
    test_env_deinit(&env);
}

static void test_straddling_frame_takes_no_byte_of_the_next(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct frame_reader reader;
    frame_reader_init(&reader, &env.env);
    size_t n = 2;
    uint8_t *position = hex("0004", NULL);
    struct frame frame;
    assert_int_equal(
        frame_reader_next(&reader, frame_read_plain, &frame_limits_client, &position, &n, &frame),
        FRAME_INCOMPLETE);
    uint8_t *rest = hex("5d01020304 000007", &n);
    position = rest;
    assert_int_equal(
        frame_reader_next(&reader, frame_read_plain, &frame_limits_client, &position, &n, &frame), 0);
    assert_hex(frame.data, frame.size, "01020304");
    assert_ptr_equal(position, rest + 5);
    assert_int_equal(n, 3);
    frame_reader_deinit(&reader);
    test_env_deinit(&env);
}

static void test_framing_may_change_between_frames(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct frame_reader reader;
    frame_reader_init(&reader, &env.env);
    size_t n;
    uint8_t *position = hex("010000 000007", &n);
    struct frame frame;
    assert_int_equal(
        frame_reader_next(&reader, frame_read_noise, &frame_limits_client, &position, &n, &frame), 0);
    assert_int_equal(
        frame_reader_next(&reader, frame_read_plain, &frame_limits_client, &position, &n, &frame), 0);
    assert_int_equal(frame.type, 7);
    frame_reader_deinit(&reader);
    test_env_deinit(&env);
}

static void test_out_of_memory_is_returned(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct frame_reader reader;
    frame_reader_init(&reader, &env.env);
    env.fail_after = 0;
    size_t n = 2;
    uint8_t *position = hex("0004", NULL);
    struct frame frame;
    assert_int_equal(
        frame_reader_next(&reader, frame_read_plain, &frame_limits_client, &position, &n, &frame),
        BLEPROXY_E_NOMEM);
    frame_reader_deinit(&reader);
    test_env_deinit(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_01_smallest_frame),
        cmocka_unit_test(test_case_02_five_frames_in_one_read),
        cmocka_unit_test(test_case_03_payload_of_65535_bytes_is_the_largest),
        cmocka_unit_test(test_case_04_varint_of_more_than_four_bytes_is_refused),
        cmocka_unit_test(test_case_05_three_bytes_of_a_varint_wait_for_more),
        cmocka_unit_test(test_case_06_length_does_not_escape_by_its_sign),
        cmocka_unit_test(test_case_07_varints_are_written_shortest),
        cmocka_unit_test(test_case_08_preambles_of_plaintext),
        cmocka_unit_test(test_case_09_preambles_of_noise),
        cmocka_unit_test(test_overlong_zero_preamble_is_accepted_by_the_client_only),
        cmocka_unit_test(test_type_of_28_bits_is_the_largest_for_the_client),
        cmocka_unit_test(test_firmware_limits),
        cmocka_unit_test(test_noise_frames),
        cmocka_unit_test(test_noise_frame_is_written_whole_or_not_at_all),
        cmocka_unit_test(test_whole_frames_are_not_copied),
        cmocka_unit_test(test_straddling_frame_takes_no_byte_of_the_next),
        cmocka_unit_test(test_framing_may_change_between_frames),
        cmocka_unit_test(test_out_of_memory_is_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
