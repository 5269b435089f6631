/* SPDX-License-Identifier: MIT */
#include "establish_fixture.h"

#include <bleproxy/error.h>

/* Connects that wait for a proxy to be had: test_turns.c has several of them, over attempts as they are. */

static void begin_turn_of_another(struct stage *stage, struct turn *turn, unsigned scanner)
{
    turn_begin(&stage->central.routing, turn, stage->hub->scanners[scanner]);
}

static void end_turn_of_another(struct stage *stage, struct turn *turn)
{
    turn_end(turn);
    queue_wake(&stage->central);
}

static void test_the_best_proxy_is_waited_for_while_it_connects_another_device(void **state)
{
    struct stage *stage = *state;
    struct turn turn;
    heard_by(stage->hub, 1, -78);
    begin_turn_of_another(stage, &turn, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 8000);
    assert_int_equal(stage->n_tries, 0);
    assert_true(
        test_env_logged(&stage->hub->test, "kitchen: AA:BB:CC:DD:EE:FF waits: the best proxy is connecting"));
    end_turn_of_another(stage, &turn);
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(stage->tries[0].source, 0xA0);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
    assert_int_equal(stage->result.attempts, 1);
}

static void test_waiting_comes_to_an_end_by_itself(void **state)
{
    struct stage *stage = *state;
    struct turn turn;
    heard_by(stage->hub, 1, -78);
    begin_turn_of_another(stage, &turn, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 60000);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(stage->tries[0].source, 0xA1);
    assert_int_equal(since_start_ms(stage->tries[0].began_ns),
                     28000); /* 28 dB, less 6, after 5 s; and a look each second */
    turn_end(&turn);
}

static void test_a_report_of_a_better_proxy_ends_the_wait(void **state)
{
    struct stage *stage = *state;
    struct turn turn;
    begin_turn_of_another(stage, &turn, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 300);
    heard_by(stage->hub, 1, -90); /* not that */
    run_for(stage, 100);
    assert_int_equal(stage->n_tries, 0);
    heard_by(stage->hub, 2, -40);
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(stage->tries[0].source, 0xA2);
    run_for(stage, 1000);
    turn_end(&turn);
}

static void test_who_has_no_proxy_looks_when_a_pin_goes(void **state)
{
    struct stage *stage = *state;
    struct pins *pins = &stage->central.routing.pins;
    assert_int_equal(pins_add(pins, DEVICE, "kitchen", BLEPROXY_PIN_DENY), 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 1000);
    assert_int_equal(stage->n_tries, 0);
    assert_int_equal(pins_remove(pins, DEVICE, "kitchen", BLEPROXY_PIN_DENY), 0);
    queue_wake_anew(&stage->central); /* as central_unpin() does */
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
}

static void test_a_preferred_proxy_that_fails_twice_is_left(void **state)
{
    struct stage *stage = *state;
    const struct script late = {.error = BLEPROXY_E_TIMEOUT, .takes_ms = 20000};
    const struct bleproxy_connect_options options = {.deadline_ms = 200000};
    heard_by(stage->hub, 1, -55);
    assert_int_equal(pins_add(&stage->central.routing.pins, DEVICE, "kitchen", BLEPROXY_PIN_PREFER), 0);
    begin(stage, SCRIPT(late, late, good), &options);
    for (unsigned i = 0; i < 60; i++) {
        run_for(stage, 1000);
        heard_by(stage->hub, 0, -50);
        heard_by(stage->hub, 1, -55);
    }
    assert_int_equal(stage->n_tries, 3);
    assert_int_equal(stage->tries[0].source, 0xA0);
    assert_int_equal(stage->tries[1].source, 0xA0);
    assert_int_equal(stage->tries[2].source, 0xA1);
}

