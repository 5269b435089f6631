/* SPDX-License-Identifier: MIT */
#include "access.h"
#include "adapter.h"
#include "agent.h"
#include "audience.h"
#include "bus.h"
#include "feed.h"
#include "lobby.h"
#include "manager.h"
#include "private_bus.h"
#include "recall.h"
#include "service.h"
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
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_BUS = OPTION_OWN, OPTION_SYSTEM, OPTION_PRIVATE, OPTION_GUEST, OPTION_TEMPORARY };
enum { TEMPORARY_MAX_S = 24 * 60 * 60 };
/* With the rest of the bus's queue, and its own, less than two seconds. */
enum { GOODBYE_MS = 900 };
#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

static const struct option longs[] = {
    OPTIONS_LONG,
    {"bus", required_argument, NULL, OPTION_BUS},
    {"system", no_argument, NULL, OPTION_SYSTEM},
    {"private", required_argument, NULL, OPTION_PRIVATE},
    {"guest", required_argument, NULL, OPTION_GUEST},
    {"temporary", required_argument, NULL, OPTION_TEMPORARY},
    {0},
};

static const char help[] =
    "Usage: bleproxyd [OPTION]...\n"
    "Serve the proxies as a Bluetooth adapter to every program that speaks BlueZ's D-Bus interface.\n"
    "\n" OPTIONS_HELP_TAKES OPTIONS_HELP_PROXIES
    "      --system             on the system bus, as if none of these was given\n"
    "      --bus ADDRESS        on this message bus: unix:path=/run/bleproxy/bus, for instance\n"
    "      --private DIRECTORY  on one of its own, started there: as 'bleproxy run' does\n"
    "      --temporary SECONDS  forget devices that nobody wanted when they were not heard for so long; else "
    "120\n" OPTIONS_HELP_GENERAL;

struct daemon {
    struct options options;
    const char *address;       /* of the bus; NULL: the system's */
    const char *bus_directory; /* of a bus of its own; NULL: none */
    int guest_fd;              /* who it is there for; -1: nobody in particular */
    struct private_bus private_bus;
    struct fleet fleet;
    struct watches watches;
    struct bus bus;
    struct tree tree;
    struct access access;
    struct agents agents;
    struct audience audience;
    struct adapter adapter;
    struct feed feed;
    struct manager manager;
    char directory[PATH_MAX]; /* for what is kept between runs; "": there is none */
    struct storage storage;
    uint32_t temporary_s;
    struct service service;
    struct lobby lobby;
    bool leaves; /* in order: there will be no objects to be missed */
    bool over;   /* the bus is lost, or nobody needs us any more */
    int code;    /* the exit code then */
};

static int parse_guest(struct daemon *daemon, const char *value)
{
    char *end;
    long fd = strtol(value, &end, 10);
    if (!*value || *end || fd <= 2 || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) {
        log_say("--guest takes the number of a descriptor that is open, not '%s'", value);
        return CLI_USAGE;
    }
    daemon->guest_fd = (int)fd;
    return CLI_DONE;
}

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
    if (option == OPTION_GUEST)
        return parse_guest(daemon, value);
    if (option == OPTION_TEMPORARY)
        return parse_temporary(value, &daemon->temporary_s);
    if (daemon->address || daemon->bus_directory) {
        log_say("only one of --bus, --private and --system can be given");
        return CLI_USAGE;
    }
    if (option == OPTION_PRIVATE)
        daemon->bus_directory = value;
    else
        daemon->address = option == OPTION_SYSTEM ? SYSTEM_BUS : value;
    return CLI_DONE;
}

/* For people. */
static const char *bus_name(const struct daemon *daemon)
{
    return daemon->address && strcmp(daemon->address, SYSTEM_BUS) != 0 ? daemon->address : "the system bus";
}

/* ---- Proxies ---- */

