/* SPDX-License-Identifier: MIT */
#include "adapter.h"
#include "agent.h"
#include "bus.h"
#include "feed.h"
#include "manager.h"
#include "recall.h"
#include "storage.h"

#include "cli/cli.h"
#include "cli/fleet.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/state.h"
#include "cli/text.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

enum { OPTION_BUS = OPTION_OWN, OPTION_TEMPORARY };
enum { TEMPORARY_MAX_S = 24 * 60 * 60 };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"bus", required_argument, NULL, OPTION_BUS},
    {"temporary", required_argument, NULL, OPTION_TEMPORARY},
    {0},
};

static const char help[] =
    "Usage: bleproxyd [OPTION]...\n"
    "Serve the proxies as a Bluetooth adapter to every program that speaks BlueZ's D-Bus interface.\n"
    "\n" OPTIONS_HELP_TAKES OPTIONS_HELP_PROXIES
    "      --bus ADDRESS        on this message bus, as unix:path=/run/bleproxy/bus; else the system "
    "bus\n"
    "      --temporary SECONDS  forget devices that nobody wanted when they were not heard for so long; else "
    "120\n" OPTIONS_HELP_GENERAL;

struct daemon {
    struct options options;
    const char *address; /* of the bus; NULL: the system's */
    uint32_t temporary_s;
    struct fleet fleet;
    struct watches watches;
    struct bus bus;
    struct tree tree;
    struct agents agents;
    struct adapter adapter;
    struct feed feed;
    struct manager manager;
    char directory[PATH_MAX]; /* for what is kept between runs; "": there is none */
    struct storage storage;
    bool over;   /* the bus is lost */
    bool leaves; /* in order: there will be no objects to be missed */
};

static int parse_temporary(const char *text, uint32_t *ret_s)
{
    char *end;
    unsigned long seconds = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
    if (seconds < 1 || seconds > TEMPORARY_MAX_S || *end) {
        log_say("--temporary takes a number of seconds, from 1 to %d: not '%s'", TEMPORARY_MAX_S, text);
        return CLI_USAGE;
    }
    *ret_s = (uint32_t)seconds;
    return CLI_DONE;
}

static int parse(void *user, int option, const char *value)
{
    struct daemon *daemon = user;
    if (option == OPTION_TEMPORARY)
        return parse_temporary(value, &daemon->temporary_s);
    if (option == OPTION_BUS)
        daemon->address = value;
    return CLI_DONE;
}

/* ---- Proxies ---- */

static void count_proxies(struct daemon *daemon)
{
    size_t n = 0;
    for (size_t i = 0; i < daemon->fleet.n_members; i++)
        n += daemon->fleet.members[i].is_ready;
    adapter_set_has_proxies(&daemon->adapter, n > 0);
}

static void on_ready(void *user, struct member *member)
{
    struct daemon *daemon = user;
    feed_tell_ready(&daemon->feed, member);
    count_proxies(daemon);
    recall_heard(&daemon->adapter);
}

static void on_down(void *user, struct member *member)
{
    struct daemon *daemon = user;
    feed_tell_down(&daemon->feed, member);
    count_proxies(daemon);
}

static void on_reload(void *user, const size_t *from, size_t n_members)
{
    (void)from;
    (void)n_members;
    count_proxies(user);
}

/* ---- The bus ---- */

static bool is_congested(void *user)
{
    const struct daemon *daemon = user;
    return bus_is_congested(&daemon->bus);
}

static void on_changed(void *user, bool soon)
{
    struct daemon *daemon = user;
    storage_changed(&daemon->storage, soon);
}

static int fill_memory(void *user, struct memory *memory)
{
    const struct daemon *daemon = user;
    return recall_fill(&daemon->adapter, memory, !daemon->leaves);
}

/* systemd's for the service, else the user's. */
static void find_directory(struct daemon *daemon)
{
    const char *given = getenv("STATE_DIRECTORY");
    size_t length = given ? strcspn(given, ":") : 0;
    if (length > 0 && length < sizeof(daemon->directory))
        memcpy(daemon->directory, given, length);
    else if (!state_directory(daemon->directory, sizeof(daemon->directory)))
        daemon->directory[0] = '\0';
}

/* Programs that leave take what they hold with them. */
static int on_name_lost(sd_bus_message *message, void *user, sd_bus_error *error)
{
    struct daemon *daemon = user;
    const char *name, *before, *now;
    (void)error;
    if (sd_bus_message_read(message, "sss", &name, &before, &now) < 0 || name[0] != ':' || *now)
        return 0;
    agents_forget(&daemon->agents, name);
    adapter_forget_client(&daemon->adapter, name);
    return 0;
}

/* After each time the loop has waited. */
static void on_turn(void *user)
{
    struct daemon *daemon = user;
    watches_dispatch(&daemon->watches);
    bus_process(&daemon->bus);
    tree_flush(&daemon->tree);
    bus_prepare(&daemon->bus);
    daemon->over = daemon->bus.error < 0;
}

static int open_bus(struct daemon *daemon)
{
    const char *where = daemon->address ? daemon->address : "the system bus";
    int r = watches_init(&daemon->watches);
    if (r >= 0)
        r = bus_open(&daemon->bus, &daemon->watches, daemon->address);
    if (r < 0) {
        log_say("cannot connect to %s: %s", where, strerror(-r));
        return CLI_UNREACHABLE;
    }
    r = sd_bus_match_signal(daemon->bus.sd, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                            "org.freedesktop.DBus", "NameOwnerChanged", on_name_lost, daemon);
    if (r >= 0)
        r = tree_init(&daemon->tree, daemon->bus.sd);
    return r < 0 ? CLI_INTERNAL : CLI_DONE;
}

