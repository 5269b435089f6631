/* SPDX-License-Identifier: MIT */
#include "top.h"

#include "cli.h"
#include "run.h"
#include "terminal.h"
#include <stdlib.h>

enum { SAMPLE_MS = 1000, SNAPSHOT_MS = 5000, KEYS_SIZE = 64 };

static const struct option longs[] = {OPTIONS_LONG, FILTERS_LONG, {0}};

static const char help[] =
    "Usage: bleproxy top [OPTION]...\n"
    "Show live how all proxies are, and what they hear: which is dead, deaf, full or was\n"
    "lost. Elsewhere than on a terminal show it once.\n"
    "\n" OPTIONS_HELP_TAKES OPTIONS_HELP_PROXIES OPTIONS_HELP_GENERAL "\n"
    "  -t, --timeout SECONDS    for this long; else until q is pressed. Elsewhere than on a\n"
    "                           terminal: after this time (5)\n" FILTERS_HELP "\n"
    "Keys: q quits; j, k, arrows, PgUp, PgDn, g, G scroll the devices, after Tab the proxies;\n"
    "s sorts the devices by strength, name, age or interval; p pauses; h shows help.\n";

struct top {
    struct options options;
    struct filters filters;
    struct fleet fleet;
    bool live, over;
    struct sparkline *histories; /* of each proxy */
    uint64_t *reports;           /* of each, when its last bar was complete */
    unsigned samples;
    struct top_scene scene;
    struct top_view view;
    struct top_keys keys;
    struct run_input input;
};

static int parse(void *user, int option, const char *value)
{
    struct top *top = user;
    return filters_parse(&top->filters, option, value);
}

static void draw(struct top *top)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    struct terminal_size size_now = terminal_size();
    const struct top_window window = {size_now.columns, size_now.rows, terminal_has_colour()};
    top_print(out, &top->scene, &top->view, &window);
    if (fclose(out) == 0 && size > 0) {
        text[size - 1] = '\0'; /* no new line behind the last one: the screen would scroll */
        terminal_show(text);
    }
    free(text);
}

static void on_discovered(void *user, int error, const struct bleproxy_advertisement *const *devices,
                          size_t n_devices)
{
    struct top *top = user;
    if (error < 0 || top->view.paused)
        return;
    top_scene_take(&top->scene, &top->fleet, top->histories, devices, n_devices);
    if (top->live)
        draw(top);
}

/* The search completes at once; its result is the scene. */
static void look(struct top *top)
{
    struct bleproxy_search *search;
    bleproxy_hub_discover(top->fleet.hub, &top->filters.want, 0, on_discovered, top, &search);
}

static void on_sample(void *user)
{
    struct top *top = user;
    fleet_measure(&top->fleet);
    if (top->samples++ % TOP_BAR_S == 0 && top->samples > 1)
        for (size_t i = 0; i < top->fleet.n_members; i++) {
            uint64_t reports = top->fleet.members[i].reports;
            sparkline_add(&top->histories[i], (uint32_t)(reports - top->reports[i]));
            top->reports[i] = reports;
        }
    look(top);
}

static void on_input(void *user)
{
    struct top *top = user;
    char bytes[KEYS_SIZE];
    bool redraw = terminal_has_changed();
    int n = terminal_read_keys(bytes, sizeof(bytes));
    for (int i = 0; i < n; i++) {
        enum top_key key = top_keys_feed(&top->keys, (unsigned char)bytes[i]);
        top->over |= key == TOP_KEY_QUIT;
        redraw |= key != TOP_KEY_NONE;
        top_view_key(&top->view, key);
    }
    top->input.fd = n < 0 ? -1 : terminal_keys();
    if (redraw && !top->over)
        draw(top);
}

static void on_timeout(void *user)
{
    struct top *top = user;
    top->over = true;
}

/* A live view goes on: what is wrong is what it is there to show. */
static void on_hopeless(void *user)
{
    struct top *top = user;
    top->over |= !top->live;
}

