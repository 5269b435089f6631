/* SPDX-License-Identifier: MIT */
#include "central/establish.h"

#include "central/central_private.h"
#include "central/operation.h"
#include "central/reach.h"
#include "central/result.h"
#include "central/verdict.h"
#include "hub/interest.h"
#include "hub/scanner.h"
#include "hub/slots.h"
#include <stdio.h>
#include <string.h>

enum {
    DEADLINE_MS = 60000,
    ATTEMPT_MS = 20000,
    SLOT_WAIT_MS = 2000, /* while no slot is free */
    LOOK_MS = 1000,      /* how often waiting for a busy proxy is thought over */
    /* A proxy that cancels sooner has not waited for the device: that is its firmware's fault, not the distance's. */
    HASTY_MS = 8000,
};

struct establish {
    struct bleproxy_operation
        operation; /* its deadline: judgement of a failure, the end of a pause, the next look, or the end */
    struct bleproxy_connect_options options; /* what was 0 is the default */
    struct bleproxy_operation *attempt;      /* under way, or NULL */
    uint64_t source, registered_ns,
        began_ns;    /* of the last attempt: its proxy, since when that is there, ... */
    uint64_t end_ns; /* of all */
    unsigned attempts, counted, transient;
    bool failed;        /* the attempt did, and at the next tick that is judged */
    struct report last; /* failure; error 0: none */
    bool lacked_way;    /* that was it */

    /* While it waits for a proxy to be had */
    struct waiter waiter;
    struct bleproxy_search *search; /* for a report that opens a way, or NULL */
    bool called;                    /* there was one */
    struct slot_waiter slot;        /* at the best of those that are full */
    int awaits;                     /* what route_choose() said at the last look, and */
    uint64_t awaited;               /* the proxy of that; 0: none */
    uint64_t count_ns;              /* from then on it counts as a failure that there is none */
    uint64_t slot_ns;               /* until then slots have time to come free; 0: none was missing yet */
    uint64_t busy_ns;               /* since then it waits for a busy proxy; 0: it does not */
};

static struct central *central_of(const struct establish *establish)
{
    return establish->operation.central;
}

static uint64_t address_of(const struct establish *establish)
{
    return peripheral_address(establish->operation.peripheral);
}

static struct establish *waiter_of(struct waiter *waiter)
{
    return list_entry(waiter, struct establish, waiter);
}

static void stop_waiting(struct establish *establish)
{
    queue_leave(&establish->waiter);
    slots_cancel(&establish->slot);
    if (establish->search)
        bleproxy_search_cancel(establish->search);
    establish->awaits = ROUTE_FREE;
    establish->awaited = establish->count_ns = establish->slot_ns = establish->busy_ns = 0;
}

static void complete(struct establish *establish, const struct bleproxy_result *result)
{
    stop_waiting(establish);
    interest_release(central_of(establish)->hub, address_of(establish));
    operation_complete(&establish->operation, result);
}

/* Ends it with the last failure. */
static void give_up(struct establish *establish, bool is_late)
{
    char late[40] = "", tries[40] = "", text[REPORT_TEXT_MAX + 100];
    const char *gave_up = is_late || establish->attempts > 1 ? "gave up" : "";
    if (is_late)
        snprintf(late, sizeof(late), " within %g s", establish->options.deadline_ms / 1000.0);
    if (establish->attempts > 1)
        snprintf(tries, sizeof(tries), " after %u attempts", establish->attempts);
    snprintf(text, sizeof(text), "%s%s%s%s%s", gave_up, late, tries, gave_up[0] ? ": " : "",
             establish->last.text);
    struct bleproxy_result result = establish->last.result;
    result.attempts = establish->attempts;
    result.text = text;
    complete(establish, &result);
}

static void keep(struct establish *establish, const struct bleproxy_result *result)
{
    struct report *last = &establish->last;
    last->result = *result;
    last->result.value = NULL;
    last->result.size = 0;
    last->result.text = last->text;
    snprintf(last->text, sizeof(last->text), "%s", result->text);
    establish->lacked_way = false;
}

static struct route route_of(const struct establish *establish, uint64_t now_ns)
{
    return (struct route){.address = address_of(establish),
                          .source = establish->options.source,
                          .ignore_bond = establish->options.ignore_bond,
                          .waited_ns = establish->busy_ns ? now_ns - establish->busy_ns : 0};
}

/* A failure that no attempt has reported. */
static void fail(struct establish *establish, int error)
{
    const struct ending ending = {.error = error, .doing = "connecting to"};
    report_fill(&establish->last, &ending, address_of(establish), NULL);
    establish->lacked_way = false;
}

