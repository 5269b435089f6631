/* SPDX-License-Identifier: MIT */
#include "manager_fixture.h"

#include "hub/disconnect_set.h"

static void test_f01_new_manager_has_no_side_effects(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->n_states + f->n_open, 0);
    assert_false(f->resolving);
    assert_int_equal(manager_deadline(f->manager), BP_NEVER);
    assert_null(manager_scanner(f->manager));
    assert_null(manager_device_info(f->manager));
    assert_null(manager_last_end(f->manager));
}

static void test_f02_stop_aborts_a_pending_start_at_every_stage(void **state)
{
    struct fixture *f = *state;
    for (enum stage stage = LOOKING_UP; stage <= DESCRIBING; stage++) {
        f->started = f->stopped = (struct completion){0, 0};
        reach(f, stage);
        assert_int_equal(f->started.count, 0);
        manager_stop(f->manager, on_stopped, f, f->now_ns);
        feed(f, HELLO_RESPONSE DEVICE_INFO DISCONNECT_RESPONSE);
        assert_int_equal(f->started.count, 1);
        assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
        assert_int_equal(f->stopped.count, 1);
        assert_int_equal(f->stopped.error, 0);
        assert_int_equal(n_registered(f), 0);
        manager_free(f->manager, f->now_ns);
        assert_int_equal(f->started.count + f->stopped.count, 2);
        new_manager(f, "kitchen");
    }
}

static void test_f03_cancelled_start_is_not_an_aborted_one(void **state)
{
    struct fixture *f = *state;
    reach(f, DIALLING);
    manager_cancel_start(f->manager, f->now_ns);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, BLEPROXY_E_CANCELLED);
    reach(f, WIRED); /* it goes on by itself */
    assert_int_equal(n_registered(f), 1);
    manager_cancel_start(f->manager, f->now_ns);
    assert_int_equal(f->started.count, 1);
}

static void test_f04_start_is_once_and_stop_before_it_is_nothing(void **state)
{
    struct fixture *f = *state;
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(f->stopped.error, 0);
    reach(f, WIRED);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(manager_start(f->manager, on_started, f, f->now_ns), BLEPROXY_E_STATE);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->stopped.count, 2);
    assert_int_equal(manager_start(f->manager, on_started, f, f->now_ns), BLEPROXY_E_STATE);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->stopped.count, 3);
    assert_int_equal(f->started.count, 1);
}

static void test_a_proxy_without_a_name_here_is_called_as_it_calls_itself(void **state)
{
    struct fixture *f = *state;
    manager_free(f->manager, f->now_ns);
    new_manager(f, NULL);
    assert_string_equal(proxy_name(manager_proxy(f->manager), "own"), "own");
    assert_string_equal(proxy_name(manager_proxy(f->manager), ""), "192.0.2.1");
    reach(f, WIRED);
    assert_string_equal(scanner_label(manager_scanner(f->manager)), manager_device_info(f->manager)->name);
}

static void test_f05_connection_wires_registers_and_completes_start(void **state)
{
    struct fixture *f = *state;
    reach(f, DESCRIBING);
    assert_int_equal(f->started.count, 0);
    assert_null(manager_scanner(f->manager));
    reach(f, WIRED);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, 0);
    assert_int_equal(n_registered(f), 1);
    assert_string_equal(manager_device_info(f->manager)->model, "virtual");
    assert_string_equal(scanner_label(manager_scanner(f->manager)), "kitchen");
    assert_true(f->n_pending > 0);
    feed(f, RAW_ADVERT);
    assert_non_null(hub_device(f->hub, UINT64_C(0xA4C138112233)));
    static const enum bleproxy_proxy_state states[] = {BLEPROXY_PROXY_RESOLVING, BLEPROXY_PROXY_CONNECTING,
                                                       BLEPROXY_PROXY_HANDSHAKING, BLEPROXY_PROXY_READY};
    assert_int_equal(f->n_states, 4);
    assert_memory_equal(f->states, states, sizeof(states));

    lose_connection(f);
    assert_int_equal(n_registered(f), 0);
    reach(f, WIRED); /* again, with the start completed long ago */
    assert_int_equal(n_registered(f), 1);
    assert_int_equal(f->started.count, 1);
}

