/* SPDX-License-Identifier: MIT */
#include "establish_fixture.h"

#include <bleproxy/error.h>

/* ---- The cases of bleak-retry-connector, the Python stack's part of this; docs/differences.md has the differences ---- */

static void test_f170_an_error_of_no_kind_ends_it_at_the_fourth(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x05, .takes_ms = 1000}), NULL);
    assert_int_equal(stage->n_tries, 4);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pause_ms(stage, i), 100);
    assert_int_equal(stage->result.error, BLEPROXY_E_LINK);
    assert_int_equal(stage->result.code, 0x05);
    assert_int_equal(stage->result.source, 0xA0);
    assert_int_equal(stage->result.attempts, 4);
    assert_string_equal(stage->text, "gave up after 4 attempts: connecting to it: trouble");
    /* Python pauses once more before it gives up. */
    assert_int_equal(since_start_ms(stage->completed_ns), 4 * 1000 + 3 * 100);
}

/* Python reports "not found", and has no deadline. */
static void test_f171_timeouts_end_it_at_the_fourth_and_stay_timeouts(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 300000};
    play(stage, SCRIPT({.error = BLEPROXY_E_TIMEOUT, .cause = BLEPROXY_CAUSE_TIMEOUT, .takes_ms = 20000}),
         &options);
    assert_int_equal(stage->n_tries, 4);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pause_ms(stage, i), 250);
    assert_int_equal(stage->result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_TIMEOUT);
    assert_int_equal(since_start_ms(stage->completed_ns), 4 * 20000 + 3 * 250);
}

static void test_f172_eight_times_passing_trouble_and_then_it_works(void **state)
{
    struct stage *stage = *state;
    const struct script trouble = {.error = BLEPROXY_E_LINK, .code = 0x3e, .takes_ms = 1000};
    play(stage, SCRIPT(trouble, trouble, trouble, trouble, trouble, trouble, trouble, trouble, good), NULL);
    assert_int_equal(stage->n_tries, 9);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pause_ms(stage, i), 500);
    assert_int_equal(stage->result.error, 0);
    assert_int_equal(stage->result.attempts, 9);
    assert_int_equal(stage->result.source, 0xA0);
    assert_string_equal(stage->text, "");
    assert_int_equal(since_start_ms(stage->completed_ns), 8 * 1500 + 700);
}

static void test_f173_slots_in_use_end_it_at_the_ninth(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_NO_SLOT, .cause = BLEPROXY_CAUSE_SLOTS, .takes_ms = 2000}), NULL);
    assert_int_equal(stage->n_tries, 9);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pause_ms(stage, i), 4000);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_SLOTS);
    assert_int_equal(since_start_ms(stage->completed_ns), 9 * 2000 + 8 * 4000);
}

/* Python reports slots in use, of which it says nothing; how long the proxy has tried does tell. */
static void test_f174_attempts_that_the_proxy_cancels(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x100, .takes_ms = 1000}), NULL);
    assert_int_equal(stage->n_tries, 9);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pause_ms(stage, i), 4000);
    assert_int_equal(stage->result.error, BLEPROXY_E_LINK);
    assert_int_equal(stage->result.code, 0x100);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_FIRMWARE);
    assert_non_null(strstr(stage->text, "firmware"));
}

static void cancelled_after(struct stage *stage, uint32_t ms)
{
    const struct bleproxy_connect_options once = {.attempts = 1};
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x100, .takes_ms = ms}), &once);
    assert_int_equal(stage->n_tries, 1);
}

static void test_f174_cancelled_before_eight_seconds_it_is_the_firmware(void **state)
{
    struct stage *stage = *state;
    cancelled_after(stage, 7999);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_FIRMWARE);
}

static void test_f174_cancelled_after_eight_seconds_it_is_the_range(void **state)
{
    struct stage *stage = *state;
    cancelled_after(stage, 8000);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_RANGE);
}

/* What BlueZ calls le-connection-abort-by-local is the proxy hanging up, here. */
static void test_f175_a_proxy_that_hangs_up_ends_it_at_the_ninth(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x16, .takes_ms = 1000}), NULL);
    assert_int_equal(stage->n_tries, 9);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pause_ms(stage, i), 250);
    assert_int_equal(stage->result.error, BLEPROXY_E_LINK);
}

/* A KeyError is how Python's users notice a wrong cache, when they look up a service of theirs while connecting.
 * Connecting looks up nothing here: BLEPROXY_E_NO_ATTRIBUTE ends the operation that looks, which evicts what was cached.
 * Should it ever end an attempt, it is an error of no kind. */
