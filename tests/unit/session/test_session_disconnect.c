/* SPDX-License-Identifier: MIT */
#include "client.h"

SPLIT_TEST(test_disconnect_ends_with_the_answer)
{
    struct reply reply;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &reply, 60 * NS_PER_S), 0);
    client_drain(c);
    session_disconnect(c->session, false, c->now_ns);
    client_expect(c, "000005");
    assert_false(session_is_ready(c->session));
    assert_int_equal(session_subscribe_slots(c->session, c->now_ns), BLEPROXY_E_NOT_CONNECTED);
    client_feed(c, RAW_ADVERT "000007");
    client_expect(c, "000008");
    assert_int_equal(c->events[EVENT_ADVERT] + c->events[EVENT_CLOSED], 0);
    session_disconnect(c->session, false, c->now_ns); /* changes nothing */
    client_feed(c, "000006");
    client_expect_end(c, 0, "kitchen was disconnected");
    assert_true(c->end.expected);
    assert_true(c->end.was_ready);
    client_expect_reply(&reply, BLEPROXY_E_CLOSED);
}

SPLIT_TEST(test_disconnect_ends_after_10_s_without_an_answer)
{
    client_connect(c, HELLO_15);
    session_disconnect(c->session, false, c->now_ns);
    assert_true(session_is_waiting(c->session));
    client_advance(c, 10 * NS_PER_S - 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    client_advance(c, 1);
    client_expect_end(c, 0, "was disconnected");
    assert_true(c->end.expected);
}

SPLIT_TEST(test_connection_closed_instead_of_the_answer_is_fine)
{
    client_connect(c, HELLO_15);
    session_disconnect(c->session, false, c->now_ns);
    session_fail(c->session, BLEPROXY_E_IO, "reset", c->now_ns);
    client_expect_end(c, 0, "was disconnected");
    assert_true(c->end.expected);
}

SPLIT_TEST(test_forced_disconnect_writes_and_ends_at_once)
{
    client_connect(c, HELLO_15);
    session_disconnect(c->session, true, c->now_ns);
    client_expect_end(c, 0, "was disconnected");
    assert_true(c->end.expected);
    client_expect(c, "000005");
}

SPLIT_TEST(test_forced_disconnect_while_closing)
{
    client_connect(c, HELLO_15);
    session_disconnect(c->session, false, c->now_ns);
    session_disconnect(c->session, true, c->now_ns);
    client_expect_end(c, 0, "was disconnected");
    client_expect(c, "000005");
}

static void test_forced_disconnect_during_the_noise_handshake(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_encrypt(&c);
    client_start(&c);
    client_drain(&c);
    session_disconnect(c.session, true, c.now_ns);
    client_expect_end(&c, 0, "was disconnected");
    assert_true(c.end.expected);
    client_expect(&c, "");
    client_deinit(&c);
}

static void test_case_27_disconnect_in_mid_hello_waits_5_s_then_10_s(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_start(&c);
    client_drain(&c);
    session_disconnect(c.session, false, c.now_ns);
    client_advance(&c, 5 * NS_PER_S - 1);
    client_expect(&c, "");
    client_advance(&c, 1);
    client_expect(&c, "000005");
    client_advance(&c, 10 * NS_PER_S - 1);
    assert_int_equal(c.events[EVENT_CLOSED], 0);
    client_advance(&c, 1);
    client_expect_end(&c, 0, "was disconnected");
    assert_int_equal(c.events[EVENT_READY], 0);
    assert_true(c.end.expected);
    assert_false(c.end.was_ready);
    client_deinit(&c);
}

static void test_asking_again_to_disconnect_does_not_prolong_the_wait(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_start(&c);
    client_drain(&c);
    session_disconnect(c.session, false, c.now_ns);
    client_advance(&c, 3 * NS_PER_S);
    session_disconnect(c.session, false, c.now_ns);
    client_advance(&c, 2 * NS_PER_S);
    client_expect(&c, "000005");
    client_deinit(&c);
}

SPLIT_TEST(test_case_27_hello_that_comes_in_time_is_followed_by_the_disconnect)
{
    client_start(c);
    client_drain(c);
    session_disconnect(c->session, false, c->now_ns);
    client_advance(c, NS_PER_S);
    client_feed(c, HELLO_15);
    client_expect(c, "000005");
    assert_int_equal(c->events[EVENT_READY], 0);
    client_feed(c, "000006");
    client_expect_end(c, 0, "was disconnected");
}

static void test_case_27_disconnect_in_mid_handshake_ends_after_5_s(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_encrypt(&c);
    client_start(&c);
    session_disconnect(c.session, false, c.now_ns);
    client_advance(&c, 5 * NS_PER_S - 1);
    assert_int_equal(c.events[EVENT_CLOSED], 0);
    client_advance(&c, 1);
    client_expect_end(&c, 0, "handshake");
    assert_true(c.end.expected);
    client_deinit(&c);
}

SPLIT_TEST(test_case_27_connect_that_fails_while_a_disconnect_waits)
{
    client_encrypt(c);
    client_start(c);
    session_disconnect(c->session, false, c->now_ns);
    client_feed(c, "020000");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "does not speak");
    assert_true(c->end.expected);
}

