/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *test_reallocate(void *user, void *block, size_t size)
{
    struct test_env *test = user;
    if (size == 0) {
        if (block)
            test->live_blocks--;
        free(block);
        return NULL;
    }
    if (test->fail_after == 0)
        return NULL;
    if (test->fail_after != SIZE_MAX)
        test->fail_after--;
    void *grown = realloc(block, size);
    if (!grown)
        abort();
    test->allocations++;
    if (!block)
        test->live_blocks++;
    return grown;
}

static void test_random(void *user, void *buf, size_t size)
{
    struct test_env *test = user;
    uint8_t *out = buf;
    for (size_t i = 0; i < size; i++) {
        if (test->random_left > 0) {
            out[i] = *test->random_bytes++;
            test->random_left--;
            continue;
        }
        uint64_t x = test->random_state;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        test->random_state = x;
        out[i] = (uint8_t)(x >> 32);
    }
}

static void test_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                     const char *text)
{
    struct test_env *test = user;
    test->n_logs[level]++;
    snprintf(test->log[test->log_next % 16], sizeof(test->log[0]), "%s: %s: %s", room, proxy ? proxy : "-",
             text);
    test->log_next++;
}

void test_env_init(struct test_env *test)
{
    *test = (struct test_env){.fail_after = SIZE_MAX, .random_state = UINT64_C(0x9e3779b97f4a7c15)};
    test->env = (struct env){.user = test,
                             .reallocate = test_reallocate,
                             .random = test_random,
                             .log = test_log,
                             .log_level = BLEPROXY_LOG_DEBUG};
}

void test_env_deinit(struct test_env *test)
{
    assert_int_equal(test->live_blocks, 0);
}

bool test_env_logged(const struct test_env *test, const char *text)
{
    for (size_t i = 0; i < 16; i++)
        if (strstr(test->log[i], text))
            return true;
    return false;
}

uint8_t *hex(const char *text, size_t *ret_size)
{
    static uint8_t memory[8][70000];
    static unsigned turn;
    uint8_t *out = memory[turn++ % 8];
    size_t digits = 0;
    for (; *text; text++) {
        if (isspace((unsigned char)*text))
            continue;
        unsigned value;
        if (sscanf((char[]){*text, 0}, "%x", &value) != 1 || digits / 2 >= sizeof(memory[0]))
            fail_msg("not hexadecimal: %s", text);
        out[digits / 2] = (uint8_t)(digits % 2 ? out[digits / 2] | value : value << 4);
        digits++;
    }
    if (ret_size)
        *ret_size = digits / 2;
    return out;
}

void assert_hex(const void *bytes, size_t size, const char *expected)
{
    size_t expected_size;
    const uint8_t *expected_bytes = hex(expected, &expected_size);
    assert_int_equal(size, expected_size);
    if (size > 0)
        assert_memory_equal(bytes, expected_bytes, size);
}
