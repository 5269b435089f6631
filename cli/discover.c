/* SPDX-License-Identifier: MIT */
#include "discover.h"
#include "cli.h"
#include "columns.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "proxies.h"
#include "run.h"
#include "terminal.h"

#include <bleproxy/bleproxy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    DEFAULT_TIMEOUT_MS = 3000,
    ADD_GRACE_MS = 300, /* for others of the same name: who hears the question answers within 120 ms */
    TEXT_SIZE = FOUND_TEXT_SIZE,
};
enum { OPTION_WATCH = OPTION_OWN, OPTION_ADD };

static const struct option longs[] = {
    {"config", required_argument, NULL, 'c'},
    {"timeout", required_argument, NULL, 't'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"watch", no_argument, NULL, OPTION_WATCH},
    {"add", required_argument, NULL, OPTION_ADD},
    {0},
};

static const char help[] =
    "Usage: bleproxy discover [OPTION]...\n"
    "Find the ESPHome devices of the local network. Not each is a Bluetooth proxy: 'bleproxy\n"
    "info -p ADDRESS' tells. None is connected to.\n"
    "\n"
    "  -c, --config FILE        configuration, see bleproxy.yaml(5): whether they are in it\n"
    "      --json               one JSON object per line\n" OPTIONS_HELP_GENERAL "\n"
    "  -t, --timeout SECONDS    how long to listen (3); with --watch: else until Ctrl-C\n"
    "      --watch              go on, and show who comes, changes and goes\n"
    "      --add NAME           add the device of that name to the configuration, as soon as it is\n"
    "                           found; repeatable\n";

struct discover {
    struct options options;
    struct proxies proxies; /* the configuration only */
    struct bleproxy_loop *loop;
    bool watch, over, any;
    struct found *found; /* those that are there, when all are shown at the end */
    size_t n_found, capacity;
    bool failed;      /* no memory */
    const char **add; /* names, borrowed from argv */
    size_t n_add;
    struct bleproxy_timer *grace; /* all of them were found */
};

static int parse(void *user, int option, const char *value)
{
    struct discover *discover = user;
    discover->watch |= option == OPTION_WATCH;
    if (option == OPTION_ADD)
        discover->add[discover->n_add++] = value;
    return CLI_DONE;
}

/* "Kitchen.local." without what all local names have. */
static size_t stem_size(const char *host)
{
    size_t size = strlen(host);
    size -= size > 0 && host[size - 1] == '.';
    if (size > 6 && strncasecmp(host + size - 6, ".local", 6) == 0)
        size -= 6;
    return size;
}

static bool is_host(const char *host, const char *other)
{
    size_t size = stem_size(host);
    return size == stem_size(other) && strncasecmp(host, other, size) == 0;
}

static bool is_configured(const struct discover *discover, const struct bleproxy_discovered *device)
{
    for (size_t i = 0; i < discover->proxies.config.n_proxies; i++) {
        const struct config_proxy *proxy = &discover->proxies.config.proxies[i];
        bool is_it = is_host(proxy->address, device->host);
        for (size_t j = 0; j < device->n_addresses && !is_it; j++)
            is_it = strcasecmp(proxy->address, device->addresses[j]) == 0;
        if (is_it && proxy->port == device->port)
            return true;
    }
    return false;
}

static struct found describe(const struct discover *discover, const struct bleproxy_discovered *device)
{
    struct found found = {
        .port = device->port, .encrypted = device->encrypted, .configured = is_configured(discover, device)};
    snprintf(found.name, TEXT_SIZE, "%s", device->name);
    snprintf(found.instance, TEXT_SIZE, "%s", device->instance);
    snprintf(found.host, TEXT_SIZE, "%s", device->host);
    snprintf(found.friendly_name, TEXT_SIZE, "%s", device->friendly_name);
    snprintf(found.address, TEXT_SIZE, "%s", device->n_addresses > 0 ? device->addresses[0] : "");
    snprintf(found.mac_address, TEXT_SIZE, "%s", device->mac_address);
    snprintf(found.version, TEXT_SIZE, "%s", device->esphome_version);
    snprintf(found.platform, TEXT_SIZE, "%s", device->platform);
    return found;
}

static struct json_object *text_or_null(const char *text)
{
    return json_text(*text ? text : NULL);
}

