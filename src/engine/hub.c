/* SPDX-License-Identifier: MIT */
#include "engine/hub.h"

#include <bleproxy/path.h>
#include <bleproxy/pin.h>
#include <bleproxy/proxy.h>
#include <stdlib.h>

void engine_hub_enter(struct bleproxy_hub *hub)
{
    hub->depth++;
}

void engine_hub_leave(struct bleproxy_hub *hub)
{
    hub->depth--;
    if (!hub->freed)
        ticker_update(&hub->ticker);
    else if (hub->depth == 0)
        free(hub);
}

static uint64_t engine_hub_deadline(void *user)
{
    struct bleproxy_hub *hub = user;
    hub->ticker.is_background = hub_is_idle(hub->core) && hub->central_due_ns == BP_NEVER;
    return time_min(hub_deadline(hub->core), hub->central_due_ns);
}

static void engine_hub_tick(void *user, uint64_t now_ns)
{
    struct bleproxy_hub *hub = user;
    engine_hub_enter(hub);
    hub_tick(hub->core, now_ns);
    if (!hub->freed)
        central_tick(hub->central, now_ns);
    if (!hub->freed)
        hub->central_due_ns = central_deadline(hub->central);
    engine_hub_leave(hub);
}

static void engine_hub_central_due(void *user)
{
    struct bleproxy_hub *hub = user;
    hub->central_due_ns = central_deadline(hub->central);
    ticker_update(&hub->ticker);
}

/* From within what a scanner does, on whichever proxy's account. */
static void engine_hub_due(void *user)
{
    struct bleproxy_hub *hub = user;
    ticker_update(&hub->ticker);
}

