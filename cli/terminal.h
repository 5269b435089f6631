/* SPDX-License-Identifier: MIT */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>

/* The terminal that standard output may be. */

/* It is one on which the cursor can be moved. */
bool terminal_is_live(void);
bool terminal_has_colour(void);
struct terminal_size {
    unsigned columns, rows;
};
/* 80 by 24 where it is unknown. */
struct terminal_size terminal_size(void);
/* How wide lines may be that are printed; 0, as wide as they are, where it is no terminal, live or not. */
unsigned terminal_line(void);

/* A second screen for a live view: what was on the terminal comes back when it is left. Lines are cut, not wrapped.
 * with_keys: keys come at once and are not shown, where standard input is a terminal; those that make signals still make
 * them. While the process is stopped or in the background the terminal is as it was before. */
void terminal_enter(bool with_keys);
/* Also when it was not entered; and by itself when the process exits. */
void terminal_leave(void);
/* The same, for signal handlers, at once: what is still to be written is not, and the screen stays on a terminal that takes
 * nothing. */
void terminal_abandon(void);
/* Shows text, lines separated by newlines, from the top left, and nothing else. A newline at the end is a line. */
void terminal_show(const char *text);

/* Since the last call: it has another size, or is ours again with nothing on it. */
bool terminal_has_changed(void);
/* The descriptor that keys come from, or -1: not now. */
int terminal_keys(void);
/* Reads keys without waiting. 0: there are none; -1: there will be none. */
int terminal_read_keys(char *keys, unsigned size);

/* Escape sequences for parts of a line. */
#define TERMINAL_BOLD   "\033[1m"
#define TERMINAL_DIM    "\033[2m"
#define TERMINAL_RED    "\033[31m"
#define TERMINAL_GREEN  "\033[32m"
#define TERMINAL_YELLOW "\033[33m"
#define TERMINAL_PLAIN  "\033[0m"

#endif
