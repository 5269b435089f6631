/* SPDX-License-Identifier: MIT */
#include "client.h"

SPLIT_TEST(test_a_reply_completes_all_requests_for_its_type_and_no_other)
{
    struct reply one, two, ping = {.client = c};
    client_connect(c, HELLO_15);
    assert_false(session_is_waiting(c->session));
    assert_int_equal(client_ask(c, &one, NS_PER_S), 0);
    assert_int_equal(client_ask(c, &two, NS_PER_S), 0);
    assert_int_equal(session_ping(c->session, client_on_reply, &ping, c->now_ns), 0);
    client_expect(c, "00000b00000b000007");
    assert_int_equal(one.completed + two.completed + ping.completed, 0);
    client_feed(c, "000013");
    client_expect_reply(&one, 0);
    client_expect_reply(&two, 0);
    assert_int_equal(ping.completed, 0);
    client_feed(c, "000013000008");
    client_expect_reply(&one, 0);
    client_expect_reply(&ping, 0);
}

SPLIT_TEST(test_case_25_timeout_0_ends_at_the_next_tick_and_the_session_stays)
{
    struct reply reply;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &reply, 0), 0);
    assert_int_equal(reply.completed, 0);
    assert_int_equal(session_deadline(c->session), c->now_ns);
    client_tick(c);
    client_expect_reply(&reply, BLEPROXY_E_TIMEOUT);
    assert_true(test_env_logged(&c->test, "no ListEntitiesDoneResponse in time"));
    assert_true(session_is_ready(c->session));
    client_feed(c, "000013"); /* comes too late */
    assert_int_equal(reply.completed, 1);
}

SPLIT_TEST(test_requests_time_out_each_at_its_own_deadline)
{
    struct reply early, late;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &late, 9 * NS_PER_S), 0);
    assert_int_equal(client_ask(c, &early, 3 * NS_PER_S), 0);
    client_advance(c, 3 * NS_PER_S - 1);
    assert_int_equal(early.completed, 0);
    client_advance(c, 1);
    client_expect_reply(&early, BLEPROXY_E_TIMEOUT);
    assert_int_equal(late.completed, 0);
    client_advance(c, 6 * NS_PER_S);
    client_expect_reply(&late, BLEPROXY_E_TIMEOUT);
}

SPLIT_TEST(test_cancelled_request_completes_once_from_within)
{
    struct reply reply;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &reply, NS_PER_S), 0);
    session_cancel(reply.request, c->now_ns);
    client_expect_reply(&reply, BLEPROXY_E_CANCELLED);
    client_feed(c, "000013");
    client_advance(c, 2 * NS_PER_S);
    assert_int_equal(reply.completed, 1);
}

SPLIT_TEST(test_a_callback_may_cancel_a_sibling_that_is_being_answered)
{
    struct reply one, two;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &one, NS_PER_S), 0);
    assert_int_equal(client_ask(c, &two, NS_PER_S), 0);
    one.cancel = two.request;
    client_feed(c, "000013");
    client_expect_reply(&one, 0);
    client_expect_reply(&two, BLEPROXY_E_CANCELLED);
}

SPLIT_TEST(test_a_request_made_in_a_callback_waits_for_the_next_reply)
{
    struct reply reply;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &reply, NS_PER_S), 0);
    reply.again = true;
    client_feed(c, "000013");
    assert_int_equal(reply.completed, 1);
    client_feed(c, "000013");
    assert_int_equal(reply.completed, 2);
}

SPLIT_TEST(test_the_end_completes_every_request_once)
{
    struct reply replies[5];
    client_connect(c, HELLO_15);
    for (int i = 0; i < 5; i++)
        assert_int_equal(client_ask(c, &replies[i], NS_PER_S), 0);
    replies[0].cancel = replies[4].request;
    client_feed(c, "000005");
    client_expect_end(c, 0, "asked to be disconnected");
    for (int i = 0; i < 4; i++)
        client_expect_reply(&replies[i], BLEPROXY_E_CLOSED);
    client_expect_reply(&replies[4], BLEPROXY_E_CANCELLED);
}

