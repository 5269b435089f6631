/* SPDX-License-Identifier: MIT */
#include "gatt_client.h"

SPLIT_TEST(test_case_37_connects_with_cache_as_type_4_and_without_as_type_5)
{
    client_connect(c, HELLO_15);
    assert_int_equal(session_device_connect(c->session, DEVICE, 0, false, c->now_ns), 0);
    client_expect(c, "000c4408b3c4c4c093982910051801");
    assert_int_equal(session_device_connect(c->session, DEVICE, 1, true, c->now_ns), 0);
    client_expect(c, "000e4408b3c4c4c0939829100418012001");
}

SPLIT_TEST(test_case_38_connection_messages_reach_the_link_until_it_is_detached)
{
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    client_feed(c, UP);
    expect_connection(&heard, 1, true, 247, 0);
    client_feed(c, "000c4508b3c4c4c093982918172007"); /* MTU 23, reason 7 */
    expect_connection(&heard, 2, false, 23, 7);
    client_feed(c, "00134508b3c4c4c093982920ffffffffffffffffff01");
    expect_connection(&heard, 3, false, 0, -1);
    session_link_detach(&heard.link);
    client_feed(c, DOWN);
    session_link_detach(&heard.link);
    assert_int_equal(heard.connections, 3);
    client_expect(c, "");
}

SPLIT_TEST(test_case_38_the_end_of_the_session_detaches_and_tells)
{
    struct heard heard, other;
    struct session_link never = {0};
    session_link_detach(&never);
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(hear(c, &other, OTHER), 0);
    session_fail(c->session, BLEPROXY_E_CLOSED, NULL, c->now_ns);
    assert_null(heard.link.session);
    session_link_detach(&heard.link);
    assert_int_equal(heard.connections, 0);
    assert_int_equal(heard.ends, 1);
    assert_int_equal(heard.error, BLEPROXY_E_CLOSED);
    assert_int_equal(other.ends, 1);
    assert_int_equal(hear(c, &heard, DEVICE), BLEPROXY_E_NOT_CONNECTED);
}

SPLIT_TEST(test_a_polite_end_is_one_too)
{
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    session_disconnect(c->session, true, c->now_ns);
    assert_int_equal(heard.ends, 1);
    assert_int_equal(heard.error, BLEPROXY_E_CLOSED);
}

SPLIT_TEST(test_freeing_the_session_detaches)
{
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    client_free(c);
    assert_null(heard.link.session);
    assert_int_equal(heard.ends, 1);
    assert_int_equal(heard.error, BLEPROXY_E_CLOSED);
    session_link_detach(&heard.link);
}

