/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_SPELLING_H
#define CONFIG_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

enum { SPELLING_MAX = 32 };

/* Of some words the one that somebody has meant who wrote another. */
struct spelling {
    const char *word;
    const char *nearest; /* NULL: none is near enough for a slip of the hand */
    size_t limit;
};

/* How many letters must be inserted, left out, changed or swapped with their neighbour to make one word of
 * the other; case counts for nothing. SIZE_MAX when either is longer than SPELLING_MAX. */
size_t spelling_distance(const char *a, const char *b);

/* Looks for what may be meant by the word, among those that spelling_try() is given. All are borrowed. */
void spelling_seek(struct spelling *spelling, const char *word);
/* Whether it is nearer than those before. A word is also near to one that it is the beginning of. */
bool spelling_try(struct spelling *spelling, const char *candidate);

#endif
