/* SPDX-License-Identifier: MIT */
#include "affixes.h"
#include "columns.h"
#include "describe.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include "top_page.h"
#include <stdlib.h>
#include <string.h>

enum {
    NARROW = 64, /* columns below which a device has either a name or an address */
    OWNER_MAX = 16,
    STRENGTH_MIN = 5, /* "-100*" */
    STRENGTH_MAX = 10,
    GAP = 2,
    OTHERS = 51, /* columns of all but the strengths, in a window that is not wide */
    N_OTHERS = 5,
    ROOMY = 8, /* lines from which on there is room for an empty one */
};

/* ---- Sorting ---- */

static int by_address(const struct top_device *a, const struct top_device *b)
{
    return a->address < b->address ? -1 : a->address > b->address;
}

static int compare_strengths(const void *a, const void *b)
{
    const struct top_device *left = a, *right = b;
    int order = right->strength_dbm - left->strength_dbm;
    return order ? order : by_address(left, right);
}

/* Without a name last. */
static int compare_names(const void *a, const void *b)
{
    const struct top_device *left = a, *right = b;
    int order = (left->name[0] == '\0') - (right->name[0] == '\0');
    order = order ? order : strcmp(left->name, right->name);
    return order ? order : by_address(left, right);
}

static int compare_numbers(double left, double right)
{
    return left < right ? -1 : left > right;
}

static int compare_ages(const void *a, const void *b)
{
    const struct top_device *left = a, *right = b;
    int order = compare_numbers(left->age_s, right->age_s);
    return order ? order : by_address(left, right);
}

/* Unknown ones last. */
static int compare_intervals(const void *a, const void *b)
{
    const struct top_device *left = a, *right = b;
    int order = (left->interval_s <= 0) - (right->interval_s <= 0);
    order = order ? order : compare_numbers(left->interval_s, right->interval_s);
    return order ? order : by_address(left, right);
}

static const struct sorting {
    const char *name;
    int (*compare)(const void *a, const void *b);
} sortings[TOP_N_SORTS] = {
    [TOP_BY_STRENGTH] = {"strength", compare_strengths},
    [TOP_BY_NAME] = {"name", compare_names},
    [TOP_BY_AGE] = {"age", compare_ages},
    [TOP_BY_INTERVAL] = {"interval", compare_intervals},
};

/* ---- Columns ---- */

/* How the strengths are shown: a column for each proxy, or a list of those that hear the device. */
struct layout {
    struct column list[COLUMNS_MAX];
    char heads[COLUMNS_MAX][sizeof(((struct top_proxy *)NULL)->label)];
    size_t n_columns;
    bool narrow, listed;
    struct affixes affixes; /* what names are listed without, in a window */
};

static void add_column(struct layout *layout, struct column column)
{
    layout->list[layout->n_columns++] = column;
}

/* The names of proxies, or where one is too long what tells them apart. Returns the width of the widest. */
static unsigned name_columns(struct layout *layout, const struct top_scene *scene, unsigned width)
{
    const char *labels[COLUMNS_MAX];
    unsigned widest = STRENGTH_MIN;
    bool too_long = false;
    for (size_t i = 0; i < scene->n_proxies; i++) {
        labels[i] = scene->proxies[i].label;
        too_long |= text_width(labels[i]) > width;
    }
    struct affixes affixes = too_long ? affixes_find(labels, scene->n_proxies) : (struct affixes){0};
    for (size_t i = 0; i < scene->n_proxies; i++) {
        int length = (int)(strlen(labels[i]) - affixes.begin - affixes.end);
        snprintf(layout->heads[i], sizeof(layout->heads[i]), "%.*s", length, labels[i] + affixes.begin);
        unsigned own = text_width(layout->heads[i]);
        widest = own > widest ? own : widest;
    }
    return widest;
}

static void add_strength_columns(struct layout *layout, const struct top_scene *scene, unsigned width)
{
    unsigned widest = name_columns(layout, scene, width);
    if (widest < width)
        width = widest;
    for (size_t i = 0; i < scene->n_proxies; i++)
        add_column(layout, (struct column){.head = layout->heads[i],
                                           .min = width,
                                           .max = width,
                                           .rank = 2,
                                           .fixed = true,
                                           .right = true});
}

static struct affixes find_affixes(const struct top_scene *scene)
{
    struct affixes affixes = {0};
    const char **labels = calloc(scene->n_proxies + 1, sizeof(*labels));
    for (size_t i = 0; labels && i < scene->n_proxies; i++)
        labels[i] = scene->proxies[i].label;
    if (labels)
        affixes = affixes_find(labels, scene->n_proxies);
    free(labels);
    return affixes;
}

static void lay_out(struct layout *layout, const struct top_scene *scene, const struct top_window *window)
{
    unsigned columns = window->columns, n = (unsigned)scene->n_proxies;
    unsigned room = columns > OTHERS ? columns - OTHERS : 0, width = STRENGTH_MAX;
    bool live = columns > 0;
    if (live && n > 0 && room / n < width + GAP)
        width = room / n > GAP ? room / n - GAP : 0;
    layout->n_columns = 0;
    layout->narrow = live && columns < NARROW;
    layout->listed = width < STRENGTH_MIN || n > COLUMNS_MAX - N_OTHERS;
    layout->affixes = layout->listed && live ? find_affixes(scene) : (struct affixes){0};
    if (layout->narrow)
        add_column(layout, (struct column){.head = "DEVICE", .min = 17, .max = 17, .fixed = true});
    else
        add_column(layout, (struct column){.head = "ADDRESS", .min = 17});
    if (!layout->narrow)
        add_column(layout, (struct column){.head = "NAME", .min = 14, .max = 24, .rank = 3, .fixed = live});
    if (!layout->listed) {
        add_column(layout, (struct column){.head = "OWNER", .min = OWNER_MAX, .max = OWNER_MAX, .rank = 6});
        add_strength_columns(layout, scene, width);
    }
    add_column(layout, (struct column){.head = "AGE", .min = 4, .rank = 1, .right = true});
    add_column(layout, (struct column){.head = "INTERVAL", .min = 8, .rank = 5, .right = true});
    if (layout->listed)
        add_column(layout, (struct column){.head = "HEARD BY", .min = 10, .rank = 2, .list = true});
}