/* Those that stay keep their past. */
static void on_reload(void *user, const size_t *from, size_t n_members)
{
    struct top *top = user;
    struct sparkline *histories = calloc(n_members + 1, sizeof(*histories));
    uint64_t *reports = calloc(n_members + 1, sizeof(*reports));
    top->over |= !histories || !reports;
    for (size_t i = 0; !top->over && i < n_members; i++) {
        if (from[i] == SIZE_MAX)
            continue;
        histories[i] = top->histories[from[i]];
        reports[i] = top->reports[from[i]];
    }
    free(top->histories);
    free(top->reports);
    top->histories = histories;
    top->reports = reports;
}

static enum run_end watch(struct top *top)
{
    struct bleproxy_timer *timeout = NULL, *sample = NULL;
    uint32_t timeout_ms = top->options.timeout_ms;
    enum run_end end = RUN_DONE;
    int r = 0;
    if (timeout_ms == 0 && !top->live)
        timeout_ms = SNAPSHOT_MS;
    if (timeout_ms > 0)
        r = bleproxy_timer_new(top->fleet.loop, timeout_ms, 0, on_timeout, top, &timeout);
    if (r == 0)
        r = bleproxy_timer_new(top->fleet.loop, 0, SAMPLE_MS, on_sample, top, &sample);
    top->input = (struct run_input){.fd = terminal_keys(), .on_input = on_input, .user = top};
    if (r == 0)
        end = run_loop_with_input(top->fleet.loop, &top->over, &top->input);
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(sample);
    return end;
}

static void print_snapshot(struct top *top)
{
    const struct top_window window = {.columns = terminal_line()};
    fleet_measure(&top->fleet);
    top_print(stdout, &top->scene, &top->view, &window);
}

static int start(struct top *top)
{
    int r = fleet_start(&top->fleet);
    top->histories = calloc(top->fleet.n_members + 1, sizeof(*top->histories));
    top->reports = calloc(top->fleet.n_members + 1, sizeof(*top->reports));
    return r != CLI_DONE || (top->histories && top->reports) ? r : CLI_INTERNAL;
}

static int run(struct top *top)
{
    enum run_end end = RUN_DONE;
    top->live = terminal_is_live();
    if (top->live) {
        log_hold();
        terminal_enter(true);
    }
    int r = start(top);
    if (r == CLI_DONE)
        end = watch(top);
    terminal_leave();
    log_release();
    if (r == CLI_DONE) {
        if (!top->live && !run_output_is_lost() && fleet_has_worked(&top->fleet))
            print_snapshot(top);
        r = end == RUN_INTERRUPTED ? CLI_INTERRUPTED
            : end == RUN_NO_OUTPUT ? CLI_INTERNAL
                                   : fleet_verdict(&top->fleet);
    }
    fleet_stop(&top->fleet);
    return r;
}

static int top_main(struct top *top, int argc, char **argv)
{
    int r =
        options_parse(&top->options, &(struct options_table){.longs = longs, .help = help, .parse = parse},
                      top, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    if (top->options.json) {
        log_say("--json goes with 'bleproxy devices' and 'bleproxy why'");
        return CLI_USAGE;
    }
    r = fleet_open(&top->fleet, &(struct bleproxy_hub_options){.spare_links = true});
    if (r != CLI_DONE)
        return r;
    filters_use_names(&top->filters, &top->fleet.proxies.names);
    run_catch_signals();
    return run(top);
}

int cmd_top(int argc, char **argv)
{
    struct top top = {0};
    top.fleet = (struct fleet){.command = "bleproxy top",
                               .options = &top.options,
                               .reloads = true,
                               .uses_daemon = true,
                               .on_hopeless = on_hopeless,
                               .on_reload = on_reload,
                               .user = &top};
    int r = top_main(&top, argc, argv);
    top_scene_clear(&top.scene);
    free(top.histories);
    free(top.reports);
    fleet_close(&top.fleet);
    options_deinit(&top.options);
    return r;
}
