/* SPDX-License-Identifier: MIT */
#ifndef CLI_AFFIXES_H
#define CLI_AFFIXES_H

#include <stddef.h>
#include <stdio.h>

/* What labels have in common at their beginnings and ends, at "-", "_", "." or a space: "esp32-kitchen" and "esp32-attic"
 * are told apart by the rest. Each keeps at least a byte. */
struct affixes {
    size_t begin, end; /* bytes */
};

/* What is left of a label without them. */
void affixes_print(FILE *out, const struct affixes *affixes, const char *label);
/* Nothing is common to fewer than two. */
struct affixes affixes_find(const char *const *labels, size_t n);

#endif
