/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_SCORE_H
#define CENTRAL_SCORE_H

#include <bleproxy/path.h>

/* How good a path is: pure functions of what is known of it. */

/* In decibels, which are the same whatever the gap to the others: the smoothed signal, less FAILURE_DB for each failure
 * that is not forgiven; SCORE_LAST_SLOT_DB when one slot is left; and for a busy proxy SCORE_BUSY_DB, and one more for
 * each second that was waited beyond SCORE_PATIENCE_S. Stronger than SCORE_CEILING_DBM is no better: a proxy that lies
 * shall not win everything. */
enum { SCORE_CEILING_DBM = -20, SCORE_BUSY_DB = 6, SCORE_LAST_SLOT_DB = 3, SCORE_PATIENCE_S = 5 };
double score_path(const struct bleproxy_path *path, uint64_t waited_ns);

/* The last signals of all paths that can be used. */
struct contest {
    int strongest_dbm, second_dbm;
    size_t n;
};
/* Takes one of them into account; begins zeroed. */
void contest_add(struct contest *contest, const struct bleproxy_path *path);
/* As habluetooth scores: the last signal, less 1.01 for each attempt under way there, 0.51 for each failure, 0.76 for the
 * last free slot; all of them times the gap between the two strongest, so that it does not matter how large that is.
 * -127 when full. */
double score_reference(const struct bleproxy_path *path, const struct contest *contest);

#endif
