/* SPDX-License-Identifier: MIT */
#include "why.h"

#include "cli.h"
#include "filters.h"
#include "hearing.h"
#include "holders.h"
#include "log.h"
#include "remote.h"
#include "run.h"
#include "state.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
enum {
    LISTEN_MS = 10000,
    INTERVAL_MS = 3000, /* for the device to be heard a second time, or not at all when it is connected */
    OTHERS_MS = 6000,   /* for further proxies to hear it when it is not known how often it speaks */
    CHECK_MS = 50,
    PROGRESS_CHECKS = 20,
    SANITISED_SIZE = 256,
};

static const struct option longs[] = {OPTIONS_LONG, {0}};

static const char help[] =
    "Usage: bleproxy why [OPTION]... ADDRESS\n"
    "Tell which proxies hear a device, through which one it would be connected, and what\n"
    "keeps it from each other one. ADDRESS is the device's address, its name in the\n"
    "configuration, or its exact name.\n"
    "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    listen for at most this long (10): it ends when all proxies\n"
    "                           have heard the device, or had time to\n";

static int parse(void *user, int option, const char *value)
{
    (void)user, (void)option, (void)value;
    return CLI_INTERNAL; /* there are no options of its own */
}

/* ---- Listening ---- */

static void on_timeout(void *user)
{
    struct why *why = user;
    why->over = true;
}

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct why *why = user;
    if (error == 0)
        why->address = advertisement->address;
}

static bool has_passed(uint64_t since_ns, uint64_t span_ns, uint64_t now_ns)
{
    return since_ns > 0 && now_ns - since_ns >= span_ns;
}

/* Sets it the first time that it is so. */
static void note(uint64_t *since_ns, bool is_so, uint64_t now_ns)
{
    if (is_so && *since_ns == 0)
        *since_ns = now_ns;
}

static bool is_settled(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n_members; i++)
        if (!fleet->members[i].is_ready && fleet->members[i].error == 0)
            return false;
    return true;
}

/* Its address, if need be by what is known from an earlier run; 0: there is none of that name. */
static uint64_t find_address(const struct why *why)
{
    const struct bleproxy_advertisement *remembered =
        why->address ? NULL : bleproxy_hub_remembered(why->fleet.hub, 0, why->filter.name);
    return remembered ? remembered->address : why->address;
}

static bool is_held(const struct why *why)
{
    uint64_t address = find_address(why);
    if (!address)
        return false;
    for (size_t i = 0; i < why->fleet.n_members; i++) {
        const struct bleproxy_slots *slots = holders_slots(&why->fleet.members[i]);
        for (size_t k = 0; slots && k < slots->n_allocated; k++)
            if (slots->allocated[k] == address)
                return true;
    }
    return false;
}

/* Who has not heard it by then hardly will. */
static uint64_t patience_ns(const struct bleproxy_device *device)
{
    uint64_t interval_ns = bleproxy_device_interval_ns(device);
    if (interval_ns == 0)
        return OTHERS_MS * NS_PER_MS;
    return interval_ns / 2 * 5 > INTERVAL_MS * NS_PER_MS ? interval_ns / 2 * 5 : INTERVAL_MS * NS_PER_MS;
}

/* It is known who hears it, and how often it speaks, or will not be soon. */
static bool is_enough(struct why *why, uint64_t now_ns)
{
    const struct bleproxy_device *device =
        why->address ? bleproxy_hub_device(why->fleet.hub, why->address) : NULL;
    note(&why->settled_ns, fleet_has_worked(&why->fleet) && is_settled(&why->fleet), now_ns);
    if (!device)
        return has_passed(why->settled_ns, INTERVAL_MS * NS_PER_MS, now_ns) && is_held(why);
    note(&why->heard_ns, true, now_ns);
    note(&why->complete_ns, hearing_is_complete(&why->fleet, why->address), now_ns);
    if (why->complete_ns > 0 && bleproxy_device_interval_ns(device) > 0)
        return true;
    return has_passed(why->complete_ns, INTERVAL_MS * NS_PER_MS, now_ns) ||
           (has_passed(why->settled_ns, patience_ns(device), now_ns) &&
            has_passed(why->heard_ns, patience_ns(device), now_ns));
}

