/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "discovery/hosts.h"

#define S NS_PER_S

static struct host host;
static uint64_t now;

static int set_up(void **state)
{
    (void)state;
    host = (struct host){.name = "kitchen.local"};
    now = 1000 * S;
    return 0;
}

static bool hear(struct dns_record record)
{
    return host_feed(&host, &record, &lan, now);
}

/* The last bytes of the addresses, in order, with the family: "6.7 4.1". */
static void assert_addresses(const char *expected)
{
    struct net_address addresses[16];
    size_t n = host_get(&host, now, addresses, 16), size = 0;
    char text[256] = "";
    for (size_t i = 0; i < n; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%u.%u", i ? " " : "",
                                 addresses[i].family, addresses[i].bytes[addresses[i].family == 4 ? 3 : 15]);
    assert_string_equal(text, expected);
}

static void test_ipv6_comes_before_ipv4(void **state)
{
    (void)state;
    assert_true(hear(record_a("kitchen.local", 1, 120)));
    assert_true(hear(record_aaaa("KITCHEN.local", 7, 120)));
    assert_false(hear(record_a("kitchen.local", 1, 120)));
    assert_false(hear(record_a("attic.local", 2, 120)));
    assert_addresses("6.7 4.1");
    assert_int_equal(host.addresses[1].address.scope, 2);
}

static void test_an_address_lives_as_long_as_it_says(void **state)
{
    (void)state;
    hear(record_a("kitchen.local", 1, 120));
    now += 119 * S;
    assert_addresses("4.1");
    hear(record_a("kitchen.local", 1, 10));
    now += 9 * S;
    assert_addresses("4.1");
    now += S;
    assert_addresses("");
    assert_true(host_expire(&host, now));
    assert_false(host_expire(&host, now));
    hear(record_a("kitchen.local", 1, INT32_MAX));
    now += (HOST_LIFETIME_MAX_S - 1) * S;
    assert_addresses("4.1");
    now += S;
    assert_addresses("");
}

static void test_goodbye_takes_a_second(void **state)
{
    (void)state;
    hear(record_a("kitchen.local", 1, 120));
    assert_false(hear(record_a("kitchen.local", 1, 0)));
    assert_false(hear(record_a("kitchen.local", 2, 0)));
    now += S - 1;
    assert_addresses("4.1");
    now++;
    assert_addresses("");
}

static void test_a_flush_replaces_what_was_heard_before(void **state)
{
    (void)state;
    hear(record_a("kitchen.local", 1, 120));
    hear(record_aaaa("kitchen.local", 7, 120));
    now += 10 * S;
    hear(record_a("kitchen.local", 2, 120));
    hear(record_a("kitchen.local", 3, 120)); /* of the same announcement */
    now += S;
    assert_addresses("6.7 4.2 4.3");
}

static void test_the_newest_address_comes_first(void **state)
{
    (void)state;
    hear(record_a("kitchen.local", 1, 120));
    now += 10 * S;
    hear(record_a("kitchen.local", 2, 120));
    assert_addresses("4.2 4.1");
}

static void test_without_a_flush_addresses_add_up(void **state)
{
    (void)state;
    struct dns_record second = record_a("kitchen.local", 2, 120);
    second.flush = false;
    hear(record_a("kitchen.local", 1, 120));
    now += 10 * S;
    hear(second);
    now += 10 * S;
    assert_addresses("4.2 4.1");
}

static void test_a_flush_is_of_one_interface(void **state)
{
    (void)state;
    struct dns_record record = record_a("kitchen.local", 2, 120);
    hear(record_a("kitchen.local", 1, 120));
    now += 10 * S;
    assert_true(host_feed(&host, &record, &other_lan, now));
    now += 10 * S;
    assert_addresses("4.2 4.1");
    record = record_a("kitchen.local", 1, 120);
    host_feed(&host, &record, &other_lan, now);
    now += 2 * S;
    assert_addresses("4.1"); /* heard on both: one address */
}

static bool has_moved_from(uint8_t last)
{
    const struct net_address address = {.family = 4, .bytes = {192, 0, 2, last}};
    return host_has_moved(&host, &address);
}

static void test_who_has_moved(void **state)
{
    (void)state;
    assert_false(has_moved_from(1)); /* nothing is known */
    hear(record_a("kitchen.local", 1, 120));
    assert_false(has_moved_from(1));
    assert_true(has_moved_from(2));
    now += 10 * S;
    hear(record_aaaa("kitchen.local", 1, 120));
    assert_false(has_moved_from(1));
    hear(record_a("kitchen.local", 2, 120));
    assert_true(has_moved_from(1));
    assert_false(has_moved_from(2));
    hear(record_a("kitchen.local", 3, 120)); /* it has both */
    assert_false(has_moved_from(2));
}

static void test_of_too_many_the_oldest_goes(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= HOST_ADDRESSES_MAX + 2; i++) {
        struct dns_record record = record_a("kitchen.local", i, 120);
        record.flush = false;
        assert_true(hear(record));
        now++;
    }
    assert_int_equal(host.n, HOST_ADDRESSES_MAX);
    assert_addresses("4.10 4.9 4.8 4.7 4.6 4.5 4.4 4.3");
}

static void test_of_too_many_names_the_one_of_use_longest_ago_goes(void **state)
{
    (void)state;
    struct test_env test;
    struct hosts hosts;
    char name[DNS_NAME_SIZE];
    test_env_init(&test);
    hosts_init(&hosts, &test.env);
    assert_non_null(hosts_make(&hosts, "first.local"));
    for (unsigned i = 1; i < HOSTS_MAX; i++) {
        snprintf(name, sizeof(name), "n%u.local", i);
        assert_non_null(hosts_make(&hosts, name));
    }
    assert_ptr_equal(hosts_make(&hosts, "First.local"), hosts_find(&hosts, "first.LOCAL"));
    assert_non_null(hosts_make(&hosts, "one more.local"));
    assert_int_equal(hosts.n, HOSTS_MAX);
    assert_int_equal(test.live_blocks, HOSTS_MAX);
    assert_non_null(hosts_find(&hosts, "first.local"));
    assert_null(hosts_find(&hosts, "n1.local"));
    test.fail_after = 0;
    assert_null(hosts_make(&hosts, "yet another.local"));
    assert_non_null(hosts_find(&hosts, "n2.local"));
    hosts_deinit(&hosts);
    test_env_deinit(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ipv6_comes_before_ipv4, set_up),
        cmocka_unit_test_setup(test_an_address_lives_as_long_as_it_says, set_up),
        cmocka_unit_test_setup(test_goodbye_takes_a_second, set_up),
        cmocka_unit_test_setup(test_a_flush_replaces_what_was_heard_before, set_up),
        cmocka_unit_test_setup(test_the_newest_address_comes_first, set_up),
        cmocka_unit_test_setup(test_without_a_flush_addresses_add_up, set_up),
        cmocka_unit_test_setup(test_a_flush_is_of_one_interface, set_up),
        cmocka_unit_test_setup(test_who_has_moved, set_up),
        cmocka_unit_test_setup(test_of_too_many_the_oldest_goes, set_up),
        cmocka_unit_test(test_of_too_many_names_the_one_of_use_longest_ago_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
