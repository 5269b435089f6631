/* SPDX-License-Identifier: MIT */
#include "pairing.h"

#include "adapter.h"
#include "cli/log.h"
#include "errors.h"
#include "link.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AUTHENTICATION_FAILED     "org.bluez.Error.AuthenticationFailed"
#define AUTHENTICATION_REJECTED   "org.bluez.Error.AuthenticationRejected"
#define AUTHENTICATION_CANCELED   "org.bluez.Error.AuthenticationCanceled"
#define AUTHENTICATION_TIMEOUT    "org.bluez.Error.AuthenticationTimeout"
#define CONNECTION_ATTEMPT_FAILED "org.bluez.Error.ConnectionAttemptFailed"

static struct tree *tree_of(const struct link *link)
{
    return link->device->object->tree;
}

/* BlueZ's words, and behind them the library's. */
static int fail(struct tree *tree, sd_bus_message *call, const char *name, const char *text,
                const struct bleproxy_result *result)
{
    char why[ERROR_TEXT_SIZE], all[2 * ERROR_TEXT_SIZE];
    bleproxy_sanitise(why, sizeof(why), result->text, strlen(result->text));
    snprintf(all, sizeof(all), "%s%s%s%s", text, why[0] ? " (" : "", why, why[0] ? ")" : "");
    return call_fail(tree, call, name, all);
}

int pairing_fail(struct tree *tree, sd_bus_message *call, const struct bleproxy_result *result)
{
    if (error_wants_all(call))
        return error_answer_all(tree, call, result);
    if (result->error == BLEPROXY_E_TIMEOUT && result->attempts == 0) /* the connection was there */
        return fail(tree, call, AUTHENTICATION_TIMEOUT, "Authentication Timeout", result);
    switch (result->error) {
    case BLEPROXY_E_NOMEM:
        return call_fail(tree, call, ERROR_FAILED, "no memory");
    case BLEPROXY_E_PAIRING:
    case BLEPROXY_E_REFUSED:
    case BLEPROXY_E_GATT:
        return fail(tree, call, AUTHENTICATION_FAILED, "Authentication Failed", result);
    case BLEPROXY_E_UNSUPPORTED:
        return fail(tree, call, ERROR_NOT_SUPPORTED, "Operation is not supported", result);
    case BLEPROXY_E_CANCELLED:
        return call_fail(tree, call, AUTHENTICATION_CANCELED, "Authentication Canceled");
    case BLEPROXY_E_DISCONNECTED:
    case BLEPROXY_E_CLOSED:
    case BLEPROXY_E_PING:
        return fail(tree, call, AUTHENTICATION_CANCELED, "Authentication Canceled", result);
    case BLEPROXY_E_BUSY:
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    case BLEPROXY_E_LIMIT:
        return call_fail(tree, call, ERROR_FAILED, "there are too many bonds");
    default:
        return fail(tree, call, CONNECTION_ATTEMPT_FAILED, "Page Timeout", result);
    }
}

/* ---- Deadlines ---- */

static void on_late(void *user)
{
    struct link *link = user;
    link->pairing_is_late = true;
    bleproxy_operation_cancel(link->pairing_operation);
}

static void begin(struct link *link, uint32_t deadline_ms)
{
    link->pairing_is_late = false;
    bleproxy_timer_new(link->device->adapter->config.loop, deadline_ms, 0, on_late, link,
                       &link->pairing_timer);
}

/* Returns how it ended: what we have cancelled was too late. */
static int end(struct link *link, int error)
{
    bleproxy_timer_free(link->pairing_timer);
    link->pairing_timer = NULL;
    link->pairing_operation = NULL;
    return link->pairing_is_late && error == BLEPROXY_E_CANCELLED ? BLEPROXY_E_TIMEOUT : error;
}

/* ---- Pairing ---- */