static void test_f176_missing_attributes_have_no_part_in_connecting(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_NO_ATTRIBUTE, .takes_ms = 1000}), NULL);
    assert_int_equal(stage->n_tries, 4);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_ATTRIBUTE);
}

/* Python knows two ways to lose a proxy, and does not pause after a broken pipe. */
static void test_f177_a_proxy_that_is_lost_ends_it_at_the_ninth(void **state)
{
    struct stage *stage = *state;
    const struct script lost[] = {
        {.error = BLEPROXY_E_CLOSED, .cause = BLEPROXY_CAUSE_PROXY, .takes_ms = 1000},
        {.error = BLEPROXY_E_PING, .cause = BLEPROXY_CAUSE_PROXY, .takes_ms = 1000},
    };
    play(stage, lost, 2, NULL);
    assert_int_equal(stage->n_tries, 9);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pause_ms(stage, i), 250);
    assert_int_equal(stage->result.error, BLEPROXY_E_PING);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_PROXY);
}

/* BlueZ's UnknownObject has no counterpart; a device without services is as unusable, and keeps its own name. */
static void test_f178_an_unusable_device_ends_it_at_the_fourth(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_NO_SERVICES, .cause = BLEPROXY_CAUSE_FIRMWARE, .takes_ms = 1000}),
         NULL);
    assert_int_equal(stage->n_tries, 4);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_SERVICES);
}

static void test_f179_the_table_row_by_row(void **state)
{
    static const struct {
        int error;
        int32_t code;
        enum bleproxy_cause cause;
        enum verdict_class class;
        unsigned pause_ms;
    } rows[] = {
        {BLEPROXY_E_TIMEOUT, 0, BLEPROXY_CAUSE_TIMEOUT, VERDICT_TIMEOUT, 250},
        {BLEPROXY_E_CLOSED, 0, BLEPROXY_CAUSE_PROXY, VERDICT_TRANSIENT, 250},
        {BLEPROXY_E_NOT_CONNECTED, 0, BLEPROXY_CAUSE_PROXY, VERDICT_TRANSIENT, 250},
        {BLEPROXY_E_ENCRYPTION, 0, BLEPROXY_CAUSE_PROXY, VERDICT_TRANSIENT, 250},
        {BLEPROXY_E_NOT_HEARD, 0, BLEPROXY_CAUSE_NOT_HEARD, VERDICT_TRANSIENT, 4000},
        {BLEPROXY_E_NO_PROXY, 0, BLEPROXY_CAUSE_NO_PROXY, VERDICT_TRANSIENT, 4000},
        {BLEPROXY_E_NO_SLOT, 0, BLEPROXY_CAUSE_SLOTS, VERDICT_TRANSIENT, 4000},
        {BLEPROXY_E_LINK, 0x100, BLEPROXY_CAUSE_RANGE, VERDICT_TRANSIENT, 4000},
        {BLEPROXY_E_LINK, 0x3e, BLEPROXY_CAUSE_RANGE, VERDICT_TRANSIENT, 500},
        {BLEPROXY_E_LINK, 0x08, BLEPROXY_CAUSE_RANGE, VERDICT_ERROR, 500},
        {BLEPROXY_E_LINK, 0x85, BLEPROXY_CAUSE_RANGE, VERDICT_ERROR, 1000},
        {BLEPROXY_E_LINK, 0x13, BLEPROXY_CAUSE_PEER, VERDICT_TRANSIENT, 250},
        {BLEPROXY_E_LINK, 0x16, BLEPROXY_CAUSE_RANGE, VERDICT_TRANSIENT, 250},
        {BLEPROXY_E_LINK, 0, BLEPROXY_CAUSE_RANGE, VERDICT_ERROR, 0},
        {BLEPROXY_E_LINK, 0x05, BLEPROXY_CAUSE_KEY, VERDICT_ERROR, 100},
        {BLEPROXY_E_LINK, -1, BLEPROXY_CAUSE_RANGE, VERDICT_ERROR, 100},
        {BLEPROXY_E_DISCONNECTED, 0, BLEPROXY_CAUSE_RANGE, VERDICT_ERROR, 0},
        {BLEPROXY_E_DISCONNECTED, 0x13, BLEPROXY_CAUSE_PEER, VERDICT_ERROR, 0},
        {BLEPROXY_E_GATT, 0x85, BLEPROXY_CAUSE_ATTRIBUTE, VERDICT_ERROR, 100},
        {BLEPROXY_E_PAIRING, 5, BLEPROXY_CAUSE_KEY, VERDICT_ERROR, 100},
        {BLEPROXY_E_REFUSED, 1, BLEPROXY_CAUSE_FIRMWARE, VERDICT_ERROR, 100},
        {BLEPROXY_E_NO_SERVICES, 0, BLEPROXY_CAUSE_FIRMWARE, VERDICT_ERROR, 100},
        {-9999, 0, BLEPROXY_CAUSE_NONE, VERDICT_ERROR, 100},
        {BLEPROXY_E_UNSUPPORTED, 0, BLEPROXY_CAUSE_FIRMWARE, VERDICT_FATAL, 0},
        {BLEPROXY_E_CANCELLED, 0, BLEPROXY_CAUSE_CALLER, VERDICT_FATAL, 0},
        {BLEPROXY_E_INVALID, 0, BLEPROXY_CAUSE_CALLER, VERDICT_FATAL, 0},
        {BLEPROXY_E_STATE, 0, BLEPROXY_CAUSE_CALLER, VERDICT_FATAL, 0},
        {BLEPROXY_E_BUSY, 0, BLEPROXY_CAUSE_CALLER, VERDICT_FATAL, 0},
        {BLEPROXY_E_NOMEM, 0, BLEPROXY_CAUSE_NONE, VERDICT_FATAL, 0},
        {BLEPROXY_E_LIMIT, 0, BLEPROXY_CAUSE_NONE, VERDICT_FATAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct bleproxy_result result = {
            .error = rows[i].error, .code = rows[i].code, .cause = rows[i].cause, .text = ""};
        const struct verdict verdict = verdict_of(&result);
        assert_int_equal(verdict.class, rows[i].class);
        assert_int_equal(verdict.pause_ns, rows[i].pause_ms * NS_PER_MS);
    }
}

/* Python's decorator of any coroutine has no counterpart: its number of tries is an option of connecting. */
static void test_f180_the_number_of_attempts_is_an_option(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.attempts = 2};
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x05, .takes_ms = 1000}), &options);
    assert_int_equal(stage->n_tries, 2);
}