static void add_strengths(struct columns *table, const struct layout *layout, size_t n_proxies,
                          const struct top_device *device)
{
    columns_add(table, NULL, "%s", device->owner != TOP_NONE ? layout->heads[device->owner] : "-");
    for (size_t i = 0; i < n_proxies; i++) {
        int dbm = BLEPROXY_RSSI_NONE;
        for (size_t j = 0; j < device->n_hearings; j++)
            dbm = device->hearings[j].proxy == i ? device->hearings[j].dbm : dbm;
        if (dbm == BLEPROXY_RSSI_NONE)
            columns_add(table, NULL, "- ");
        else
            columns_add(table, table_colour(dbm), "%d%c", dbm, i == device->owner ? '*' : ' ');
    }
}

/* "kitchen -48, attic -71" */
static void add_strength_list(struct columns *table, const struct layout *layout,
                              const struct top_scene *scene, const struct top_device *device)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < device->n_hearings; i++) {
        const struct top_hearing *hearing = &device->hearings[i];
        fputs(i > 0 ? ", " : "", out);
        affixes_print(out, &layout->affixes, scene->proxies[hearing->proxy].label);
        if (hearing->dbm != BLEPROXY_RSSI_NONE)
            fprintf(out, " %d", hearing->dbm);
    }
    if (out)
        fclose(out);
    columns_add(table, table_colour(device->strength_dbm), "%s", text ? text : "");
    free(text);
}

/* It has missed several of its own reports. */
static bool is_late(const struct top_device *device)
{
    return device->interval_s > 0 && device->age_s > 3 * device->interval_s + 1;
}

static void add_device(struct columns *table, const struct layout *layout, const struct top_scene *scene,
                       const struct top_device *device)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], age[DESCRIBE_TIME_SIZE], interval[DESCRIBE_TIME_SIZE];
    bleproxy_address_format(device->address, address);
    describe_seconds(device->age_s, age);
    describe_seconds(device->interval_s > 0 ? device->interval_s : -1, interval);
    columns_add(table, NULL, "%s", layout->narrow && device->name[0] ? device->name : address);
    if (!layout->narrow)
        columns_add(table, NULL, "%s", device->name);
    if (!layout->listed)
        add_strengths(table, layout, scene->n_proxies, device);
    columns_add(table, is_late(device) ? TERMINAL_YELLOW : NULL, "%s", age);
    columns_add(table, NULL, "%s", interval);
    if (layout->listed)
        add_strength_list(table, layout, scene, device);
}

/* Two lines. */
static void print_help(struct top_page *page, const struct layout *layout)
{
    top_page_print(page, NULL, "q quits  j k PgUp PgDn g G scroll  Tab: the proxies  s sorts  p pauses");
    top_page_print(page, NULL,
                   layout->listed ? "HEARD BY: its owner first, whose report counts, then by strength"
                                  : "*: its owner, whose report counts until another is clearly stronger");
}

static void print_status(struct top_page *page, const struct top_scene *scene, const struct top_view *view,
                         size_t n_shown)
{
    char text[160], part[64] = "";
    size_t first = view->devices.first;
    if (n_shown < scene->n_devices && n_shown > 0)
        snprintf(part, sizeof(part), ", %zu to %zu", first + 1, first + n_shown);
    snprintf(text, sizeof(text), "%zu device%s by %s%s%s%s", scene->n_devices,
             scene->n_devices == 1 ? "" : "s", sortings[view->sort].name, part,
             view->paused ? "  PAUSED" : "", page->window->rows > 0 ? "  (q quits, h helps)" : "");
    top_page_print(page, view->paused ? TERMINAL_YELLOW : NULL, text);
}

void top_print_devices(struct top_page *page, struct top_scene *scene, struct top_view *view)
{
    struct layout layout;
    struct columns table;
    if (top_page_lines_left(page) >= ROOMY)
        top_page_print(page, NULL, "");
    size_t around = view->help ? 4 : 2; /* lines: what is shown, the help, the head */
    size_t room = top_page_lines_left(page) > around ? top_page_lines_left(page) - around : 0;
    size_t n = scene->n_devices;
    top_page_settle(&view->devices, room, n);
    size_t first = view->devices.first, n_shown = n - first < room ? n - first : room;
    qsort(scene->devices, n, sizeof(*scene->devices), sortings[view->sort].compare);
    lay_out(&layout, scene, page->window);
    print_status(page, scene, view, n_shown);
    if (view->help)
        print_help(page, &layout);
    if (top_page_lines_left(page) == 0)
        return;
    columns_init(&table, layout.list, layout.n_columns, page->window->columns, page->window->colour);
    for (size_t i = 0; i < n_shown; i++)
        add_device(&table, &layout, scene, &scene->devices[first + i]);
    columns_print(&table, page->out);
    columns_deinit(&table);
}