static int make_objects(struct daemon *daemon)
{
    struct object *org = object_new(daemon->tree.root, "org");
    struct object *bluez = org ? object_new(org, "bluez") : NULL;
    int r = bluez ? agents_init(&daemon->agents, bluez) : -ENOMEM;
    if (r < 0)
        return r;
    const struct adapter_config config = {.parent = bluez,
                                          .loop = daemon->fleet.loop,
                                          .hub = daemon->fleet.hub,
                                          .watches = &daemon->watches,
                                          .temporary_s = daemon->temporary_s,
                                          .is_congested = is_congested,
                                          .on_changed = on_changed,
                                          .user = daemon};
    r = adapter_init(&daemon->adapter, &config);
    feed_init(&daemon->feed, &daemon->fleet, &daemon->watches);
    return r < 0 ? r : manager_init(&daemon->manager, org, &daemon->fleet, &daemon->feed);
}

/* The objects are there before the name is, by which programs see that they are; they are told afterwards, as many listen to
 * the owner of the name alone. */
static int claim(struct daemon *daemon)
{
    const char *where = daemon->address ? daemon->address : "the system bus";
    int r = bus_claim(&daemon->bus, "org.bluez");
    if (r >= 0)
        r = bus_claim(&daemon->bus, MANAGER_BUS_NAME);
    if (r == -EEXIST) {
        log_say("another program serves org.bluez on %s, probably bluetoothd: stop it, or give another bus "
                "with --bus",
                where);
        return CLI_FAILED;
    }
    if (r < 0) {
        log_say("%s does not let us serve org.bluez: %s; see bleproxyd(8) for the policy that it takes",
                where, strerror(-r));
        return CLI_FAILED;
    }
    return CLI_DONE;
}

static int appear(struct daemon *daemon)
{
    struct memory memory = {0};
    int r = storage_init(&daemon->storage, daemon->fleet.loop,
                         daemon->directory[0] ? daemon->directory : NULL, fill_memory, daemon);
    if (r >= 0)
        r = make_objects(daemon);
    if (r >= 0) {
        storage_load(&daemon->storage, &memory);
        recall_adapter(&daemon->adapter, &memory);
    }
    r = r < 0 ? CLI_INTERNAL : claim(daemon);
    if (r == CLI_DONE) {
        recall_tell_gone(&daemon->adapter, &memory);
        if (memory.n_paths > 0) /* once is enough */
            storage_changed(&daemon->storage, true);
        tree_flush(&daemon->tree);
    } else {
        storage_abandon(&daemon->storage); /* it may be another daemon's */
    }
    memory_deinit(&memory);
    return r;
}

/* ---- The whole ---- */

static int run(struct daemon *daemon)
{
    const struct run_input input = {.fd = daemon->watches.epoll_fd, .on_input = on_turn, .user = daemon};
    int r = fleet_start(&daemon->fleet);
    if (r != CLI_DONE)
        return r;
    sd_notify(0, "READY=1");
    on_turn(daemon);
    enum run_end end = run_loop_with_input(daemon->fleet.loop, &daemon->over, &input);
    sd_notify(0, "STOPPING=1");
    if (end == RUN_DONE) {
        log_say("the connection to the bus is lost: %s", strerror(-daemon->bus.error));
        return CLI_UNREACHABLE;
    }
    return CLI_DONE;
}

static int daemon_main(struct daemon *daemon, int argc, char **argv)
{
    int r =
        options_parse(&daemon->options, &(struct options_table){.longs = longs, .help = help, .parse = parse},
                      daemon, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    find_directory(daemon);
    const struct bleproxy_hub_options hub = {.state_dir = daemon->directory[0] ? daemon->directory : NULL};
    r = fleet_open(&daemon->fleet, &hub);
    if (r == CLI_DONE)
        r = open_bus(daemon);
    if (r == CLI_DONE)
        r = appear(daemon);
    if (r != CLI_DONE)
        return r;
    run_catch_signals();
    return run(daemon);
}

int main(int argc, char **argv)
{
    char name[] = "bleproxyd";
    struct daemon daemon = {.watches.epoll_fd = -1, .temporary_s = ADAPTER_TEMPORARY_S};
    daemon.fleet = (struct fleet){.command = name,
                                  .options = &daemon.options,
                                  .reloads = true,
                                  .on_ready = on_ready,
                                  .on_down = on_down,
                                  .on_reload = on_reload,
                                  .user = &daemon};
    text_init();
    argv[0] = name;
    int r = daemon_main(&daemon, argc, argv);
    daemon.leaves = daemon.bus.error == 0;
    storage_close(&daemon.storage);
    adapter_deinit(&daemon.adapter);
    manager_deinit(&daemon.manager);
    feed_deinit(&daemon.feed);
    agents_deinit(&daemon.agents);
    tree_deinit(&daemon.tree);
    bus_close(&daemon.bus);
    watches_deinit(&daemon.watches);
    fleet_stop(&daemon.fleet);
    fleet_close(&daemon.fleet);
    options_deinit(&daemon.options);
    return r;
}
