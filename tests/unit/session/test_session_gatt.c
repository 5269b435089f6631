/* SPDX-License-Identifier: MIT */
#include "gatt_client.h"

#include <stdio.h>

SPLIT_TEST(test_requests_are_written_as_the_protocol_has_them)
{
    static const char *const expected[OPERATIONS] = {
        [READ] = "000a4908b3c4c4c09398291003",
        [WRITE] = "00104b08b3c4c4c09398291003180122020102",
        [READ_DESCRIPTOR] = "000a4c08b3c4c4c09398291003",
        [WRITE_DESCRIPTOR] = "000e4d08b3c4c4c093982910031a020102",
        [NOTIFY] = "000c4e08b3c4c4c093982910031801",
        [SERVICES_OF] = "00084608b3c4c4c0939829",
        [PAIR] = "000a4408b3c4c4c09398291002",
        [UNPAIR] = "000a4408b3c4c4c09398291003",
        [CLEAR_CACHE] = "000a4408b3c4c4c09398291006",
        [SET_PARAMETERS] = "0011910108b3c4c4c093982910a00618a00628d804",
    };
    client_connect(c, HELLO_15);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        struct asked asked;
        assert_int_equal(ask(c, &asked, i, DEVICE, 3), 0);
        client_expect(c, expected[i]);
        session_cancel(asked.request, c->now_ns);
        expect_outcome(&asked, BLEPROXY_E_CANCELLED, 0);
    }
    assert_int_equal(session_gatt_notify(c->session, DEVICE, 12, false, NULL, c->now_ns), 0);
    client_expect(c, "000a4e08b3c4c4c0939829100c");
}

SPLIT_TEST(test_case_41_any_connection_message_fails_each_request_about_the_device)
{
    static const char *const messages[] = {UP, DOWN};
    static const int32_t codes[] = {0, 0x13};
    client_connect(c, HELLO_15);
    for (int m = 0; m < 2; m++) {
        struct asked asked[OPERATIONS], elsewhere;
        struct heard heard;
        assert_int_equal(hear(c, &heard, DEVICE), 0);
        heard.awaiting = &asked[OPERATIONS - 1];
        for (unsigned i = 0; i < OPERATIONS; i++)
            assert_int_equal(ask(c, &asked[i], i, DEVICE, 3), 0);
        assert_int_equal(ask(c, &elsewhere, READ, OTHER, 3), 0);
        client_drain(c);
        client_feed(c, messages[m]);
        for (unsigned i = 0; i < OPERATIONS; i++)
            expect_outcome(&asked[i], BLEPROXY_E_DISCONNECTED, codes[m]);
        assert_int_equal(heard.connections, 1);
        assert_int_equal(elsewhere.completed, 0);
        session_cancel(elsewhere.request, c->now_ns);
        session_link_detach(&heard.link);
        client_expect(c, "");
    }
}

SPLIT_TEST(test_a_request_that_the_link_takes_back_is_cancelled_and_no_more)
{
    struct asked asked, other;
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(ask(c, &asked, READ, DEVICE, 3), 0);
    assert_int_equal(ask(c, &other, READ, DEVICE, 4), 0);
    heard.drop = asked.request;
    client_feed(c, DOWN);
    expect_outcome(&asked, BLEPROXY_E_CANCELLED, 0);
    expect_outcome(&other, BLEPROXY_E_DISCONNECTED, 0x13);
    client_free(c);
}

SPLIT_TEST(test_a_request_made_when_the_connection_message_failed_another_waits_on)
{
    struct asked first, second;
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(ask(c, &first, READ, DEVICE, 3), 0);
    first.again = &second;
    client_feed(c, DOWN);
    expect_outcome(&first, BLEPROXY_E_DISCONNECTED, 0x13);
    assert_int_equal(heard.connections, 1);
    assert_int_equal(second.completed, 0);
    client_feed(c, VALUE_3);
    expect_outcome(&second, 0, 0);
    client_free(c);
}

