/* SPDX-License-Identifier: MIT */
#include "hub/hearing.h"

#include "hub/firmware.h"
#include <bleproxy/error.h>
#include <string.h>

/* Times in units of the silence after which a proxy is asked, 10 s by default. */
enum {
    SILENCE_S = 10,
    BUSY_MAX = 3, /* so long a connection may take that is made through it */
    LADDER_AFTER = 6,
    RUNG = 3,
    GAPS = 4,          /* so many times the longest gap is deafness */
    GAP_MAX = 360,     /* longer ones are not learned */
    INQUIRY_PAUSE = 6, /* of a silent proxy, then twice as long, ... */
    INQUIRY_PAUSE_MAX = 360,
    LADDER_PAUSE = 60, /* from one ladder to the next, then twice as long, ... */
    LADDER_PAUSE_MAX = 2160,
    PARTS = 5,        /* a fifth of it: how soon after asking for it the subscription is inquired about */
    ANSWER_PARTS = 2, /* half of it: how long the answer to an inquiry may take */
    LATE = 12, /* how long after its connection a request may still arrive: systems repeat none for longer */
};
#define DAY_NS               (24 * 3600 * NS_PER_S)
#define RECLAIM_PAUSE_MAX_NS DAY_NS
enum { UNANSWERED_MAX = 2 }; /* one answer may be lost where a proxy's buffer is full */

/* As the watchdog's: before the first, the second, and every further attempt. */
static const unsigned take_delays[] = {1, 3, 6};
enum { N_TAKE_DELAYS = sizeof(take_delays) / sizeof(take_delays[0]) };

enum rung { RUNG_MODE, RUNG_SUBSCRIBE, RUNG_RECONNECT, RUNG_TOP };

static uint64_t units(const struct hearing *hearing, uint64_t n)
{
    return n * hearing->config.silence_ns;
}

static uint64_t longer(uint64_t pause_ns, uint64_t most_ns)
{
    return pause_ns > most_ns / 2 ? most_ns : 2 * pause_ns;
}

static void later(uint64_t *deadline_ns, uint64_t now_ns, uint64_t pause_ns)
{
    *deadline_ns = time_after(now_ns, pause_ns);
}

static bool is_lost(const struct hearing *hearing)
{
    return hearing->state == BLEPROXY_HEARING_ROBBED || hearing->state == BLEPROXY_HEARING_REFUSED;
}

static bool is_silent(const struct hearing *hearing)
{
    return hearing->state == BLEPROXY_HEARING_SILENT || hearing->state == BLEPROXY_HEARING_DEAF;
}

static void enter(struct hearing *hearing, enum bleproxy_hearing state, uint64_t now_ns)
{
    if (hearing->state != state)
        hearing->since_ns = now_ns;
    hearing->state = state;
}

void hearing_init(struct hearing *hearing, const struct hearing_config *config, const struct hearing_ops *ops,
                  void *user)
{
    *hearing = (struct hearing){.config = *config,
                                .ops = ops,
                                .user = user,
                                .inquiry_due_ns = BP_NEVER,
                                .take_due_ns = BP_NEVER,
                                .reclaim_pause_ns = config->reclaim_ns};
    if (hearing->config.silence_ns == 0)
        hearing->config.silence_ns = SILENCE_S * NS_PER_S;
    hearing->inquiry_pause_ns = units(hearing, INQUIRY_PAUSE);
    hearing->ladder_pause_ns = units(hearing, LADDER_PAUSE);
}

bool hearing_newest_wins(const char *version)
{
    return !firmware_is_before(version, 2026, 7);
}

bool hearing_may_subscribe(const struct hearing *hearing)
{
    return hearing->state != BLEPROXY_HEARING_ROBBED || !hearing->newest_wins;
}

static void remember_firmware(struct hearing *hearing, const char *firmware)
{
    if (strncmp(hearing->firmware, firmware, sizeof(hearing->firmware) - 1) == 0)
        return;
    hearing->inquiries = INQUIRIES_UNTRIED;
    strncpy(hearing->firmware, firmware, sizeof(hearing->firmware) - 1);
}

