/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "discovery/browse.h"
#include <bleproxy/error.h>

#define S NS_PER_S

static struct test_env test;
static struct browse *browse;
static uint64_t now;
static unsigned n_sent, n_first;
static char sent[32768]; /* all since the last look, '\n' behind each */
static char events[8192];
static struct service last;
static bool free_on_event;

static void on_send(void *user, const struct dns_writer *message, bool is_first)
{
    (void)user;
    n_first += is_first;
    size_t n = strlen(sent);
    n_sent++;
    if (sizeof(sent) - n > 6 * DNS_PACKET_MAX) {
        describe(message, sent + n, sizeof(sent) - n);
        strcat(sent, "\n");
    }
}

static void on_service(void *user, enum browse_event event, const struct service *service, uint64_t now_ns)
{
    (void)user;
    assert_int_equal(now_ns, now);
    static const char signs[] = {'+', '~', '-'};
    size_t n = strlen(events);
    snprintf(events + n, sizeof(events) - n, "%c%s ", signs[event], service->name);
    last = *service;
    if (free_on_event) {
        browse_free(browse);
        browse = NULL;
    }
}

static const struct browse_ops ops = {on_send, on_service};

static int set_up(void **state)
{
    (void)state;
    test_env_init(&test);
    now = 1000 * S;
    n_sent = n_first = 0;
    sent[0] = events[0] = '\0';
    free_on_event = false;
    assert_int_equal(browse_new(&test.env, &ops, NULL, now, &browse), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    browse_free(browse);
    browse = NULL;
    test_env_deinit(&test);
    return 0;
}

static void run_until(uint64_t end_ns)
{
    unsigned ticks = 0;
    while (browse && browse_deadline(browse) <= end_ns) {
        assert_true(browse_deadline(browse) >= now);
        now = browse_deadline(browse);
        browse_tick(browse, now);
        assert_true(!browse || browse_deadline(browse) > now);
        assert_true(++ticks < 100000);
    }
    now = end_ns;
}

static void hear_on(const struct netif *netif, const struct net_address *from,
                    const struct dns_record *records, size_t n, bool is_one_shot)
{
    struct dns_writer writer;
    write_response(&writer, records, n);
    browse_feed(browse, writer.bytes, writer.size, from, netif, is_one_shot, now);
}

static void hear(const struct dns_record *records, size_t n)
{
    hear_on(&lan, &neighbour, records, n, false);
}

#define HEAR(...)                                                                                            \
    do {                                                                                                     \
        const struct dns_record heard[] = {__VA_ARGS__};                                                     \
        hear(heard, sizeof(heard) / sizeof(heard[0]));                                                       \
    } while (0)

static void assert_events(const char *expected)
{
    assert_string_equal(events, expected);
    events[0] = '\0';
}

static void assert_sent(const char *expected)
{
    assert_string_equal(sent, expected);
    sent[0] = '\0';
}

static void hear_kitchen(void)
{
    HEAR(record_ptr("kitchen", 4500), record_srv("kitchen", "kitchen.local", 6053, 120),
         record_txt("kitchen", "version=2026.8.0", 4500), record_a("kitchen.local", 10, 120));
}

static void test_who_is_there_is_asked_at_growing_intervals(void **state)
{
    (void)state;
    assert_in_range(browse_deadline(browse), now + 20 * NS_PER_MS, now + 120 * NS_PER_MS);
    uint64_t first = browse_deadline(browse);
    run_until(first);
    for (unsigned i = 0; i < 11; i++) { /* 1, 2, 4, ... s later */
        assert_int_equal(n_sent, i + 1);
        assert_sent("PTR _esphomelib._tcp.local\n");
        first += S << i;
        assert_int_equal(browse_deadline(browse), first);
        run_until(first);
    }
    run_until(now + 2048 * S);
    assert_int_equal(n_sent, 13);
    run_until(now + 2 * 3600 * S);
    assert_int_equal(n_sent, 15);
}

static void test_one_message_tells_all_in_any_order(void **state)
{
    (void)state;
    HEAR(record_aaaa("kitchen.local", 7, 120), record_a("Kitchen.local", 10, 120),
         record_txt("kitchen",
                    "friendly_name=K\xc3\xbc"
                    "che;version=2026.8.0;mac=a4c138000001;platform=ESP32;board=esp32dev;network=wifi;"
                    "api_encryption=Noise_NNpsk0_25519_ChaChaPoly_SHA256;project_name=a.b;project_version=1",
                    4500),
         record_srv("kitchen", "kitchen.local", 6053, 120), record_ptr("kitchen", 4500));
    assert_events("+kitchen ");
    assert_string_equal(last.name, "kitchen");
    assert_int_equal(last.port, 6053);
    assert_string_equal(last.text.friendly_name, "K\xc3\xbc"
                                                 "che");
    assert_string_equal(last.text.version, "2026.8.0");
    assert_string_equal(last.text.mac, "A4:C1:38:00:00:01");
    assert_string_equal(last.text.platform, "ESP32");
    assert_string_equal(last.text.board, "esp32dev");
    assert_string_equal(last.text.network, "wifi");
    assert_string_equal(last.text.project_name, "a.b");
    assert_string_equal(last.text.project_version, "1");
    assert_true(last.text.encrypted);
    assert_false(last.text.can_be_encrypted);
    struct net_address addresses[4];
    assert_int_equal(host_get(&last.host, now, addresses, 4), 2);
    assert_int_equal(addresses[0].family, 6);
    hear_kitchen();
    assert_events("~kitchen "); /* the text is another */
    hear_kitchen();
    assert_events("");
}

static void test_what_is_missing_is_asked_for(void **state)
{
    (void)state;
    run_until(now + S / 2);
    assert_sent("PTR _esphomelib._tcp.local\n");
    HEAR(record_ptr("kitchen", 4500));
    assert_events("");
    run_until(now + S / 10);
    assert_sent("SRV kitchen._esphomelib._tcp.local, TXT kitchen._esphomelib._tcp.local\n");
    HEAR(record_srv("kitchen", "other.local", 6053, 120));
    run_until(now + S / 5);
    assert_sent("A other.local, AAAA other.local\n");
    assert_events("");
    HEAR(record_a("kitchen.local", 9, 120));
    assert_events("");
    HEAR(record_a("other.local", 9, 120));
    assert_events("+kitchen ");
    HEAR(record_txt("kitchen", "version=1", 120));
    assert_events("~kitchen ");
}

/* Nobody answers about it: a few questions, and no more until its pointer has to be refreshed. */
static void test_what_stays_missing_is_not_asked_for_forever(void **state)
{
    (void)state;
    run_until(now + S / 2);
    HEAR(record_ptr("kitchen", 4500));
    run_until(now + 1000 * S);
    unsigned before = n_sent;
    run_until(now + 20 * S);
    assert_int_equal(n_sent, before);
    assert_events("");
}

/* RFC 2782: an SRV that leads to "." leads nowhere. Nobody is asked where that is. */
static void test_a_service_that_leads_nowhere(void **state)
{
    (void)state;
    size_t size;
    const uint8_t *message =
        hex("0000 8400 0000 0003 0000 0000 0b 5f657370686f6d656c6962 04 5f746370 05 6c6f63616c 00"
            "000c 0001 00001194 000a 07 6b69746368656e c00c"
            "c02e 0021 8001 00000078 0007 0000 0000 17a5 00"
            "c02e 0010 8001 00001194 0001 00",
            &size);
    run_until(now + 2 * S);
    sent[0] = '\0';
    browse_feed(browse, message, size, &neighbour, &lan, false, now);
    assert_int_equal(browse_count(browse), 1);
    run_until(now + S / 2);
    assert_sent("");
    assert_events("");
}

/* Whoever has many devices at one host has not each of hundreds of addresses taken for each of them. */
static void test_many_devices_of_one_host(void **state)
{
    (void)state;
    enum { DEVICES = 300 };
    for (unsigned i = 0; i < DEVICES; i++) {
        char label[32];
        snprintf(label, sizeof(label), "device-%u", i);
        HEAR(record_ptr(label, 4500), record_srv(label, "house.local", 6053, 120));
    }
    assert_events("");
    struct dns_record records[40];
    for (uint8_t i = 0; i < 40; i++)
        records[i] = record_a("House.local", (uint8_t)(10 + i % 4), 120);
    hear(records, 40);
    unsigned n = 0;
    for (const char *at = events; (at = strchr(at, '+')); at++)
        n++;
    assert_int_equal(n, DEVICES);
    assert_int_equal(last.host.n, BROWSE_ADDRESSES_MAX / DEVICES);
}

static void test_known_ones_need_not_answer(void **state)
{
    (void)state;
    hear_kitchen();
    run_until(now + S / 2);
    assert_sent("PTR _esphomelib._tcp.local !kitchen._esphomelib._tcp.local\n");
}

static void test_goodbye(void **state)
{
    (void)state;
    hear_kitchen();
    assert_events("+kitchen ");
    HEAR(record_ptr("kitchen", 0));
    assert_events("");
    run_until(now + S - 1);
    assert_events("");
    run_until(now + 1);
    assert_events("-kitchen ");
    assert_int_equal(browse_count(browse), 0);
    HEAR(record_ptr("kitchen", 0), record_ptr("attic", 0));
    assert_int_equal(browse_count(browse), 0);
    hear_kitchen();
    assert_events("+kitchen ");
}

static void test_a_reboot_within_a_second_is_no_goodbye(void **state)
{
    (void)state;
    hear_kitchen();
    HEAR(record_ptr("kitchen", 0));
    run_until(now + S / 2);
    hear_kitchen();
    run_until(now + 10 * S);
    assert_events("+kitchen ");
}

static void test_another_address(void **state)
{
    (void)state;
    hear_kitchen();
    run_until(now + 10 * S);
    HEAR(record_a("kitchen.local", 11, 120));
    assert_events("+kitchen ~kitchen ");
    struct net_address addresses[4];
    assert_int_equal(host_get(&last.host, now, addresses, 4), 2);
    assert_int_equal(addresses[0].bytes[3], 11);
    run_until(now + S);
    assert_events("~kitchen "); /* the old one is gone */
    assert_int_equal(last.host.n, 1);
}

static void test_another_host_and_port(void **state)
{
    (void)state;
    hear_kitchen();
    assert_events("+kitchen ");
    HEAR(record_srv("kitchen", "kitchen.local", 6054, 120));
    assert_events("~kitchen ");
    assert_int_equal(last.port, 6054);
    HEAR(record_srv("kitchen", "kitchen.local", 0, 120));
    assert_events("-kitchen "); /* there is nothing to connect to */
    HEAR(record_srv("kitchen", "kitchen.local", 6054, 120));
    assert_events("+kitchen ");
    HEAR(record_srv("kitchen", "other.local", 6054, 120));
    assert_events("-kitchen "); /* nobody knows its address */
    HEAR(record_a("other.local", 12, 120));
    assert_events("+kitchen ");
}

/* RFC 6762, 5.2: at 80, 85, 90 and 95 % of the life, and then it is over. */
static void test_records_are_refreshed_before_they_expire(void **state)
{
    (void)state;
    HEAR(record_ptr("kitchen", 1000), record_srv("kitchen", "kitchen.local", 6053, 4500),
         record_txt("kitchen", "a=b", 4500), record_a("kitchen.local", 10, 4500));
    assert_events("+kitchen ");
    uint64_t heard = now;
    run_until(now + 600 * S); /* the series of questions has long pauses now: 511, 1023 s */
    sent[0] = '\0';
    for (unsigned percent = 80; percent < 100; percent += 5) {
        run_until(heard + percent * 10 * S - 1);
        assert_sent("");
        run_until(heard + (percent + 2) * 10 * S);
        assert_sent("PTR _esphomelib._tcp.local\n");
    }
    run_until(heard + 1000 * S - 1);
    assert_events("");
    run_until(now + 1);
    assert_events("-kitchen ");
}

static void test_an_answer_refreshes(void **state)
{
    (void)state;
    hear_kitchen();
    uint64_t heard = now;
    run_until(heard + 95 * S);
    sent[0] = '\0';
    run_until(heard + 99 * S); /* SRV and A live for 120 s */
    assert_non_null(strstr(sent, "SRV kitchen._esphomelib._tcp.local"));
    assert_non_null(strstr(sent, "A kitchen.local, AAAA kitchen.local"));
    hear_kitchen();
    run_until(heard + 99 * S + 95 * S);
    assert_events("+kitchen ");
    run_until(heard + 220 * S);
    assert_events("-kitchen ");
    assert_int_equal(browse_count(browse), 1); /* its pointer lives for long */
    hear_kitchen();
    assert_events("+kitchen ");
}

static void test_one_shot_answers_live_longer_than_they_say(void **state)
{
    (void)state;
    const struct dns_record records[] = {record_ptr("kitchen", 10),
                                         record_srv("kitchen", "kitchen.local", 6053, 10),
                                         record_txt("kitchen", "a=b", 10), record_a("kitchen.local", 10, 10)};
    hear_on(&lan, &neighbour, records, 4, true);
    assert_events("+kitchen ");
    run_until(now + 90 * S);
    assert_events("");
    run_until(now + 40 * S);
    assert_events("-kitchen ");
}

static void test_what_is_not_listened_to(void **state)
{
    (void)state;
    struct dns_record records[] = {record_ptr("kitchen", 4500),
                                   record_srv("kitchen", "kitchen.local", 6053, 120),
                                   record_a("kitchen.local", 10, 120)};
    struct net_address other_port = neighbour;
    other_port.port = 53;
    hear_on(&lan, &other_port, records, 3, false);
    hear_on(&lan, &other_neighbour, records, 3, false);
    snprintf(records[0].name, sizeof(records[0].name), "_http._tcp.local");
    hear(records, 3);
    records[0] = record_ptr("kitchen", 4500);
    snprintf(records[0].target, sizeof(records[0].target), "kitchen._http._tcp.local");
    hear(records, 3);
    struct dns_writer query;
    dns_write(&query, 0, false);
    records[0] = record_ptr("kitchen", 4500);
    dns_write_record(&query, &records[0]);
    browse_feed(browse, query.bytes, query.size, &neighbour, &lan, false, now);
    assert_int_equal(browse_count(browse), 0);
}

static void test_texts_are_sanitised(void **state)
{
    (void)state;
    HEAR(record_ptr("\x1b[31mred\x07", 4500), record_srv("\x1b[31mred\x07", "kitchen.local", 6053, 120),
         record_txt("\x1b[31mred\x07",
                    "friendly_name=a\nb\x9b"
                    "c;version=1\x1b]0;x;mac=a4c13800000g;VERSION=2;platform;=x",
                    120),
         record_a("kitchen.local", 10, 120));
    assert_events("+[31mred ");
    assert_string_equal(last.text.friendly_name, "abc");
    assert_string_equal(last.text.version, "1]0");
    assert_string_equal(last.text.mac, "");
    assert_string_equal(last.text.platform, "");
    HEAR(record_ptr("\x1b\x07", 4500)); /* nothing of it prints */
    assert_int_equal(browse_count(browse), 1);
}

static void hear_mac(const char *label, const char *mac)
{
    char text[64];
    snprintf(text, sizeof(text), "mac=%s", mac);
    HEAR(record_ptr(label, 4500), record_srv(label, "kitchen.local", 6053, 120),
         record_txt(label, text, 4500), record_a("kitchen.local", 10, 120));
}

static void test_two_devices_of_one_name_are_told_once(void **state)
{
    (void)state;
    hear_mac("kitchen", "a4c138000001");
    assert_string_equal(last.text.mac, "A4:C1:38:00:00:01");
    now += 9 * S;
    hear_mac("kitchen", "a4c138000001");
    assert_false(last.has_rival);
    now += 9 * S;
    hear_mac("kitchen", "a4c138000002");
    assert_true(test_env_logged(
        &test, "two devices are called 'kitchen', with the MAC addresses A4:C1:38:00:00:01 and "
               "A4:C1:38:00:00:02"));
    assert_string_equal(last.text.mac, "");
    assert_events("+kitchen ~kitchen ");
    for (unsigned i = 0; i < 10; i++)
        hear_mac("kitchen", i % 2 ? "a4c138000001" : "a4c138000002");
    assert_events(""); /* they do not take turns */
}

static void test_a_device_that_is_replaced_has_no_rival(void **state)
{
    (void)state;
    hear_mac("kitchen", "a4c138000001");
    HEAR(record_txt("kitchen", "version=2026.8.0", 4500)); /* says nothing of it */
    now += 10 * S;
    hear_mac("kitchen", "a4c138000002");
    assert_string_equal(last.text.mac, "A4:C1:38:00:00:02");
    assert_false(last.has_rival);
    assert_false(test_env_logged(&test, "two devices"));
}

static void test_a_text_is_cut(void **state)
{
    (void)state;
    char text[256], expected[SERVICE_TEXT_SIZE];
    snprintf(text, sizeof(text), "friendly_name=%0200u", 1);
    memset(expected, '0', sizeof(expected) - 1);
    expected[sizeof(expected) - 1] = '\0';
    HEAR(record_ptr("kitchen", 4500), record_srv("kitchen", "kitchen.local", 6053, 120),
         record_txt("kitchen", text, 120), record_a("kitchen.local", 10, 120));
    assert_string_equal(last.text.friendly_name, expected);
}

/* 10,000 devices that are not there, and one that is. */
static void test_strangers_do_not_grow_it_without_bound(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        char label[32];
        snprintf(label, sizeof(label), "device-%u", i);
        HEAR(record_ptr(label, 4500));
        assert_true(browse_count(browse) <= BROWSE_SERVICES_MAX);
        if (i % 100 == 0)
            run_until(now + S / 100);
    }
    assert_int_equal(browse_count(browse), BROWSE_SERVICES_MAX);
    assert_int_equal(test.live_blocks, BROWSE_SERVICES_MAX + 1);
    assert_true(test_env_logged(&test, "some are left out"));
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], 1);
    hear_kitchen();
    assert_events("+kitchen ");
    /* Questions about the others come in bursts that have a limit. */
    unsigned before = n_sent;
    run_until(now + S);
    assert_true(n_sent - before <= BROWSE_BURST_MAX * 10);
    run_until(now + 10000 * S);
    assert_int_equal(browse_count(browse), 0);
    assert_events("-kitchen ");
}

