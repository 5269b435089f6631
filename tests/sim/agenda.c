/* SPDX-License-Identifier: MIT */
#include "agenda.h"

#include <stdlib.h>

static bool is_earlier(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void agenda_add(struct agenda *agenda, uint64_t at_ns, event_fn *run, void *what, uint64_t detail)
{
    if (agenda->n == agenda->capacity) {
        agenda->capacity = agenda->capacity ? 2 * agenda->capacity : 1024;
        agenda->events = realloc(agenda->events, agenda->capacity * sizeof(*agenda->events));
        if (!agenda->events)
            abort();
    }
    struct event event = {at_ns, agenda->n_ever++, run, what, detail};
    size_t i = agenda->n++;
    for (; i > 0 && is_earlier(&event, &agenda->events[(i - 1) / 2]); i = (i - 1) / 2)
        agenda->events[i] = agenda->events[(i - 1) / 2];
    agenda->events[i] = event;
}

bool agenda_take(struct agenda *agenda, uint64_t until_ns, struct event *ret_event)
{
    if (agenda->n == 0 || agenda->events[0].at_ns > until_ns)
        return false;
    *ret_event = agenda->events[0];
    struct event last = agenda->events[--agenda->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= agenda->n)
            break;
        if (child + 1 < agenda->n && is_earlier(&agenda->events[child + 1], &agenda->events[child]))
            child++;
        if (!is_earlier(&agenda->events[child], &last))
            break;
        agenda->events[i] = agenda->events[child];
        i = child;
    }
    agenda->events[i] = last;
    return true;
}

void agenda_deinit(struct agenda *agenda)
{
    free(agenda->events);
}
