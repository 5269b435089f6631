/* SPDX-License-Identifier: MIT */
#ifndef NAMES_NUMBER_H
#define NAMES_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Tables of assigned numbers. Each list is a file of NUMBER(value, "name") lines in ascending order, from
 * which its C file builds one block of all names and an index of offsets into it: a table of pointers would
 * have to be relocated, and so copied into memory, in every process that loads the library. */
struct number {
    uint16_t value;
    uint32_t name; /* offset in the block */
};

struct number_128 {
    uint64_t high, low; /* as printed */
    uint32_t name;
};

/* The name in the block, or NULL. */
const char *number_find(const struct number *numbers, size_t n, const void *names, uint16_t value);
const char *number_128_find(const struct number_128 *numbers, size_t n, const void *names,
                            const uint8_t bytes[16]);

#endif
