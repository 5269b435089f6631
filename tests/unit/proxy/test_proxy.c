/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "noise/cipher.h"
#include <stdlib.h>

static void assert_states(const struct fixture *f, const enum bleproxy_proxy_state *states, unsigned n)
{
    assert_int_equal(f->n_states, n);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(f->states[i], states[i]);
}

static void test_new_proxy_has_no_side_effects(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPED);
    assert_int_equal(proxy_deadline(f->proxy), BP_NEVER);
    assert_int_equal(f->n_resolve + f->n_open + f->n_states, 0);
    assert_null(proxy_session(f->proxy));
}

static void test_way_to_ready_tells_every_state_once(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    static const enum bleproxy_proxy_state states[] = {BLEPROXY_PROXY_RESOLVING, BLEPROXY_PROXY_CONNECTING,
                                                       BLEPROXY_PROXY_HANDSHAKING, BLEPROXY_PROXY_READY};
    assert_states(f, states, 4);
    assert_int_equal(f->n_ready, 1);
    assert_non_null(proxy_session(f->proxy));
    assert_int_equal(proxy_start(f->proxy, f->now_ns), BLEPROXY_E_STATE);
}

static void test_pending_bytes_are_told_of_from_the_first(void **state)
{
    struct fixture *f = *state;
    struct iovec vec;
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    assert_int_equal(f->n_pending, 0);
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    assert_int_equal(f->n_pending, 1);
    proxy_sent(f->proxy, proxy_pending(f->proxy, &vec));
    fixture_reach(f, BLEPROXY_PROXY_READY);
    unsigned before = f->n_pending;
    assert_int_equal(session_subscribe_slots(proxy_session(f->proxy), f->now_ns), 0);
    assert_int_equal(f->n_pending, before + 1);
    assert_int_equal(session_subscribe_slots(proxy_session(f->proxy), f->now_ns), 0);
    assert_int_equal(f->n_pending, before + 1);
}

static void test_backoff_table(void **state)
{
    (void)state;
    static const unsigned awake[] = {2, 3, 6, 10, 19, 34, 60, 60, 60, 60, 60};
    static const unsigned asleep[] = {2, 3, 6, 10, 15, 15, 15, 15, 15, 15, 15};
    for (unsigned n = 1; n <= 11; n++) {
        assert_int_equal(proxy_backoff_ns(n, false), awake[n - 1] * NS_PER_S);
        assert_int_equal(proxy_backoff_ns(n, true), asleep[n - 1] * NS_PER_S);
    }
    assert_int_equal(proxy_backoff_ns(100, false), 60 * NS_PER_S);
    assert_int_equal(proxy_backoff_ns(100, true), 15 * NS_PER_S);
}

static void test_case_49_first_failure_warns_and_success_resets(void **state)
{
    struct fixture *f = *state;
    f->resolve_answer = SUCCEEDS;
    f->open_answer = FAILS;
    proxy_start(f->proxy, f->now_ns);
    assert_int_equal(f->n_failed, 1);
    assert_string_equal(f->end.text, "cannot connect to kitchen.local:6053: connection refused");
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
    assert_true(test_env_logged(&f->test, "connection refused; next attempt in 2 s"));
    fixture_wait(f, 2 * NS_PER_S);
    assert_int_equal(f->n_failed, 2);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
    fixture_wait(f, 3 * NS_PER_S);
    assert_int_equal(proxy_failures(f->proxy), 3);

    f->open_answer = SUCCEEDS;
    fixture_wait(f, 6 * NS_PER_S);
    fixture_feed(f, HELLO_RESPONSE);
    assert_int_equal(proxy_failures(f->proxy), 0);
    assert_int_equal(f->n_down, 0);
}

