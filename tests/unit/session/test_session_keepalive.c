/* SPDX-License-Identifier: MIT */
#include "client.h"

/* What the client has written when that much time has passed, in one-second steps. */
static void expect_after(struct client *c, unsigned seconds, const char *expected)
{
    client_advance(c, seconds * NS_PER_S);
    client_expect(c, expected);
}

SPLIT_TEST(test_case_29_silence_pings_every_20_s_and_ends_90_s_after_the_first)
{
    client_connect(c, HELLO_15);
    uint64_t start_ns = c->now_ns;
    expect_after(c, 19, "");
    expect_after(c, 1, "000007"); /* 20 */
    expect_after(c, 19, "");
    expect_after(c, 1, "000007"); /* 40 */
    expect_after(c, 20, "000007");
    expect_after(c, 20, "000007"); /* 80 */
    expect_after(c, 20, "000007");
    client_advance(c, 10 * NS_PER_S - 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    assert_int_equal(session_deadline(c->session), start_ns + 110 * NS_PER_S);
    client_advance(c, 1);
    client_expect_end(c, BLEPROXY_E_PING, "kitchen stopped answering");
    assert_false(c->end.expected);
}

SPLIT_TEST(test_case_29_with_replies_one_ping_for_each_idle_interval)
{
    client_connect(c, HELLO_15);
    for (int i = 0; i < 20; i++) {
        expect_after(c, 20, "000007");
        client_feed(c, "000008");
        expect_after(c, 20, ""); /* the reply was in this interval */
    }
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_any_known_message_cancels_the_timer)
{
    client_connect(c, HELLO_15);
    expect_after(c, 109, "000007000007000007000007000007");
    client_feed(c, RAW_ADVERT);
    expect_after(c, 2, ""); /* 111: past the deadline that the ping of 20 s armed */
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    expect_after(c, 29, "000007"); /* 140: the first silent interval after it */
    client_advance(c, 90 * NS_PER_S - 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    client_advance(c, 1);
    client_expect_end(c, BLEPROXY_E_PING, "stopped answering");
}

SPLIT_TEST(test_a_busy_proxy_is_never_pinged)
{
    client_connect(c, HELLO_15);
    for (int i = 0; i < 30; i++) {
        client_feed(c, RAW_ADVERT);
        expect_after(c, 15, "");
    }
}

SPLIT_TEST(test_case_31_unknown_types_are_no_sign_of_life)
{
    client_connect(c, HELLO_15);
    for (int i = 0; i < 11; i++) {
        client_feed(c, "000000"
                       "00009701"
                       "0000ffff7f");
        client_advance(c, 10 * NS_PER_S);
    }
    client_expect_end(c, BLEPROXY_E_PING, "stopped answering");
}

/* Types of the API that this client has no use for are life all the same. */
SPLIT_TEST(test_known_types_without_schema_are_a_sign_of_life)
{
    client_connect(c, HELLO_15);
    for (int i = 0; i < 20; i++) {
        client_feed(c, "00020c0102");
        expect_after(c, 10, "");
    }
}

SPLIT_TEST(test_a_late_tick_pings_once_and_goes_on_from_there)
{
    client_connect(c, HELLO_15);
    c->now_ns += 65 * NS_PER_S;
    client_tick(c);
    client_expect(c, "000007");
    assert_int_equal(session_deadline(c->session), c->now_ns + 20 * NS_PER_S);
}

SPLIT_TEST(test_a_message_only_sets_a_flag)
{
    client_connect(c, HELLO_15);
    uint64_t deadline_ns = session_deadline(c->session);
    c->now_ns += 5 * NS_PER_S;
    client_feed(c, RAW_ADVERT);
    assert_int_equal(session_deadline(c->session), deadline_ns);
}

/* Every limit with a value of its own: 1 s, 2 s, ... */
static const struct session_timeouts short_limits = {.handshake_ns = 1 * NS_PER_S,
                                                     .hello_ns = 2 * NS_PER_S,
                                                     .request_ns = 3 * NS_PER_S,
                                                     .ping_ns = 4 * NS_PER_S,
                                                     .dead_ns = 5 * NS_PER_S,
                                                     .disconnect_ns = 6 * NS_PER_S,
                                                     .settle_ns = 7 * NS_PER_S};

/* Ends after exactly that many seconds. */
static void expect_end_after(struct client *c, unsigned seconds, int error, const char *text)
{
    client_advance(c, seconds * NS_PER_S - 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    client_advance(c, 1);
    client_expect_end(c, error, text);
}

SPLIT_TEST(test_limit_of_the_handshake_is_configurable)
{
    c->config.timeouts = short_limits;
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO);
    expect_end_after(c, 1, BLEPROXY_E_TIMEOUT, "handshake");
}

SPLIT_TEST(test_limit_of_the_hello_is_configurable)
{
    c->config.timeouts = short_limits;
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE);
    expect_end_after(c, 2, BLEPROXY_E_TIMEOUT, "HelloResponse");
}

SPLIT_TEST(test_limit_of_requests_is_configurable)
{
    struct reply reply = {.client = c};
    c->config.timeouts = short_limits;
    client_connect(c, HELLO_15);
    assert_int_equal(session_ping(c->session, client_on_reply, &reply, c->now_ns), 0);
    client_advance(c, 3 * NS_PER_S - 1);
    assert_int_equal(reply.completed, 0);
    client_advance(c, 1);
    client_expect_reply(&reply, BLEPROXY_E_TIMEOUT);
}

SPLIT_TEST(test_limits_of_the_keepalive_are_configurable)
{
    c->config.timeouts = short_limits;
    client_connect(c, HELLO_15);
    expect_end_after(c, 4 + 5, BLEPROXY_E_PING, "stopped answering");
}

SPLIT_TEST(test_limit_of_a_disconnect_is_configurable)
{
    c->config.timeouts = short_limits;
    client_connect(c, HELLO_15);
    session_disconnect(c->session, false, c->now_ns);
    expect_end_after(c, 6, 0, "without an answer");
}

static void test_limit_of_settling_is_configurable(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    c.config.timeouts = short_limits;
    c.config.timeouts.hello_ns = 100 * NS_PER_S;
    client_start(&c);
    client_drain(&c);
    session_disconnect(c.session, false, c.now_ns);
    client_advance(&c, 7 * NS_PER_S - 1);
    client_expect(&c, "");
    client_advance(&c, 1);
    client_expect(&c, "000005");
    client_deinit(&c);
}

SPLIT_TEST(test_pings_of_an_encrypted_session)
{
    client_connect_noise(c);
    expect_after(c, 20, "010014094e4cd31771e90471f01169213902a35919a9f5");
    client_feed(c, "010014d5d78e683c1fde067023736d9b5e49a88749b8ad");
    expect_after(c, 20, "");
}

SPLIT_TEST(test_session_ping_measures_a_round_trip)
{
    struct reply reply = {.client = c};
    client_connect(c, HELLO_15);
    assert_int_equal(session_ping(c->session, client_on_reply, &reply, c->now_ns), 0);
    assert_true(session_is_waiting(c->session));
    client_expect(c, "000007");
    client_feed(c, "000008");
    client_expect_reply(&reply, 0);
    assert_false(session_is_waiting(c->session));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_29_silence_pings_every_20_s_and_ends_90_s_after_the_first),
        cmocka_unit_test(test_case_29_with_replies_one_ping_for_each_idle_interval),
        cmocka_unit_test(test_any_known_message_cancels_the_timer),
        cmocka_unit_test(test_a_busy_proxy_is_never_pinged),
        cmocka_unit_test(test_case_31_unknown_types_are_no_sign_of_life),
        cmocka_unit_test(test_known_types_without_schema_are_a_sign_of_life),
        cmocka_unit_test(test_a_late_tick_pings_once_and_goes_on_from_there),
        cmocka_unit_test(test_a_message_only_sets_a_flag),
        cmocka_unit_test(test_limit_of_the_handshake_is_configurable),
        cmocka_unit_test(test_limit_of_the_hello_is_configurable),
        cmocka_unit_test(test_limit_of_requests_is_configurable),
        cmocka_unit_test(test_limits_of_the_keepalive_are_configurable),
        cmocka_unit_test(test_limit_of_a_disconnect_is_configurable),
        cmocka_unit_test(test_limit_of_settling_is_configurable),
        cmocka_unit_test(test_pings_of_an_encrypted_session),
        cmocka_unit_test(test_session_ping_measures_a_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
