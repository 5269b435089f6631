/* SPDX-License-Identifier: MIT */
#ifndef HUB_FILTER_H
#define HUB_FILTER_H

#include "base/env.h"
#include <bleproxy/hub.h>

/* A copy of what a subscriber or a search wants. */
struct filter {
    struct bleproxy_filter want; /* its pointers lead into this struct, and to copies */
    struct bleproxy_uuid service;
    char *name, *name_prefix;
    size_t name_size, prefix_size;
    bool everything; /* there is no condition */
};

/* want NULL: everything. 0, BLEPROXY_E_NOMEM, or BLEPROXY_E_INVALID: the UUID is none. The filter must not
 * move. */
int filter_init(struct filter *filter, const struct env *env, const struct bleproxy_filter *want);
void filter_deinit(struct filter *filter, const struct env *env);

bool filter_examine(const struct filter *filter, const struct bleproxy_advertisement *advertisement);

static inline bool filter_passes(const struct filter *filter,
                                 const struct bleproxy_advertisement *advertisement)
{
    return filter->everything || filter_examine(filter, advertisement);
}

#endif