static void test_f181_what_an_attempt_is_told(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT(good), NULL);
    const struct attempt *attempt = &stage->tries[0].attempt;
    assert_ptr_equal(attempt->scanner, stage->hub->scanners[0]);
    assert_int_equal(attempt->address_type, BLEPROXY_ADDRESS_RANDOM);
    assert_int_equal(attempt->timeout_ns, 20 * NS_PER_S);
    assert_false(attempt->pair);
    assert_false(attempt->no_cache);
    assert_int_equal(stage->tries[0].began_ns, T0);
}

static void test_f181_options_reach_every_attempt(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.pair = true, .no_cache = true, .attempt_ms = 3000};
    play(stage, SCRIPT({.error = BLEPROXY_E_TIMEOUT, .takes_ms = 3000}, good), &options);
    assert_int_equal(stage->n_tries, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(stage->tries[i].attempt.pair);
        assert_true(stage->tries[i].attempt.no_cache);
        assert_int_equal(stage->tries[i].attempt.timeout_ns, 3 * NS_PER_S);
    }
}

/* ---- Chance ---- */

static unsigned char chance;

static void by_chance(void *user, void *buf, size_t size)
{
    (void)user;
    memset(buf, chance, size);
}

static uint64_t pause_by(struct stage *stage, unsigned char bytes)
{
    const struct bleproxy_connect_options twice = {.attempts = 2};
    chance = bytes;
    stage->hub->test.env.random = by_chance;
    stage->n_tries = stage->completed = 0;
    heard_by(stage->hub, 0, -50);
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x85, .takes_ms = 1000}), &twice);
    return pause_ms(stage, 0);
}

/* Those that failed together do not try again together. */
static void test_a_pause_is_a_quarter_shorter_or_longer_by_chance(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(pause_by(stage, 0x00), 750);
    assert_int_equal(pause_by(stage, 0x80), 1000 + 0);
    assert_int_equal(pause_by(stage, 0xff), 1249);
    stage->central.routing.reference = true;
    assert_int_equal(pause_by(stage, 0x00), 1000);
}

/* ---- Limits ---- */

static void test_what_counts_and_what_passes_have_limits_of_their_own(void **state)
{
    struct stage *stage = *state;
    const struct script passing = {.error = BLEPROXY_E_LINK, .code = 0x13, .takes_ms = 1000};
    const struct script timeout = {.error = BLEPROXY_E_TIMEOUT, .takes_ms = 1000};
    const struct script error = {.error = BLEPROXY_E_LINK, .code = 0x85, .takes_ms = 1000};
    play(stage,
         SCRIPT(passing, timeout, passing, passing, error, passing, passing, passing, timeout, passing,
                passing, error),
         NULL);
    assert_int_equal(stage->n_tries, 12);
    assert_int_equal(stage->result.code, 0x85);
}

