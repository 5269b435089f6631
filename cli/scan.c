/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include "cli.h"
#include "log.h"
#include "run.h"
#include "terminal.h"
#include <stdlib.h>
#include <string.h>

enum { REDRAW_MS = 500 };

enum { OPTION_MODE = OPTION_OWN, OPTION_ALL };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"mode", required_argument, NULL, OPTION_MODE},
    {"all", no_argument, NULL, OPTION_ALL},
    FILTERS_LONG,
    {0},
};

static const char help[] =
    "Usage: bleproxy scan [OPTION]...\n"
    "Hear what Bluetooth devices advertise, through all proxies.\n"
    "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    for this long; else until Ctrl-C\n"
    "      --mode MODE          make the proxies scan passive, active or auto\n"
    "      --all                with --json: what every proxy hears, not only the owner\n" FILTERS_HELP;

static int parse_mode(struct scan *scan, const char *text)
{
    if (strcmp(text, "passive") == 0)
        scan->mode = BLEPROXY_MODE_PASSIVE;
    else if (strcmp(text, "active") == 0)
        scan->mode = BLEPROXY_MODE_ACTIVE;
    else if (strcmp(text, "auto") == 0)
        scan->mode = BLEPROXY_MODE_AUTO;
    else {
        log_say("--mode is passive, active or auto: not '%s'", text);
        return CLI_USAGE;
    }
    return CLI_DONE;
}

static int parse(void *user, int option, const char *value)
{
    struct scan *scan = user;
    switch (option) {
    case OPTION_MODE:
        return parse_mode(scan, value);
    case OPTION_ALL:
        scan->all = true;
        return CLI_DONE;
    }
    return filters_parse(&scan->filters, option, value);
}

static void on_timeout(void *user)
{
    struct scan *scan = user;
    scan->over = true;
}

static void on_hopeless(void *user)
{
    on_timeout(user);
}

static void on_ready(void *user, struct member *member)
{
    struct scan *scan = user;
    struct bleproxy_scanner *scanner = member_scanner(member);
    if (!scanner || scan->mode == BLEPROXY_MODE_NONE || scan->fleet.remote)
        return;
    int r = bleproxy_scanner_set_mode(scanner, scan->mode);
    if (r < 0 && r != BLEPROXY_E_UNSUPPORTED) /* the log has that */
        log_warn(member->label, "the scan mode was not set: %s", bleproxy_strerror(r));
}

static void on_redraw(void *user)
{
    struct scan *scan = user;
    struct bleproxy_search *search;
    bleproxy_hub_discover(scan->fleet.hub, &scan->filters.want, 0, scan_draw, scan, &search);
}

/* Everything while it lasts. */
static enum run_end listen(struct scan *scan)
{
    struct bleproxy_timer *timeout = NULL, *redraw = NULL;
    enum run_end end = RUN_DONE;
    int r = 0;
    if (scan->options.timeout_ms > 0)
        r = bleproxy_timer_new(scan->fleet.loop, scan->options.timeout_ms, 0, on_timeout, scan, &timeout);
    if (r == 0 && scan->live)
        r = bleproxy_timer_new(scan->fleet.loop, 0, REDRAW_MS, on_redraw, scan, &redraw);
    if (r == 0)
        end = run_loop(scan->fleet.loop, &scan->over);
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(redraw);
    return end;
}

/* The table of what was found. */
static void conclude(struct scan *scan)
{
    struct bleproxy_search *search;
    scan->over = false;
    if (bleproxy_hub_discover(scan->fleet.hub, &scan->filters.want, 0, scan_conclude, scan, &search) == 0)
        run_loop(scan->fleet.loop, &scan->over);
}

/* The output, unless it is redrawn anyway. */
static int subscribe(struct scan *scan, struct bleproxy_subscription **ret_output)
{
    bool json = scan->options.json;
    enum bleproxy_stream stream = !json       ? BLEPROXY_STREAM_CHANGES
                                  : scan->all ? BLEPROXY_STREAM_REPORTS
                                              : BLEPROXY_STREAM_OWNER;
    if (scan->live)
        return CLI_DONE;
    int r = bleproxy_hub_subscribe(scan->fleet.hub, stream, &scan->filters.want,
                                   json ? scan_print_json : scan_print_line, scan, ret_output);
    if (r < 0)
        log_say("%s", bleproxy_strerror(r));
    return (int)cli_exit_code(r);
}

static int run(struct scan *scan)
{
    struct bleproxy_subscription *output = NULL;
    enum run_end end = RUN_DONE;
    scan->live = !scan->options.json && terminal_is_live();
    int exit_code = subscribe(scan, &output);
    if (exit_code != CLI_DONE)
        return exit_code;
    if (scan->live) {
        log_hold();
        terminal_enter(false);
    }
    exit_code = fleet_start(&scan->fleet);
    if (exit_code == CLI_DONE)
        end = listen(scan);
    scan->live = false;
    bleproxy_subscription_free(output);
    terminal_leave();
    log_release();
    if (exit_code == CLI_DONE) {
        if (!scan->options.json && !run_output_is_lost() && fleet_has_worked(&scan->fleet))
            conclude(scan);
        exit_code = end == RUN_INTERRUPTED ? CLI_INTERRUPTED
                    : end == RUN_NO_OUTPUT ? CLI_INTERNAL
                                           : fleet_verdict(&scan->fleet);
    }
    fleet_stop(&scan->fleet);
    return exit_code;
}

static int scan_main(struct scan *scan, int argc, char **argv)
{
    int r =
        options_parse(&scan->options, &(struct options_table){.longs = longs, .help = help, .parse = parse},
                      scan, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    if (scan->all && !scan->options.json) {
        log_say("--all goes with --json: the table shows each device once");
        return CLI_USAGE;
    }
    scan->fleet.tells_plaintext = scan->options.json;
    scan->fleet.active = scan->mode == BLEPROXY_MODE_ACTIVE;
    r = fleet_open(&scan->fleet, &(struct bleproxy_hub_options){.spare_links = true});
    if (r != CLI_DONE)
        return r;
    filters_use_names(&scan->filters, &scan->fleet.proxies.names);
    run_catch_signals();
    return run(scan);
}

int cmd_scan(int argc, char **argv)
{
    struct scan scan = {.mode = BLEPROXY_MODE_NONE};
    scan.fleet = (struct fleet){.command = "bleproxy scan",
                                .options = &scan.options,
                                .reloads = true,
                                .uses_daemon = true,
                                .on_ready = on_ready,
                                .on_hopeless = on_hopeless,
                                .user = &scan};
    int r = scan_main(&scan, argc, argv);
    fleet_close(&scan.fleet);
    options_deinit(&scan.options);
    return r;
}
