/* SPDX-License-Identifier: MIT */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "options.h"
#include "proxies.h"

#include <bleproxy/bleproxy.h>

/* The inside of 'bleproxy scan', shared by its files. */

struct scan;

/* One proxy of the scan. */
struct scan_proxy {
    struct scan *scan;
    const struct target *target;
    struct bleproxy_manager *manager; /* NULL: it was never tried */
    int lock;                         /* descriptor, or LOCK_NONE */
    char label[64];                   /* what it is called to the user, sanitised */
    char firmware[32];                /* sanitised; "" while unknown */
    uint64_t source;                  /* 0 while unknown */
    bool was_ready, encrypted;
    int error;      /* how the last attempt failed, or 0 */
    char text[256]; /* the same in words */
    uint64_t warned_ns;
    uint64_t heard_ns;                /* last report, or when it connected */
    bool silent;                      /* connected, and nothing heard for long: the user was told */
    uint64_t reports, reports_before; /* ever, and until the last redraw */
    double rate;
    size_t n_devices; /* which it hears */
};

struct scan {
    struct options options;
    struct proxies proxies;
    enum bleproxy_scanner_mode mode; /* NONE: leave it as it is */
    bool all;                        /* reports of every proxy, not only of the one that owns the device */
    struct bleproxy_filter filter;
    struct bleproxy_uuid service;

    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct scan_proxy *members;
    size_t n_members;
    uint64_t started_ns;
    int64_t epoch_us; /* of the loop's clock */
    bool over;        /* nothing more to wait for */

    bool live; /* a view that is redrawn, not lines */
    uint64_t drawn_ns;
};

/* ---- scan_proxies.c: what becomes of each proxy ---- */

/* A manager for each, started. CLI_DONE, or an exit code after saying why. */
int scan_proxies_start(struct scan *scan);
/* Says goodbye to all, for at most two seconds, and frees everything. */
void scan_proxies_stop(struct scan *scan);
/* What to call the proxy of that Bluetooth address; NULL: none of ours. */
struct scan_proxy *scan_proxies_find(struct scan *scan, uint64_t source);
/* Once a second: tells of proxies that are connected and have fallen silent. */
void scan_proxies_watch(struct scan *scan);
/* Any of them was connected at some time. */
bool scan_proxies_have_worked(const struct scan *scan);
/* Whether it can be given up: all have failed for good, or for long enough. */
bool scan_proxies_are_hopeless(const struct scan *scan);
/* The exit code: CLI_DONE when any of them has worked, else theirs, after saying what was not said yet. */
int scan_proxies_verdict(const struct scan *scan);
/* "connected", "silent", "waiting", ... */
const char *scan_proxy_state(const struct scan_proxy *proxy);

/* ---- scan_output.c: advertisements, as they come ---- */

/* For bleproxy_hub_subscribe(): a JSON object, or a line. */
void scan_print_json(void *user, const struct bleproxy_advertisement *advertisement);
void scan_print_line(void *user, const struct bleproxy_advertisement *advertisement);
/* Counts for the proxies' statistics. */
void scan_count(void *user, const struct bleproxy_advertisement *advertisement);

/* ---- scan_view.c: all devices together ---- */

/* For bleproxy_hub_discover(): redraws the live view, or prints the table at the end. */
void scan_draw(void *user, int error, const struct bleproxy_advertisement *const *devices, size_t n_devices);
void scan_conclude(void *user, int error, const struct bleproxy_advertisement *const *devices,
                   size_t n_devices);

#endif