static void test_one_attempt_is_one_attempt_whatever_the_trouble(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1};
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x3e, .takes_ms = 1000}), &once);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(since_start_ms(stage->completed_ns), 1000);
    assert_int_equal(stage->result.attempts, 1);
    assert_string_equal(stage->text, "connecting to it: trouble");
}

static void test_what_no_attempt_can_change_ends_it_at_once(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_UNSUPPORTED, .cause = BLEPROXY_CAUSE_FIRMWARE, .takes_ms = 1000}),
         NULL);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(stage->result.error, BLEPROXY_E_UNSUPPORTED);
    assert_int_equal(since_start_ms(stage->completed_ns), 1000);
}

static void test_a_link_lost_while_it_is_prepared_is_tried_again_without_a_pause(void **state)
{
    struct stage *stage = *state;
    play(stage, SCRIPT({.error = BLEPROXY_E_DISCONNECTED, .code = 0x13, .takes_ms = 1000}), NULL);
    assert_int_equal(stage->n_tries, 4);
    assert_int_equal(since_start_ms(stage->completed_ns), 4000);
    assert_int_equal(stage->result.error, BLEPROXY_E_DISCONNECTED);
}

/* ---- The proxy ---- */

static void test_failures_move_it_to_the_second_proxy(void **state)
{
    struct stage *stage = *state;
    heard_by(stage->hub, 1, -65);
    play(stage,
         SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x3e, .takes_ms = 1000},
                {.error = BLEPROXY_E_LINK, .code = 0x3e, .takes_ms = 1000}, good),
         NULL);
    assert_int_equal(stage->tries[0].source, 0xA0);
    assert_int_equal(stage->tries[1].source, 0xA0);
    assert_int_equal(stage->tries[2].source, 0xA1);
    assert_int_equal(stage->result.source, 0xA1);
    assert_int_equal(stage->result.attempts, 3);
}

static void test_a_pinned_proxy_is_the_only_one(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.source = 0xA1};
    heard_by(stage->hub, 1, -95);
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x3e, .takes_ms = 1000}), &options);
    assert_int_equal(stage->n_tries, 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(stage->tries[i].source, 0xA1);
}

static void test_a_pinned_proxy_that_does_not_hear_it(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.source = 0xA1, .attempts = 1};
    play(stage, SCRIPT(good), &options);
    assert_int_equal(stage->n_tries, 0);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_PROXY);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_NO_PROXY);
    assert_int_equal(stage->result.attempts, 0);
    assert_non_null(strstr(stage->text, "the one proxy that may be used"));
}

static void test_a_proxy_that_goes_during_a_pause_is_not_tried_again(void **state)
{
    struct stage *stage = *state;
    heard_by(stage->hub, 1, -99);
    begin(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x100, .takes_ms = 1000}, good), NULL);
    run_for(stage, 2000);
    hub_unregister_scanner(stage->hub->hub, stage->hub->scanners[0], stage->hub->now_ns);
    run_for(stage, 10000);
    assert_int_equal(stage->n_tries, 2);
    assert_int_equal(stage->tries[1].source, 0xA1);
    assert_int_equal(stage->result.error, 0);
}

static unsigned failures_of(const struct stage *stage, uint64_t source)
{
    return failures_count(&stage->central.routing.failures, source, DEVICE, 0);
}

/* They are the path's, not the connect's. */
static void test_failures_outlive_the_connect_and_success_clears_them(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1};
    heard_by(stage->hub, 1, -65);
    for (unsigned i = 0; i < 2; i++) {
        stage->completed = 0;
        begin(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x3e, .takes_ms = 1000}), &once);
        run_for(stage, 2000);
        assert_int_equal(stage->result.source, 0xA0);
        stage->n_tries = 0;
    }
    assert_int_equal(failures_of(stage, 0xA0), 2);
    failures_add(&stage->central.routing.failures, 0xA1, DEVICE, 0, stage->hub->now_ns);
    failures_add(&stage->central.routing.failures, 0xA0, DEVICE, 0, stage->hub->now_ns);
    stage->completed = 0;
    begin(stage, SCRIPT(good), &once);
    run_for(stage, 2000);
    assert_int_equal(stage->result.source, 0xA1);
    assert_int_equal(failures_of(stage, 0xA1), 0);
    assert_int_equal(failures_of(stage, 0xA0), 3);
}