static void test_f06_f07_loss_fires_every_callback_with_the_proxy_unavailable(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    struct disconnect_set *set = disconnect_set_ref(scanner_disconnect_set(manager_scanner(f->manager)));
    f->was_available = true;
    lose_connection(f);
    assert_int_equal(f->n_failed, 1);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(disconnect_set_size(set), 0);
    disconnect_set_unref(set);
    assert_false(f->was_available);
    assert_true(f->was_registered); /* unregistering is the last step */
    assert_int_equal(n_registered(f), 0);
    assert_null(manager_scanner(f->manager));
    assert_null(manager_device_info(f->manager));
    assert_int_equal(f->why, BLEPROXY_E_CLOSED);
}

static void test_stop_restores_the_mode_before_it_says_goodbye(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    struct iovec vec;
    reach(f, WIRED);
    scanner_window(manager_scanner(f->manager), 5 * NS_PER_S, on_window_done, &window, f->now_ns);
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(window.count, 1);
    size_t n = proxy_pending(manager_proxy(f->manager), &vec);
    assert_hex(vec.iov_base, n, "00007f" DISCONNECT_REQUEST);
}

static void test_stop_takes_back_what_subscribers_wanted(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_scan_request *request;
    struct iovec vec;
    reach(f, WIRED);
    assert_int_equal(hub_request_scan(f->hub, BLEPROXY_MODE_ACTIVE, &request), 0);
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
    hub_tick(f->hub, f->now_ns);
    size_t n = proxy_pending(manager_proxy(f->manager), &vec);
    assert_hex(vec.iov_base, n, "00027f0801");
    proxy_sent(manager_proxy(f->manager), n);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    bleproxy_scan_request_free(request);
    hub_tick(f->hub, f->now_ns);
    n = proxy_pending(manager_proxy(f->manager), &vec);
    assert_hex(vec.iov_base, n, "00007f" DISCONNECT_REQUEST);
}

#define STATE_ACTIVE  "00067e080210011801" /* and configured so */
#define STATE_PASSIVE "00047e08021801"     /* though configured to be active */

/* The connection is lost while subscribers hold the proxy passive, and they go before it is back. */
static void test_mode_of_a_lost_session_is_given_back_by_the_next(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_scan_request *request;
    struct iovec vec;
    for (unsigned with_request = 0; with_request < 2; with_request++) {
        reach(f, WIRED);
        feed(f, STATE_ACTIVE);
        assert_int_equal(hub_request_scan(f->hub, BLEPROXY_MODE_PASSIVE, &request), 0);
        hub_tick(f->hub, f->now_ns);
        lose_connection(f);
        reach(f, WIRED); /* nothing is heard of how it scans */
        send_all(f);
        lose_connection(f);
        if (!with_request)
            bleproxy_scan_request_free(request);
        reach(f, WIRED);
        if (with_request) {
            hub_tick(f->hub, f->now_ns);
            bleproxy_scan_request_free(request);
        }
        send_all(f);
        feed(f, STATE_PASSIVE);
        hub_tick(f->hub, f->now_ns);
        size_t n = proxy_pending(manager_proxy(f->manager), &vec);
        assert_true(n >= 8);
        /* Beside it the slots are asked for, as at the first state of each session. */
        assert_hex((const uint8_t *)vec.iov_base + n - 8, 8,
                   with_request ? "00005000027f0801" : "00027f0801000050");
        send_all(f);
        feed(f, STATE_PASSIVE); /* it has not done it yet: it is not told again */
        assert_int_equal(proxy_pending(manager_proxy(f->manager), &vec), 0);
        lose_connection(f);
    }
}

static void test_scan_mode_is_pinned_in_each_session(void **state)
{
    struct fixture *f = *state;
    manager_set_scan_mode(f->manager, BLEPROXY_MODE_AUTO);
    for (unsigned session = 0; session < 2; session++) {
        struct bleproxy_auto_scan info;
        struct iovec vec;
        reach(f, WIRED);
        assert_int_equal(scanner_requested_mode(manager_scanner(f->manager)), BLEPROXY_MODE_AUTO);
        assert_int_equal(hub_get_auto_scan(f->hub, scanner_source(manager_scanner(f->manager)), &info), 0);
        assert_int_equal(info.sweep_ns - f->now_ns, 240 * NS_PER_S);
        size_t n = proxy_pending(manager_proxy(f->manager), &vec);
        assert_true(n >= 3);
        assert_hex((const uint8_t *)vec.iov_base + n - 3, 3, "00007f");
        proxy_sent(manager_proxy(f->manager), n);
        lose_connection(f);
        assert_null(manager_scanner(f->manager));
    }
}