/* As of the last report: a silence belongs to the day in which it began. */
static uint64_t usual_gap_ns(struct hearing *hearing)
{
    uint64_t day_ns = time_after(hearing->gap_day_ns, DAY_NS);
    if (hearing->quiet_ns >= day_ns) {
        bool is_next = hearing->quiet_ns < time_after(day_ns, DAY_NS);
        hearing->gap_before_ns = is_next ? hearing->gap_ns : 0;
        hearing->gap_ns = 0;
        hearing->gap_day_ns = hearing->quiet_ns;
    }
    return hearing->gap_ns > hearing->gap_before_ns ? hearing->gap_ns : hearing->gap_before_ns;
}

/* After which it shows whether a rung has helped: as soon as the next report is due. */
static uint64_t rung_pause_ns(struct hearing *hearing)
{
    return units(hearing, RUNG) + time_min(usual_gap_ns(hearing), units(hearing, LADDER_PAUSE));
}

static void plan_take(struct hearing *hearing, uint64_t now_ns)
{
    unsigned n = hearing->takes < N_TAKE_DELAYS ? hearing->takes : N_TAKE_DELAYS - 1;
    bool is_watched = hearing->has_watchdog && hearing->told_ns == 0;
    if (hearing->newest_wins && hearing->config.reclaim_ns > 0)
        later(&hearing->take_due_ns, now_ns, hearing->reclaim_pause_ns);
    else if (hearing->newest_wins || is_watched)
        hearing->take_due_ns = BP_NEVER;
    else
        later(&hearing->take_due_ns, now_ns, units(hearing, take_delays[n]));
}

void hearing_begin(struct hearing *hearing, const struct hearing_session *session,
                   const struct hearing_signs *signs, uint64_t now_ns)
{
    bool was_left = !hearing_may_subscribe(hearing);
    hearing->in_session = true;
    hearing->newest_wins = session->newest_wins;
    hearing->tells_state = session->tells_state;
    hearing->has_watchdog = session->has_watchdog;
    hearing->is_ours = false;
    hearing->is_confirmed = was_left; /* nothing was asked for */
    hearing->ours_ns = now_ns;
    hearing->heard_ns = signs->heard_ns;
    hearing->told_ns = 0;
    hearing->unanswered = 0;
    hearing->inquiry_due_ns = BP_NEVER;
    remember_firmware(hearing, session->firmware);
    if (was_left) { /* robbed: taken back at take_due_ns, if at all; older firmware, given to it meanwhile, is asked */
        hearing->has_watchdog = false;
        if (!hearing->newest_wins)
            plan_take(hearing, now_ns);
        return;
    }
    hearing->take_due_ns = BP_NEVER;
    hearing->inquiry_pause_ns = units(hearing, INQUIRY_PAUSE);
    if (hearing->rung > 0) {
        later(&hearing->inquiry_due_ns, now_ns, rung_pause_ns(hearing));
        return;
    }
    enter(hearing, BLEPROXY_HEARING_UNKNOWN, now_ns);
    hearing->quiet_ns = now_ns;
}

void hearing_end(struct hearing *hearing, uint64_t now_ns)
{
    if (hearing->in_session && !hearing->is_confirmed)
        later(&hearing->doubt_until_ns, now_ns, units(hearing, LATE));
    hearing->in_session = hearing->inquiring = false;
    if (hearing_may_subscribe(hearing) && hearing->rung == 0)
        enter(hearing, BLEPROXY_HEARING_UNKNOWN, now_ns);
}

/* ---- What comes from the proxy ---- */

static void gained(struct hearing *hearing, uint64_t now_ns)
{
    hearing->is_ours = hearing->is_confirmed = true;
    hearing->ours_ns = now_ns;
    hearing->unanswered = 0;
    hearing->takes = 0;
    hearing->take_due_ns = BP_NEVER;
}

static void begin_anew(struct hearing *hearing, uint64_t now_ns)
{
    enter(hearing, BLEPROXY_HEARING_UNKNOWN, now_ns);
    hearing->quiet_ns = now_ns;
    hearing->unanswered = 0;
    hearing->inquiry_due_ns = BP_NEVER;
    hearing->rung = 0;
}