static void on_check(void *user)
{
    struct why *why = user;
    uint64_t now_ns = bleproxy_loop_now_ns(why->fleet.loop);
    if (is_enough(why, now_ns))
        why->over = true;
    else if (why->n_checks++ % PROGRESS_CHECKS == 0 && now_ns < why->end_ns)
        log_progress("listening for %s, %.0f s left", why->label, (double)(why->end_ns - now_ns) / 1e9);
}

static enum run_end listen(struct why *why)
{
    struct bleproxy_timer *timeout = NULL, *check = NULL;
    struct bleproxy_search *search = NULL;
    uint32_t timeout_ms = why->options.timeout_ms > 0 ? why->options.timeout_ms : LISTEN_MS;
    enum run_end end = RUN_DONE;
    why->end_ns = bleproxy_loop_now_ns(why->fleet.loop) + timeout_ms * NS_PER_MS;
    int r = bleproxy_timer_new(why->fleet.loop, timeout_ms, 0, on_timeout, why, &timeout);
    if (r == 0)
        r = bleproxy_timer_new(why->fleet.loop, 0, CHECK_MS, on_check, why, &check);
    if (r == 0)
        r = bleproxy_hub_find(why->fleet.hub, &why->filter, UINT32_MAX, on_found, why, &search);
    if (r == 0)
        end = run_loop(why->fleet.loop, &why->over);
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(check);
    log_progress_end();
    return end;
}

/* ---- Finding out ---- */

static bool is_path(const struct why *why, const struct member *member)
{
    for (size_t i = 0; i < why->n_paths; i++)
        if (why->ways[i].member == member)
            return true;
    return false;
}

static void take_paths(struct why *why)
{
    size_t n, max = why->fleet.n_members;
    if (!why->fleet.remote || !remote_ops->paths(why->fleet.remote, why->address, why->paths, max, &n))
        bleproxy_hub_paths(why->fleet.hub, why->address, why->paths, max, &n);
    for (size_t i = 0; i < n && i < max; i++) {
        const struct bleproxy_path *path = &why->paths[i];
        const struct member *member = fleet_find(&why->fleet, path->source);
        if (!member)
            continue;
        why->is_heard |= path->age_ns < UINT64_MAX && !path->remembered;
        if (path->holds)
            why->holder = member;
        why->ways[why->n_ways] =
            (struct way){.member = member,
                         .path = path,
                         .used = why->n_ways == 0 && path->obstacle == BLEPROXY_OBSTACLE_NONE};
        why->n_ways++;
    }
    why->n_paths = why->n_ways;
}

/* Whether any proxy tells anything at all. */
static bool is_anything_heard(const struct why *why)
{
    for (size_t i = 0; i < why->fleet.n_members; i++)
        if (why->fleet.members[i].n_devices > 0)
            return true;
    return false;
}

/* What the library cannot know of a bond's proxy that is not connected: that it is none of these. */
static bool explain_bond(struct why *why)
{
    char proxy[SANITISED_SIZE], address[BLEPROXY_ADDRESS_TEXT_SIZE];
    const struct bleproxy_bond *bond = bleproxy_hub_bond(why->fleet.hub, why->address);
    const struct proxies *proxies = &why->fleet.proxies;
    if (!bond || why->n_paths == 0 || why->holder)
        return false;
    for (size_t i = 0; i < why->fleet.n_members; i++) {
        const struct member *member = &why->fleet.members[i];
        if (member->source == bond->source || member->source == 0)
            return false; /* it is, or may be, that one */
    }
    bleproxy_sanitise(proxy, sizeof(proxy), bond->proxy, strlen(bond->proxy));
    bool left_out = why->options.n_proxies > 0 &&
                    (proxies->config.n_proxies == 0 || config_find(&proxies->config, bond->proxy));
    bleproxy_address_format(why->address, address);
    snprintf(
        why->text, sizeof(why->text),
        "its bond is on %s, which is not %s: add it, or forget the bond ('bleproxy unpair --forget %s') and "
        "pair it anew through another proxy",
        proxy, left_out ? "among the proxies that -p names" : "in the configuration", address);
    return true;
}

