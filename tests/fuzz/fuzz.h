/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "base/env.h"
#include <stdlib.h>
#include <string.h>

/* What libFuzzer and replay call: it must return 0, and crash when something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise of the tested code, whatever NDEBUG says. */
#define FUZZ_CHECK(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

static inline void *fuzz_reallocate(void *user, void *block, size_t size)
{
    (void)user;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

/* The same "random" bytes every time, so that a finding repeats. */
static inline void fuzz_random(void *user, void *buf, size_t size)
{
    (void)user;
    memset(buf, 0x5a, size);
}

static const struct env fuzz_env = {.reallocate = fuzz_reallocate, .random = fuzz_random};

#endif
