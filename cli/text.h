/* SPDX-License-Identifier: MIT */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* Text in columns. It must be sanitised; it is UTF-8, and wide characters take two columns. */

/* Takes the locale's character set from the environment, UTF-8 where that has none. Once, first. */
void text_init(void);
unsigned text_width(const char *text);
/* The columns of as much of text as fits into width; *ret_size (may be NULL): its bytes. */
unsigned text_fit(const char *text, unsigned width, size_t *ret_size);
/* The longest end of text that fits into width columns. */
const char *text_tail(const char *text, unsigned width);
/* Of a list, "kitchen -48, attic -71, garage -80", the entries that fit into width columns, and how many are left out:
 * "kitchen -48, +2"; no entry is cut. To be freed; NULL: there is no memory. */
char *text_entries(const char *list, unsigned width);
/* As much of text as fits into width columns. Returns the columns taken. */
unsigned text_cut(FILE *out, const char *text, unsigned width);
/* How many bytes of text go on a line of width columns: whole words where that can be, one character at least. */
size_t text_line(const char *text, unsigned width);
/* Words on lines of width columns, or 0: on one; with a newline at the end. */
void text_wrap(FILE *out, const char *text, unsigned width);
/* As text_cut(), filled up with spaces. */
void text_column(FILE *out, const char *text, unsigned width);

#endif
