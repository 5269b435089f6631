/* SPDX-License-Identifier: MIT */
#include "why.h"

#include "columns.h"
#include "describe.h"
#include "hearing.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_SIZE = 256,
    VERDICT_SIZE = 640,
    NARROW = 24, /* columns for verdicts beside the others; if there are fewer they go below */
    INDENT = 2,
};

static void print_who(const struct why *why, FILE *out, uint64_t address, const char *advertised)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE], shown[NAME_SIZE];
    bleproxy_address_format(address, text);
    describe_name(device_names_show(&why->fleet.proxies.names, address, advertised), shown, sizeof(shown));
    fprintf(out, "%s%s%s   ", text, shown[0] ? "  " : "", shown);
}

/* "not heard; in an earlier run 45 s ago by bedroom": the latest of what proxies remember. */
static void print_remembered(struct why *why, FILE *out)
{
    char age[DESCRIBE_TIME_SIZE];
    const struct way *latest = NULL;
    for (size_t i = 0; i < why->n_paths; i++)
        if (way_is_heard(why->ways[i].path) && (!latest || why->ways[i].path->age_ns < latest->path->age_ns))
            latest = &why->ways[i];
    print_who(why, out, why->remembered->address, why->remembered->name);
    fputs("not heard", out);
    if (!latest)
        return;
    describe_duration(why_seconds(latest->path->age_ns), age);
    fprintf(out, "; in an earlier run %s ago by %s", age, latest->member->label);
}

/* "A4:C1:38:80:00:00  Virtual Battery   interval 2.1 s, last heard 0.4 s ago by kitchen" */
static void print_title(struct why *why, FILE *out)
{
    char interval[DESCRIBE_TIME_SIZE], age[DESCRIBE_TIME_SIZE];
    if (!why->device && why->remembered) {
        print_remembered(why, out);
        return;
    }
    if (!why->device) {
        if (why->address)
            print_who(why, out, why->address, NULL);
        else
            fprintf(out, "%s   ", why->label);
        fputs("not heard", out);
        return;
    }
    const struct bleproxy_advertisement *last = bleproxy_device_advertisement(why->device);
    const struct member *owner = fleet_find(&why->fleet, last->source);
    uint64_t interval_ns = bleproxy_device_interval_ns(why->device);
    print_who(why, out, last->address, bleproxy_device_name(why->device));
    describe_seconds(hearing_age_s(&why->fleet, last), age);
    if (interval_ns > 0) {
        describe_seconds(why_seconds(interval_ns), interval);
        fprintf(out, "interval %s s, ", interval);
    }
    fprintf(out, "last heard %s s ago%s%s", age, owner ? " by " : "", owner ? owner->label : "");
}

static const struct column columns[] = {
    {.head = "PROXY", .min = 6, .max = 24},
    {.head = "RSSI", .min = 9, .max = 9, .rank = 1, .fixed = true},
    {.head = "AGE", .min = 4, .rank = 3, .right = true},
    {.head = "SLOTS", .min = 5, .rank = 4, .right = true},
    {.head = ""}, /* the verdict */
};
enum { N_COLUMNS = sizeof(columns) / sizeof(*columns) };

static const char *colour_of(const struct way *way)
{
    return way->used ? TERMINAL_GREEN : way->path ? NULL : TERMINAL_RED;
}

/* All but the verdict. */
static void add_way(struct columns *table, const struct way *way)
{
    char age[DESCRIBE_TIME_SIZE];
    const struct bleproxy_path *path = way->path;
    bool heard = way_is_heard(path);
    describe_seconds(heard ? why_seconds(path->age_ns) : -1, age);
    columns_add(table, NULL, "%s", way->member->label);
    table_add_strength(table, heard ? why_rounded(path->smoothed_dbm) : BLEPROXY_RSSI_NONE);
    columns_add(table, NULL, "%s", age);
    if (path && path->slots_limit > 0)
        columns_add(table, path->slots_free == 0 ? TERMINAL_RED : NULL, "%u/%u",
                    (unsigned)(path->slots_limit - path->slots_free), (unsigned)path->slots_limit);
    else
        columns_add(table, NULL, "-");
}

/* The columns that are left for verdicts; 0: too few. */
static unsigned verdict_width(struct columns *table, unsigned line)
{
    unsigned used = 0;
    columns_fit(table);
    for (size_t i = 0; i < table->n_columns; i++)
        if (columns_width(table, i) > 0)
            used += columns_width(table, i) + INDENT;
    return line >= used + NARROW ? line - used : 0;
}

/* Cells of as many rows as the verdict takes lines. */
static void add_verdict(struct columns *table, const struct why *why, const struct way *way, unsigned width)
{
    char verdict[VERDICT_SIZE];
    const char *text = verdict;
    why_describe(why, way, verdict, sizeof(verdict));
    do {
        size_t size = width > 0 ? text_line(text, width) : strlen(text);
        for (size_t i = 0; text != verdict && i + 1 < N_COLUMNS; i++)
            columns_add(table, NULL, "%s", "");
        columns_add(table, colour_of(way), "%.*s", (int)size, text);
        text += size + (text[size] == ' ');
    } while (*text);
}

static void print_below(const struct why *why, const struct way *way, unsigned line)
{
    char verdict[VERDICT_SIZE];
    unsigned width = line > INDENT ? line - INDENT : 1;
    why_describe(why, way, verdict, sizeof(verdict));
    for (const char *text = verdict; *text;) {
        size_t size = text_line(text, width);
        printf("%*s%.*s\n", line > INDENT ? INDENT : 0, "", (int)size, text);
        text += size + (text[size] == ' ');
    }
}

/* A line each, the verdict behind it, in lines of its own where there are several; or below, if there is not the room. */
static void print_table(const struct why *why, unsigned line)
{
    struct columns table;
    bool colour = terminal_has_colour();
    columns_init(&table, columns, N_COLUMNS - 1, line, colour);
    for (size_t i = 0; i < why->n_ways; i++)
        add_way(&table, &why->ways[i]);
    unsigned width = verdict_width(&table, line);
    if (line == 0 || width > 0) {
        columns_deinit(&table);
        columns_init(&table, columns, N_COLUMNS, line, colour);
        for (size_t i = 0; i < why->n_ways; i++) {
            add_way(&table, &why->ways[i]);
            add_verdict(&table, why, &why->ways[i], width);
        }
        columns_print(&table, stdout);
    } else {
        columns_print_head(&table, stdout);
        for (size_t i = 0; i < columns_n_rows(&table); i++) {
            columns_print_row(&table, stdout, i);
            print_below(why, &why->ways[i], line);
        }
    }
    columns_deinit(&table);
}

void why_print_text(struct why *why)
{
    unsigned line = terminal_line();
    char *title = NULL;
    size_t size;
    FILE *out = open_memstream(&title, &size);
    if (out) {
        print_title(why, out);
        fclose(out);
        text_wrap(stdout, title, line);
    }
    free(title);
    putchar('\n');
    print_table(why, line);
    putchar('\n');
    text_wrap(stdout, why->text, line);
}
