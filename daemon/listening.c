/* SPDX-License-Identifier: MIT */
#include "listening.h"

#include "adapter.h"

#define NS_PER_S UINT64_C(1000000000)
enum { FRESH_S = 5 }; /* what was heard before this is not news for who begins to listen */

static void on_report(void *user, const struct bleproxy_advertisement *report)
{
    struct adapter *adapter = user;
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
    bleproxy_hub_subscribe(adapter->config.hub, BLEPROXY_STREAM_OWNER, NULL, on_report, adapter,
                           &listening->subscription);
}

static void end(struct adapter *adapter)
{
    struct listening *listening = &adapter->listening;
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
