/* SPDX-License-Identifier: MIT */
#include "central/route.h"

#include "central/score.h"
#include "hub/scanner.h"
#include "hub/slots.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>

/* More failures of late, and preference is over: of two the first is partly forgiven by the time of the second. */
enum { PREFERENCE_FAILURES = 1 };

/* ---- Facts ---- */

static bool is_stale(const struct routing *routing, const struct hub_hearing *hearing, uint64_t source,
                     uint64_t now_ns)
{
    uint64_t fresh_ns = ROUTE_FRESH_S * NS_PER_S;
    uint64_t expected_ns = hearing->interval_ns ? time_after(5 * NS_PER_S, hearing->interval_ns / 2 * 5) : 0;
    uint64_t age_ns = now_ns - hearing->heard_ns;
    if (expected_ns > fresh_ns)
        fresh_ns = expected_ns;
    return age_ns - pauses_since(&routing->pauses, source, hearing->heard_ns, now_ns) > fresh_ns;
}

static uint64_t silence(const struct routing *routing, const struct scanner *scanner, uint64_t now_ns)
{
    uint64_t heard_ns = scanner_heard_ns(scanner), began_ns = scanner_registered_ns(scanner);
    if (heard_ns < began_ns)
        heard_ns = began_ns;
    if (heard_ns >= now_ns)
        return 0;
    return now_ns - heard_ns - pauses_since(&routing->pauses, scanner_source(scanner), heard_ns, now_ns);
}

/* What people have laid down for the device and the proxy. */
static enum bleproxy_obstacle find_ban(const struct survey *survey, uint64_t source,
                                       const struct pin_ruling *ruling)
{
    if (ruling->obstacle != BLEPROXY_OBSTACLE_NONE)
        return ruling->obstacle;
    if (survey->route->source && survey->route->source != source)
        return BLEPROXY_OBSTACLE_NOT_ALLOWED;
    if (survey->bond && survey->bond->source != source)
        return BLEPROXY_OBSTACLE_BONDED_ELSEWHERE;
    return BLEPROXY_OBSTACLE_NONE;
}

/* Whether the device cannot be had there for being connected. */
static bool is_connected(const struct survey *survey, const struct path *path)
{
    return path->view.holds || (survey->holder.is_quiet && path->view.age_ns < UINT64_MAX);
}

/* Of several obstacles the one that lasts longest. */
static enum bleproxy_obstacle find_obstacle(const struct survey *survey, const struct path *path,
                                            enum bleproxy_obstacle ban)
{
    const struct routing *routing = survey->routing;
    struct scanner *scanner = path->scanner;
    if (ban != BLEPROXY_OBSTACLE_NONE)
        return ban;
    if (!scanner_is_connectable(scanner))
        return BLEPROXY_OBSTACLE_CANNOT_CONNECT;
    if (!scanner_is_available(scanner) || !scanner_session(scanner))
        return BLEPROXY_OBSTACLE_NO_SESSION;
    if (is_connected(survey, path))
        return BLEPROXY_OBSTACLE_CONNECTED;
    if (path->view.age_ns == UINT64_MAX)
        return BLEPROXY_OBSTACLE_NOT_HEARD;
    if (!path->is_fresh)
        return BLEPROXY_OBSTACLE_STALE;
    if (path->view.attempts > 0 && !routing->reference)
        return BLEPROXY_OBSTACLE_BUSY; /* what it tells of its slots counts the attempt */
    return slots_can_connect(scanner_slot_record(scanner)) ? BLEPROXY_OBSTACLE_NONE : BLEPROXY_OBSTACLE_FULL;
}

