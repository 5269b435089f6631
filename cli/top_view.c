/* SPDX-License-Identifier: MIT */
#include "terminal.h"
#include "text.h"
#include "top_page.h"
#include <limits.h>

unsigned top_page_lines_left(const struct top_page *page)
{
    unsigned rows = page->window->rows;
    return rows == 0 ? UINT_MAX : rows > page->used ? rows - page->used : 0;
}

void top_page_print(struct top_page *page, const char *colour, const char *text)
{
    unsigned columns = page->window->columns > 0 ? page->window->columns : UINT_MAX;
    if (top_page_lines_left(page) == 0)
        return;
    fputs(colour && page->window->colour ? colour : "", page->out);
    text_cut(page->out, text, columns);
    fputs(colour && page->window->colour ? TERMINAL_PLAIN "\n" : "\n", page->out);
    page->used++;
}

void top_page_settle(struct top_pane *pane, size_t page, size_t n)
{
    size_t last = n > page ? n - page : 0;
    pane->page = page;
    if (pane->first > last)
        pane->first = last;
}

void top_print(FILE *out, struct top_scene *scene, struct top_view *view, const struct top_window *window)
{
    struct top_page page = {.out = out, .window = window};
    top_print_summary(&page, scene);
    if (top_page_lines_left(&page) > 0)
        top_print_proxies(&page, scene, view);
    if (top_page_lines_left(&page) > 0)
        top_print_devices(&page, scene, view);
}
