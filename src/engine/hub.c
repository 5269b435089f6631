/* SPDX-License-Identifier: MIT */
#include "engine/hub.h"

#include <stdlib.h>

void engine_hub_enter(struct bleproxy_hub *hub)
{
    hub->depth++;
}

void engine_hub_leave(struct bleproxy_hub *hub)
{
    hub->depth--;
    if (!hub->freed) {
        ticker_update(&hub->ticker);
    } else if (hub->depth == 0) {
        loop_unref(hub->loop);
        free(hub);
    }
}

static uint64_t engine_hub_deadline(void *user)
{
    struct bleproxy_hub *hub = user;
    return hub_deadline(hub->core);
}

static void engine_hub_tick(void *user, uint64_t now_ns)
{
    struct bleproxy_hub *hub = user;
    engine_hub_enter(hub);
    hub_tick(hub->core, now_ns);
    engine_hub_leave(hub);
}

int bleproxy_hub_new(struct bleproxy_loop *loop, const struct bleproxy_hub_options *options,
                     struct bleproxy_hub **ret_hub)
{
    struct bleproxy_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        return BLEPROXY_E_NOMEM;
    hub->loop = loop;
    int r = hub_new(&loop->env, options, &hub->core);
    if (r == 0)
        r = ticker_init(&hub->ticker, loop->uv, engine_hub_deadline, engine_hub_tick, hub);
    if (r < 0) {
        hub_free(hub->core, loop_now());
        free(hub);
        return r;
    }
    loop_ref(loop);
    ticker_update(&hub->ticker);
    *ret_hub = hub;
    return 0;
}

void bleproxy_hub_free(struct bleproxy_hub *hub)
{
    if (!hub || hub->freed)
        return;
    engine_hub_enter(hub);
    hub->freed = true;
    ticker_deinit(&hub->ticker);
    hub_free(hub->core, loop_now());
    engine_hub_leave(hub);
}

int bleproxy_hub_subscribe(struct bleproxy_hub *hub, enum bleproxy_stream stream,
                           const struct bleproxy_filter *filter, bleproxy_advertisement_fn *on_advertisement,
                           void *user, struct bleproxy_subscription **ret_subscription)
{
    engine_hub_enter(hub);
    int r = hub_subscribe(hub->core, stream, filter, on_advertisement, user, ret_subscription);
    engine_hub_leave(hub);
    return r;
}

int bleproxy_hub_find(struct bleproxy_hub *hub, const struct bleproxy_filter *filter, uint32_t timeout_ms,
                      bleproxy_found_fn *on_found, void *user, struct bleproxy_search **ret_search)
{
    engine_hub_enter(hub);
    int r = hub_find(hub->core, filter, timeout_ms * NS_PER_MS, on_found, user, loop_now(), ret_search);
    engine_hub_leave(hub);
    return r;
}

int bleproxy_hub_discover(struct bleproxy_hub *hub, const struct bleproxy_filter *filter, uint32_t timeout_ms,
                          bleproxy_discovered_fn *on_discovered, void *user,
                          struct bleproxy_search **ret_search)
{
    engine_hub_enter(hub);
    int r =
        hub_discover(hub->core, filter, timeout_ms * NS_PER_MS, on_discovered, user, loop_now(), ret_search);
    engine_hub_leave(hub);
    return r;
}

const struct bleproxy_device *bleproxy_hub_device(const struct bleproxy_hub *hub, uint64_t address)
{
    return hub_device(hub->core, address);
}

const struct bleproxy_device *bleproxy_hub_next_device(const struct bleproxy_hub *hub, size_t *position)
{
    return hub_next_device(hub->core, position);
}

size_t bleproxy_hub_n_devices(const struct bleproxy_hub *hub)
{
    return hub_n_devices(hub->core);
}

void bleproxy_hub_get_statistics(const struct bleproxy_hub *hub,
                                 struct bleproxy_hub_statistics *ret_statistics)
{
    hub_get_statistics(hub->core, ret_statistics);
}
