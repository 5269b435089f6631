/* SPDX-License-Identifier: MIT */
#include "slots.h"

#include "cli.h"
#include "json.h"
#include "log.h"
#include "remote.h"
#include "run.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_TIMEOUT_MS = 10000,
    WATCH_MS = 1000,
};
enum { OPTION_WATCH = OPTION_OWN };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"watch", no_argument, NULL, OPTION_WATCH},
    {0},
};

static const char help[] =
    "Usage: bleproxy slots [OPTION]...\n"
    "Show the connection slots of proxies, and which devices hold them. This takes the\n"
    "proxies from nobody.\n"
    "\n" OPTIONS_HELP_ASKING "\n"
    "  -t, --timeout SECONDS    wait for answers at most this long (10); with --watch: how long\n"
    "                           it goes on, else until Ctrl-C\n"
    "      --watch              ask every second, and show what changes\n";

static int parse(void *user, int option, const char *value)
{
    (void)value;
    struct slots_view *view = user;
    view->watch |= option == OPTION_WATCH;
    return CLI_DONE;
}

/* Over when there is nothing more to come. */
static void check(struct slots_view *view)
{
    for (size_t i = 0; i < view->n_asked; i++)
        if (!view->asked[i].failed && (view->watch || !view->asked[i].known))
            return;
    view->over = true;
}

void slots_fail(struct slots_asked *asked, int error, const char *text)
{
    if (asked->failed || asked->view->over || (asked->known && !asked->view->watch))
        return;
    char explained[PROXIES_TEXT_SIZE];
    asked->failed = true;
    asked->exit_code = (int)cli_exit_code(error);
    text = proxies_explain(asked->target, error, text ? text : bleproxy_strerror(error), explained);
    if (asked->view->n_asked > 1)
        log_warn(asked->label, "%s", text);
    else
        log_error(asked->label, "%s", text);
    check(asked->view);
}

static void print_json(const struct slots_asked *asked)
{
    struct json_object *object = json_object_new_object(), *list = json_object_new_array();
    for (size_t i = 0; i < asked->n_allocated; i++)
        json_object_array_add(list, json_address(asked->allocated[i]));
    json_object_object_add(object, "proxy", json_text(asked->label));
    json_object_object_add(object, "source", json_address(asked->source));
    json_object_object_add(object, "free", json_object_new_int64(asked->free));
    json_object_object_add(object, "limit", json_object_new_int64(asked->limit));
    json_object_object_add(object, "allocated", list);
    json_print(object);
}

static unsigned label_width(const struct slots_view *view)
{
    unsigned width = 0;
    for (size_t i = 0; i < view->n_asked; i++) {
        unsigned own = view->asked[i].failed ? 0 : text_width(view->asked[i].label);
        width = own > width ? own : width;
    }
    return width;
}

static void print_line(const struct slots_asked *asked)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    text_column(stdout, asked->label, label_width(asked->view));
    printf("  %u of %u free", asked->free, asked->limit);
    for (size_t i = 0; i < asked->n_allocated; i++) {
        bleproxy_address_format(asked->allocated[i], address);
        printf("  %s", address);
    }
    putchar('\n');
}

static void print(const struct slots_asked *asked)
{
    if (asked->view->options.json)
        print_json(asked);
    else
        print_line(asked);
}

static bool is_as_before(const struct slots_asked *asked, const struct bleproxy_slots *slots, size_t n)
{
    return asked->known && asked->free == slots->free && asked->limit == slots->limit &&
           asked->n_allocated == n &&
           (n == 0 || memcmp(asked->allocated, slots->allocated, n * sizeof(*slots->allocated)) == 0);
}

void slots_take(struct slots_asked *asked, const struct bleproxy_slots *slots)
{
    size_t n = slots->n_allocated < SLOTS_SHOWN_MAX ? slots->n_allocated : SLOTS_SHOWN_MAX;
    if (is_as_before(asked, slots, n))
        return;
    asked->free = slots->free;
    asked->limit = slots->limit;
    asked->n_allocated = n;
    if (n > 0)
        memcpy(asked->allocated, slots->allocated, n * sizeof(*slots->allocated));
    asked->known = true;
    if (asked->view->watch)
        print(asked);
    check(asked->view);
}

