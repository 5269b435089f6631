/* SPDX-License-Identifier: MIT */
/* What a daemon says of its proxies, and the members that they are here. */
#include "remote_private.h"

#include "cli.h"
#include "difference.h"
#include "log.h"
#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
enum { ANSWER_MS = 5000, PROXIES_MAX = 1024 };

/* ---- Rows ---- */

static int read_holders(sd_bus_message *message, struct remote_proxy *proxy)
{
    const char *text;
    int r = sd_bus_message_enter_container(message, 'v', "as");
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(message, "s", &text)) > 0)
        if (proxy->n_holders < REMOTE_HOLDERS_MAX &&
            bleproxy_address_parse(text, &proxy->holders[proxy->n_holders]) == 0)
            proxy->n_holders++;
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_entry(sd_bus_message *message, void *row)
{
    struct remote_proxy *proxy = row;
    const struct {
        const char *key, *type;
        void *value;
    } known[] = {{"name", "s", &proxy->name},
                 {"address", "s", &proxy->address},
                 {"source", "s", &proxy->source},
                 {"state", "s", &proxy->state},
                 {"firmware", "s", &proxy->firmware},
                 {"error", "s", &proxy->error},
                 {"error_code", "i", &proxy->error_code},
                 {"port", "u", &proxy->port},
                 {"down_s", "u", &proxy->down_s},
                 {"slots_free", "u", &proxy->slots_free},
                 {"slots_limit", "u", &proxy->slots_limit},
                 {"connectable", "b", &proxy->connectable},
                 {"encrypted", "b", &proxy->encrypted}};
    const char *key;
    int r = sd_bus_message_read(message, "s", &key);
    if (r < 0)
        return r;
    if (strcmp(key, "held_by") == 0)
        return read_holders(message, proxy);
    proxy->is_known_connectable |= strcmp(key, "connectable") == 0;
    proxy->has_slots |= strcmp(key, "slots_limit") == 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(key, known[i].key) == 0)
            return sd_bus_message_read(message, "v", known[i].type, known[i].value);
    return sd_bus_message_skip(message, "v");
}

int remote_next_row(sd_bus_message *message, int (*read)(sd_bus_message *message, void *row), void *row)
{
    int r = sd_bus_message_enter_container(message, 'a', "{sv}");
    if (r <= 0)
        return r;
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        r = read(message, row);
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
    }
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    return r < 0 ? r : 1;
}

bool remote_open_proxies(sd_bus_message *reply)
{
    return !sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_rewind(reply, 1) >= 0 &&
           sd_bus_message_enter_container(reply, 'a', "a{sv}") >= 0;
}

bool remote_next_proxy(sd_bus_message *reply, struct remote_proxy *proxy)
{
    *proxy = (struct remote_proxy){
        .name = "", .address = "", .source = "", .state = "", .firmware = "", .error = ""};
    return remote_next_row(reply, read_entry, proxy) > 0;
}

bool remote_is_meant(const char *text, const struct remote_proxy *proxy)
{
    return strcmp(text, proxy->name) == 0 ||
           (proxy->port <= UINT16_MAX && proxies_is_at(text, proxy->address, (uint16_t)proxy->port));
}

bool remote_is_named(const struct options *options, const struct remote_proxy *proxy)
{
    for (size_t i = 0; i < options->n_proxies; i++)
        if (remote_is_meant(options->proxies[i], proxy))
            return true;
    return options->n_proxies == 0;
}

int remote_ask(struct remote *remote, sd_bus_message_handler_t on_reply, void *user)
{
    sd_bus_message *call = NULL;
    int r = remote_new_call(remote, &call, REMOTE_PATH, REMOTE_INTERFACE, "ListProxies");
    return r < 0 ? r : remote_send(remote, call, ANSWER_MS, on_reply, user, NULL);
}

/* ---- Targets ---- */

static char *copy_sanitised(const char *text)
{
    char clean[256];
    bleproxy_sanitise(clean, sizeof(clean), text, strlen(text));
    return strdup(clean);
}

static bool add_target(struct proxies *proxies, const struct remote_proxy *proxy)
{
    struct target *targets = realloc(proxies->targets, (proxies->n_targets + 1) * sizeof(*targets));
    if (!targets)
        return false;
    proxies->targets = targets;
    struct target *target = &targets[proxies->n_targets++];
    *target = (struct target){
        .configured = true, .host = copy_sanitised(proxy->address), .name = copy_sanitised(proxy->name)};
    target->config.address = target->host;
    target->config.name = target->name;
    target->config.port = proxy->port <= UINT16_MAX ? (uint16_t)proxy->port : 0;
    return target->host && target->name;
}

