/* SPDX-License-Identifier: MIT */
#include "access.h"
#include "adapter.h"
#include "agent.h"
#include "arguments.h"
#include "audience.h"
#include "bus.h"
#include "feed.h"
#include "lobby.h"
#include "manager.h"
#include "private_bus.h"
#include "profile.h"
#include "recall.h"
#include "service.h"
#include "storage.h"

#include "cli/cli.h"
#include "cli/fleet.h"
#include "cli/log.h"
#include "cli/run.h"
#include "cli/state.h"
#include "cli/text.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With the rest of the bus's queue, and its own, less than two seconds. */
enum { GOODBYE_MS = 900 };

struct daemon {
    struct arguments arguments;
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
    struct service service;
    struct lobby lobby;
    bool leaves; /* in order: there will be no objects to be missed */
    bool over;   /* the bus is lost, or nobody needs us any more */
    int code;    /* the exit code then */
};

static bool serves_system(const struct daemon *daemon)
{
    return !daemon->arguments.address || strcmp(daemon->arguments.address, SYSTEM_BUS) == 0;
}

/* For people. */
static const char *bus_name(const struct daemon *daemon)
{
    return serves_system(daemon) ? "the system bus" : daemon->arguments.address;
}

/* Of somebody who asked for more than complaints. */
static void introduce(const struct daemon *daemon)
{
    const struct config *config = &daemon->fleet.proxies.config;
    size_t n = daemon->fleet.proxies.n_targets;
    log_note("version " BLEPROXY_VERSION " serves %s with %zu %s, configuration %s", bus_name(daemon), n,
             n == 1 ? "proxy" : "proxies", config->n_files > 0 ? config->files[0] : "none");
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
    if (daemon->arguments.guest_fd < 0)
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
    count_proxies(daemon);
    if (access_apply(&daemon->access, &daemon->fleet.proxies.config) < 0)
        log_warn(NULL, "no memory for the new lists of users and devices: the old ones stay in force");
    adapter_review_devices(&daemon->adapter);
    access_review(&daemon->access, &daemon->adapter);
    log_note("configuration read anew: %zu %s", n_members, n_members == 1 ? "proxy" : "proxies");
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

static const char *name_device(void *user, uint64_t device)
{
    const struct daemon *daemon = user;
    return device_names_of(&daemon->fleet.proxies.names, device);
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
static void on_left(void *user, const char *name)
{
    struct daemon *daemon = user;
    access_forget_client(&daemon->access, name);
    agents_forget(&daemon->agents, name);
    adapter_forget_client(&daemon->adapter, name);
    audience_remove(&daemon->audience, name); /* last, as the name may be its own */
}

static int on_name_lost(sd_bus_message *message, void *user, sd_bus_error *error)
{
    const char *name, *before, *now;
    (void)error;
    if (sd_bus_message_read(message, "sss", &name, &before, &now) >= 0 && name[0] == ':' && !*now)
        on_left(user, name);
    return 0;
}

/* After each time the loop has waited. */
static void on_turn(void *user)
{
    struct daemon *daemon = user;
    watches_dispatch(&daemon->watches);
    bus_process(&daemon->bus);
    if (daemon->bus.has_caught_up)
        audience_take_census(&daemon->audience);
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
    if (daemon->arguments.bus_directory) {
        bool shows_log = daemon->arguments.options.verbosity > 0 && daemon->arguments.guest_fd < 0;
        int code = private_bus_open(&daemon->private_bus, daemon->arguments.bus_directory, shows_log);
        if (daemon->arguments.guest_fd >= 0)
            daemon->private_bus.is_ours = true; /* made for this one, by who may have left before it */
        if (code != CLI_DONE)
            return code;
        daemon->arguments.address = daemon->private_bus.address;
    }
    if (r >= 0)
        r = bus_open(&daemon->bus, &daemon->watches, daemon->arguments.address);
    if (r < 0) {
        if (daemon->arguments.bus_directory && private_bus_explain())
            return CLI_FAILED;
        log_say("cannot connect to %s: %s%s", bus_name(daemon), strerror(-r),
                serves_system(daemon) ? "; --private starts a bus of its own, and so does 'bleproxy run'"
                                      : "");
        return CLI_UNREACHABLE;
    }
    r = sd_bus_match_signal(daemon->bus.sd, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                            "org.freedesktop.DBus", "NameOwnerChanged", on_name_lost, daemon);
    if (r >= 0)
        r = sd_bus_add_filter(daemon->bus.sd, NULL, on_message, daemon);
    if (r >= 0)
        r = tree_init(&daemon->tree, daemon->bus.sd);
    if (r < 0 && daemon->arguments.bus_directory && private_bus_explain())
        return CLI_FAILED;
    if (r < 0) {
        log_say("%s does not do what it is asked: %s", bus_name(daemon), strerror(-r));
        return CLI_FAILED;
    }
    audience_init(&daemon->audience, daemon->bus.sd, daemon->fleet.loop, on_back, on_left, daemon);
    daemon->tree.audience = &daemon->audience;
    return CLI_DONE;
}

static int make_objects(struct daemon *daemon)
{
    struct object *org = object_new(daemon->tree.root, "org");
    struct object *bluez = org ? object_new(org, "bluez") : NULL;
    int r = bluez ? agents_init(&daemon->agents, bluez) : -ENOMEM;
    if (r >= 0)
        r = profile_init(bluez);
    if (r < 0)
        return r;
    const struct adapter_config config = {.parent = bluez,
                                          .loop = daemon->fleet.loop,
                                          .hub = daemon->fleet.hub,
                                          .watches = &daemon->watches,
                                          .temporary_s = daemon->arguments.temporary_s,
                                          .is_congested = is_congested,
                                          .is_allowed = is_allowed,
                                          .name_device = name_device,
                                          .on_changed = on_changed,
                                          .on_ended = on_ended,
                                          .user = daemon};
    r = adapter_init(&daemon->adapter, &config);
    feed_init(&daemon->feed, &daemon->fleet, &daemon->watches, &daemon->adapter);
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
    else if (pid > 0)
        log_say("process %d, probably bluetoothd, serves org.bluez on %s already: stop it, %s", (int)pid,
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
    if (r >= 0 && daemon->arguments.bus_directory)
        r = private_bus_seal(&daemon->private_bus, daemon->bus.sd);
    if (r == -EBUSY) {
        log_say("another program waits for the name org.bluez or org.bleproxy1 on %s, and could speak in our "
                "place: look what else runs as this user",
                bus_name(daemon));
        return CLI_FAILED;
    }
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
    const char *directory = daemon->arguments.bus_directory ? daemon->private_bus.directory : runtime;
    if (daemon->arguments.address || !address)
        address = daemon->arguments.address ? daemon->arguments.address : SYSTEM_BUS;
    lobby_init(&daemon->lobby, &daemon->watches, address, daemon);
    if (directory && *directory) {
        size_t length =
            strcspn(directory, daemon->arguments.bus_directory ? "" : ":"); /* of several the first */
        snprintf(path, sizeof(path), "%.*s/lobby", (int)length, directory);
        int r = lobby_open(&daemon->lobby, path, daemon->arguments.bus_directory ? 0600 : 0666);
        if (r < 0)
            log_warn(NULL, "cannot open %s (%s): 'bleproxy run' does not find this daemon", path,
                     strerror(-r));
    }
    if (daemon->arguments.guest_fd < 0)
        return CLI_DONE;
    daemon->lobby.on_empty = on_empty;
    daemon->lobby.on_host_left = on_host_left;
    return lobby_admit(&daemon->lobby, daemon->arguments.guest_fd, true) < 0 ? CLI_INTERNAL : CLI_DONE;
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
    int r = arguments_parse(&daemon->arguments, argc, argv);
    if (r != OPTIONS_GO_ON)
        return r;
    run_catch_signals();
    if (daemon->arguments.guest_fd >= 0)
        daemon->fleet.quiet = LOG_QUIET_DEVICE; /* it is about a program, not about proxies */
    find_directory(daemon);
    const struct bleproxy_hub_options hub = {.state_dir = daemon->directory[0] ? daemon->directory : NULL};
    r = fleet_open(&daemon->fleet, &hub);
    if (r == CLI_DONE)
        r = open_bus(daemon);
    if (r == CLI_DONE)
        r = appear(daemon);
    if (r == CLI_DONE && daemon->arguments.options.verbosity > 0)
        introduce(daemon);
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
    arguments_deinit(&daemon->arguments);
}

int main(int argc, char **argv)
{
    char name[] = "bleproxyd";
    struct daemon daemon = {.watches.epoll_fd = -1, .private_bus.lock_fd = -1};
    daemon.fleet = (struct fleet){.command = name,
                                  .options = &daemon.arguments.options,
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
