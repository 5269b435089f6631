/* SPDX-License-Identifier: MIT */
#include "top.h"

#include "affixes.h"
#include "columns.h"
#include "describe.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEW = 3,
    WIDE = 140,  /* columns from which on a proxy is told in one line; else there may be a second one */
    NARROW = 64, /* columns below which a device has either a name or an address */
    LABEL_MAX = 24,
    BEST_MAX = 16,
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

/* ---- Lines ---- */

struct page {
    FILE *out;
    const struct top_window *window;
    unsigned used; /* lines */
};

static unsigned lines_left(const struct page *page)
{
    unsigned rows = page->window->rows;
    return rows == 0 ? UINT_MAX : rows > page->used ? rows - page->used : 0;
}

/* A line of its own; text must be sanitised. */
static void print_text(struct page *page, const char *colour, const char *text)
{
    unsigned columns = page->window->columns > 0 ? page->window->columns : UINT_MAX;
    if (lines_left(page) == 0)
        return;
    fputs(colour && page->window->colour ? colour : "", page->out);
    text_cut(page->out, text, columns);
    fputs(colour && page->window->colour ? TERMINAL_PLAIN "\n" : "\n", page->out);
    page->used++;
}

/* ---- Proxies ---- */

static bool is_full(const struct top_proxy *proxy)
{
    return proxy->slots_limit > 0 && proxy->slots_used >= proxy->slots_limit;
}

/* How urgent it is to see the proxy: SEVERITY_MAX to 0. */
enum { SEVERITY_MAX = 5 };
static int severity(const struct top_proxy *proxy)
{
    switch (proxy->health) {
    case TOP_DOWN:
        return SEVERITY_MAX;
    case TOP_SILENT:
        return 4;
    case TOP_STARTING:
        return 1;
    case TOP_WELL:
        break;
    }
    return is_full(proxy) ? 3 : proxy->lost_lately ? 2 : 0;
}

static void count(FILE *out, const struct top_scene *scene, int wanted, const char *what, bool *first)
{
    size_t n = 0;
    for (size_t i = 0; i < scene->n_proxies; i++)
        n += severity(&scene->proxies[i]) == wanted;
    if (n == 0)
        return;
    fprintf(out, "%s%zu %s", *first ? ": " : ", ", n, what);
    *first = false;
}

/* "5 proxies: 1 down, 1 full; 78 adverts/s" */
static void print_summary(struct page *page, const struct top_scene *scene)
{
    char *text = NULL;
    size_t size;
    bool first = true;
    double rate = 0;
    int worst = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    for (size_t i = 0; i < scene->n_proxies; i++) {
        int own = severity(&scene->proxies[i]);
        worst = own > worst ? own : worst;
        rate += scene->proxies[i].rate;
    }
    fprintf(out, "%zu prox%s", scene->n_proxies, scene->n_proxies == 1 ? "y" : "ies");
    count(out, scene, 5, "down", &first);
    count(out, scene, 4, "silent", &first);
    count(out, scene, 3, "full", &first);
    count(out, scene, 2, "lost lately", &first);
    count(out, scene, 1, "connecting", &first);
    fprintf(out, "%s; %.0f adverts/s", first ? ", all well" : "", rate);
    fclose(out);
    print_text(page, worst >= 4 ? TERMINAL_RED : worst > 0 ? TERMINAL_YELLOW : TERMINAL_GREEN, text);
    free(text);
}

static const char *state_colour(const struct top_proxy *proxy)
{
    switch (proxy->health) {
    case TOP_WELL:
        return TERMINAL_GREEN;
    case TOP_STARTING:
        return TERMINAL_YELLOW;
    case TOP_SILENT:
    case TOP_DOWN:
        break;
    }
    return TERMINAL_RED;
}

static const char *trouble_colour(const struct top_proxy *proxy)
{
    return severity(proxy) >= 4 ? TERMINAL_RED : proxy->lost_lately ? TERMINAL_YELLOW : NULL;
}

enum { HISTORY = 4, N_SHORT = 8, N_LONG = 10 };
static const struct column proxy_columns[N_LONG] = {
    {.head = "PROXY", .min = 6, .max = LABEL_MAX},
    {.head = "STATE", .min = 11, .rank = 1},
    {.head = "FIRMWARE", .min = 10, .max = 10, .rank = 6},
    {.head = "ADV/S", .min = 5, .rank = 2, .right = true},
    [HISTORY] = {.head = "", .min = 8, .max = SPARKLINE_BARS, .rank = 7, .fixed = true, .tail = true},
    {.head = "MAX", .min = 4, .rank = 5, .right = true},
    {.head = "DEVICES", .min = 7, .rank = 4, .right = true},
    {.head = "SLOTS", .min = 8, .rank = 3},
    {.head = "HELD BY", .min = 20, .max = 40, .rank = 10},
    {.head = "LAST TROUBLE", .min = 16, .rank = 8},
};

static void add_count(struct columns *table, bool known, double n)
{
    if (known)
        columns_add(table, NULL, "%.0f", n);
    else
        columns_add(table, NULL, "-");
}

