/* SPDX-License-Identifier: MIT */
#include "central/pauses.h"

#include "base/time.h"

/* Its index, or n. */
static size_t pause_find(const struct pauses *pauses, uint64_t source)
{
    size_t i = 0;
    while (i < pauses->n && pauses->table[i].source != source)
        i++;
    return i;
}

/* A place for the proxy, in which it has never paused; NULL: all others are pausing. */
static struct pause *pause_new(struct pauses *pauses, uint64_t source)
{
    struct pause *place = NULL;
    for (size_t i = 0; pauses->n == PAUSES_MAX && i < PAUSES_MAX; i++) {
        struct pause *pause = &pauses->table[i];
        if (pause->n == 0 && (!place || pause->ended_ns < place->ended_ns))
            place = pause;
    }
    if (pauses->n < PAUSES_MAX)
        place = &pauses->table[pauses->n++];
    if (place)
        *place = (struct pause){.source = source};
    return place;
}

void pauses_begin(struct pauses *pauses, uint64_t source, uint64_t now_ns)
{
    size_t i = pause_find(pauses, source);
    struct pause *pause = i < pauses->n ? &pauses->table[i] : pause_new(pauses, source);
    if (!pause || pause->n++ > 0)
        return;
    if (pause->ended_ns == 0 || now_ns - pause->ended_ns > PAUSES_GAP_S * NS_PER_S) {
        pause->began_ns = now_ns;
        pause->total_ns = 0;
    }
    pause->resumed_ns = now_ns;
}

void pauses_end(struct pauses *pauses, uint64_t source, uint64_t now_ns)
{
    size_t i = pause_find(pauses, source);
    if (i == pauses->n)
        return;
    struct pause *pause = &pauses->table[i];
    if (pause->n == 0 || --pause->n > 0)
        return;
    pause->total_ns += now_ns - pause->resumed_ns;
    pause->ended_ns = now_ns;
}

uint64_t pauses_since(const struct pauses *pauses, uint64_t source, uint64_t since_ns, uint64_t now_ns)
{
    size_t i = pause_find(pauses, source);
    if (i == pauses->n)
        return 0;
    const struct pause *pause = &pauses->table[i];
    uint64_t end_ns = pause->n > 0 ? now_ns : pause->ended_ns;
    uint64_t paused_ns = pause->total_ns + (pause->n > 0 ? now_ns - pause->resumed_ns : 0);
    if (since_ns >= end_ns)
        return 0;
    return time_min(paused_ns, end_ns - since_ns);
}
