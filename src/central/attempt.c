/* SPDX-License-Identifier: MIT */
#include "central/peripheral_private.h"

#include <stdarg.h>
#include <stdio.h>

enum { SLOT_WAIT_S = 2 };

enum attempt_stage {
    ATTEMPT_RELEASE,    /* of the link before, which must be gone first */
    ATTEMPT_SLOT,       /* is waited for */
    ATTEMPT_CONNECTING, /* the scanner is paused */
    ATTEMPT_PREPARING,  /* a request, for pairing or the services, is outstanding */
    ATTEMPT_SETTLING,   /* it has failed; the link is released, or nothing is left to do */
};

struct attempt_run {
    struct bleproxy_operation operation;
    struct attempt wanted;
    enum attempt_stage stage;
    struct turn turn;  /* until it is over */
    struct bond *bond; /* a place for it, until there is one; NULL: none is made */
    bool starting;     /* within peripheral_attempt() */
    struct slot_waiter waiter;
    bool paused;
    struct services *cached;
    uint16_t cached_mtu;
    bool hinted; /* the proxy was told that services and MTU are known */
    struct session_request *awaited;
    bool dropped; /* its outcome is of no interest */
    struct services_builder builder;
    struct ending ending;
};

static __attribute__((format(printf, 2, 3))) void attempt_log(const struct attempt_run *run,
                                                              const char *format, ...)
{
    const struct peripheral *peripheral = run->operation.peripheral;
    const struct env *env = run->operation.central->env;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], text[80];
    if (!env_logs(env, BLEPROXY_LOG_DEBUG))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    bleproxy_address_format(peripheral->address, address);
    env_log(env, BLEPROXY_LOG_DEBUG, "central", peripheral->proxy, "%s: %s", address, text);
}

static void attempt_pause(struct attempt_run *run, uint64_t now_ns)
{
    struct scanner *scanner = run->operation.peripheral->scanner;
    scanner_pause(scanner);
    pauses_begin(&run->operation.central->routing.pauses, scanner_source(scanner), now_ns);
    run->paused = true;
}

static void attempt_resume(struct attempt_run *run, uint64_t now_ns)
{
    struct scanner *scanner = run->operation.peripheral->scanner;
    if (!run->paused)
        return;
    scanner_resume(scanner);
    pauses_end(&run->operation.central->routing.pauses, scanner_source(scanner), now_ns);
    run->paused = false;
}

/* Lets go of everything but the link. */
static void attempt_stop(struct attempt_run *run, uint64_t now_ns)
{
    struct session_request *awaited = run->awaited;
    slots_cancel(&run->waiter);
    attempt_resume(run, now_ns);
    bonds_unreserve(&run->operation.central->routing.bonds, run->bond);
    run->bond = NULL;
    services_unref(run->cached);
    run->cached = NULL;
    run->awaited = NULL;
    run->dropped = true;
    if (awaited)
        session_cancel(awaited, now_ns);
    services_builder_deinit(&run->builder);
}

/* The link is the user's, or gone. */
static void attempt_finish(struct attempt_run *run)
{
    struct peripheral *peripheral = run->operation.peripheral;
    struct report report;
    run->ending.doing = "connecting to";
    run->ending.attempts = 1;
    peripheral_report(peripheral, &run->ending, true, &report);
    peripheral->attempt = NULL;
    turn_end(&run->turn);
    queue_wake(peripheral->central);
    if (peripheral->phase != LINK_UP)
        peripheral_part(peripheral);
    operation_complete(&run->operation, &report.result);
}

/* held: the proxy has the link, or may yet get it. */
static void attempt_fail(struct attempt_run *run, const struct ending *why, bool held, uint64_t now_ns)
{
    struct peripheral *peripheral = run->operation.peripheral;
    run->ending = *why;
    run->stage = ATTEMPT_SETTLING;
    run->operation.deadline_ns = BP_NEVER;
    attempt_stop(run, now_ns);
    slots_untrack(&peripheral->tracker);
    if (peripheral->phase == LINK_OPENING) {
        if (held && peripheral_release(peripheral, now_ns))
            return;
        peripheral_detach(peripheral);
    }
    if (run->starting)
        operation_set_deadline(&run->operation, now_ns);
    else
        attempt_finish(run);
}

