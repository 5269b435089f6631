/* SPDX-License-Identifier: MIT */
#include "central/score.h"

#include "base/time.h"
#include "central/failures.h"
#include <bleproxy/advertisement.h>
#include <limits.h>

void contest_add(struct contest *contest, const struct bleproxy_path *path)
{
    int dbm = path->rssi_dbm;
    if (contest->n++ == 0)
        contest->strongest_dbm = contest->second_dbm = INT_MIN;
    if (dbm > contest->strongest_dbm) {
        contest->second_dbm = contest->strongest_dbm;
        contest->strongest_dbm = dbm;
    } else if (dbm > contest->second_dbm) {
        contest->second_dbm = dbm;
    }
}

/* Waiting wears thin. */
static double busy_db(uint64_t waited_ns)
{
    double impatience_s = (double)waited_ns / (double)NS_PER_S - SCORE_PATIENCE_S;
    return SCORE_BUSY_DB + (impatience_s > 0 ? impatience_s : 0);
}

double score_path(const struct bleproxy_path *path, uint64_t waited_ns)
{
    double score = path->smoothed_dbm;
    if (score > SCORE_CEILING_DBM)
        score = SCORE_CEILING_DBM;
    score -= path->failures * FAILURE_DB;
    if (path->slots_free == 1)
        score -= SCORE_LAST_SLOT_DB;
    if (path->attempts > 0)
        score -= busy_db(waited_ns);
    return score;
}

double score_reference(const struct bleproxy_path *path, const struct contest *contest)
{
    double score = path->rssi_dbm;
    int gap = contest->n > 1 ? contest->strongest_dbm - contest->second_dbm : 0;
    double d = gap > 1 ? gap : 1;
    score -= d * path->attempts * 1.01;
    score -= d * path->failures * 0.51;
    if (path->slots_limit > 0 && path->slots_free == 0)
        return BLEPROXY_RSSI_NONE;
    if (path->slots_limit > 0 && path->slots_free == 1)
        score -= d * 0.76;
    return score;
}
