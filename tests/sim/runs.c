/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_SOAK = 100 };

static unsigned n_seeds(const struct kind *kind, unsigned long size)
{
    if (size >= SIZE_SOAK)
        return kind->n_seeds_soak;
    return kind->n_seeds +
           (unsigned)((kind->n_seeds_soak - kind->n_seeds) * (size ? size - 1 : 0) / SIZE_SOAK);
}

int runs_main(const char *group, const struct kind *kinds, size_t n_kinds, void (*simulate)(void **state))
{
    const char *text = getenv("BLEPROXY_TEST_SIZE"), *only = getenv("BLEPROXY_TEST_ONLY");
    unsigned long size = text ? strtoul(text, NULL, 10) : 1;
    size_t n = 0, most = 0;
    for (size_t i = 0; i < n_kinds; i++)
        most += kinds[i].n_seeds_soak;
    struct run *runs = calloc(most, sizeof(*runs));
    struct CMUnitTest *tests = calloc(most, sizeof(*tests));
    if (!runs || !tests)
        abort();
    for (const struct kind *kind = kinds; kind < kinds + n_kinds; kind++) {
        unsigned most_seeds = only ? kind->n_seeds_soak : n_seeds(kind, size);
        for (unsigned seed = 0; seed < most_seeds; seed++) {
            struct run *run = &runs[n];
            *run = (struct run){.scale = &kind->scale, .seed = seed};
            snprintf(run->name, sizeof(run->name), "%s_seed_%u", kind->name, seed);
            if (only && strcmp(only, run->name) != 0)
                continue;
            tests[n++] = (struct CMUnitTest){.name = run->name, .test_func = simulate, .initial_state = run};
        }
    }
    int failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
    free(tests);
    free(runs);
    return failed;
}
