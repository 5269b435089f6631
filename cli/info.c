/* SPDX-License-Identifier: MIT */
#include "info.h"

#include "cli.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DEFAULT_TIMEOUT_MS = 10000,
    EXTRAS_TIMEOUT_MS = 2000, /* for answers that old firmware never gives */
    SCANNER_POLL_MS = 50,
};
enum { OPTION_SCANNER = OPTION_OWN };

struct info;

/* One proxy: connect, description, round trip, then slots and scanner at once, and goodbye. */
struct inquiry {
    struct info *info;
    const struct target *target;
    struct bleproxy_client *client;
    struct bleproxy_scanner *scanner;
    struct bleproxy_timer *patience, *poll;
    int lock;
    char label[64]; /* sanitised */
    struct json_object *report;
    uint64_t round_trip_ns;
    bool wants_slots, wants_scanner; /* still */
    bool tells_state;                /* its scanner's, to its subscriber */
    bool done;
    int exit_code;
};

struct info {
    struct options options;
    struct proxies proxies;
    bool scanner;
    struct bleproxy_loop *loop;
    struct inquiry *inquiries;
    size_t n_inquiries, n_printed, n_worked;
    bool over;
};

static const struct option longs[] = {
    OPTIONS_LONG,
    {"scanner", no_argument, NULL, OPTION_SCANNER},
    {0},
};

static const char help[] =
    "Usage: bleproxy info [OPTION]...\n"
    "Tell what proxies are and what they can do.\n"
    "\n" OPTIONS_HELP_ASKING "\n"
    "  -t, --timeout SECONDS    wait for answers at most this long (10)\n"
    "      --scanner            also the scanner's state. This subscribes to advertisements, which\n"
    "                           takes them from whoever uses the proxy now\n";

static int parse(void *user, int option, const char *value)
{
    (void)value;
    struct info *info = user;
    info->scanner |= option == OPTION_SCANNER;
    return CLI_DONE;
}

/* Of one proxy it is the command's failure, of several a warning. */
static void tell_failure(const struct inquiry *inquiry, const char *text)
{
    if (inquiry->info->n_inquiries > 1)
        log_warn(inquiry->label, "%s", text);
    else
        log_error(inquiry->label, "%s", text);
}

/* Prints what is complete, in the order in which the proxies were given. */
static void print_done(struct info *info)
{
    for (; info->n_printed < info->n_inquiries; info->n_printed++) {
        struct inquiry *inquiry = &info->inquiries[info->n_printed];
        if (!inquiry->done)
            return;
        if (!inquiry->report)
            continue;
        if (info->options.json) {
            json_print(json_object_get(inquiry->report));
        } else {
            fputs(info->n_worked++ > 0 ? "\n" : "", stdout);
            info_print_text(inquiry->label, inquiry->report, inquiry->round_trip_ns);
        }
    }
    info->over = true;
}

static void finish(struct inquiry *inquiry, int exit_code)
{
    if (inquiry->done)
        return;
    inquiry->done = true;
    inquiry->exit_code = exit_code;
    bleproxy_timer_free(inquiry->patience);
    bleproxy_timer_free(inquiry->poll);
    inquiry->patience = inquiry->poll = NULL;
    print_done(inquiry->info);
}

static void fail(struct inquiry *inquiry, int error, const char *text)
{
    if (inquiry->done)
        return;
    if (inquiry->report) { /* what is known is worth telling */
        finish(inquiry, CLI_DONE);
        return;
    }
    char explained[PROXIES_TEXT_SIZE];
    tell_failure(inquiry,
                 proxies_explain(inquiry->target, error, text ? text : bleproxy_strerror(error), explained));
    finish(inquiry, (int)cli_exit_code(error));
}

/* Once nothing is awaited any more. */
static void go_on(struct inquiry *inquiry)
{
    if (inquiry->wants_slots || inquiry->wants_scanner || inquiry->done)
        return;
    bleproxy_timer_free(inquiry->patience);
    bleproxy_timer_free(inquiry->poll);
    inquiry->patience = inquiry->poll = NULL;
    if (bleproxy_client_disconnect(inquiry->client) < 0)
        finish(inquiry, CLI_DONE);
}

