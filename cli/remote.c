/* SPDX-License-Identifier: MIT */
#include "remote_private.h"

#include "cli.h"
#include "log.h"
#include "replay/trace_reader.h"
#include "run.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME      "org.bleproxy1"
#define PATH      "/org/bleproxy1"
#define INTERFACE "org.bleproxy1.Manager"
#define NS_PER_S  UINT64_C(1000000000)
enum { PATIENCE_US = 2000000, ASK_MS = 1000, BUFFER_SIZE = 65536, READS_MAX = 16, HOLDERS_MAX = 64 };

struct remote {
    sd_bus *bus;
    const struct options *options;
    struct fleet *fleet; /* from remote_start() on */
    int fd;              /* of the lines; -1: none */
    struct bleproxy_timer *timer;
    struct trace_reader reader;
    size_t size;
    char buffer[BUFFER_SIZE]; /* the beginning of a line */
    bool warned;              /* that lines were lost */
};

/* ---- What the daemon says of its proxies ---- */

struct row {
    const char *name, *address, *source, *state, *firmware, *error;
    uint32_t port, down_s, slots_free, slots_limit;
    int encrypted;
    uint64_t holders[HOLDERS_MAX];
    size_t n_holders;
};

static int read_holders(sd_bus_message *message, struct row *row)
{
    const char *text;
    int r = sd_bus_message_enter_container(message, 'v', "as");
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(message, "s", &text)) > 0)
        if (row->n_holders < HOLDERS_MAX && bleproxy_address_parse(text, &row->holders[row->n_holders]) == 0)
            row->n_holders++;
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_member(sd_bus_message *message, struct row *row)
{
    const struct {
        const char *key, *type;
        void *value;
    } known[] = {{"name", "s", &row->name},
                 {"address", "s", &row->address},
                 {"source", "s", &row->source},
                 {"state", "s", &row->state},
                 {"firmware", "s", &row->firmware},
                 {"error", "s", &row->error},
                 {"port", "u", &row->port},
                 {"down_s", "u", &row->down_s},
                 {"slots_free", "u", &row->slots_free},
                 {"slots_limit", "u", &row->slots_limit},
                 {"encrypted", "b", &row->encrypted}};
    const char *key;
    int r = sd_bus_message_read(message, "s", &key);
    if (r < 0)
        return r;
    if (strcmp(key, "held_by") == 0)
        return read_holders(message, row);
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

static int read_proxy(sd_bus_message *message, void *row)
{
    return read_member(message, row);
}

int remote_call(struct remote *remote, sd_bus_message **ret_reply, const char *method, const char *types, ...)
{
    sd_bus_message *message = NULL;
    va_list arguments;
    int r = sd_bus_message_new_method_call(remote->bus, &message, NAME, PATH, INTERFACE, method);
    va_start(arguments, types);
    if (r >= 0)
        r = sd_bus_message_appendv(message, types, arguments);
    va_end(arguments);
    if (r >= 0)
        r = sd_bus_call(remote->bus, message, PATIENCE_US, NULL, ret_reply);
    sd_bus_message_unref(message);
    return r;
}

static int list_proxies(struct remote *remote, sd_bus_message **ret_reply)
{
    int r = remote_call(remote, ret_reply, "ListProxies", "");
    if (r >= 0)
        r = sd_bus_message_enter_container(*ret_reply, 'a', "a{sv}");
    return r;
}

static bool next_proxy(sd_bus_message *reply, struct row *row)
{
    *row = (struct row){.name = "", .address = "", .source = "", .state = "", .firmware = "", .error = ""};
    return remote_next_row(reply, read_proxy, row) > 0;
}

/* ---- Whether to use it ---- */

static bool is_named(const struct options *options, const char *name)
{
    for (size_t i = 0; i < options->n_proxies; i++)
        if (strcmp(options->proxies[i], name) == 0)
            return true;
    return options->n_proxies == 0;
}

static bool has_all(struct remote *remote)
{
    sd_bus_message *reply = NULL;
    size_t n = 0;
    struct row row;
    bool answers = list_proxies(remote, &reply) >= 0;
    while (answers && next_proxy(reply, &row))
        n += is_named(remote->options, row.name);
    sd_bus_message_unref(reply);
    return answers && n >= remote->options->n_proxies;
}

static bool has_owner(sd_bus *bus)
{
    sd_bus_message *reply = NULL;
    int owned = 0;
    int r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                               "NameHasOwner", NULL, &reply, "s", NAME);
    if (r >= 0)
        r = sd_bus_message_read(reply, "b", &owned);
    sd_bus_message_unref(reply);
    return r >= 0 && owned;
}

