/* SPDX-License-Identifier: MIT */
#include "remote_private.h"

#include "cli.h"
#include "log.h"
#include "place.h"
#include "run.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_US = 2000000, ASK_MS = 1000 };

/* ---- Calls ---- */

int remote_new_call(struct remote *remote, sd_bus_message **ret_call, const char *path, const char *interface,
                    const char *method)
{
    sd_bus_message *call = NULL;
    int r = sd_bus_message_new_method_call(remote->bus.sd, &call, REMOTE_NAME, path, interface, method);
    if (r >= 0)
        r = sd_bus_message_set_auto_start(call, 0); /* it is used if it runs, and not started */
    if (r >= 0)
        *ret_call = call;
    else
        sd_bus_message_unref(call);
    return r;
}

int remote_call(struct remote *remote, sd_bus_message **ret_reply, const char *method, const char *types, ...)
{
    sd_bus_message *call = NULL;
    va_list arguments;
    int r = remote_new_call(remote, &call, REMOTE_PATH, REMOTE_INTERFACE, method);
    va_start(arguments, types);
    if (r >= 0)
        r = sd_bus_message_appendv(call, types, arguments);
    va_end(arguments);
    if (r >= 0)
        r = sd_bus_call(remote->bus.sd, call, PATIENCE_US, NULL, ret_reply);
    sd_bus_message_unref(call);
    bus_prepare(&remote->bus); /* what came meanwhile waits in there */
    return r;
}

static int leave_to_bus(struct remote *remote, sd_bus_slot *slot, int r, void *user, sd_bus_destroy_t destroy)
{
    bus_prepare(&remote->bus);
    if (r >= 0 && destroy)
        sd_bus_slot_set_destroy_callback(slot, destroy);
    if (r >= 0)
        r = sd_bus_slot_set_floating(slot, 1);
    else if (destroy)
        destroy(user);
    sd_bus_slot_unref(slot);
    return r < 0 ? r : 0;
}

int remote_send(struct remote *remote, sd_bus_message *call, uint64_t timeout_ms,
                sd_bus_message_handler_t on_reply, void *user, sd_bus_destroy_t destroy)
{
    uint64_t timeout_us = timeout_ms > 0 ? timeout_ms * 1000 : UINT64_MAX;
    sd_bus_slot *slot = NULL;
    int r = sd_bus_call_async(remote->bus.sd, &slot, call, on_reply, user, timeout_us);
    sd_bus_message_unref(call);
    return leave_to_bus(remote, slot, r, user, destroy);
}

int remote_listen(struct remote *remote, const char *path, const char *interface, const char *signal,
                  sd_bus_message_handler_t on_signal, void *user, sd_bus_destroy_t destroy)
{
    sd_bus_slot *slot = NULL;
    int r =
        sd_bus_match_signal(remote->bus.sd, &slot, remote->owner, path, interface, signal, on_signal, user);
    return leave_to_bus(remote, slot, r, user, destroy);
}

/* ---- How they end ---- */

/* Errors of the bus, and BlueZ's where the daemon has nothing of the library's to tell. */
static int find_error(const char *name)
{
    static const struct {
        const char *name;
        int error;
    } known[] = {
        {"org.freedesktop.DBus.Error.NoReply", BLEPROXY_E_CLOSED},
        {"org.freedesktop.DBus.Error.ServiceUnknown", BLEPROXY_E_CLOSED},
        {"org.freedesktop.DBus.Error.NameHasNoOwner", BLEPROXY_E_CLOSED},
        {"org.freedesktop.DBus.Error.Disconnected", BLEPROXY_E_CLOSED},
        {"org.freedesktop.DBus.Error.Timeout", BLEPROXY_E_TIMEOUT},
        {"org.freedesktop.DBus.Error.NoMemory", BLEPROXY_E_NOMEM},
        {"org.freedesktop.DBus.Error.UnknownObject", BLEPROXY_E_DISCONNECTED},
        {"org.bluez.Error.NotReady", BLEPROXY_E_NO_PROXY},
        {"org.bluez.Error.InProgress", BLEPROXY_E_BUSY},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].error;
    return BLEPROXY_E_REFUSED;
}

/* What the daemon has in full; false: it is not in that form. */
static bool read_all(sd_bus_message *reply, struct bleproxy_result *result, const char **ret_text)
{
    const char *source;
    int32_t error, code;
    uint32_t missing;
    if (sd_bus_message_read(reply, "siius", ret_text, &error, &code, &missing, &source) < 0 || error >= 0)
        return false;
    result->error = error;
    result->code = code;
    result->missing = missing;
    bleproxy_address_parse(source, &result->source);
    return true;
}

bool remote_is_done(sd_bus_message *reply, const char *label, struct remote_result *ret_result)
{
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    const char *text = "";
    *ret_result = (struct remote_result){.result.text = ret_result->text};
    if (!error)
        return true;
    if (strcmp(error->name, "org.bleproxy1.Error.Failed") != 0 ||
        !read_all(reply, &ret_result->result, &text)) {
        char why[256];
        ret_result->result.error = find_error(error->name);
        text = ret_result->result.error == BLEPROXY_E_CLOSED ? "bleproxyd does not answer"
               : error->message                              ? error->message
                                                             : error->name;
        bleproxy_sanitise(why, sizeof(why), text, strlen(text));
        snprintf(ret_result->text, sizeof(ret_result->text), "%s: %s", label, why);
    } else if (*text) {
        bleproxy_sanitise(ret_result->text, sizeof(ret_result->text), text, strlen(text));
    } else {
        snprintf(ret_result->text, sizeof(ret_result->text), "%s: %s", label,
                 bleproxy_strerror(ret_result->result.error));
    }
    return false;
}

