/* SPDX-License-Identifier: MIT */
#include "link.h"

#include "adapter.h"
#include "errors.h"
#include "gatt.h"
#include "guest.h"
#include "pairing.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct tree *tree_of(const struct link *link)
{
    return link->device->object->tree;
}

/* ---- Who uses it ---- */

int link_add_user(struct link *link, const char *sender)
{
    for (size_t i = 0; i < link->n_users; i++)
        if (strcmp(link->users[i], sender) == 0)
            return 0;
    if (link->n_users == LINK_USERS_MAX)
        return -ENOBUFS;
    char **users = realloc(link->users, (link->n_users + 1) * sizeof(*link->users));
    if (!users)
        return -ENOMEM;
    link->users = users;
    users[link->n_users] = strdup(sender);
    if (!users[link->n_users])
        return -ENOMEM;
    link->n_users++;
    return 0;
}

static void forget_users(struct link *link)
{
    while (link->n_users > 0)
        free(link->users[--link->n_users]);
}

void link_drop_unused(struct link *link)
{
    if (link->n_users == 0 && !link->device->trusted)
        link_drop(link);
}

static void forget_user(struct link *link, const char *sender)
{
    for (size_t i = 0; i < link->n_users; i++) {
        if (strcmp(link->users[i], sender) != 0)
            continue;
        free(link->users[i]);
        link->users[i] = link->users[--link->n_users];
        link_drop_unused(link);
        return;
    }
}

void link_forget_writer(struct link *link, const char *sender)
{
    if (link->gatt)
        gatt_forget_writer(link->gatt, sender);
}

void link_forget_user(struct link *link, const char *sender)
{
    if (link->gatt)
        gatt_forget_listener(link->gatt, sender);
    pairing_forget_client(link, sender);
    forget_user(link, sender);
}

void link_forget_client(struct link *link, const char *sender)
{
    link_forget_writer(link, sender);
    link_forget_user(link, sender);
}

/* ---- The end of it ---- */

static void answer_waiting(struct link *link)
{
    for (size_t i = 0; i < link->n_waiting; i++) {
        call_reply(tree_of(link), link->waiting[i], "");
        sd_bus_message_unref(link->waiting[i]);
    }
    free(link->waiting);
    link->waiting = NULL;
    link->n_waiting = 0;
}

/* 0, or a negative errno; -EBUSY: too many wait already. */
static int wait_for_end(struct link *link, sd_bus_message *call)
{
    if (link->n_waiting == LINK_WAITING_MAX)
        return -EBUSY;
    sd_bus_message **waiting = realloc(link->waiting, (link->n_waiting + 1) * sizeof(*link->waiting));
    if (!waiting)
        return -ENOMEM;
    link->waiting = waiting;
    waiting[link->n_waiting++] = sd_bus_message_ref(call);
    return 0;
}

static void fail_connecting(struct link *link, const struct bleproxy_result *result)
{
    sd_bus_message *call = link->connecting;
    char text[ERROR_TEXT_SIZE];
    link->connecting = NULL;
    if (!call)
        return;
    if (error_wants_all(call) || guest_is(call))
        error_answer_all(tree_of(link), call, result);
    else if (link->pairs)
        pairing_fail(tree_of(link), call, result);
    else
        call_fail(tree_of(link), call, ERROR_FAILED, error_connecting(result, text));
    sd_bus_message_unref(call);
}

static void cancel_connecting(struct link *link)
{
    fail_connecting(link, &(struct bleproxy_result){
                              .error = BLEPROXY_E_CANCELLED, .cause = BLEPROXY_CAUSE_CALLER, .text = ""});
}

/* Everything that there was while it was connected. Who asked for the end is answered before it is told, as by BlueZ: bleak
 * closes its connection to the bus when it is told, and takes a call that waits then for failed. */