static void explain(struct why *why)
{
    if (!why->address && is_anything_heard(why)) {
        snprintf(why->text, sizeof(why->text),
                 "no proxy has heard a device of that name: check that it is on, near a proxy, and not "
                 "connected elsewhere; 'bleproxy devices' shows what is heard");
        return;
    }
    if (explain_bond(why))
        return;
    if (!why->fleet.remote ||
        !remote_ops->explain(why->fleet.remote, why->address, why->text, sizeof(why->text)))
        bleproxy_hub_explain_path(why->fleet.hub, why->address, why->text, sizeof(why->text));
}

static void investigate(struct why *why)
{
    fleet_measure(&why->fleet);
    why->address = find_address(why);
    why->device = why->address ? bleproxy_hub_device(why->fleet.hub, why->address) : NULL;
    if (why->address && !why->device)
        why->remembered = bleproxy_hub_remembered(why->fleet.hub, why->address, NULL);
    take_paths(why);
    for (size_t i = 0; i < why->fleet.n_members; i++)
        if (!is_path(why, &why->fleet.members[i]))
            why->ways[why->n_ways++] = (struct way){.member = &why->fleet.members[i]};
    explain(why);
}

/* What a script wants to know is whether it can be connected. */
static int verdict(const struct why *why)
{
    enum bleproxy_obstacle obstacle =
        why->n_paths > 0 ? why->paths[0].obstacle : BLEPROXY_OBSTACLE_NO_SESSION;
    if (obstacle == BLEPROXY_OBSTACLE_NONE || obstacle == BLEPROXY_OBSTACLE_BUSY)
        return CLI_DONE;
    if (why->n_paths == 0)
        return CLI_UNREACHABLE;
    bool is_denied = obstacle == BLEPROXY_OBSTACLE_DENIED; /* however well it may be heard */
    return why->is_heard || why->holder || is_denied ? CLI_FAILED : CLI_NOT_FOUND;
}

static int report(struct why *why)
{
    why->paths = calloc(why->fleet.n_members + 1, sizeof(*why->paths));
    why->ways = calloc(why->fleet.n_members + 1, sizeof(*why->ways));
    if (!why->paths || !why->ways) {
        log_say("%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
        return CLI_INTERNAL;
    }
    investigate(why);
    if (why->options.json)
        why_print_json(why);
    else
        why_print_text(why);
    return verdict(why);
}

static int run(struct why *why)
{
    enum run_end end = RUN_DONE;
    int r = fleet_start(&why->fleet);
    if (r == CLI_DONE && !why->over)
        end = listen(why);
    if (r == CLI_DONE) {
        int failed = fleet_verdict(&why->fleet);
        r = run_output_is_lost() ? failed : report(why);
        r = failed != CLI_DONE && r != CLI_INTERNAL ? failed : r;
    }
    fleet_stop(&why->fleet);
    return end == RUN_INTERRUPTED ? CLI_INTERRUPTED : end == RUN_NO_OUTPUT ? CLI_INTERNAL : r;
}

static int why_main(struct why *why, int argc, char **argv)
{
    const struct bleproxy_hub_options hub_options = {.spare_links = true};
    const struct options_table table = {.longs = longs,
                                        .help = help,
                                        .parse = parse,
                                        .arguments = "ADDRESS",
                                        .arguments_min = 1,
                                        .arguments_max = 1};
    int r = options_parse(&why->options, &table, why, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    const char *text = why->options.arguments[0];
    r = filters_parse_device(&why->filter, text, why->label, sizeof(why->label));
    if (r != CLI_DONE)
        return r;
    r = fleet_open(&why->fleet, &hub_options);
    if (r != CLI_DONE)
        return r;
    filters_find_device(&why->filter, &why->fleet.proxies.names);
    why->address = why->filter.address;
    run_catch_signals();
    return run(why);
}

int cmd_why(int argc, char **argv)
{
    struct why why = {0};
    why.fleet = (struct fleet){.command = "bleproxy why",
                               .uses_daemon = true,
                               .options = &why.options,
                               .quiet = LOG_QUIET_DEVICE,
                               .on_hopeless = on_timeout,
                               .user = &why};
    int r = why_main(&why, argc, argv);
    free(why.paths);
    free(why.ways);
    fleet_close(&why.fleet);
    options_deinit(&why.options);
    return r;
}