static void add_slots(struct columns *table, const struct top_proxy *proxy)
{
    bool full = is_full(proxy);
    if (proxy->slots_limit > 0)
        columns_add(table, full ? TERMINAL_RED : NULL, "%u/%u%s", (unsigned)proxy->slots_used,
                    (unsigned)proxy->slots_limit, full ? " full" : "");
    else
        columns_add(table, NULL, "-");
}

static void add_proxy(struct columns *table, const struct top_proxy *proxy, size_t n_columns)
{
    char history[SPARKLINE_TEXT_SIZE];
    bool was_up = proxy->firmware[0] != '\0';
    sparkline_format(&proxy->history, SPARKLINE_BARS, history);
    columns_add(table, NULL, "%s", proxy->label);
    columns_add(table, state_colour(proxy), "%s", proxy->state);
    columns_add(table, NULL, "%s", was_up ? proxy->firmware : "-");
    add_count(table, was_up, proxy->rate);
    columns_add(table, state_colour(proxy), "%s", history);
    add_count(table, was_up, (sparkline_max(&proxy->history) + TOP_BAR_S - 1) / TOP_BAR_S);
    add_count(table, was_up, (double)proxy->n_devices);
    add_slots(table, proxy);
    if (n_columns < N_LONG)
        return;
    columns_add(table, NULL, "%s", proxy->holders[0] ? proxy->holders : "-");
    columns_add(table, trouble_colour(proxy), "%s", proxy->trouble[0] ? proxy->trouble : "-");
}

/* Where lines are too short for it: what there is to say about a proxy, or nothing. */
static bool has_details(const struct top_proxy *proxy)
{
    return proxy->trouble[0] || proxy->holders[0];
}

static void print_details(struct page *page, const struct top_proxy *proxy)
{
    char trouble[sizeof(proxy->trouble) + 16] = "", holders[sizeof(proxy->holders) + 16] = "", text[1024];
    if (proxy->trouble[0])
        snprintf(trouble, sizeof(trouble), "%s%s", proxy->health == TOP_WELL ? "lost " : "", proxy->trouble);
    if (proxy->holders[0])
        snprintf(holders, sizeof(holders), "held by %s", proxy->holders);
    const char *separator = trouble[0] && holders[0] ? "; " : "";
    if (proxy->health == TOP_WELL)
        snprintf(text, sizeof(text), "  %s%s%s", holders, separator, trouble);
    else
        snprintf(text, sizeof(text), "  %s%s%s", trouble, separator, holders);
    print_text(page, trouble_colour(proxy), text);
}

/* Those that are shown, n at most: in their order if that is all of them, else the worst first. Returns how many. */
static size_t choose(const struct top_scene *scene, const struct top_proxy **chosen, size_t n)
{
    size_t n_chosen = 0;
    if (n >= scene->n_proxies) {
        for (; n_chosen < scene->n_proxies; n_chosen++)
            chosen[n_chosen] = &scene->proxies[n_chosen];
        return n_chosen;
    }
    for (int wanted = SEVERITY_MAX; wanted >= 0; wanted--)
        for (size_t i = 0; i < scene->n_proxies && n_chosen < n; i++)
            if (severity(&scene->proxies[i]) == wanted)
                chosen[n_chosen++] = &scene->proxies[i];
    return n_chosen;
}

static void print_proxy_table(struct page *page, const struct top_proxy *const *chosen, size_t n, bool head,
                              int details)
{
    char title[24];
    struct column list[N_LONG];
    struct columns table;
    bool wide = page->window->columns == 0 || page->window->columns >= WIDE;
    size_t n_columns = wide ? N_LONG : N_SHORT;
    memcpy(list, proxy_columns, sizeof(list));
    list[HISTORY].head = title;
    if (wide) { /* there is much to be told */
        list[HISTORY].rank = 9;
        list[HISTORY].min = SPARKLINE_BARS / 2;
    }
    title[0] = '\0';
    columns_init(&table, list, n_columns, page->window->columns, page->window->colour);
    for (size_t i = 0; i < n; i++)
        add_proxy(&table, chosen[i], n_columns);
    columns_fit(&table);
    snprintf(title, sizeof(title), "LAST %u s", columns_width(&table, HISTORY) * TOP_BAR_S);
    if (head) {
        columns_print_head(&table, page->out);
        page->used++;
    }
    for (size_t i = 0; i < columns_n_rows(&table); i++) {
        columns_print_row(&table, page->out, i);
        page->used++;
        if (!wide && severity(chosen[i]) >= details && has_details(chosen[i]))
            print_details(page, chosen[i]);
    }
    columns_deinit(&table);
}

/* The details that fit are those of the proxies of this severity and more. */
static int details_from(const struct top_scene *scene, size_t room)
{
    size_t needed = scene->n_proxies;
    int wanted = SEVERITY_MAX + 1;
    for (; wanted > 0; wanted--) {
        for (size_t i = 0; i < scene->n_proxies; i++)
            needed += severity(&scene->proxies[i]) == wanted - 1 && has_details(&scene->proxies[i]);
        if (needed > room)
            break;
    }
    return wanted;
}

