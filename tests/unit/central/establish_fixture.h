/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CENTRAL_ESTABLISH_FIXTURE_H
#define TESTS_CENTRAL_ESTABLISH_FIXTURE_H

#include "route_fixture.h"

#include "central/establish.h"
#include "central/operation.h"
#include "central/peripheral_private.h"
#include "central/verdict.h"

/* Connecting over a peripheral whose attempts end as the test says. The operations and the choice of the proxy are the
 * real ones; of the central there is only what those need. */
enum { TRIES_MAX = 32 };

/* How attempts go: the last one stands for all that follow. */
struct script {
    int error;
    int32_t code;
    enum bleproxy_cause cause;
    uint32_t takes_ms; /* UINT32_MAX: for ever */
};

#define SCRIPT(...)                                                                                          \
    (const struct script[]){__VA_ARGS__}, sizeof((const struct script[]){__VA_ARGS__}) / sizeof(struct script)

static const struct script good = {.takes_ms = 700};

struct played {
    struct bleproxy_operation operation;
    struct stage *stage;
    const struct script *script;
    struct turn turn;
    uint64_t source;
};

struct stage {
    struct fixture *hub;
    struct central central;
    struct peripheral peripheral;
    const struct script *script;
    size_t n_script;

    struct {
        uint64_t began_ns, ended_ns, source;
        struct attempt attempt;
    } tries[TRIES_MAX];
    size_t n_tries;
    unsigned attempts_cancelled;
    struct played *playing;
    int refuse; /* what the next attempt returns; 0: it begins */

    struct bleproxy_operation *connecting;
    unsigned completed;
    uint64_t completed_ns;
    struct bleproxy_result result;
    char text[1000];
    void (*on_completed)(struct stage *stage);
};

/* The stage on which peripheral_attempt() plays. */
static struct stage *stage_now;

void central_enter(struct central *central, uint64_t now_ns)
{
    central->now_ns = now_ns;
    central->depth++;
}

void central_leave(struct central *central)
{
    assert_true(central->depth > 0);
    central->depth--;
}

void central_announce(struct central *central, uint64_t deadline_ns)
{
    if (deadline_ns < central->told_ns)
        central->told_ns = deadline_ns;
}

struct central *peripheral_central(const struct peripheral *peripheral)
{
    return peripheral->freed ? NULL : peripheral->central;
}

uint64_t peripheral_address(const struct peripheral *peripheral)
{
    return peripheral->address;
}

bool peripheral_is_taken(const struct peripheral *peripheral)
{
    list_for_each(node,
                  &peripheral->central->operations) if (list_entry(node, struct bleproxy_operation, node)
                                                            ->connects) return true;
    return peripheral->phase != LINK_NONE;
}

static void played_end(struct played *played, const struct script *script)
{
    struct stage *stage = played->stage;
    const struct bleproxy_result result = {.error = script->error,
                                           .code = script->code,
                                           .cause = script->cause,
                                           .source = played->source,
                                           .text = script->error ? "connecting to it: trouble" : ""};
    stage->tries[stage->n_tries - 1].ended_ns = stage->hub->now_ns;
    stage->playing = NULL;
    turn_end(&played->turn);
    pauses_end(&stage->central.routing.pauses, played->source, stage->hub->now_ns);
    queue_wake(&stage->central);
    operation_complete(&played->operation, &result);
}

static void played_tick(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct played *played = (struct played *)operation;
    (void)now_ns;
    played_end(played, played->script);
}

static void played_cancel(struct bleproxy_operation *operation, uint64_t now_ns)
{
    static const struct script cancelled = {.error = BLEPROXY_E_CANCELLED, .cause = BLEPROXY_CAUSE_CALLER};
    struct played *played = (struct played *)operation;
    (void)now_ns;
    played->stage->attempts_cancelled++;
    played_end(played, &cancelled);
}

int peripheral_attempt(struct peripheral *peripheral, const struct attempt *attempt,
                       bleproxy_result_fn *on_done, void *user, uint64_t now_ns,
                       struct bleproxy_operation **ret_operation)
{
    struct stage *stage = stage_now;
    assert_ptr_equal(peripheral, &stage->peripheral);
    assert_null(stage->playing); /* one at a time */
    if (stage->refuse)
        return stage->refuse;
    struct played *played = operation_new(&stage->central, sizeof(*played), on_done, user);
    if (!played)
        return BLEPROXY_E_NOMEM;
    size_t i = stage->n_tries < stage->n_script ? stage->n_tries : stage->n_script - 1;
    played->operation.peripheral = peripheral;
    played->operation.on_tick = played_tick;
    played->operation.on_cancel = played_cancel;
    played->stage = stage;
    played->script = &stage->script[i];
    played->source = scanner_source(attempt->scanner);
    turn_begin(&stage->central.routing, &played->turn, attempt->scanner);
    pauses_begin(&stage->central.routing.pauses, played->source, now_ns);
    if (played->script->takes_ms != UINT32_MAX)
        operation_set_deadline(&played->operation, now_ns + played->script->takes_ms * NS_PER_MS);
    assert_true(stage->n_tries < TRIES_MAX);
    stage->tries[stage->n_tries].began_ns = now_ns;
    stage->tries[stage->n_tries].source = played->source;
    stage->tries[stage->n_tries++].attempt = *attempt;
    stage->playing = played;
    *ret_operation = &played->operation;
    return 0;
}