bool remote_find(const struct options *options, struct remote **ret_remote)
{
    struct remote *remote = calloc(1, sizeof(*remote));
    if (!remote)
        return false;
    remote->options = options;
    remote->fd = -1;
    if (sd_bus_open_system(&remote->bus) >= 0 && has_owner(remote->bus) && has_all(remote)) {
        *ret_remote = remote;
        return true;
    }
    remote_free(remote);
    return false;
}

/* ---- Members ---- */

static char *copy_sanitised(const char *text)
{
    char clean[256];
    bleproxy_sanitise(clean, sizeof(clean), text, strlen(text));
    return strdup(clean);
}

static bool add_target(struct proxies *proxies, const struct row *row)
{
    struct target *targets = realloc(proxies->targets, (proxies->n_targets + 1) * sizeof(*targets));
    if (!targets)
        return false;
    proxies->targets = targets;
    struct target *target = &targets[proxies->n_targets];
    *target = (struct target){
        .configured = true, .host = copy_sanitised(row->address), .name = copy_sanitised(row->name)};
    target->config.address = target->host;
    target->config.name = target->name;
    target->config.port = (uint16_t)row->port;
    proxies->n_targets++;
    return target->host && target->name;
}

int remote_take_proxies(struct remote *remote, struct fleet *fleet)
{
    sd_bus_message *reply = NULL;
    struct row row;
    bool done = list_proxies(remote, &reply) >= 0;
    while (done && next_proxy(reply, &row))
        if (is_named(remote->options, row.name))
            done = add_target(&fleet->proxies, &row);
    sd_bus_message_unref(reply);
    if (done)
        return CLI_DONE;
    log_say("bleproxyd does not answer");
    return CLI_UNREACHABLE;
}

static struct member *find_member(struct remote *remote, const char *name)
{
    for (size_t i = 0; i < remote->fleet->n_members; i++)
        if (strcmp(remote->fleet->members[i].target->config.name, name) == 0)
            return &remote->fleet->members[i];
    return NULL;
}

struct member *remote_find_member(struct remote *remote, uint64_t source)
{
    return fleet_find(remote->fleet, source);
}

static void update_member(struct member *member, const struct row *row)
{
    uint64_t now_ns = bleproxy_loop_now_ns(member->fleet->loop);
    const struct bleproxy_slots slots = {.free = row->slots_free,
                                         .limit = row->slots_limit,
                                         .allocated = row->holders,
                                         .n_allocated = row->n_holders};
    bleproxy_address_parse(row->source, &member->source);
    bleproxy_sanitise(member->firmware, sizeof(member->firmware), row->firmware, strlen(row->firmware));
    bleproxy_sanitise(member->state, sizeof(member->state), row->state, strlen(row->state));
    bleproxy_sanitise(member->text, sizeof(member->text), row->error, strlen(row->error));
    snprintf(member->lost_text, sizeof(member->lost_text), "%s", member->text);
    member->encrypted = row->encrypted;
    member->error = member->text[0] ? BLEPROXY_E_CLOSED : 0;
    member->lost_ns = row->down_s > 0 ? now_ns - row->down_s * NS_PER_S : member->lost_ns;
    if (member->scanner && row->slots_limit > 0)
        bleproxy_scanner_report_slots(member->scanner, &slots);
}

static bool update_members(struct remote *remote)
{
    sd_bus_message *reply = NULL;
    struct row row;
    bool answers = list_proxies(remote, &reply) >= 0;
    while (answers && next_proxy(reply, &row)) {
        struct member *member = find_member(remote, row.name);
        if (member)
            update_member(member, &row);
    }
    sd_bus_message_unref(reply);
    return answers;
}

static void on_timer(void *user)
{
    update_members(user);
}

/* ---- Lines ---- */

static void lose(struct member *member)
{
    if (!member->is_ready)
        return;
    member->is_ready = false;
    member->lost_ns = bleproxy_loop_now_ns(member->fleet->loop);
    if (member->fleet->on_down)
        member->fleet->on_down(member->fleet->user, member);
    bleproxy_scanner_free(member->scanner);
    member->scanner = NULL;
}

