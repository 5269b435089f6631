/* SPDX-License-Identifier: MIT */
#include "central/reach.h"

#include "hub/scanner.h"
#include "hub/slots.h"
#include "names/utf8.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    NAMED_MAX = 3, /* proxies; of more it is said how many */
    NAME_SIZE = SANITISE_NAME_MAX * 4 + 1,
};

#define CHECK_DEVICE "check that it is on, near a proxy, and not connected elsewhere"
#define TAKEN_OVER   "another program may have taken it over; if none has, restart it"
#define PAIR_ANEW    "forget the bond and pair it anew through another proxy"

/* What is asked, and what is written so far. */
struct reach {
    struct survey survey;
    char *text;
    size_t size, length;
    bool full;
};

/* Where the last character begins, if it is not whole; else length. */
static size_t whole_length(const char *text, size_t length)
{
    size_t begin = length;
    uint32_t character;
    while (begin > 0 && (text[begin - 1] & 0xc0) == 0x80)
        begin--;
    begin -= begin > 0;
    return length > 0 && utf8_decode((const uint8_t *)text + begin, length - begin, &character) == 0 ? begin
                                                                                                     : length;
}

static __attribute__((format(printf, 2, 3))) void say(struct reach *reach, const char *format, ...)
{
    size_t left = reach->size - reach->length;
    va_list arguments;
    if (reach->full)
        return;
    va_start(arguments, format);
    int n = vsnprintf(reach->text + reach->length, left, format, arguments);
    va_end(arguments);
    if (n > 0 && (size_t)n < left) {
        reach->length += (size_t)n;
    } else if (n > 0) {
        reach->full = true;
        reach->length = whole_length(reach->text, reach->size - 1);
        reach->text[reach->length] = '\0';
    }
}

static void say_name(struct reach *reach, const char *proxy)
{
    char name[NAME_SIZE];
    sanitise(name, sizeof(name), proxy, strlen(proxy), SANITISE_NAME_MAX);
    say(reach, "%s", name);
}

static bool next(const struct reach *reach, size_t *position, struct path *ret_path)
{
    return route_next(&reach->survey, position, ret_path);
}

typedef bool path_fn(const struct path *path);

static size_t count(const struct reach *reach, path_fn *has)
{
    size_t n = 0;
    struct path path;
    for (size_t position = 0; next(reach, &position, &path);)
        n += has(&path);
    return n;
}

/* "kitchen (-50 dBm), attic and 2 more". describe NULL: the names alone. */
static void say_all(struct reach *reach, path_fn *has,
                    void (*describe)(struct reach *reach, const struct path *path))
{
    const size_t n = count(reach, has);
    size_t i = 0;
    struct path path;
    for (size_t position = 0; i < NAMED_MAX && next(reach, &position, &path);) {
        if (!has(&path))
            continue;
        say(reach, "%s", i == 0 ? "" : i + 1 == n ? " and " : ", ");
        say_name(reach, path.view.proxy);
        if (describe)
            describe(reach, &path);
        i++;
    }
    if (n > i)
        say(reach, " and %zu more", n - i);
}

/* ---- Kinds of proxies ---- */

static bool is_any(const struct path *path)
{
    (void)path;
    return true;
}

static bool is_allowed(const struct path *path)
{
    return !route_is_banned(path);
}

static bool is_fresh(const struct path *path)
{
    return path->is_fresh;
}

static bool is_heard(const struct path *path)
{
    return path->is_fresh && !path->view.remembered;
}

static bool is_fresh_and_passive(const struct path *path)
{
    return path->is_fresh && path->view.obstacle == BLEPROXY_OBSTACLE_CANNOT_CONNECT;
}

static bool is_fresh_and_banned(const struct path *path)
{
    return path->is_fresh && route_is_banned(path);
}

static bool is_full(const struct path *path)
{
    return path->view.obstacle == BLEPROXY_OBSTACLE_FULL;
}