/* event NULL: none. */
static void print_json(const struct found *found, const char *event)
{
    struct json_object *object = json_object_new_object();
    if (event)
        json_object_object_add(object, "event", json_text(event));
    json_object_object_add(object, "name", json_text(found->name));
    json_object_object_add(object, "friendly_name", text_or_null(found->friendly_name));
    json_object_object_add(object, "address", text_or_null(found->address));
    json_object_object_add(object, "port", json_object_new_int(found->port));
    json_object_object_add(object, "mac_address", text_or_null(found->mac_address));
    json_object_object_add(object, "esphome_version", text_or_null(found->version));
    json_object_object_add(object, "platform", text_or_null(found->platform));
    json_object_object_add(object, "encrypted", json_object_new_boolean(found->encrypted));
    json_object_object_add(object, "configured", json_object_new_boolean(found->configured));
    json_print(object);
}

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

/* ---- One by one, as they come and go ---- */

static void print_event(const struct found *found, enum bleproxy_browse_event event)
{
    static const char signs[] = {'+', '~', '-'};
    static const char *const colours[] = {TERMINAL_GREEN, TERMINAL_YELLOW, TERMINAL_RED};
    bool colour = terminal_has_colour();
    printf("%s%c%s %s", colour ? colours[event] : "", signs[event], colour ? TERMINAL_PLAIN : "",
           found->name);
    if (event != BLEPROXY_BROWSE_GONE)
        printf("  %s  port %u  %s  %s  %s  %s%s", found->address, found->port, or_dash(found->mac_address),
               or_dash(found->version), or_dash(found->platform),
               found->encrypted ? "encrypted" : "not encrypted", found->configured ? "  configured" : "");
    putchar('\n');
}

static void show(const struct discover *discover, const struct found *found, enum bleproxy_browse_event event)
{
    static const char *const events[] = {"found", "changed", "gone"};
    if (discover->options.json)
        print_json(found, events[event]);
    else
        print_event(found, event);
}

/* ---- All at the end ---- */

static void forget(struct discover *discover, const char *instance)
{
    for (size_t i = 0; i < discover->n_found; i++) {
        if (strcasecmp(discover->found[i].instance, instance) != 0)
            continue;
        discover->found[i] = discover->found[--discover->n_found];
        return;
    }
}

static void keep(struct discover *discover, const struct found *found)
{
    if (discover->n_found == discover->capacity) {
        size_t capacity = discover->capacity * 2 + 16;
        struct found *grown = realloc(discover->found, capacity * sizeof(*grown));
        if (!grown) {
            discover->failed = true;
            return;
        }
        discover->found = grown;
        discover->capacity = capacity;
    }
    discover->found[discover->n_found++] = *found;
}

static int compare(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->instance, right->instance);
}

static void print_table(const struct discover *discover)
{
    static const struct column list[] = {
        {.head = "NAME", .min = 8},
        {.head = "ADDRESS", .min = 15},
        {.head = "PORT", .rank = 4, .min = 5, .right = true},
        {.head = "MAC", .rank = 3, .min = 17},
        {.head = "FIRMWARE", .rank = 2, .min = 8},
        {.head = "PLATFORM", .rank = 6, .min = 8},
        {.head = "ENCRYPTED", .rank = 1, .min = 9},
        {.head = "CONFIGURED", .rank = 5, .min = 10},
    };
    struct columns columns;
    columns_init(&columns, list, sizeof(list) / sizeof(list[0]), terminal_line(), terminal_has_colour());
    for (size_t i = 0; i < discover->n_found; i++) {
        const struct found *found = &discover->found[i];
        columns_add(&columns, NULL, "%s", found->name);
        columns_add(&columns, NULL, "%s", found->address);
        columns_add(&columns, NULL, "%u", found->port);
        columns_add(&columns, NULL, "%s", or_dash(found->mac_address));
        columns_add(&columns, NULL, "%s", or_dash(found->version));
        columns_add(&columns, NULL, "%s", or_dash(found->platform));
        columns_add(&columns, NULL, "%s", found->encrypted ? "yes" : "no");
        columns_add(&columns, NULL, "%s", found->configured ? "yes" : "no");
    }
    columns_print(&columns, stdout);
    columns_deinit(&columns);
}