/* Those that are meant, in its order. */
static bool read_targets(const struct remote *remote, sd_bus_message *reply, struct proxies *proxies)
{
    struct remote_proxy proxy;
    bool done = remote_open_proxies(reply);
    while (done && proxies->n_targets < PROXIES_MAX && remote_next_proxy(reply, &proxy))
        if (remote_is_named(remote->options, &proxy))
            done = add_target(proxies, &proxy);
    return done;
}

/* Its configuration is another than the user's, which goes before. False: no memory. */
static bool take_names(struct remote *remote, struct device_names *names)
{
    char clean[256];
    const char *device, *text;
    uint64_t address;
    struct device_names its = {0};
    sd_bus_message *reply = NULL;
    int r = 0;
    if (remote_call(remote, &reply, "ListNames", "") >= 0 &&
        sd_bus_message_enter_container(reply, 'a', "(ss)") >= 0)
        while (r == 0 && its.n < CONFIG_DEVICES_MAX && sd_bus_message_read(reply, "(ss)", &device, &text) > 0)
            if (bleproxy_address_parse(device, &address) == 0 && address != 0 &&
                bleproxy_sanitise(clean, sizeof(clean), text, strlen(text)) > 0)
                r = device_names_append(&its, address, clean);
    sd_bus_message_unref(reply);
    if (r == 0)
        device_names_sort(&its);
    if (r == 0)
        return device_names_merge(names, &its) == 0;
    device_names_deinit(&its);
    return false;
}

int remote_take_proxies(struct remote *remote, struct proxies *proxies)
{
    sd_bus_message *reply = NULL;
    bool done = remote_call(remote, &reply, "ListProxies", "") >= 0 && read_targets(remote, reply, proxies) &&
                take_names(remote, &proxies->names);
    sd_bus_message_unref(reply);
    if (done)
        return CLI_DONE;
    log_say("bleproxyd does not answer");
    return CLI_UNREACHABLE;
}

/* ---- Members ---- */

static void free_targets(struct target *targets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(targets[i].host);
        free(targets[i].name);
    }
    free(targets);
}

static void say_who_is_gone(const struct remote *remote, const struct member *member)
{
    if (remote->options->n_proxies > 0)
        log_warn(NULL, "bleproxyd no longer has the proxy '%s', which was given with -p",
                 member->target->config.name);
}

