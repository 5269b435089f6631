/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "discovery/lookup.h"
#include <bleproxy/error.h>

#define S NS_PER_S

static struct test_env test;
static struct lookups lookups;
static uint64_t now;
static unsigned n_sent;
static char sent[8192]; /* the last one */
static struct dns_writer last;

static struct answer {
    unsigned calls;
    size_t n;
    struct net_address addresses[HOST_ADDRESSES_MAX];
    uint64_t when_ns;
    struct lookup *to_cancel, *lookup;
    bool to_start;
} answers[2];

static void on_send(void *user, const struct dns_writer *message)
{
    assert_ptr_equal(user, &n_sent);
    n_sent++;
    last = *message;
    describe(message, sent, sizeof(sent));
}

static const struct lookups_ops ops = {on_send};

static void on_done(void *user, const struct net_address *addresses, size_t n, uint64_t now_ns)
{
    struct answer *answer = user;
    answer->calls++;
    answer->n = n;
    answer->when_ns = now_ns;
    memcpy(answer->addresses, addresses, n * sizeof(addresses[0]));
    if (answer->to_cancel)
        lookup_cancel(answer->to_cancel);
    answer->to_cancel = NULL;
    if (answer->to_start)
        lookup_start(&lookups, "again.local", on_done, &answers[1], now_ns, &answers[1].lookup);
    answer->to_start = false;
}

static int set_up(void **state)
{
    (void)state;
    test_env_init(&test);
    lookups_init(&lookups, &test.env, &ops, &n_sent);
    memset(answers, 0, sizeof(answers));
    now = 1000 * S;
    n_sent = 0;
    sent[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lookups_deinit(&lookups);
    lookups_deinit(&lookups);
    test_env_deinit(&test);
    return 0;
}

static void start(unsigned i, const char *name)
{
    assert_int_equal(lookup_start(&lookups, name, on_done, &answers[i], now, &answers[i].lookup), 0);
}

static void run_until(uint64_t end_ns)
{
    while (lookups_deadline(&lookups) <= end_ns) {
        uint64_t deadline = lookups_deadline(&lookups);
        assert_true(deadline >= now);
        now = deadline;
        lookups_tick(&lookups, now);
        assert_true(lookups_deadline(&lookups) > now);
    }
    now = end_ns;
}

static void hear_from(const struct net_address *from, const struct netif *netif,
                      const struct dns_record *records, size_t n)
{
    struct dns_writer writer;
    write_response(&writer, records, n);
    lookups_feed(&lookups, writer.bytes, writer.size, from, netif, now);
}

static void hear(struct dns_record record)
{
    hear_from(&neighbour, &lan, &record, 1);
}

static void test_local_names(void **state)
{
    (void)state;
    static const struct {
        const char *host, *name; /* NULL: none */
    } cases[] = {
        {"kitchen", "kitchen.local"},
        {"kitchen.local", "kitchen.local"},
        {"kitchen.local.", "kitchen.local"},
        {"Kitchen.LOCAL.", "Kitchen.local"},
        {"1234.local", "1234.local"},
        {"a b", "a\\032b.local"},
        {"kitchen.sub.local", NULL},
        {"kitchen..local", NULL},
        {"kitchen.local.local", NULL},
        {"kitchen.example", NULL},
        {"kitchen.locale", NULL},
        {"192.0.2.1", NULL},
        {"fe80::1", NULL},
        {"", NULL},
        {".local", NULL},
        {".", NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[DNS_NAME_SIZE];
        bool is = lookup_name(cases[i].host, name);
        if (is != (cases[i].name != NULL) || (is && strcmp(name, cases[i].name) != 0))
            fail_msg("%s", cases[i].host);
    }
}

static void test_questions_are_repeated_and_given_up(void **state)
{
    (void)state;
    static const uint64_t due[] = {0, 1, 3};
    start(0, "kitchen.local");
    assert_int_equal(n_sent, 0);
    for (unsigned i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
        assert_int_equal(lookups_deadline(&lookups), 1000 * S + due[i] * S);
        run_until(1000 * S + due[i] * S);
        assert_int_equal(n_sent, i + 1);
        assert_string_equal(sent, "A kitchen.local, AAAA kitchen.local");
        assert_true(last.bytes[0] || last.bytes[1]); /* a one-shot question has a number */
    }
    run_until(1100 * S);
    assert_int_equal(n_sent, 3);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[0].n, 0);
    assert_int_equal(answers[0].when_ns, 1005 * S);
}

static void test_an_answer_ends_it_after_a_moment(void **state)
{
    (void)state;
    start(0, "kitchen.local");
    run_until(now + S / 10);
    hear(record_a("Kitchen.local", 5, 120));
    uint64_t answered = now;
    run_until(now + S / 100);
    assert_int_equal(answers[0].calls, 0);
    hear(record_aaaa("kitchen.local", 6, 120));
    run_until(now + S);
    assert_int_equal(n_sent, 1);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[0].when_ns, answered + LOOKUP_GRACE_NS);
    assert_int_equal(answers[0].n, 2);
    assert_int_equal(answers[0].addresses[0].family, 6);
    assert_int_equal(answers[0].addresses[0].scope, 2);
    assert_int_equal(answers[0].addresses[1].bytes[3], 5);
}

