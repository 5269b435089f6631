/* SPDX-License-Identifier: MIT */
#include "central/establish.h"

#include "central/central_private.h"
#include "central/operation.h"
#include "central/result.h"
#include "central/route.h"
#include "hub/scanner.h"
#include <stdio.h>
#include <string.h>

enum {
    DEADLINE_MS = 60000,
    ATTEMPT_MS = 20000,
    SLOT_WAIT_MS = 2000, /* for a proxy that reports none free */
    /* A proxy that cancels sooner has not waited for the device: that is its firmware's fault, not the distance's. */
    HASTY_MS = 8000,
};

/* Connection reasons that tell whether the next attempt may fare better. */
enum {
    REASON_NONE = 0, /* not connected, and no word why */
    REASON_TIMEOUT = 0x08,
    REASON_PEER_HUNG_UP = 0x13,
    REASON_PROXY_HUNG_UP = 0x16,
    REASON_FAIL_ESTABLISH = 0x3e,
    REASON_GATT_ERROR = 0x85,
    REASON_CANCELLED = 0x100,
};

struct establish {
    struct bleproxy_operation
        operation; /* its deadline: judgement of a failure, the end of a pause, or of all */
    struct bleproxy_connect_options options; /* what was 0 is the default */
    struct route route;
    struct bleproxy_operation *attempt; /* under way, or NULL */
    struct bleproxy_search *search;     /* for a report that opens a way, or NULL */
    uint64_t source, began_ns;          /* of the last attempt */
    uint64_t end_ns;                    /* of all */
    unsigned attempts, counted, transient;
    bool failed;        /* the attempt did, and at the next tick that is judged */
    struct report last; /* failure; error 0: none */
};

static struct establish_verdict verdict(enum establish_class class, unsigned pause_ms)
{
    return (struct establish_verdict){.class = class, .pause_ns = pause_ms * NS_PER_MS};
}

static struct establish_verdict judge_link(int32_t reason)
{
    switch (reason) {
    case REASON_CANCELLED:
        return verdict(ESTABLISH_TRANSIENT, 4000);
    case REASON_FAIL_ESTABLISH:
        return verdict(ESTABLISH_TRANSIENT, 500);
    case REASON_PEER_HUNG_UP:
    case REASON_PROXY_HUNG_UP:
        return verdict(ESTABLISH_TRANSIENT, 250);
    case REASON_TIMEOUT:
        return verdict(ESTABLISH_ERROR, 500);
    case REASON_NONE:
        return verdict(ESTABLISH_ERROR, 0);
    case REASON_GATT_ERROR:
        return verdict(ESTABLISH_ERROR, 1000);
    default:
        return verdict(ESTABLISH_ERROR, 100);
    }
}

struct establish_verdict establish_judge(const struct bleproxy_result *result)
{
    switch (result->error) {
    case BLEPROXY_E_NOMEM:
    case BLEPROXY_E_INVALID:
    case BLEPROXY_E_STATE:
    case BLEPROXY_E_CANCELLED:
    case BLEPROXY_E_LIMIT:
    case BLEPROXY_E_UNSUPPORTED:
    case BLEPROXY_E_BUSY:
        return verdict(ESTABLISH_FATAL, 0);
    case BLEPROXY_E_TIMEOUT:
        return verdict(ESTABLISH_TIMEOUT, 250);
    case BLEPROXY_E_NOT_HEARD:
    case BLEPROXY_E_NO_PROXY:
    case BLEPROXY_E_NO_SLOT:
        return verdict(ESTABLISH_TRANSIENT, 4000);
    case BLEPROXY_E_LINK:
        return judge_link(result->code);
    case BLEPROXY_E_DISCONNECTED:
        return verdict(ESTABLISH_ERROR, 0);
    default: /* pairing, too: its failure clears a bond that one side has lost */
        return result->cause == BLEPROXY_CAUSE_PROXY ? verdict(ESTABLISH_TRANSIENT, 250)
                                                     : verdict(ESTABLISH_ERROR, 100);
    }
}

