/* SPDX-License-Identifier: MIT */
#ifndef NAMES_SANITISE_H
#define NAMES_SANITISE_H

#include <stdbool.h>
#include <stddef.h>

/* Longest pieces of a peer's text that go into messages and logs, in characters. */
enum { SANITISE_NAME_MAX = 32, SANITISE_MAC_MAX = 16, SANITISE_REASON_MAX = 64 };

/* Copies at most max_chars characters of a peer's UTF-8 text (size bytes) to out (capacity bytes with the
 * NUL), leaving out what does not print: C0 and C1 controls, DEL, line and paragraph separators,
 * bidirectional overrides and isolates, zero-width and other format characters, private use, surrogates,
 * unassigned ends of planes, malformed bytes. Returns the bytes written without the NUL. capacity > 0. */
size_t sanitise(char *out, size_t capacity, const void *text, size_t size, size_t max_chars);
/* Whether sanitise() would leave nothing out of the text. */
bool sanitise_keeps(const void *text, size_t size);

#endif
