/* SPDX-License-Identifier: MIT */
#include "affixes.h"
#include "cli.h"
#include "columns.h"
#include "describe.h"
#include "filters.h"
#include "hearing.h"
#include "json.h"
#include "log.h"
#include "run.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

enum { LISTEN_MS = 10000, PROGRESS_MS = 1000, NAME_SIZE = 256, WHAT_SIZE = 512 };
enum {
    OTHERS_MAX = 40,
    STRENGTH_WIDTH = 6, /* " -71, " */
};

static const struct option longs[] = {OPTIONS_LONG, FILTERS_LONG, {0}};

static const char help[] =
    "Usage: bleproxy devices [OPTION]...\n"
    "Listen for a while, then list the Bluetooth devices heard, and which proxies hear "
    "each how well.\n"
    "\n" OPTIONS_HELP "\n"
    "  -t, --timeout SECONDS    listen for this long (10)\n" FILTERS_HELP;

struct listing {
    struct options options;
    struct filters filters;
    struct fleet fleet;
    uint64_t end_ns;
    bool over;
    struct hearing *hearings; /* of the device that is being listed; one for each proxy */
    struct affixes affixes;   /* what names of proxies are shown without, where there are many */
};

/* A device, to be sorted. */
struct place {
    const struct bleproxy_device *device;
    int strength_dbm;
};

static int parse(void *user, int option, const char *value)
{
    struct listing *listing = user;
    return filters_parse(&listing->filters, option, value);
}

/* ---- As JSON ---- */

static void print_json(struct listing *listing, const struct bleproxy_device *device)
{
    const struct bleproxy_advertisement *last = bleproxy_device_advertisement(device);
    const struct member *owner = fleet_find(&listing->fleet, last->source);
    double interval_s = (double)bleproxy_device_interval_ns(device) / 1e9;
    size_t n = hearing_list(&listing->fleet, device, listing->hearings);
    struct json_object *object = json_object_new_object(), *heard_by = json_object_new_array();
    for (size_t i = 0; i < n; i++)
        json_object_array_add(heard_by, hearing_json(&listing->hearings[i]));
    json_object_object_add(object, "address", json_address(last->address));
    json_object_object_add(object, "address_type", json_object_new_int(last->address_type));
    json_object_object_add(object, "name", json_text(bleproxy_device_name(device)));
    json_object_object_add(object, "configured_name",
                           json_text(device_names_of(&listing->fleet.proxies.names, last->address)));
    json_object_object_add(object, "owner", json_text(owner ? owner->label : NULL));
    json_object_object_add(object, "connectable",
                           json_object_new_boolean(hearing_is_connectable(listing->hearings, n)));
    json_object_object_add(object, "age", json_decimal(hearing_age_s(&listing->fleet, last)));
    json_object_object_add(object, "interval", interval_s > 0 ? json_decimal(interval_s) : NULL);
    json_object_object_add(object, "reports",
                           json_object_new_int64((int64_t)bleproxy_device_reports(device)));
    json_object_object_add(object, "heard_by", heard_by);
    json_print(object);
}

/* ---- As text ---- */

static const struct column columns[] = {
    {.head = "ADDRESS", .min = 17},
    {.head = "NAME", .min = 14, .max = 24, .rank = 3},
    {.head = "RSSI", .min = 9, .max = 9, .rank = 1, .fixed = true},
    {.head = "OWNER", .min = 8, .max = 20, .rank = 2},
    {.head = "ALSO HEARD BY", .min = 16, .max = OTHERS_MAX, .rank = 4, .list = true},
    {.head = "AGE", .min = 4, .rank = 5, .right = true},
    {.head = "INTERVAL", .min = 8, .rank = 6, .right = true},
    {.head = "CONNECT", .min = 7, .rank = 7},
    {.head = "COMPANY AND SERVICES", .min = 16, .rank = 8},
};

