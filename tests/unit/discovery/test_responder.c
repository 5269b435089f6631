/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "discovery/responder.h"
#include <bleproxy/error.h>

/* What a device says on the local network, to whom, and when. */

static struct test_env test;
static struct responder responder;
static uint64_t now_ns;
static struct dns_writer message;

static const struct net_address one_shot = {.family = 4, .bytes = {192, 0, 2, 10}, .port = 40000};
static const struct net_address own[] = {{.family = 4, .bytes = {192, 0, 2, 7}},
                                         {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 7}}};

static void start(void)
{
    uint8_t text[64];
    size_t size = 0;
    test_env_init(&test);
    now_ns = 1000 * NS_PER_S;
    assert_int_equal(dns_text_append(text, sizeof(text), &size, "mac", "0200deadbeef"), 0);
    assert_int_equal(responder_init(&responder, &test.env, "kitchen", 6053, text, size), 0);
    responder_set_addresses(&responder, own, 2, now_ns);
    assert_int_equal(responder_deadline(&responder), BP_NEVER);
}

static void stop(void)
{
    test_env_deinit(&test);
}

/* The records of the message, each as "TYPE ttl" with a '!' when it replaces what was known; '|' before the additional
 * ones. */
static const char *said(void)
{
    static char text[512];
    struct dns_reader reader;
    struct dns_question question;
    struct dns_record record;
    bool additional = false;
    size_t n = 0;
    text[0] = '\0';
    assert_int_equal(dns_read(&reader, message.bytes, message.size), 0);
    assert_true(reader.is_response);
    while (dns_next_question(&reader, &question))
        n += (size_t)snprintf(text + n, sizeof(text) - n, "? ");
    while (dns_next_record(&reader, &record)) {
        const char *type = record.type == DNS_A      ? "A"
                           : record.type == DNS_AAAA ? "AAAA"
                           : record.type == DNS_PTR  ? "PTR"
                           : record.type == DNS_SRV  ? "SRV"
                                                     : "TXT";
        if (!additional && !dns_is_answer(&reader)) {
            additional = true;
            n += (size_t)snprintf(text + n, sizeof(text) - n, "| ");
        }
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %u ", type, record.flush ? "!" : "",
                              record.ttl_s);
    }
    return text;
}

/* The next message to all, which is due so long after now: its records. "" when there is none. */
static const char *next_after(uint64_t least_ns, uint64_t most_ns)
{
    uint64_t deadline_ns = responder_deadline(&responder);
    if (deadline_ns == BP_NEVER)
        return "";
    if (deadline_ns > now_ns) {
        assert_false(responder_next(&responder, deadline_ns - 1, &message));
        assert_in_range(deadline_ns - now_ns, least_ns, most_ns);
        now_ns = deadline_ns;
    } else {
        assert_int_equal(least_ns, 0);
    }
    assert_true(responder_next(&responder, now_ns, &message));
    return said();
}

static void announced(void)
{
    responder_announce(&responder, now_ns);
    next_after(0, 0);
    next_after(NS_PER_S, NS_PER_S);
    assert_string_equal(next_after(0, 0), "");
    now_ns += 60 * NS_PER_S;
}

static bool ask_from(const struct net_address *from, const char *name, uint16_t type, bool unicast,
                     const struct dns_record *known)
{
    struct dns_writer query;
    struct dns_question question = {.type = type, .unicast = unicast};
    snprintf(question.name, sizeof(question.name), "%s", name);
    dns_write(&query, from->port == DNS_PORT ? 0 : 77, false);
    assert_int_equal(dns_write_question(&query, &question), 0);
    if (known)
        assert_int_equal(dns_write_record(&query, known), 0);
    return responder_feed(&responder, query.bytes, query.size, from, now_ns, &message);
}

static bool ask(const char *name, uint16_t type)
{
    return ask_from(&neighbour, name, type, false, NULL);
}

#define ALL "PTR 4500 SRV! 120 TXT! 4500 A! 120 AAAA! 120 "

static void test_announces_twice_a_second_apart(void **state)
{
    (void)state;
    start();
    assert_string_equal(next_after(0, 0), "");
    responder_announce(&responder, now_ns);
    assert_string_equal(next_after(0, 0), ALL);
    assert_string_equal(next_after(NS_PER_S, NS_PER_S), ALL);
    assert_string_equal(next_after(0, 0), "");
    stop();
}

