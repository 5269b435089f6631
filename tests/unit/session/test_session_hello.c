/* SPDX-License-Identifier: MIT */
#include "client.h"

SPLIT_TEST(test_hello_and_login_are_one_write)
{
    struct iovec vec;
    client_start(c);
    assert_int_equal(session_pending(c->session, &vec), 21 + 3);
    client_expect(c, "0012010a0c6573702d632d636c69656e741001180f 000003");
    client_feed(c, HELLO_9);
    assert_true(session_is_ready(c->session));
}

static void test_password_goes_with_the_hello(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    c.config.password = "secret";
    client_start(&c);
    client_expect(&c, "0012010a0c6573702d632d636c69656e741001180f 0008030a06736563726574");
    client_deinit(&c);
}

static void test_no_login_leaves_the_authentication_out(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    c.config.no_login = true;
    client_start(&c);
    client_expect(&c, "0012010a0c6573702d632d636c69656e741001180f");
    client_deinit(&c);
}

static void test_invalid_configurations_are_refused(void **state)
{
    struct client c;
    static char endless[SESSION_OUT_MAX + 1];
    (void)state;
    client_init(&c);
    c.config.psk = test_psk;
    assert_int_equal(session_new(&c.config, &c.ops, &c, 0, &c.session), BLEPROXY_E_INVALID);
    c.config.psk = NULL;
    c.config.label = NULL;
    assert_int_equal(session_new(&c.config, &c.ops, &c, 0, &c.session), BLEPROXY_E_INVALID);
    c.config.label = "kitchen";
    memset(endless, 'x', sizeof(endless) - 1);
    c.config.password = endless;
    assert_int_equal(session_new(&c.config, &c.ops, &c, 0, &c.session), BLEPROXY_E_INVALID);
    assert_null(c.session);
    client_deinit(&c);
}

SPLIT_TEST(test_case_22_major_above_2_is_refused)
{
    client_start(c);
    client_feed(c, "00040208031002");
    client_expect_end(c, BLEPROXY_E_VERSION, "kitchen speaks version 3.2 of the API");
    assert_int_equal(c->events[EVENT_READY], 0);
}

SPLIT_TEST(test_case_22_major_0_1_and_2_are_accepted)
{
    static const char *const hellos[] = {"00020210"
                                         "09",
                                         "000402080110"
                                         "09",
                                         "000402080210"
                                         "00"};
    static const uint32_t majors[] = {0, 1, 2}, minors[] = {9, 9, 0};
    for (size_t i = 0; i < 3; i++) {
        struct client one;
        uint32_t major, minor;
        client_init(&one);
        one.split = c->split;
        client_start(&one);
        session_api_version(one.session, &major, &minor);
        assert_int_equal(major + minor, 0);
        client_feed(&one, hellos[i]);
        assert_int_equal(one.events[EVENT_READY], 1);
        session_api_version(one.session, &major, &minor);
        assert_int_equal(major, majors[i]);
        assert_int_equal(minor, minors[i]);
        c->fed = one.fed > c->fed ? one.fed : c->fed;
        client_deinit(&one);
    }
}

SPLIT_TEST(test_case_23_other_name_in_the_hello)
{
    c->config.expected_name = "test";
    client_start(c);
    client_feed(c, "000a020801100f220466616b65");
    client_expect_end(c, BLEPROXY_E_BAD_NAME, "calls itself 'fake', not 'test'");
    assert_string_equal(c->end.received_name, "fake");
}

SPLIT_TEST(test_case_23_empty_name_in_the_hello_is_any)
{
    c->config.expected_name = "test";
    client_start(c);
    client_feed(c, "0004020801100f");
    assert_int_equal(c->events[EVENT_READY], 1);
}

SPLIT_TEST(test_case_23_expected_name_is_accepted)
{
    c->config.expected_name = "vproxy";
    client_start(c);
    client_feed(c, HELLO_15);
    assert_int_equal(c->events[EVENT_READY], 1);
}

SPLIT_TEST(test_case_24_ready_after_the_hello_alone_and_refused_later)
{
    client_connect(c, HELLO_9);
    client_feed(c, "000004");
    client_advance(c, NS_PER_S);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    client_feed(c, "0002040801");
    client_expect_end(c, BLEPROXY_E_INVALID_AUTH, "kitchen wants a password");
    assert_true(c->end.was_ready);
    assert_false(c->end.expected);
}