static int subscribe(struct hearing *hearing, uint64_t now_ns)
{
    int r = hearing->ops->subscribe(hearing->user, now_ns);
    if (r == 0)
        hearing->is_confirmed = false;
    return r;
}

/* Unless it was deafness: what comes right after a rung has been cured by it. One silence that was much longer than all
 * others does not make all of that usual. Hours in which nothing came are of no day. */
static void learn_gap(struct hearing *hearing, uint64_t heard_ns)
{
    if (!is_silent(hearing) || heard_ns < hearing->quiet_ns)
        return;
    uint64_t gap_ns = heard_ns - hearing->quiet_ns, usual_ns = usual_gap_ns(hearing);
    uint64_t most_ns = GAPS * (usual_ns > units(hearing, 1) ? usual_ns : units(hearing, 1));
    bool was_climbed = hearing->ladder_ns >= hearing->quiet_ns;
    bool is_cured = was_climbed && heard_ns <= time_after(hearing->rung_ns, rung_pause_ns(hearing));
    if (gap_ns > units(hearing, GAP_MAX))
        hearing->gap_day_ns = time_after(hearing->gap_day_ns, gap_ns);
    gap_ns = time_min(gap_ns, time_min(most_ns, units(hearing, GAP_MAX)));
    if (!is_cured && hearing->gap_ns < gap_ns)
        hearing->gap_ns = gap_ns;
}

/* The pauses between ladders grow as long as nothing is heard. */
static void shorten_ladder_pause(struct hearing *hearing)
{
    uint64_t pause_ns = units(hearing, LADDER_PAUSE);
    hearing->ladder_pause_ns = pause_ns;
    hearing->next_ladder_ns = time_min(hearing->next_ladder_ns, time_after(hearing->ladder_ns, pause_ns));
}

static void hears(struct hearing *hearing, uint64_t heard_ns, uint64_t now_ns)
{
    learn_gap(hearing, heard_ns);
    if (is_lost(hearing) || hearing->state == BLEPROXY_HEARING_DEAF)
        env_log(hearing->config.env, BLEPROXY_LOG_INFO, "hub", hearing->config.label,
                "its advertisements come again");
    gained(hearing, now_ns);
    hearing->heard_ever = true;
    hearing->quiet_ns = heard_ns;
    hearing->rung = 0;
    shorten_ladder_pause(hearing);
    hearing->inquiry_pause_ns = units(hearing, INQUIRY_PAUSE);
    if (hearing->state != BLEPROXY_HEARING_WELL)
        hearing->inquiry_due_ns = hearing->inquiries == INQUIRIES_UNTRIED ? now_ns : BP_NEVER;
    enter(hearing, BLEPROXY_HEARING_WELL, now_ns);
}

static void told(struct hearing *hearing, uint64_t now_ns)
{
    gained(hearing, now_ns);
    if (is_lost(hearing))
        begin_anew(hearing, now_ns);
    if (hearing->inquiries == INQUIRIES_UNTRIED)
        hearing->inquiry_due_ns = now_ns;
}

static void falls_silent(struct hearing *hearing, uint64_t now_ns)
{
    enter(hearing, BLEPROXY_HEARING_SILENT, now_ns);
    hearing->inquiry_due_ns = now_ns;
}

static void look(struct hearing *hearing, const struct hearing_signs *signs, uint64_t now_ns)
{
    if (signs->told_ns > hearing->told_ns) {
        hearing->told_ns = signs->told_ns;
        told(hearing, now_ns);
    }
    if (signs->heard_ns > hearing->heard_ns) {
        hearing->heard_ns = signs->heard_ns;
        hears(hearing, signs->heard_ns, now_ns);
    }
    hearing->is_busy = signs->is_busy;
    if (signs->is_busy && now_ns - hearing->ours_ns < units(hearing, BUSY_MAX))
        hearing->quiet_ns = now_ns;
    else if (!is_lost(hearing) && !is_silent(hearing) && now_ns - hearing->quiet_ns >= units(hearing, 1))
        falls_silent(hearing, now_ns);
}

/* ---- Robbed, refused ---- */

static bool was_ourselves(struct hearing *hearing, uint64_t now_ns)
{
    if (!hearing->newest_wins || now_ns >= hearing->doubt_until_ns)
        return false;
    hearing->doubt_until_ns = 0;
    return subscribe(hearing, now_ns) == 0;
}

