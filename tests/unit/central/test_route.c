/* SPDX-License-Identifier: MIT */
#include "route_fixture.h"

#include <bleproxy/error.h>

static const struct route fresh;

static uint64_t chosen(struct fixture *f, const struct route *route)
{
    struct route_choice choice;
    int r = route_choose(route, f->hub, DEVICE, 0, &choice);
    return r < 0 ? 0 : scanner_source(choice.scanner);
}

static void test_strongest_signal_wins(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -80);
    heard_by(f, 1, -40);
    heard_by(f, 2, -60);
    struct route_choice choice;
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0, &choice), 0);
    assert_ptr_equal(choice.scanner, f->scanners[1]);
    assert_int_equal(choice.rssi_dbm, -40);
    assert_int_equal(choice.address_type, BLEPROXY_ADDRESS_RANDOM);
}

static void test_equals_go_by_order_of_registration(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = N_SCANNERS; i-- > 0;)
        heard_by(f, i, -50);
    assert_int_equal(chosen(f, &fresh), 0xA0);
}

static void test_unknown_signal_counts_as_the_weakest(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, 0); /* a proxy that does not know */
    heard_by(f, 1, -100);
    assert_int_equal(chosen(f, &fresh), 0xA1);
}

static void test_free_slot_comes_before_signal(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    heard_by(f, 1, -95);
    report_slots(f, 0, 0);
    assert_int_equal(chosen(f, &fresh), 0xA1);
}

static void test_full_proxy_is_a_choice(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -70);
    heard_by(f, 1, -60);
    report_slots(f, 0, 0);
    report_slots(f, 1, 0);
    assert_int_equal(chosen(f, &fresh), 0xA1);
}

static void test_f142_proxy_without_slots_comes_last(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -60);
    heard_by(f, 1, -65);
    heard_by(f, 2, -70);
    report_slots(f, 1, 0);
    struct route route = {0};
    assert_int_equal(chosen(f, &route), 0xA0);
    route_failed(&route, 0xA0);
    assert_int_equal(chosen(f, &route), 0xA0); /* as strong as the third now, and there first */
    route_failed(&route, 0xA0);
    assert_int_equal(chosen(f, &route), 0xA2);
    report_slots(f, 0, 0);
    report_slots(f, 2, 0);
    assert_int_equal(chosen(f, &route), 0xA1); /* nobody has one */
}

static void test_f144_each_failure_costs_ten_decibels(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -65);
    struct route route = {0};
    route_failed(&route, 0xA0);
    assert_int_equal(chosen(f, &route), 0xA0);
    route_failed(&route, 0xA0);
    assert_int_equal(chosen(f, &route), 0xA1);
    route_failed(&route, 0xA1);
    assert_int_equal(chosen(f, &route), 0xA0);
}

/* In Python one attempt under way there outweighs any lead. */
static void test_attempt_under_way_costs_six_decibels(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -60);
    heard_by(f, 1, -65);
    heard_by(f, 2, -100);
    scanner_pause(f->scanners[0]);
    assert_int_equal(chosen(f, &fresh), 0xA1);
    scanner_pause(f->scanners[1]);
    assert_int_equal(chosen(f, &fresh), 0xA0);
    for (unsigned i = 0; i < 5; i++)
        scanner_pause(f->scanners[0]);
    assert_int_equal(chosen(f, &fresh), 0xA1); /* not the one 29 dB below */
    for (unsigned i = 0; i < 6; i++)
        scanner_resume(f->scanners[0]);
    scanner_resume(f->scanners[1]);
    assert_int_equal(chosen(f, &fresh), 0xA0);
}

static void test_pinned_source(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -40);
    heard_by(f, 1, -90);
    struct route_choice choice;
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0xA1, &choice), 0);
    assert_ptr_equal(choice.scanner, f->scanners[1]);
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0xA2, &choice), BLEPROXY_E_NO_PROXY);
    assert_ptr_equal(choice.scanner, f->scanners[1]); /* written only on success */
}