static void test_failures_from_within_go_on_forever_without_recursion(void **state)
{
    struct fixture *f = *state;
    f->resolve_answer = FAILS;
    proxy_start(f->proxy, f->now_ns);
    for (unsigned n = 1; n < 1000; n++)
        fixture_wait(f, proxy_backoff_ns(n, false));
    assert_int_equal(f->n_failed, 1000);
    assert_int_equal(f->max_depth, 1);
    assert_int_equal(f->end.error, BLEPROXY_E_RESOLVE);
    assert_string_equal(f->end.text, "cannot look up kitchen.local:6053: no such host");
}

static void test_deep_sleep_caps_the_pause(void **state)
{
    struct fixture *f = *state;
    f->resolve_answer = FAILS;
    proxy_set_deep_sleep(f->proxy, true);
    proxy_start(f->proxy, f->now_ns);
    static const unsigned pauses[] = {2, 3, 6, 10, 15, 15};
    for (unsigned i = 0; i < 6; i++)
        fixture_wait(f, pauses[i] * NS_PER_S);
}

static void test_case_50_missing_key_waits_60_s_and_never_was_a_session(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    fixture_feed(f, BAD_INDICATOR);
    assert_int_equal(f->end.error, BLEPROXY_E_REQUIRES_ENCRYPTION);
    assert_int_equal(f->n_failed, 1);
    assert_int_equal(f->n_down, 0);
    assert_int_equal(f->n_close, 1);
    fixture_wait(f, 60 * NS_PER_S);
    assert_int_equal(f->n_resolve, 2);
}

/* A proxy called vproxy; its answer to the handshake of the fixed keys; both refusals; garbage. */
#define NOISE_HELLO "010015017670726f78790061636263333238393065613800"
#define NOISE_HANDSHAKE                                                                                      \
    "0100310079a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a08d629a47626962aacde23c4ab98"   \
    "01ba"
#define MAC_FAILURE     "0100160148616e647368616b65204d4143206661696c757265"
#define OTHER_REJECTION "01000f01666f7263656420746f206661696c"
#define NOT_ENCRYPTED   "0042616420696e64696361746f722062797465"
#define GARBAGE         "0100020102"

static void test_case_50_a_wrong_key_waits_60_s_and_other_failures_of_the_handshake_2_s(void **state)
{
    static const struct {
        const char *says;
        int error;
        unsigned pause_s;
    } cases[] = {
        {NOISE_HELLO MAC_FAILURE, BLEPROXY_E_INVALID_KEY, 60},
        {NOISE_HELLO NOISE_HANDSHAKE GARBAGE, BLEPROXY_E_ENCRYPTION, 60},
        {NOISE_HELLO OTHER_REJECTION, BLEPROXY_E_HANDSHAKE, 2},
        {NOT_ENCRYPTED, BLEPROXY_E_ENCRYPTION_PLAINTEXT, 2},
        {"020000", BLEPROXY_E_PROTOCOL, 2},
    };
    struct fixture *f = *state;
    uint8_t psk[32], ephemeral[32];
    for (unsigned i = 0; i < 32; i++) {
        psk[i] = (uint8_t)i;
        ephemeral[i] = (uint8_t)(0x20 + i);
    }
    struct proxy_config config = fixture_config(f);
    config.session.psk = psk;
    config.session.aead = &aead_sodium;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        proxy_free(f->proxy);
        assert_int_equal(proxy_new(&config, &fixture_ops, f, &f->proxy), 0);
        f->test.random_bytes = ephemeral;
        f->test.random_left = sizeof(ephemeral);
        fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
        proxy_connected(f->proxy, f->last_attempt, f->now_ns);
        fixture_feed(f, cases[i].says);
        assert_int_equal(f->end.error, cases[i].error);
        assert_int_equal(proxy_deadline(f->proxy), f->now_ns + cases[i].pause_s * NS_PER_S);
    }
}