static void print_all(struct discover *discover)
{
    qsort(discover->found, discover->n_found, sizeof(discover->found[0]), compare);
    if (discover->options.json)
        for (size_t i = 0; i < discover->n_found; i++)
            print_json(&discover->found[i], NULL);
    else
        print_table(discover);
}

/* ---- Both ---- */

static void on_timeout(void *user)
{
    struct discover *discover = user;
    discover->over = true;
}

static void on_device(void *user, enum bleproxy_browse_event event, const struct bleproxy_discovered *device)
{
    struct discover *discover = user;
    struct found found = describe(discover, device);
    discover->any = true;
    if (discover->watch) {
        show(discover, &found, event);
        return;
    }
    forget(discover, found.instance);
    if (event != BLEPROXY_BROWSE_GONE)
        keep(discover, &found);
    /* Who is to be added is all that matters then. */
    size_t n = 0;
    while (n < discover->n_add && discover_find(discover->found, discover->n_found, discover->add[n]))
        n++;
    if (discover->n_add > 0 && n == discover->n_add && !discover->grace &&
        bleproxy_timer_new(discover->loop, ADD_GRACE_MS, 0, on_timeout, discover, &discover->grace) < 0)
        discover->over = true;
}

static int verdict(struct discover *discover)
{
    if (discover->failed)
        log_say("%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
    if (discover->n_add > 0 && !discover->failed)
        return discover_add(&discover->options, &discover->proxies.config, discover->found, discover->n_found,
                            discover->add, discover->n_add);
    if (!discover->watch && discover->n_found > 0)
        print_all(discover);
    enum run_end end = run_flush();
    if (discover->failed || end == RUN_NO_OUTPUT)
        return CLI_INTERNAL;
    if (discover->watch ? discover->any : discover->n_found > 0)
        return CLI_DONE;
    log_say("no ESPHome device has answered; multicast DNS does not cross routers, nor some access points");
    return CLI_NOT_FOUND;
}

static int run(struct discover *discover)
{
    struct bleproxy_browse *browse = NULL;
    struct bleproxy_timer *timeout = NULL;
    uint32_t timeout_ms = discover->options.timeout_ms;
    enum run_end end = RUN_DONE;
    int r = 0;
    if (timeout_ms > 0 || !discover->watch)
        r = bleproxy_timer_new(discover->loop, timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS, 0,
                               on_timeout, discover, &timeout);
    if (r == 0)
        r = bleproxy_browse_new(discover->loop, on_device, discover, &browse);
    if (r == 0)
        end = run_loop(discover->loop, &discover->over);
    bleproxy_browse_free(browse);
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(discover->grace);
    if (r < 0)
        log_say("%s", bleproxy_strerror(r));
    return r < 0                    ? (int)cli_exit_code(r)
           : end == RUN_INTERRUPTED ? CLI_INTERRUPTED
           : end == RUN_NO_OUTPUT   ? CLI_INTERNAL
                                    : verdict(discover);
}

static int discover_main(struct discover *discover, int argc, char **argv)
{
    struct bleproxy_loop_options loop_options = {0};
    discover->add = calloc((size_t)argc, sizeof(*discover->add));
    if (!discover->add)
        return CLI_INTERNAL;
    int r = options_parse(
        &discover->options,
        &(struct options_table){.longs = longs, .shorts = ":c:t:vh", .help = help, .parse = parse}, discover,
        argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    if (discover->n_add > 0 && (discover->watch || discover->options.json)) {
        log_say("--add goes with neither --watch nor --json");
        return CLI_USAGE;
    }
    discover->options.makes_config = discover->n_add > 0;
    r = proxies_load(&discover->proxies, &discover->options);
    if (r != CLI_DONE)
        return r;
    log_set_loop_options(discover->options.verbosity, LOG_QUIET_PROXIES, &loop_options);
    r = bleproxy_loop_new(&loop_options, &discover->loop);
    if (r < 0) {
        log_say("%s", bleproxy_strerror(r));
        return CLI_INTERNAL;
    }
    run_catch_signals();
    return run(discover);
}

int cmd_discover(int argc, char **argv)
{
    struct discover discover = {0};
    int r = discover_main(&discover, argc, argv);
    free(discover.found);
    free(discover.add);
    bleproxy_loop_free(discover.loop);
    proxies_deinit(&discover.proxies);
    options_deinit(&discover.options);
    return r;
}
