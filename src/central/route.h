/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_ROUTE_H
#define CENTRAL_ROUTE_H

#include "hub/hub.h"

struct scanner;

enum { ROUTE_FAILURES_MAX = 16 };

/* What went wrong so far in one connect: proxies that failed count as so much weaker the next time. */
struct route {
    struct {
        uint64_t source;
        unsigned failures;
    } failed[ROUTE_FAILURES_MAX];
    size_t n_failed;
};

struct route_choice {
    struct scanner *scanner;
    uint8_t address_type; /* as that proxy heard it */
    int8_t rssi_dbm;
};

/* The proxy for the next attempt: among those that have heard the device and can connect, one with a free slot before one
 * without, then the strongest signal less ROUTE_FAILURE_DB for each failure and ROUTE_BUSY_DB for each attempt that is
 * under way there; else the one registered first. source: only that one; 0: any. 0, BLEPROXY_E_NOT_HEARD, or
 * BLEPROXY_E_NO_PROXY (it is heard, but by none that can connect, or by others than source; or there is no proxy). A full
 * proxy is a choice: its slot is waited for. */
enum { ROUTE_FAILURE_DB = 10, ROUTE_BUSY_DB = 6 };
int route_choose(const struct route *route, const struct hub *hub, uint64_t address, uint64_t source,
                 struct route_choice *ret_choice);
/* Remembers it of at most ROUTE_FAILURES_MAX proxies: the one known longest is forgotten. */
void route_failed(struct route *route, uint64_t source);

#endif