/* Half of the window at most. */
static void print_proxies(struct page *page, const struct top_scene *scene)
{
    const struct top_proxy **chosen = calloc(scene->n_proxies + 1, sizeof(*chosen));
    bool head = lines_left(page) > FEW;
    size_t room = lines_left(page) - head, max = page->window->rows / 2 > FEW ? page->window->rows / 2 : FEW;
    if (page->window->rows > 0 && room > max)
        room = max;
    if (!chosen || room == 0) {
        free(chosen);
        return;
    }
    bool all = scene->n_proxies <= room;
    size_t n = choose(scene, chosen, all ? room : room > 1 ? room - 1 : 1);
    print_proxy_table(page, chosen, n, head, details_from(scene, room));
    if (n < scene->n_proxies && lines_left(page) > 0) {
        char text[48];
        snprintf(text, sizeof(text), "and %zu more", scene->n_proxies - n);
        print_text(page, NULL, text);
    }
    free(chosen);
}

/* ---- Devices ---- */

/* How the strengths are shown: a column for each proxy, or a list of those that hear the device. */
struct layout {
    struct column list[COLUMNS_MAX];
    char heads[COLUMNS_MAX][sizeof(((struct top_proxy *)NULL)->label)];
    size_t n_columns;
    bool narrow, listed;
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
    if (layout->narrow)
        add_column(layout, (struct column){.head = "DEVICE", .min = 17, .max = 17, .fixed = true});
    else
        add_column(layout, (struct column){.head = "ADDRESS", .min = 17});
    if (!layout->narrow)
        add_column(layout, (struct column){.head = "NAME", .min = 14, .max = 24, .rank = 3, .fixed = live});
    if (!layout->listed) {
        add_column(layout, (struct column){.head = "BEST", .min = BEST_MAX, .max = BEST_MAX, .rank = 6});
        add_strength_columns(layout, scene, width);
    }
    add_column(layout, (struct column){.head = "AGE", .min = 4, .rank = 1, .right = true});
    add_column(layout, (struct column){.head = "INTERVAL", .min = 8, .rank = 5, .right = true});
    if (layout->listed)
        add_column(layout, (struct column){.head = "HEARD BY", .min = 10, .rank = 2});
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
static void add_strength_list(struct columns *table, const struct top_scene *scene,
                              const struct top_device *device)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < device->n_hearings; i++) {
        const struct top_hearing *hearing = &device->hearings[i];
        fprintf(out, "%s%s", i > 0 ? ", " : "", scene->proxies[hearing->proxy].label);
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
        add_strength_list(table, scene, device);
}

static const char keys_help[] = "q quits  j k PgUp PgDn scroll  s sorts  p pauses  *: the best proxy";

static void print_status(struct page *page, const struct top_scene *scene, const struct top_view *view,
                         size_t n_shown)
{
    char text[160], part[64] = "";
    if (n_shown < scene->n_devices && n_shown > 0)
        snprintf(part, sizeof(part), ", %zu to %zu", view->first + 1, view->first + n_shown);
    snprintf(text, sizeof(text), "%zu device%s by %s%s%s%s", scene->n_devices,
             scene->n_devices == 1 ? "" : "s", sortings[view->sort].name, part,
             view->paused ? "  PAUSED" : "", page->window->rows > 0 ? "  (q quits, h helps)" : "");
    print_text(page, view->paused ? TERMINAL_YELLOW : NULL, view->help ? keys_help : text);
}

/* As many lines as are left. */
static void print_devices(struct page *page, struct top_scene *scene, struct top_view *view)
{
    struct layout layout;
    struct columns table;
    if (lines_left(page) >= ROOMY)
        print_text(page, NULL, "");
    size_t room = lines_left(page) > 2 ? lines_left(page) - 2 : 0, n = scene->n_devices;
    view->page = room;
    if (view->first > (n > room ? n - room : 0))
        view->first = n > room ? n - room : 0;
    size_t n_shown = n - view->first < room ? n - view->first : room;
    qsort(scene->devices, n, sizeof(*scene->devices), sortings[view->sort].compare);
    print_status(page, scene, view, n_shown);
    if (lines_left(page) == 0)
        return;
    lay_out(&layout, scene, page->window);
    columns_init(&table, layout.list, layout.n_columns, page->window->columns, page->window->colour);
    for (size_t i = 0; i < n_shown; i++)
        add_device(&table, &layout, scene, &scene->devices[view->first + i]);
    columns_print(&table, page->out);
    columns_deinit(&table);
}

void top_print(FILE *out, struct top_scene *scene, struct top_view *view, const struct top_window *window)
{
    struct page page = {.out = out, .window = window};
    print_summary(&page, scene);
    if (lines_left(&page) > 0)
        print_proxies(&page, scene);
    if (lines_left(&page) > 0)
        print_devices(&page, scene, view);
}