static void lose(struct hearing *hearing, uint64_t now_ns)
{
    if (was_ourselves(hearing, now_ns)) {
        env_log(
            hearing->config.env, BLEPROXY_LOG_INFO, "hub", hearing->config.label,
            "its advertisements do not come, maybe because of the connection before: asking for them again");
        begin_anew(hearing, now_ns);
        return;
    }
    bool fought = hearing->taken_ns > 0 && now_ns - hearing->taken_ns < hearing->reclaim_pause_ns;
    if (!fought)
        hearing->reclaim_pause_ns = hearing->config.reclaim_ns;
    bool was_ours = hearing->is_ours || hearing->newest_wins; /* which it is as soon as it is asked for */
    enter(hearing, was_ours ? BLEPROXY_HEARING_ROBBED : BLEPROXY_HEARING_REFUSED, now_ns);
    env_log(hearing->config.env, BLEPROXY_LOG_WARNING, "hub", hearing->config.label, "%s",
            hearing_text(hearing));
    hearing->rung = 0;
    hearing->takes = 0;
    hearing->inquiry_due_ns = BP_NEVER;
    plan_take(hearing, now_ns);
}

static void take(struct hearing *hearing, uint64_t now_ns)
{
    bool reclaims = hearing->newest_wins;
    hearing->takes++;
    plan_take(hearing, now_ns);
    env_log(hearing->config.env, reclaims ? BLEPROXY_LOG_INFO : BLEPROXY_LOG_DEBUG, "hub",
            hearing->config.label, reclaims ? "it is taken back" : "asking for its advertisements again");
    if (subscribe(hearing, now_ns) < 0)
        return;
    if (!reclaims) {
        later(&hearing->inquiry_due_ns, now_ns, units(hearing, 1) / PARTS);
        return;
    }
    hearing->taken_ns = now_ns;
    if (hearing->reclaim_pause_ns < RECLAIM_PAUSE_MAX_NS)
        hearing->reclaim_pause_ns = longer(hearing->reclaim_pause_ns, RECLAIM_PAUSE_MAX_NS);
    hearing->take_due_ns = BP_NEVER;
    begin_anew(hearing, now_ns);
    hearing->is_ours = true;
}

int hearing_take(struct hearing *hearing, uint64_t now_ns)
{
    int r = hearing->in_session ? subscribe(hearing, now_ns) : BLEPROXY_E_NOT_CONNECTED;
    if (r < 0 && r != BLEPROXY_E_NOT_CONNECTED)
        return r;
    hearing->reclaim_pause_ns = hearing->config.reclaim_ns;
    hearing->take_due_ns = BP_NEVER;
    if (is_lost(hearing)) {
        begin_anew(hearing, now_ns);
        if (hearing->in_session)
            hearing->ops->on_change(hearing->user, now_ns);
    }
    return r;
}

/* ---- Deaf ---- */

static uint64_t patience_ns(struct hearing *hearing)
{
    uint64_t least_ns = units(hearing, LADDER_AFTER), usual_ns = GAPS * usual_gap_ns(hearing);
    return least_ns > usual_ns ? least_ns : usual_ns;
}

static bool climb(struct hearing *hearing, enum rung rung, uint64_t now_ns)
{
    switch (rung) {
    case RUNG_MODE:
        return hearing->ops->restart_scan(hearing->user, now_ns);
    case RUNG_SUBSCRIBE:
        return subscribe(hearing, now_ns) == 0;
    case RUNG_RECONNECT:
        return hearing->ops->reconnect(hearing->user, now_ns);
    case RUNG_TOP:
        break;
    }
    return true;
}

static const char *rung_text(enum rung rung)
{
    switch (rung) {
    case RUNG_MODE:
        return "connected, and hears nothing: its scanner is started anew";
    case RUNG_SUBSCRIBE:
        return "still hears nothing: asking for its advertisements again";
    case RUNG_RECONNECT:
        return "still hears nothing: connecting anew";
    case RUNG_TOP:
        break;
    }
    return "hears nothing, and nothing helps: restart it, if any device is near it";
}