static void test_not_heard(void **state)
{
    struct fixture *f = *state;
    struct route_choice choice;
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0, &choice), BLEPROXY_E_NOT_HEARD);
    hear(f, f->scanners[0], DEVICE + 1, -50, "020106");
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0, &choice), BLEPROXY_E_NOT_HEARD);
}

static void test_without_any_proxy_that_is_what_is_missing(void **state)
{
    struct fixture *f = *state;
    struct route_choice choice;
    for (unsigned i = 0; i < N_SCANNERS; i++)
        hub_unregister_scanner(f->hub, f->scanners[i], f->now_ns);
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0, &choice), BLEPROXY_E_NO_PROXY);
}

static void test_no_longer_heard(void **state)
{
    struct fixture *f = *state;
    struct route_choice choice;
    heard_by(f, 0, -50);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0, &choice), BLEPROXY_E_NOT_HEARD);
}

static void test_f146_only_passive_proxies(void **state)
{
    struct fixture *f = *state;
    const struct scanner_config config = {
        .env = &f->test.env, .source = 0xB0, .name = "porch", .connectable = false};
    struct scanner *passive;
    assert_int_equal(scanner_new(&config, &passive), 0);
    open_scanner(f, passive);
    assert_int_equal(hub_register_scanner(f->hub, passive, f->now_ns), 0);
    hear(f, passive, DEVICE, -30, "020106");
    struct route_choice choice;
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0, &choice), BLEPROXY_E_NO_PROXY);
    heard_by(f, 3, -99);
    assert_int_equal(chosen(f, &fresh), 0xA3);
    scanner_free(passive);
}

static void test_proxy_that_is_lost_is_no_choice(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    heard_by(f, 1, -80);
    heard_by(f, 2, -90);
    scanner_bind(f->scanners[0], NULL, NULL, NULL);
    assert_int_equal(chosen(f, &fresh), 0xA1);
    scanner_set_available(f->scanners[1], false, f->now_ns);
    assert_int_equal(chosen(f, &fresh), 0xA2);
    scanner_set_available(f->scanners[2], false, f->now_ns);
    struct route_choice choice;
    assert_int_equal(route_choose(&fresh, f->hub, DEVICE, 0, &choice), BLEPROXY_E_NO_PROXY);
}

static void test_failures_of_many_proxies_are_bounded(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -55);
    struct route route = {0};
    route_failed(&route, 0xA0);
    for (uint64_t i = 0; i < ROUTE_FAILURES_MAX - 1; i++)
        route_failed(&route, 0xC0 + i);
    assert_int_equal(chosen(f, &route), 0xA1);
    route_failed(&route, 0xF0); /* takes the place of the oldest */
    assert_int_equal(route.n_failed, ROUTE_FAILURES_MAX);
    assert_int_equal(chosen(f, &route), 0xA0);
    for (unsigned i = 0; i < 100; i++)
        route_failed(&route, 0xF0);
    assert_int_equal(route.failed[ROUTE_FAILURES_MAX - 1].failures, 101);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, route_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_strongest_signal_wins),
        CASE(test_equals_go_by_order_of_registration),
        CASE(test_unknown_signal_counts_as_the_weakest),
        CASE(test_free_slot_comes_before_signal),
        CASE(test_full_proxy_is_a_choice),
        CASE(test_f142_proxy_without_slots_comes_last),
        CASE(test_f144_each_failure_costs_ten_decibels),
        CASE(test_attempt_under_way_costs_six_decibels),
        CASE(test_pinned_source),
        CASE(test_not_heard),
        CASE(test_without_any_proxy_that_is_what_is_missing),
        CASE(test_no_longer_heard),
        CASE(test_f146_only_passive_proxies),
        CASE(test_proxy_that_is_lost_is_no_choice),
        CASE(test_failures_of_many_proxies_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