/* The same, of which the proxies are the reason. */
static void fail_for_way(struct establish *establish, int error, uint64_t now_ns)
{
    const struct route route = route_of(establish, now_ns);
    char address[BLEPROXY_ADDRESS_TEXT_SIZE], why[BLEPROXY_PATH_TEXT_SIZE];
    struct report *last = &establish->last;
    fail(establish, error);
    establish->lacked_way = true;
    bleproxy_address_format(route.address, address);
    snprintf(last->text, sizeof(last->text), "connecting to %s failed: %s", address,
             reach_explain(&central_of(establish)->routing, &route, now_ns, why, sizeof(why)));
}

/* What it means that a proxy cancelled an attempt depends on how long it had tried. */
static void explain_cancelling(struct establish *establish, uint64_t now_ns)
{
    struct report *last = &establish->last;
    if (last->result.error != BLEPROXY_E_LINK || last->result.code != VERDICT_CANCELLED)
        return;
    bool hasty = now_ns - establish->began_ns < HASTY_MS * NS_PER_MS;
    size_t n = strlen(last->text);
    last->result.cause = hasty ? BLEPROXY_CAUSE_FIRMWARE : BLEPROXY_CAUSE_RANGE;
    snprintf(last->text + n, sizeof(last->text) - n, " (%s)",
             hasty ? "so soon it is the proxy's firmware: update ESPHome on it, or restart it"
                   : "after so long it is the distance: move the device nearer to the proxy");
}

/* ---- Waiting for a proxy ---- */

static int find_way(const struct establish *establish, uint64_t now_ns, struct path *ret_path)
{
    const struct route route = route_of(establish, now_ns);
    return route_choose(&central_of(establish)->routing, &route, now_ns, ret_path);
}

static bool opens_way(void *user, const struct bleproxy_advertisement *advertisement)
{
    const struct establish *establish = user;
    const struct central *central = central_of(establish);
    /* it may be an old one that the hub remembers */
    uint64_t now_ns = advertisement->time_ns > central->now_ns ? advertisement->time_ns : central->now_ns;
    const struct route route = route_of(establish, now_ns);
    struct path path;
    if (!route_opens(&central->routing, &route, advertisement->source, now_ns))
        return false;
    int r = find_way(establish, now_ns, &path);
    return r == ROUTE_FREE || (r > 0 && r != establish->awaits);
}

static void on_way(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct establish *establish = user;
    (void)advertisement;
    establish->search = NULL;
    if (error < 0)
        return;
    establish->called = true;
    queue_wake(central_of(establish));
}

/* Out of memory the next look comes when it comes. */
static void listen(struct establish *establish, uint64_t now_ns)
{
    const struct bleproxy_filter filter = {
        .address = address_of(establish), .predicate = opens_way, .predicate_user = establish};
    struct bleproxy_search *search;
    if (!establish->search &&
        hub_find(central_of(establish)->hub, &filter, BP_NEVER, on_way, establish, now_ns, &search) == 0)
        establish->search = search;
}

static void on_slot(void *user, int error, uint64_t now_ns)
{
    struct establish *establish = user;
    (void)error, (void)now_ns;
    queue_wake(central_of(establish));
}

/* Notes what is waited for, and tells the log when that is something else than before. */
static void note_wait(struct establish *establish, int awaits, const struct path *path)
{
    const uint64_t source = path ? path->view.source : 0;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bool same = establish->awaits == awaits && establish->awaited == source;
    if (awaits != ROUTE_FULL)
        slots_cancel(&establish->slot);
    else if (!same || !slots_is_waiting(&establish->slot))
        slots_wait(scanner_slot_record(path->scanner), &establish->slot, on_slot, establish);
    if (same)
        return;
    establish->awaits = awaits;
    establish->awaited = source;
    bleproxy_address_format(address_of(establish), address);
    env_log(central_of(establish)->env, BLEPROXY_LOG_DEBUG, "central", path ? path->view.proxy : NULL,
            "%s waits: %s", address,
            awaits == ROUTE_BUSY   ? "the best proxy is connecting another device"
            : awaits == ROUTE_FULL ? "no proxy that hears it has a free slot"
                                   : bleproxy_error_name(awaits));
}

static bool is_last(struct establish *establish, enum verdict_class class)
{
    switch (class) {
    case VERDICT_FATAL:
        return true;
    case VERDICT_TIMEOUT:
    case VERDICT_ERROR:
        establish->counted++;
        break;
    case VERDICT_TRANSIENT:
        establish->transient++;
        break;
    }
    return establish->options.attempts == 1 || establish->counted >= establish->options.attempts ||
           establish->transient >= ESTABLISH_TRANSIENT_MAX;
}

/* From three quarters of the pause to five: programs that failed together shall not try again together. */
static uint64_t jitter(const struct central *central, uint64_t pause_ns)
{
    uint32_t chance;
    if (central->routing.reference)
        return pause_ns;
    central->env->random(central->env->user, &chance, sizeof(chance));
    return pause_ns / 4 * 3 + (pause_ns / 2 * (chance >> 16) >> 16);
}