/* Once it was connected, the same is just a lost session. */
static void test_case_50_refused_password_of_a_session_is_retried_at_once(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    fixture_feed(f, REFUSED_PASSWORD);
    assert_int_equal(f->end.error, BLEPROXY_E_INVALID_AUTH);
    assert_int_equal(f->n_down, 1);
    assert_int_equal(proxy_failures(f->proxy), 0);
    fixture_wait(f, 0);
    assert_int_equal(f->n_resolve, 2);
}

static void test_case_52_unexpected_loss_is_retried_at_once(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
    assert_int_equal(f->n_down, 1);
    assert_int_equal(f->end.error, BLEPROXY_E_CLOSED);
    assert_false(f->end.expected);
    assert_int_equal(f->n_failed, 0);
    fixture_wait(f, 0);
    assert_int_equal(f->n_resolve, 2);
}

/* What waits in a dead connection would reach the proxy after the next one has subscribed, and take that from it. */
static void test_a_session_that_stops_answering_is_reset(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    while (f->n_down == 0)
        fixture_wait(f, proxy_deadline(f->proxy) - f->now_ns);
    assert_int_equal(f->end.error, BLEPROXY_E_PING);
    assert_true(f->was_reset);
    assert_false(proxy_resets(f->proxy));
}

static void test_case_52_expected_end_waits_5_s(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    proxy_sent(f->proxy, f->n_written);
    fixture_feed(f, DISCONNECT_REQUEST);
    assert_int_equal(f->n_down, 1);
    assert_true(f->end.expected);
    assert_hex(f->written + f->n_written - 3, 3, DISCONNECT_RESPONSE); /* close had the last word to write */
    fixture_wait(f, 5 * NS_PER_S);
    assert_int_equal(f->n_resolve, 2);
}

static void test_look_up_has_30_s(void **state)
{
    struct fixture *f = *state;
    proxy_start(f->proxy, f->now_ns);
    fixture_wait(f, 30 * NS_PER_S);
    assert_int_equal(f->n_cancel_resolve, 1);
    assert_int_equal(f->end.error, BLEPROXY_E_RESOLVE_TIMEOUT);
    proxy_resolved(f->proxy, &fixture_address, 1, 0, NULL, f->now_ns); /* too late */
    assert_int_equal(f->n_open, 0);
    fixture_wait(f, 2 * NS_PER_S);
    assert_int_equal(f->n_resolve, 2);
}

static void test_look_up_without_addresses_is_a_failure(void **state)
{
    struct fixture *f = *state;
    proxy_start(f->proxy, f->now_ns);
    f->resolving = false;
    proxy_resolved(f->proxy, &fixture_address, 0, 0, NULL, f->now_ns);
    assert_int_equal(f->end.error, BLEPROXY_E_RESOLVE);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_WAITING);
}

static void test_tcp_connect_has_60_s(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    fixture_wait(f, 60 * NS_PER_S);
    assert_int_equal(f->end.error, BLEPROXY_E_TIMEOUT);
    assert_string_equal(f->end.text, "cannot connect to kitchen.local:6053: no answer within 60 s");
    fixture_wait(f, 2 * NS_PER_S);
}

static void test_hello_has_30_s(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    fixture_wait(f, 30 * NS_PER_S);
    assert_int_equal(f->n_failed, 1);
    assert_int_equal(f->end.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_WAITING);
}

