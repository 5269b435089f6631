/* SPDX-License-Identifier: MIT */
#include "why.h"

#include "describe.h"
#include "holders.h"
#include <stdio.h>
#include <string.h>

enum {
    NAME_SIZE = 256,
    HOLDERS_SIZE = 512,
    BURDEN_SIZE = 80,
};

static bool is_silent(const struct way *way)
{
    return way->path && why_seconds(way->path->silent_ns) >= BLEPROXY_PATH_SILENT_S;
}

/* What a proxy that is not connected, or silent, has instead of the device. */
static void describe_member(const struct way *way, char *text, size_t size)
{
    char since[DESCRIBE_TIME_SIZE], wait[64];
    const struct member *member = way->member;
    const char *silence;
    if (!member->is_ready && member->error != 0) {
        snprintf(text, size, "down: %s%s", member_reason(member, member->text),
                 member_wait(member, wait, sizeof(wait)));
    } else if (!member->is_ready) {
        snprintf(text, size, "%s",
                 member->lost_text[0] ? member_reason(member, member->lost_text) : "no answer yet");
    } else if (is_silent(way)) {
        describe_duration(why_seconds(way->path->silent_ns), since);
        member_silence(member, &silence);
        snprintf(text, size, "has heard nothing at all for %s: %s", since, silence);
    } else if (member->n_devices == 0) {
        snprintf(text, size, "has heard nothing yet");
    } else {
        snprintf(text, size, "has not heard it, but %zu other%s", member->n_devices,
                 member->n_devices == 1 ? "" : "s");
    }
}

/* " (13 dB off for its last slot and failures of late)": what of its score is not the signal's. */
static void describe_burden(const struct bleproxy_path *path, char *text, size_t size)
{
    int burden_db = why_rounded(path->smoothed_dbm) - why_rounded(path->score_dbm);
    const char *causes[3];
    size_t n = 0;
    if (path->slots_free == 1)
        causes[n++] = "its last slot";
    if (path->failures > 0)
        causes[n++] = "failures of late";
    if (path->attempts > 0)
        causes[n++] = "an attempt under way";
    text[0] = '\0';
    if (burden_db <= 0 || n == 0)
        return;
    snprintf(text, size, " (%d dB off for %s%s%s%s%s)", burden_db, causes[0],
             n > 2   ? ", "
             : n > 1 ? " and "
                     : "",
             n > 1 ? causes[1] : "", n > 2 ? " and " : "", n > 2 ? causes[2] : "");
}

/* Among those that could be used. */
static void describe_rank(const struct why *why, const struct way *way, char *text, size_t size)
{
    char burden[BURDEN_SIZE];
    const struct bleproxy_path *best = why->ways[0].path;
    const char *label = why->ways[0].member->label;
    int weaker_db = why_rounded(best->score_dbm) - why_rounded(way->path->score_dbm);
    describe_burden(way->path, burden, sizeof(burden));
    if (way->used)
        snprintf(text, size, "would be %s%s%s",
                 way->path->remembered ? "tried: heard it in an earlier run" : "used", burden,
                 way->path->preferred ? "; the configuration prefers it" : "");
    else if (best->preferred && !way->path->preferred)
        snprintf(text, size, "the configuration prefers %s", label);
    else if (weaker_db > 0)
        snprintf(text, size, "%d dB less than %s%s", weaker_db, label, burden);
    else
        snprintf(text, size, "no better than %s%s", label, burden);
}

static void describe_full(const struct why *why, const struct way *way, char *text, size_t size)
{
    char holders[HOLDERS_SIZE] = "";
    const struct bleproxy_slots *slots = holders_slots(way->member);
    if (slots)
        holders_name(&why->fleet, slots, holders, sizeof(holders));
    if (way->path->slots_limit == 0)
        snprintf(text, size, "has not told its connection slots yet");
    else
        snprintf(text, size, "full%s%s", holders[0] ? ": held by " : "", holders);
}

static void describe_bond(const struct why *why, char *text, size_t size)
{
    char proxy[NAME_SIZE] = "another proxy";
    const struct bleproxy_bond *bond = bleproxy_hub_bond(why->fleet.hub, why->address);
    if (bond)
        bleproxy_sanitise(proxy, sizeof(proxy), bond->proxy, strlen(bond->proxy));
    snprintf(text, size, "its bond is on %s", proxy);
}

static void describe_obstacle(const struct why *why, const struct way *way, char *text, size_t size)
{
    switch (way->path->obstacle) {
    case BLEPROXY_OBSTACLE_NONE:
        describe_rank(why, way, text, size);
        break;
    case BLEPROXY_OBSTACLE_CANNOT_CONNECT:
        snprintf(text, size, "makes no connections%s",
                 way_is_heard(way->path) ? "" : ", and has not heard it");
        break;
    case BLEPROXY_OBSTACLE_NO_SESSION:
        snprintf(text, size, "its connection is being lost");
        break;
    case BLEPROXY_OBSTACLE_DENIED:
        snprintf(text, size, "the configuration denies it");
        break;
    case BLEPROXY_OBSTACLE_NOT_ALLOWED:
        snprintf(text, size, "the configuration allows only others");
        break;
    case BLEPROXY_OBSTACLE_RESERVED:
        snprintf(text, size, "the configuration keeps it for other devices");
        break;
    case BLEPROXY_OBSTACLE_BONDED_ELSEWHERE:
        describe_bond(why, text, size);
        break;
    case BLEPROXY_OBSTACLE_NOT_HEARD:
        describe_member(way, text, size);
        break;
    case BLEPROXY_OBSTACLE_STALE:
        snprintf(text, size, "has not heard it lately%s", way->path->remembered ? ": in an earlier run" : "");
        break;
    case BLEPROXY_OBSTACLE_BUSY:
        snprintf(text, size, "is connecting another device");
        break;
    case BLEPROXY_OBSTACLE_FULL:
        describe_full(why, way, text, size);
        break;
    case BLEPROXY_OBSTACLE_CONNECTED:
        if (way->path->holds)
            snprintf(text, size, "has it connected, for another program");
        else
            snprintf(text, size, "hears it no more: it is connected%s%s", why->holder ? " through " : "",
                     why->holder ? why->holder->label : "");
        break;
    }
}

void why_describe(const struct why *why, const struct way *way, char *text, size_t size)
{
    bool is_deaf = is_silent(way) && !way->used && way->path->obstacle != BLEPROXY_OBSTACLE_CONNECTED;
    if (way->path && !is_deaf)
        describe_obstacle(why, way, text, size);
    else
        describe_member(way, text, size);
}
