/* SPDX-License-Identifier: MIT */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "filters.h"
#include "fleet.h"

/* The inside of 'bleproxy scan', shared by its files. */

struct scan {
    struct options options;
    struct fleet fleet;
    enum bleproxy_scanner_mode mode; /* NONE: leave it as it is */
    bool all;                        /* reports of every proxy, not only of the one that owns the device */
    struct filters filters;

    int64_t epoch_us; /* of the loop's clock */
    bool over;        /* nothing more to wait for */

    bool live; /* a view that is redrawn, not lines */
};

/* ---- scan_output.c: advertisements, as they come ---- */

/* For bleproxy_hub_subscribe(): a JSON object, or a line. */
void scan_print_json(void *user, const struct bleproxy_advertisement *advertisement);
void scan_print_line(void *user, const struct bleproxy_advertisement *advertisement);

/* ---- scan_view.c: all devices together ---- */

/* For bleproxy_hub_discover(): redraws the live view, or prints the table at the end. */
void scan_draw(void *user, int error, const struct bleproxy_advertisement *const *devices, size_t n_devices);
void scan_conclude(void *user, int error, const struct bleproxy_advertisement *const *devices,
                   size_t n_devices);

#endif
