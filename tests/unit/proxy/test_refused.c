/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "proxy/refused.h"

/* 192.0.2.LAST */
static struct net_address at(unsigned last)
{
    return (struct net_address){.family = 4, .bytes = {192, 0, 2, (uint8_t)last}, .port = 6053};
}

static void test_refused_addresses_are_left_out_while_there_are_others(void **state)
{
    (void)state;
    struct refused refused = {.n = 0};
    const struct net_address all[] = {at(1), at(2), at(3)};
    struct net_address chosen[DIAL_ADDRESSES_MAX];
    assert_int_equal(refused_leave_out(&refused, all, 3, chosen), 3);
    refused_add(&refused, &all[1]);
    refused_add(&refused, &all[1]);
    assert_int_equal(refused.n, 1);
    assert_int_equal(refused_leave_out(&refused, all, 3, chosen), 2);
    assert_memory_equal(&chosen[0], &all[0], sizeof(all[0]));
    assert_memory_equal(&chosen[1], &all[2], sizeof(all[2]));
    refused_add(&refused, &all[0]);
    assert_int_equal(refused_leave_out(&refused, all, 3, chosen), 1);
    refused_add(&refused, &all[2]);
    assert_int_equal(refused_leave_out(&refused, all, 3, chosen), 3);
    assert_int_equal(refused.n, 0);
    assert_int_equal(refused_leave_out(&refused, all, 0, chosen), 0);
}

static void test_the_oldest_gives_way(void **state)
{
    (void)state;
    struct refused refused = {.n = 0};
    struct net_address addresses[DIAL_ADDRESSES_MAX + 2], chosen[DIAL_ADDRESSES_MAX];
    for (unsigned i = 0; i < DIAL_ADDRESSES_MAX + 2; i++)
        addresses[i] = at(i);
    assert_int_equal(refused_leave_out(&refused, addresses, DIAL_ADDRESSES_MAX + 2, chosen),
                     DIAL_ADDRESSES_MAX);
    for (unsigned i = 0; i < DIAL_ADDRESSES_MAX + 1; i++)
        refused_add(&refused, &addresses[i]);
    assert_int_equal(refused_leave_out(&refused, addresses, DIAL_ADDRESSES_MAX + 2, chosen), 2);
    assert_memory_equal(&chosen[0], &addresses[0], sizeof(addresses[0]));
    assert_memory_equal(&chosen[1], &addresses[DIAL_ADDRESSES_MAX + 1], sizeof(addresses[0]));
}

/* ---- In a proxy ---- */

static struct net_address opened[8];
static unsigned n_opened;

static void note(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    opened[n_opened++ % 8] = *address;
    f->open++;
    f->last_attempt = attempt;
}

static int set_up(void **state)
{
    static struct proxy_ops ops;
    fixture_setup(state);
    struct fixture *f = *state;
    struct proxy_config config = fixture_config(f);
    ops = fixture_ops;
    ops.open = note;
    n_opened = 0;
    proxy_free(f->proxy);
    assert_int_equal(proxy_new(&config, &ops, f, &f->proxy), 0);
    proxy_start(f->proxy, f->now_ns);
    return 0;
}

/* The next attempt's look-up finds the two addresses. */
static void resolve(struct fixture *f)
{
    const struct net_address both[] = {at(1), at(2)};
    if (fixture_is_in(f, BLEPROXY_PROXY_WAITING)) {
        f->now_ns = proxy_deadline(f->proxy);
        proxy_tick(f->proxy, f->now_ns);
    }
    f->resolving = false;
    proxy_resolved(f->proxy, both, 2, 0, NULL, f->now_ns);
}

static void assert_opened(unsigned n, unsigned last)
{
    const struct net_address expected = at(last);
    assert_int_equal(n_opened, n);
    assert_memory_equal(&opened[n - 1], &expected, sizeof(expected));
}

static void connect_to(struct fixture *f, enum bleproxy_proxy_state state)
{
    proxy_connected(f->proxy, f->last_attempt, f->now_ns);
    if (state == BLEPROXY_PROXY_READY)
        fixture_feed(f, HELLO_RESPONSE);
    assert_true(fixture_is_in(f, state));
}

static void test_after_another_device_the_other_address_is_tried(void **state)
{
    struct fixture *f = *state;
    resolve(f);
    assert_opened(1, 1);
    connect_to(f, BLEPROXY_PROXY_READY);
    proxy_reject(f->proxy, BLEPROXY_E_BAD_MAC_ADDRESS, "another device", f->now_ns);
    resolve(f);
    assert_opened(2, 2);
    connect_to(f, BLEPROXY_PROXY_READY);
    f->now_ns += 10 * NS_PER_S;
    proxy_fail(f->proxy, BLEPROXY_E_CLOSED, NULL, f->now_ns); /* it was the right one: it stays so */
    resolve(f);
    assert_opened(3, 2);
}

/* It would fail at its other addresses, too, and those may be dead. */
static void test_what_else_goes_wrong_says_nothing_of_the_address(void **state)
{
    struct fixture *f = *state;
    resolve(f);
    connect_to(f, BLEPROXY_PROXY_HANDSHAKING);
    fixture_feed(f, BAD_INDICATOR);
    assert_int_equal(f->n_failed, 1);
    resolve(f);
    assert_opened(2, 1);
    connect_to(f, BLEPROXY_PROXY_READY);
    proxy_reject(f->proxy, BLEPROXY_E_TIMEOUT, "no description", f->now_ns);
    resolve(f);
    assert_opened(3, 1);
}

static void test_when_there_is_no_way_to_the_others_all_are_tried_again(void **state)
{
    struct fixture *f = *state;
    resolve(f);
    connect_to(f, BLEPROXY_PROXY_READY);
    proxy_reject(f->proxy, BLEPROXY_E_BAD_MAC_ADDRESS, "another device", f->now_ns);
    resolve(f);
    assert_opened(2, 2);
    f->open--;
    proxy_connect_failed(f->proxy, f->last_attempt, "connection refused", f->now_ns);
    assert_true(fixture_is_in(f, BLEPROXY_PROXY_WAITING));
    resolve(f);
    assert_opened(3, 1);
}

static void test_the_only_address_is_tried_again(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++) {
        fixture_reach(f, BLEPROXY_PROXY_READY);
        proxy_reject(f->proxy, BLEPROXY_E_BAD_MAC_ADDRESS, "another device", f->now_ns);
        assert_opened(i + 1, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_addresses_are_left_out_while_there_are_others),
        cmocka_unit_test(test_the_oldest_gives_way),
        cmocka_unit_test_setup_teardown(test_after_another_device_the_other_address_is_tried, set_up,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_else_goes_wrong_says_nothing_of_the_address, set_up,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_when_there_is_no_way_to_the_others_all_are_tried_again, set_up,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_only_address_is_tried_again, set_up, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
