/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <stdio.h>

/* A whole life of a session, without assertions of its own: calls may fail in it. */
static void converse(struct client *c, bool encrypted, struct reply replies[3], unsigned *ret_asked)
{
    *ret_asked = 0;
    c->time = (struct session_time){1767225600, "CET-1CEST,M3.5.0,M10.5.0/3"};
    if (encrypted)
        client_encrypt(c);
    if (client_start(c) < 0)
        return;
    if (encrypted) {
        client_feed(c, NOISE_HELLO NOISE_HANDSHAKE NOISE_HELLO_RESPONSE);
        client_seal_from(c, 1);
    } else {
        client_feed(c, HELLO_15);
    }
    for (int i = 0; i < 3 && !c->freed; i++) {
        int r = client_ask(c, &replies[i], (uint64_t)(1 + i) * 20 * NS_PER_S);
        if (r == 0)
            ++*ret_asked;
        else if (!c->out_of_memory && c->free_on == EVENTS)
            fail_msg("asking failed: %d", r);
    }
    static const struct {
        uint32_t type;
        const char *payload;
    } messages[] = {
        {MESSAGE_RAW_ADVERTISEMENTS_RESPONSE,
         "0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"},
        {MESSAGE_ADVERTISEMENT_RESPONSE, "08b3c4c4c0939829120454455354188501"},
        {MESSAGE_SCANNER_STATE_RESPONSE, "080210011801"},
        {MESSAGE_CONNECTIONS_FREE_RESPONSE, "080210031a07b3c4c4c0939829"},
        {MESSAGE_PING_REQUEST, ""},
        {MESSAGE_GET_TIME_REQUEST, ""},
        {MESSAGE_DEVICE_INFO_RESPONSE, "12067670726f7879"},
        {0xffff, "ff"},
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]) && !c->freed; i++) {
        char text[300];
        size_t size = strlen(messages[i].payload) / 2;
        if (encrypted) {
            client_feed_sealed(c, messages[i].type, messages[i].payload);
            continue;
        }
        /* The type as a varint of 3 bytes. */
        snprintf(text, sizeof(text), "00%02x%02x%02x%02x%s", (unsigned)size, (messages[i].type & 0x7f) | 0x80,
                 (messages[i].type >> 7 & 0x7f) | 0x80, messages[i].type >> 14 & 0x7f, messages[i].payload);
        client_feed(c, text);
    }
    client_advance(c, 25 * NS_PER_S);
    if (!c->freed) {
        client_drain(c);
        if (encrypted)
            client_feed_sealed(c, MESSAGE_LIST_ENTITIES_DONE_RESPONSE, "");
        else
            client_feed(c, "000013");
    }
    if (!c->freed)
        session_disconnect(c->session, false, c->now_ns);
    if (!c->freed && encrypted)
        client_feed_sealed(c, MESSAGE_DISCONNECT_RESPONSE, "");
    else if (!c->freed)
        client_feed(c, "000006");
}

static void expect_each_completed_once(struct client *c, const struct reply *replies, unsigned asked)
{
    unsigned completed = 0;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(replies[i].completed <= 1);
        completed += replies[i].completed;
    }
    assert_int_equal(completed, asked);
    (void)c;
}

static void conversation(struct client *c, bool encrypted)
{
    struct reply replies[3] = {0};
    unsigned asked;
    converse(c, encrypted, replies, &asked);
    assert_int_equal(asked, 3);
    expect_each_completed_once(c, replies, asked);
    client_expect_reply(&replies[0], BLEPROXY_E_TIMEOUT);
    client_expect_reply(&replies[1], 0);
    assert_int_equal(c->events[EVENT_ADVERT], 1);
    assert_int_equal(c->events[EVENT_DECODED], 1);
    assert_int_equal(c->events[EVENT_SCANNER], 1);
    assert_int_equal(c->events[EVENT_SLOTS], 1);
    assert_int_equal(c->events[EVENT_TIME], 1);
    client_expect_end(c, 0, "was disconnected");
}

SPLIT_TEST(test_a_whole_conversation_in_plaintext)
{
    conversation(c, false);
}

SPLIT_TEST(test_a_whole_conversation_encrypted)
{
    conversation(c, true);
}

static void test_out_of_memory_at_every_allocation(void **state)
{
    (void)state;
    for (int encrypted = 0; encrypted <= 1; encrypted++) {
        bool whole = false;
        for (size_t allowed = 0; !whole; allowed++) {
            for (long split = SPLIT_BYTES; split <= 60; split += 61) {
                struct client c;
                struct reply replies[3] = {0};
                unsigned asked;
                client_init(&c);
                c.split = split;
                c.out_of_memory = true;
                c.test.fail_after = allowed;
                converse(&c, encrypted, replies, &asked);
                whole = c.events[EVENT_CLOSED] == 1 && c.end.error == 0 && asked == 3;
                if (c.events[EVENT_CLOSED] == 1 && !whole && c.end.error != 0)
                    assert_int_equal(c.end.error, BLEPROXY_E_NOMEM);
                if (c.session)
                    session_free(c.session);
                c.freed = true;
                expect_each_completed_once(&c, replies, asked);
                c.test.fail_after = SIZE_MAX;
                client_deinit(&c);
            }
            assert_true(allowed < 1000);
        }
    }
}