SPLIT_TEST(test_no_link_before_the_hello_and_only_one_for_each_device)
{
    struct heard heard, second, other;
    client_start(c);
    client_drain(c);
    assert_int_equal(hear(c, &heard, DEVICE), BLEPROXY_E_NOT_CONNECTED);
    client_feed(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(hear(c, &second, DEVICE), BLEPROXY_E_BUSY);
    assert_int_equal(hear(c, &other, OTHER), 0);
    session_link_detach(&heard.link);
    assert_int_equal(hear(c, &second, DEVICE), 0);
    client_feed(c, UP);
    assert_int_equal(heard.connections + other.connections, 0);
    assert_int_equal(second.connections, 1);
    client_free(c);
}

SPLIT_TEST(test_case_40_a_cancelled_connection_that_comes_up_late_is_closed)
{
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(session_device_disconnect(c->session, DEVICE, c->now_ns), 0);
    session_link_detach(&heard.link);
    client_expect(c, DISCONNECT);
    client_feed(c, DOWN);
    client_expect(c, "");
    client_feed(c, UP);
    client_expect(c, DISCONNECT);
    client_feed(c, DOWN);
    client_expect(c, "");
    assert_int_equal(heard.connections, 0);
}

SPLIT_TEST(test_a_link_detached_by_an_outcome_hears_no_more)
{
    struct asked asked;
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(ask(c, &asked, READ, DEVICE, 3), 0);
    asked.detach = &heard.link;
    client_drain(c);
    client_feed(c, VALUE_3 UP);
    expect_outcome(&asked, 0, 0);
    assert_int_equal(heard.connections, 0);
    client_expect(c, DISCONNECT);
}

SPLIT_TEST(test_case_45_values_arrive_before_and_after_the_answer_of_their_device_only)
{
    struct heard heard, other;
    struct asked notify, failed;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(hear(c, &other, OTHER), 0);
    assert_int_equal(ask(c, &notify, NOTIFY, DEVICE, 12), 0);
    client_feed(c, DATA_12);
    assert_int_equal(notify.completed, 0);
    client_feed(c, NOTIFYING_12 DATA_12);
    expect_outcome(&notify, 0, 0);
    assert_int_equal(heard.notifications, 2);
    assert_int_equal(heard.handle, 12);
    assert_hex(heard.value, heard.size, "cafe");
    assert_int_equal(other.notifications, 0);
    assert_int_equal(ask(c, &failed, NOTIFY, DEVICE, 12), 0);
    client_feed(c, ERROR_12);
    expect_outcome(&failed, BLEPROXY_E_GATT, 0x85);
    client_feed(c, "000a4f08b3c4c4c0939829100c"); /* no value is an empty one */
    assert_int_equal(heard.notifications, 3);
    assert_int_equal(heard.size, 0);
    client_free(c);
}

SPLIT_TEST(test_case_46_a_lost_connection_leaves_the_others_their_values)
{
    struct heard heard, other;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    assert_int_equal(hear(c, &other, OTHER), 0);
    heard.detaches = true;
    client_feed(c, DOWN DATA_12 DATA_12_OTHER);
    assert_int_equal(heard.connections, 1);
    assert_int_equal(heard.notifications, 0);
    assert_int_equal(other.notifications, 1);
    assert_int_equal(other.connections, 0);
    client_free(c);
}

SPLIT_TEST(test_a_notification_may_detach_its_link)
{
    struct heard heard;
    client_connect(c, HELLO_15);
    assert_int_equal(hear(c, &heard, DEVICE), 0);
    heard.detaches = true;
    client_feed(c, DATA_12 DATA_12);
    assert_int_equal(heard.notifications, 1);
}

SPLIT_TEST(test_a_malformed_notification_ends_the_session)
{
    client_connect(c, HELLO_15);
    client_feed(c, "000e4f08b3c4c4c0939829100c1a03cafe");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "BluetoothGATTNotifyDataResponse");
}

static void test_a_flood_of_connections_without_owner_ends_the_session(void **state)
{
    struct client c;
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    for (int i = 0; i < 200 * 1000 && c.events[EVENT_CLOSED] == 0; i++)
        client_feed(&c, UP);
    client_expect_end(&c, BLEPROXY_E_LIMIT, "does not read");
    client_deinit(&c);
}

static void test_notifications_allocate_nothing(void **state)
{
    struct client c;
    struct heard heard;
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    assert_int_equal(hear(&c, &heard, DEVICE), 0);
    size_t before = c.test.allocations;
    for (int i = 0; i < 100; i++)
        client_feed(&c, DATA_12 DATA_12_OTHER);
    assert_int_equal(heard.notifications, 100);
    assert_int_equal(c.test.allocations, before);
    client_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_37_connects_with_cache_as_type_4_and_without_as_type_5),
        cmocka_unit_test(test_case_38_connection_messages_reach_the_link_until_it_is_detached),
        cmocka_unit_test(test_case_38_the_end_of_the_session_detaches_and_tells),
        cmocka_unit_test(test_a_polite_end_is_one_too),
        cmocka_unit_test(test_freeing_the_session_detaches),
        cmocka_unit_test(test_no_link_before_the_hello_and_only_one_for_each_device),
        cmocka_unit_test(test_case_40_a_cancelled_connection_that_comes_up_late_is_closed),
        cmocka_unit_test(test_a_link_detached_by_an_outcome_hears_no_more),
        cmocka_unit_test(test_case_45_values_arrive_before_and_after_the_answer_of_their_device_only),
        cmocka_unit_test(test_case_46_a_lost_connection_leaves_the_others_their_values),
        cmocka_unit_test(test_a_notification_may_detach_its_link),
        cmocka_unit_test(test_a_malformed_notification_ends_the_session),
        cmocka_unit_test(test_a_flood_of_connections_without_owner_ends_the_session),
        cmocka_unit_test(test_notifications_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
