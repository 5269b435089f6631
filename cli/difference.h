/* SPDX-License-Identifier: MIT */
#ifndef CLI_DIFFERENCE_H
#define CLI_DIFFERENCE_H

#include "proxies.h"

/* What a new configuration changes for proxies that are in use. Pure. */

#define DIFFERENCE_NEW SIZE_MAX

/* The same proxy, spoken to in the same way, under the same name. */
bool difference_is_same(const struct target *before, const struct target *after);
/* For each one of after: which one of before it is, or DIFFERENCE_NEW: it was not there, or is spoken to in another way.
 * Those of before that are not among these are to go. ret_from has room for n_after. */
void difference_match(const struct target *before, size_t n_before, const struct target *after,
                      size_t n_after, size_t *ret_from);

#endif