static void test_freeing_in_every_callback(void **state)
{
    (void)state;
    for (int encrypted = 0; encrypted <= 1; encrypted++)
        for (enum client_event event = EVENT_READY; event <= EVENT_REPLY; event++)
            for (long split = SPLIT_BYTES; split <= 400; split++) {
                struct client c;
                struct reply replies[3] = {0};
                unsigned asked;
                client_init(&c);
                c.split = split;
                c.free_on = event;
                converse(&c, encrypted, replies, &asked);
                assert_true(c.freed);
                assert_int_equal(c.events[EVENT_CLOSED], event == EVENT_CLOSED ? 1 : 0);
                expect_each_completed_once(&c, replies, asked);
                client_deinit(&c);
            }
}

SPLIT_TEST(test_freeing_twice_in_a_callback_and_null)
{
    session_free(NULL);
    c->free_on = EVENT_CLOSED;
    client_connect(c, HELLO_15);
    session_fail(c->session, BLEPROXY_E_CLOSED, NULL, c->now_ns);
    assert_true(c->freed);
}

SPLIT_TEST(test_the_first_fatal_error_stays)
{
    client_connect(c, HELLO_15);
    client_feed(c, "0002040801"
                   "090000");
    session_fail(c->session, BLEPROXY_E_CLOSED, NULL, c->now_ns);
    session_fail(c->session, BLEPROXY_E_IO, "reset", c->now_ns);
    client_advance(c, 1000 * NS_PER_S);
    client_expect_end(c, BLEPROXY_E_INVALID_AUTH, "password");
}

SPLIT_TEST(test_other_transport_errors_pass_unchanged)
{
    client_connect(c, HELLO_15);
    session_fail(c->session, BLEPROXY_E_NOMEM, NULL, c->now_ns);
    client_expect_end(c, BLEPROXY_E_NOMEM, "out of memory");
}

static void test_messages_beyond_a_capped_size_are_a_protocol_error(void **state)
{
    struct client c;
    static uint8_t frame[4 + 60000];
    (void)state;
    client_init(&c);
    client_connect(&c, HELLO_15);
    /* 30,000 empty sub-devices. */
    memcpy(frame, "\x00\xe0\xd4\x03\x0a", 5);
    for (size_t i = 5; i + 2 < sizeof(frame); i += 3)
        memcpy(frame + i, "\xa2\x01\x00", 3);
    client_feed_bytes(&c, frame, 5 + 59997);
    client_feed(&c, "a20100");
    client_expect_end(&c, BLEPROXY_E_PROTOCOL, "DeviceInfoResponse");
    client_deinit(&c);
}

SPLIT_TEST(test_pending_is_told_when_bytes_come_to_wait_and_not_again)
{
    struct reply replies[2];
    client_start(c);
    assert_int_equal(c->pending, 0); /* the first bytes are there when session_new() returns */
    client_drain(c);
    client_feed(c, HELLO_15);
    assert_int_equal(c->pending, 0);
    assert_int_equal(client_ask(c, &replies[0], NS_PER_S), 0);
    assert_int_equal(c->pending, 1);
    assert_int_equal(client_ask(c, &replies[1], NS_PER_S), 0);
    assert_int_equal(c->pending, 1);
    session_sent(c->session, 1);
    client_feed(c, "000007"); /* a ping, to be answered */
    assert_int_equal(c->pending, 1);
    client_drain(c);
    client_feed(c, "000007");
    assert_int_equal(c->pending, 2);
    client_drain(c);
    client_advance(c, 20 * NS_PER_S);
    client_drain(c);
    unsigned told = c->pending;
    session_disconnect(c->session, true, c->now_ns);
    client_expect(c, "000005"); /* offered at the end, without being told of */
    assert_int_equal(c->pending, told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_conversation_in_plaintext),
        cmocka_unit_test(test_a_whole_conversation_encrypted),
        cmocka_unit_test(test_out_of_memory_at_every_allocation),
        cmocka_unit_test(test_freeing_in_every_callback),
        cmocka_unit_test(test_freeing_twice_in_a_callback_and_null),
        cmocka_unit_test(test_the_first_fatal_error_stays),
        cmocka_unit_test(test_other_transport_errors_pass_unchanged),
        cmocka_unit_test(test_messages_beyond_a_capped_size_are_a_protocol_error),
        cmocka_unit_test(test_pending_is_told_when_bytes_come_to_wait_and_not_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
