/* SPDX-License-Identifier: MIT */
#include "central/route.h"

#include "hub/scanner.h"
#include "hub/slots.h"
#include <bleproxy/error.h>
#include <string.h>

static unsigned route_failures(const struct route *route, uint64_t source)
{
    for (size_t i = 0; i < route->n_failed; i++) {
        if (route->failed[i].source == source)
            return route->failed[i].failures;
    }
    return 0;
}

void route_failed(struct route *route, uint64_t source)
{
    for (size_t i = 0; i < route->n_failed; i++) {
        if (route->failed[i].source == source) {
            route->failed[i].failures++;
            return;
        }
    }
    if (route->n_failed == ROUTE_FAILURES_MAX) { /* the one that is known longest has its chance again */
        route->n_failed--;
        memmove(route->failed, route->failed + 1, route->n_failed * sizeof(route->failed[0]));
    }
    route->failed[route->n_failed].source = source;
    route->failed[route->n_failed++].failures = 1;
}

static bool can_try(const struct scanner *scanner)
{
    return scanner_is_connectable(scanner) && scanner_is_available(scanner) && scanner_session(scanner);
}

int route_choose(const struct route *route, const struct hub *hub, uint64_t address, uint64_t source,
                 struct route_choice *ret_choice)
{
    bool heard = false, best_is_free = false;
    size_t position = 0;
    int64_t best_score = INT64_MIN;
    struct scanner *best = NULL, *scanner;
    while ((scanner = hub_next_scanner(hub, &position))) {
        const struct bleproxy_advertisement *last = scanner_last(scanner, address);
        heard = heard || last;
        if (!last || !can_try(scanner) || (source && scanner_source(scanner) != source))
            continue;
        bool is_free = slots_can_connect(scanner_slot_record(scanner));
        int64_t score = last->rssi_dbm -
                        (int64_t)ROUTE_FAILURE_DB * route_failures(route, scanner_source(scanner)) -
                        (int64_t)ROUTE_BUSY_DB * scanner_pauses(scanner);
        if (best && (is_free != best_is_free ? best_is_free : score <= best_score))
            continue;
        best = scanner;
        best_is_free = is_free;
        best_score = score;
    }
    if (!best)
        return heard || position == 0 ? BLEPROXY_E_NO_PROXY : BLEPROXY_E_NOT_HEARD;
    const struct bleproxy_advertisement *last = scanner_last(best, address);
    *ret_choice = (struct route_choice){
        .scanner = best, .address_type = last->address_type, .rssi_dbm = last->rssi_dbm};
    return 0;
}
