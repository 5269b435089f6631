/* SPDX-License-Identifier: MIT */
#include "fixture.h"

enum { N_RIVALS = 12 };

struct crowd {
    struct gate gate;
    struct gate_pass passes[N_RIVALS];
    unsigned turns[N_RIVALS], n_turns; /* in their order */
};

struct rival {
    struct crowd *crowd;
    unsigned index;
};

static struct rival rivals[N_RIVALS];

static void on_turn(void *user)
{
    const struct rival *rival = user;
    rival->crowd->turns[rival->crowd->n_turns++] = rival->index;
}

static void gather(struct crowd *crowd, unsigned max)
{
    *crowd = (struct crowd){0};
    gate_init(&crowd->gate, max);
    for (unsigned i = 0; i < N_RIVALS; i++) {
        rivals[i] = (struct rival){crowd, i};
        gate_pass_init(&crowd->passes[i], &crowd->gate, on_turn, &rivals[i]);
    }
}

static void test_first_come_first_served(void **state)
{
    (void)state;
    struct crowd crowd;
    gather(&crowd, 2);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(gate_enter(&crowd.passes[i]), i < 2);
    assert_false(gate_enter(&crowd.passes[5])); /* again: it keeps its place */
    assert_true(gate_enter(&crowd.passes[0]));
    assert_true(gate_has_waiting(&crowd.gate));
    gate_leave(&crowd.passes[3]); /* one that waits gives up */
    for (unsigned i = 0; i < 6; i++)
        gate_leave(&crowd.passes[i]);
    static const unsigned turns[] = {2, 4, 5};
    assert_int_equal(crowd.n_turns, 3);
    assert_memory_equal(crowd.turns, turns, sizeof(turns));
    assert_int_equal(crowd.gate.n_inside, 0);
    assert_int_equal(crowd.gate.peak, 2);
    assert_false(gate_has_waiting(&crowd.gate));
    gate_leave(&crowd.passes[0]);
    assert_int_equal(crowd.gate.n_inside, 0);
}

static void test_who_comes_later_does_not_overtake(void **state)
{
    (void)state;
    struct crowd crowd;
    gather(&crowd, 1);
    assert_true(gate_enter(&crowd.passes[0]));
    assert_false(gate_enter(&crowd.passes[1]));
    gate_leave(&crowd.passes[0]);
    assert_false(gate_enter(&crowd.passes[0]));
    assert_true(crowd.passes[1].is_inside);
}

static void test_eight_by_default_and_no_gate_is_no_limit(void **state)
{
    (void)state;
    struct crowd crowd;
    struct gate_pass pass;
    gather(&crowd, 0);
    for (unsigned i = 0; i < N_RIVALS; i++)
        assert_int_equal(gate_enter(&crowd.passes[i]), i < 8);
    gate_pass_init(&pass, NULL, on_turn, NULL);
    assert_true(gate_enter(&pass));
    gate_leave(&pass);
}

/* ---- A proxy at a gate ---- */

static struct crowd crowd;

/* Instead of the fixture's proxy: one at the gate, through which so many rivals have gone. */
static void stand_at_gate(struct fixture *f, unsigned max, unsigned n_rivals)
{
    proxy_free(f->proxy);
    gather(&crowd, max);
    struct proxy_config config = fixture_config(f);
    config.gate = &crowd.gate;
    assert_int_equal(proxy_new(&config, &fixture_ops, f, &f->proxy), 0);
    for (unsigned i = 0; i < n_rivals; i++)
        assert_true(gate_enter(&crowd.passes[i]));
}

static void test_an_attempt_waits_for_its_turn(void **state)
{
    struct fixture *f = *state;
    stand_at_gate(f, 1, 1);
    proxy_start(f->proxy, f->now_ns);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_WAITING);
    assert_int_equal(proxy_deadline(f->proxy), BP_NEVER);
    assert_int_equal(proxy_next_attempt_ns(f->proxy), f->now_ns);
    assert_int_equal(f->n_resolve, 0);
    gate_leave(&crowd.passes[0]);
    assert_int_equal(f->n_turns, 1);
    assert_true(proxy_deadline(f->proxy) <= f->now_ns);
    f->now_ns += NS_PER_S;
    proxy_tick(f->proxy, f->now_ns);
    assert_int_equal(f->n_resolve, 1);
    assert_false(gate_enter(&crowd.passes[0]));
    fixture_reach(f, BLEPROXY_PROXY_READY);
    assert_true(crowd.passes[0].is_inside); /* the attempt is over when the proxy is ready */
    assert_int_equal(crowd.gate.peak, 1);
}

