/* SPDX-License-Identifier: MIT */
#include "columns.h"
#include "terminal.h"
#include "text.h"
#include "top_page.h"
#include <stdlib.h>
#include <string.h>

#define HELD_BY "held by "
enum {
    FEW = 3,
    WIDE = 140, /* columns from which on a proxy is told in one line; else there may be a second one */
    LABEL_MAX = 24,
};

static bool is_full(const struct top_proxy *proxy)
{
    return proxy->slots_limit > 0 && proxy->slots_used >= proxy->slots_limit;
}

/* How urgent it is to see the proxy. */
enum severity { ALL_WELL, CONNECTING, LOST_LATELY, FULL, SILENT, DOWN };
static enum severity severity(const struct top_proxy *proxy)
{
    switch (proxy->health) {
    case TOP_DOWN:
        return DOWN;
    case TOP_SILENT:
        return SILENT;
    case TOP_STARTING:
        return CONNECTING;
    case TOP_WELL:
        break;
    }
    return is_full(proxy) ? FULL : proxy->lost_lately ? LOST_LATELY : ALL_WELL;
}

static void count(FILE *out, const struct top_scene *scene, enum severity wanted, const char *what,
                  bool *first)
{
    size_t n = 0;
    for (size_t i = 0; i < scene->n_proxies; i++)
        n += severity(&scene->proxies[i]) == wanted;
    if (n == 0)
        return;
    fprintf(out, "%s%zu %s", *first ? ": " : ", ", n, what);
    *first = false;
}

void top_print_summary(struct top_page *page, const struct top_scene *scene)
{
    char *text = NULL;
    size_t size;
    bool first = true;
    double rate = 0;
    enum severity worst = ALL_WELL;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    for (size_t i = 0; i < scene->n_proxies; i++) {
        enum severity own = severity(&scene->proxies[i]);
        worst = own > worst ? own : worst;
        rate += scene->proxies[i].rate;
    }
    fprintf(out, "%zu prox%s", scene->n_proxies, scene->n_proxies == 1 ? "y" : "ies");
    count(out, scene, DOWN, "down", &first);
    count(out, scene, SILENT, "silent", &first);
    count(out, scene, FULL, "full", &first);
    count(out, scene, LOST_LATELY, "lost lately", &first);
    count(out, scene, CONNECTING, "connecting", &first);
    fprintf(out, "%s; %.0f adverts/s", first ? ", all well" : "", rate);
    fclose(out);
    top_page_print(page,
                   worst >= SILENT    ? TERMINAL_RED
                   : worst > ALL_WELL ? TERMINAL_YELLOW
                                      : TERMINAL_GREEN,
                   text);
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
    return severity(proxy) >= SILENT ? TERMINAL_RED : proxy->lost_lately ? TERMINAL_YELLOW : NULL;
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
    {.head = "HELD BY", .min = 20, .max = 40, .rank = 10, .list = true},
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

static void print_details(struct top_page *page, const struct top_proxy *proxy)
{
    char trouble[sizeof(proxy->trouble) + 16] = "", holders[sizeof(proxy->holders) + 16] = "", text[1024];
    unsigned columns = page->window->columns, taken = text_width(HELD_BY) + 2;
    char *entries = text_entries(proxy->holders, columns > taken ? columns - taken : 0);
    if (proxy->trouble[0])
        snprintf(trouble, sizeof(trouble), "%s%s", proxy->health == TOP_WELL ? "lost " : "", proxy->trouble);
    if (entries && entries[0])
        snprintf(holders, sizeof(holders), HELD_BY "%s", entries);
    free(entries);
    const char *separator = trouble[0] && holders[0] ? "; " : "";
    if (proxy->health == TOP_WELL)
        snprintf(text, sizeof(text), "  %s%s%s", holders, separator, trouble);
    else
        snprintf(text, sizeof(text), "  %s%s%s", trouble, separator, holders);
    top_page_print(page, trouble_colour(proxy), text);
}

/* As they are, or the worst first. */
static void sort(const struct top_scene *scene, const struct top_proxy **sorted, bool by_severity)
{
    size_t n = 0;
    for (size_t i = 0; i < scene->n_proxies && !by_severity; i++)
        sorted[n++] = &scene->proxies[i];
    for (int wanted = DOWN; wanted >= ALL_WELL && by_severity; wanted--)
        for (size_t i = 0; i < scene->n_proxies; i++)
            if ((int)severity(&scene->proxies[i]) == wanted)
                sorted[n++] = &scene->proxies[i];
}

static void print_proxy_table(struct top_page *page, const struct top_proxy *const *chosen, size_t n,
                              bool head, int details)
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
        if (!wide && (int)severity(chosen[i]) >= details && has_details(chosen[i]))
            print_details(page, chosen[i]);
    }
    columns_deinit(&table);
}

/* The details that fit are those of the proxies of this severity and more. */
static int details_from(const struct top_scene *scene, size_t room)
{
    size_t needed = scene->n_proxies;
    int wanted = DOWN;
    for (; wanted >= ALL_WELL; wanted--) {
        for (size_t i = 0; i < scene->n_proxies; i++)
            needed += (int)severity(&scene->proxies[i]) == wanted && has_details(&scene->proxies[i]);
        if (needed > room)
            break;
    }
    return wanted + 1;
}

static void print_part(struct top_page *page, const struct top_scene *scene, const struct top_view *view)
{
    char text[96];
    snprintf(text, sizeof(text), "%zu to %zu of %zu proxies  (Tab scrolls %s)", view->proxies.first + 1,
             view->proxies.first + view->proxies.page, scene->n_proxies,
             view->proxies_focused ? "the devices" : "them");
    top_page_print(page, view->proxies_focused ? TERMINAL_BOLD : NULL, text);
}

void top_print_proxies(struct top_page *page, const struct top_scene *scene, struct top_view *view)
{
    const struct top_proxy **sorted = calloc(scene->n_proxies + 1, sizeof(*sorted));
    bool head = top_page_lines_left(page) > FEW;
    size_t room = top_page_lines_left(page) - head,
           max = page->window->rows / 2 > FEW ? page->window->rows / 2 : FEW;
    if (page->window->rows > 0 && room > max)
        room = max;
    if (!sorted || room == 0) {
        free(sorted);
        return;
    }
    bool all = scene->n_proxies <= room;
    size_t n = all ? scene->n_proxies : room > 1 ? room - 1 : 1;
    top_page_settle(&view->proxies, n, scene->n_proxies);
    view->proxies_focused &= !all;
    sort(scene, sorted, !all);
    print_proxy_table(page, sorted + view->proxies.first, n, head, details_from(scene, room));
    if (!all)
        print_part(page, scene, view);
    free(sorted);
}
