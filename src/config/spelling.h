/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_SPELLING_H
#define CONFIG_SPELLING_H

#include <stddef.h>

enum { SPELLING_MAX = 32 };

/* How many letters must be inserted, left out, changed or swapped with their neighbour to make one word of
 * the other; case counts for nothing. SIZE_MAX when either is longer than SPELLING_MAX. */
size_t spelling_distance(const char *a, const char *b);

#endif