static void on_watch(void *user)
{
    struct slots_view *view = user;
    view->ops->ask(view);
}

/* ---- The whole ---- */

static void begin(struct slots_view *view)
{
    for (size_t i = 0; i < view->n_asked; i++) {
        struct slots_asked *asked = &view->asked[i];
        const char *name = view->proxies.targets[i].config.name;
        *asked = (struct slots_asked){.view = view, .target = &view->proxies.targets[i]};
        bleproxy_sanitise(asked->label, sizeof(asked->label), name, strlen(name));
    }
    view->ops->begin(view);
}

static void on_timeout(void *user)
{
    struct slots_view *view = user;
    for (size_t i = 0; i < view->n_asked; i++)
        if (!view->asked[i].known)
            slots_fail(&view->asked[i], BLEPROXY_E_TIMEOUT, NULL);
    view->over = true;
}

static int verdict(const struct slots_view *view)
{
    for (size_t i = 0; i < view->n_asked; i++)
        if (view->asked[i].known)
            return CLI_DONE;
    return view->asked[0].exit_code;
}

static int run(struct slots_view *view)
{
    struct bleproxy_timer *timeout = NULL, *watch = NULL;
    uint32_t timeout_ms = view->options.timeout_ms;
    enum run_end end = RUN_DONE;
    int r = 0;
    view->asked = calloc(view->proxies.n_targets, sizeof(*view->asked));
    if (!view->asked)
        return CLI_INTERNAL;
    view->n_asked = view->proxies.n_targets;
    if (timeout_ms > 0 || !view->watch)
        r = bleproxy_timer_new(view->loop, timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS, 0, on_timeout,
                               view, &timeout);
    if (r == 0 && (view->watch || view->remote))
        r = bleproxy_timer_new(view->loop, WATCH_MS, WATCH_MS, on_watch, view, &watch);
    if (r == 0)
        begin(view);
    if (r == 0)
        end = run_loop(view->loop, &view->over);
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(watch);
    view->over = true;
    for (size_t i = 0; i < view->n_asked && !view->watch && !run_output_is_lost(); i++)
        if (view->asked[i].known)
            print(&view->asked[i]);
    for (size_t i = 0; i < view->n_asked; i++)
        bleproxy_client_free(view->asked[i].client);
    return r < 0                    ? (int)cli_exit_code(r)
           : end == RUN_INTERRUPTED ? CLI_INTERRUPTED
           : end == RUN_NO_OUTPUT   ? CLI_INTERNAL
                                    : verdict(view);
}

static int find_proxies(struct slots_view *view)
{
    view->ops = &slots_direct;
    if (!remote_ops || !remote_ops->find(&view->options, &view->remote))
        return proxies_init(&view->proxies, &view->options);
    view->ops = slots_remote;
    return remote_ops->take_proxies(view->remote, &view->proxies);
}

static int slots_main(struct slots_view *view, int argc, char **argv)
{
    struct bleproxy_loop_options loop_options = {0};
    int r =
        options_parse(&view->options, &(struct options_table){.longs = longs, .help = help, .parse = parse},
                      view, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    r = find_proxies(view);
    if (r != CLI_DONE)
        return r;
    log_set_loop_options(view->options.verbosity, LOG_QUIET_PROXIES, &loop_options);
    r = bleproxy_loop_new(&loop_options, &view->loop);
    if (r < 0) {
        log_say("%s", bleproxy_strerror(r));
        return CLI_INTERNAL;
    }
    run_catch_signals();
    return run(view);
}

int cmd_slots(int argc, char **argv)
{
    struct slots_view view = {0};
    int r = slots_main(&view, argc, argv);
    free(view.asked);
    bleproxy_loop_free(view.loop);
    if (view.remote)
        remote_ops->free(view.remote);
    proxies_deinit(&view.proxies);
    options_deinit(&view.options);
    return r;
}
