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

struct why {
    struct options options;
    struct fleet fleet;
    struct bleproxy_filter filter; /* the device that was asked for */
    char label[64];                /* its address, or the name the user gave, sanitised */
    uint64_t address;              /* 0 until one of that name is heard */
    uint64_t end_ns, complete_ns;  /* of listening; all proxies have heard it (0: not yet) */
    unsigned n_checks;
    bool over;

    /* Found out at the end. */
    const struct bleproxy_device *device; /* NULL: nobody has heard it */
    struct bleproxy_path *paths;
    struct way *ways; /* the paths, best first, then the proxies that are not connected; as many as proxies */
    size_t n_ways;
    bool is_heard;                      /* by a proxy that is connected */
    char text[BLEPROXY_PATH_TEXT_SIZE]; /* what there is to say about it all */
};

/* ---- why_view.c ---- */

void why_print_text(struct why *why);
void why_print_json(struct why *why);

#endif
