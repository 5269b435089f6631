/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include "adapter.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A program's filter, and whether it discovers now. */
struct session {
    struct session *next;
    char *sender;
    struct filter filter;
    bool is_active;
};

void discovery_init(struct discovery *discovery, struct adapter *adapter)
{
    *discovery = (struct discovery){.adapter = adapter};
}

bool discovery_is_active(const struct discovery *discovery)
{
    return discovery->n_active > 0;
}

static struct session *find(const struct discovery *discovery, const char *sender)
{
    struct session *session = discovery->first;
    while (session && strcmp(session->sender, sender) != 0)
        session = session->next;
    return session;
}

/* The program's own, made if need be. NULL: no memory, or too many. */
static struct session *get(struct discovery *discovery, const char *sender)
{
    struct session *session = find(discovery, sender);
    if (session || discovery->n_sessions == DISCOVERY_SESSIONS_MAX)
        return session;
    session = calloc(1, sizeof(*session));
    if (session)
        session->sender = strdup(sender);
    if (!session || !session->sender) {
        free(session);
        return NULL;
    }
    session->next = discovery->first;
    discovery->first = session;
    discovery->n_sessions++;
    return session;
}

bool discovery_wants(const struct discovery *discovery, const struct bleproxy_advertisement *report,
                     unsigned *ret_telling)
{
    const struct device *device = adapter_find_device(discovery->adapter, report->address);
    bool wanted = false;
    *ret_telling = DEVICE_TELL_CHANGES;
    for (const struct session *session = discovery->first; session; session = session->next) {
        if (!session->is_active)
            continue;
        wanted = wanted || filter_matches(&session->filter, report, device ? &device->advert : NULL);
        if (session->filter.duplicates)
            *ret_telling |= DEVICE_TELL_DUPLICATES;
        if (session->filter.has_rssi || session->filter.has_pathloss)
            *ret_telling |= DEVICE_TELL_SIGNAL;
    }
    return wanted;
}

static void set_active(struct discovery *discovery, struct session *session, bool active)
{
    bool was_active = discovery_is_active(discovery);
    bool others_listen = discovery->adapter->listening.subscription;
    if (session->is_active == active)
        return;
    session->is_active = active;
    discovery->n_active += active ? 1 : (size_t)-1;
    if (was_active != discovery_is_active(discovery))
        adapter_discovering_changed(discovery->adapter);
    listening_update(discovery->adapter);
    if (active && others_listen)
        listening_welcome(discovery->adapter);
}

/* ---- Methods ---- */

int discovery_set_filter(struct discovery *discovery, sd_bus_message *call)
{
    struct tree *tree = discovery->adapter->object->tree;
    struct filter filter;
    if (!adapter_is_powered(discovery->adapter))
        return call_fail(tree, call, ERROR_NOT_READY, "Resource Not Ready");
    int r = filter_read(call, &filter);
    if (r == -EINVAL)
        return call_fail(tree, call, ERROR_INVALID_ARGUMENTS, "Invalid arguments in method call");
    if (r < 0)
        return r;
    struct session *session = get(discovery, sd_bus_message_get_sender(call));
    if (!session) {
        filter_deinit(&filter);
        return call_fail(tree, call, ERROR_FAILED, "too many programs discover");
    }
    filter_deinit(&session->filter);
    session->filter = filter;
    return call_reply(tree, call, "");
}

int discovery_start(struct discovery *discovery, sd_bus_message *call)
{
    struct adapter *adapter = discovery->adapter;
    struct tree *tree = adapter->object->tree;
    if (!adapter_is_powered(adapter))
        return call_fail(tree, call, ERROR_NOT_READY, "Resource Not Ready");
    struct session *session = get(discovery, sd_bus_message_get_sender(call));
    if (!session)
        return call_fail(tree, call, ERROR_FAILED, "too many programs discover");
    if (session->is_active)
        return call_fail(tree, call, ERROR_IN_PROGRESS, "Operation already in progress");
    set_active(discovery, session, true);
    return call_reply(tree, call, "");
}

int discovery_stop(struct discovery *discovery, sd_bus_message *call)
{
    struct adapter *adapter = discovery->adapter;
    struct tree *tree = adapter->object->tree;
    struct session *session = find(discovery, sd_bus_message_get_sender(call));
    if (!adapter_is_powered(adapter))
        return call_fail(tree, call, ERROR_NOT_READY, "Resource Not Ready");
    if (!session || !session->is_active)
        return call_fail(tree, call, ERROR_FAILED, "No discovery started");
    set_active(discovery, session, false);
    return call_reply(tree, call, "");
}

int discovery_get_filters(struct discovery *discovery, sd_bus_message *call)
{
    return call_reply(discovery->adapter->object->tree, call, "as", 7, "UUIDs", "RSSI", "Pathloss",
                      "Transport", "DuplicateData", "Discoverable", "Pattern");
}

/* ---- Who is gone ---- */

void discovery_forget(struct discovery *discovery, const char *sender)
{
    struct session **at = &discovery->first, *session;
    while (*at && strcmp((*at)->sender, sender) != 0)
        at = &(*at)->next;
    session = *at;
    if (!session)
        return;
    set_active(discovery, session, false);
    *at = session->next;
    discovery->n_sessions--;
    filter_deinit(&session->filter);
    free(session->sender);
    free(session);
}

void discovery_stop_all(struct discovery *discovery)
{
    for (struct session *session = discovery->first; session; session = session->next)
        set_active(discovery, session, false);
}

void discovery_deinit(struct discovery *discovery)
{
    while (discovery->first)
        discovery_forget(discovery, discovery->first->sender);
}