SPLIT_TEST(test_case_42_an_error_for_another_handle_or_device_is_ignored)
{
    struct asked read, elsewhere;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &read, READ, DEVICE, 3), 0);
    assert_int_equal(ask(c, &elsewhere, READ, OTHER, 12), 0);
    client_feed(c, ERROR_12);
    assert_int_equal(read.completed + elsewhere.completed, 0);
    client_feed(c, ERROR_3);
    expect_outcome(&read, BLEPROXY_E_GATT, 0x85);
    assert_int_equal(elsewhere.completed, 0);
    client_free(c);
    expect_outcome(&elsewhere, BLEPROXY_E_CANCELLED, 0);
}

SPLIT_TEST(test_reads_take_their_value_and_nothing_else)
{
    struct asked read, descriptor, empty;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &read, READ, DEVICE, 3), 0);
    assert_int_equal(ask(c, &descriptor, READ_DESCRIPTOR, DEVICE, 12), 0);
    client_feed(c, WRITTEN_12 NOTIFYING_12 SERVICES_DONE PAIRED);
    client_feed(c, "00104a08b4c4c4c093982910031a0454455354"); /* the other device */
    assert_int_equal(read.completed + descriptor.completed, 0);
    client_feed(c, VALUE_3);
    expect_outcome(&read, 0, 0);
    assert_hex(read.value, read.size, "54455354");
    assert_int_equal(descriptor.completed, 0);
    client_feed(c, VALUE_12);
    expect_outcome(&descriptor, 0, 0);
    assert_int_equal(ask(c, &empty, READ, DEVICE, 3), 0);
    client_feed(c, "000a4a08b3c4c4c09398291003");
    expect_outcome(&empty, 0, 0);
    assert_int_equal(empty.size, 0);
}

SPLIT_TEST(test_the_first_answer_completes_all_that_wait_for_the_same)
{
    struct asked one, two, descriptor, other;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &one, WRITE, DEVICE, 12), 0);
    assert_int_equal(ask(c, &two, WRITE, DEVICE, 12), 0);
    assert_int_equal(ask(c, &descriptor, WRITE_DESCRIPTOR, DEVICE, 13), 0);
    assert_int_equal(ask(c, &other, NOTIFY, DEVICE, 12), 0);
    client_feed(c, WRITTEN_12);
    expect_outcome(&one, 0, 0);
    expect_outcome(&two, 0, 0);
    assert_int_equal(descriptor.completed + other.completed, 0);
    client_feed(c, WRITTEN_13 NOTIFYING_12);
    expect_outcome(&descriptor, 0, 0);
    expect_outcome(&other, 0, 0);
}

SPLIT_TEST(test_case_43_services_come_one_by_one_until_done)
{
    struct asked packed, unpacked, none;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &packed, SERVICES_OF, DEVICE, 0), 0);
    client_feed(c, SERVICES);
    assert_int_equal(packed.completed, 0);
    client_feed(c, SERVICES SERVICES_DONE);
    expect_outcome(&packed, 0, 0);
    assert_int_equal(packed.services, 4);
    assert_int_equal(ask(c, &unpacked, SERVICES_OF, DEVICE, 0), 0);
    client_feed(c, SERVICES_UNPACKED SERVICES_DONE SERVICES);
    expect_outcome(&unpacked, 0, 0);
    assert_int_equal(unpacked.services, 2);
    assert_int_equal(ask(c, &none, SERVICES_OF, DEVICE, 0), 0);
    client_feed(c, SERVICES_DONE);
    expect_outcome(&none, 0, 0);
    assert_int_equal(none.services, 0);
}