int bleproxy_hub_new(struct bleproxy_loop *loop, const struct bleproxy_hub_options *options,
                     struct bleproxy_hub **ret_hub)
{
    struct bleproxy_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        return BLEPROXY_E_NOMEM;
    hub->loop = loop;
    hub->central_due_ns = BP_NEVER;
    int r = hub_new(&loop->env, options, loop_now(), &hub->core);
    if (r == 0) {
        const struct central_config config = {.env = &loop->env,
                                              .hub = hub->core,
                                              .reference = options ? options->reference : 0,
                                              .on_deadline = engine_hub_central_due,
                                              .user = hub};
        r = central_new(&config, &hub->central);
    }
    if (r == 0)
        r = ticker_init(&hub->ticker, loop, engine_hub_deadline, engine_hub_tick, hub);
    if (r == 0 && options && options->state_dir)
        r = state_init(&hub->state, loop, options->state_dir, hub->core, hub->central);
    const char *proxies_dir = !options               ? NULL
                              : options->proxies_dir ? options->proxies_dir
                                                     : options->state_dir;
    if (r == 0 && proxies_dir)
        r = state_init_proxies(&hub->state, loop, proxies_dir, hub->core);
    if (r < 0) {
        state_deinit(&hub->state);
        ticker_deinit(&hub->ticker);
        central_free(hub->central, loop_now());
        hub_free(hub->core, loop_now());
        free(hub);
        return r;
    }
    hub_watch_deadline(hub->core, engine_hub_due, hub);
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
    hub_watch_deadline(hub->core, NULL, NULL);
    ticker_deinit(&hub->ticker);
    state_deinit(&hub->state);
    central_free(hub->central, loop_now());
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

int bleproxy_hub_request_active_scan(struct bleproxy_hub *hub, uint64_t address, uint32_t interval_ms,
                                     uint32_t duration_ms, struct bleproxy_active_scan **ret_request)
{
    engine_hub_enter(hub);
    int r = hub_request_active_scan(hub->core, address, interval_ms, duration_ms, loop_now(), ret_request);
    engine_hub_leave(hub);
    return r;
}

int bleproxy_hub_request_scan(struct bleproxy_hub *hub, enum bleproxy_scanner_mode mode,
                              struct bleproxy_scan_request **ret_request)
{
    engine_hub_enter(hub);
    int r = hub_request_scan(hub->core, mode, ret_request);
    engine_hub_leave(hub);
    return r;
}

int bleproxy_hub_sweep(struct bleproxy_hub *hub, uint32_t duration_ms, bleproxy_sweep_fn *on_done, void *user,
                       struct bleproxy_sweep **ret_sweep)
{
    engine_hub_enter(hub);
    int r = hub_sweep(hub->core, duration_ms, on_done, user, loop_now(), ret_sweep);
    engine_hub_leave(hub);
    return r;
}

const struct bleproxy_active_scan *bleproxy_hub_next_active_scan(const struct bleproxy_hub *hub,
                                                                 size_t *position)
{
    return hub_next_active_scan(hub->core, position);
}

int bleproxy_hub_get_auto_scan(const struct bleproxy_hub *hub, uint64_t source,
                               struct bleproxy_auto_scan *ret_auto_scan)
{
    return hub_get_auto_scan(hub->core, source, ret_auto_scan);
}

const struct bleproxy_device *bleproxy_hub_device(const struct bleproxy_hub *hub, uint64_t address)
{
    return hub_device(hub->core, address);
}

const struct bleproxy_advertisement *bleproxy_hub_remembered(const struct bleproxy_hub *hub, uint64_t address,
                                                             const char *name)
{
    return hub_remembered(hub->core, address, name);
}

const struct bleproxy_device *bleproxy_hub_next_device(const struct bleproxy_hub *hub, size_t *position)
{
    return hub_next_device(hub->core, position);
}

size_t bleproxy_hub_n_devices(const struct bleproxy_hub *hub)
{
    return hub_n_devices(hub->core);
}

int bleproxy_hub_watch_unavailable(struct bleproxy_hub *hub, uint64_t address,
                                   bleproxy_unavailable_fn *on_unavailable, void *user,
                                   struct bleproxy_watch **ret_watch)
{
    return hub_watch_unavailable(hub->core, address, on_unavailable, user, ret_watch);
}

int bleproxy_hub_set_interval(struct bleproxy_hub *hub, uint64_t address, uint32_t interval_s)
{
    return hub_set_interval(hub->core, address, interval_s * NS_PER_S);
}

void bleproxy_hub_set_reference(struct bleproxy_hub *hub, uint32_t reference)
{
    if (hub->freed)
        return;
    engine_hub_enter(hub);
    hub_set_reference(hub->core, reference, loop_now());
    central_set_reference(hub->central, reference);
    engine_hub_leave(hub);
}

void bleproxy_hub_forget(struct bleproxy_hub *hub, uint64_t address)
{
    hub_forget(hub->core, address);
}

void bleproxy_hub_watch_slots(struct bleproxy_hub *hub, bleproxy_hub_slots_fn *on_slots, void *user)
{
    hub_watch_slots(hub->core, on_slots, user);
}

void bleproxy_hub_get_statistics(const struct bleproxy_hub *hub,
                                 struct bleproxy_hub_statistics *ret_statistics)
{
    hub_get_statistics(hub->core, ret_statistics);
}

/* ---- Paths, pins and bonds: of a hub that is being freed there are none any more ---- */

void bleproxy_hub_paths(const struct bleproxy_hub *hub, uint64_t address, struct bleproxy_path *paths,
                        size_t max, size_t *ret_n)
{
    *ret_n = hub->freed ? 0 : central_paths(hub->central, address, paths, max, loop_now());
}

char *bleproxy_hub_explain_path(const struct bleproxy_hub *hub, uint64_t address, char *text, size_t size)
{
    text[0] = '\0';
    return hub->freed ? text : central_explain_path(hub->central, address, text, size, loop_now());
}

int bleproxy_hub_pin(struct bleproxy_hub *hub, uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    return hub->freed ? BLEPROXY_E_STATE : central_pin(hub->central, address, proxy, kind);
}

int bleproxy_hub_unpin(struct bleproxy_hub *hub, uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    return hub->freed ? BLEPROXY_E_NOT_FOUND : central_unpin(hub->central, address, proxy, kind);
}

const struct bleproxy_bond *bleproxy_hub_bond(const struct bleproxy_hub *hub, uint64_t address)
{
    return hub->freed ? NULL : bonds_get(central_bonds(hub->central), address);
}

const struct bleproxy_bond *bleproxy_hub_next_bond(const struct bleproxy_hub *hub, size_t *position)
{
    return hub->freed ? NULL : bonds_next(central_bonds(hub->central), position);
}

int bleproxy_hub_forget_bond(struct bleproxy_hub *hub, uint64_t address)
{
    return hub->freed ? BLEPROXY_E_NOT_FOUND : central_forget_bond(hub->central, address);
}

int bleproxy_hub_forget_proxy(struct bleproxy_hub *hub, const char *address, uint16_t port)
{
    char endpoint[IDENTITY_ENDPOINT_SIZE];
    if (hub->freed || !identity_endpoint(address, port ? port : BLEPROXY_PORT, endpoint))
        return BLEPROXY_E_NOT_FOUND;
    return identities_remove(hub_identities(hub->core), endpoint);
}
