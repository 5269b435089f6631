/* SPDX-License-Identifier: MIT */
#include "engine/manager.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Pays what is owed for a stop. */
static void engine_manager_tell_stopped(struct bleproxy_manager *manager)
{
    bleproxy_manager_fn *on_stopped = manager->on_stopped;
    if (!manager->stopping)
        return;
    manager->stopping = manager->stopped = false;
    if (on_stopped)
        on_stopped(manager->stopped_user, 0);
}

static uint64_t engine_manager_deadline(void *user)
{
    const struct bleproxy_manager *manager = user;
    return manager->stopped ? 0 : manager_deadline(manager->core);
}

static void engine_manager_tick(void *user, uint64_t now_ns)
{
    struct bleproxy_manager *manager = user;
    carrier_enter(&manager->carrier);
    if (manager->stopped)
        engine_manager_tell_stopped(manager);
    else
        manager_tick(manager->core, now_ns);
    carrier_leave(&manager->carrier);
}

/* The user of the ops is the carrier. */
static void engine_manager_state(void *user, enum bleproxy_proxy_state state, const struct session_end *why,
                                 uint64_t now_ns)
{
    (void)now_ns;
    const struct carrier *carrier = user;
    const struct bleproxy_manager *manager = carrier->owner;
    if (manager->on_state)
        manager->on_state(manager->state_user, state, why ? why->error : 0, why ? why->text : NULL);
}

static void engine_manager_hearing(void *user, enum bleproxy_hearing hearing, uint64_t now_ns)
{
    (void)now_ns;
    const struct carrier *carrier = user;
    const struct bleproxy_manager *manager = carrier->owner;
    const char *text =
        hearing == BLEPROXY_HEARING_UNKNOWN ? "" : hearing_text(manager_hearing_record(manager->core));
    if (manager->on_hearing)
        manager->on_hearing(manager->hearing_user, hearing, text);
}

static const struct manager_ops engine_manager_ops = {
    .resolve = carrier_resolve,
    .cancel_resolve = carrier_cancel_resolve,
    .open = carrier_open,
    .close = carrier_close,
    .on_pending = carrier_pending,
    .on_turn = carrier_turn,
    .get_time = carrier_get_time,
    .on_state = engine_manager_state,
    .on_hearing = engine_manager_hearing,
};

static void engine_manager_release(void *user)
{
    struct bleproxy_manager *manager = user;
    free(manager->name);
    free(manager);
}

static enum bleproxy_scanner_mode engine_manager_mode(enum bleproxy_scan_mode mode)
{
    switch (mode) {
    case BLEPROXY_SCAN_AS_CONFIGURED:
        return BLEPROXY_MODE_NONE;
    case BLEPROXY_SCAN_PASSIVE:
        return BLEPROXY_MODE_PASSIVE;
    case BLEPROXY_SCAN_ACTIVE:
        return BLEPROXY_MODE_ACTIVE;
    case BLEPROXY_SCAN_AUTO:
        return BLEPROXY_MODE_AUTO;
    }
    return BLEPROXY_MODE_NONE;
}

int bleproxy_manager_new(struct bleproxy_hub *hub, const struct bleproxy_proxy_config *config,
                         struct bleproxy_manager **ret_manager)
{
    uint8_t psk[32];
    struct proxy_config proxy_config;
    if ((unsigned)config->scan_mode > BLEPROXY_SCAN_AUTO)
        return BLEPROXY_E_INVALID;
    struct bleproxy_manager *manager = calloc(1, sizeof(*manager));
    if (!manager)
        return BLEPROXY_E_NOMEM;
    int r = carrier_proxy_config(hub->loop, config, psk, &proxy_config);
    if (r == 0 &&
        !(manager->name = strdup(proxy_config.session.label ? proxy_config.session.label : config->address)))
        r = BLEPROXY_E_NOMEM;
    if (r == 0)
        r = manager_new(hub->core, &proxy_config, &engine_manager_ops, &manager->carrier, &manager->core);
    sodium_memzero(psk, sizeof(psk));
    if (r == 0)
        r = carrier_init(&manager->carrier, hub->loop, engine_manager_deadline, engine_manager_tick,
                         engine_manager_release, manager);
    if (r < 0) {
        manager_free(manager->core, loop_now());
        engine_manager_release(manager);
        return r;
    }
    manager_set_scan_mode(manager->core, engine_manager_mode(config->scan_mode));
    manager_set_limits(manager->core,
                       &(struct manager_limits){.silence_ns = config->timeouts.silence_ms * NS_PER_MS,
                                                .reclaim_ns = config->reclaim_s * NS_PER_S,
                                                .any_device = config->any_device});
    manager->carrier.proxy = manager_proxy(manager->core);
    manager->scanner.carrier = &manager->carrier;
    *ret_manager = manager;
    return 0;
}