static void tell_guests(struct daemon *daemon)
{
    char text[256];
    service_explain_waiting(&daemon->fleet, text, sizeof(text));
    lobby_tell(&daemon->lobby, daemon->adapter.has_proxies, text);
}

static void count_proxies(struct daemon *daemon)
{
    size_t n = 0;
    for (size_t i = 0; i < daemon->fleet.n_members; i++)
        n += daemon->fleet.members[i].is_ready;
    adapter_set_has_proxies(&daemon->adapter, n > 0);
    tell_guests(daemon);
}

/* Somebody waits, and waiting does not help; others than guests may have patience. */
static void on_hopeless(void *user)
{
    struct daemon *daemon = user;
    if (daemon->guest_fd < 0)
        return;
    daemon->code = fleet_verdict(&daemon->fleet);
    daemon->over = true;
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
    struct daemon *daemon = user;
    (void)from;
    (void)n_members;
    count_proxies(daemon);
    if (access_apply(&daemon->access, &daemon->fleet.proxies.config) < 0)
        log_warn(NULL, "no memory for the new lists of users and devices: the old ones stay in force");
    adapter_review_devices(&daemon->adapter);
    access_review(&daemon->access, &daemon->adapter);
}

static void on_status(void *user)
{
    tell_guests(user);
}

