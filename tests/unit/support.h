/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

/* cmocka.h wants these four first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/env.h"

/* An environment that counts allocations, can run out of memory on request, draws repeatable random numbers
 * and keeps the last log lines. */
struct test_env {
    struct env env;              /* hand this to what is tested */
    size_t live_blocks;          /* allocated and not freed */
    size_t allocations;          /* calls that allocated or resized, ever */
    size_t fail_after;           /* that many more allocations succeed, then all fail; SIZE_MAX: never */
    uint64_t random_state;       /* of a xorshift generator; set random_bytes to override */
    const uint8_t *random_bytes; /* when not NULL: served first, random_left bytes of them */
    size_t random_left;
    size_t n_logs[4];  /* messages by level */
    char log[16][256]; /* the last ones, a ring */
    size_t log_next;
};

void test_env_init(struct test_env *test);
/* Fails the test when blocks are still allocated. */
void test_env_deinit(struct test_env *test);
/* Whether one of the kept log lines holds text. */
bool test_env_logged(const struct test_env *test, const char *text);

/* Hexadecimal to bytes in static memory that lives until the 8th next call; white space is skipped. */
uint8_t *hex(const char *text, size_t *ret_size);
void assert_hex(const void *bytes, size_t size, const char *expected);

#endif