/* All callbacks come now, while their users live; only the memory may have to wait for the stack. */
void bleproxy_manager_free(struct bleproxy_manager *manager)
{
    if (!manager || manager->carrier.released)
        return;
    carrier_enter(&manager->carrier);
    carrier_release(&manager->carrier);
    manager->on_state = NULL;
    manager->on_hearing = NULL;
    manager_free(manager->core, loop_now());
    engine_manager_tell_stopped(manager);
    carrier_leave(&manager->carrier);
}

static void engine_manager_started(void *user, int error, uint64_t now_ns)
{
    (void)now_ns;
    struct bleproxy_manager *manager = user;
    bleproxy_manager_fn *on_started = manager->on_started;
    manager->on_started = NULL;
    if (on_started)
        on_started(manager->started_user, error);
}

static void engine_manager_stopped(void *user, int error, uint64_t now_ns)
{
    (void)error, (void)now_ns;
    struct bleproxy_manager *manager = user;
    manager->stopped = true; /* told at the next tick, never from within a stop */
}

int bleproxy_manager_start(struct bleproxy_manager *manager, bleproxy_manager_fn *on_started, void *user)
{
    if (manager->started)
        return BLEPROXY_E_STATE;
    manager->started = true;
    manager->on_started = on_started;
    manager->started_user = user;
    carrier_enter(&manager->carrier);
    int r = manager_start(manager->core, engine_manager_started, manager, loop_now());
    carrier_leave(&manager->carrier);
    return r;
}

void bleproxy_manager_cancel_start(struct bleproxy_manager *manager)
{
    carrier_enter(&manager->carrier);
    manager_cancel_start(manager->core, loop_now());
    carrier_leave(&manager->carrier);
}

int bleproxy_manager_stop(struct bleproxy_manager *manager, bleproxy_manager_fn *on_stopped, void *user)
{
    if (manager->stopping)
        return BLEPROXY_E_STATE;
    manager->stopping = true;
    manager->on_stopped = on_stopped;
    manager->stopped_user = user;
    carrier_enter(&manager->carrier);
    manager_stop(manager->core, engine_manager_stopped, manager, loop_now());
    carrier_leave(&manager->carrier);
    return 0;
}

void bleproxy_manager_watch(struct bleproxy_manager *manager, bleproxy_manager_state_fn *on_state, void *user)
{
    manager->on_state = on_state;
    manager->state_user = user;
}

enum bleproxy_proxy_state bleproxy_manager_state(const struct bleproxy_manager *manager)
{
    return manager_state(manager->core);
}

uint64_t bleproxy_manager_next_attempt_ns(const struct bleproxy_manager *manager)
{
    return manager_next_attempt_ns(manager->core);
}

enum bleproxy_hearing bleproxy_manager_hearing(const struct bleproxy_manager *manager, uint64_t *ret_since_ns,
                                               const char **ret_text)
{
    const struct hearing *hearing = manager_hearing_record(manager->core);
    enum bleproxy_hearing state = manager_hearing(manager->core);
    if (ret_since_ns)
        *ret_since_ns = hearing->since_ns;
    if (ret_text)
        *ret_text = state == BLEPROXY_HEARING_UNKNOWN ? "" : hearing_text(hearing);
    return state;
}

void bleproxy_manager_watch_hearing(struct bleproxy_manager *manager, bleproxy_manager_hearing_fn *on_hearing,
                                    void *user)
{
    manager->on_hearing = on_hearing;
    manager->hearing_user = user;
}

int bleproxy_manager_reclaim(struct bleproxy_manager *manager)
{
    carrier_enter(&manager->carrier);
    int r = manager_reclaim(manager->core, loop_now());
    carrier_leave(&manager->carrier);
    return r;
}

const char *bleproxy_manager_name(const struct bleproxy_manager *manager)
{
    return manager->name;
}

const struct bleproxy_device_info *bleproxy_manager_device_info(const struct bleproxy_manager *manager)
{
    return manager_device_info(manager->core);
}

struct bleproxy_scanner *bleproxy_manager_scanner(struct bleproxy_manager *manager)
{
    manager->scanner.core = manager_scanner(manager->core);
    return manager->scanner.core ? &manager->scanner : NULL;
}

int bleproxy_manager_last_error(const struct bleproxy_manager *manager, const char **ret_text)
{
    const struct session_end *end = manager_last_end(manager->core);
    if (ret_text)
        *ret_text = end ? end->text : "";
    return end ? end->error : 0;
}