static void attempt_fail_with(struct attempt_run *run, int error, int32_t code, bool held, uint64_t now_ns)
{
    attempt_fail(run, &(struct ending){.error = error, .code = code}, held, now_ns);
}

static void attempt_succeed(struct attempt_run *run, struct services *services, bool cached, uint64_t now_ns)
{
    struct peripheral *peripheral = run->operation.peripheral;
    peripheral->services = services_ref(services);
    peripheral->cached = cached;
    attempt_log(run, "%zu services, %s", services->view.n_services,
                cached ? "from an earlier connection" : "discovered");
    peripheral->phase = LINK_UP;
    attempt_stop(run, now_ns);
    attempt_finish(run);
}

/* ---- Up: pairing, services ---- */

static void attempt_discovered(struct attempt_run *run, uint64_t now_ns)
{
    struct peripheral *peripheral = run->operation.peripheral;
    struct services *services;
    int r = services_builder_finish(&run->builder, &services);
    if (r < 0) {
        attempt_fail_with(run, r, 0, true, now_ns);
        return;
    }
    if (cache_put_services(&peripheral->central->cache, peripheral->address, services) < 0)
        env_log(peripheral->central->env, BLEPROXY_LOG_DEBUG, "central", peripheral->proxy,
                "no memory to keep a device's services");
    attempt_succeed(run, services, false, now_ns);
    services_unref(services);
}

static void on_service(void *user, const BluetoothGATTService *service)
{
    struct attempt_run *run = user;
    services_builder_add(&run->builder, service);
}

static bool attempt_is_answered(struct attempt_run *run, const struct session_outcome *outcome,
                                uint64_t now_ns)
{
    if (run->dropped)
        return false;
    run->awaited = NULL;
    if (outcome->error == 0)
        return true;
    attempt_fail_with(run, peripheral_is_unknown(outcome) ? BLEPROXY_E_DISCONNECTED : outcome->error,
                      outcome->code, true, now_ns);
    return false;
}

static void on_services(void *user, const struct session_outcome *outcome, uint64_t now_ns)
{
    struct attempt_run *run = user;
    struct central *central = run->operation.central;
    central_enter(central, now_ns);
    if (attempt_is_answered(run, outcome, now_ns))
        attempt_discovered(run, now_ns);
    central_leave(central);
}

static struct session_await attempt_await(struct attempt_run *run, session_outcome_fn *on_outcome)
{
    return (struct session_await){.timeout_ns = REQUEST_TIMEOUT_S * NS_PER_S,
                                  .on_outcome = on_outcome,
                                  .user = run,
                                  .ret_request = &run->awaited};
}

static void attempt_discover(struct attempt_run *run, uint64_t now_ns)
{
    struct peripheral *peripheral = run->operation.peripheral;
    if (run->cached) {
        attempt_succeed(run, run->cached, true, now_ns);
        return;
    }
    const struct session_await await = attempt_await(run, on_services);
    int r = session_gatt_services(peripheral->link.session, peripheral->address, on_service, &await, now_ns);
    if (r < 0)
        attempt_fail_with(run, r, 0, true, now_ns);
}

static void on_paired(void *user, const struct session_outcome *outcome, uint64_t now_ns)
{
    struct attempt_run *run = user;
    struct central *central = run->operation.central;
    central_enter(central, now_ns);
    if (attempt_is_answered(run, outcome, now_ns)) {
        bonds_put(&central->routing.bonds, run->bond, run->operation.peripheral->source,
                  scanner_label(run->operation.peripheral->scanner));
        run->bond = NULL;
        attempt_discover(run, now_ns);
    }
    central_leave(central);
}

static void attempt_prepare(struct attempt_run *run, uint64_t now_ns)
{
    struct peripheral *peripheral = run->operation.peripheral;
    run->stage = ATTEMPT_PREPARING;
    run->operation.deadline_ns = BP_NEVER;
    if (!run->wanted.pair) {
        attempt_discover(run, now_ns);
        return;
    }
    const struct session_await await = attempt_await(run, on_paired);
    int r = session_device_pair(peripheral->link.session, peripheral->address, &await, now_ns);
    if (r < 0)
        attempt_fail_with(run, r, 0, true, now_ns);
}

/* ---- Coming up ---- */

/* A proxy that was told that the MTU is known reports the default at once; before mid-2026 one that had the link already
 * reports 0. */