static void test_answers_to_all(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        bool at_once;
        const char *said;
    } cases[] = {
        {ESPHOME_SERVICE, DNS_PTR, false, "PTR 4500 | SRV! 120 TXT! 4500 A! 120 AAAA! 120 "},
        {"_ESPHOMElib._tcp.LOCAL", DNS_ANY, false, "PTR 4500 | SRV! 120 TXT! 4500 A! 120 AAAA! 120 "},
        {"_services._dns-sd._udp.local", DNS_PTR, false, "PTR 4500 "},
        {"kitchen." ESPHOME_SERVICE, DNS_SRV, true, "SRV! 120 | A! 120 AAAA! 120 "},
        {"kitchen." ESPHOME_SERVICE, DNS_TXT, true, "TXT! 4500 "},
        {"Kitchen." ESPHOME_SERVICE, DNS_ANY, true, "SRV! 120 TXT! 4500 | A! 120 AAAA! 120 "},
        {"kitchen.local", DNS_A, true, "A! 120 AAAA! 120 "},
        {"kitchen.local", DNS_AAAA, true, "A! 120 AAAA! 120 "},
        {"kitchen.local", DNS_SRV, true, ""},
        {"bath.local", DNS_A, true, ""},
        {"bath." ESPHOME_SERVICE, DNS_ANY, true, ""},
        {ESPHOME_SERVICE, DNS_SRV, true, ""},
    };
    start();
    announced();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_false(ask(cases[i].name, cases[i].type));
        assert_string_equal(cases[i].at_once ? next_after(0, 0) : next_after(20 * NS_PER_MS, 120 * NS_PER_MS),
                            cases[i].said);
        now_ns += 2 * NS_PER_S;
    }
    stop();
}

static void test_speaks_to_all_at_most_once_a_second(void **state)
{
    (void)state;
    start();
    announced();
    ask("kitchen.local", DNS_A);
    next_after(0, 0);
    for (unsigned i = 0; i < 1000; i++) {
        ask("kitchen.local", DNS_A);
        ask(ESPHOME_SERVICE, DNS_PTR);
    }
    assert_string_equal(next_after(NS_PER_S, NS_PER_S + 120 * NS_PER_MS),
                        "PTR 4500 A! 120 AAAA! 120 | SRV! 120 TXT! 4500 ");
    assert_string_equal(next_after(0, 0), "");
    stop();
}

static void test_one_shot_queries_are_answered_to_who_asked(void **state)
{
    (void)state;
    start();
    announced();
    assert_true(ask_from(&one_shot, "kitchen.local", DNS_A, false, NULL));
    assert_string_equal(said(), "? A 10 AAAA 10 ");
    struct dns_reader reader;
    assert_int_equal(dns_read(&reader, message.bytes, message.size), 0);
    assert_int_equal(reader.id, 77);
    assert_true(ask_from(&one_shot, ESPHOME_SERVICE, DNS_PTR, false, NULL));
    assert_string_equal(said(), "? PTR 10 | SRV 10 TXT 10 A 10 AAAA 10 ");
    assert_false(ask_from(&one_shot, "bath.local", DNS_A, false, NULL));
    assert_string_equal(next_after(0, 0), "");
    stop();
}

static void test_unicast_is_answered_so(void **state)
{
    (void)state;
    start();
    announced();
    assert_true(ask_from(&neighbour, ESPHOME_SERVICE, DNS_PTR, true, NULL));
    assert_string_equal(said(), "PTR 4500 | SRV! 120 TXT! 4500 A! 120 AAAA! 120 ");
    assert_string_equal(next_after(0, 0), "");
    stop();
}

static void test_known_answers_are_not_repeated(void **state)
{
    (void)state;
    start();
    announced();
    struct dns_record known = record_ptr("kitchen", 2250), other = record_ptr("bath", 4500),
                      stale = record_ptr("kitchen", 2249);
    assert_false(ask_from(&neighbour, ESPHOME_SERVICE, DNS_PTR, false, &known));
    assert_string_equal(next_after(0, 0), "");
    ask_from(&neighbour, ESPHOME_SERVICE, DNS_PTR, false, &other);
    assert_string_not_equal(next_after(20 * NS_PER_MS, 120 * NS_PER_MS), "");
    now_ns += 2 * NS_PER_S;
    ask_from(&neighbour, ESPHOME_SERVICE, DNS_PTR, false, &stale);
    assert_string_not_equal(next_after(20 * NS_PER_MS, 120 * NS_PER_MS), "");
    stop();
}