static void test_every_end_of_an_attempt_ends_its_turn(void **state)
{
    struct fixture *f = *state;
    for (enum bleproxy_proxy_state at = BLEPROXY_PROXY_RESOLVING; at <= BLEPROXY_PROXY_READY; at++)
        for (unsigned way = 0; way < 3; way++) {
            stand_at_gate(f, 1, 0);
            f->resolving = false;
            fixture_reach(f, at);
            assert_int_equal(crowd.gate.n_inside, at != BLEPROXY_PROXY_READY);
            if (way == 0) {
                proxy_free(f->proxy);
                f->proxy = NULL;
            } else if (way == 1) {
                proxy_stop(f->proxy, f->now_ns);
                for (unsigned i = 0; i < 20 && !f->n_stopped; i++) {
                    f->now_ns += NS_PER_S;
                    proxy_tick(f->proxy, f->now_ns);
                }
            } else if (at >= BLEPROXY_PROXY_HANDSHAKING) {
                proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
            } else {
                f->now_ns = proxy_deadline(f->proxy);
                for (unsigned i = 0; i < 200 && f->n_failed == 0; i++) {
                    f->now_ns += NS_PER_S;
                    proxy_tick(f->proxy, f->now_ns);
                }
            }
            assert_int_equal(crowd.gate.n_inside, 0);
            f->n_stopped = f->n_failed = 0;
        }
}

static void test_one_that_is_stopped_or_freed_while_it_waits_leaves_the_queue(void **state)
{
    struct fixture *f = *state;
    for (unsigned freed = 0; freed < 2; freed++) {
        stand_at_gate(f, 1, 1);
        proxy_start(f->proxy, f->now_ns);
        assert_true(gate_has_waiting(&crowd.gate));
        if (freed) {
            proxy_free(f->proxy);
            f->proxy = NULL;
        } else {
            proxy_stop(f->proxy, f->now_ns);
            assert_int_equal(f->n_stopped, 1);
        }
        assert_false(gate_has_waiting(&crowd.gate));
    }
}

static void test_a_slow_attempt_gives_way_when_others_wait(void **state)
{
    struct fixture *f = *state;
    static const enum bleproxy_proxy_state at[] = {BLEPROXY_PROXY_RESOLVING, BLEPROXY_PROXY_CONNECTING,
                                                   BLEPROXY_PROXY_HANDSHAKING};
    static const int errors[] = {BLEPROXY_E_RESOLVE_TIMEOUT, BLEPROXY_E_TIMEOUT, BLEPROXY_E_TIMEOUT};
    for (unsigned i = 0; i < 3; i++) {
        stand_at_gate(f, 1, 0);
        f->n_failed = 0;
        fixture_reach(f, at[i]);
        uint64_t begun_ns = f->now_ns;
        while (f->now_ns < begun_ns + 15 * NS_PER_S) { /* nobody waits: it may go on */
            f->now_ns = proxy_deadline(f->proxy);
            proxy_tick(f->proxy, f->now_ns);
        }
        assert_int_equal(f->n_failed, 0);
        assert_false(gate_enter(&crowd.passes[0]));
        f->now_ns = proxy_deadline(f->proxy);
        proxy_tick(f->proxy, f->now_ns);
        assert_int_equal(f->n_failed, 1);
        assert_int_equal(f->end.error, errors[i]);
        assert_non_null(strstr(f->end.text, "other proxies wait"));
        assert_true(crowd.passes[0].is_inside);
        assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_WAITING);
    }
}

static void test_pauses_differ_by_chance_and_are_never_longer(void **state)
{
    struct fixture *f = *state;
    uint64_t least_ns = BP_NEVER, most_ns = 0;
    stand_at_gate(f, 1, 0);
    f->resolve_answer = FAILS;
    proxy_start(f->proxy, f->now_ns);
    for (unsigned n = 1; n < 200; n++) {
        uint64_t pause_ns = proxy_deadline(f->proxy) - f->now_ns, full_ns = proxy_backoff_ns(n, false);
        assert_true(pause_ns <= full_ns && pause_ns >= full_ns / 8 * 7);
        assert_int_equal(proxy_next_attempt_ns(f->proxy), proxy_deadline(f->proxy));
        if (n > 10) {
            least_ns = time_min(least_ns, pause_ns);
            most_ns = pause_ns > most_ns ? pause_ns : most_ns;
        }
        f->now_ns = proxy_deadline(f->proxy);
        proxy_tick(f->proxy, f->now_ns);
    }
    assert_true(most_ns - least_ns > 6 * NS_PER_S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_come_first_served),
        cmocka_unit_test(test_who_comes_later_does_not_overtake),
        cmocka_unit_test(test_eight_by_default_and_no_gate_is_no_limit),
        TEST(test_an_attempt_waits_for_its_turn),
        TEST(test_every_end_of_an_attempt_ends_its_turn),
        TEST(test_one_that_is_stopped_or_freed_while_it_waits_leaves_the_queue),
        TEST(test_a_slow_attempt_gives_way_when_others_wait),
        TEST(test_pauses_differ_by_chance_and_are_never_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