static void withdraw(struct link *link, const char *reason, const char *text)
{
    struct device *device = link->device;
    bool was_connected = device->connected;
    device_refresh_paired(device);
    device_set_services_resolved(device, false);
    battery_end(&link->battery);
    gatt_free(link->gatt);
    link->gatt = NULL;
    if (!link->remove)
        answer_waiting(link);
    device_set_connected(device, false);
    if (was_connected)
        object_signal(device->object, &device_interface, "Disconnected", "ss", reason, text);
}

/* The device may be gone when it returns. */
static void conclude(struct link *link)
{
    struct device *device = link->device;
    struct tree *tree = tree_of(link);
    link->state = LINK_IDLE;
    forget_users(link);
    if (!link->remove) {
        answer_waiting(link);
        return;
    }
    sd_bus_message **waiting = link->waiting;
    size_t n = link->n_waiting;
    link->waiting = NULL;
    link->n_waiting = 0;
    adapter_remove_device(device->adapter, device);
    for (size_t i = 0; i < n; i++) {
        call_reply(tree, waiting[i], "");
        sd_bus_message_unref(waiting[i]);
    }
    free(waiting);
}

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    struct link *link = user;
    bool was_asked = link->state == LINK_DISCONNECTING;
    const struct adapter_config *config = &link->device->adapter->config;
    config->on_ended(config->user, link->device->address, result);
    withdraw(link, error_reason(result, was_asked), result->text);
    cancel_connecting(link);
    if (!was_asked) /* else when the operation is over, too */
        conclude(link);
}

static void on_disconnect_done(void *user, const struct bleproxy_result *result)
{
    struct link *link = user;
    (void)result;
    link->operation = NULL;
    conclude(link);
}

void link_drop(struct link *link)
{
    switch (link->state) {
    case LINK_IDLE:
        return;
    case LINK_DISCONNECTING:
        return;
    case LINK_CONNECTING:
        link->state = LINK_IDLE;
        if (link->operation)
            bleproxy_operation_cancel(link->operation);
        cancel_connecting(link);
        conclude(link);
        return;
    case LINK_CONNECTED:
        pairing_end(link);
        link->state = LINK_DISCONNECTING;
        if (bleproxy_peripheral_disconnect(link->peripheral, on_disconnect_done, link, &link->operation) < 0)
            link->state = LINK_CONNECTED; /* no memory: it goes on */
        return;
    }
}

int link_disconnect(struct device *device, sd_bus_message *call)
{
    struct link *link = device->link;
    if (!link || link->state == LINK_IDLE)
        return call_reply(device->object->tree, call, "");
    int r = wait_for_end(link, call);
    if (r == -EBUSY)
        return call_fail(tree_of(link), call, ERROR_IN_PROGRESS, "In Progress");
    if (r >= 0)
        link_drop(link);
    return r;
}

int link_release(struct link *link, sd_bus_message *call)
{
    link_forget_client(link, sd_bus_message_get_sender(call));
    if (link->state != LINK_DISCONNECTING)
        return call_reply(tree_of(link), call, "");
    int r = wait_for_end(link, call);
    return r == -EBUSY ? call_fail(tree_of(link), call, ERROR_IN_PROGRESS, "In Progress") : r;
}

int link_remove(struct device *device, sd_bus_message *call)
{
    struct link *link = device->link;
    struct tree *tree = device->object->tree;
    if (!link || link->state == LINK_IDLE) {
        pairing_forget_bond(device);
        adapter_remove_device(device->adapter, device);
        return call_reply(tree, call, "");
    }
    int r = wait_for_end(link, call);
    if (r == -EBUSY)
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    if (r < 0 || link->remove)
        return r < 0 ? r : 0;
    link->remove = true;
    if (pairing_remove_bond(link))
        return 0;
    pairing_forget_bond(device);
    link_drop(link);
    return 0;
}

void link_free(struct link *link)
{
    if (!link)
        return;
    link->remove = false;
    bleproxy_peripheral_free(link->peripheral);
    cancel_connecting(link);
    withdraw(link, "org.bluez.Reason.Local", "the device was removed");
    answer_waiting(link);
    forget_users(link);
    free(link->users);
    link->device->link = NULL;
    free(link);
}

