/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "wire/notification.h"
#include <stdlib.h>
#include <string.h>

/* Reads from a block of exactly the payload's size. The value, in hexadecimal, is compared before it goes. */
static bool reads(const char *text, uint64_t address, uint32_t handle, const char *value)
{
    struct notification notification = {.size = 99};
    size_t size;
    const uint8_t *payload = hex(text, &size);
    uint8_t *block = malloc(size > 0 ? size : 1);
    memcpy(block, payload, size);
    bool ok = notification_read(block, size, &notification);
    if (ok) {
        assert_true(notification.address == address);
        assert_int_equal(notification.handle, handle);
        assert_hex(notification.value, notification.size, value);
        assert_true((notification.size == 0) == !notification.value);
    } else {
        assert_int_equal(notification.size, 99);
    }
    free(block);
    return ok;
}

static void test_reads_what_firmware_sends(void **state)
{
    (void)state;
    assert_true(reads("08b3c4c4c0939829100c1a02cafe", UINT64_C(0xa4c138112233), 12, "cafe"));
    assert_true(reads("08b3c4c4c093982910ffff031a0102", UINT64_C(0xa4c138112233), 0xffff, "02"));
}

static void test_absent_fields_are_zero_and_unknown_ones_skipped(void **state)
{
    (void)state;
    assert_true(reads("", 0, 0, ""));
    assert_true(reads("0801", 1, 0, ""));
    assert_true(reads("1a00", 0, 0, ""));
    assert_true(reads("1a02cafe100c0801", 1, 12, "cafe"));
    assert_true(reads("2005290102030405060708320201023d010203041002", 0, 2, ""));
}

static void test_numbers_keep_the_bits_they_have(void **state)
{
    (void)state;
    assert_true(reads("08ffffffffffffffffff0110ffffffff0f", UINT64_MAX, UINT32_MAX, ""));
}

static void test_what_is_cut_off_is_refused_at_every_byte(void **state)
{
    static const char whole[] = "100c1a02cafe08b3c4c4c0939829";
    static const unsigned ends[] = {2, 6}; /* where a field ends */
    (void)state;
    for (unsigned n = 1; n < (sizeof(whole) - 1) / 2; n++) {
        char text[sizeof(whole)] = "";
        memcpy(text, whole, 2 * n);
        assert_int_equal(reads(text, 0, 12, n >= ends[1] ? "cafe" : ""), n == ends[0] || n == ends[1]);
    }
}

static void test_lengths_and_numbers_that_overrun_are_refused(void **state)
{
    (void)state;
    assert_false(reads("1a03cafe", 0, 0, ""));
    assert_false(reads("1affffffffffffffffff01", 0, 0, ""));
    assert_false(reads("08ffffffffffffffffffff01", 0, 0, "")); /* 11 bytes */
    assert_false(reads("2a05cafe", 0, 0, ""));
    assert_false(reads("0b", 0, 0, "")); /* a group: no such thing in proto3 */
}

/* Handle and length are read in one go only below 128, the address up to 8 bytes, and all in this order. */
static void test_reads_the_same_at_the_bounds_of_the_usual_form(void **state)
{
    (void)state;
    assert_true(reads("0801107f1a0700000000000000", 1, 0x7f, "00000000000000"));
    assert_true(reads("080110ff001a06000000000000", 1, 0x7f, "000000000000"));
    assert_true(reads("08ffffffffffffff7f10011a00", UINT64_C(0xffffffffffffff), 1, ""));
    assert_true(reads("08ffffffffffffffff7f10011a00", UINT64_C(0x7fffffffffffffff), 1, ""));
    assert_true(reads("08b3c4c4c093982910011a0201021a0103", UINT64_C(0xa4c138112233), 1, "03"));
    assert_true(reads("08b3c4c4c09398291a0201021001", UINT64_C(0xa4c138112233), 1, "0102"));
    assert_false(reads("08b3c4c4c093982910011a03ffff", 0, 0, ""));
    assert_false(reads("08b3c4c4c093982910011a8000ff", 0, 0, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_firmware_sends),
        cmocka_unit_test(test_absent_fields_are_zero_and_unknown_ones_skipped),
        cmocka_unit_test(test_numbers_keep_the_bits_they_have),
        cmocka_unit_test(test_reads_the_same_at_the_bounds_of_the_usual_form),
        cmocka_unit_test(test_what_is_cut_off_is_refused_at_every_byte),
        cmocka_unit_test(test_lengths_and_numbers_that_overrun_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