SPLIT_TEST(test_case_24_refused_password_before_the_hello)
{
    c->config.password = "wrong";
    client_start(c);
    client_feed(c, "0002040801");
    client_expect_end(c, BLEPROXY_E_INVALID_AUTH, "kitchen refused the password");
    assert_false(c->end.was_ready);
    assert_null(strstr(c->end.text, "wrong"));
}

SPLIT_TEST(test_case_26_no_hello_response_in_30_s)
{
    client_start(c);
    client_feed(c, "0016020801100f");
    client_advance(c, 30 * NS_PER_S - 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    assert_true(session_is_waiting(c->session));
    client_advance(c, 1);
    client_expect_end(c, BLEPROXY_E_TIMEOUT, "kitchen sent no HelloResponse in time");
}

SPLIT_TEST(test_case_26_no_noise_handshake_in_60_s)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO);
    client_advance(c, 60 * NS_PER_S - 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    client_advance(c, 1);
    client_expect_end(c, BLEPROXY_E_TIMEOUT, "kitchen did not complete the encryption handshake in time");
}

SPLIT_TEST(test_case_26_hello_deadline_starts_after_the_noise_handshake)
{
    client_encrypt(c);
    client_start(c);
    client_advance(c, 50 * NS_PER_S);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE);
    client_advance(c, 30 * NS_PER_S - 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
    client_advance(c, 1);
    client_expect_end(c, BLEPROXY_E_TIMEOUT, "HelloResponse");
}

/* Case 28 of the hello stage. */
SPLIT_TEST(test_disconnect_request_before_the_hello_response)
{
    client_start(c);
    client_drain(c);
    client_feed(c, "000005");
    client_expect(c, "000006");
    client_expect_end(c, 0, "asked to be disconnected");
    assert_true(c->end.expected);
    assert_false(c->end.was_ready);
}

SPLIT_TEST(test_case_30_ping_and_time_are_answered_before_the_hello_response)
{
    c->time = (struct session_time){1767225600, "UTC0"};
    client_start(c);
    client_drain(c);
    client_feed(c, "000007");
    client_expect(c, "000008");
    client_feed(c, "000024");
    client_expect(c, "000d250d00b95569120455544330"
                     "1a00");
    assert_int_equal(c->events[EVENT_READY], 0);
}

SPLIT_TEST(test_case_30_messages_in_the_segment_of_the_hello_response)
{
    client_start(c);
    client_drain(c);
    client_feed(c, HELLO_15 "000007" RAW_ADVERTS "000007"
                            "0002050801");
    client_expect(c, "000008000008000006");
    assert_int_equal(c->events[EVENT_READY], 1);
    assert_int_equal(c->events[EVENT_ADVERT], 2);
    client_expect_end(c, 0, "asked to be disconnected");
    assert_int_equal(c->end.disconnect_reason, 1);
}

SPLIT_TEST(test_streams_before_the_hello_response_are_not_delivered)
{
    client_start(c);
    client_feed(c, RAW_ADVERT "00067e080210011801"
                              "00045108031003");
    assert_int_equal(c->events[EVENT_ADVERT] + c->events[EVENT_SCANNER] + c->events[EVENT_SLOTS], 0);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_second_hello_response_is_ignored)
{
    uint32_t major, minor;
    client_connect(c, HELLO_9);
    client_feed(c, HELLO_15 "00040208031002");
    session_api_version(c->session, &major, &minor);
    assert_int_equal(minor, 9);
    assert_int_equal(c->events[EVENT_READY], 1);
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_case_31_unknown_types_are_ignored)
{
    client_connect(c, HELLO_15);
    client_feed(c, "000000"
                   "00020001ff"
                   "000297010102"
                   "0003ffff7f010203"
                   "00020c0102");
    assert_int_equal(c->events[EVENT_CLOSED], 0);
}

SPLIT_TEST(test_case_31_malformed_message_is_a_protocol_error)
{
    client_connect(c, HELLO_15);
    client_feed(c, "00040a12ff4142");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "kitchen sent a malformed DeviceInfoResponse");
    assert_true(test_env_logged(&c->test, "malformed DeviceInfoResponse of 4 bytes: 12ff4142"));
}

static size_t longest_run; /* of the digit f, in what was logged */

static void log_longest_run(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                            const char *text)
{
    (void)user, (void)level, (void)room, (void)proxy;
    for (size_t run; *text; text += run > 0 ? run : 1) {
        run = strspn(text, "f");
        longest_run = run > longest_run ? run : longest_run;
    }
}

