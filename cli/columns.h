/* SPDX-License-Identifier: MIT */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A table that fits the line: columns get narrower, then are left out, the least important first. */

enum { COLUMNS_MAX = 48 };

struct column {
    const char *head;
    /* Its width is that of its widest cell, max at most (0: any). If lines are not wide enough columns are made as narrow as
     * min, those of the highest rank first; if that is not enough either they are left out, but for those of rank 0. */
    unsigned min, max, rank;
    bool fixed; /* as wide as max, however narrow its cells are */
    bool right; /* flush right */
    bool tail;  /* of cells that are too long the end is shown, not the beginning */
    bool list;  /* of cells that are too long the first entries are shown, as of text_entries() */
};

struct columns {
    const struct column *columns; /* borrowed */
    size_t n_columns;
    struct cell *cells; /* row by row */
    size_t n_cells, capacity;
    bool failed;   /* no memory: there are no more cells */
    unsigned line; /* 0: cells are not cut */
    bool colour;
    unsigned widths[COLUMNS_MAX]; /* 0: left out */
};

/* line: the width of lines, or 0: as wide as they are. COLUMNS_MAX columns at most. */
void columns_init(struct columns *columns, const struct column *list, size_t n, unsigned line, bool colour);
void columns_deinit(struct columns *columns);
/* The next cell; its text must be sanitised. colour: an escape sequence, or NULL. What there is no memory for stays
 * empty. */
void columns_add(struct columns *columns, const char *colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* When all are added: finds the widths, and shortens lists to theirs. Once. */
void columns_fit(struct columns *columns);
/* The number of columns of the line that a column takes, 0: it is left out. */
unsigned columns_width(const struct columns *columns, size_t column);
size_t columns_n_rows(const struct columns *columns);
/* A line each, with a newline. */
void columns_print_head(const struct columns *columns, FILE *out);
void columns_print_row(const struct columns *columns, FILE *out, size_t row);
/* Fits and prints all of it. */
void columns_print(struct columns *columns, FILE *out);

#endif