static bool is_stale(const struct path *path)
{
    return path->view.age_ns < UINT64_MAX && !path->is_fresh;
}

static bool is_connecting(const struct path *path)
{
    return path->view.attempts > 0;
}

/* It may be used, and hears nothing at all, without being busy with an attempt. */
static bool is_silent(const struct path *path)
{
    return is_allowed(path) && !is_connecting(path) &&
           path->view.silent_ns >= BLEPROXY_PATH_SILENT_S * NS_PER_S;
}

/* ---- What is said of them ---- */

static void say_signal(struct reach *reach, const struct path *path)
{
    double dbm = path->view.smoothed_dbm;
    if (dbm > BLEPROXY_RSSI_NONE)
        say(reach, " (%d dBm)", (int)(dbm < 0 ? dbm - 0.5 : dbm + 0.5));
}

static void say_slots(struct reach *reach, const struct path *path)
{
    if (path->view.slots_limit == 0)
        say(reach, " (it has not told them yet)");
    else
        say(reach, " (%" PRIu32 " of %" PRIu32 ")", path->view.slots_limit - path->view.slots_free,
            path->view.slots_limit);
}

static void say_age(struct reach *reach, const struct path *path)
{
    say(reach, " %" PRIu64 " s ago", path->view.age_ns / NS_PER_S);
    say_signal(reach, path);
}

static void say_obstacle(struct reach *reach, const struct path *path)
{
    switch (path->view.obstacle) {
    case BLEPROXY_OBSTACLE_CANNOT_CONNECT:
        say(reach, " (cannot connect)");
        break;
    case BLEPROXY_OBSTACLE_NO_SESSION:
        say(reach, " (is being lost)");
        break;
    case BLEPROXY_OBSTACLE_DENIED:
        say(reach, " (denied)");
        break;
    case BLEPROXY_OBSTACLE_NOT_ALLOWED:
        say(reach, " (not allowed)");
        break;
    case BLEPROXY_OBSTACLE_RESERVED:
        say(reach, " (for other devices only)");
        break;
    case BLEPROXY_OBSTACLE_BONDED_ELSEWHERE:
        say(reach, " (does not have its bond)");
        break;
    case BLEPROXY_OBSTACLE_NONE:
    case BLEPROXY_OBSTACLE_NOT_HEARD:
    case BLEPROXY_OBSTACLE_STALE:
    case BLEPROXY_OBSTACLE_BUSY:
    case BLEPROXY_OBSTACLE_FULL:
    case BLEPROXY_OBSTACLE_CONNECTED:
        break;
    }
}

static bool is_only_pin(const struct reach *reach, const struct pin *pin)
{
    return pin->address == reach->survey.route->address && pin->kind == BLEPROXY_PIN_ONLY;
}

static size_t count_only_pins(const struct reach *reach)
{
    size_t n = 0;
    list_for_each(node, &reach->survey.routing->pins.list) n +=
        is_only_pin(reach, list_entry(node, struct pin, node));
    return n;
}

/* "attic or 00:11:..": what the device's pins of that kind name. */
static void say_pinned(struct reach *reach)
{
    const size_t n = count_only_pins(reach);
    size_t i = 0;
    list_for_each(node, &reach->survey.routing->pins.list)
    {
        const struct pin *pin = list_entry(node, struct pin, node);
        if (!is_only_pin(reach, pin) || i == NAMED_MAX)
            continue;
        say(reach, "%s", i == 0 ? "" : i + 1 == n ? " or " : ", ");
        say_name(reach, pin->proxy);
        i++;
    }
    if (n > i)
        say(reach, " or %zu more", n - i);
}

/* ---- The situations ---- */

/* The proxy that has the bond; false: it is not connected. */
static bool find_bonded(const struct reach *reach, struct path *ret_path)
{
    for (size_t position = 0; next(reach, &position, ret_path);)
        if (ret_path->view.source == reach->survey.bond->source)
            return true;
    return false;
}