static void test_case_31_logged_data_is_capped(void **state)
{
    struct client c;
    uint8_t frame[4 + 1000] = {0, 0xe8, 0x07, 10};
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    c.test.env.log = log_longest_run;
    longest_run = 0;
    memset(frame + 4, 0xff, sizeof(frame) - 4);
    client_feed_bytes(&c, frame, sizeof(frame));
    client_expect_end(&c, BLEPROXY_E_PROTOCOL, "DeviceInfoResponse");
    assert_in_range(longest_run, 100, 2 * 255);
    client_deinit(&c);
}

/* What a C program can do wrong in a callback, short of crashing: nothing of it is the others' loss. */
SPLIT_TEST(test_case_33_a_handler_that_meddles_ends_nothing_and_starves_nobody)
{
    struct reply first, second, third;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &first, NS_PER_S), 0);
    assert_int_equal(client_ask(c, &second, NS_PER_S), 0);
    assert_int_equal(client_ask(c, &third, NS_PER_S), 0);
    first.cancel = third.request;
    first.again = true;
    client_drain(c);
    client_feed(c, "000013000007" RAW_ADVERT);
    client_expect(c, "00000b000008");
    client_expect_reply(&first, 0);
    client_expect_reply(&second, 0);
    client_expect_reply(&third, BLEPROXY_E_CANCELLED);
    assert_int_equal(c->events[EVENT_ADVERT], 1);
    assert_true(session_is_ready(c->session));
    first.cancel = NULL; /* it is gone */
    client_feed(c, "000013");
    assert_int_equal(first.completed, 2);
}

static void test_case_32_eof_and_lost_connection(void **state)
{
    (void)state;
    for (int lost = 0; lost <= 1; lost++) {
        struct client c;
        struct reply reply;
        client_init(&c);
        client_connect(&c, HELLO_15);
        assert_int_equal(client_ask(&c, &reply, NS_PER_S), 0);
        if (lost)
            session_fail(c.session, BLEPROXY_E_IO, "Connection timed out", c.now_ns);
        else
            session_fail(c.session, BLEPROXY_E_CLOSED, NULL, c.now_ns);
        client_expect_end(&c, BLEPROXY_E_CLOSED,
                          lost ? "was lost (Connection timed out)" : "closed the connection");
        client_expect_reply(&reply, lost ? BLEPROXY_E_REQUEST_FAILED : BLEPROXY_E_CLOSED);
        assert_false(c.end.expected);
        assert_true(c.end.was_ready);
        client_deinit(&c);
    }
}

SPLIT_TEST(test_case_32_api_errors_reach_requests_unchanged)
{
    struct reply reply;
    client_connect(c, HELLO_15);
    assert_int_equal(client_ask(c, &reply, NS_PER_S), 0);
    client_feed(c, "010000");
    client_expect_end(c, BLEPROXY_E_REQUIRES_ENCRYPTION, "requires encryption");
    client_expect_reply(&reply, BLEPROXY_E_REQUIRES_ENCRYPTION);
}