static void hear_device(const struct net_address *from, const char *label)
{
    char host[48];
    snprintf(host, sizeof(host), "%s.local", label);
    const struct dns_record records[] = {record_ptr(label, 4500), record_srv(label, host, 6053, 120),
                                         record_a(host, 10, 120)};
    hear_on(&lan, from, records, 3, false);
}

/* Each with all it needs: whoever announces less is not kept out, and is not driven out either. */
static void test_one_that_announces_without_end_keeps_nobody_out(void **state)
{
    (void)state;
    struct net_address others[] = {neighbour, neighbour};
    others[0].bytes[3] = 11;
    others[1].bytes[3] = 12;
    hear_device(&others[0], "early");
    for (unsigned i = 0; i < 10000; i++) {
        char label[32];
        snprintf(label, sizeof(label), "device-%u", i);
        hear_device(&neighbour, label);
        assert_true(browse_count(browse) <= BROWSE_SERVICES_MAX);
    }
    assert_non_null(strstr(events, "+early "));
    events[0] = '\0';
    hear_device(&others[1], "late");
    assert_events("-device-1022 +late ");
    hear_device(&neighbour, "device-1022");
    hear_device(&others[1], "late");
    assert_events("");
    for (unsigned i = 0; i < 2000; i++) {
        char label[32];
        snprintf(label, sizeof(label), "more-%u", i);
        hear_device(&others[1], label);
    }
    events[0] = '\0';
    hear_device(&others[0], "early");
    assert_events(""); /* it was there all the time */
    assert_int_equal(browse_count(browse), BROWSE_SERVICES_MAX);
    assert_int_equal(test.live_blocks, BROWSE_SERVICES_MAX + 1);
}