static void on_patience_ends(void *user)
{
    struct inquiry *inquiry = user;
    if (inquiry->wants_scanner && inquiry->tells_state)
        info_report_scanner(inquiry->report, BLEPROXY_SCANNER_UNKNOWN, BLEPROXY_MODE_NONE, "refused");
    inquiry->wants_slots = inquiry->wants_scanner = false;
    go_on(inquiry);
}

static void on_slots(void *user, int error, const struct bleproxy_slots *slots)
{
    struct inquiry *inquiry = user;
    if (inquiry->done || !inquiry->wants_slots)
        return;
    if (error == 0)
        info_report_slots(inquiry->report, slots);
    inquiry->wants_slots = false;
    go_on(inquiry);
}

static void on_poll(void *user)
{
    struct inquiry *inquiry = user;
    enum bleproxy_scanner_state state = bleproxy_scanner_state(inquiry->scanner);
    info_report_scanner(inquiry->report, state, bleproxy_scanner_mode(inquiry->scanner),
                        state == BLEPROXY_SCANNER_UNKNOWN ? NULL : "granted");
    inquiry->wants_scanner = state == BLEPROXY_SCANNER_UNKNOWN;
    go_on(inquiry);
}

static void on_pong(void *user, int error, uint64_t round_trip_ns)
{
    struct inquiry *inquiry = user;
    struct bleproxy_loop *loop = inquiry->info->loop;
    if (inquiry->done || error < 0)
        return; /* the connection's end follows, or the time limit */
    inquiry->round_trip_ns = round_trip_ns;
    if (bleproxy_timer_new(loop, EXTRAS_TIMEOUT_MS, 0, on_patience_ends, inquiry, &inquiry->patience) < 0 ||
        (inquiry->wants_slots && bleproxy_client_slots(inquiry->client, on_slots, inquiry) < 0) ||
        (inquiry->wants_scanner &&
         bleproxy_timer_new(loop, 0, SCANNER_POLL_MS, on_poll, inquiry, &inquiry->poll) < 0))
        inquiry->wants_slots = inquiry->wants_scanner = false;
    go_on(inquiry);
}

static void on_info(void *user, int error, const struct bleproxy_device_info *info)
{
    struct inquiry *inquiry = user;
    if (inquiry->done)
        return;
    if (error < 0) {
        fail(inquiry, error, NULL);
        return;
    }
    if (!inquiry->target->configured && info->name[0])
        bleproxy_sanitise(inquiry->label, sizeof(inquiry->label), info->name, strlen(info->name));
    inquiry->report = info_report_new(inquiry->label, &inquiry->target->config, info);
    inquiry->wants_slots = info->features & BLEPROXY_FEATURE_ACTIVE_CONNECTIONS;
    inquiry->wants_scanner = inquiry->info->scanner;
    inquiry->tells_state = info->features & BLEPROXY_FEATURE_STATE_AND_MODE;
    int r = 0;
    if (inquiry->wants_scanner)
        r = bleproxy_connect_scanner(inquiry->client, info, false, &inquiry->scanner);
    if (r == 0 && inquiry->wants_scanner)
        bleproxy_scanner_setup(inquiry->scanner);
    if (r == 0)
        r = bleproxy_client_ping(inquiry->client, on_pong, inquiry);
    if (r < 0)
        fail(inquiry, r, NULL);
}

static void on_connected(void *user, int error, const char *text)
{
    struct inquiry *inquiry = user;
    if (error == 0)
        error = bleproxy_client_device_info(inquiry->client, on_info, inquiry);
    if (error < 0)
        fail(inquiry, error, text);
}

/* Whoever asked for it. */
static void on_disconnected(void *user, int error, const char *text)
{
    struct inquiry *inquiry = user;
    fail(inquiry, error < 0 ? error : BLEPROXY_E_CLOSED, text);
}

