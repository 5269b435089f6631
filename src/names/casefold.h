/* SPDX-License-Identifier: MIT */
#ifndef NAMES_CASEFOLD_H
#define NAMES_CASEFOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Full case folding, what Python's str.casefold() does: for comparing, never for showing. */

enum { CASEFOLD_MAX = 3 }; /* characters that one character may become */

/* The characters that one becomes, mostly itself; returns how many, at least 1. */
size_t casefold_character(uint32_t character, uint32_t ret_folded[CASEFOLD_MAX]);

/* Whether text, folded, begins with prefix, folded; each has its size in bytes, and NUL is a character like
 * any other. A prefix may end within what one character became: "\u00df" begins with "S". Each byte that is
 * not UTF-8 is a character of its own, equal to that byte only. */
bool casefold_starts_with(const void *text, size_t size, const void *prefix, size_t prefix_size);

#endif
