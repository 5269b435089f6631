/* SPDX-License-Identifier: MIT */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "filters.h"
#include "fleet.h"
#include "sparkline.h"

#include <stdio.h>

/* The inside of 'bleproxy top', shared by its files. */

/* ---- top_scene.c: what there is to be seen, copied, so that the display can stand still ---- */

enum top_health { TOP_WELL, TOP_STARTING, TOP_SILENT, TOP_DOWN };

struct top_proxy {
    char label[64], firmware[32];
    enum top_health health;
    char state[40]; /* "connected", "silent 12 s", "down 3 min" */
    double rate;    /* advertisements a second */
    size_t n_devices;
    struct sparkline history;         /* advertisements in TOP_BAR_S each */
    uint32_t slots_used, slots_limit; /* limit 0: none, or not known */
    char holders[512];                /* of slots: "Reading lamp, A4:C1:38:00:00:00" */
    char trouble[384];                /* what is wrong or was, and what to do; "" */
    bool lost_lately;                 /* and connected again */
};

/* How strongly a proxy hears a device. */
struct top_hearing {
    size_t proxy;
    int dbm; /* or BLEPROXY_RSSI_NONE */
};

struct top_device {
    uint64_t address;
    char name[256]; /* "": unknown */
    size_t owner;   /* among the proxies, or TOP_NONE */
    int strength_dbm;
    double age_s, interval_s;     /* interval 0: unknown */
    struct top_hearing *hearings; /* the owner's first, then by strength */
    size_t n_hearings;
};

struct top_scene {
    struct top_proxy *proxies;
    size_t n_proxies;
    struct top_device *devices;
    size_t n_devices;
    struct top_hearing *hearings; /* of all devices */
};

enum { TOP_BAR_S = 2 };
#define TOP_NONE SIZE_MAX

/* Takes the place of the scene before. histories: of each proxy. False: there is no memory, and the scene is empty. */
bool top_scene_take(struct top_scene *scene, struct fleet *fleet, const struct sparkline *histories,
                    const struct bleproxy_advertisement *const *devices, size_t n_devices);
void top_scene_clear(struct top_scene *scene);

/* ---- top_view.c, top_proxies.c, top_devices.c: the scene as text ---- */

enum top_sort { TOP_BY_STRENGTH, TOP_BY_NAME, TOP_BY_AGE, TOP_BY_INTERVAL, TOP_N_SORTS };

/* The first one that is shown of a list, corrected when there are not as many, and how many are at once; that is set by
 * top_print(). */
struct top_pane {
    size_t first, page;
};

struct top_view {
    enum top_sort sort;
    bool paused, help;
    struct top_pane devices, proxies;
    bool proxies_focused; /* keys scroll them; only while not all are shown */
};

struct top_window {
    unsigned columns, rows; /* 0: as many as it takes */
    bool colour;
};

/* Sorts the devices, and writes at most window->rows lines, none wider than window->columns. */
void top_print(FILE *out, struct top_scene *scene, struct top_view *view, const struct top_window *window);

/* ---- top_keys.c: bytes of a terminal as keys ---- */

enum top_key {
    TOP_KEY_NONE,
    TOP_KEY_QUIT,
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_FIRST,
    TOP_KEY_LAST,
    TOP_KEY_PANE,
    TOP_KEY_SORT,
    TOP_KEY_PAUSE,
    TOP_KEY_HELP,
};

/* Zero-initialised: between keys. */
struct top_keys {
    unsigned step;
    unsigned number; /* in an escape sequence */
};

/* The key that the byte completes, or TOP_KEY_NONE. Escape sequences that mean nothing here are skipped as a whole. */
enum top_key top_keys_feed(struct top_keys *keys, unsigned char byte);
/* What the key does to the view, but quitting. */
void top_view_key(struct top_view *view, enum top_key key);

#endif
