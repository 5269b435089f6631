/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include "terminal.h"
#include "text.h"
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

enum { GAP = 2, FIRST_CELLS = 64 };

struct cell {
    char *text; /* NULL: there was no memory */
    const char *colour;
};

void columns_init(struct columns *columns, const struct column *list, size_t n, unsigned line, bool colour)
{
    *columns = (struct columns){
        .columns = list, .n_columns = n < COLUMNS_MAX ? n : COLUMNS_MAX, .line = line, .colour = colour};
}

void columns_deinit(struct columns *columns)
{
    for (size_t i = 0; i < columns->n_cells; i++)
        free(columns->cells[i].text);
    free(columns->cells);
    *columns = (struct columns){0};
}

static bool grow(struct columns *columns)
{
    if (columns->n_cells < columns->capacity)
        return true;
    size_t capacity = columns->capacity > 0 ? 2 * columns->capacity : FIRST_CELLS;
    struct cell *cells = realloc(columns->cells, capacity * sizeof(*cells));
    if (!cells)
        return false;
    columns->cells = cells;
    columns->capacity = capacity;
    return true;
}

void columns_add(struct columns *columns, const char *colour, const char *format, ...)
{
    struct cell cell = {.colour = colour};
    va_list arguments;
    columns->failed = columns->failed || !grow(columns);
    if (columns->failed)
        return;
    va_start(arguments, format);
    if (vasprintf(&cell.text, format, arguments) < 0)
        cell.text = NULL;
    va_end(arguments);
    columns->cells[columns->n_cells++] = cell;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* ---- Widths ---- */

static unsigned natural_width(const struct columns *columns, size_t column)
{
    const struct column *spec = &columns->columns[column];
    unsigned width = text_width(spec->head);
    for (size_t i = column; i < columns->n_cells; i += columns->n_columns) {
        unsigned own = columns->cells[i].text ? text_width(columns->cells[i].text) : 0;
        width = own > width ? own : width;
    }
    return spec->fixed || (spec->max > 0 && width > spec->max) ? spec->max : width;
}

static unsigned narrowest(const struct columns *columns, size_t column)
{
    return smaller(columns->columns[column].min, columns->widths[column]);
}

/* How much is missing if all columns have that width. */
static unsigned excess(const struct columns *columns,
                       unsigned (*width)(const struct columns *columns, size_t column))
{
    unsigned total = 0;
    for (size_t i = 0; i < columns->n_columns; i++)
        if (columns->widths[i] > 0)
            total += width(columns, i) + (total > 0 ? GAP : 0);
    return total > columns->line ? total - columns->line : 0;
}

static unsigned highest_rank(const struct columns *columns)
{
    unsigned rank = 0;
    for (size_t i = 0; i < columns->n_columns; i++)
        rank = columns->columns[i].rank > rank ? columns->columns[i].rank : rank;
    return rank;
}

/* Of one rank the last ones first. */
static void leave_out(struct columns *columns)
{
    for (unsigned rank = highest_rank(columns); rank > 0; rank--)
        for (size_t i = columns->n_columns; i-- > 0;)
            if (columns->columns[i].rank == rank && excess(columns, narrowest) > 0)
                columns->widths[i] = 0;
}

/* A line that is narrower than even that cuts what is left. */
static void make_narrower(struct columns *columns)
{
    for (unsigned rank = highest_rank(columns) + 1; rank-- > 0;)
        for (size_t i = columns->n_columns; i-- > 0;)
            if (columns->columns[i].rank == rank) {
                unsigned spare = columns->widths[i] - narrowest(columns, i);
                columns->widths[i] -= smaller(spare, excess(columns, columns_width));
            }
    for (size_t i = columns->n_columns; i-- > 0;)
        columns->widths[i] -= smaller(columns->widths[i], excess(columns, columns_width));
}

static void shorten_lists(struct columns *columns, size_t column)
{
    for (size_t i = column; i < columns->n_cells; i += columns->n_columns) {
        char *text =
            columns->cells[i].text ? text_entries(columns->cells[i].text, columns->widths[column]) : NULL;
        free(columns->cells[i].text);
        columns->cells[i].text = text;
    }
}

void columns_fit(struct columns *columns)
{
    for (size_t i = 0; i < columns->n_columns; i++)
        columns->widths[i] = natural_width(columns, i);
    if (columns->line == 0)
        return;
    leave_out(columns);
    make_narrower(columns);
    for (size_t i = 0; i < columns->n_columns; i++)
        if (columns->columns[i].list)
            shorten_lists(columns, i);
}

unsigned columns_width(const struct columns *columns, size_t column)
{
    return columns->widths[column];
}

size_t columns_n_rows(const struct columns *columns)
{
    return columns->n_columns > 0 ? columns->n_cells / columns->n_columns : 0;
}

/* ---- Printing ---- */

static void put_blanks(FILE *out, unsigned n)
{
    while (n-- > 0)
        fputc(' ', out);
}

/* due: blanks that the line owes; there shall be none at its end. */
static void put_cell(const struct columns *columns, FILE *out, size_t column, const char *text,
                     const char *colour, unsigned *due)
{
    const struct column *spec = &columns->columns[column];
    unsigned width = columns->widths[column], room = columns->line > 0 ? width : UINT_MAX;
    unsigned own = text_fit(text, room, NULL), blanks = width > own ? width - own : 0;
    *due += spec->right || own == 0 ? blanks : 0;
    if (own > 0) {
        put_blanks(out, *due);
        fputs(colour ? colour : "", out);
        text_cut(out, text, room);
        fputs(colour ? TERMINAL_PLAIN : "", out);
        *due = spec->right ? 0 : blanks;
    }
    *due += GAP;
}

void columns_print_head(const struct columns *columns, FILE *out)
{
    unsigned due = 0;
    fputs(columns->colour ? TERMINAL_BOLD : "", out);
    for (size_t i = 0; i < columns->n_columns; i++)
        if (columns->widths[i] > 0)
            put_cell(columns, out, i, columns->columns[i].head, NULL, &due);
    fputs(columns->colour ? TERMINAL_PLAIN "\n" : "\n", out);
}

static const char *shown(const struct columns *columns, size_t column, const char *text)
{
    if (!text)
        return "";
    return columns->line > 0 && columns->columns[column].tail ? text_tail(text, columns->widths[column])
                                                              : text;
}

void columns_print_row(const struct columns *columns, FILE *out, size_t row)
{
    const struct cell *cells = columns->cells + row * columns->n_columns;
    unsigned due = 0;
    for (size_t i = 0; i < columns->n_columns; i++)
        if (columns->widths[i] > 0)
            put_cell(columns, out, i, shown(columns, i, cells[i].text),
                     columns->colour ? cells[i].colour : NULL, &due);
    fputc('\n', out);
}

void columns_print(struct columns *columns, FILE *out)
{
    columns_fit(columns);
    columns_print_head(columns, out);
    for (size_t i = 0; i < columns_n_rows(columns); i++)
        columns_print_row(columns, out, i);
}