/* Who started us may have somebody who waits until nobody writes to its standard error any more. */
static void on_host_left(void *user)
{
    (void)user;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static void on_empty(void *user)
{
    struct daemon *daemon = user;
    daemon->over = true;
}

/* ---- The bus ---- */

static bool is_congested(void *user)
{
    const struct daemon *daemon = user;
    return bus_is_congested(&daemon->bus);
}

static bool is_allowed(void *user, uint64_t device)
{
    const struct daemon *daemon = user;
    return access_allows_device(&daemon->access, device);
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

static void on_back(void *user, const char *name)
{
    struct daemon *daemon = user;
    adapter_catch_up(&daemon->adapter, name);
}

/* Before anybody else looks at it. */
static int on_message(sd_bus_message *message, void *user, sd_bus_error *error)
{
    struct daemon *daemon = user;
    (void)error;
    if (sd_bus_message_is_method_call(message, NULL, NULL) > 0 && sd_bus_message_get_sender(message))
        audience_add(&daemon->audience, sd_bus_message_get_sender(message));
    return 0;
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
    if (sd_bus_message_read(message, "sss", &name, &before, &now) < 0 || name[0] != ':' || *now)
        return 0;
    access_forget_client(&daemon->access, name);
    agents_forget(&daemon->agents, name);
    audience_remove(&daemon->audience, name);
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
    if (daemon->bus.error >= 0 || daemon->over)
        return;
    log_say("the connection to the bus is lost: %s", strerror(-daemon->bus.error));
    daemon->code = CLI_UNREACHABLE;
    daemon->over = true;
}

static int open_bus(struct daemon *daemon)
{
    int r = watches_init(&daemon->watches);
    if (daemon->bus_directory) {
        bool shows_log = daemon->options.verbosity > 0 && daemon->guest_fd < 0;
        int code = private_bus_open(&daemon->private_bus, daemon->bus_directory, shows_log);
        if (code != CLI_DONE)
            return code;
        daemon->address = daemon->private_bus.address;
    }
    if (r >= 0)
        r = bus_open(&daemon->bus, &daemon->watches, daemon->address);
    if (r < 0) {
        log_say("cannot connect to %s: %s", bus_name(daemon), strerror(-r));
        return CLI_UNREACHABLE;
    }
    r = sd_bus_match_signal(daemon->bus.sd, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                            "org.freedesktop.DBus", "NameOwnerChanged", on_name_lost, daemon);
    if (r >= 0)
        r = sd_bus_add_filter(daemon->bus.sd, NULL, on_message, daemon);
    if (r >= 0)
        r = tree_init(&daemon->tree, daemon->bus.sd);
    if (r < 0) {
        log_say("%s does not do what it is asked: %s", bus_name(daemon), strerror(-r));
        return CLI_FAILED;
    }
    audience_init(&daemon->audience, daemon->bus.sd, daemon->fleet.loop, on_back, daemon);
    daemon->tree.audience = &daemon->audience;
    return CLI_DONE;
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
                                          .is_allowed = is_allowed,
                                          .on_changed = on_changed,
                                          .on_ended = on_ended,
                                          .user = daemon};
    r = adapter_init(&daemon->adapter, &config);
    feed_init(&daemon->feed, &daemon->fleet, &daemon->watches, is_allowed, daemon);
    return r < 0 ? r : manager_init(&daemon->manager, org, &daemon->fleet, &daemon->feed, &daemon->adapter);
}

/* Who has the name, if that can be found out. */
static void complain_of_owner(struct daemon *daemon)
{
    sd_bus_creds *creds = NULL;
    const char *name = NULL, *advice = "or let programs use a bus of their own: see 'bleproxy help run'";
    pid_t pid = 0;
    if (sd_bus_get_name_creds(daemon->bus.sd, "org.bluez",
                              SD_BUS_CREDS_PID | SD_BUS_CREDS_COMM | SD_BUS_CREDS_AUGMENT, &creds) >= 0) {
        sd_bus_creds_get_comm(creds, &name);
        sd_bus_creds_get_pid(creds, &pid);
    }
    if (name && pid > 0)
        log_say("%s (process %d) serves org.bluez on %s already: stop it, %s", name, (int)pid,
                bus_name(daemon), advice);
    else
        log_say("another program, probably bluetoothd, serves org.bluez on %s already: stop it, %s",
                bus_name(daemon), advice);
    sd_bus_creds_unref(creds);
}

/* The objects are there before the name is, by which programs see that they are; they are told afterwards, as many listen to
 * the owner of the name alone. */
static int claim(struct daemon *daemon)
{
    int r = bus_claim(&daemon->bus, "org.bluez");
    if (r >= 0)
        r = bus_claim(&daemon->bus, MANAGER_BUS_NAME);
    if (r == -EEXIST) {
        complain_of_owner(daemon);
        return CLI_FAILED;
    }
    if (r >= 0 && daemon->bus_directory)
        r = private_bus_seal(&daemon->private_bus, daemon->bus.sd);
    if (r < 0) {
        log_say("%s does not let us serve org.bluez (%s): it takes a policy, see bleproxyd(8)",
                bus_name(daemon), strerror(-r));
        return CLI_FAILED;
    }
    return CLI_DONE;
}

static int appear(struct daemon *daemon)
{
    struct memory memory = {0};
    access_init(&daemon->access, &daemon->tree);
    int r = access_apply(&daemon->access, &daemon->fleet.proxies.config);
    if (r >= 0)
        r = storage_init(&daemon->storage, daemon->fleet.loop,
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

/* ---- Guests ---- */

/* Where others of `bleproxy run` look: it is there before the one who started us is told anything, and lets them look. */
static int open_lobby(struct daemon *daemon)
{
    char path[PATH_MAX];
    const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS"), *runtime = getenv("RUNTIME_DIRECTORY");
    const char *directory = daemon->bus_directory ? daemon->private_bus.directory : runtime;
    if (daemon->address || !address)
        address = daemon->address ? daemon->address : SYSTEM_BUS;
    lobby_init(&daemon->lobby, &daemon->watches, address, daemon);
    if (directory && *directory) {
        size_t length = strcspn(directory, daemon->bus_directory ? "" : ":"); /* of several the first */
        snprintf(path, sizeof(path), "%.*s/lobby", (int)length, directory);
        int r = lobby_open(&daemon->lobby, path, daemon->bus_directory ? 0600 : 0666);
        if (r < 0)
            log_warn(NULL, "cannot open %s (%s): 'bleproxy run' does not find this daemon", path,
                     strerror(-r));
    }
    if (daemon->guest_fd < 0)
        return CLI_DONE;
    daemon->lobby.on_empty = on_empty;
    daemon->lobby.on_host_left = on_host_left;
    return lobby_admit(&daemon->lobby, daemon->guest_fd, true) < 0 ? CLI_INTERNAL : CLI_DONE;
}

/* ---- The whole ---- */

static int run(struct daemon *daemon)
{
    const struct run_input input = {.fd = daemon->watches.epoll_fd, .on_input = on_turn, .user = daemon};
    int r = open_lobby(daemon);
    if (r == CLI_DONE)
        r = fleet_start(&daemon->fleet);
    if (r != CLI_DONE)
        return r;
    daemon->service = (struct service){
        .fleet = &daemon->fleet, .adapter = &daemon->adapter, .on_status = on_status, .user = daemon};
    if (service_start(&daemon->service) < 0)
        return CLI_INTERNAL;
    tell_guests(daemon);
    on_turn(daemon);
    run_loop_with_input(daemon->fleet.loop, &daemon->over, &input);
    return daemon->code;
}

static int daemon_main(struct daemon *daemon, int argc, char **argv)
{
    int r =
        options_parse(&daemon->options, &(struct options_table){.longs = longs, .help = help, .parse = parse},
                      daemon, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    run_catch_signals();
    if (daemon->guest_fd >= 0)
        daemon->fleet.quiet = LOG_QUIET_DEVICE; /* it is about a program, not about proxies */
    find_directory(daemon);
    const struct bleproxy_hub_options hub = {.state_dir = daemon->directory[0] ? daemon->directory : NULL};
    r = fleet_open(&daemon->fleet, &hub);
    if (r == CLI_DONE)
        r = open_bus(daemon);
    if (r == CLI_DONE)
        r = appear(daemon);
    return r == CLI_DONE ? run(daemon) : r;
}

/* Programs are told that everything is gone before the name is, and proxies are told goodbye. Who waits for the end of the
 * process sees that of all else, too. */
static void leave(struct daemon *daemon)
{
    lobby_close(&daemon->lobby);
    service_stop(&daemon->service);
    daemon->leaves = daemon->bus.error == 0;
    storage_close(&daemon->storage);
    adapter_deinit(&daemon->adapter);
    manager_deinit(&daemon->manager);
    feed_deinit(&daemon->feed);
    agents_deinit(&daemon->agents);
    while (daemon->tree.root && daemon->tree.root->first_child)
        object_free(daemon->tree.root->first_child);
    tree_deinit(&daemon->tree);
    audience_deinit(&daemon->audience);
    access_deinit(&daemon->access);
    bus_close(&daemon->bus);
    fleet_stop(&daemon->fleet);
    private_bus_close(&daemon->private_bus);
    lobby_deinit(&daemon->lobby);
    watches_deinit(&daemon->watches);
    fleet_close(&daemon->fleet);
    options_deinit(&daemon->options);
}

int main(int argc, char **argv)
{
    char name[] = "bleproxyd";
    struct daemon daemon = {.guest_fd = -1,
                            .temporary_s = ADAPTER_TEMPORARY_S,
                            .watches.epoll_fd = -1,
                            .private_bus.lock_fd = -1};
    daemon.fleet = (struct fleet){.command = name,
                                  .options = &daemon.options,
                                  .reloads = true,
                                  .on_ready = on_ready,
                                  .on_down = on_down,
                                  .on_hopeless = on_hopeless,
                                  .on_reload = on_reload,
                                  .user = &daemon,
                                  .goodbye_ms = GOODBYE_MS};
    lobby_init(&daemon.lobby, &daemon.watches, "", NULL);
    text_init();
    log_init(name);
    argv[0] = name;
    int r = daemon_main(&daemon, argc, argv);
    leave(&daemon);
    return r;
}
