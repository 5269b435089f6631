/* SPDX-License-Identifier: MIT */
#include "listening.h"

#include "adapter.h"

#define NS_PER_S UINT64_C(1000000000)
enum {
    FRESH_S = 5, /* what was heard before this is not news for who begins to listen */
    /* Programs look for devices when StartDiscovery has returned, some a little later; and devices that do not change are
     * told of once. */
    WELCOME_MS = 100,
};

static void report(struct adapter *adapter, const struct bleproxy_advertisement *report)
{
    unsigned telling;
    if (report->time_ns + FRESH_S * NS_PER_S < adapter->listening.since_ns)
        return;
    bool discovered = discovery_wants(&adapter->discovery, report, &telling);
    bool monitored = monitors_match(&adapter->monitors, report);
    if (discovered || monitored)
        adapter_report(adapter, report, telling);
    if (monitored)
        monitors_tell(&adapter->monitors, report);
}

/* What was heard since the beginning was told of. */
static void on_heard(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct adapter *adapter = user;
    const struct listening *listening = &adapter->listening;
    if (listening->known == LISTENING_KNOWN_NONE ||
        (listening->known == LISTENING_KNOWN_TELL && advertisement->time_ns < listening->since_ns))
        report(adapter, advertisement);
}

static void subscribe(struct adapter *adapter, enum listening_known known)
{
    struct listening *listening = &adapter->listening;
    listening->known = known;
    bleproxy_hub_subscribe(adapter->config.hub, BLEPROXY_STREAM_OWNER, NULL, on_heard, adapter,
                           &listening->subscription);
    listening->known = LISTENING_KNOWN_NONE;
}

/* The hub tells of what it knows when it is subscribed to. */
static void on_welcome(void *user)
{
    struct adapter *adapter = user;
    struct listening *listening = &adapter->listening;
    bleproxy_timer_free(listening->welcome);
    listening->welcome = NULL;
    if (listening->is_awaited)
        listening_welcome(adapter);
    if (!listening->is_new) {
        uint64_t now_ns = bleproxy_loop_now_ns(adapter->config.loop);
        adapter_repeat_signals(adapter, now_ns - FRESH_S * NS_PER_S);
        return;
    }
    listening->is_new = false;
    bleproxy_subscription_free(listening->subscription);
    listening->subscription = NULL;
    subscribe(adapter, LISTENING_KNOWN_TELL);
}

void listening_welcome(struct adapter *adapter)
{
    struct listening *listening = &adapter->listening;
    listening->is_awaited = listening->welcome != NULL;
    if (listening->subscription && !listening->welcome)
        bleproxy_timer_new(adapter->config.loop, WELCOME_MS, 0, on_welcome, adapter, &listening->welcome);
}

/* The new request is there before the old one goes, so that proxies are not told in between. */
static void request_scan(struct adapter *adapter, enum bleproxy_scanner_mode mode)
{
    struct listening *listening = &adapter->listening;
    struct bleproxy_scan_request *before = listening->request;
    if (before && listening->mode == mode)
        return;
    listening->request = NULL;
    bleproxy_hub_request_scan(adapter->config.hub, mode, &listening->request);
    bleproxy_scan_request_free(before);
    listening->mode = mode;
}

static void begin(struct adapter *adapter)
{
    struct listening *listening = &adapter->listening;
    listening->since_ns = bleproxy_loop_now_ns(adapter->config.loop);
    listening->is_new = true;
    subscribe(adapter, LISTENING_KNOWN_IGNORE);
    listening_welcome(adapter);
}

static void end(struct adapter *adapter)
{
    struct listening *listening = &adapter->listening;
    bleproxy_timer_free(listening->welcome);
    bleproxy_subscription_free(listening->subscription);
    bleproxy_scan_request_free(listening->request);
    *listening = (struct listening){0};
    adapter_forget_signals(adapter);
}

void listening_update(struct adapter *adapter)
{
    struct listening *listening = &adapter->listening;
    bool discovers = discovery_is_active(&adapter->discovery);
    bool listens = discovers || (monitors_are_active(&adapter->monitors) && adapter_is_powered(adapter));
    if (listens)
        request_scan(adapter, discovers ? BLEPROXY_MODE_ACTIVE : BLEPROXY_MODE_PASSIVE);
    if (listens && !listening->subscription)
        begin(adapter);
    else if (!listens && listening->subscription)
        end(adapter);
}