static void test_what_is_not_the_paths_fault_is_no_failure_of_it(void **state)
{
    static const int errors[] = {BLEPROXY_E_NO_SLOT, BLEPROXY_E_PAIRING, BLEPROXY_E_UNSUPPORTED};
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1};
    for (size_t i = 0; i < 3; i++) {
        for (unsigned reference = 0; reference < 2; reference++) {
            stage->central.routing.reference = reference;
            stage->completed = 0;
            stage->n_tries = 0;
            begin(stage, &(const struct script){.error = errors[i], .takes_ms = 1000}, 1, &once);
            run_for(stage, 2000);
            assert_int_equal(failures_of(stage, 0xA0), reference);
            failures_clear(&stage->central.routing.failures, 0xA0, DEVICE);
        }
    }
}

/* F145: in Python whoever loses patience has counted a failure. It says nothing of the path: here only the deadline does,
 * which gave the path all the time that there was. */
static void test_f145_a_cancelled_connect(void **state)
{
    struct stage *stage = *state;
    for (unsigned reference = 0; reference < 2; reference++) {
        stage->central.routing.reference = reference;
        stage->completed = 0;
        stage->n_tries = 0;
        begin(stage, SCRIPT({.takes_ms = UINT32_MAX}), NULL);
        run_for(stage, 1000);
        operation_cancel(stage->connecting, stage->hub->now_ns);
        assert_int_equal(stage->result.error, BLEPROXY_E_CANCELLED);
        assert_null(stage->playing);
        assert_int_equal(failures_of(stage, 0xA0), reference);
        heard_by(stage->hub, 0, -50);
    }
}

static void test_an_attempt_that_the_deadline_ends_has_failed(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 5000};
    play(stage, SCRIPT({.takes_ms = UINT32_MAX}), &options);
    assert_int_equal(failures_of(stage, 0xA0), 1);
}

/* ---- Nobody hears it ---- */

static void nobody_hears_it(struct stage *stage)
{
    hub_unregister_scanner(stage->hub->hub, stage->hub->scanners[0], stage->hub->now_ns);
}

static void test_not_heard_is_looked_at_every_four_seconds_nine_times(void **state)
{
    struct stage *stage = *state;
    nobody_hears_it(stage);
    play(stage, SCRIPT(good), NULL);
    assert_int_equal(stage->n_tries, 0);
    assert_int_equal(stage->result.error, BLEPROXY_E_NOT_HEARD);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_NOT_HEARD);
    assert_int_equal(stage->result.attempts, 0);
    assert_int_equal(since_start_ms(stage->completed_ns), 8 * 4000);
}

static void test_not_heard_and_one_attempt_ends_it_but_not_from_within(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1};
    nobody_hears_it(stage);
    play(stage, SCRIPT(good), &once);
    assert_int_equal(stage->completed_ns, T0);
    assert_int_equal(stage->result.error, BLEPROXY_E_NOT_HEARD);
}

static void test_a_device_that_wakes_up_is_connected_at_once(void **state)
{
    struct stage *stage = *state;
    nobody_hears_it(stage);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 5500);
    heard_by(stage->hub, 2, -60);
    assert_int_equal(stage->n_tries, 0); /* not from within the report */
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(since_start_ms(stage->tries[0].began_ns), 5500);
    assert_int_equal(stage->tries[0].source, 0xA2);
    run_for(stage, 60000);
    assert_int_equal(stage->result.error, 0);
}

static void test_a_report_that_opens_no_way_changes_nothing(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.source = 0xA3};
    nobody_hears_it(stage);
    begin(stage, SCRIPT(good), &options);
    run_for(stage, 1000);
    for (unsigned i = 0; i < 2 * ESTABLISH_TRANSIENT_MAX; i++) {
        heard_by(stage->hub, 2, -60);
        run_for(stage, 25);
    }
    assert_int_equal(stage->completed, 0);
    run_for(stage, 50);
    assert_int_equal(stage->n_tries, 0);
    heard_by(stage->hub, 3, -90);
    run_for(stage, 5000);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(since_start_ms(stage->tries[0].began_ns), 1500);
}

static void test_a_proxy_that_recovers_is_found_without_a_report(void **state)
{
    struct stage *stage = *state;
    scanner_set_available(stage->hub->scanners[0], false, T0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 1000);
    scanner_set_available(stage->hub->scanners[0], true, stage->hub->now_ns);
    report_slots(stage->hub, 0, 3);
    run_for(stage, 10000);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(since_start_ms(stage->tries[0].began_ns), 4000);
}

static void test_not_heard_until_the_deadline_comes(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 5000};
    nobody_hears_it(stage);
    play(stage, SCRIPT(good), &options);
    assert_int_equal(since_start_ms(stage->completed_ns), 5000);
    assert_int_equal(stage->result.error, BLEPROXY_E_NOT_HEARD);
    assert_non_null(strstr(stage->text, "gave up within 5 s: "));
}