/* After a failure: again, after a pause, or not. Who waits in the queue keeps its place. */
static void judge(struct establish *establish, uint64_t now_ns)
{
    const struct verdict what = verdict_of(&establish->last.result);
    uint64_t again_ns = time_after(now_ns, jitter(central_of(establish), what.pause_ns));
    if (is_last(establish, what.class)) {
        give_up(establish, false);
        return;
    }
    if (queue_has(&establish->waiter)) {
        again_ns = time_min(again_ns, establish->end_ns);
        establish->count_ns = again_ns;
        establish->slot_ns = 0;
    } else if (again_ns >= establish->end_ns) {
        give_up(establish, true);
        return;
    }
    env_log(central_of(establish)->env, BLEPROXY_LOG_DEBUG, "central", NULL, "%s; again in %g s",
            establish->last.text, (double)(again_ns - now_ns) / (double)NS_PER_S);
    operation_set_deadline(&establish->operation, again_ns);
}

/* ---- Attempts ---- */

static void note_failure(const struct establish *establish, uint64_t now_ns)
{
    failures_add(&central_of(establish)->routing.failures, establish->source, address_of(establish),
                 establish->registered_ns, now_ns);
}

/* Whether it says something of the path: not that slots or keys are missing. */
static bool is_of_path(const struct establish *establish, const struct bleproxy_result *result)
{
    if (central_of(establish)->routing.reference)
        return true;
    return verdict_of(result).class != VERDICT_FATAL && result->error != BLEPROXY_E_NO_SLOT &&
           result->error != BLEPROXY_E_PAIRING;
}

static void on_attempted(void *user, const struct bleproxy_result *result)
{
    struct establish *establish = user;
    struct central *central = central_of(establish);
    if (!establish->attempt) /* ended from here */
        return;
    establish->attempt = NULL;
    if (result->error == 0) {
        struct bleproxy_result success = *result;
        success.attempts = establish->attempts;
        failures_clear(&central->routing.failures, establish->source, address_of(establish));
        complete(establish, &success);
        return;
    }
    if (is_of_path(establish, result))
        note_failure(establish, central->now_ns);
    keep(establish, result);
    if (verdict_of(result).class == VERDICT_FATAL) {
        give_up(establish, false);
        return;
    }
    establish->failed = true;
    operation_set_deadline(&establish->operation, 0);
}

/* It ends a moment before the deadline: then it is known that a slot was missing. */
static uint64_t slot_patience(uint64_t left_ns)
{
    return left_ns > SLOT_WAIT_MS * NS_PER_MS ? SLOT_WAIT_MS * NS_PER_MS : left_ns - left_ns / 16;
}

static int begin_attempt(struct establish *establish, const struct path *path, uint64_t now_ns)
{
    const struct bleproxy_connect_options *options = &establish->options;
    const struct attempt attempt = {
        .scanner = path->scanner,
        .address_type = path->address_type,
        .pair = options->pair,
        .no_cache = options->no_cache,
        .slot_ns = slot_patience(establish->end_ns - now_ns),
        .timeout_ns = time_min(options->attempt_ms * NS_PER_MS, establish->end_ns - now_ns),
    };
    establish->source = path->view.source;
    establish->registered_ns = scanner_registered_ns(path->scanner);
    int r = peripheral_attempt(establish->operation.peripheral, &attempt, on_attempted, establish, now_ns,
                               &establish->attempt);
    if (r < 0)
        return r;
    establish->began_ns = now_ns;
    establish->attempts++;
    if (establish->lacked_way) /* it does so no longer */
        establish->last.result.error = 0;
    establish->lacked_way = false;
    operation_set_deadline(&establish->operation, establish->end_ns);
    return 0;
}

static void try_it(struct establish *establish, const struct path *path, uint64_t now_ns)
{
    stop_waiting(establish);
    int r = begin_attempt(establish, path, now_ns);
    if (r < 0) {
        fail(establish, r);
        judge(establish, now_ns);
    }
}

/* When it is to be looked again for what was said; until now: it is a failure. */
static uint64_t patience(struct establish *establish, int awaits, uint64_t now_ns)
{
    if (awaits == ROUTE_BUSY)
        return time_after(now_ns, LOOK_MS * NS_PER_MS);
    if (awaits != ROUTE_FULL || establish->count_ns > now_ns || central_of(establish)->routing.reference)
        return establish->count_ns;
    if (!establish->slot_ns)
        establish->slot_ns = time_after(now_ns, slot_patience(establish->end_ns - now_ns));
    return establish->slot_ns;
}