static void test_free_says_not_a_word(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    struct iovec vec;
    reach(f, WIRED);
    scanner_window(manager_scanner(f->manager), 5 * NS_PER_S, on_window_done, &window, f->now_ns);
    proxy_sent(manager_proxy(f->manager), proxy_pending(manager_proxy(f->manager), &vec));
    f->n_unsent = 1;
    manager_free(f->manager, f->now_ns);
    f->manager = NULL;
    assert_int_equal(f->n_unsent, 0);
    assert_int_equal(window.count, 1);
}

/* What it would restore it cannot send: the session is gone. */
static void test_loss_ends_an_active_window(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    reach(f, WIRED);
    scanner_window(manager_scanner(f->manager), 5 * NS_PER_S, on_window_done, &window, f->now_ns);
    assert_int_equal(window.count, 0);
    lose_connection(f);
    assert_int_equal(window.count, 1);
    assert_int_equal(window.error, 0);
}

static void test_f08_teardown_is_complete_although_a_callback_frees_the_manager(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    f->act_in = "lost";
    f->act = free_manager;
    lose_connection(f);
    assert_null(f->manager);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(n_registered(f), 0);
}

static void test_f09_stop_without_memory_for_the_goodbye_tears_down(void **state)
{
    struct fixture *f = *state;
    reach(f, DESCRIBING);
    f->test.fail_after = 0;
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    lose_connection(f); /* unless it was given up already */
    f->test.fail_after = SIZE_MAX;
    assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(n_registered(f), 0);
}

static void test_f10_loss_and_then_stop_fires_callbacks_once(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    lose_connection(f);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(f->stopped.count, 1);
}

static void test_stop_while_connected_tears_down_when_the_session_ends(void **state)
{
    struct fixture *f = *state;
    reach(f, WIRED);
    watch_loss(f);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_false(scanner_is_available(manager_scanner(f->manager)));
    assert_int_equal(f->stopped.count, 0);
    manager_stop(f->manager, on_stopped, f, f->now_ns); /* a second one does not wait */
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(f->stopped.error, BLEPROXY_E_STATE);
    feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->stopped.count, 2);
    assert_int_equal(f->stopped.error, 0);
    assert_int_equal(f->n_lost, 2);
    assert_int_equal(f->states[f->n_states - 1], BLEPROXY_PROXY_STOPPED);
}

static void test_stop_is_over_after_15_s_at_the_latest(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    for (uint64_t end_ns = f->now_ns + 15 * NS_PER_S; f->stopped.count == 0;) {
        f->now_ns = manager_deadline(f->manager);
        assert_true(f->now_ns <= end_ns);
        manager_tick(f->manager, f->now_ns);
    }
}

static void test_description_that_never_comes_is_a_failed_attempt(void **state)
{
    struct fixture *f = *state;
    static const unsigned pauses[] = {2, 3, 6};
    for (unsigned i = 0; i < 3; i++) {
        reach(f, DESCRIBING);
        wait_for(f, 10 * NS_PER_S);
        assert_false(f->open);
        assert_true(is_in(f, BLEPROXY_PROXY_WAITING));
        assert_int_equal(f->why, BLEPROXY_E_TIMEOUT);
        assert_int_equal(manager_last_end(f->manager)->error, BLEPROXY_E_TIMEOUT);
        assert_int_equal(manager_deadline(f->manager), f->now_ns + pauses[i] * NS_PER_S);
        assert_int_equal(f->started.count, 0);
    }
    reach(f, WIRED);
    assert_int_equal(f->started.count, 1);
    assert_null(manager_last_end(f->manager));
    for (unsigned i = 0; i < f->n_states; i++)
        assert_true(f->states[i] != BLEPROXY_PROXY_READY || i == f->n_states - 1);
}

static void test_device_that_sleeps_deeply_is_retried_every_15_s(void **state)
{
    struct fixture *f = *state;
    static const unsigned pauses[] = {2, 3, 6, 10, 15, 15};
    reach(f, DESCRIBING);
    feed(f, "00020a3801" /* has_deep_sleep, nothing else */ CAPABILITIES);
    assert_int_equal(n_registered(f), 1);
    lose_connection(f);
    for (unsigned i = 0; i < 6; i++) {
        reach(f, DIALLING);
        f->open = false;
        proxy_connect_failed(manager_proxy(f->manager), f->attempt, "Connection refused", f->now_ns);
        assert_int_equal(manager_deadline(f->manager), f->now_ns + pauses[i] * NS_PER_S);
    }
}

