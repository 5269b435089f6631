/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_ROUTE_H
#define CENTRAL_ROUTE_H

#include "central/routing.h"

struct scanner;

/* What is to be connected, and how. */
struct route {
    uint64_t address;
    uint64_t source;    /* only through this proxy; 0: any */
    bool ignore_bond;   /* also through a proxy that does not have the device's bond */
    uint64_t waited_ns; /* for busy proxies */
};

/* A proxy as the way to the device, and what is told of it. */
struct path {
    struct bleproxy_path view;
    struct scanner *scanner;
    uint8_t address_type; /* as that proxy heard it */
    bool is_fresh;        /* it has heard the device lately */
};

/* The proxy that has a connection to the device already. */
struct holder {
    const struct scanner *scanner; /* NULL: none */
    bool is_own;                   /* it is this program's connection */
    bool is_quiet;                 /* nothing was heard of the device since, as of most that are connected */
};

enum { ROUTE_FREE, ROUTE_BUSY, ROUTE_FULL };
/* The proxy for the next attempt. ROUTE_FREE; ROUTE_BUSY: the best one has an attempt under way, its turn is to be
 * waited for; ROUTE_FULL: no slot is free on any. BLEPROXY_E_NOT_HEARD: by none, lately; BLEPROXY_E_NO_PROXY: none can be
 * used (there is none, it is heard only by those that cannot connect or may not, those that may are not there).
 * With the reference rule never ROUTE_BUSY. */
int route_choose(const struct routing *routing, const struct route *route, uint64_t now_ns,
                 struct path *ret_path);

/* Whether a report by that proxy may change what route_choose() says: the proxy can be used, or waited for. */
bool route_opens(const struct routing *routing, const struct route *route, uint64_t source, uint64_t now_ns);

/* A look at all proxies for one route. */
struct survey {
    const struct routing *routing;
    const struct route *route;
    uint64_t now_ns;
    const struct bleproxy_bond *bond; /* that binds the device, or NULL */
    struct holder holder;
};
/* With all that is told. Attempts go by less: they take no heed of the holder, which may be about to let go. */
struct survey route_survey(const struct routing *routing, const struct route *route, uint64_t now_ns);
/* As route_choose(). */
int route_pick(const struct survey *survey, struct path *ret_path);
/* In the order of their registration, not scored: start with *position = 0; false at the end. */
bool route_next(const struct survey *survey, size_t *position, struct path *ret_path);
/* A pin, a bond, or the route's source excludes it. */
bool route_is_banned(const struct path *path);
/* All registered scanners in the order in which they would be chosen, the first max; returns how many there are. */
size_t route_list(const struct routing *routing, const struct route *route, uint64_t now_ns,
                  struct bleproxy_path *paths, size_t max);

/* A proxy that has not heard the device for that long, or 2.5 of its intervals and 5 s if that is longer, is not
 * tried: it would wait in vain. The time in which it did not listen is not counted. */
enum { ROUTE_FRESH_S = 60 };

#endif
