/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "columns.h"
#include "describe.h"
#include "terminal.h"

enum { NAME_SIZE = 256, WHAT_SIZE = 512 };

static const struct column list[] = {
    {.head = "ADDRESS", .min = 17},
    {.head = "NAME", .min = 14, .max = 24, .rank = 3},
    {.head = "RSSI", .min = 9, .max = 9, .rank = 1, .fixed = true},
    {.head = "AGE", .min = 4, .max = 4, .rank = 4, .fixed = true, .right = true},
    {.head = "ADV/S", .min = 7, .max = 7, .rank = 5, .fixed = true, .right = true},
    {.head = "PROXY", .min = 5, .max = 20, .rank = 2},
    {.head = "COMPANY AND SERVICES", .min = 12, .rank = 6},
};

const char *table_bars(int rssi_dbm)
{
    return rssi_dbm == BLEPROXY_RSSI_NONE ? ""
           : rssi_dbm >= -55              ? "▂▄▆█"
           : rssi_dbm >= -70              ? "▂▄▆"
           : rssi_dbm >= -85              ? "▂▄"
                                          : "▂";
}

const char *table_colour(int rssi_dbm)
{
    return rssi_dbm >= -70 ? TERMINAL_GREEN : rssi_dbm >= -85 ? TERMINAL_YELLOW : TERMINAL_RED;
}

void table_add_strength(struct columns *columns, int rssi_dbm)
{
    if (rssi_dbm == BLEPROXY_RSSI_NONE)
        columns_add(columns, NULL, "   -");
    else
        columns_add(columns, table_colour(rssi_dbm), "%4d %s", rssi_dbm, table_bars(rssi_dbm));
}

static void add_row(struct columns *columns, const struct table_row *row)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], name[NAME_SIZE], what[WHAT_SIZE];
    bleproxy_address_format(row->advertisement->address, address);
    describe_name(row->name, name, sizeof(name));
    describe(row->advertisement, what, sizeof(what));
    columns_add(columns, NULL, "%s", address);
    columns_add(columns, NULL, "%s", name);
    table_add_strength(columns, row->advertisement->rssi_dbm);
    columns_add(columns, NULL, "%u", (unsigned)row->age_s);
    columns_add(columns, NULL, "%.1f", row->rate);
    columns_add(columns, NULL, "%s", row->proxy);
    columns_add(columns, NULL, "%s", what);
}

void table_print(FILE *out, const struct table_style *style, const struct table_row *rows, size_t n_rows)
{
    struct columns columns;
    columns_init(&columns, list, sizeof(list) / sizeof(*list), style->columns, style->colour);
    for (size_t i = 0; i < n_rows; i++)
        add_row(&columns, &rows[i]);
    columns_print(&columns, out);
    columns_deinit(&columns);
}