static void test_refused_password_waits_60_s(void **state)
{
    struct fixture *f = *state;
    reach(f, DESCRIBING);
    feed(f, REFUSED_PASSWORD);
    assert_int_equal(f->why, BLEPROXY_E_INVALID_AUTH);
    assert_int_equal(manager_deadline(f->manager), f->now_ns + 60 * NS_PER_S);
    assert_int_equal(f->started.count, 1); /* whoever waits for the start is told at once */
    assert_int_equal(f->started.error, BLEPROXY_E_INVALID_AUTH);
}

static void test_missing_key_is_told_to_who_waits_for_the_start_and_attempts_go_on(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    feed(f, "0100130142616420696e64696361746f722062797465");
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, BLEPROXY_E_REQUIRES_ENCRYPTION);
    assert_int_equal(manager_deadline(f->manager), f->now_ns + 60 * NS_PER_S);
    reach(f, WIRED); /* somebody has changed the proxy */
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(f->started.count, 1);
}

static void test_goodbye_before_the_hello_is_a_failed_attempt(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    feed(f, DISCONNECT_REQUEST);
    assert_int_equal(f->why, BLEPROXY_E_CLOSED);
    assert_int_equal(manager_last_end(f->manager)->error, BLEPROXY_E_CLOSED);
    assert_int_equal(f->started.count, 0);
    assert_int_equal(manager_deadline(f->manager), f->now_ns + 2 * NS_PER_S);
}

static void test_unreachable_proxy_tells_why_and_start_stays_pending(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 20; i++) {
        reach(f, DIALLING);
        f->open = false;
        proxy_connect_failed(manager_proxy(f->manager), f->attempt, "Connection refused", f->now_ns);
        assert_int_equal(f->why, BLEPROXY_E_CONNECT);
        assert_string_equal(f->text, "cannot connect to 192.0.2.1:6053: Connection refused");
    }
    assert_int_equal(f->started.count, 0);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
}

static void test_free_completes_pending_start_and_stop(void **state)
{
    struct fixture *f = *state;
    reach(f, GREETING);
    manager_stop(f->manager, on_stopped, f, f->now_ns);
    assert_int_equal(f->started.count + f->stopped.count, 0);
    manager_free(f->manager, f->now_ns);
    f->manager = NULL;
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
    assert_int_equal(f->stopped.count, 1);
    assert_int_equal(f->stopped.error, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_f01_new_manager_has_no_side_effects),
        TEST(test_f02_stop_aborts_a_pending_start_at_every_stage),
        TEST(test_f03_cancelled_start_is_not_an_aborted_one),
        TEST(test_f04_start_is_once_and_stop_before_it_is_nothing),
        TEST(test_a_proxy_without_a_name_here_is_called_as_it_calls_itself),
        TEST(test_f05_connection_wires_registers_and_completes_start),
        TEST(test_f06_f07_loss_fires_every_callback_with_the_proxy_unavailable),
        TEST(test_stop_restores_the_mode_before_it_says_goodbye),
        TEST(test_stop_takes_back_what_subscribers_wanted),
        TEST(test_mode_of_a_lost_session_is_given_back_by_the_next),
        TEST(test_scan_mode_is_pinned_in_each_session),
        TEST(test_free_says_not_a_word),
        TEST(test_loss_ends_an_active_window),
        TEST(test_f08_teardown_is_complete_although_a_callback_frees_the_manager),
        TEST(test_f09_stop_without_memory_for_the_goodbye_tears_down),
        TEST(test_f10_loss_and_then_stop_fires_callbacks_once),
        TEST(test_stop_while_connected_tears_down_when_the_session_ends),
        TEST(test_stop_is_over_after_15_s_at_the_latest),
        TEST(test_description_that_never_comes_is_a_failed_attempt),
        TEST(test_device_that_sleeps_deeply_is_retried_every_15_s),
        TEST(test_refused_password_waits_60_s),
        TEST(test_missing_key_is_told_to_who_waits_for_the_start_and_attempts_go_on),
        TEST(test_goodbye_before_the_hello_is_a_failed_attempt),
        TEST(test_unreachable_proxy_tells_why_and_start_stays_pending),
        TEST(test_free_completes_pending_start_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