SPLIT_TEST(test_case_35_sending_before_ready_and_after_the_end)
{
    struct reply reply;
    PingRequest ping = PING_REQUEST__INIT;
    client_start(c);
    client_drain(c);
    assert_int_equal(session_send(c->session, MESSAGE_PING_REQUEST, &ping.base, c->now_ns),
                     BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(client_ask(c, &reply, NS_PER_S), BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(session_subscribe_adverts(c->session, true, c->now_ns), BLEPROXY_E_NOT_CONNECTED);
    client_expect(c, "");
    client_feed(c, HELLO_15 "0002040801");
    assert_int_equal(session_send(c->session, MESSAGE_PING_REQUEST, &ping.base, c->now_ns),
                     BLEPROXY_E_INVALID_AUTH);
    assert_int_equal(client_ask(c, &reply, NS_PER_S), BLEPROXY_E_INVALID_AUTH);
    assert_int_equal(reply.completed, 0);
    assert_int_equal(session_deadline(c->session), BP_NEVER);
    client_expect(c, "");
}

SPLIT_TEST(test_sending_after_a_clean_end)
{
    client_connect(c, HELLO_15);
    client_feed(c, "000005");
    assert_int_equal(session_subscribe_slots(c->session, c->now_ns), BLEPROXY_E_NOT_CONNECTED);
}

/* Case 36: a connect is cancelled by freeing the session. */
SPLIT_TEST(test_case_36_cancelled_connect_says_nothing_more)
{
    client_encrypt(c);
    client_start(c);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE);
    session_free(c->session);
    c->freed = true;
    assert_int_equal(c->events[EVENT_CLOSED] + c->events[EVENT_READY], 0);
}

static void test_texts_stay_clean_and_short(void **state)
{
    struct client c;
    static char label[1000];
    (void)state;
    client_init(&c);
    memset(label, 'k', sizeof(label) - 1);
    memcpy(label, "\x1b[2J", 4);
    c.config.label = label;
    client_start(&c);
    session_fail(c.session, BLEPROXY_E_IO, "bad\r\nnews", c.now_ns);
    client_expect_end(&c, BLEPROXY_E_CLOSED, "was lost (badnews)");
    assert_null(strchr(c.end.text, 0x1b));
    client_deinit(&c);
}

static void test_out_is_capped_when_the_proxy_does_not_read(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    for (int i = 0; i <= SESSION_OUT_MAX / 2 && c.events[EVENT_CLOSED] == 0; i++)
        client_feed(&c, "000007");
    client_expect_end(&c, BLEPROXY_E_LIMIT, "does not read");
    client_deinit(&c);
}

static void test_there_is_room_for_answers_when_requests_have_used_up_theirs(void **state)
{
    struct client c;
    struct iovec vec;
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    while (session_subscribe_adverts(c.session, true, c.now_ns) == 0)
        continue;
    size_t full = session_pending(c.session, &vec);
    for (size_t i = 1; i <= 100; i++) {
        client_feed(&c, "000007");
        assert_int_equal(session_pending(c.session, &vec), full + 3 * i);
    }
    assert_true(session_is_ready(c.session));
    assert_int_equal(session_subscribe_adverts(c.session, true, c.now_ns), BLEPROXY_E_LIMIT);
    session_sent(c.session, 400);
    assert_int_equal(session_subscribe_adverts(c.session, true, c.now_ns), 0);
    client_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_and_login_are_one_write),
        cmocka_unit_test(test_password_goes_with_the_hello),
        cmocka_unit_test(test_no_login_leaves_the_authentication_out),
        cmocka_unit_test(test_invalid_configurations_are_refused),
        cmocka_unit_test(test_case_22_major_above_2_is_refused),
        cmocka_unit_test(test_case_22_major_0_1_and_2_are_accepted),
        cmocka_unit_test(test_case_23_other_name_in_the_hello),
        cmocka_unit_test(test_case_23_empty_name_in_the_hello_is_any),
        cmocka_unit_test(test_case_23_expected_name_is_accepted),
        cmocka_unit_test(test_case_24_ready_after_the_hello_alone_and_refused_later),
        cmocka_unit_test(test_case_24_refused_password_before_the_hello),
        cmocka_unit_test(test_case_26_no_hello_response_in_30_s),
        cmocka_unit_test(test_case_26_no_noise_handshake_in_60_s),
        cmocka_unit_test(test_case_26_hello_deadline_starts_after_the_noise_handshake),
        cmocka_unit_test(test_disconnect_request_before_the_hello_response),
        cmocka_unit_test(test_case_30_ping_and_time_are_answered_before_the_hello_response),
        cmocka_unit_test(test_case_30_messages_in_the_segment_of_the_hello_response),
        cmocka_unit_test(test_streams_before_the_hello_response_are_not_delivered),
        cmocka_unit_test(test_second_hello_response_is_ignored),
        cmocka_unit_test(test_case_31_unknown_types_are_ignored),
        cmocka_unit_test(test_case_31_malformed_message_is_a_protocol_error),
        cmocka_unit_test(test_case_31_logged_data_is_capped),
        cmocka_unit_test(test_case_33_a_handler_that_meddles_ends_nothing_and_starves_nobody),
        cmocka_unit_test(test_case_32_eof_and_lost_connection),
        cmocka_unit_test(test_case_32_api_errors_reach_requests_unchanged),
        cmocka_unit_test(test_case_35_sending_before_ready_and_after_the_end),
        cmocka_unit_test(test_sending_after_a_clean_end),
        cmocka_unit_test(test_case_36_cancelled_connect_says_nothing_more),
        cmocka_unit_test(test_texts_stay_clean_and_short),
        cmocka_unit_test(test_out_is_capped_when_the_proxy_does_not_read),
        cmocka_unit_test(test_there_is_room_for_answers_when_requests_have_used_up_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