static void path_fill(const struct survey *survey, struct scanner *scanner, struct path *ret_path)
{
    const struct routing *routing = survey->routing;
    const uint64_t source = scanner_source(scanner), address = survey->route->address;
    const uint64_t now_ns = survey->now_ns;
    const struct bleproxy_slots *slots = slots_view(scanner_slot_record(scanner));
    const struct pin_ruling ruling = pins_rule(&routing->pins, address, scanner);
    struct hub_hearing hearing = {.rssi_dbm = BLEPROXY_RSSI_NONE, .smoothed_dbm = BLEPROXY_RSSI_NONE};
    bool heard = hub_hears(routing->hub, scanner, address, &hearing);
    double failures = failures_db(&routing->failures, source, address, now_ns) / FAILURE_DB;
    if (routing->reference)
        failures = failures_count(&routing->failures, source, address, scanner_registered_ns(scanner));
    *ret_path = (struct path){
        .view = {.source = source,
                 .proxy = scanner_label(scanner),
                 .preferred = ruling.preferred,
                 .smoothed_dbm = hearing.smoothed_dbm,
                 .rssi_dbm = hearing.rssi_dbm,
                 .age_ns = heard ? now_ns - hearing.heard_ns : UINT64_MAX,
                 .remembered = heard && hearing.heard_ns < scanner_registered_ns(scanner),
                 .holds = survey->holder.scanner == scanner,
                 .silent_ns = silence(routing, scanner, now_ns),
                 .interval_ns = hearing.interval_ns,
                 .attempts =
                     routing->reference ? turns_all(routing, scanner) : turns_on_radio(routing, scanner),
                 .failures = failures,
                 .slots_free = slots->free,
                 .slots_limit = slots->limit},
        .scanner = scanner,
        .address_type = hearing.address_type,
        .is_fresh = heard && (routing->reference || !is_stale(routing, &hearing, source, now_ns)),
    };
    ret_path->view.obstacle = find_obstacle(survey, ret_path, find_ban(survey, source, &ruling));
}

static bool is_heard_since(const struct hub *hub, uint64_t address, uint64_t since_ns)
{
    const struct scanner *scanner;
    struct hub_hearing hearing;
    for (size_t position = 0; (scanner = hub_next_scanner(hub, &position));)
        if (hub_hears(hub, scanner, address, &hearing) && hearing.heard_ns >= since_ns)
            return true;
    return false;
}

static struct holder find_holder(const struct hub *hub, uint64_t address)
{
    bool is_own = hub_is_connected(hub, address);
    struct scanner *scanner;
    for (size_t position = 0; (scanner = hub_next_scanner(hub, &position));) {
        const struct slots *slots = scanner_slot_record(scanner);
        uint64_t quiet_ns = UINT64_MAX; /* one's own are enough, whatever the device says */
        if (is_own ? slots_is_tracked(slots, address) : slots_holds(slots, address, &quiet_ns))
            return (struct holder){scanner, is_own, !is_heard_since(hub, address, quiet_ns)};
    }
    return (struct holder){.scanner = NULL};
}

/* What attempts go by. */
static struct survey survey_routes(const struct routing *routing, const struct route *route, uint64_t now_ns)
{
    const struct bleproxy_bond *bond = bonds_get(&routing->bonds, route->address);
    return (struct survey){.routing = routing,
                           .route = route,
                           .now_ns = now_ns,
                           .bond = route->ignore_bond || routing->reference ? NULL : bond};
}

struct survey route_survey(const struct routing *routing, const struct route *route, uint64_t now_ns)
{
    struct survey survey = survey_routes(routing, route, now_ns);
    survey.holder = find_holder(routing->hub, route->address);
    return survey;
}

bool route_next(const struct survey *survey, size_t *position, struct path *ret_path)
{
    struct scanner *scanner = hub_next_scanner(survey->routing->hub, position);
    if (scanner)
        path_fill(survey, scanner, ret_path);
    return scanner;
}

bool route_is_banned(const struct path *path)
{
    switch (path->view.obstacle) {
    case BLEPROXY_OBSTACLE_DENIED:
    case BLEPROXY_OBSTACLE_NOT_ALLOWED:
    case BLEPROXY_OBSTACLE_RESERVED:
    case BLEPROXY_OBSTACLE_BONDED_ELSEWHERE:
        return true;
    case BLEPROXY_OBSTACLE_NONE:
    case BLEPROXY_OBSTACLE_CANNOT_CONNECT:
    case BLEPROXY_OBSTACLE_NO_SESSION:
    case BLEPROXY_OBSTACLE_NOT_HEARD:
    case BLEPROXY_OBSTACLE_STALE:
    case BLEPROXY_OBSTACLE_BUSY:
    case BLEPROXY_OBSTACLE_FULL:
    case BLEPROXY_OBSTACLE_CONNECTED:
        break;
    }
    return false;
}

/* ---- The choice ---- */

/* 3: can be had; 2: is full; 1: hears the device, and cannot be used; 0: does not hear it. */
static unsigned rank(const struct bleproxy_path *path)
{
    switch (path->obstacle) {
    case BLEPROXY_OBSTACLE_NONE:
    case BLEPROXY_OBSTACLE_BUSY:
        return 3;
    case BLEPROXY_OBSTACLE_FULL:
        return 2;
    case BLEPROXY_OBSTACLE_CANNOT_CONNECT:
    case BLEPROXY_OBSTACLE_NO_SESSION:
    case BLEPROXY_OBSTACLE_DENIED:
    case BLEPROXY_OBSTACLE_NOT_ALLOWED:
    case BLEPROXY_OBSTACLE_RESERVED:
    case BLEPROXY_OBSTACLE_BONDED_ELSEWHERE:
    case BLEPROXY_OBSTACLE_NOT_HEARD:
    case BLEPROXY_OBSTACLE_STALE:
    case BLEPROXY_OBSTACLE_CONNECTED:
        break;
    }
    return path->age_ns < UINT64_MAX;
}