static void say_bond(struct reach *reach)
{
    char name[NAME_SIZE];
    const struct bleproxy_bond *bond = reach->survey.bond;
    struct path path;
    bool is_there = find_bonded(reach, &path);
    const char *proxy = is_there ? path.view.proxy : bond->proxy;
    sanitise(name, sizeof(name), proxy, strlen(proxy), SANITISE_NAME_MAX);
    say(reach, "its bond is on %s, ", name);
    if (!is_there)
        say(reach, "which is not connected: check that proxy, or " PAIR_ANEW);
    else if (path.view.obstacle == BLEPROXY_OBSTACLE_DENIED)
        say(reach, "but %s may not be used for it ('deny'): allow it, or " PAIR_ANEW, name);
    else if (path.view.obstacle == BLEPROXY_OBSTACLE_NOT_ALLOWED)
        say(reach, "but only others may be used for it ('only'): allow %s, or " PAIR_ANEW, name);
    else if (path.view.obstacle == BLEPROXY_OBSTACLE_RESERVED)
        say(reach, "but %s is for other devices only ('only'): allow it, or " PAIR_ANEW, name);
    else if (path.view.obstacle == BLEPROXY_OBSTACLE_CANNOT_CONNECT)
        say(reach, "but %s cannot connect any more: give it 'bluetooth_proxy: active: true', or " PAIR_ANEW,
            name);
    else if (is_silent(&path))
        say(reach, "which has heard nothing at all for %" PRIu64 " s: " TAKEN_OVER,
            path.view.silent_ns / NS_PER_S);
    else
        say(reach, "which does not hear it: bring them together, or " PAIR_ANEW);
}

/* To whom it is restricted, how they are, and what lifts that. False: to nobody. */
static bool say_restriction(struct reach *reach, const char *state)
{
    if (reach->survey.bond) {
        say_bond(reach);
    } else if (reach->survey.route->source) {
        say(reach, "the one proxy that may be used %s: allow others, or move the device nearer to it", state);
    } else if (count_only_pins(reach) > 0) {
        say(reach, "it may only be connected through ");
        say_pinned(reach);
        say(reach, ", which %s: check that proxy, or allow others", state);
    } else {
        return false;
    }
    return true;
}

static uint64_t shortest_silence_ns(const struct reach *reach)
{
    uint64_t shortest_ns = UINT64_MAX;
    struct path path;
    for (size_t position = 0; next(reach, &position, &path);)
        if (is_silent(&path))
            shortest_ns = time_min(shortest_ns, path.view.silent_ns);
    return shortest_ns;
}

/* Proxies that hear nothing at all tell nothing of the device. */
static void say_silent(struct reach *reach)
{
    size_t n = count(reach, is_silent);
    if (n == 0)
        return;
    say_all(reach, is_silent, NULL);
    say(reach, n == 1 ? " has heard nothing at all for " : " have heard nothing at all for ");
    say(reach, "%" PRIu64 " s: ", shortest_silence_ns(reach) / NS_PER_S);
    say(reach, n == 1 ? TAKEN_OVER : "another program may have taken them over; if none has, restart them");
}

static void say_not_heard(struct reach *reach)
{
    const size_t n = count(reach, is_any), n_silent = count(reach, is_silent);
    if (count(reach, is_connecting) == n) {
        say(reach, "no proxy can hear it now: all are connecting other devices; wait, or add a proxy");
        return;
    }
    if (n_silent > 0 && n_silent == count(reach, is_allowed)) {
        say_silent(reach);
        return;
    }
    if (count(reach, is_stale) > 0) {
        say(reach, "no proxy has heard it lately: ");
        say_all(reach, is_stale, say_age);
        say(reach, "; " CHECK_DEVICE);
    } else {
        say(reach, n == 1 ? "the one connected proxy has never heard it: " CHECK_DEVICE
                          : "none of the connected proxies has ever heard it: " CHECK_DEVICE);
    }
    if (n_silent > 0)
        say(reach, "; ");
    say_silent(reach);
}

