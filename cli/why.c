/* SPDX-License-Identifier: MIT */
#include "why.h"

#include "cli.h"
#include "filters.h"
#include "hearing.h"
#include "log.h"
#include "run.h"
#include "state.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
enum {
    LISTEN_MS = 10000,
    INTERVAL_MS = 3000, /* for the device to be heard a second time */
    CHECK_MS = 50,
    PROGRESS_CHECKS = 20,
};

static const struct option longs[] = {OPTIONS_LONG, {0}};

static const char help[] =
    "Usage: bleproxy why [OPTION]... ADDRESS\n"
    "Tell which proxies hear a device, through which one it would be connected, and what\n"
    "keeps it from each other one. ADDRESS is the device's address or its exact name.\n"
    "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    listen for at most this long (10): it ends when all proxies\n"
    "                           have heard the device\n";

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

/* All proxies have heard it, and how often it speaks is known, or will not be soon. */
static bool is_enough(struct why *why, uint64_t now_ns)
{
    if (!why->address || !fleet_has_worked(&why->fleet) || !hearing_is_complete(&why->fleet, why->address))
        return false;
    const struct bleproxy_device *device = bleproxy_hub_device(why->fleet.hub, why->address);
    if (why->complete_ns == 0)
        why->complete_ns = now_ns;
    return (device && bleproxy_device_interval_ns(device) > 0) ||
           now_ns - why->complete_ns >= INTERVAL_MS * NS_PER_MS;
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

static bool is_path(const struct why *why, const struct member *member, size_t n_paths)
{
    for (size_t i = 0; i < n_paths; i++)
        if (why->ways[i].member == member)
            return true;
    return false;
}

static void take_paths(struct why *why)
{
    size_t n, max = why->fleet.n_members;
    bleproxy_hub_paths(why->fleet.hub, why->address, why->paths, max, &n);
    for (size_t i = 0; i < n && i < max; i++) {
        const struct bleproxy_path *path = &why->paths[i];
        const struct member *member = fleet_find(&why->fleet, path->source);
        if (!member)
            continue;
        why->is_heard |= path->age_ns < UINT64_MAX && path->obstacle != BLEPROXY_OBSTACLE_STALE;
        why->ways[why->n_ways] =
            (struct way){.member = member,
                         .path = path,
                         .used = why->n_ways == 0 && path->obstacle == BLEPROXY_OBSTACLE_NONE};
        why->n_ways++;
    }
}

/* Whether the name stands there, and not a part of another: "127.0.0.1" in "127.0.0.1:6054". */
static bool is_name_at(const char *text, const char *at, size_t n)
{
    return (at == text || at[-1] == ' ' || at[-1] == '(') && strchr(" ,;)", at[n]); /* or the end */
}

/* The library calls proxies that were given by address by that; here they have names of their own. */
static void use_label(char *text, size_t size, const char *name, const char *label)
{
    char rest[BLEPROXY_PATH_TEXT_SIZE];
    size_t n = strlen(name), step;
    for (char *at = n > 0 ? strstr(text, name) : NULL; at; at = strstr(at + step, name)) {
        step = 1;
        if (!is_name_at(text, at, n))
            continue;
        snprintf(rest, sizeof(rest), "%s", at + n);
        snprintf(at, size - (size_t)(at - text), "%s%s", label, rest);
        step = strnlen(at, strlen(label));
    }
}

static void explain(struct why *why)
{
    if (!why->address) {
        snprintf(why->text, sizeof(why->text),
                 "no proxy has heard a device of that name: check that it is on, near a proxy, and not "
                 "connected elsewhere; 'bleproxy devices' shows what is heard");
        return;
    }
    bleproxy_hub_explain_path(why->fleet.hub, why->address, why->text, sizeof(why->text));
    for (size_t i = 0; i < why->n_ways; i++)
        if (why->ways[i].path)
            use_label(why->text, sizeof(why->text), why->ways[i].path->proxy, why->ways[i].member->label);
}

static void investigate(struct why *why)
{
    size_t max = why->fleet.n_members;
    fleet_measure(&why->fleet);
    why->device = why->address ? bleproxy_hub_device(why->fleet.hub, why->address) : NULL;
    take_paths(why);
    size_t n_paths = why->n_ways;
    for (size_t i = 0; i < max; i++)
        if (!is_path(why, &why->fleet.members[i], n_paths))
            why->ways[why->n_ways++] = (struct way){.member = &why->fleet.members[i]};
    explain(why);
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
    return why->is_heard ? CLI_DONE : CLI_NOT_FOUND;
}

static int run(struct why *why)
{
    enum run_end end = RUN_DONE;
    int r = fleet_start(&why->fleet);
    if (r == CLI_DONE && !why->over)
        end = listen(why);
    if (r == CLI_DONE)
        r = fleet_verdict(&why->fleet);
    if (r == CLI_DONE && !run_output_is_lost())
        r = report(why);
    fleet_stop(&why->fleet);
    return end == RUN_INTERRUPTED ? CLI_INTERRUPTED : end == RUN_NO_OUTPUT ? CLI_INTERNAL : r;
}

static int why_main(struct why *why, int argc, char **argv)
{
    char state_dir[PATH_MAX];
    struct bleproxy_hub_options hub_options = {.spare_links = true};
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
    why->address = why->filter.address;
    if (state_directory(state_dir, sizeof(state_dir)))
        hub_options.state_dir = state_dir;
    r = fleet_open(&why->fleet, &hub_options);
    if (r != CLI_DONE)
        return r;
    run_catch_signals();
    return run(why);
}

int cmd_why(int argc, char **argv)
{
    struct why why = {0};
    why.fleet = (struct fleet){.command = "bleproxy why",
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