static void attempt_take_mtu(struct attempt_run *run, uint32_t mtu)
{
    struct peripheral *peripheral = run->operation.peripheral;
    uint32_t least = run->hinted ? BLEPROXY_MTU_DEFAULT + 1 : BLEPROXY_MTU_DEFAULT;
    peripheral->mtu = run->cached_mtu > 0 ? run->cached_mtu : BLEPROXY_MTU_DEFAULT;
    if (mtu < least || mtu > UINT16_MAX)
        return;
    peripheral->mtu = (uint16_t)mtu;
    if (cache_put_mtu(&peripheral->central->cache, peripheral->address, peripheral->mtu) < 0)
        env_log(peripheral->central->env, BLEPROXY_LOG_DEBUG, "central", peripheral->proxy,
                "no memory to keep a device's MTU");
}

/* With all slots taken, firmware refuses without a reason. */
static bool attempt_found_no_slot(const struct attempt_run *run, int32_t reason)
{
    const struct peripheral *peripheral = run->operation.peripheral;
    const struct bleproxy_slots *slots = slots_view(scanner_slot_record(peripheral->scanner));
    if (reason != 0)
        return false;
    for (size_t i = 0; i < slots->n_allocated; i++)
        if (slots->allocated[i] == peripheral->address)
            return false;
    return slots->free == 0;
}

void attempt_on_connection(struct attempt_run *run, bool connected, uint32_t mtu, int32_t reason, bool held,
                           uint64_t now_ns)
{
    bool opening = run->stage == ATTEMPT_CONNECTING;
    int error = opening ? BLEPROXY_E_LINK : BLEPROXY_E_DISCONNECTED;
    if (opening && attempt_found_no_slot(run, reason))
        error = BLEPROXY_E_NO_SLOT;
    if (!connected || reason != 0 || !opening) {
        attempt_fail_with(run, error, reason, held, now_ns);
        return;
    }
    attempt_resume(run, now_ns);
    run->turn.is_up = true;
    queue_wake(run->operation.central);
    attempt_take_mtu(run, mtu);
    attempt_log(run, "connected, MTU %u", run->operation.peripheral->mtu);
    peripheral_track(run->operation.peripheral);
    attempt_prepare(run, now_ns);
}

static void attempt_connect(struct attempt_run *run, uint64_t now_ns)
{
    struct peripheral *peripheral = run->operation.peripheral;
    struct cache *cache = &peripheral->central->cache;
    uint64_t address = peripheral->address;
    struct session *session = scanner_session(peripheral->scanner);
    int r = session ? peripheral_attach(peripheral, session) : BLEPROXY_E_NOT_CONNECTED;
    if (r < 0) {
        attempt_fail_with(run, r, 0, false, now_ns);
        return;
    }
    struct services *cached = run->wanted.no_cache ? NULL : cache_services(cache, address);
    run->cached = cached ? services_ref(cached) : NULL;
    run->cached_mtu = run->wanted.no_cache ? 0 : cache_mtu(cache, address);
    run->hinted = cached && run->cached_mtu > 0;
    peripheral->phase = LINK_OPENING;
    run->stage = ATTEMPT_CONNECTING;
    r = session_device_connect(session, address, run->wanted.address_type, run->hinted, now_ns);
    if (r < 0) {
        attempt_fail_with(run, r, 0, false, now_ns);
        return;
    }
    attempt_pause(run, now_ns);
    attempt_log(run, "connecting%s", run->hinted ? ", the services are known" : "");
    operation_set_deadline(&run->operation, time_after(now_ns, run->wanted.timeout_ns));
}

/* A waiter that fails was waiting for a proxy that is lost. */
static void on_slot(void *user, int error, uint64_t now_ns)
{
    struct attempt_run *run = user;
    struct central *central = run->operation.central;
    central_enter(central, now_ns);
    if (error < 0)
        attempt_fail_with(run, BLEPROXY_E_CLOSED, 0, false, now_ns);
    else
        attempt_connect(run, now_ns);
    central_leave(central);
}

static void attempt_wait_slot(struct attempt_run *run, uint64_t now_ns)
{
    struct slots *slots = scanner_slot_record(run->operation.peripheral->scanner);
    run->stage = ATTEMPT_SLOT;
    int r = slots_wait(slots, &run->waiter, on_slot, run);
    uint64_t patience_ns = run->wanted.slot_ns > 0 ? run->wanted.slot_ns : SLOT_WAIT_S * NS_PER_S;
    if (r == 0)
        operation_set_deadline(&run->operation, time_after(now_ns, patience_ns));
    else
        on_slot(run, r, now_ns);
}