SPLIT_TEST(test_case_43_an_error_of_whatever_handle_ends_the_services)
{
    struct asked first, second;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &first, SERVICES_OF, DEVICE, 0), 0);
    client_feed(c, SERVICES ERROR_0);
    expect_outcome(&first, BLEPROXY_E_GATT, -1);
    assert_int_equal(first.services, 2);
    assert_int_equal(ask(c, &second, SERVICES_OF, DEVICE, 0), 0);
    client_feed(c, ERROR_12 SERVICES SERVICES_DONE);
    expect_outcome(&second, BLEPROXY_E_GATT, 0x85);
    assert_int_equal(second.services, 0);
}

SPLIT_TEST(test_services_of_one_device_are_not_those_of_another)
{
    struct asked asked;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &asked, SERVICES_OF, OTHER, 0), 0);
    client_feed(c, SERVICES SERVICES_DONE);
    assert_int_equal(asked.completed + asked.services, 0);
    client_free(c);
}

SPLIT_TEST(test_services_may_be_given_up_at_any_of_them)
{
    struct asked one, two, itself, more;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &one, SERVICES_OF, DEVICE, 0), 0);
    assert_int_equal(ask(c, &two, SERVICES_OF, DEVICE, 0), 0);
    one.drop = two.request;
    client_feed(c, SERVICES);
    expect_outcome(&two, BLEPROXY_E_CANCELLED, 0);
    assert_int_equal(one.services, 2);
    assert_int_equal(two.services, 0);
    assert_int_equal(ask(c, &itself, SERVICES_OF, DEVICE, 0), 0);
    itself.drop = itself.request;
    itself.more = &more;
    client_feed(c, SERVICES);
    expect_outcome(&itself, BLEPROXY_E_CANCELLED, 0);
    assert_int_equal(itself.services, 1);
    assert_int_equal(one.services, 4);
    assert_int_equal(more.services, 0);
    client_feed(c, SERVICES_DONE);
    expect_outcome(&one, 0, 0);
    expect_outcome(&more, 0, 0);
}

SPLIT_TEST(test_case_44_a_write_without_response_is_one_message_and_its_answers_are_unheard)
{
    static const uint8_t value[] = {1, 2};
    client_connect(c, HELLO_15);
    assert_int_equal(session_gatt_write_command(c->session, DEVICE, 12, value, 2, c->now_ns), 0);
    client_expect(c, "000e4b08b3c4c4c0939829100c22020102");
    assert_false(session_is_waiting(c->session));
    client_feed(c, WRITTEN_12 ERROR_12 NOTIFYING_12);
    client_expect(c, "");
    assert_true(session_is_ready(c->session));
}

SPLIT_TEST(test_unpairing_takes_either_answer)
{
    struct asked asked;
    static const char *const answers[] = {UNPAIRED, PAIRED};
    client_connect(c, HELLO_15);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(c, &asked, UNPAIR, DEVICE, 0), 0);
        client_feed(c, answers[i]);
        expect_outcome(&asked, 0, 0);
    }
    assert_int_equal(ask(c, &asked, UNPAIR, DEVICE, 0), 0);
    client_feed(c, "000a5508b3c4c4c09398291805"); /* an answer to pairing that says no */
    expect_outcome(&asked, BLEPROXY_E_REFUSED, 5);
}