static void test_the_deadline_while_it_waits_for_a_busy_proxy(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options options = {.deadline_ms = 10000, .attempts = 1};
    struct turn turn;
    begin_turn_of_another(stage, &turn, 0);
    play(stage, SCRIPT(good), &options);
    assert_int_equal(since_start_ms(stage->completed_ns), 10000);
    assert_int_equal(stage->result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(stage->result.attempts, 0);
    assert_string_equal(stage->text,
                        "gave up within 10 s: connecting to AA:BB:CC:DD:EE:FF failed: kitchen is the best "
                        "proxy for it, and is connecting another device: its turn comes after that");
    turn_end(&turn);
}

static void test_cancelled_while_it_waits(void **state)
{
    struct stage *stage = *state;
    struct turn turn;
    begin_turn_of_another(stage, &turn, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 3000);
    operation_cancel(stage->connecting, stage->hub->now_ns);
    assert_int_equal(stage->result.error, BLEPROXY_E_CANCELLED);
    end_turn_of_another(stage, &turn);
    run_for(stage, 60000);
    assert_int_equal(stage->completed, 1);
    assert_int_equal(stage->n_tries, 0);
}

static void test_the_reference_waits_for_nobody(void **state)
{
    struct stage *stage = *state;
    struct turn turn;
    stage->central.routing.reference = true;
    heard_by(stage->hub, 1, -78);
    begin_turn_of_another(stage, &turn, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 0);
    assert_int_equal(stage->tries[0].source, 0xA1);
    run_for(stage, 1000);
    turn_end(&turn);
}

static void test_a_slot_is_waited_for_two_seconds_and_then_it_is_a_failure_that_passes(void **state)
{
    struct stage *stage = *state;
    report_slots(stage->hub, 0, 0);
    play(stage, SCRIPT(good), NULL);
    assert_int_equal(stage->n_tries, 0);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(stage->result.cause, BLEPROXY_CAUSE_SLOTS);
    assert_int_equal(stage->result.attempts, 0);
    assert_int_equal(since_start_ms(stage->completed_ns), 9 * 2000 + 8 * 4000);
    assert_non_null(strstr(stage->text, "kitchen (3 of 3)"));
}

static void test_one_attempt_waits_for_a_slot_once(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1};
    report_slots(stage->hub, 0, 0);
    play(stage, SCRIPT(good), &once);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(since_start_ms(stage->completed_ns), 2000);
}

/* In Python a full proxy is no candidate: nothing is waited for. */
static void test_the_reference_looks_for_a_slot_every_four_seconds(void **state)
{
    struct stage *stage = *state;
    stage->central.routing.reference = true;
    report_slots(stage->hub, 0, 0);
    play(stage, SCRIPT(good), NULL);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(since_start_ms(stage->completed_ns), 8 * 4000);
}

static void slot_comes_free_after(struct stage *stage, uint32_t ms)
{
    report_slots(stage->hub, 0, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, ms);
    assert_int_equal(stage->n_tries, 0);
    report_slots(stage->hub, 0, 1);
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
}

static void test_a_slot_that_comes_free_is_taken_at_once(void **state)
{
    slot_comes_free_after(*state, 1500);
}

static void test_also_in_the_pause_after_none_did(void **state)
{
    slot_comes_free_after(*state, 3500);
}

static void test_a_slot_that_another_takes_is_waited_for_again(void **state)
{
    struct stage *stage = *state;
    report_slots(stage->hub, 0, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 500);
    report_slots(stage->hub, 0, 1);
    report_slots(stage->hub, 0, 0); /* before it could look */
    run_for(stage, 500);
    assert_int_equal(stage->n_tries, 0);
    report_slots(stage->hub, 0, 1);
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    run_for(stage, 1000);
}

static void test_a_proxy_that_comes_is_found_while_a_slot_is_waited_for(void **state)
{
    struct stage *stage = *state;
    report_slots(stage->hub, 0, 0);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 500);
    heard_by(stage->hub, 3, -95);
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(stage->tries[0].source, 0xA3);
    run_for(stage, 1000);
}