static bool can_be_used(const struct bleproxy_path *path)
{
    return rank(path) >= 2;
}

/* Preferred, and it is worth insisting on that. */
static bool is_favoured(const struct route *route, const struct bleproxy_path *path)
{
    bool patient = path->attempts == 0 || route->waited_ns <= BLEPROXY_PIN_PATIENCE_S * NS_PER_S;
    return path->preferred && patient && path->failures <= PREFERENCE_FAILURES;
}

/* The rule: who can be had before who is full, who is favoured before who is not, then the better score; equals in the order
 * of their registration. */
static bool goes_first(const struct route *route, const struct bleproxy_path *a,
                       const struct bleproxy_path *b)
{
    if (rank(a) != rank(b))
        return rank(a) > rank(b);
    if (is_favoured(route, a) != is_favoured(route, b))
        return is_favoured(route, a);
    return a->score_dbm > b->score_dbm;
}

static struct contest find_contest(const struct survey *survey)
{
    struct contest contest = {0};
    struct path path;
    for (size_t position = 0; survey->routing->reference && route_next(survey, &position, &path);)
        if (can_be_used(&path.view))
            contest_add(&contest, &path.view);
    return contest;
}

static void path_judge(const struct survey *survey, const struct contest *contest, struct path *path)
{
    struct bleproxy_path *view = &path->view;
    view->score_dbm = survey->routing->reference ? score_reference(view, contest)
                                                 : score_path(view, survey->route->waited_ns);
}

/* Not heard is the matter only if there is who may be used, and would hear it. */
static int why_none(const struct survey *survey)
{
    bool heard = false, allowed = false;
    struct path path;
    for (size_t position = 0; route_next(survey, &position, &path);) {
        heard |= path.is_fresh;
        allowed |= !route_is_banned(&path);
    }
    return heard || !allowed ? BLEPROXY_E_NO_PROXY : BLEPROXY_E_NOT_HEARD;
}

int route_pick(const struct survey *survey, struct path *ret_path)
{
    const struct contest contest = find_contest(survey);
    struct path best = {0}, path;
    for (size_t position = 0; route_next(survey, &position, &path);) {
        path_judge(survey, &contest, &path);
        if (can_be_used(&path.view) && (!best.scanner || goes_first(survey->route, &path.view, &best.view)))
            best = path;
    }
    if (!best.scanner)
        return why_none(survey);
    *ret_path = best;
    return best.view.obstacle == BLEPROXY_OBSTACLE_BUSY   ? ROUTE_BUSY
           : best.view.obstacle == BLEPROXY_OBSTACLE_FULL ? ROUTE_FULL
                                                          : ROUTE_FREE;
}

int route_choose(const struct routing *routing, const struct route *route, uint64_t now_ns,
                 struct path *ret_path)
{
    const struct survey survey = survey_routes(routing, route, now_ns);
    return route_pick(&survey, ret_path);
}

bool route_opens(const struct routing *routing, const struct route *route, uint64_t source, uint64_t now_ns)
{
    const struct survey survey = survey_routes(routing, route, now_ns);
    struct scanner *scanner;
    struct path path;
    for (size_t position = 0; (scanner = hub_next_scanner(routing->hub, &position));) {
        if (scanner_source(scanner) != source)
            continue;
        path_fill(&survey, scanner, &path);
        if (can_be_used(&path.view))
            return true;
    }
    return false;
}

size_t route_list(const struct routing *routing, const struct route *route, uint64_t now_ns,
                  struct bleproxy_path *paths, size_t max)
{
    const struct survey survey = route_survey(routing, route, now_ns);
    const struct contest contest = find_contest(&survey);
    struct path path;
    size_t n = 0;
    for (size_t position = 0; route_next(&survey, &position, &path); n++) {
        size_t i = n < max ? n : max;
        path_judge(&survey, &contest, &path);
        for (; i > 0 && goes_first(route, &path.view, &paths[i - 1]); i--)
            if (i < max)
                paths[i] = paths[i - 1];
        if (i < max)
            paths[i] = path.view;
    }
    return n;
}
