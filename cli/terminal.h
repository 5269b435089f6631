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

/* A second screen for a live view: what was on the terminal comes back when it is left. Lines are cut, not
 * wrapped. */
void terminal_enter(void);
/* Also when it was not entered; and by itself when the process exits. */
void terminal_leave(void);
/* Shows text, lines separated by newlines, from the top left, and nothing else. */
void terminal_show(const char *text);

/* Escape sequences for parts of a line. */
#define TERMINAL_BOLD   "\033[1m"
#define TERMINAL_DIM    "\033[2m"
#define TERMINAL_RED    "\033[31m"
#define TERMINAL_GREEN  "\033[32m"
#define TERMINAL_YELLOW "\033[33m"
#define TERMINAL_PLAIN  "\033[0m"

#endif