static void test_limits_are_configurable(void **state)
{
    struct fixture *f = *state;
    struct proxy_config config = fixture_config(f);
    proxy_free(f->proxy);
    config.resolve_ns = 3 * NS_PER_S;
    config.connect_ns = 4 * NS_PER_S;
    config.session.timeouts.hello_ns = 5 * NS_PER_S;
    assert_int_equal(proxy_new(&config, &fixture_ops, f, &f->proxy), 0);
    proxy_start(f->proxy, f->now_ns);
    fixture_wait(f, 3 * NS_PER_S);
    assert_int_equal(f->end.error, BLEPROXY_E_RESOLVE_TIMEOUT);
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    fixture_wait(f, 4 * NS_PER_S);
    assert_string_equal(f->end.text, "cannot connect to kitchen.local:6053: no answer within 4 s");
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    fixture_wait(f, 5 * NS_PER_S);
    assert_int_equal(f->end.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(f->n_failed, 3);
}

/* Case 28 of the hello stage: a polite end, yet no connection came of it. */
static void test_goodbye_before_the_hello_is_a_failed_attempt(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    fixture_feed(f, DISCONNECT_REQUEST);
    assert_int_equal(f->n_failed, 1);
    assert_int_equal(f->n_down, 0);
    assert_int_equal(f->end.error, BLEPROXY_E_CLOSED);
    assert_string_equal(f->end.text, "kitchen asked to be disconnected");
    fixture_wait(f, 2 * NS_PER_S);
    assert_int_equal(f->n_resolve, 2);
}

/* Once may happen; a proxy that always closes at once would otherwise be dialled as fast as the network
 * allows. */
static void test_sessions_lost_at_once_again_count_as_failures(void **state)
{
    struct fixture *f = *state;
    static const unsigned pauses_s[] = {0, 2, 3, 6};
    for (size_t i = 0; i < sizeof(pauses_s) / sizeof(pauses_s[0]); i++) {
        fixture_reach(f, BLEPROXY_PROXY_READY);
        proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
        assert_int_equal(f->n_down, i + 1);
        assert_int_equal(proxy_deadline(f->proxy), f->now_ns + pauses_s[i] * NS_PER_S);
    }
    fixture_reach(f, BLEPROXY_PROXY_READY);
    f->now_ns += 5 * NS_PER_S;
    proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
    assert_int_equal(proxy_deadline(f->proxy), f->now_ns);
}

static void test_rejected_session_counts_as_failure(void **state)
{
    struct fixture *f = *state;
    static const unsigned pauses[] = {2, 3, 6};
    for (unsigned i = 0; i < 3; i++) {
        fixture_reach(f, BLEPROXY_PROXY_READY);
        proxy_reject(f->proxy, BLEPROXY_E_TIMEOUT, "no description", f->now_ns);
        assert_int_equal(f->n_down, i + 1);
        assert_int_equal(f->end.error, BLEPROXY_E_TIMEOUT);
        assert_string_equal(f->end.text, "no description");
        assert_int_equal(proxy_deadline(f->proxy), f->now_ns + pauses[i] * NS_PER_S);
    }
    assert_int_equal(f->n_failed, 0);
    proxy_reject(f->proxy, BLEPROXY_E_TIMEOUT, "twice", f->now_ns); /* nothing to reject */
    assert_int_equal(f->n_down, 3);
    fixture_reach(f, BLEPROXY_PROXY_READY);
    proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
    fixture_wait(f, 0);
}

static void reject_without_a_reason(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    struct fixture *f = user;
    assert_null(reply);
    proxy_reject(f->proxy, error, "the end of the session comes first", now_ns);
}

static void test_refused_password_under_a_request_that_rejects_waits_60_s(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    session_ping(proxy_session(f->proxy), reject_without_a_reason, f, f->now_ns);
    fixture_feed(f, REFUSED_PASSWORD);
    assert_int_equal(f->end.error, BLEPROXY_E_INVALID_AUTH);
    assert_int_equal(f->n_down, 1);
    fixture_wait(f, 60 * NS_PER_S);
}

static void test_case_52_expected_end_under_a_request_that_rejects_waits_5_s(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    session_ping(proxy_session(f->proxy), reject_without_a_reason, f, f->now_ns);
    fixture_feed(f, DISCONNECT_REQUEST);
    assert_int_equal(f->n_down, 1);
    assert_true(f->end.expected);
    assert_int_equal(proxy_failures(f->proxy), 0);
    fixture_wait(f, 5 * NS_PER_S);
}

static void test_case_53_stop_while_not_connected_is_immediate(void **state)
{
    struct fixture *f = *state;
    static const enum bleproxy_proxy_state states[] = {BLEPROXY_PROXY_STOPPED, BLEPROXY_PROXY_RESOLVING,
                                                       BLEPROXY_PROXY_CONNECTING, BLEPROXY_PROXY_WAITING};
    for (unsigned i = 0; i < 4; i++) {
        fixture_reach(f, states[i]);
        proxy_stop(f->proxy, f->now_ns);
        assert_int_equal(f->n_stopped, i + 1);
        assert_int_equal(f->open, 0);
        assert_false(f->resolving);
        assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPED);
        assert_int_equal(proxy_deadline(f->proxy), BP_NEVER);
    }
    assert_int_equal(f->n_cancel_resolve, 1);
    assert_int_equal(f->n_close, 1);
}