/* ---- From outside ---- */

void attempt_released(struct attempt_run *run, uint64_t now_ns)
{
    if (run->stage == ATTEMPT_RELEASE)
        attempt_wait_slot(run, now_ns);
    else
        attempt_finish(run);
}

void attempt_lost(struct attempt_run *run, int error, bool held, uint64_t now_ns)
{
    attempt_fail_with(run, error, 0, held, now_ns);
}

static void attempt_tick(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct attempt_run *run = (struct attempt_run *)operation;
    switch (run->stage) {
    case ATTEMPT_RELEASE:
        break;
    case ATTEMPT_SLOT:
        attempt_fail_with(run, BLEPROXY_E_NO_SLOT, 0, false, now_ns);
        break;
    case ATTEMPT_CONNECTING:
        attempt_fail_with(run, BLEPROXY_E_TIMEOUT, 0, true, now_ns);
        break;
    case ATTEMPT_PREPARING:
        break;
    case ATTEMPT_SETTLING:
        attempt_finish(run);
        break;
    }
}

static void attempt_cancel(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct attempt_run *run = (struct attempt_run *)operation;
    struct peripheral *peripheral = operation->peripheral;
    attempt_stop(run, now_ns);
    if (peripheral->phase == LINK_OPENING)
        peripheral_release(peripheral, now_ns);
    run->ending = (struct ending){.error = BLEPROXY_E_CANCELLED};
    attempt_finish(run);
}

static uint32_t attempt_lacks(const struct attempt_run *run)
{
    uint32_t features = run->operation.peripheral->features;
    if (!(features & BLEPROXY_FEATURE_REMOTE_CACHING))
        return BLEPROXY_FEATURE_REMOTE_CACHING;
    return run->wanted.pair && !(features & BLEPROXY_FEATURE_PAIRING) ? BLEPROXY_FEATURE_PAIRING : 0;
}

static void attempt_start(struct attempt_run *run, uint64_t now_ns)
{
    struct peripheral *peripheral = run->operation.peripheral;
    struct routing *routing = &peripheral->central->routing;
    uint32_t missing = attempt_lacks(run);
    int r = run->wanted.pair && missing == 0 ? bonds_reserve(&routing->bonds, peripheral->address, &run->bond)
                                             : 0;
    run->starting = true;
    turn_begin(routing, &run->turn, peripheral->scanner);
    if (missing != 0) {
        peripheral_warn_missing(peripheral, missing);
        attempt_fail(run, &(struct ending){.error = BLEPROXY_E_UNSUPPORTED, .missing = missing}, false,
                     now_ns);
    } else if (r < 0) {
        attempt_fail_with(run, r, 0, false, now_ns);
    } else if (peripheral->phase == LINK_RELEASING) {
        run->stage = ATTEMPT_RELEASE;
    } else {
        attempt_wait_slot(run, now_ns);
    }
    run->starting = false;
}

int peripheral_attempt(struct peripheral *peripheral, const struct attempt *attempt,
                       bleproxy_result_fn *on_done, void *user, uint64_t now_ns,
                       struct bleproxy_operation **ret_operation)
{
    struct central *central = peripheral->central;
    if (peripheral_is_shut(peripheral))
        return BLEPROXY_E_STATE;
    if (!scanner_session(attempt->scanner))
        return BLEPROXY_E_NOT_CONNECTED;
    if (peripheral_is_taken_by(peripheral, peripheral))
        return BLEPROXY_E_BUSY;
    struct attempt_run *run = operation_new(central, sizeof(*run), on_done, user);
    if (!run)
        return BLEPROXY_E_NOMEM;
    run->wanted = *attempt;
    run->operation.on_tick = attempt_tick;
    run->operation.on_cancel = attempt_cancel;
    services_builder_init(&run->builder, central->env);
    int r = peripheral_join(peripheral, attempt->scanner);
    if (r < 0) {
        operation_discard(&run->operation);
        return r;
    }
    run->operation.peripheral = peripheral;
    peripheral->attempt = run;
    central_enter(central, now_ns);
    attempt_start(run, now_ns);
    central_leave(central);
    if (ret_operation)
        *ret_operation = &run->operation;
    return 0;
}
