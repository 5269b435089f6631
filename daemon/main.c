/* SPDX-License-Identifier: MIT */
#include "adapter.h"
#include "bus.h"
#include "feed.h"
#include "manager.h"

#include "cli/cli.h"
#include "cli/fleet.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

enum { OPTION_BUS = OPTION_OWN };

static const struct option longs[] = {
    OPTIONS_LONG,
    {"bus", required_argument, NULL, OPTION_BUS},
    {0},
};

static const char help[] =
    "Usage: bleproxyd [OPTION]...\n"
    "Serve the proxies as a Bluetooth adapter to every program that speaks BlueZ's D-Bus interface.\n"
    "\n" OPTIONS_HELP_TAKES OPTIONS_HELP_PROXIES
    "      --bus ADDRESS        on this message bus, as unix:path=/run/bleproxy/bus; else the system "
    "bus\n" OPTIONS_HELP_GENERAL;

struct daemon {
    struct options options;
    const char *address; /* of the bus; NULL: the system's */
    struct fleet fleet;
    struct watches watches;
    struct bus bus;
    struct tree tree;
    struct adapter adapter;
    struct feed feed;
    struct manager manager;
    bool over; /* the bus is lost */
};

static int parse(void *user, int option, const char *value)
{
    struct daemon *daemon = user;
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

static void on_ended(void *user, uint64_t address, const struct bleproxy_result *result)
{
    struct daemon *daemon = user;
    manager_tell_end(&daemon->manager, address, result);
}

/* Programs that leave take what they hold with them. */
static int on_name_lost(sd_bus_message *message, void *user, sd_bus_error *error)
{
    struct daemon *daemon = user;
    const char *name, *before, *now;
    (void)error;
    if (sd_bus_message_read(message, "sss", &name, &before, &now) >= 0 && name[0] == ':' && !*now)
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
    if (!bluez)
        return -ENOMEM;
    const struct adapter_config config = {.parent = bluez,
                                          .loop = daemon->fleet.loop,
                                          .hub = daemon->fleet.hub,
                                          .watches = &daemon->watches,
                                          .is_congested = is_congested,
                                          .on_ended = on_ended,
                                          .user = daemon};
    int r = adapter_init(&daemon->adapter, &config);
    feed_init(&daemon->feed, &daemon->fleet, &daemon->watches);
    return r < 0 ? r : manager_init(&daemon->manager, org, &daemon->fleet, &daemon->feed, &daemon->adapter);
}

/* The objects are there before the name is, by which programs see that they are. */
static int appear(struct daemon *daemon)
{
    const char *where = daemon->address ? daemon->address : "the system bus";
    int r = make_objects(daemon);
    if (r < 0)
        return CLI_INTERNAL;
    tree_flush(&daemon->tree);
    r = bus_claim(&daemon->bus, "org.bluez");
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
    r = fleet_open(&daemon->fleet, NULL);
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
    struct daemon daemon = {.watches.epoll_fd = -1};
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
    adapter_deinit(&daemon.adapter);
    manager_deinit(&daemon.manager);
    feed_deinit(&daemon.feed);
    tree_deinit(&daemon.tree);
    bus_close(&daemon.bus);
    watches_deinit(&daemon.watches);
    fleet_stop(&daemon.fleet);
    fleet_close(&daemon.fleet);
    options_deinit(&daemon.options);
    return r;
}