static void start(struct inquiry *inquiry)
{
    char holder[LOCK_HOLDER_SIZE], text[LOCK_HOLDER_SIZE + 64];
    const struct bleproxy_proxy_config *config = &inquiry->target->config;
    bleproxy_sanitise(inquiry->label, sizeof(inquiry->label), config->name, strlen(config->name));
    if (inquiry->info->scanner && lock_take(config, "bleproxy info", &inquiry->lock, holder) < 0) {
        snprintf(text, sizeof(text), "in use by %s; a proxy has one subscriber at a time", holder);
        tell_failure(inquiry, text);
        finish(inquiry, CLI_FAILED);
        return;
    }
    int r = bleproxy_client_new(inquiry->info->loop, config, &inquiry->client);
    if (r == 0)
        r = bleproxy_client_connect(inquiry->client, on_connected, on_disconnected, inquiry);
    if (r < 0)
        fail(inquiry, r, r == BLEPROXY_E_INVALID ? "this is no address" : NULL);
}

static void on_timeout(void *user)
{
    struct info *info = user;
    for (size_t i = 0; i < info->n_inquiries; i++)
        fail(&info->inquiries[i], BLEPROXY_E_TIMEOUT, NULL);
}

static int verdict(const struct info *info)
{
    int code = info->n_inquiries > 0 ? info->inquiries[0].exit_code : CLI_USAGE;
    for (size_t i = 0; i < info->n_inquiries; i++)
        if (info->inquiries[i].report)
            return CLI_DONE;
    return code;
}

static int run(struct info *info)
{
    struct bleproxy_timer *timeout;
    size_t n = info->proxies.n_targets;
    uint32_t timeout_ms = info->options.timeout_ms > 0 ? info->options.timeout_ms : DEFAULT_TIMEOUT_MS;
    info->inquiries = calloc(n, sizeof(*info->inquiries));
    if (!info->inquiries || bleproxy_timer_new(info->loop, timeout_ms, 0, on_timeout, info, &timeout) < 0)
        return CLI_INTERNAL;
    info->n_inquiries = n;
    for (size_t i = 0; i < n; i++)
        info->inquiries[i] =
            (struct inquiry){.info = info, .target = &info->proxies.targets[i], .lock = LOCK_NONE};
    for (size_t i = 0; i < n; i++)
        start(&info->inquiries[i]);
    enum run_end end = run_loop(info->loop, &info->over);
    bleproxy_timer_free(timeout);
    for (size_t i = 0; i < n; i++) {
        struct inquiry *inquiry = &info->inquiries[i];
        inquiry->done = true;
        bleproxy_timer_free(inquiry->patience);
        bleproxy_timer_free(inquiry->poll);
        bleproxy_scanner_free(inquiry->scanner);
        bleproxy_client_free(inquiry->client);
        if (inquiry->lock != LOCK_NONE)
            close(inquiry->lock);
    }
    int code = end == RUN_INTERRUPTED ? CLI_INTERRUPTED : end == RUN_NO_OUTPUT ? CLI_INTERNAL : verdict(info);
    for (size_t i = 0; i < n; i++)
        json_object_put(info->inquiries[i].report);
    return code;
}

static int info_main(struct info *info, int argc, char **argv)
{
    struct bleproxy_loop_options loop_options = {0};
    int r =
        options_parse(&info->options, &(struct options_table){.longs = longs, .help = help, .parse = parse},
                      info, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    r = proxies_init(&info->proxies, &info->options);
    if (r != CLI_DONE)
        return r;
    log_set_loop_options(info->options.verbosity, LOG_QUIET_PROXIES, &loop_options);
    r = bleproxy_loop_new(&loop_options, &info->loop);
    if (r < 0) {
        log_say("%s", bleproxy_strerror(r));
        return CLI_INTERNAL;
    }
    run_catch_signals();
    return run(info);
}

int cmd_info(int argc, char **argv)
{
    struct info info = {0};
    int r = info_main(&info, argc, argv);
    free(info.inquiries);
    bleproxy_loop_free(info.loop);
    proxies_deinit(&info.proxies);
    options_deinit(&info.options);
    return r;
}
