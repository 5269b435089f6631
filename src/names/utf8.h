/* SPDX-License-Identifier: MIT */
#ifndef NAMES_UTF8_H
#define NAMES_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the UTF-8 sequence that starts at text, or 0 when it is malformed: overlong, cut short, a
 * surrogate, above U+10FFFF. size > 0. */
size_t utf8_decode(const uint8_t *text, size_t size, uint32_t *ret_character);

#endif