SPLIT_TEST(test_freeing_cancels_every_request_once)
{
    struct reply one, two;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &one, NS_PER_S), 0);
    assert_int_equal(client_ask(c, &two, NS_PER_S), 0);
    session_free(c->session);
    c->freed = true;
    client_expect_reply(&one, BLEPROXY_E_CANCELLED);
    client_expect_reply(&two, BLEPROXY_E_CANCELLED);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_freeing_in_a_reply_cancels_its_siblings_at_once)
{
    struct reply one, two;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &one, NS_PER_S), 0);
    assert_int_equal(client_ask(c, &two, NS_PER_S), 0);
    c->free_on = EVENT_REPLY;
    client_feed(c, "000013");
    client_expect_reply(&one, 0);
    client_expect_reply(&two, BLEPROXY_E_CANCELLED);
}

SPLIT_TEST(test_freeing_in_a_reply_at_the_end_of_the_session)
{
    struct reply one, two;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &one, NS_PER_S), 0);
    assert_int_equal(client_ask(c, &two, NS_PER_S), 0);
    c->free_on = EVENT_REPLY;
    session_fail(c->session, BLEPROXY_E_CLOSED, NULL, c->now_ns);
    client_expect_reply(&one, BLEPROXY_E_CLOSED);
    client_expect_reply(&two, BLEPROXY_E_CANCELLED);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

/* The header of the message still fits, its payload does not. */
static void test_a_message_that_does_not_fit_leaves_nothing_behind(void **state)
{
    struct client c;
    struct iovec vec;
    size_t written = 3;
    int r;
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    assert_int_equal(session_subscribe_slots(c.session, c.now_ns), 0);
    while ((r = session_subscribe_adverts(c.session, true, c.now_ns)) == 0)
        written += 5;
    assert_int_equal(r, BLEPROXY_E_LIMIT);
    assert_int_equal(SESSION_OUT_MAX - written, 3);
    assert_int_equal(session_pending(c.session, &vec), written);
    assert_true(session_is_ready(c.session));
    client_deinit(&c);
}

static void take_verdict(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    (void)now_ns;
    int *verdict = user;
    *verdict = error < 0 ? error : ((const NoiseEncryptionSetKeyResponse *)reply)->success;
}

SPLIT_TEST(test_a_key_is_set_and_the_verdict_told)
{
    static const char key[] = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    int verdicts[3] = {7, 7, 7};
    client_connect(c, HELLO_15);
    client_expect(c, "");
    assert_int_equal(session_set_key(c->session, "", take_verdict, NULL, c->now_ns), BLEPROXY_E_INVALID_KEY);
    assert_int_equal(session_set_key(c->session, key, take_verdict, &verdicts[0], c->now_ns), 0);
    client_expect(c, "002e7c0a2c41514944424155474277674a4367734d445134504542455345"
                     "7851564668635947526f62484230654879413d");
    client_feed(c, "00027d0801");
    assert_int_equal(verdicts[0], 1);
    assert_int_equal(session_set_key(c->session, key, take_verdict, &verdicts[1], c->now_ns), 0);
    client_feed(c, "00007d");
    assert_int_equal(verdicts[1], 0);
    assert_int_equal(session_set_key(c->session, key, take_verdict, &verdicts[2], c->now_ns), 0);
    client_advance(c, session_timeouts_default.request_ns);
    assert_int_equal(verdicts[2], BLEPROXY_E_TIMEOUT);
}

SPLIT_TEST(test_no_request_without_memory)
{
    struct reply reply;
    client_connect(c, HELLO_15);
    c->test.fail_after = 0;
    assert_int_equal(client_ask(c, &reply, NS_PER_S), BLEPROXY_E_NOMEM);
    c->test.fail_after = SIZE_MAX;
    client_feed(c, "000013");
    assert_int_equal(reply.completed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reply_completes_all_requests_for_its_type_and_no_other),
        cmocka_unit_test(test_case_25_timeout_0_ends_at_the_next_tick_and_the_session_stays),
        cmocka_unit_test(test_requests_time_out_each_at_its_own_deadline),
        cmocka_unit_test(test_cancelled_request_completes_once_from_within),
        cmocka_unit_test(test_a_callback_may_cancel_a_sibling_that_is_being_answered),
        cmocka_unit_test(test_a_request_made_in_a_callback_waits_for_the_next_reply),
        cmocka_unit_test(test_the_end_completes_every_request_once),
        cmocka_unit_test(test_freeing_cancels_every_request_once),
        cmocka_unit_test(test_freeing_in_a_reply_cancels_its_siblings_at_once),
        cmocka_unit_test(test_freeing_in_a_reply_at_the_end_of_the_session),
        cmocka_unit_test(test_a_message_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(test_a_key_is_set_and_the_verdict_told),
        cmocka_unit_test(test_no_request_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