/* ---- While it is used ---- */

struct member *remote_find_member(struct remote *remote, uint64_t source)
{
    return source != 0 ? fleet_find(remote->fleet, source) : NULL;
}

static void detach(struct remote *remote)
{
    run_watch(-1, NULL, NULL);
    bleproxy_timer_free(remote->timer);
    remote->timer = NULL;
}

void remote_end(struct remote *remote)
{
    struct fleet *fleet = remote->fleet;
    bool is_known = !fleet || !remote->lines;
    remote_close_lines(remote);
    detach(remote);
    if (is_known)
        return;
    log_warn(NULL, "bleproxyd has ended");
    for (size_t i = 0; i < fleet->n_members; i++) {
        remote_break(&fleet->members[i]);
        snprintf(fleet->members[i].text, sizeof(fleet->members[i].text), "bleproxyd has ended");
        fleet->members[i].error = BLEPROXY_E_CLOSED;
    }
    if (fleet->on_hopeless)
        fleet->on_hopeless(fleet->user);
}

static void on_turn(void *user)
{
    struct remote *remote = user;
    watches_dispatch(&remote->watches);
    bus_process(&remote->bus);
    bus_prepare(&remote->bus);
    if (remote->bus.error < 0)
        remote_end(remote);
}

void remote_attach(struct remote *remote)
{
    run_watch(remote->watches.epoll_fd, on_turn, remote);
    bus_prepare(&remote->bus);
}

static void on_timer(void *user)
{
    remote_update_soon(user);
}

static int start(struct remote *remote, struct fleet *fleet, bool active)
{
    remote->fleet = fleet;
    int r = remote_open_lines(remote, active);
    if (r >= 0 && !remote_update(remote))
        r = -ENOTCONN;
    if (r >= 0 && bleproxy_timer_new(fleet->loop, ASK_MS, ASK_MS, on_timer, remote, &remote->timer) < 0)
        r = -ENOMEM;
    if (r < 0) {
        log_say("bleproxyd does not tell what its proxies report: %s", strerror(-r));
        return CLI_UNREACHABLE;
    }
    remote_attach(remote);
    return CLI_DONE;
}

static bool is_over(const struct remote *remote)
{
    return remote->fleet && !remote->lines;
}

static void stop(struct remote *remote)
{
    remote_close_lines(remote);
    detach(remote);
}

static void release(struct remote *remote)
{
    stop(remote);
    bus_close(&remote->bus);
    watches_deinit(&remote->watches);
    free(remote->owner);
    free(remote);
}

/* ---- Whether to use it ---- */

/* A daemon that does not answer has the proxies all the same. */
static bool ask_for_proxies(struct remote *remote, sd_bus_message **ret_reply)
{
    if (remote_call(remote, ret_reply, "ListProxies", "") >= 0 && remote_open_proxies(*ret_reply))
        return true;
    log_warn(NULL, "bleproxyd runs, but does not answer: the proxies are used without it");
    return false;
}

static bool has_all(struct remote *remote)
{
    sd_bus_message *reply = NULL;
    bool *found = calloc(remote->options->n_proxies + 1, sizeof(*found));
    struct remote_proxy proxy;
    bool has = found && ask_for_proxies(remote, &reply);
    while (has && remote_next_proxy(reply, &proxy))
        for (size_t i = 0; i < remote->options->n_proxies; i++)
            found[i] |= remote_is_meant(remote->options->proxies[i], &proxy);
    for (size_t i = 0; i < remote->options->n_proxies; i++)
        has = has && found[i];
    sd_bus_message_unref(reply);
    free(found);
    return has;
}

static bool find_owner(struct remote *remote)
{
    sd_bus_message *reply = NULL;
    const char *owner;
    int r = sd_bus_call_method(remote->bus.sd, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "GetNameOwner", NULL, &reply, "s", REMOTE_NAME);
    if (r >= 0)
        r = sd_bus_message_read(reply, "s", &owner);
    if (r >= 0)
        remote->owner = strdup(owner);
    sd_bus_message_unref(reply);
    return remote->owner != NULL;
}

/* address NULL: the system bus. */
static bool find_at(const struct options *options, const char *address, struct remote **ret_remote)
{
    struct remote *remote = calloc(1, sizeof(*remote));
    if (!remote)
        return false;
    remote->options = options;
    remote->watches.epoll_fd = -1;
    if (watches_init(&remote->watches) >= 0 && bus_open(&remote->bus, &remote->watches, address) >= 0 &&
        bus_enter(&remote->bus, PATIENCE_US) && find_owner(remote) && has_all(remote)) {
        *ret_remote = remote;
        return true;
    }
    release(remote);
    return false;
}

static bool find(const struct options *options, struct remote **ret_remote)
{
    char address[PLACE_ADDRESS_SIZE];
    const char *given = getenv("DBUS_SYSTEM_BUS_ADDRESS");
    if (proxies_config_is_given(options))
        return false;
    if (!(given && *given) && place_find_bus(address) && find_at(options, address, ret_remote))
        return true;
    return find_at(options, NULL, ret_remote);
}

static const struct remote_ops ops = {
    .find = find,
    .take_proxies = remote_take_proxies,
    .start = start,
    .is_over = is_over,
    .stop = stop,
    .free = release,
    .paths = remote_paths,
    .explain = remote_explain,
};
const struct remote_ops *const remote_ops = &ops;