/* Names of proxies are shortened to what tells them apart where all of them would not fit. */
static struct affixes find_affixes(const struct fleet *fleet)
{
    const char **labels = calloc(fleet->n_members + 1, sizeof(*labels));
    struct affixes affixes = {0};
    size_t width = 0;
    for (size_t i = 0; labels && i < fleet->n_members; i++) {
        labels[i] = fleet->members[i].label;
        width += text_width(labels[i]) + STRENGTH_WIDTH;
    }
    if (labels && terminal_line() > 0 && width > OTHERS_MAX)
        affixes = affixes_find(labels, fleet->n_members);
    free(labels);
    return affixes;
}

/* "bedroom -71, attic -88", to be freed; NULL: there is no memory. */
static char *name_others(const struct affixes *affixes, const struct hearing *hearings, size_t n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 1; i < n; i++) {
        fputs(i > 1 ? ", " : "", out);
        affixes_print(out, affixes, hearings[i].proxy->label);
        if (hearings[i].strength_dbm != BLEPROXY_RSSI_NONE)
            fprintf(out, " %d", hearings[i].strength_dbm);
    }
    fclose(out);
    return text;
}

static void add_row(struct listing *listing, struct columns *table, const struct bleproxy_device *device)
{
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], name[NAME_SIZE], what[WHAT_SIZE], age[DESCRIBE_TIME_SIZE],
        interval[DESCRIBE_TIME_SIZE];
    const struct bleproxy_advertisement *last = bleproxy_device_advertisement(device);
    const struct member *owner = fleet_find(&listing->fleet, last->source);
    uint64_t interval_ns = bleproxy_device_interval_ns(device);
    size_t n = hearing_list(&listing->fleet, device, listing->hearings);
    char *others = name_others(&listing->affixes, listing->hearings, n);
    bleproxy_address_format(last->address, address);
    describe_name(
        device_names_show(&listing->fleet.proxies.names, last->address, bleproxy_device_name(device)), name,
        sizeof(name));
    describe_seconds(hearing_age_s(&listing->fleet, last), age);
    describe_seconds(interval_ns > 0 ? (double)interval_ns / 1e9 : -1, interval);
    describe(last, what, sizeof(what));
    columns_add(table, NULL, "%s", address);
    columns_add(table, NULL, "%s", name);
    table_add_strength(table, hearing_strength_dbm(device));
    columns_add(table, NULL, "%s", owner ? owner->label : "-");
    columns_add(table, NULL, "%s", others ? others : "");
    columns_add(table, NULL, "%s", age);
    columns_add(table, NULL, "%s", interval);
    columns_add(table, NULL, "%s", hearing_is_connectable(listing->hearings, n) ? "yes" : "no");
    columns_add(table, NULL, "%s", what);
    free(others);
}

static void print_table(struct listing *listing, const struct place *places, size_t n_places)
{
    struct columns table;
    size_t n_connected = 0;
    listing->affixes = find_affixes(&listing->fleet);
    columns_init(&table, columns, sizeof(columns) / sizeof(*columns), terminal_line(), terminal_has_colour());
    for (size_t i = 0; i < n_places; i++)
        add_row(listing, &table, places[i].device);
    columns_print(&table, stdout);
    columns_deinit(&table);
    for (size_t i = 0; i < listing->fleet.n_members; i++)
        n_connected += listing->fleet.members[i].is_ready;
    printf("\n%zu device%s; %zu of %zu proxies connected\n", n_places, n_places == 1 ? "" : "s", n_connected,
           listing->fleet.n_members);
}

/* ---- The whole ---- */

static int compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return right->strength_dbm - left->strength_dbm;
}

static void print_devices(struct listing *listing, struct place *places,
                          const struct bleproxy_advertisement *const *devices, size_t n_devices)
{
    size_t n = 0;
    for (size_t i = 0; i < n_devices; i++) {
        const struct bleproxy_device *device = bleproxy_hub_device(listing->fleet.hub, devices[i]->address);
        if (device)
            places[n++] = (struct place){device, hearing_strength_dbm(device)};
    }
    qsort(places, n, sizeof(*places), compare);
    if (!listing->options.json)
        print_table(listing, places, n);
    for (size_t i = 0; listing->options.json && i < n; i++)
        print_json(listing, places[i].device);
}