static void test_case_53_stop_during_the_handshake_waits_for_it(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    proxy_stop(f->proxy, f->now_ns);
    assert_int_equal(f->n_stopped, 0);
    fixture_feed(f, HELLO_RESPONSE);
    assert_int_equal(f->n_ready, 0);
    fixture_feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->n_stopped, 1);
    assert_int_equal(f->n_down, 0);
    assert_int_equal(f->n_failed, 0);
}

static void test_stop_during_a_handshake_that_never_ends_is_bounded(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_HANDSHAKING);
    proxy_stop(f->proxy, f->now_ns);
    for (uint64_t end_ns = f->now_ns + 15 * NS_PER_S; f->n_stopped == 0;) {
        f->now_ns = proxy_deadline(f->proxy);
        assert_true(f->now_ns <= end_ns);
        proxy_tick(f->proxy, f->now_ns);
    }
    assert_int_equal(f->n_close, 1);
}

static void test_stop_of_a_session_is_polite(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    proxy_stop(f->proxy, f->now_ns);
    proxy_stop(f->proxy, f->now_ns); /* answered together with the first */
    struct iovec vec;
    size_t n = proxy_pending(f->proxy, &vec);
    assert_hex((uint8_t *)vec.iov_base + n - 3, 3, DISCONNECT_REQUEST);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPING);
    fixture_feed(f, DISCONNECT_RESPONSE);
    assert_false(f->was_reset);
    assert_int_equal(f->n_down, 1);
    assert_int_equal(f->n_stopped, 1);
    assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPED);
    fixture_reach(f, BLEPROXY_PROXY_READY); /* and it can be started again */
}

static void test_connection_lost_while_stopping_completes_the_stop(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    proxy_stop(f->proxy, f->now_ns);
    proxy_fail(f->proxy, BLEPROXY_E_IO, "Connection reset by peer", f->now_ns);
    assert_int_equal(f->n_down, 1);
    assert_int_equal(f->n_stopped, 1);
    assert_int_equal(f->n_failed, 0);
}

static const char *const callbacks[] = {
    "resolve",
    "cancel_resolve",
    "open",
    "close",
    "ready",
    "down",
    "failed",
    "stopped",
    "state ready",
    "state stopped",
    "state resolving",
    "state connecting",
    "state handshaking",
    "state waiting",
    "state stopping",
};

/* Everything that can happen: a look-up that times out, a connection refused, a session lost, one stopped.
 * The proxy may be freed or stopped in any callback. */
static void whole_life(struct fixture *f)
{
    struct proxy_config config = fixture_config(f);
    assert_int_equal(proxy_new(&config, &fixture_ops, f, &f->proxy), 0);
    fixture_reach(f, BLEPROXY_PROXY_RESOLVING);
    if (f->proxy)
        proxy_tick(f->proxy, f->now_ns += 30 * NS_PER_S);
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    fixture_reach(f, BLEPROXY_PROXY_WAITING);
    fixture_reach(f, BLEPROXY_PROXY_READY);
    if (f->proxy)
        proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns);
    fixture_reach(f, BLEPROXY_PROXY_READY);
    if (f->proxy)
        proxy_stop(f->proxy, f->now_ns);
    if (f->proxy)
        fixture_feed(f, DISCONNECT_RESPONSE);
}

