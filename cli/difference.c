/* SPDX-License-Identifier: MIT */
#include "difference.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool difference_is_same(const struct target *before, const struct target *after)
{
    const struct bleproxy_proxy_config *a = &before->config, *b = &after->config;
    return before->configured == after->configured && same_text(a->name, b->name) &&
           same_text(a->address, b->address) && a->port == b->port && same_text(a->noise_psk, b->noise_psk) &&
           same_text(a->password, b->password) && same_text(a->expected_name, b->expected_name) &&
           a->scan_mode == b->scan_mode && a->reclaim_s == b->reclaim_s;
}

void difference_match(const struct target *before, size_t n_before, const struct target *after,
                      size_t n_after, size_t *ret_from)
{
    size_t next = 0; /* mostly the order stays */
    for (size_t i = 0; i < n_after; i++) {
        ret_from[i] = DIFFERENCE_NEW;
        for (size_t j = 0; j < n_before && ret_from[i] == DIFFERENCE_NEW; j++) {
            size_t at = (next + j) % n_before;
            if (difference_is_same(&before[at], &after[i]))
                ret_from[i] = at;
        }
        if (ret_from[i] != DIFFERENCE_NEW)
            next = ret_from[i] + 1;
    }
}
