/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "describe.h"
#include "terminal.h"
#include "text.h"

enum {
    NAME_SIZE = 256,
    WHAT_SIZE = 512,
    NAME_COLUMNS = 24,
    PROXY_COLUMNS = 20,
    OTHER_COLUMNS = 49, /* columns of everything but the name, the proxy and what it is */
};

struct widths {
    unsigned name, proxy, what;
};

const char *table_bars(int rssi_dbm)
{
    return rssi_dbm == BLEPROXY_RSSI_NONE ? "    "
           : rssi_dbm >= -55              ? "▂▄▆█"
           : rssi_dbm >= -70              ? "▂▄▆ "
           : rssi_dbm >= -85              ? "▂▄  "
                                          : "▂   ";
}

static const char *bars_colour(int rssi_dbm)
{
    return rssi_dbm >= -70 ? TERMINAL_GREEN : rssi_dbm >= -85 ? TERMINAL_YELLOW : TERMINAL_RED;
}

static unsigned clamp(unsigned value, unsigned max)
{
    return value < max ? value : max;
}

static struct widths measure(const struct table_style *style, const struct table_row *rows, size_t n_rows)
{
    struct widths widths = {.name = 4, .proxy = 5, .what = WHAT_SIZE};
    for (size_t i = 0; i < n_rows; i++) {
        char name[NAME_SIZE];
        describe_name(rows[i].name, name, sizeof(name));
        unsigned name_width = text_width(name), proxy_width = text_width(rows[i].proxy);
        if (name_width > widths.name)
            widths.name = clamp(name_width, NAME_COLUMNS);
        if (proxy_width > widths.proxy)
            widths.proxy = clamp(proxy_width, PROXY_COLUMNS);
    }
    unsigned used = OTHER_COLUMNS + widths.name + widths.proxy;
    if (style->columns > 0)
        widths.what = style->columns > used ? style->columns - used : 0;
    return widths;
}

static void print_row(FILE *out, const struct table_style *style, const struct widths *widths,
                      const struct table_row *row)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], name[NAME_SIZE], what[WHAT_SIZE];
    int rssi = row->advertisement->rssi_dbm;
    bleproxy_address_format(row->advertisement->address, address);
    describe_name(row->name, name, sizeof(name));
    describe(row->advertisement, what, sizeof(what));
    fprintf(out, "%s  ", address);
    text_column(out, name, widths->name);
    if (rssi == BLEPROXY_RSSI_NONE)
        fputs("     - ", out);
    else
        fprintf(out, "  %4d ", rssi);
    fprintf(out, "%s%s%s", style->colour ? bars_colour(rssi) : "", table_bars(rssi),
            style->colour ? TERMINAL_PLAIN : "");
    fprintf(out, "  %4u  %7.1f  ", (unsigned)row->age_s, row->rate);
    text_column(out, row->proxy, widths->proxy);
    if (widths->what > 0 && what[0]) {
        fputs("  ", out);
        text_cut(out, what, widths->what);
    }
    fputc('\n', out);
}

void table_print(FILE *out, const struct table_style *style, const struct table_row *rows, size_t n_rows)
{
    struct widths widths = measure(style, rows, n_rows);
    fputs(style->colour ? TERMINAL_BOLD : "", out);
    fputs("ADDRESS            ", out);
    text_column(out, "NAME", widths.name);
    fputs("  RSSI        AGE    ADV/S  ", out);
    text_column(out, "PROXY", widths.proxy);
    fputs(widths.what > 0 ? "  COMPANY AND SERVICES" : "", out);
    fputs(style->colour ? TERMINAL_PLAIN : "", out);
    fputc('\n', out);
    for (size_t i = 0; i < n_rows; i++)
        print_row(out, style, &widths, &rows[i]);
}