/* What the hub remembers of it is no news. */
static void test_an_old_report_opens_no_way(void **state)
{
    struct stage *stage = *state;
    pass_time(stage->hub, 61);
    begin(stage, SCRIPT(good), NULL);
    run_for(stage, 0);
    hub_tick(stage->hub->hub, stage->hub->now_ns);
    assert_false(stage->central.queue.woken);
    heard_by(stage->hub, 0, -50);
    assert_true(stage->central.queue.woken);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
}

/* Whoever has waited, and tried, and comes again, waits anew. */
static void test_an_attempt_between_two_waits(void **state)
{
    struct stage *stage = *state;
    hub_unregister_scanner(stage->hub->hub, stage->hub->scanners[0], stage->hub->now_ns);
    begin(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x13, .takes_ms = 500}, good), NULL);
    run_for(stage, 1000);
    heard_by(stage->hub, 1, -50);
    run_for(stage, 500 + 249);
    assert_int_equal(stage->n_tries, 1);
    run_for(stage, 1);
    assert_int_equal(stage->n_tries, 2); /* not only when it would have been looked at for the first wait */
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
}

static void test_a_bonded_device_stays_with_its_bond(void **state)
{
    struct stage *stage = *state;
    struct bond *bond;
    heard_by(stage->hub, 0, -80);
    heard_by(stage->hub, 1, -62);
    assert_int_equal(bonds_reserve(&stage->central.routing.bonds, DEVICE, &bond), 0);
    bonds_put(&stage->central.routing.bonds, bond, 0xA0, "kitchen");
    play(stage, SCRIPT({.error = BLEPROXY_E_LINK, .code = 0x3e, .takes_ms = 1000}), NULL);
    assert_int_equal(stage->n_tries, 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(stage->tries[i].source, 0xA0);
}

static void test_pairing_anew_elsewhere_has_to_be_asked_for(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1},
                                          anew = {.attempts = 1, .ignore_bond = true, .source = 0xA1};
    struct bond *bond;
    heard_by(stage->hub, 1, -62);
    assert_int_equal(bonds_reserve(&stage->central.routing.bonds, DEVICE, &bond), 0);
    bonds_put(&stage->central.routing.bonds, bond, 0xF0, "shed");
    begin(stage, SCRIPT(good), &once);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, BLEPROXY_E_NO_PROXY);
    assert_non_null(strstr(stage->text, "its bond is on shed, which is not connected"));
    stage->completed = 0;
    begin(stage, SCRIPT(good), &anew);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
    assert_int_equal(stage->result.source, 0xA1);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, stage_setup, stage_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_best_proxy_is_waited_for_while_it_connects_another_device),
        CASE(test_waiting_comes_to_an_end_by_itself),
        CASE(test_a_report_of_a_better_proxy_ends_the_wait),
        CASE(test_who_has_no_proxy_looks_when_a_pin_goes),
        CASE(test_a_preferred_proxy_that_fails_twice_is_left),
        CASE(test_the_deadline_while_it_waits_for_a_busy_proxy),
        CASE(test_cancelled_while_it_waits),
        CASE(test_the_reference_waits_for_nobody),
        CASE(test_a_slot_is_waited_for_two_seconds_and_then_it_is_a_failure_that_passes),
        CASE(test_one_attempt_waits_for_a_slot_once),
        CASE(test_the_reference_looks_for_a_slot_every_four_seconds),
        CASE(test_a_slot_that_comes_free_is_taken_at_once),
        CASE(test_also_in_the_pause_after_none_did),
        CASE(test_a_slot_that_another_takes_is_waited_for_again),
        CASE(test_a_proxy_that_comes_is_found_while_a_slot_is_waited_for),
        CASE(test_an_old_report_opens_no_way),
        CASE(test_an_attempt_between_two_waits),
        CASE(test_a_bonded_device_stays_with_its_bond),
        CASE(test_pairing_anew_elsewhere_has_to_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