static void wait_for_next_ladder(struct hearing *hearing, uint64_t from_ns, uint64_t now_ns)
{
    later(&hearing->inquiry_due_ns, now_ns, hearing->inquiry_pause_ns);
    if (from_ns > now_ns)
        hearing->inquiry_due_ns = time_min(hearing->inquiry_due_ns, from_ns);
    hearing->inquiry_pause_ns = longer(hearing->inquiry_pause_ns, units(hearing, INQUIRY_PAUSE_MAX));
}

/* The subscription is ours, and nothing comes. A rung that cannot be climbed is left out. */
static void go_on(struct hearing *hearing, uint64_t now_ns)
{
    if (hearing->is_busy) {
        hearing->quiet_ns = now_ns;
        wait_for_next_ladder(hearing, 0, now_ns);
        return;
    }
    uint64_t from_ns = time_after(hearing->quiet_ns, patience_ns(hearing));
    if (from_ns < hearing->next_ladder_ns)
        from_ns = hearing->next_ladder_ns;
    if (hearing->rung > 0)
        from_ns = time_after(hearing->rung_ns, rung_pause_ns(hearing));
    if (now_ns < from_ns) {
        wait_for_next_ladder(hearing, from_ns, now_ns);
        return;
    }
    if (hearing->rung == 0) {
        hearing->ladder_ns = now_ns;
        later(&hearing->next_ladder_ns, now_ns, hearing->ladder_pause_ns);
        hearing->ladder_pause_ns = longer(hearing->ladder_pause_ns, units(hearing, LADDER_PAUSE_MAX));
    }
    if (hearing->heard_ever)
        enter(hearing, BLEPROXY_HEARING_DEAF, now_ns);
    hearing->rung_ns = now_ns;
    later(&hearing->inquiry_due_ns, now_ns, rung_pause_ns(hearing));
    for (bool climbed = false; !climbed;) {
        enum rung rung = (enum rung)hearing->rung++;
        if (rung == RUNG_TOP) {
            hearing->rung = 0;
            wait_for_next_ladder(hearing, hearing->next_ladder_ns, now_ns);
        }
        climbed = climb(hearing, rung, now_ns);
        if (climbed)
            env_log(hearing->config.env, hearing->heard_ever ? BLEPROXY_LOG_WARNING : BLEPROXY_LOG_INFO,
                    "hub", hearing->config.label, "%s", rung_text(rung));
    }
}

/* ---- Inquiries ---- */

static void on_ours(struct hearing *hearing, uint64_t now_ns)
{
    hearing->inquiries = INQUIRIES_WORK;
    gained(hearing, now_ns);
    if (is_lost(hearing))
        begin_anew(hearing, now_ns);
    else if (is_silent(hearing))
        go_on(hearing, now_ns);
}

/* Firmware that does not answer such inquiries is known by its reports that come all the same. */
static void on_unanswered_while_well(struct hearing *hearing, uint64_t now_ns)
{
    if (hearing->inquiries != INQUIRIES_UNTRIED)
        return;
    if (hearing->heard_ns > hearing->inquired_ns && now_ns - hearing->heard_ns <= units(hearing, 1) / PARTS)
        hearing->inquiries = INQUIRIES_FAIL;
    else
        later(&hearing->inquiry_due_ns, now_ns, units(hearing, INQUIRY_PAUSE));
}

static void on_not_ours(struct hearing *hearing, uint64_t now_ns)
{
    bool was_never_told = hearing->tells_state && hearing->told_ns == 0 && !hearing->is_ours;
    if (hearing->state == BLEPROXY_HEARING_WELL) {
        on_unanswered_while_well(hearing, now_ns);
    } else if (!is_silent(hearing)) {
        return;
    } else if (hearing->inquiries == INQUIRIES_WORK && ++hearing->unanswered < UNANSWERED_MAX) {
        hearing->inquiry_due_ns = now_ns;
    } else if (hearing->inquiries == INQUIRIES_WORK || was_never_told) {
        lose(hearing, now_ns);
    } else {
        /* It cannot be known; where nothing is taken from anybody, asking for it can only help. */
        if (!hearing->newest_wins && hearing->take_due_ns == BP_NEVER)
            plan_take(hearing, now_ns);
        wait_for_next_ladder(hearing, 0, now_ns);
    }
}