static bool is_unreachable(int error)
{
    return error == BLEPROXY_E_NOT_HEARD || error == BLEPROXY_E_NO_PROXY;
}

static struct hub *hub_of(const struct establish *establish)
{
    return establish->operation.central->hub;
}

static uint64_t address_of(const struct establish *establish)
{
    return peripheral_address(establish->operation.peripheral);
}

static void cancel_search(struct establish *establish)
{
    if (establish->search)
        bleproxy_search_cancel(establish->search);
}

static void complete(struct establish *establish, const struct bleproxy_result *result)
{
    cancel_search(establish);
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
}

/* Why there is none to try, where that is not the usual reason; else NULL. */
static const char *why_no_proxy(const struct establish *establish)
{
    size_t position = 0;
    if (!hub_next_scanner(hub_of(establish), &position))
        return "no proxy is connected: check that they are powered and reachable";
    if (establish->options.source)
        return "the one proxy that may be used does not hear it, or cannot connect now: allow others, or "
               "move "
               "the device nearer to it";
    return NULL;
}

/* A failure that no attempt has reported. */
static void fail(struct establish *establish, int error)
{
    const struct ending ending = {.error = error, .doing = "connecting to"};
    struct report *last = &establish->last;
    report_fill(last, &ending, address_of(establish), NULL);
    const char *why = error == BLEPROXY_E_NO_PROXY ? why_no_proxy(establish) : NULL;
    if (!why)
        return;
    char address[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(address_of(establish), address);
    snprintf(last->text, sizeof(last->text), "connecting to %s failed: %s", address, why);
}

/* What it means that a proxy cancelled an attempt depends on how long it had tried. */
static void explain_cancelling(struct establish *establish, uint64_t now_ns)
{
    struct report *last = &establish->last;
    if (last->result.error != BLEPROXY_E_LINK || last->result.code != REASON_CANCELLED)
        return;
    bool hasty = now_ns - establish->began_ns < HASTY_MS * NS_PER_MS;
    size_t n = strlen(last->text);
    last->result.cause = hasty ? BLEPROXY_CAUSE_FIRMWARE : BLEPROXY_CAUSE_RANGE;
    snprintf(last->text + n, sizeof(last->text) - n, " (%s)",
             hasty ? "so soon it is the proxy's firmware: update ESPHome on it, or restart it"
                   : "after so long it is the distance: move the device nearer to the proxy");
}

static int find_way(const struct establish *establish, struct route_choice *ret_choice)
{
    return route_choose(&establish->route, hub_of(establish), address_of(establish),
                        establish->options.source, ret_choice);
}

static bool opens_way(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct route_choice choice;
    (void)advertisement;
    return find_way(user, &choice) == 0;
}

static void on_way(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct establish *establish = user;
    (void)advertisement;
    establish->search = NULL;
    if (error == 0)
        operation_set_deadline(&establish->operation, 0);
}

/* Cuts the pause short when a way opens. Out of memory it lasts its time. */
static void listen(struct establish *establish, uint64_t now_ns)
{
    const struct bleproxy_filter filter = {
        .address = address_of(establish), .predicate = opens_way, .predicate_user = establish};
    struct bleproxy_search *search;
    if (hub_find(hub_of(establish), &filter, BP_NEVER, on_way, establish, now_ns, &search) == 0)
        establish->search = search;
}

static bool is_last(struct establish *establish, enum establish_class class)
{
    switch (class) {
    case ESTABLISH_FATAL:
        return true;
    case ESTABLISH_TIMEOUT:
    case ESTABLISH_ERROR:
        establish->counted++;
        break;
    case ESTABLISH_TRANSIENT:
        establish->transient++;
        break;
    }
    return establish->options.attempts == 1 || establish->counted >= establish->options.attempts ||
           establish->transient >= ESTABLISH_TRANSIENT_MAX;
}

/* After a failure: again, after a pause, or not. */
static void judge(struct establish *establish, uint64_t now_ns)
{
    const struct establish_verdict what = establish_judge(&establish->last.result);
    uint64_t again_ns = time_after(now_ns, what.pause_ns);
    if (is_last(establish, what.class)) {
        give_up(establish, false);
        return;
    }
    if (is_unreachable(establish->last.result.error)) {
        again_ns = time_min(again_ns, establish->end_ns);
        listen(establish, now_ns);
    } else if (again_ns >= establish->end_ns) {
        give_up(establish, true);
        return;
    }
    env_log(establish->operation.central->env, BLEPROXY_LOG_DEBUG, "central", NULL, "%s; again in %g s",
            establish->last.text, (double)(again_ns - now_ns) / (double)NS_PER_S);
    operation_set_deadline(&establish->operation, again_ns);
}

static void on_attempted(void *user, const struct bleproxy_result *result)
{
    struct establish *establish = user;
    if (!establish->attempt) /* ended from here */
        return;
    establish->attempt = NULL;
    if (result->error == 0) {
        struct bleproxy_result success = *result;
        success.attempts = establish->attempts;
        complete(establish, &success);
        return;
    }
    keep(establish, result);
    if (establish_judge(result).class == ESTABLISH_FATAL) {
        give_up(establish, false);
        return;
    }
    route_failed(&establish->route, establish->source);
    establish->failed = true;
    operation_set_deadline(&establish->operation, 0);
}

/* It ends a moment before the deadline: then it is known that a slot was missing. */
static uint64_t slot_patience(uint64_t left_ns)
{
    return left_ns > SLOT_WAIT_MS * NS_PER_MS ? SLOT_WAIT_MS * NS_PER_MS : left_ns - left_ns / 16;
}

static int begin_attempt(struct establish *establish, const struct route_choice *choice, uint64_t now_ns)
{
    const struct bleproxy_connect_options *options = &establish->options;
    const struct attempt attempt = {
        .scanner = choice->scanner,
        .address_type = choice->address_type,
        .pair = options->pair,
        .no_cache = options->no_cache,
        .slot_ns = slot_patience(establish->end_ns - now_ns),
        .timeout_ns = time_min(options->attempt_ms * NS_PER_MS, establish->end_ns - now_ns),
    };
    const uint64_t source = scanner_source(choice->scanner);
    int r = peripheral_attempt(establish->operation.peripheral, &attempt, on_attempted, establish, now_ns,
                               &establish->attempt);
    if (r < 0)
        return r;
    establish->source = source;
    establish->began_ns = now_ns;
    establish->attempts++;
    if (is_unreachable(establish->last.result.error)) /* it is so no longer */
        establish->last.result.error = 0;
    operation_set_deadline(&establish->operation, establish->end_ns);
    return 0;
}

static void try_once(struct establish *establish, uint64_t now_ns)
{
    struct route_choice choice;
    cancel_search(establish);
    int r = find_way(establish, &choice);
    if (r == 0)
        r = begin_attempt(establish, &choice, now_ns);
    if (r < 0) {
        fail(establish, r);
        judge(establish, now_ns);
    }
}

static void end_attempt(struct establish *establish, uint64_t now_ns)
{
    struct bleproxy_operation *attempt = establish->attempt;
    establish->attempt = NULL;
    if (attempt)
        operation_cancel(attempt, now_ns);
}

static void on_tick(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct establish *establish = (struct establish *)operation;
    if (establish->failed) {
        establish->failed = false;
        explain_cancelling(establish, now_ns);
        judge(establish, now_ns);
    } else if (!establish->attempt && now_ns < establish->end_ns) {
        try_once(establish, now_ns);
    } else {
        end_attempt(establish, now_ns);
        if (establish->last.result.error == 0) {
            fail(establish, BLEPROXY_E_TIMEOUT);
            establish->last.result.source = establish->source;
        }
        give_up(establish, true);
    }
}

static void on_cancel(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct establish *establish = (struct establish *)operation;
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
    establish->operation.peripheral = peripheral;
    establish->operation.connects = true;
    establish->operation.on_tick = on_tick;
    establish->operation.on_cancel = on_cancel;
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