static void on_look(struct waiter *waiter, uint64_t now_ns)
{
    struct establish *establish = waiter_of(waiter);
    struct path path;
    /* turns and slots are of no use to whom no proxy is */
    if (establish->awaits < 0 && !establish->called && now_ns < establish->count_ns &&
        !central_of(establish)->queue.has_new_rules)
        return;
    establish->called = false;
    int r = find_way(establish, now_ns, &path);
    if (r == ROUTE_FREE) {
        try_it(establish, &path, now_ns);
        return;
    }
    if (r != ROUTE_BUSY)
        establish->busy_ns = 0;
    else if (!establish->busy_ns)
        establish->busy_ns = now_ns;
    if (r != ROUTE_FULL)
        establish->slot_ns = 0;
    note_wait(establish, r, r > 0 ? &path : NULL);
    listen(establish, now_ns);
    uint64_t again_ns = patience(establish, r, now_ns);
    if (again_ns > now_ns) {
        operation_set_deadline(&establish->operation, time_min(again_ns, establish->end_ns));
        return;
    }
    fail_for_way(establish, r == ROUTE_FULL ? BLEPROXY_E_NO_SLOT : r, now_ns);
    judge(establish, now_ns);
}

/* It is time to: if that is of any use all look, in their order. */
static void look_again(struct establish *establish, uint64_t now_ns)
{
    struct path path;
    if (establish->awaits == ROUTE_BUSY && find_way(establish, now_ns, &path) == ROUTE_BUSY)
        operation_set_deadline(&establish->operation,
                               time_min(patience(establish, ROUTE_BUSY, now_ns), establish->end_ns));
    else
        queue_wake(central_of(establish));
}

static void end_attempt(struct establish *establish, uint64_t now_ns)
{
    struct bleproxy_operation *attempt = establish->attempt;
    establish->attempt = NULL;
    if (attempt)
        operation_cancel(attempt, now_ns);
}

/* The deadline has come. */
static void end_late(struct establish *establish, uint64_t now_ns)
{
    if (establish->attempt)
        note_failure(establish, now_ns);
    else if (establish->last.result.error == 0)
        fail_for_way(establish, BLEPROXY_E_TIMEOUT, now_ns);
    end_attempt(establish, now_ns);
    if (establish->last.result.error == 0) {
        fail(establish, BLEPROXY_E_TIMEOUT);
        establish->last.result.source = establish->source;
    }
    give_up(establish, true);
}

static void on_tick(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct establish *establish = (struct establish *)operation;
    struct central *central = central_of(establish);
    if (establish->failed) {
        establish->failed = false;
        explain_cancelling(establish, now_ns);
        judge(establish, now_ns);
    } else if (establish->attempt || now_ns >= establish->end_ns) {
        end_late(establish, now_ns);
    } else if (queue_has(&establish->waiter)) {
        look_again(establish, now_ns);
    } else {
        queue_enter(&central->queue, &establish->waiter);
        queue_wake(central);
    }
}

/* It is the caller who has no patience: that says nothing of the path. */
static void on_cancel(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct establish *establish = (struct establish *)operation;
    if (establish->attempt && central_of(establish)->routing.reference)
        note_failure(establish, now_ns);
    end_attempt(establish, now_ns);
    fail(establish, BLEPROXY_E_CANCELLED);
    give_up(establish, false);
}

int establish_start(struct peripheral *peripheral, const struct bleproxy_connect_options *options,
                    bleproxy_result_fn *on_connected, void *user, uint64_t now_ns,
                    struct bleproxy_operation **ret_operation)
{
    struct central *central = peripheral_central(peripheral);
    if (!central)
        return BLEPROXY_E_STATE;
    if (peripheral_is_taken(peripheral))
        return BLEPROXY_E_BUSY;
    struct establish *establish = operation_new(central, sizeof(*establish), on_connected, user);
    if (!establish)
        return BLEPROXY_E_NOMEM;
    int r = interest_hold(central->hub, peripheral_address(peripheral));
    if (r < 0) {
        operation_discard(&establish->operation);
        return r;
    }
    establish->operation.peripheral = peripheral;
    establish->operation.connects = true;
    establish->operation.on_tick = on_tick;
    establish->operation.on_cancel = on_cancel;
    establish->waiter.on_look = on_look;
    if (options)
        establish->options = *options;
    if (!establish->options.deadline_ms)
        establish->options.deadline_ms = DEADLINE_MS;
    if (!establish->options.attempt_ms)
        establish->options.attempt_ms = ATTEMPT_MS;
    if (!establish->options.attempts)
        establish->options.attempts = ESTABLISH_ATTEMPTS_DEFAULT;
    establish->end_ns = time_after(now_ns, establish->options.deadline_ms * NS_PER_MS);
    operation_set_deadline(&establish->operation, now_ns);
    if (ret_operation)
        *ret_operation = &establish->operation;
    return 0;
}