/* Calls on_change when the state is another than before, last: the hearing may be gone after it. */
static void tell(struct hearing *hearing, enum bleproxy_hearing before, uint64_t now_ns)
{
    if (hearing->state != before && hearing->in_session)
        hearing->ops->on_change(hearing->user, now_ns);
}

void hearing_on_inquiry(struct hearing *hearing, enum inquiry_result result,
                        const struct hearing_signs *signs, uint64_t now_ns)
{
    enum bleproxy_hearing before = hearing->state;
    if (!hearing->in_session)
        return;
    hearing->inquiring = false;
    look(hearing, signs, now_ns);
    switch (result) {
    case INQUIRY_OURS:
        on_ours(hearing, now_ns);
        break;
    case INQUIRY_NOT_OURS:
        on_not_ours(hearing, now_ns);
        break;
    case INQUIRY_NOTHING:
        if (is_silent(hearing))
            wait_for_next_ladder(hearing, 0, now_ns);
        break;
    }
    tell(hearing, before, now_ns);
}

static void inquire(struct hearing *hearing, uint64_t now_ns)
{
    hearing->inquiry_due_ns = BP_NEVER;
    hearing->inquired_ns = now_ns;
    hearing->inquiring = hearing->ops->inquire(hearing->user, units(hearing, 1) / ANSWER_PARTS, now_ns) == 0;
    if (!hearing->inquiring)
        later(&hearing->inquiry_due_ns, now_ns, units(hearing, INQUIRY_PAUSE));
}

void hearing_tick(struct hearing *hearing, const struct hearing_signs *signs, uint64_t now_ns)
{
    enum bleproxy_hearing before = hearing->state;
    if (!hearing->in_session)
        return;
    look(hearing, signs, now_ns);
    if (now_ns >= hearing->take_due_ns)
        take(hearing, now_ns);
    if (now_ns >= hearing->inquiry_due_ns && !hearing->inquiring)
        inquire(hearing, now_ns);
    tell(hearing, before, now_ns);
}

uint64_t hearing_deadline(const struct hearing *hearing, const struct hearing_signs *signs)
{
    if (!hearing->in_session)
        return BP_NEVER;
    bool is_news = signs->told_ns > hearing->told_ns ||
                   (signs->heard_ns > hearing->heard_ns && hearing->state != BLEPROXY_HEARING_WELL);
    if (is_news)
        return 0;
    uint64_t deadline_ns =
        time_min(hearing->take_due_ns, hearing->inquiring ? BP_NEVER : hearing->inquiry_due_ns);
    if (is_lost(hearing) || is_silent(hearing))
        return deadline_ns;
    uint64_t quiet_ns = signs->heard_ns > hearing->quiet_ns ? signs->heard_ns : hearing->quiet_ns;
    return time_min(deadline_ns, time_after(quiet_ns, units(hearing, 1)));
}

const char *hearing_text(const struct hearing *hearing)
{
    switch (hearing->state) {
    case BLEPROXY_HEARING_UNKNOWN:
        return "it is not known yet whether it hears anything";
    case BLEPROXY_HEARING_WELL:
        return "its advertisements come";
    case BLEPROXY_HEARING_SILENT:
        return hearing->is_ours && hearing->inquiries == INQUIRIES_WORK
                   ? "it has nothing to report: no device is near, or it is deaf"
                   : "another program may have taken it over; if none has, restart it";
    case BLEPROXY_HEARING_DEAF:
        return "it hears nothing any more, and no other program has taken it over: restart it";
    case BLEPROXY_HEARING_ROBBED:
        if (!hearing->newest_wins)
            return "another program has its advertisements: they are asked for again and again";
        return hearing->config.reclaim_ns > 0
                   ? "another program has taken over its advertisements: they will be taken back"
                   : "another program has taken over its advertisements: they are left to it; to take them "
                     "back start this program anew, or set reclaim";
    case BLEPROXY_HEARING_REFUSED:
        return "another program has its advertisements, and the proxy serves one at a time: they are asked "
               "for "
               "again and again";
    }
    return "";
}