/* In one message: the newcomer, and once more the one that made room for it. */
static void test_who_was_displaced_does_not_come_back_in_the_same_message(void **state)
{
    (void)state;
    struct net_address other = neighbour;
    other.bytes[3] = 11;
    for (unsigned i = 0; i < BROWSE_SERVICES_MAX; i++) {
        char label[32];
        snprintf(label, sizeof(label), "device-%u", i);
        hear_device(&neighbour, label);
    }
    for (unsigned i = 0; i < 100; i++) {
        char label[32], last_label[32];
        snprintf(label, sizeof(label), "new-%u", i);
        snprintf(last_label, sizeof(last_label), "device-%u", BROWSE_SERVICES_MAX - 1 - i);
        const struct dns_record records[] = {record_ptr(label, 4500), record_ptr(last_label, 4500),
                                             record_srv(label, "kitchen.local", 6053, 120),
                                             record_a("kitchen.local", 10, 120)};
        hear_on(&lan, &other, records, 4, false);
        assert_int_equal(browse_count(browse), BROWSE_SERVICES_MAX);
    }
}

/* All there with all they need: the first come stay. */
static void test_as_many_devices_as_it_takes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BROWSE_SERVICES_MAX + 10; i++) {
        char label[32], host[48];
        snprintf(label, sizeof(label), "device-%u", i);
        snprintf(host, sizeof(host), "device-%u.local", i);
        HEAR(record_ptr(label, 4500), record_srv(label, host, 6053, 120), record_a(host, 10, 120));
        assert_int_equal(last.port, 6053);
        if (i == 0)
            assert_events("+device-0 ");
        events[0] = '\0';
    }
    assert_int_equal(browse_count(browse), BROWSE_SERVICES_MAX);
    char name[32];
    snprintf(name, sizeof(name), "device-%u", BROWSE_SERVICES_MAX - 1);
    assert_string_equal(last.name, name);
}