static void test_out_of_memory_for_listening_leaves_the_pause(void **state)
{
    struct stage *stage = *state;
    nobody_hears_it(stage);
    begin(stage, SCRIPT(good), NULL);
    stage->hub->test.fail_after = 0;
    run_for(stage, 1000);
    stage->hub->test.fail_after = SIZE_MAX;
    heard_by(stage->hub, 2, -60);
    run_for(stage, 10000);
    assert_int_equal(since_start_ms(stage->tries[0].began_ns), 4000);
    assert_int_equal(stage->result.error, 0);
}

static void test_no_proxy_at_all(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1};
    for (unsigned i = 0; i < N_SCANNERS; i++)
        hub_unregister_scanner(stage->hub->hub, stage->hub->scanners[i], T0);
    play(stage, SCRIPT(good), &once);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_PROXY);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_NO_PROXY);
    assert_non_null(strstr(stage->text, "no proxy is connected"));
}

/* ---- The deadline ---- */

static void test_the_deadline_cancels_the_attempt_under_way(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 10500};
    play(stage, SCRIPT({.takes_ms = UINT32_MAX}), &options);
    assert_int_equal(since_start_ms(stage->completed_ns), 10500);
    assert_int_equal(stage->attempts_cancelled, 1);
    assert_int_equal(stage->tries[0].attempt.timeout_ns, 10500 * NS_PER_MS);
    assert_int_equal(stage->result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_TIMEOUT);
    assert_int_equal(stage->result.source, 0xA0);
    assert_int_equal(stage->result.attempts, 1);
    assert_non_null(strstr(stage->text, "10.5 s"));
}

static void test_the_deadline_is_sixty_seconds_and_reports_the_last_failure(void **state)
{
    struct stage *stage = *state;
    play(stage,
         SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x85, .cause = BLEPROXY_CAUSE_RANGE, .takes_ms = 50000},
                {.takes_ms = UINT32_MAX}),
         NULL);
    assert_int_equal(since_start_ms(stage->completed_ns), 60000);
    assert_int_equal(stage->tries[1].attempt.timeout_ns, 9 * NS_PER_S); /* what is left */
    assert_int_equal(stage->attempts_cancelled, 1);
    assert_int_equal(stage->result.error, BLEPROXY_E_LINK);
    assert_int_equal(stage->result.code, 0x85);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_RANGE);
    assert_int_equal(stage->result.attempts, 2);
    assert_string_equal(stage->text, "gave up within 60 s after 2 attempts: connecting to it: trouble");
}

static void test_no_pause_is_begun_that_crosses_the_deadline(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 10000};
    play(stage, SCRIPT({.error = BLEPROXY_E_NO_SLOT, .cause = BLEPROXY_CAUSE_SLOTS, .takes_ms = 7000}),
         &options);
    assert_int_equal(since_start_ms(stage->completed_ns), 7000);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(stage->n_tries, 1);
}

static void test_a_pause_to_the_deadline_exactly_is_none(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 10000};
    play(stage, SCRIPT({.error = BLEPROXY_E_NO_SLOT, .takes_ms = 6000}), &options);
    assert_int_equal(since_start_ms(stage->completed_ns), 6000);
}

static void test_a_pause_that_leaves_a_moment_leaves_an_attempt(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 10000};
    play(stage, SCRIPT({.error = BLEPROXY_E_NO_SLOT, .takes_ms = 5999}), &options);
    assert_int_equal(stage->n_tries, 2);
    assert_int_equal(stage->tries[1].attempt.timeout_ns, NS_PER_MS);
    assert_int_equal(since_start_ms(stage->completed_ns), 10000);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_SLOT);
}

/* That it was not heard is no longer why. */
static void test_the_deadline_in_the_attempt_after_it_was_heard(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 10000};
    nobody_hears_it(stage);
    begin(stage, SCRIPT({.takes_ms = UINT32_MAX}), &options);
    run_for(stage, 3000);
    heard_by(stage->hub, 1, -80);
    run_for(stage, 60000);
    assert_int_equal(stage->completed, 1);
    assert_int_equal(since_start_ms(stage->completed_ns), 10000);
    assert_int_equal(stage->result.error, BLEPROXY_E_TIMEOUT);
}

static void test_the_longest_deadline(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {
        .deadline_ms = UINT32_MAX, .attempt_ms = UINT32_MAX, .attempts = UINT32_MAX};
    begin(stage, SCRIPT(good), &options);
    run_for(stage, 0);
    assert_int_equal(stage->tries[0].attempt.timeout_ns, UINT32_MAX * NS_PER_MS);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
}

/* ---- Its end by the caller ---- */