static void test_goodbye(void **state)
{
    (void)state;
    start();
    responder_leave(&responder, true); /* it never came */
    assert_string_equal(next_after(0, 0), "");
    announced();
    ask(ESPHOME_SERVICE, DNS_PTR);
    responder_leave(&responder, true);
    responder_leave(&responder, true);
    assert_string_equal(next_after(0, 0), "PTR 0 SRV! 0 TXT! 0 A! 0 AAAA! 0 ");
    assert_string_equal(next_after(0, 0), "");
    assert_false(ask("kitchen.local", DNS_A));
    assert_false(ask_from(&one_shot, "kitchen.local", DNS_A, false, NULL));
    assert_string_equal(next_after(0, 0), "");
    announced();
    stop();
}

static void test_leaves_without_a_word(void **state)
{
    (void)state;
    start();
    responder_announce(&responder, now_ns);
    responder_leave(&responder, false);
    assert_string_equal(next_after(0, 0), "");
    assert_false(ask("kitchen.local", DNS_A));
    stop();
}

static void test_other_addresses_are_announced(void **state)
{
    (void)state;
    const struct net_address moved = {.family = 4, .bytes = {192, 0, 2, 99}};
    start();
    announced();
    responder_set_addresses(&responder, own, 2, now_ns);
    assert_string_equal(next_after(0, 0), "");
    responder_set_addresses(&responder, &moved, 1, now_ns);
    assert_string_equal(next_after(0, 0), "PTR 4500 SRV! 120 TXT! 4500 A! 120 ");
    struct dns_reader reader;
    struct dns_record record;
    assert_int_equal(dns_read(&reader, message.bytes, message.size), 0);
    while (dns_next_record(&reader, &record))
        if (record.type == DNS_A)
            assert_memory_equal(record.address, moved.bytes, 4);
    next_after(NS_PER_S, NS_PER_S);
    responder_set_addresses(&responder, NULL, 0, now_ns);
    next_after(0, 0);
    assert_false(ask_from(&one_shot, "kitchen.local", DNS_A, false, NULL));
    stop();
}

static void test_other_texts_are_announced(void **state)
{
    (void)state;
    start();
    announced();
    assert_int_equal(responder_set_service(&responder, 6053, responder.text, responder.text_size, now_ns), 0);
    assert_string_equal(next_after(0, 0), "");
    assert_int_equal(responder_set_service(&responder, 6053, NULL, 0, now_ns), 0);
    assert_string_equal(next_after(0, 0), ALL);
    next_after(NS_PER_S, NS_PER_S);
    assert_int_equal(responder_set_service(&responder, 6054, NULL, 0, now_ns), 0);
    assert_string_equal(next_after(0, 0), ALL);
    assert_int_equal(responder_set_service(&responder, 6054, NULL, RESPONDER_TEXT_MAX + 1, now_ns),
                     BLEPROXY_E_INVALID);
    stop();
}

static void test_names(void **state)
{
    (void)state;
    char name[65];
    memset(name, 'a', sizeof(name));
    name[64] = '\0';
    start();
    assert_int_equal(responder_init(&responder, &test.env, name, 1, NULL, 0), BLEPROXY_E_INVALID);
    assert_int_equal(responder_init(&responder, &test.env, "", 1, NULL, 0), BLEPROXY_E_INVALID);
    name[63] = '\0';
    assert_int_equal(responder_init(&responder, &test.env, name, 1, NULL, 0), 0);
    assert_int_equal(responder_init(&responder, &test.env, "a.b\x01 \xff", 1, NULL, 0), 0);
    responder_announce(&responder, now_ns);
    assert_string_equal(next_after(0, 0), "PTR 4500 SRV! 120 TXT! 4500 ");
    stop();
}

static void test_responses_and_garbage_are_nothing_to_it(void **state)
{
    (void)state;
    start();
    announced();
    responder_announce(&responder, now_ns);
    responder_next(&responder, now_ns, &message);
    struct dns_writer response = message;
    assert_false(responder_feed(&responder, response.bytes, response.size, &neighbour, now_ns, &message));
    for (size_t size = 0; size < 12; size++)
        assert_false(responder_feed(&responder, response.bytes, size, &one_shot, now_ns, &message));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_announces_twice_a_second_apart),
        cmocka_unit_test(test_answers_to_all),
        cmocka_unit_test(test_speaks_to_all_at_most_once_a_second),
        cmocka_unit_test(test_one_shot_queries_are_answered_to_who_asked),
        cmocka_unit_test(test_unicast_is_answered_so),
        cmocka_unit_test(test_known_answers_are_not_repeated),
        cmocka_unit_test(test_goodbye),
        cmocka_unit_test(test_leaves_without_a_word),
        cmocka_unit_test(test_other_addresses_are_announced),
        cmocka_unit_test(test_other_texts_are_announced),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_responses_and_garbage_are_nothing_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