SPLIT_TEST(test_answers_that_say_no_carry_their_code)
{
    struct {
        enum operation operation;
        const char *yes, *no, *below; /* code 5; -1 */
        int error;
    } const cases[] = {
        {PAIR, PAIRED, "000a5508b3c4c4c09398291805", "00135508b3c4c4c093982918ffffffffffffffffff01",
         BLEPROXY_E_PAIRING},
        {UNPAIR, UNPAIRED, "000a5608b3c4c4c09398291805", "00135608b3c4c4c093982918ffffffffffffffffff01",
         BLEPROXY_E_REFUSED},
        {CLEAR_CACHE, CLEARED, "000a5808b3c4c4c09398291805", "00135808b3c4c4c093982918ffffffffffffffffff01",
         BLEPROXY_E_REFUSED},
        {SET_PARAMETERS, PARAMETERS_OK, "000a920108b3c4c4c09398291005",
         "0013920108b3c4c4c093982910ffffffffffffffffff01", BLEPROXY_E_REFUSED},
    };
    client_connect(c, HELLO_15);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asked asked;
        assert_int_equal(ask(c, &asked, cases[i].operation, DEVICE, 0), 0);
        client_feed(c, ERROR_0 ERROR_12 SERVICES_DONE WRITTEN_12);
        assert_int_equal(asked.completed, 0);
        client_feed(c, cases[i].yes);
        expect_outcome(&asked, 0, 0);
        assert_int_equal(ask(c, &asked, cases[i].operation, DEVICE, 0), 0);
        client_feed(c, cases[i].no);
        expect_outcome(&asked, cases[i].error, 5);
        assert_int_equal(ask(c, &asked, cases[i].operation, DEVICE, 0), 0);
        client_feed(c, cases[i].below);
        expect_outcome(&asked, cases[i].error, -1);
    }
}

SPLIT_TEST(test_handles_that_no_attribute_has_are_ignored)
{
    struct asked asked[6];
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    for (unsigned i = READ; i <= SERVICES_OF; i++)
        assert_int_equal(ask(c, &asked[i], i, DEVICE, 3), 0);
    /* 0x10000, 0x10003 and 0xffffffff */
    static const char *const handles[] = {"10808004", "10838004", "10ffffffff0f"};
    for (int i = 0; i < 3; i++)
        for (int type = 0x4a; type <= 0x54; type++) {
            char frame[80];
            bool answers = type == 0x4a || type == 0x4f || type >= 0x52;
            snprintf(frame, sizeof(frame), "00%02zx%02x08b3c4c4c0939829%s", 8 + strlen(handles[i]) / 2, type,
                     handles[i]);
            if (answers)
                client_feed(c, frame);
        }
    for (unsigned i = READ; i <= SERVICES_OF; i++)
        assert_int_equal(asked[i].completed, 0);
    assert_int_equal(heard.notifications, 0);
    assert_true(session_is_ready(c->session));
    client_free(c);
}

SPLIT_TEST(test_requests_time_out_and_may_be_cancelled)
{
    struct asked late, dropped;
    client_connect(c, HELLO_15);
    assert_int_equal(ask(c, &late, READ, DEVICE, 3), 0);
    assert_int_equal(ask(c, &dropped, READ, DEVICE, 3), 0);
    session_cancel(dropped.request, c->now_ns);
    expect_outcome(&dropped, BLEPROXY_E_CANCELLED, 0);
    client_advance(c, 30 * NS_PER_S);
    expect_outcome(&late, BLEPROXY_E_TIMEOUT, 0);
    assert_true(test_env_logged(&c->test, "no BluetoothGATTReadResponse in time"));
    client_feed(c, VALUE_3);
    assert_int_equal(late.completed, 1);
}

SPLIT_TEST(test_the_end_of_the_session_completes_each_request_once)
{
    struct asked asked[OPERATIONS];
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    for (unsigned i = 0; i < OPERATIONS; i++)
        assert_int_equal(ask(c, &asked[i], i, DEVICE, 3), 0);
    asked[0].drop = asked[OPERATIONS - 1].request;
    heard.awaiting = &asked[0]; /* whoever has a link learns first that it has ended */
    heard.drop = asked[1].request;
    session_fail(c->session, BLEPROXY_E_IO, NULL, c->now_ns);
    assert_int_equal(heard.ends, 1);
    assert_int_equal(heard.error, BLEPROXY_E_CLOSED);
    for (unsigned i = 0; i < OPERATIONS; i++)
        expect_outcome(&asked[i],
                       i == 1 || i == OPERATIONS - 1 ? BLEPROXY_E_CANCELLED : BLEPROXY_E_REQUEST_FAILED, 0);
    assert_int_equal(ask(c, &asked[0], READ, DEVICE, 3), BLEPROXY_E_CLOSED);
}