static void act_free(struct fixture *f)
{
    proxy_free(f->proxy);
    f->proxy = NULL;
}

static void test_freed_in_each_callback(void **state)
{
    struct fixture *f = *state;
    proxy_free(f->proxy);
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        f->act_in = callbacks[i];
        f->act = act_free;
        whole_life(f);
        assert_null(f->act_in);
        assert_null(f->proxy);
        assert_int_equal(f->open, 0);
        assert_false(f->resolving);
        assert_int_equal(f->test.live_blocks, 0);
    }
}

static void act_stop(struct fixture *f)
{
    proxy_stop(f->proxy, f->now_ns);
}

static void test_stopped_in_each_callback(void **state)
{
    struct fixture *f = *state;
    proxy_free(f->proxy);
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        f->n_stopped = f->n_ready = f->n_down = 0;
        f->act_in = callbacks[i];
        f->act = act_stop;
        whole_life(f); /* starts it again after the first stop */
        assert_null(f->act_in);
        assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_STOPPED);
        assert_int_equal(f->n_ready, f->n_down);
        assert_int_equal(f->open, 0);
        assert_false(f->resolving);
        unsigned n_stopped = f->n_stopped;
        proxy_stop(f->proxy, f->now_ns);
        assert_int_equal(f->n_stopped, n_stopped + 1);
        proxy_free(f->proxy);
    }
    f->proxy = NULL;
}

static void act_start(struct fixture *f)
{
    assert_int_equal(proxy_start(f->proxy, f->now_ns), 0);
}

static void test_start_from_within_on_stopped_waits_for_a_tick(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_CONNECTING);
    f->act_in = "stopped";
    f->act = act_start;
    proxy_stop(f->proxy, f->now_ns);
    assert_int_equal(f->n_resolve, 1);
    fixture_wait(f, 0);
    assert_int_equal(f->n_resolve, 2);
}

static void test_out_of_memory_is_a_failed_attempt(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 0;; n++) {
        f->test.fail_after = n;
        fixture_reach(f, BLEPROXY_PROXY_READY);
        f->test.fail_after = SIZE_MAX;
        if (proxy_state(f->proxy) == BLEPROXY_PROXY_READY)
            break;
        assert_int_equal(proxy_state(f->proxy), BLEPROXY_PROXY_WAITING);
        assert_int_equal(f->end.error, BLEPROXY_E_NOMEM);
        assert_int_equal(f->open, 0);
        assert_true(n < 100);
    }
    assert_true(f->n_failed > 1);
    for (size_t n = 0;; n++) {
        struct proxy *proxy;
        struct proxy_config config = fixture_config(f);
        f->test.fail_after = n;
        int error = proxy_new(&config, &fixture_ops, f, &proxy);
        f->test.fail_after = SIZE_MAX;
        if (error == 0) {
            proxy_free(proxy);
            break;
        }
        assert_int_equal(error, BLEPROXY_E_NOMEM);
    }
}

static void test_stop_without_memory_for_the_goodbye(void **state)
{
    struct fixture *f = *state;
    fixture_reach(f, BLEPROXY_PROXY_READY);
    f->test.fail_after = 0;
    proxy_stop(f->proxy, f->now_ns);
    f->test.fail_after = SIZE_MAX;
    if (f->n_stopped == 0)
        fixture_feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->n_stopped, 1);
    assert_int_equal(f->n_down, 1);
}