static void on_discovered(void *user, int error, const struct bleproxy_advertisement *const *devices,
                          size_t n_devices)
{
    struct listing *listing = user;
    struct place *places = error == 0 ? calloc(n_devices + 1, sizeof(*places)) : NULL;
    listing->hearings = calloc(listing->fleet.n_members + 1, sizeof(*listing->hearings));
    if (places && listing->hearings)
        print_devices(listing, places, devices, n_devices);
    else
        log_say("%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
    free(places);
    free(listing->hearings);
    listing->over = true;
}

static void on_timeout(void *user)
{
    struct listing *listing = user;
    listing->over = true;
}

static void on_progress(void *user)
{
    const struct listing *listing = user;
    uint64_t now_ns = bleproxy_loop_now_ns(listing->fleet.loop);
    size_t n = bleproxy_hub_n_devices(listing->fleet.hub);
    if (now_ns < listing->end_ns)
        log_progress("listening: %zu device%s so far, %.0f s left", n, n == 1 ? "" : "s",
                     (double)(listing->end_ns - now_ns) / 1e9);
}

static enum run_end listen(struct listing *listing)
{
    struct bleproxy_timer *timeout = NULL, *progress = NULL;
    uint32_t timeout_ms = listing->options.timeout_ms > 0 ? listing->options.timeout_ms : LISTEN_MS;
    enum run_end end = RUN_DONE;
    listing->end_ns = bleproxy_loop_now_ns(listing->fleet.loop) + timeout_ms * UINT64_C(1000000);
    int r = bleproxy_timer_new(listing->fleet.loop, timeout_ms, 0, on_timeout, listing, &timeout);
    if (r == 0)
        r = bleproxy_timer_new(listing->fleet.loop, 0, PROGRESS_MS, on_progress, listing, &progress);
    if (r == 0)
        end = run_loop(listing->fleet.loop, &listing->over);
    bleproxy_timer_free(timeout);
    bleproxy_timer_free(progress);
    log_progress_end();
    return end;
}

static int run(struct listing *listing)
{
    struct bleproxy_search *search;
    enum run_end end = RUN_DONE;
    int r = fleet_start(&listing->fleet);
    if (r == CLI_DONE && !listing->over)
        end = listen(listing);
    listing->over = false;
    if (r == CLI_DONE && !run_output_is_lost() && fleet_has_worked(&listing->fleet) &&
        bleproxy_hub_discover(listing->fleet.hub, &listing->filters.want, 0, on_discovered, listing,
                              &search) == 0)
        run_loop(listing->fleet.loop, &listing->over);
    if (r == CLI_DONE)
        r = end == RUN_INTERRUPTED ? CLI_INTERRUPTED
            : end == RUN_NO_OUTPUT ? CLI_INTERNAL
                                   : fleet_verdict(&listing->fleet);
    fleet_stop(&listing->fleet);
    return r;
}

static int devices_main(struct listing *listing, int argc, char **argv)
{
    int r = options_parse(&listing->options,
                          &(struct options_table){.longs = longs, .help = help, .parse = parse}, listing,
                          argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    r = fleet_open(&listing->fleet, &(struct bleproxy_hub_options){.spare_links = true});
    if (r != CLI_DONE)
        return r;
    filters_use_names(&listing->filters, &listing->fleet.proxies.names);
    run_catch_signals();
    return run(listing);
}

int cmd_devices(int argc, char **argv)
{
    struct listing listing = {0};
    listing.fleet = (struct fleet){.command = "bleproxy devices",
                                   .uses_daemon = true,
                                   .options = &listing.options,
                                   .tells_plaintext = true,
                                   .on_hopeless = on_timeout,
                                   .user = &listing};
    int r = devices_main(&listing, argc, argv);
    fleet_close(&listing.fleet);
    options_deinit(&listing.options);
    return r;
}