static void free_on(struct client *c, enum client_event event, const char *messages)
{
    struct asked read, services;
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(ask(c, &read, READ, DEVICE, 3), 0);
    assert_int_equal(ask(c, &services, SERVICES_OF, DEVICE, 0), 0);
    c->free_on = event;
    client_feed(c, messages);
    assert_true(c->freed);
    assert_int_equal(read.completed, 1);
    assert_int_equal(services.completed, 1);
    assert_null(heard.link.session);
    assert_true(heard.connections + heard.notifications + services.services <= 1);
}

SPLIT_TEST(test_an_outcome_may_free_the_session)
{
    free_on(c, EVENT_REPLY, DOWN UP);
}

SPLIT_TEST(test_a_service_may_free_the_session)
{
    free_on(c, EVENT_SERVICE, SERVICES SERVICES_DONE);
}

SPLIT_TEST(test_a_connection_message_may_free_the_session)
{
    free_on(c, EVENT_CONNECTION, UP DOWN);
}

SPLIT_TEST(test_a_notification_may_free_the_session)
{
    free_on(c, EVENT_NOTIFICATION, DATA_12 DATA_12);
}

SPLIT_TEST(test_each_request_fails_without_memory_and_works_again_with_it)
{
    client_connect(c, HELLO_15);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        struct asked asked = {.client = c, .timeout_ns = NS_PER_S};
        int r = BLEPROXY_E_NOMEM;
        for (size_t n = 0; r != 0; n++) {
            struct iovec before, after;
            session_pending(c->session, &before);
            c->test.fail_after = n;
            r = ask_for(c, &asked, i, DEVICE, 3);
            c->test.fail_after = SIZE_MAX;
            session_pending(c->session, &after);
            if (r == 0)
                break;
            assert_int_equal(r, BLEPROXY_E_NOMEM);
            assert_int_equal(after.iov_len, before.iov_len);
            assert_false(session_is_waiting(c->session));
        }
        client_feed(c, DOWN);
        expect_outcome(&asked, BLEPROXY_E_DISCONNECTED, 0x13);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_written_as_the_protocol_has_them),
        cmocka_unit_test(test_case_41_any_connection_message_fails_each_request_about_the_device),
        cmocka_unit_test(test_a_request_that_the_link_takes_back_is_cancelled_and_no_more),
        cmocka_unit_test(test_a_request_made_when_the_connection_message_failed_another_waits_on),
        cmocka_unit_test(test_case_42_an_error_for_another_handle_or_device_is_ignored),
        cmocka_unit_test(test_reads_take_their_value_and_nothing_else),
        cmocka_unit_test(test_the_first_answer_completes_all_that_wait_for_the_same),
        cmocka_unit_test(test_case_43_services_come_one_by_one_until_done),
        cmocka_unit_test(test_case_43_an_error_of_whatever_handle_ends_the_services),
        cmocka_unit_test(test_services_of_one_device_are_not_those_of_another),
        cmocka_unit_test(test_services_may_be_given_up_at_any_of_them),
        cmocka_unit_test(test_case_44_a_write_without_response_is_one_message_and_its_answers_are_unheard),
        cmocka_unit_test(test_unpairing_takes_either_answer),
        cmocka_unit_test(test_answers_that_say_no_carry_their_code),
        cmocka_unit_test(test_handles_that_no_attribute_has_are_ignored),
        cmocka_unit_test(test_requests_time_out_and_may_be_cancelled),
        cmocka_unit_test(test_the_end_of_the_session_completes_each_request_once),
        cmocka_unit_test(test_an_outcome_may_free_the_session),
        cmocka_unit_test(test_a_service_may_free_the_session),
        cmocka_unit_test(test_a_connection_message_may_free_the_session),
        cmocka_unit_test(test_a_notification_may_free_the_session),
        cmocka_unit_test(test_each_request_fails_without_memory_and_works_again_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