static void test_what_is_no_answer(void **state)
{
    (void)state;
    struct net_address from = neighbour;
    struct dns_writer query;
    struct dns_record record = record_a("kitchen.local", 5, 120);
    start(0, "kitchen.local");
    run_until(now + S / 10);
    from.port = 5354; /* not from where responders speak */
    hear_from(&from, &lan, &record, 1);
    hear_from(&other_neighbour, &lan, &record, 1); /* not of this network */
    dns_write(&query, 0, false);                   /* a question */
    dns_write_record(&query, &record);
    lookups_feed(&lookups, query.bytes, query.size, &neighbour, &lan, now);
    hear(record_a("attic.local", 5, 120));
    hear(record_a("kitchen.local", 5, 0));
    record.address[0] = 127;
    hear(record);
    lookups_feed(&lookups, (const uint8_t *)"hello", 5, &neighbour, &lan, now);
    run_until(now + 20 * S);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[0].n, 0);
}

/* Routers repeat multicast DNS between networks. */
static void test_an_address_of_another_network_is_an_answer(void **state)
{
    (void)state;
    struct dns_record record = record_a("kitchen.local", 5, 120);
    memcpy(record.address, (const uint8_t[]){10, 0, 0, 9}, 4);
    start(0, "kitchen.local");
    run_until(now + S / 10);
    hear(record);
    run_until(now + S);
    assert_int_equal(answers[0].n, 1);
    assert_int_equal(answers[0].addresses[0].bytes[0], 10);
}

static void test_answers_are_remembered_for_their_lifetime(void **state)
{
    (void)state;
    struct net_address addresses[4];
    assert_int_equal(lookups_known(&lookups, "kitchen.local", now, addresses, 4), 0);
    hear(record_a("kitchen.local", 5, 120)); /* nobody has asked for it */
    assert_int_equal(lookups_known(&lookups, "kitchen.local", now, addresses, 4), 0);
    start(0, "kitchen.local");
    run_until(now + S / 10);
    hear(record_a("kitchen.local", 5, 120));
    run_until(now + S);
    assert_int_equal(lookups_known(&lookups, "KITCHEN.local", now, addresses, 4), 1);
    now += 60 * S;
    hear(record_a("kitchen.local", 6, 120)); /* it moved, and said so */
    now += 2 * S;
    assert_int_equal(lookups_known(&lookups, "kitchen.local", now, addresses, 4), 1);
    assert_int_equal(addresses[0].bytes[3], 6);
    now += 120 * S;
    assert_int_equal(lookups_known(&lookups, "kitchen.local", now, addresses, 4), 0);
}

static void test_names_are_asked_for_together(void **state)
{
    (void)state;
    start(0, "kitchen.local");
    start(1, "attic.local");
    run_until(now);
    assert_int_equal(n_sent, 1);
    assert_string_equal(sent, "A kitchen.local, AAAA kitchen.local, A attic.local, AAAA attic.local");
    const struct dns_record both[] = {record_a("kitchen.local", 5, 120), record_a("attic.local", 6, 120)};
    hear_from(&neighbour, &lan, both, 2);
    run_until(now + S);
    assert_int_equal(answers[0].n, 1);
    assert_int_equal(answers[0].addresses[0].bytes[3], 5);
    assert_int_equal(answers[1].n, 1);
    assert_int_equal(answers[1].addresses[0].bytes[3], 6);
}

static void test_many_names_take_several_messages(void **state)
{
    (void)state;
    struct lookup *lookup[200];
    for (unsigned i = 0; i < 200; i++) {
        char name[DNS_NAME_SIZE];
        snprintf(name, sizeof(name), "a-device-of-some-length-%u.local", i);
        assert_int_equal(lookup_start(&lookups, name, on_done, &answers[0], now, &lookup[i]), 0);
    }
    run_until(now);
    assert_in_range(n_sent, 5, 12);
    run_until(now + 20 * S);
    assert_int_equal(answers[0].calls, 200);
}

static void test_a_callback_may_cancel_and_start(void **state)
{
    (void)state;
    start(0, "kitchen.local");
    start(1, "kitchen.local");
    answers[0].to_cancel = answers[1].lookup;
    answers[0].to_start = true;
    run_until(now + S / 10);
    hear(record_a("kitchen.local", 5, 120));
    run_until(now + S);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[1].calls, 0);
    assert_string_equal(sent, "A again.local, AAAA again.local");
    lookup_cancel(answers[1].lookup);
    assert_int_equal(lookups_deadline(&lookups), BP_NEVER);
}

static void test_no_memory(void **state)
{
    (void)state;
    test.fail_after = 0;
    assert_int_equal(lookup_start(&lookups, "kitchen.local", on_done, &answers[0], now, &answers[0].lookup),
                     BLEPROXY_E_NOMEM);
    test.fail_after = 1; /* none to remember it: it is looked up all the same */
    start(0, "kitchen.local");
    run_until(now + S / 10);
    hear(record_a("kitchen.local", 5, 120));
    run_until(now + S);
    assert_int_equal(answers[0].n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local_names),
        cmocka_unit_test_setup_teardown(test_questions_are_repeated_and_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_ends_it_after_a_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_address_of_another_network_is_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers_are_remembered_for_their_lifetime, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_are_asked_for_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_names_take_several_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_callback_may_cancel_and_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