static inline void on_connected(void *user, const struct bleproxy_result *result)
{
    struct stage *stage = user;
    stage->completed++;
    stage->connecting = NULL;
    stage->completed_ns = stage->hub->now_ns;
    stage->result = *result;
    snprintf(stage->text, sizeof(stage->text), "%s", result->text);
    if (stage->on_completed)
        stage->on_completed(stage);
}

static inline struct bleproxy_operation *first_due(const struct stage *stage)
{
    struct bleproxy_operation *first = NULL;
    list_for_each(node, &stage->central.operations)
    {
        struct bleproxy_operation *operation = list_entry(node, struct bleproxy_operation, node);
        if (!first || operation->deadline_ns < first->deadline_ns)
            first = operation;
    }
    return first;
}

/* Everything that is due by then happens when it is due. */
static inline void run_until(struct stage *stage, uint64_t end_ns)
{
    for (;;) {
        struct bleproxy_operation *first = first_due(stage);
        uint64_t due_ns = stage->central.queue.woken ? 0 : first ? first->deadline_ns : BP_NEVER;
        if (due_ns > end_ns)
            break;
        if (due_ns > stage->hub->now_ns)
            stage->hub->now_ns = due_ns;
        central_enter(&stage->central, stage->hub->now_ns);
        if (!stage->central.queue.woken) {
            first->deadline_ns = BP_NEVER;
            first->on_tick(first, stage->hub->now_ns);
        }
        queue_tick(&stage->central, stage->hub->now_ns);
        central_leave(&stage->central);
    }
    stage->hub->now_ns = end_ns;
}

static inline void run_for(struct stage *stage, uint64_t ms)
{
    run_until(stage, stage->hub->now_ns + ms * NS_PER_MS);
}

/* It begins at T0, and nothing has happened yet. */
static inline void begin(struct stage *stage, const struct script *script, size_t n_script,
                         const struct bleproxy_connect_options *options)
{
    stage->script = script;
    stage->n_script = n_script;
    assert_int_equal(establish_start(&stage->peripheral, options, on_connected, stage, stage->hub->now_ns,
                                     &stage->connecting),
                     0);
    assert_int_equal(stage->n_tries, 0);
    assert_int_equal(stage->completed, 0);
}

/* To its end, which it must come to by itself. */
static inline void play(struct stage *stage, const struct script *script, size_t n_script,
                        const struct bleproxy_connect_options *options)
{
    begin(stage, script, n_script, options);
    run_for(stage, 3600 * 1000);
    assert_int_equal(stage->completed, 1);
}

static inline uint64_t since_start_ms(uint64_t time_ns)
{
    return (time_ns - T0) / NS_PER_MS;
}

static inline uint64_t pause_ms(const struct stage *stage, size_t after)
{
    return (stage->tries[after + 1].began_ns - stage->tries[after].ended_ns) / NS_PER_MS;
}

/* The device is heard by the first proxy at -50 dBm. */
static inline int stage_setup(void **state)
{
    static struct stage stages;
    struct stage *stage = &stages;
    void *fixture;
    route_setup(&fixture);
    *stage = (struct stage){.hub = fixture};
    stage->central = (struct central){
        .env = &stage->hub->test.env, .hub = stage->hub->hub, .told_ns = BP_NEVER, .now_ns = T0};
    list_init(&stage->central.operations);
    queue_init(&stage->central.queue);
    routing_init(&stage->central.routing, &stage->hub->test.env, stage->hub->hub, 0);
    stage->peripheral.central = &stage->central;
    stage->peripheral.address = DEVICE;
    stage_now = stage;
    heard_by(stage->hub, 0, -50);
    *state = stage;
    return 0;
}

static inline int stage_teardown(void **state)
{
    struct stage *stage = *state;
    assert_true(list_empty(&stage->central.operations));
    assert_true(list_empty(&stage->central.queue.waiters));
    assert_int_equal(stage->central.depth, 0);
    routing_deinit(&stage->central.routing);
    void *fixture = stage->hub;
    return fixture_teardown(&fixture);
}

#endif
