/* SPDX-License-Identifier: MIT */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include "fleet.h"

#include <bleproxy/path.h>

/* The inside of 'bleproxy why', shared by its files. */

/* A proxy as the way to the device. */
struct way {
    const struct member *member;
    const struct bleproxy_path *path; /* NULL: it is not connected */
    bool used;                        /* it would be */
};

static inline bool way_is_heard(const struct bleproxy_path *path)
{
    return path && path->age_ns < UINT64_MAX;
}

static inline double why_seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static inline int why_rounded(double dbm)
{
    return (int)(dbm < 0 ? dbm - 0.5 : dbm + 0.5);
}

struct why {
    struct options options;
    struct fleet fleet;
    struct bleproxy_filter filter; /* the device that was asked for */
    char label[64];                /* its address, or the name the user gave, sanitised */
    uint64_t address;              /* 0 until one of that name is heard */
    uint64_t end_ns;               /* of listening */
    /* Since when all proxies have been connected or failed, the device heard, and heard by all of them; 0: not yet. */
    uint64_t settled_ns, heard_ns, complete_ns;
    unsigned n_checks;
    bool over;

    /* Found out at the end. */
    const struct bleproxy_device *device;            /* NULL: nobody has heard it in this run, ... */
    const struct bleproxy_advertisement *remembered; /* ... but this in an earlier one, or NULL */
    struct bleproxy_path *paths;
    struct way *ways; /* the paths, best first, then the proxies that are not connected; as many as proxies */
    size_t n_ways, n_paths;
    const struct member *holder;        /* that has it connected, or NULL */
    bool is_heard;                      /* in this run, by a proxy that is connected */
    char text[BLEPROXY_PATH_TEXT_SIZE]; /* what there is to say about it all */
};

/* ---- why_words.c ---- */

/* What speaks for a proxy or stands in its way. */
void why_describe(const struct why *why, const struct way *way, char *text, size_t size);

/* ---- why_view.c, why_json.c ---- */

void why_print_text(struct why *why);
void why_print_json(struct why *why);

#endif