static void cancel(struct stage *stage)
{
    operation_cancel(stage->connecting, stage->hub->now_ns);
    assert_int_equal(stage->completed, 1);
    assert_int_equal(stage->result.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_CALLER);
    assert_null(stage->playing);
    assert_true(list_empty(&stage->central.operations));
    size_t n_tries = stage->n_tries;
    heard_by(stage->hub, 3, -30);
    run_for(stage, 100000);
    assert_int_equal(stage->completed, 1);
    assert_int_equal(stage->n_tries, n_tries);
}

static void test_cancelled_before_it_has_done_anything(void **state)
{
    struct stage *stage = *state;
    begin(stage, SCRIPT(good), NULL);
    cancel(stage);
    assert_int_equal(stage->n_tries, 0);
}

static void test_cancelled_in_an_attempt(void **state)
{
    struct stage *stage = *state;
    begin(stage, SCRIPT({.error = BLEPROXY_E_TIMEOUT, .takes_ms = 1000}, good), NULL);
    run_for(stage, 1300);
    assert_int_equal(stage->n_tries, 2);
    cancel(stage);
    assert_int_equal(stage->attempts_cancelled, 1);
    assert_int_equal(stage->result.attempts, 2);
}

static void test_cancelled_in_a_pause(void **state)
{
    struct stage *stage = *state;
    begin(stage, SCRIPT({.error = BLEPROXY_E_TIMEOUT, .takes_ms = 1000}, good), NULL);
    run_for(stage, 1100);
    cancel(stage);
    assert_int_equal(stage->attempts_cancelled, 0);
    assert_int_equal(stage->n_tries, 1);
}

static void test_cancelled_before_a_failure_is_judged(void **state)
{
    struct stage *stage = *state;
    begin(stage, SCRIPT({.takes_ms = UINT32_MAX}), NULL);
    run_for(stage, 0);
    played_end(stage->playing, &(const struct script){.error = BLEPROXY_E_TIMEOUT});
    assert_int_equal(stage->completed, 0);
    cancel(stage);
}

static void test_cancelled_while_it_listens(void **state)
{
    struct stage *stage = *state;
    nobody_hears_it(stage);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 1000);
    cancel(stage);
}

static void test_an_attempt_that_somebody_else_cancels_ends_it(void **state)
{
    struct stage *stage = *state;
    begin(stage, SCRIPT({.takes_ms = UINT32_MAX}), NULL);
    run_for(stage, 1000);
    operation_cancel(&stage->playing->operation, stage->hub->now_ns);
    assert_int_equal(stage->completed, 1);
    assert_int_equal(stage->result.error, BLEPROXY_E_CANCELLED);
}

static void leave_nothing(struct stage *stage)
{
    stage->peripheral = (struct peripheral){0};
}

static void test_the_peripheral_may_be_gone_after_any_end(void **state)
{
    struct stage *stage = *state;
    stage->on_completed = leave_nothing;
    begin(stage, SCRIPT({.takes_ms = UINT32_MAX}), NULL);
    run_for(stage, 1000);
    operation_cancel(stage->connecting, stage->hub->now_ns);
    assert_int_equal(stage->completed, 1);
}

static void begin_again(struct stage *stage)
{
    stage->on_completed = NULL;
    assert_int_equal(establish_start(&stage->peripheral, NULL, on_connected, stage, stage->hub->now_ns,
                                     &stage->connecting),
                     0);
}

static void test_the_next_may_begin_in_the_callback(void **state)
{
    struct stage *stage = *state;
    stage->on_completed = begin_again;
    begin(stage, SCRIPT({.error = BLEPROXY_E_UNSUPPORTED, .takes_ms = 1000}, good), NULL);
    run_for(stage, 10000);
    assert_int_equal(stage->completed, 2);
    assert_int_equal(stage->result.error, 0);
    assert_int_equal(stage->result.attempts, 1);
}

/* ---- What cannot begin ---- */

static void test_one_connect_at_a_time(void **state)
{
    struct stage *stage = *state;
    struct bleproxy_operation *second = NULL;
    begin(stage, SCRIPT(good), NULL);
    assert_int_equal(
        establish_start(&stage->peripheral, NULL, on_connected, stage, stage->hub->now_ns, &second),
        BLEPROXY_E_BUSY);
    assert_null(second);
    run_for(stage, 1000);
    assert_int_equal(stage->completed, 1);
    stage->peripheral.phase = LINK_UP;
    assert_int_equal(
        establish_start(&stage->peripheral, NULL, on_connected, stage, stage->hub->now_ns, &second),
        BLEPROXY_E_BUSY);
}