static void welcome(struct remote *remote, const struct trace_event *event)
{
    struct fleet *fleet = remote->fleet;
    struct member *member = fleet_find(fleet, event->source);
    if (!member && update_members(remote)) /* it is the first time that it is connected */
        member = fleet_find(fleet, event->source);
    if (!member || member->scanner)
        return;
    const struct bleproxy_scanner_config config = {.source = event->source,
                                                   .name = member->label,
                                                   .firmware = member->firmware,
                                                   .connectable = event->scanner.connectable,
                                                   .mode = event->scanner.mode};
    if (bleproxy_scanner_new(fleet->loop, &config, &member->scanner) < 0)
        return;
    bleproxy_scanner_setup(member->scanner);
    bleproxy_hub_register_scanner(fleet->hub, member->scanner);
    member->is_ready = member->was_ready = true;
    member->error = 0;
    member->heard_ns = bleproxy_loop_now_ns(fleet->loop);
    update_members(remote);
    if (fleet->on_ready)
        fleet->on_ready(fleet->user, member);
}

static void take_event(struct remote *remote, const struct trace_event *event)
{
    struct member *member = fleet_find(remote->fleet, event->source);
    switch (event->kind) {
    case TRACE_REGISTER:
        welcome(remote, event);
        break;
    case TRACE_UNREGISTER:
        if (member)
            lose(member);
        break;
    case TRACE_ADVERT:
        if (member && member->scanner)
            bleproxy_scanner_report(member->scanner, event->advert.address, event->advert.address_type,
                                    event->advert.rssi != 0 ? event->advert.rssi : BLEPROXY_RSSI_NONE,
                                    event->advert.raw, event->advert.raw_size);
        break;
    case TRACE_LOST:
        if (!remote->warned)
            log_warn(NULL, "bleproxyd left out reports, as this command does not take them in time");
        remote->warned = true;
        break;
    case TRACE_PAUSED:
    case TRACE_FALLBACK_INTERVAL:
    case TRACE_TICK:
        break;
    }
}

static void take_lines(struct remote *remote)
{
    struct trace_event event;
    char *line = remote->buffer, *end;
    while ((end = memchr(line, '\n', remote->size - (size_t)(line - remote->buffer)))) {
        if (trace_reader_next(&remote->reader, line, (size_t)(end - line), &event) == 0)
            take_event(remote, &event);
        line = end + 1;
    }
    remote->size -= (size_t)(line - remote->buffer);
    memmove(remote->buffer, line, remote->size);
    if (remote->size == sizeof(remote->buffer)) /* no line is that long */
        remote->size = 0;
}

static void end(struct remote *remote)
{
    struct fleet *fleet = remote->fleet;
    log_warn(NULL, "bleproxyd has ended");
    remote_stop(remote);
    for (size_t i = 0; i < fleet->n_members; i++) {
        lose(&fleet->members[i]);
        snprintf(fleet->members[i].text, sizeof(fleet->members[i].text), "bleproxyd has ended");
    }
    if (fleet->on_hopeless)
        fleet->on_hopeless(fleet->user);
}

static void on_readable(void *user)
{
    struct remote *remote = user;
    for (int i = 0; i < READS_MAX && remote->fd >= 0; i++) {
        ssize_t n = read(remote->fd, remote->buffer + remote->size, sizeof(remote->buffer) - remote->size);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            end(remote);
            return;
        }
        remote->size += (size_t)n;
        take_lines(remote);
    }
}

static int open_lines(struct remote *remote, bool active)
{
    sd_bus_message *reply = NULL;
    int fd = -1;
    int r = active ? remote_call(remote, &reply, "Open", "a{sv}", 1, "mode", "s", "active")
                   : remote_call(remote, &reply, "Open", "a{sv}", 0);
    if (r >= 0)
        r = sd_bus_message_read(reply, "h", &fd);
    if (r >= 0)
        remote->fd = dup(fd);
    sd_bus_message_unref(reply);
    return r < 0 ? r : remote->fd < 0 ? -errno : 0;
}

int remote_start(struct remote *remote, struct fleet *fleet, bool active)
{
    remote->fleet = fleet;
    int r = open_lines(remote, active);
    if (r >= 0 && !update_members(remote))
        r = -ENOTCONN;
    if (r >= 0 && bleproxy_timer_new(fleet->loop, ASK_MS, ASK_MS, on_timer, remote, &remote->timer) < 0)
        r = -ENOMEM;
    if (r < 0) {
        log_say("bleproxyd does not tell what its proxies report: %s", strerror(-r));
        return CLI_UNREACHABLE;
    }
    run_watch(remote->fd, on_readable, remote);
    return CLI_DONE;
}

void remote_stop(struct remote *remote)
{
    run_watch(-1, NULL, NULL);
    bleproxy_timer_free(remote->timer);
    remote->timer = NULL;
    if (remote->fd >= 0)
        close(remote->fd);
    remote->fd = -1;
}

void remote_free(struct remote *remote)
{
    if (!remote)
        return;
    sd_bus_flush_close_unref(remote->bus);
    free(remote);
}