static void on_paired(void *user, const struct bleproxy_result *result)
{
    struct link *link = user;
    sd_bus_message *call = link->pairing;
    struct bleproxy_result ended = *result;
    link->pairing = NULL;
    ended.error = end(link, result->error);
    device_refresh_paired(link->device);
    if (result->error == 0)
        call_reply(tree_of(link), call, "");
    else
        pairing_fail(tree_of(link), call, &ended);
    sd_bus_message_unref(call);
}

/* Over the connection that there is. */
static int pair(struct link *link, sd_bus_message *call)
{
    int r = link_add_user(link, sd_bus_message_get_sender(call));
    if (r < 0)
        return r;
    r = bleproxy_peripheral_pair(link->peripheral, on_paired, link, &link->pairing_operation);
    if (r < 0)
        return pairing_fail(tree_of(link), call, &(struct bleproxy_result){.error = r, .text = ""});
    begin(link, LINK_DEADLINE_MS);
    link->pairing = sd_bus_message_ref(call);
    return 0;
}

int pairing_start(struct device *device, sd_bus_message *call)
{
    struct tree *tree = device->object->tree;
    if (!adapter_is_powered(device->adapter))
        return call_fail(tree, call, ERROR_NOT_READY, "Resource Not Ready");
    if (device->blocked)
        return call_fail(tree, call, AUTHENTICATION_REJECTED, "Authentication Rejected");
    device_refresh_paired(device);
    if (device->paired)
        return call_fail(tree, call, ERROR_ALREADY_EXISTS, "Already Exists");
    struct link *link = link_get(device);
    if (!link)
        return -ENOMEM;
    if (link->state == LINK_IDLE)
        return link_begin(link, call,
                          &(struct bleproxy_connect_options){.deadline_ms = LINK_DEADLINE_MS, .pair = true});
    if (link->state != LINK_CONNECTED || link->pairing || link->remove)
        return call_fail(tree, call, ERROR_IN_PROGRESS, "In Progress");
    return pair(link, call);
}

/* False: there is none. */
static bool cancel(struct link *link)
{
    if (!link)
        return false;
    if (link->pairing)
        pairing_end(link);
    else if (link->state == LINK_CONNECTING && link->pairs)
        link_drop(link);
    else
        return false;
    return true;
}

int pairing_cancel(struct device *device, sd_bus_message *call)
{
    struct tree *tree = device->object->tree;
    if (!cancel(device->link))
        return call_fail(tree, call, ERROR_DOES_NOT_EXIST, "Does Not Exist");
    return call_reply(tree, call, "");
}

void pairing_end(struct link *link)
{
    if (link->pairing)
        bleproxy_operation_cancel(link->pairing_operation);
}

void pairing_forget_client(struct link *link, const char *sender)
{
    if (link->pairing && strcmp(sd_bus_message_get_sender(link->pairing), sender) == 0)
        pairing_end(link);
}

/* ---- Removing ---- */

void pairing_forget_bond(struct device *device)
{
    struct bleproxy_hub *hub = device->adapter->config.hub;
    const struct bleproxy_bond *bond = bleproxy_hub_bond(hub, device->address);
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    if (!bond)
        return;
    bleproxy_address_format(device->address, text);
    log_warn(bond->proxy,
             "%s is removed, but its bond stays there: only while it is connected can that be removed", text);
    bleproxy_hub_forget_bond(hub, device->address);
}

static void on_unpaired(void *user, const struct bleproxy_result *result)
{
    struct link *link = user;
    if (end(link, result->error) == BLEPROXY_E_CANCELLED) /* it is freed */
        return;
    pairing_forget_bond(link->device);
    link_drop(link);
}

bool pairing_remove_bond(struct link *link)
{
    struct device *device = link->device;
    const struct bleproxy_bond *bond = bleproxy_hub_bond(device->adapter->config.hub, device->address);
    if (!bond || link->state != LINK_CONNECTED ||
        bond->source != bleproxy_peripheral_source(link->peripheral))
        return false;
    if (bleproxy_peripheral_unpair(link->peripheral, on_unpaired, link, &link->pairing_operation) < 0)
        return false;
    begin(link, PAIRING_REMOVAL_MS);
    return true;
}
