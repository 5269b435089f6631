/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static void kick(struct fixture *f)
{
    proxy_kick(f->proxy, f->now_ns);
}

static void pass(struct fixture *f, uint64_t delay_ns)
{
    f->now_ns += delay_ns;
    proxy_tick(f->proxy, f->now_ns);
}

static void test_case_51_an_announcement_ends_the_pause(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_WAITING);
    assert_int_equal(f->n_resolve, 1);
    kick(f);
    assert_int_equal(f->n_resolve, 2);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_RESOLVING);
    fixture_reach(f, BLEPROXY_PROXY_READY);
    assert_int_equal(proxy_failures(f->proxy), 0);
}

static void test_case_51_the_pause_after_a_goodbye_ends_too(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    fixture_feed(f, DISCONNECT_REQUEST);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_WAITING);
    kick(f);
    assert_int_equal(f->n_resolve, 2);
}

static void test_case_51_failures_go_on_counting(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_WAITING);
    kick(f);
    fixture_reach(f, BLEPROXY_PROXY_WAITING);
    assert_int_equal(proxy_failures(f->proxy), 2);
    fixture_wait(f, 3 * NS_PER_S);
    assert_int_equal(f->n_resolve, 3);
}

static void test_case_51_an_attempt_without_a_connection_begins_anew_once(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    assert_int_equal(f->open, 1);
    pass(f, 5 * NS_PER_S);
    kick(f);
    assert_int_equal(f->open, 0);
    assert_int_equal(f->n_close, 1);
    assert_int_equal(f->n_resolve, 2);
    assert_int_equal(f->n_failed, 0);
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    pass(f, 5 * NS_PER_S);
    kick(f);
    assert_int_equal(f->n_resolve, 2); /* once is enough */
    fixture_wait(f, 55 * NS_PER_S);    /* its own 60 s */
    assert_int_equal(f->n_failed, 1);
    fixture_wait(f, 2 * NS_PER_S);
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    pass(f, 5 * NS_PER_S);
    kick(f);
    assert_int_equal(f->n_resolve, 4); /* another attempt, another kick */
}

/* The announcement may be the very answer that it connects by. */
static void test_case_51_a_young_attempt_goes_on(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    pass(f, NS_PER_S / 2 - 1);
    kick(f);
    assert_int_equal(f->n_resolve, 1);
    pass(f, 1);
    kick(f);
    assert_int_equal(f->n_resolve, 2);
}

static void test_case_51_a_look_up_goes_on(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_RESOLVING);
    pass(f, 5 * NS_PER_S);
    kick(f);
    assert_int_equal(f->n_resolve, 1);
    assert_int_equal(f->n_cancel_resolve, 0);
}

static void test_case_51_a_connection_is_left_alone(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    pass(f, 5 * NS_PER_S);
    kick(f);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_HANDSHAKING);
    fixture_reach(f, BLEPROXY_PROXY_READY);
    pass(f, 5 * NS_PER_S);
    kick(f);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_READY);
    assert_int_equal(f->n_resolve, 1);
    assert_int_equal(f->n_close, 0);
}

static void test_who_is_stopped_stays_so(void **state)
{
    struct fixture *f = *state;
    kick(f);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPED);
    fixture_reach(f, BLEPROXY_PROXY_READY);
    proxy_stop(f->proxy, f->now_ns);
    kick(f);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPING);
}

/* Whoever announces a thousand times a second does not have us connect a thousand times. */
static void test_endless_announcements_kick_once_a_second(void **state)
{
    struct fixture *f = *state;
    f->resolve_answer = SUCCEEDS;
    f->open_answer = FAILS;
    proxy_start(f->proxy, f->now_ns);
    while (proxy_failures(f->proxy) < 8) {
        f->now_ns = proxy_deadline(f->proxy);
        proxy_tick(f->proxy, f->now_ns);
    }
    unsigned before = f->n_resolve;
    for (unsigned i = 0; i < 10000; i++) {
        kick(f);
        f->now_ns += NS_PER_MS;
    }
    assert_int_equal(f->n_resolve - before, 10);
}

/* Its ping is the last thing written. */
static void doubt(struct fixture *f)
{
    struct iovec vec;
    proxy_sent(f->proxy, proxy_pending(f->proxy, &vec));
    proxy_doubt(f->proxy, f->now_ns);
}

static void assert_pinged(struct fixture *f)
{
    struct iovec vec;
    assert_int_equal(proxy_pending(f->proxy, &vec), 3);
    assert_hex(vec.iov_base, 3, "000007");
}

static void test_a_session_in_doubt_that_answers_goes_on(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    doubt(f);
    assert_pinged(f);
    fixture_feed(f, "000008");
    pass(f, 10 * NS_PER_S);
    assert_int_equal(f->n_down, 0);
    doubt(f);
    assert_pinged(f);
}

/* Nor does such a one have the device pinged all the time. */
static void test_endless_doubts_ping_once_in_ten_seconds(void **state)
{
    struct fixture *f = *state;
    struct iovec vec;
    unsigned n = 0;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    for (unsigned i = 0; i < 30000; i++) {
        doubt(f);
        if (proxy_pending(f->proxy, &vec) > 0) {
            assert_pinged(f);
            fixture_feed(f, "000008");
            n++;
        }
        f->now_ns += NS_PER_MS;
    }
    assert_int_equal(n, 3);
    assert_int_equal(f->n_down, 0);
}