static void test_configuration_is_checked(void **state)
{
    struct fixture *f = *state;
    static const uint8_t key[32] = {1};
    struct proxy *proxy;
    struct proxy_config config = fixture_config(f);
    config.port = 0;
    assert_int_equal(proxy_new(&config, &fixture_ops, f, &proxy), BLEPROXY_E_INVALID);
    config = fixture_config(f);
    config.host = "";
    assert_int_equal(proxy_new(&config, &fixture_ops, f, &proxy), BLEPROXY_E_INVALID);
    config = fixture_config(f);
    config.session.psk = key; /* and no cipher */
    assert_int_equal(proxy_new(&config, &fixture_ops, f, &proxy), BLEPROXY_E_INVALID);
}

static const char secret[] = "the key of this proxy, 32 bytes.";

/* Memory that is looked at when it is given back. */
static void *inspecting_reallocate(void *user, void *block, size_t size)
{
    size_t *header = block ? (size_t *)block - 2 : NULL;
    if (header)
        assert_null(memmem(block, header[0], secret, 16));
    if (size == 0) {
        free(header);
        return NULL;
    }
    size_t *grown = malloc(size + 2 * sizeof(size_t));
    assert_non_null(grown);
    if (header) {
        memcpy(grown + 2, block, header[0] < size ? header[0] : size);
        free(header);
    }
    grown[0] = size;
    (void)user;
    return grown + 2;
}

static void test_key_and_password_are_wiped(void **state)
{
    struct fixture *f = *state;
    struct env env = f->test.env;
    env.reallocate = inspecting_reallocate;
    struct proxy_config config = fixture_config(f);
    config.session.env = &env;
    config.session.psk = (const uint8_t *)secret;
    config.session.aead = &aead_sodium;
    config.session.password = secret;
    struct proxy *kept = f->proxy;
    assert_int_equal(proxy_new(&config, &fixture_ops, f, &f->proxy), 0);
    proxy_free(f->proxy);
    f->proxy = kept;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_new_proxy_has_no_side_effects),
        TEST(test_way_to_ready_tells_every_state_once),
        TEST(test_pending_bytes_are_told_of_from_the_first),
        TEST(test_backoff_table),
        TEST(test_case_49_first_failure_warns_and_success_resets),
        TEST(test_failures_from_within_go_on_forever_without_recursion),
        TEST(test_deep_sleep_caps_the_pause),
        TEST(test_case_50_missing_key_waits_60_s_and_never_was_a_session),
        TEST(test_case_50_a_wrong_key_waits_60_s_and_other_failures_of_the_handshake_2_s),
        TEST(test_case_50_refused_password_of_a_session_is_retried_at_once),
        TEST(test_case_52_unexpected_loss_is_retried_at_once),
        TEST(test_a_session_that_stops_answering_is_reset),
        TEST(test_case_52_expected_end_waits_5_s),
        TEST(test_look_up_has_30_s),
        TEST(test_look_up_without_addresses_is_a_failure),
        TEST(test_tcp_connect_has_60_s),
        TEST(test_hello_has_30_s),
        TEST(test_limits_are_configurable),
        TEST(test_goodbye_before_the_hello_is_a_failed_attempt),
        TEST(test_sessions_lost_at_once_again_count_as_failures),
        TEST(test_rejected_session_counts_as_failure),
        TEST(test_refused_password_under_a_request_that_rejects_waits_60_s),
        TEST(test_case_52_expected_end_under_a_request_that_rejects_waits_5_s),
        TEST(test_case_53_stop_while_not_connected_is_immediate),
        TEST(test_case_53_stop_during_the_handshake_waits_for_it),
        TEST(test_stop_during_a_handshake_that_never_ends_is_bounded),
        TEST(test_stop_of_a_session_is_polite),
        TEST(test_connection_lost_while_stopping_completes_the_stop),
        TEST(test_freed_in_each_callback),
        TEST(test_stopped_in_each_callback),
        TEST(test_start_from_within_on_stopped_waits_for_a_tick),
        TEST(test_out_of_memory_is_a_failed_attempt),
        TEST(test_stop_without_memory_for_the_goodbye),
        TEST(test_configuration_is_checked),
        TEST(test_key_and_password_are_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