static void say_unusable(struct reach *reach)
{
    if (count(reach, is_any) == 0) {
        say(reach, "no proxy is connected: check that they are powered and reachable");
    } else if (count(reach, is_allowed) == 0) {
        if (say_restriction(reach, "is not connected"))
            return;
        say(reach, "no connected proxy may be used for it: ");
        say_all(reach, is_any, say_obstacle);
        say(reach, "; change 'only' and 'deny'");
    } else {
        say(reach, count(reach, is_heard) > 0 ? "it is heard by " : "it was heard by ");
        say_all(reach, is_fresh, say_obstacle);
        if (count(reach, is_fresh_and_passive) == count(reach, is_fresh)) {
            say(reach, ": use a proxy with 'bluetooth_proxy: active: true'");
            return;
        }
        say(reach, "; ");
        if (say_restriction(reach, "does not hear it"))
            return;
        say(reach, "the others do not hear it: move the device nearer to them, or change 'only' and 'deny'");
        if (count(reach, is_silent) > 0)
            say(reach, "; ");
        say_silent(reach);
    }
}

/* Another proxy helps only if it may be used. */
static void say_full(struct reach *reach)
{
    const struct survey *survey = &reach->survey;
    bool others = count(reach, is_fresh_and_banned) > 0;
    say(reach,
        "all connection slots of the proxies that hear it%s are in use: ", others ? " and may be used" : "");
    say_all(reach, is_full, say_slots);
    if (others) {
        say(reach, "; it is heard by ");
        say_all(reach, is_fresh_and_banned, say_obstacle);
        say(reach, ", too");
    }
    say(reach, "; disconnect another device, or %s",
        survey->bond                                          ? PAIR_ANEW
        : survey->route->source || count_only_pins(reach) > 0 ? "allow others"
                                                              : "add a proxy");
}

static void say_holder(struct reach *reach)
{
    say(reach, "it is connected through ");
    say_name(reach, scanner_label(reach->survey.holder.scanner));
    say(reach, reach->survey.holder.is_own ? ", by this program"
                                           : ", by another program: connected devices do not advertise");
}

static void say_free(struct reach *reach, const struct path *path)
{
    const struct scanner *holder = reach->survey.holder.scanner;
    if (path->view.remembered) {
        say(reach, "it would be tried through ");
        say_name(reach, path->view.proxy);
        say(reach, ", which heard it");
        say_age(reach, path);
        say(reach, ", but not since the proxy was connected");
        return;
    }
    say(reach, "it can be connected: through ");
    say_name(reach, path->view.proxy);
    say_signal(reach, path);
    if (!holder)
        return;
    say(reach, ", although it is connected through ");
    say_name(reach, scanner_label(holder));
    say(reach, ", too");
}

char *reach_explain(const struct routing *routing, const struct route *route, uint64_t now_ns, char *text,
                    size_t size)
{
    struct reach reach = {.survey = route_survey(routing, route, now_ns), .text = text, .size = size};
    struct path path;
    int r = route_pick(&reach.survey, &path);
    text[0] = '\0';
    if (r == ROUTE_FREE) {
        say_free(&reach, &path);
    } else if (r == ROUTE_BUSY) {
        say_name(&reach, path.view.proxy);
        say(&reach, " is the best proxy for it, and is connecting another device: its turn comes after that");
    } else if (r == ROUTE_FULL) {
        say_full(&reach);
    } else if (reach.survey.holder.is_quiet) {
        say_holder(&reach);
    } else if (r == BLEPROXY_E_NO_PROXY) {
        say_unusable(&reach);
    } else {
        say_not_heard(&reach);
    }
    return text;
}
