/* SPDX-License-Identifier: MIT */
#ifndef CLI_TOP_PAGE_H
#define CLI_TOP_PAGE_H

#include "top.h"

/* The text of a scene in the making; shared by the files that make it. */
struct top_page {
    FILE *out;
    const struct top_window *window;
    unsigned used; /* lines */
};

unsigned top_page_lines_left(const struct top_page *page);
/* A line of its own, if there is one left; text must be sanitised. colour: an escape sequence, or NULL. */
void top_page_print(struct top_page *page, const char *colour, const char *text);

/* The pane shows page of n: it begins where there are as many. */
void top_page_settle(struct top_pane *pane, size_t page, size_t n);

/* ---- top_proxies.c ---- */

/* "5 proxies: 1 down, 1 full; 78 adverts/s" */
void top_print_summary(struct top_page *page, const struct top_scene *scene);
/* Half of the window at most. */
void top_print_proxies(struct top_page *page, const struct top_scene *scene, struct top_view *view);

/* ---- top_devices.c ---- */

/* As many lines as are left. */
void top_print_devices(struct top_page *page, struct top_scene *scene, struct top_view *view);

#endif