/* ---- The beginning ---- */

static void add_services(struct device *device, const struct bleproxy_services *services)
{
    bool changed = false;
    for (size_t i = 0; i < services->n_services; i++)
        changed |= advert_add_uuid(&device->advert, &services->services[i].uuid);
    if (changed)
        object_changed(device->object, &device_interface, DEVICE_UUIDS);
}

/* The services are known before the connection is told of, but programs want them told afterwards. */
static void welcome(struct link *link)
{
    struct device *device = link->device;
    sd_bus_message *call = link->connecting;
    const struct bleproxy_services *services = bleproxy_peripheral_services(link->peripheral);
    link->connecting = NULL;
    link->state = LINK_CONNECTED;
    device_set_connected(device, true);
    device_refresh_paired(device);
    if (call && !guest_is(call))
        call_reply(tree_of(link), call, "");
    link->gatt = gatt_new(device, link->peripheral);
    if (call && guest_is(call))
        guest_welcome(link, call);
    sd_bus_message_unref(call);
    if (!link->gatt) {
        link_drop(link);
        return;
    }
    tree_flush(tree_of(link));
    add_services(device, services);
    device_set_services_resolved(device, true);
    battery_begin(&link->battery, device->object, link->gatt);
}

static void on_connected(void *user, const struct bleproxy_result *result)
{
    struct link *link = user;
    link->operation = NULL;
    if (link->state != LINK_CONNECTING) /* it was cancelled, and answered */
        return;
    if (result->error == 0) {
        welcome(link);
        return;
    }
    device_refresh_paired(link->device);
    fail_connecting(link, result);
    conclude(link);
}

struct link *link_get(struct device *device)
{
    if (device->link)
        return device->link;
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        return NULL;
    link->device = device;
    if (bleproxy_peripheral_new(device->adapter->config.hub, device->address, &link->peripheral) < 0) {
        free(link);
        return NULL;
    }
    bleproxy_peripheral_on_disconnected(link->peripheral, on_disconnected, link);
    device->link = link;
    return link;
}

int link_begin(struct link *link, sd_bus_message *call, const struct bleproxy_connect_options *options)
{
    int r = link_add_user(link, sd_bus_message_get_sender(call));
    if (r < 0)
        return r;
    r = bleproxy_peripheral_connect(link->peripheral, options, on_connected, link, &link->operation);
    if (r < 0)
        forget_users(link);
    if (r == BLEPROXY_E_NOMEM)
        return -ENOMEM;
    if (r < 0 && error_wants_all(call))
        return error_answer_code(tree_of(link), call, r);
    if (r < 0 && options->pair)
        return pairing_fail(tree_of(link), call, &(struct bleproxy_result){.error = r, .text = ""});
    if (r < 0)
        return call_fail(tree_of(link), call, ERROR_FAILED, "le-connection-busy");
    link->state = LINK_CONNECTING;
    link->pairs = options->pair;
    link->connecting = sd_bus_message_ref(call);
    return 0;
}

int link_connect(struct device *device, sd_bus_message *call)
{
    struct tree *tree = device->object->tree;
    if (!adapter_is_powered(device->adapter))
        return call_fail(tree, call, ERROR_NOT_READY, "Resource Not Ready");
    if (device->blocked)
        return call_fail(tree, call, ERROR_FAILED, "le-connection-refused");
    struct link *link = link_get(device);
    if (!link)
        return -ENOMEM;
    if (link->state == LINK_CONNECTING || link->state == LINK_DISCONNECTING)
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    if (link->state == LINK_IDLE)
        return link_begin(link, call, &(struct bleproxy_connect_options){.deadline_ms = LINK_DEADLINE_MS});
    int r = link_add_user(link, sd_bus_message_get_sender(call));
    return r < 0 ? r : call_reply(tree, call, "");
}