/* Takes the targets. False: no memory, and all is as it was. */
static bool change_members(struct remote *remote, struct proxies *next, const size_t *from)
{
    struct fleet *fleet = remote->fleet;
    size_t n = next->n_targets;
    struct member *members = calloc(n + 1, sizeof(*members));
    bool *stays = calloc(fleet->n_members + 1, sizeof(*stays));
    if (!members || !stays) {
        free(members);
        free(stays);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (from[i] != DIFFERENCE_NEW)
            stays[from[i]] = true;
    for (size_t i = 0; i < fleet->n_members; i++) {
        if (stays[i])
            continue;
        say_who_is_gone(remote, &fleet->members[i]);
        remote_lose(&fleet->members[i]);
    }
    fleet->had_worked |= fleet_has_worked(fleet);
    for (size_t i = 0; i < n; i++) {
        members[i] =
            from[i] != DIFFERENCE_NEW ? fleet->members[from[i]] : (struct member){.fleet = fleet, .lock = -1};
        members[i].target = &next->targets[i];
        member_label(&members[i]);
    }
    free(fleet->members);
    free(stays);
    free_targets(fleet->proxies.targets, fleet->proxies.n_targets);
    fleet->proxies.targets = next->targets;
    fleet->proxies.n_targets = n;
    fleet->members = members;
    fleet->n_members = n;
    fleet->reloaded = true;
    if (fleet->on_reload)
        fleet->on_reload(fleet->user, from, n);
    return true;
}

static bool is_identity(const size_t *from, size_t n, size_t n_before)
{
    for (size_t i = 0; i < n; i++)
        if (from[i] != i)
            return false;
    return n == n_before;
}

/* Each one only once, also where two look the same. */
static void match(const struct fleet *fleet, const struct proxies *next, size_t *from)
{
    difference_match(fleet->proxies.targets, fleet->n_members, next->targets, next->n_targets, from);
    for (size_t i = 0; i < next->n_targets; i++)
        for (size_t j = 0; j < i && from[i] != DIFFERENCE_NEW; j++)
            if (from[j] == from[i])
                from[i] = DIFFERENCE_NEW;
}

/* Members are then in the order of the reply. */
static bool follow(struct remote *remote, sd_bus_message *reply)
{
    struct fleet *fleet = remote->fleet;
    struct proxies next = {0};
    size_t *from = NULL;
    bool done = read_targets(remote, reply, &next) && (from = calloc(next.n_targets + 1, sizeof(*from)));
    bool is_taken = false;
    if (done) {
        match(fleet, &next, from);
        if (!is_identity(from, next.n_targets, fleet->n_members))
            done = is_taken = change_members(remote, &next, from);
    }
    if (!is_taken)
        free_targets(next.targets, next.n_targets);
    free(from);
    return done;
}

static void take_source(struct member *member, const char *text)
{
    uint64_t source;
    if (bleproxy_address_parse(text, &source) < 0 || source == 0 || source == member->source)
        return;
    remote_lose(member); /* its scanner is another's */
    member->source = source;
}

/* The first time, as a command says it that has the proxies itself. */
static void take_error(struct member *member, const struct remote_proxy *proxy)
{
    bool is_first = member->error == 0 && !member->was_ready;
    if (member->is_ready || !proxy->error[0])
        return;
    bleproxy_sanitise(member->text, sizeof(member->text), proxy->error, strlen(proxy->error));
    memcpy(member->lost_text, member->text, sizeof(member->lost_text));
    member->error = proxy->error_code < 0 ? proxy->error_code : BLEPROXY_E_CLOSED;
    if (is_first && member->fleet->options->verbosity == 0)
        log_warn(member->label, "%s", member->text);
}

static void update_member(struct member *member, const struct remote_proxy *proxy)
{
    uint64_t now_ns = bleproxy_loop_now_ns(member->fleet->loop), down_ns = proxy->down_s * NS_PER_S;
    const struct bleproxy_slots slots = {.free = proxy->slots_free,
                                         .limit = proxy->slots_limit,
                                         .allocated = proxy->holders,
                                         .n_allocated = proxy->n_holders};
    take_source(member, proxy->source);
    bleproxy_sanitise(member->firmware, sizeof(member->firmware), proxy->firmware, strlen(proxy->firmware));
    bleproxy_sanitise(member->state, sizeof(member->state), proxy->state, strlen(proxy->state));
    member->encrypted = proxy->encrypted;
    take_error(member, proxy);
    if (proxy->down_s > 0)
        member->lost_ns = now_ns > down_ns ? now_ns - down_ns : 1;
    if (member->scanner && proxy->has_slots)
        bleproxy_scanner_report_slots(member->scanner, &slots);
}

static bool take_reply(struct remote *remote, sd_bus_message *reply)
{
    struct fleet *fleet = remote->fleet;
    struct remote_proxy proxy;
    if (!follow(remote, reply) || !remote_open_proxies(reply))
        return false;
    for (size_t i = 0; i < fleet->n_members && remote_next_proxy(reply, &proxy);)
        if (remote_is_named(remote->options, &proxy))
            update_member(&fleet->members[i++], &proxy);
    remote_settle(remote);
    if (fleet_is_hopeless(fleet) && fleet->on_hopeless)
        fleet->on_hopeless(fleet->user);
    return true;
}

bool remote_update(struct remote *remote)
{
    sd_bus_message *reply = NULL;
    bool done = remote_call(remote, &reply, "ListProxies", "") >= 0 && take_reply(remote, reply);
    sd_bus_message_unref(reply);
    return done;
}

static int on_reply(sd_bus_message *reply, void *user, sd_bus_error *error)
{
    struct remote *remote = user;
    (void)error;
    remote->asking = false;
    if (!remote->lines) /* it is over */
        return 0;
    bool answers = take_reply(remote, reply);
    if (!answers && !remote->silent)
        log_warn(NULL, "bleproxyd does not answer");
    remote->silent = !answers;
    if (remote->ask_again)
        remote_update_soon(remote);
    return 0;
}

void remote_update_soon(struct remote *remote)
{
    remote->ask_again = remote->asking;
    if (!remote->asking)
        remote->asking = remote_ask(remote, on_reply, remote) >= 0;
}
