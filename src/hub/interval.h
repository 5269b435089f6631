/* SPDX-License-Identifier: MIT */
#ifndef HUB_INTERVAL_H
#define HUB_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

/* How often a device advertises, learned from the reports of its owner: the longest of INTERVAL_GAPS gaps in a row. */
enum { INTERVAL_GAPS = 15 };

struct interval {
    uint64_t last_ns;    /* the report before; 0: the next begins a new gap */
    uint64_t longest_ns; /* of the gaps of this round */
    uint64_t learned_ns; /* in the round before */
    uint8_t n_gaps;      /* of this round */
    bool known;          /* a round has been completed */
};

/* A report of the owner. once: what is known stays as it is; else rounds follow one another. */
static inline void interval_hear(struct interval *interval, bool once, uint64_t now_ns)
{
    if (once && interval->known)
        return;
    uint64_t gap_ns = now_ns - interval->last_ns;
    bool first = interval->last_ns == 0;
    interval->last_ns = now_ns;
    if (first)
        return;
    if (gap_ns > interval->longest_ns)
        interval->longest_ns = gap_ns;
    if (++interval->n_gaps < INTERVAL_GAPS)
        return;
    interval->known = true;
    interval->learned_ns = interval->longest_ns;
    interval->longest_ns = 0;
    interval->n_gaps = 0;
}

/* The next gap does not count: the radio was not there to hear, or the owner is another. */
static inline void interval_skip(struct interval *interval)
{
    interval->last_ns = 0;
}

/* What was known earlier is known again. */
static inline void interval_recall(struct interval *interval, uint64_t learned_ns)
{
    interval->known = true;
    interval->learned_ns = learned_ns;
}

/* What was begun is dropped, what is known stays. */
static inline void interval_restart(struct interval *interval)
{
    interval->last_ns = 0;
    interval->longest_ns = 0;
    interval->n_gaps = 0;
}

/* The longest gap of this round and the one before; 0 when there was none. */
static inline uint64_t interval_longest_ns(const struct interval *interval)
{
    return interval->longest_ns > interval->learned_ns ? interval->longest_ns : interval->learned_ns;
}

#endif