static void test_an_attempt_that_cannot_begin_ends_it(void **state)
{
    struct stage *stage = *state;
    stage->refuse = BLEPROXY_E_BUSY;
    play(stage, SCRIPT(good), NULL);
    assert_int_equal(stage->result.error, BLEPROXY_E_BUSY);
    assert_int_equal(stage->result.attempts, 0);
    assert_int_equal(stage->completed_ns, T0);
}

static void test_out_of_memory(void **state)
{
    struct stage *stage = *state;
    stage->hub->test.fail_after = 0;
    assert_int_equal(establish_start(&stage->peripheral, NULL, on_connected, stage, T0, &stage->connecting),
                     BLEPROXY_E_NOMEM);
    stage->hub->test.fail_after = 1;
    play(stage, SCRIPT(good), NULL);
    stage->hub->test.fail_after = SIZE_MAX;
    assert_int_equal(stage->result.error, BLEPROXY_E_NOMEM);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, stage_setup, stage_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_f170_an_error_of_no_kind_ends_it_at_the_fourth),
        CASE(test_f171_timeouts_end_it_at_the_fourth_and_stay_timeouts),
        CASE(test_f172_eight_times_passing_trouble_and_then_it_works),
        CASE(test_f173_slots_in_use_end_it_at_the_ninth),
        CASE(test_f174_attempts_that_the_proxy_cancels),
        CASE(test_f174_cancelled_before_eight_seconds_it_is_the_firmware),
        CASE(test_f174_cancelled_after_eight_seconds_it_is_the_range),
        CASE(test_f175_a_proxy_that_hangs_up_ends_it_at_the_ninth),
        CASE(test_f176_missing_attributes_have_no_part_in_connecting),
        CASE(test_f177_a_proxy_that_is_lost_ends_it_at_the_ninth),
        CASE(test_f178_an_unusable_device_ends_it_at_the_fourth),
        CASE(test_f179_the_table_row_by_row),
        CASE(test_f180_the_number_of_attempts_is_an_option),
        CASE(test_f181_what_an_attempt_is_told),
        CASE(test_f181_options_reach_every_attempt),
        CASE(test_a_pause_is_a_quarter_shorter_or_longer_by_chance),
        CASE(test_what_counts_and_what_passes_have_limits_of_their_own),
        CASE(test_one_attempt_is_one_attempt_whatever_the_trouble),
        CASE(test_what_no_attempt_can_change_ends_it_at_once),
        CASE(test_a_link_lost_while_it_is_prepared_is_tried_again_without_a_pause),
        CASE(test_failures_move_it_to_the_second_proxy),
        CASE(test_a_pinned_proxy_is_the_only_one),
        CASE(test_a_pinned_proxy_that_does_not_hear_it),
        CASE(test_a_proxy_that_goes_during_a_pause_is_not_tried_again),
        CASE(test_failures_outlive_the_connect_and_success_clears_them),
        CASE(test_what_is_not_the_paths_fault_is_no_failure_of_it),
        CASE(test_f145_a_cancelled_connect),
        CASE(test_an_attempt_that_the_deadline_ends_has_failed),
        CASE(test_not_heard_is_looked_at_every_four_seconds_nine_times),
        CASE(test_not_heard_and_one_attempt_ends_it_but_not_from_within),
        CASE(test_a_device_that_wakes_up_is_connected_at_once),
        CASE(test_a_report_that_opens_no_way_changes_nothing),
        CASE(test_a_proxy_that_recovers_is_found_without_a_report),
        CASE(test_not_heard_until_the_deadline_comes),
        CASE(test_out_of_memory_for_listening_leaves_the_pause),
        CASE(test_no_proxy_at_all),
        CASE(test_the_deadline_cancels_the_attempt_under_way),
        CASE(test_the_deadline_is_sixty_seconds_and_reports_the_last_failure),
        CASE(test_no_pause_is_begun_that_crosses_the_deadline),
        CASE(test_a_pause_to_the_deadline_exactly_is_none),
        CASE(test_a_pause_that_leaves_a_moment_leaves_an_attempt),
        CASE(test_the_deadline_in_the_attempt_after_it_was_heard),
        CASE(test_the_longest_deadline),
        CASE(test_cancelled_before_it_has_done_anything),
        CASE(test_cancelled_in_an_attempt),
        CASE(test_cancelled_in_a_pause),
        CASE(test_cancelled_before_a_failure_is_judged),
        CASE(test_cancelled_while_it_listens),
        CASE(test_an_attempt_that_somebody_else_cancels_ends_it),
        CASE(test_the_peripheral_may_be_gone_after_any_end),
        CASE(test_the_next_may_begin_in_the_callback),
        CASE(test_one_connect_at_a_time),
        CASE(test_an_attempt_that_cannot_begin_ends_it),
        CASE(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
