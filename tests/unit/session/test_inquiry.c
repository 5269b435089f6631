/* SPDX-License-Identifier: MIT */
#include "gatt_client.h"

#include "session/inquiry.h"

#define INQUIRY_NS (5 * NS_PER_S)

/* The address A2:C1:38:11:22:33 is drawn. */
static const uint64_t drawn = UINT64_C(0xffffa1c138112233);
#define ASKED                                                                                                \
    "000a4908b3c4c4c093d8281001"                                                                             \
    "000007"
#define REFUSED   "00155208b3c4c4c093d828100118ffffffffffffffffff01" /* -1 */
#define READ_WELL "000d4a08b3c4c4c093d82810011a0100"
#define NOT_UP    "000a4508b3c4c4c093d8281000"
#define PONG      "000008"

struct result {
    struct client *client;
    struct inquiry inquiry;
    unsigned n;
    enum inquiry_result result;
    bool again;
};

static void on_result(void *user, enum inquiry_result result, uint64_t now_ns)
{
    struct result *r = user;
    assert_int_equal(now_ns, r->client->now_ns);
    assert_null(r->inquiry.on_result);
    r->n++;
    r->result = result;
    if (r->again)
        assert_int_equal(inquiry_begin(&r->inquiry, r->client->session, INQUIRY_NS, on_result, r, now_ns), 0);
    r->again = false;
}

static void inquire(struct client *c, struct result *r)
{
    client_connect(c, HELLO_15);
    client_drain(c);
    *r = (struct result){.client = c};
    c->test.random_bytes = (const uint8_t *)&drawn;
    c->test.random_left = sizeof(drawn);
    assert_int_equal(inquiry_begin(&r->inquiry, c->session, INQUIRY_NS, on_result, r, c->now_ns), 0);
    assert_non_null(r->inquiry.on_result);
    client_expect(c, ASKED);
}

static void expect(const struct result *r, enum inquiry_result result)
{
    assert_int_equal(r->n, 1);
    assert_int_equal(r->result, result);
}

SPLIT_TEST(test_the_subscriber_is_refused_the_read)
{
    struct result r;
    inquire(c, &r);
    client_feed(c, REFUSED);
    expect(&r, INQUIRY_OURS);
    client_feed(c, PONG);
    client_advance(c, 10 * NS_PER_S);
    expect(&r, INQUIRY_OURS);
    assert_false(session_is_waiting(c->session));
}

SPLIT_TEST(test_whatever_is_said_of_the_device_is_said_to_the_subscriber)
{
    static const char *const answers[] = {READ_WELL, NOT_UP};
    struct result r;
    inquire(c, &r);
    for (unsigned i = 0; i < 2; i++) {
        client_feed(c, answers[i]);
        expect(&r, INQUIRY_OURS);
        if (i > 0)
            break;
        r = (struct result){.client = c};
        c->test.random_bytes = (const uint8_t *)&drawn;
        c->test.random_left = sizeof(drawn);
        assert_int_equal(inquiry_begin(&r.inquiry, c->session, INQUIRY_NS, on_result, &r, c->now_ns), 0);
    }
}

SPLIT_TEST(test_others_get_their_ping_answered_only)
{
    struct result r;
    inquire(c, &r);
    client_feed(c, PONG);
    assert_int_equal(r.n, 0);
    client_advance(c, INQUIRY_NS - 1);
    assert_int_equal(r.n, 0);
    client_advance(c, 1);
    expect(&r, INQUIRY_NOT_OURS);
    client_feed(c, REFUSED); /* too late */
    expect(&r, INQUIRY_NOT_OURS);
}

SPLIT_TEST(test_an_answer_may_come_after_the_pong)
{
    struct result r;
    inquire(c, &r);
    client_feed(c, PONG);
    client_advance(c, NS_PER_S);
    client_feed(c, REFUSED);
    expect(&r, INQUIRY_OURS);
}

SPLIT_TEST(test_silence_says_nothing)
{
    struct result r;
    inquire(c, &r);
    client_advance(c, INQUIRY_NS);
    expect(&r, INQUIRY_NOTHING);
}

SPLIT_TEST(test_the_end_of_the_session_says_nothing)
{
    struct result r;
    inquire(c, &r);
    client_feed(c, PONG);
    session_fail(c->session, BLEPROXY_E_CLOSED, NULL, c->now_ns);
    expect(&r, INQUIRY_NOTHING);
}

SPLIT_TEST(test_cancelled_it_is_not_told)
{
    struct result r;
    inquire(c, &r);
    inquiry_cancel(&r.inquiry, c->now_ns);
    inquiry_cancel(&r.inquiry, c->now_ns);
    assert_null(r.inquiry.on_result);
    assert_false(session_is_waiting(c->session));
    client_feed(c, REFUSED PONG);
    client_advance(c, 10 * NS_PER_S);
    assert_int_equal(r.n, 0);
}

SPLIT_TEST(test_another_may_begin_from_within)
{
    struct result r;
    inquire(c, &r);
    r.again = true;
    client_feed(c, REFUSED);
    assert_int_equal(r.n, 1);
    assert_non_null(r.inquiry.on_result);
    client_advance(c, INQUIRY_NS);
    assert_int_equal(r.n, 2);
}

static void test_addresses_are_nobodys(void **state)
{
    (void)state;
    struct client client, *c = &client;
    client_init(c);
    client_connect(c, HELLO_15);
    for (unsigned i = 0; i < 100; i++) {
        struct result r = {.client = c};
        struct iovec vec;
        client_drain(c);
        assert_int_equal(inquiry_begin(&r.inquiry, c->session, INQUIRY_NS, on_result, &r, c->now_ns), 0);
        session_pending(c->session, &vec);
        const uint8_t *varint = (const uint8_t *)vec.iov_base + 4;
        uint64_t address = 0;
        for (unsigned k = 0;; k++) {
            address |= (uint64_t)(varint[k] & 0x7f) << 7 * k;
            if (!(varint[k] & 0x80))
                break;
        }
        assert_int_equal(address >> 40 & 3, 2);
        assert_int_equal(address >> 48, 0);
        inquiry_cancel(&r.inquiry, c->now_ns);
    }
    client_deinit(c);
}

static void test_without_memory_there_is_none(void **state)
{
    (void)state;
    struct client client, *c = &client;
    client_init(c);
    client_connect(c, HELLO_15);
    for (size_t allocations = 0;; allocations++) {
        struct result r = {.client = c};
        c->test.fail_after = allocations;
        int error = inquiry_begin(&r.inquiry, c->session, INQUIRY_NS, on_result, &r, c->now_ns);
        c->test.fail_after = SIZE_MAX;
        if (error == 0) {
            inquiry_cancel(&r.inquiry, c->now_ns);
            break;
        }
        assert_int_equal(error, BLEPROXY_E_NOMEM);
        assert_null(r.inquiry.on_result);
        assert_int_equal(r.n, 0);
        assert_true(allocations < 10);
    }
    client_deinit(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_subscriber_is_refused_the_read),
        cmocka_unit_test(test_whatever_is_said_of_the_device_is_said_to_the_subscriber),
        cmocka_unit_test(test_others_get_their_ping_answered_only),
        cmocka_unit_test(test_an_answer_may_come_after_the_pong),
        cmocka_unit_test(test_silence_says_nothing),
        cmocka_unit_test(test_the_end_of_the_session_says_nothing),
        cmocka_unit_test(test_cancelled_it_is_not_told),
        cmocka_unit_test(test_another_may_begin_from_within),
        cmocka_unit_test(test_addresses_are_nobodys),
        cmocka_unit_test(test_without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
