/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include "adapter.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
enum {
    FRESH_S = 5, /* what was heard before this is not news for who begins to discover */
    /* Programs look for devices when StartDiscovery has returned, some a little later; and devices that do not change are
     * told of once. */
    WELCOME_MS = 100,
};

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

/* ---- Listening ---- */

/* How the report is to be told; false: nobody wants it. */
static bool is_wanted(const struct discovery *discovery, uint64_t address, const struct advert *advert,
                      int8_t rssi_dbm, unsigned *ret_telling)
{
    bool wanted = false;
    *ret_telling = DEVICE_TELL_CHANGES;
    for (const struct session *session = discovery->first; session; session = session->next) {
        if (!session->is_active)
            continue;
        wanted = wanted || filter_matches(&session->filter, address, advert, rssi_dbm);
        if (session->filter.duplicates)
            *ret_telling |= DEVICE_TELL_DUPLICATES;
        if (session->filter.has_rssi || session->filter.has_pathloss)
            *ret_telling |= DEVICE_TELL_SIGNAL;
    }
    return wanted;
}

static void on_report(void *user, const struct bleproxy_advertisement *report)
{
    struct discovery *discovery = user;
    struct adapter *adapter = discovery->adapter;
    struct device *device = adapter_find_device(adapter, report->address);
    struct advert stranger = {0};
    unsigned telling, told;
    if (report->time_ns + FRESH_S * NS_PER_S < discovery->since_ns)
        return;
    if (!device)
        advert_take(&stranger, report, false, &told);
    bool wanted = is_wanted(discovery, report->address, device ? &device->advert : &stranger,
                            report->rssi_dbm, &telling);
    /* What the filter goes by may be in this very report. */
    if (device && !wanted) {
        advert_take(&device->advert, report, false, &told);
        wanted = is_wanted(discovery, report->address, &device->advert, report->rssi_dbm, &telling);
    }
    advert_deinit(&stranger);
    if (wanted)
        adapter_report(adapter, report, telling);
}

/* What was heard since the beginning was told of. */
static void on_heard(void *user, const struct bleproxy_advertisement *report)
{
    struct discovery *discovery = user;
    if (discovery->known == DISCOVERY_KNOWN_NONE ||
        (discovery->known == DISCOVERY_KNOWN_TELL && report->time_ns < discovery->since_ns))
        on_report(discovery, report);
}

static void subscribe(struct discovery *discovery, enum discovery_known known)
{
    discovery->known = known;
    bleproxy_hub_subscribe(discovery->adapter->config.hub, BLEPROXY_STREAM_OWNER, NULL, on_heard, discovery,
                           &discovery->subscription);
    discovery->known = DISCOVERY_KNOWN_NONE;
}

/* The hub tells of what it knows when it is subscribed to. */
static void on_welcome(void *user)
{
    struct discovery *discovery = user;
    bleproxy_timer_free(discovery->welcome);
    discovery->welcome = NULL;
    if (!discovery->is_new) {
        uint64_t now_ns = bleproxy_loop_now_ns(discovery->adapter->config.loop);
        adapter_repeat_signals(discovery->adapter, now_ns - FRESH_S * NS_PER_S);
        return;
    }
    discovery->is_new = false;
    bleproxy_subscription_free(discovery->subscription);
    discovery->subscription = NULL;
    subscribe(discovery, DISCOVERY_KNOWN_TELL);
}

static void begin(struct discovery *discovery)
{
    struct adapter *adapter = discovery->adapter;
    if (!discovery->request)
        bleproxy_hub_request_scan(adapter->config.hub, BLEPROXY_MODE_ACTIVE, &discovery->request);
    if (!discovery->subscription) {
        discovery->since_ns = bleproxy_loop_now_ns(adapter->config.loop);
        discovery->is_new = true;
        subscribe(discovery, DISCOVERY_KNOWN_IGNORE);
    }
    if (!discovery->welcome)
        bleproxy_timer_new(adapter->config.loop, WELCOME_MS, 0, on_welcome, discovery, &discovery->welcome);
}

static void end(struct discovery *discovery)
{
    bleproxy_timer_free(discovery->welcome);
    bleproxy_subscription_free(discovery->subscription);
    bleproxy_scan_request_free(discovery->request);
    discovery->welcome = NULL;
    discovery->subscription = NULL;
    discovery->request = NULL;
    adapter_forget_signals(discovery->adapter);
}

static void set_active(struct discovery *discovery, struct session *session, bool active)
{
    bool was_active = discovery_is_active(discovery);
    if (session->is_active == active)
        return;
    session->is_active = active;
    discovery->n_active += active ? 1 : (size_t)-1;
    if (was_active != discovery_is_active(discovery))
        adapter_discovering_changed(discovery->adapter);
    if (active)
        begin(discovery);
    else if (!discovery_is_active(discovery))
        end(discovery);
}

/* ---- Methods ---- */

int discovery_set_filter(struct discovery *discovery, sd_bus_message *call)
{
    struct tree *tree = discovery->adapter->object->tree;
    struct filter filter;
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