static void test_a_session_in_doubt_that_does_not_answer_is_over(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    doubt(f);
    pass(f, NS_PER_S / 2);
    proxy_doubt(f->proxy, f->now_ns); /* a second doubt changes nothing */
    pass(f, NS_PER_S / 2 - 1);
    assert_int_equal(f->n_down, 0);
    pass(f, 1);
    assert_int_equal(f->n_down, 1);
    assert_int_equal(f->end.error, BLEPROXY_E_PING);
    assert_true(f->was_reset);
    assert_non_null(strstr(f->end.text, "has announced another address"));
    fixture_wait(f, 0);
    assert_int_equal(f->n_resolve, 2);
}

static void test_only_a_session_can_be_doubted(void **state)
{
    struct fixture *f = *state;
    static const enum bleproxy_proxy_state states[] = {BLEPROXY_PROXY_STOPPED,    BLEPROXY_PROXY_RESOLVING,
                                                       BLEPROXY_PROXY_CONNECTING, BLEPROXY_PROXY_HANDSHAKING,
                                                       BLEPROXY_PROXY_WAITING,    BLEPROXY_PROXY_STOPPING};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (states[i] == BLEPROXY_PROXY_WAITING)
            proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
        if (states[i] == BLEPROXY_PROXY_STOPPING) {
            fixture_reach(f, BLEPROXY_PROXY_READY);
            proxy_stop(f->proxy, f->now_ns);
        }
        fixture_reach(f, states[i]);
        assert_int_equal(proxy_state(f->proxy), states[i]);
        doubt(f);
        assert_int_equal(proxy_state(f->proxy), states[i]);
    }
}

static void test_freed_or_lost_while_in_doubt(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    doubt(f);
    proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
    assert_int_equal(f->end.error, BLEPROXY_E_CLOSED);
    fixture_reach(f, BLEPROXY_PROXY_READY);
    doubt(f);
    assert_pinged(f); /* the teardown frees it */
}

static void free_proxy(struct fixture *f)
{
    struct proxy *proxy = f->proxy;
    proxy_free(proxy);
    f->proxy = NULL;
}

static void kick_within(struct fixture *f)
{
    kick(f);
}

static void test_freed_and_kicked_from_within(void **state)
{
    static const char *const callbacks[] = {"resolve", "close", "state resolving"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++)
        for (int frees = 0; frees < 2; frees++) {
            fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
            pass(f, 2 * NS_PER_S);
            f->act_in = callbacks[i];
            f->act = frees ? free_proxy : kick_within;
            kick(f);
            assert_null(f->act_in);
            f->resolving = f->resolving && !frees;
            proxy_free(f->proxy);
            assert_int_equal(f->open, 0);
            struct proxy_config config = fixture_config(f);
            assert_int_equal(proxy_new(&config, &fixture_ops, f, &f->proxy), 0);
        }
}

static void test_after_a_suspend_a_session_is_pinged_at_once_and_has_10_s(void **state)
{
    struct fixture *f = *state;
    struct iovec vec;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    proxy_sent(f->proxy, proxy_pending(f->proxy, &vec));
    proxy_wake(f->proxy, f->now_ns);
    proxy_wake(f->proxy, f->now_ns);
    assert_int_equal(proxy_pending(f->proxy, &vec), 3); /* one ping */
    fixture_feed(f, "000008");
    f->now_ns += 15 * NS_PER_S;
    proxy_tick(f->proxy, f->now_ns);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_READY);
    proxy_wake(f->proxy, f->now_ns);
    f->now_ns += PROXY_WAKE_S * NS_PER_S;
    proxy_tick(f->proxy, f->now_ns);
    assert_int_equal(f->n_down, 1);
    assert_int_equal(f->end.error, BLEPROXY_E_PING);
    assert_true(f->was_reset);
    assert_true(proxy_deadline(f->proxy) <= f->now_ns); /* and the next attempt begins at once */
}

static void test_after_a_suspend_a_pause_is_over(void **state)
{
    struct fixture *f = *state;
    f->resolve_answer = FAILS;
    proxy_start(f->proxy, f->now_ns);
    assert_true(proxy_deadline(f->proxy) > f->now_ns);
    proxy_wake(f->proxy, f->now_ns);
    unsigned n = f->n_resolve;
    assert_int_equal(proxy_deadline(f->proxy), f->now_ns);
    proxy_tick(f->proxy, f->now_ns);
    assert_int_equal(f->n_resolve, n + 1);
}

static void test_a_suspend_means_nothing_in_other_states(void **state)
{
    struct fixture *f = *state;
    proxy_wake(f->proxy, f->now_ns);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPED);
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    proxy_wake(f->proxy, f->now_ns);
    assert_int_equal(f->n_open, 1);
    assert_int_equal(f->n_close, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_after_a_suspend_a_session_is_pinged_at_once_and_has_10_s,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_after_a_suspend_a_pause_is_over, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_suspend_means_nothing_in_other_states, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_case_51_an_announcement_ends_the_pause, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_case_51_the_pause_after_a_goodbye_ends_too, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_case_51_failures_go_on_counting, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_case_51_an_attempt_without_a_connection_begins_anew_once,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_case_51_a_young_attempt_goes_on, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_case_51_a_look_up_goes_on, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_case_51_a_connection_is_left_alone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_who_is_stopped_stays_so, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_endless_announcements_kick_once_a_second, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_session_in_doubt_that_answers_goes_on, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_endless_doubts_ping_once_in_ten_seconds, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_session_in_doubt_that_does_not_answer_is_over, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_only_a_session_can_be_doubted, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_freed_or_lost_while_in_doubt, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_freed_and_kicked_from_within, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
