/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/buffer.h"
#include <bleproxy/error.h>
#include <string.h>

static void test_bytes_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test);
    struct buffer buffer;
    buffer_init(&buffer, &test.env, 4096);
    uint8_t in = 0, out = 0;
    for (int step = 0; step < 5000; step++) {
        uint8_t draw;
        test.env.random(test.env.user, &draw, 1);
        size_t n = draw % 64u;
        if (draw & 0x80) {
            uint8_t chunk[64];
            for (size_t i = 0; i < n; i++)
                chunk[i] = (uint8_t)(in + i);
            if (n > buffer.limit - buffer.size) {
                assert_int_equal(buffer_append(&buffer, chunk, n), BLEPROXY_E_LIMIT);
            } else {
                assert_int_equal(buffer_append(&buffer, chunk, n), 0);
                in = (uint8_t)(in + n);
            }
        } else {
            n = n < buffer.size ? n : buffer.size;
            for (size_t i = 0; i < n; i++)
                assert_int_equal(buffer_data(&buffer)[i], (uint8_t)(out + i));
            buffer_consume(&buffer, n);
            out = (uint8_t)(out + n);
        }
    }
    buffer_deinit(&buffer);
    test_env_deinit(&test);
}

static void test_a_failed_append_changes_nothing(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test);
    struct buffer buffer;
    buffer_init(&buffer, &test.env, 1000);
    uint8_t block[600];
    memset(block, 7, sizeof(block));
    assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
    test.fail_after = 0;
    assert_int_equal(buffer_append(&buffer, block, sizeof(block)), BLEPROXY_E_NOMEM);
    test.fail_after = SIZE_MAX;
    assert_int_equal(buffer_append(&buffer, block, sizeof(block)), 0);
    assert_int_equal(buffer_append(&buffer, block, sizeof(block)), BLEPROXY_E_LIMIT);
    assert_int_equal(buffer.size, 603);
    assert_memory_equal(buffer_data(&buffer), "abc", 3);
    buffer_unwrite(&buffer, 600);
    assert_int_equal(buffer.size, 3);
    buffer_deinit(&buffer);
    buffer_deinit(&buffer);
    test_env_deinit(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_come_out_in_the_order_they_went_in),
        cmocka_unit_test(test_a_failed_append_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