SPLIT_TEST(test_case_28_disconnect_request_is_answered_and_expected)
{
    client_connect(c, HELLO_15);
    client_feed(c, "000005");
    client_expect(c, "000006");
    client_expect_end(c, 0, "kitchen asked to be disconnected");
    assert_true(c->end.expected);
    assert_int_equal(c->end.disconnect_reason, 0);
}

SPLIT_TEST(test_case_28_reason_1_and_unknown_reason_9999_are_kept)
{
    static const char *const requests[] = {"0002050801", "000305088f4e"};
    static const uint32_t reasons[] = {1, 9999};
    for (size_t i = 0; i < 2; i++) {
        struct client one;
        client_init(&one);
        one.split = c->split;
        client_connect(&one, HELLO_15);
        client_feed(&one, requests[i]);
        assert_int_equal(one.end.disconnect_reason, reasons[i]);
        client_expect_end(&one, 0, "asked");
        c->fed = one.fed > c->fed ? one.fed : c->fed;
        client_deinit(&one);
    }
}

static void test_case_28_also_when_the_reply_cannot_be_written(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    while (session_subscribe_slots(c.session, c.now_ns) == 0)
        ;
    client_feed(&c, "0002050801");
    client_expect_end(&c, 0, "asked to be disconnected");
    assert_true(c.end.expected);
    assert_int_equal(c.end.disconnect_reason, 1);
    client_deinit(&c);
}

SPLIT_TEST(test_disconnect_response_nobody_asked_for_is_ignored)
{
    client_connect(c, HELLO_15);
    client_feed(c, "000006");
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_disconnect_from_within_on_ready)
{
    c->disconnect_on_ready = true;
    client_start(c);
    client_feed(c, HELLO_15 RAW_ADVERT);
    client_expect_end(c, 0, "was disconnected");
    assert_int_equal(c->events[EVENT_ADVERT], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disconnect_ends_with_the_answer),
        cmocka_unit_test(test_disconnect_ends_after_10_s_without_an_answer),
        cmocka_unit_test(test_connection_closed_instead_of_the_answer_is_fine),
        cmocka_unit_test(test_forced_disconnect_writes_and_ends_at_once),
        cmocka_unit_test(test_forced_disconnect_while_closing),
        cmocka_unit_test(test_forced_disconnect_during_the_noise_handshake),
        cmocka_unit_test(test_case_27_disconnect_in_mid_hello_waits_5_s_then_10_s),
        cmocka_unit_test(test_asking_again_to_disconnect_does_not_prolong_the_wait),
        cmocka_unit_test(test_case_27_hello_that_comes_in_time_is_followed_by_the_disconnect),
        cmocka_unit_test(test_case_27_disconnect_in_mid_handshake_ends_after_5_s),
        cmocka_unit_test(test_case_27_connect_that_fails_while_a_disconnect_waits),
        cmocka_unit_test(test_case_28_disconnect_request_is_answered_and_expected),
        cmocka_unit_test(test_case_28_reason_1_and_unknown_reason_9999_are_kept),
        cmocka_unit_test(test_case_28_also_when_the_reply_cannot_be_written),
        cmocka_unit_test(test_disconnect_response_nobody_asked_for_is_ignored),
        cmocka_unit_test(test_disconnect_from_within_on_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
