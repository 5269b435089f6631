/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_AGENDA_H
#define TESTS_SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

/* Something that happens later: what and detail are handed to run. */
typedef void event_fn(struct world *world, void *what, uint64_t detail);
struct event {
    uint64_t at_ns, order;
    event_fn *run;
    void *what;
    uint64_t detail;
};

/* What is to happen, a binary heap: the earliest first, of the same time what was noted first. Begins zeroed. */
struct agenda {
    struct event *events;
    size_t n, capacity;
    uint64_t n_ever;
};

void agenda_add(struct agenda *agenda, uint64_t at_ns, event_fn *run, void *what, uint64_t detail);
/* Takes the next event that is due by then; false: there is none. */
bool agenda_take(struct agenda *agenda, uint64_t until_ns, struct event *ret_event);
void agenda_deinit(struct agenda *agenda);

#endif
