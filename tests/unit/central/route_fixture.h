/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CENTRAL_ROUTE_FIXTURE_H
#define TESTS_CENTRAL_ROUTE_FIXTURE_H

#include "../hub/fixture.h"
#include "steady.h"

#include "central/route.h"

/* The hub's fixture, with all its scanners open for connections, and what routing goes by. */
#define DEVICE UINT64_C(0xAABBCCDDEEFF)
enum { SLOTS_OF_EACH = 3 };

static inline void report_slots(struct fixture *f, unsigned scanner, uint32_t free)
{
    const struct bleproxy_slots slots = {.free = free, .limit = SLOTS_OF_EACH};
    scanner_on_slots(f->scanners[scanner], &slots, f->now_ns);
}

/* Nothing is sent over the session: that it is there is all that counts. */
static inline void open_scanner(struct fixture *f, struct scanner *scanner)
{
    static char session;
    scanner_bind(scanner, NULL, NULL, (struct session *)(void *)&session);
    scanner_set_available(scanner, true, f->now_ns);
}

static inline void heard_by(struct fixture *f, unsigned scanner, int32_t rssi)
{
    hear(f, f->scanners[scanner], DEVICE, rssi, "020106");
}

static inline int route_setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    f->test.env.random = steady_random;
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        open_scanner(f, f->scanners[i]);
        report_slots(f, i, SLOTS_OF_EACH);
    }
    return 0;
}

#endif
