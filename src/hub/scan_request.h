/* SPDX-License-Identifier: MIT */
#ifndef HUB_SCAN_REQUEST_H
#define HUB_SCAN_REQUEST_H

#include "base/env.h"
#include "base/list.h"
#include <bleproxy/scanning.h>

struct hub;

/* How subscribers want the proxies to scan that nobody has pinned to a mode: actively if one does, else passively if one
 * does and no device needs active scans, else as the proxies are configured. */
struct scan_requests {
    struct list held;
    size_t n_active, n_passive;
    enum bleproxy_scanner_mode last; /* what the scanners were told; NONE: nothing */
    bool stale;                      /* they may have to be told again: at the next tick */
};

void scan_requests_init(struct scan_requests *requests);
/* Frees those that are held. */
void scan_requests_deinit(struct hub *hub);
/* A scanner came, or what is wanted may have changed. */
void scan_requests_touch(struct hub *hub);
/* Within hub_enter(). */
void scan_requests_tick(struct hub *hub, uint64_t now_ns);

#endif