/* Short lives do not make many questions. */
static void test_a_second_of_life_each(void **state)
{
    (void)state;
    run_until(now + 300 * S);
    unsigned before = n_sent;
    for (unsigned i = 0; i < 1000; i++) {
        char label[32];
        snprintf(label, sizeof(label), "device-%u", i % 500);
        HEAR(record_ptr(label, 1));
        run_until(now + S / 100);
    }
    assert_in_range(n_sent - before, 0,
                    10 * (10 + 1) + 1); /* in 10 s: ten times a second, and the pointers once */
}

static void test_it_may_be_freed_from_within(void **state)
{
    (void)state;
    free_on_event = true;
    hear_kitchen();
    assert_null(browse);
    assert_events("+kitchen ");
}

static void test_it_may_be_freed_from_within_a_tick(void **state)
{
    (void)state;
    hear_kitchen();
    HEAR(record_ptr("kitchen", 0));
    free_on_event = true;
    run_until(now + 2 * S);
    assert_null(browse);
    assert_events("+kitchen -kitchen ");
}

static void test_no_memory(void **state)
{
    (void)state;
    struct browse *other;
    test.fail_after = 0;
    assert_int_equal(browse_new(&test.env, &ops, NULL, now, &other), BLEPROXY_E_NOMEM);
    hear_kitchen();
    assert_events("");
    test.fail_after = SIZE_MAX;
    hear_kitchen();
    assert_events("+kitchen ");
}

static void test_other_interfaces_are_asked_anew(void **state)
{
    (void)state;
    run_until(now + 100 * S);
    assert_int_equal(n_first, 1);
    sent[0] = '\0';
    browse_restart(browse, now);
    run_until(now + 2 * S);
    assert_sent("PTR _esphomelib._tcp.local\nPTR _esphomelib._tcp.local\n");
    assert_int_equal(n_first, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_is_there_is_asked_at_growing_intervals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_message_tells_all_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_missing_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_stays_missing_is_not_asked_for_forever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_service_that_leads_nowhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_devices_of_one_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_known_ones_need_not_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_goodbye, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reboot_within_a_second_is_no_goodbye, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_host_and_port, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_records_are_refreshed_before_they_expire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_refreshes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_shot_answers_live_longer_than_they_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_listened_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_texts_are_sanitised, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_devices_of_one_name_are_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_device_that_is_replaced_has_no_rival, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_text_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strangers_do_not_grow_it_without_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_announces_without_end_keeps_nobody_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_was_displaced_does_not_come_back_in_the_same_message, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_as_many_devices_as_it_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_second_of_life_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_may_be_freed_from_within, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_may_be_freed_from_within_a_tick, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_interfaces_are_asked_anew, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
