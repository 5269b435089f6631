/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* What follows once the link is up: pairing, services. */

/* The reference connects first, and releases the link then. */
static void test_f61_pair_unsupported(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    proxy_lose(world, 0);
    proxy_begin(world, 0, ALL_FEATURES & ~(uint32_t)BLEPROXY_FEATURE_PAIRING);
    say_slots(world, 3, 3, 0);
    struct attempt attempt = attempt_by_default(world);
    attempt.pair = true;
    attempt_begin_with(world, &attempt, &told);
    pass_ms(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_UNSUPPORTED);
    assert_int_equal(told.result.missing, BLEPROXY_FEATURE_PAIRING);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_FIRMWARE);
    assert_non_null(strstr(told.text, "2023.3"));
    assert_non_null(strstr(told.text, "2023.2.1"));
    assert_true(test_env_logged(&world->test, "2023.2.1"));
    assert_sent(world, "");
    assert_idle(world);
}

static void test_f61_pairing_refused(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    struct attempt attempt = attempt_by_default(world);
    attempt.pair = true;
    attempt_begin_with(world, &attempt, &told);
    say_connection(world, true, 23, 0);
    assert_sent(world, "connect; pair");
    say_paired(world, false, 0x51);
    assert_sent(world, "disconnect");
    pass_ms(world, 2000); /* the release is not confirmed */
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_PAIRING);
    assert_int_equal(told.result.code, 0x51);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_KEY);
    assert_idle(world);
}

static void test_pairs_before_discovery(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    struct attempt attempt = attempt_by_default(world);
    attempt.pair = true;
    attempt_begin_with(world, &attempt, &told);
    say_connection(world, true, 23, 0);
    say_paired(world, true, 0);
    assert_sent(world, "connect; pair; services");
    say_services(world);
    assert_int_equal(told.result.error, 0);
}

static void test_no_connecting_without_remote_caching(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    proxy_lose(world, 0);
    proxy_begin(world, 0, BLEPROXY_FEATURE_ACTIVE_CONNECTIONS);
    say_slots(world, 3, 3, 0);
    attempt_begin(world, &told);
    pass_ms(world, 0);
    assert_int_equal(told.result.error, BLEPROXY_E_UNSUPPORTED);
    assert_int_equal(told.result.missing, BLEPROXY_FEATURE_REMOTE_CACHING);
    assert_non_null(strstr(told.text, "2022.12"));
    assert_sent(world, "");
    assert_idle(world);
}

static void test_f62_no_services(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 0);
    say_services_done(world);
    assert_sent(world, "connect; services; disconnect");
    say_connection(world, false, 0, 0x16);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_NO_SERVICES);
    assert_null(cache_services(central_cache(world->central), DEVICE));
    assert_idle(world);
}

static void test_f63_link_drops_during_discovery(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 0);
    assert_sent(world, "connect; services");
    say_connection(world, false, 0, 0x08);
    assert_int_equal(told.calls, 1); /* nothing settles */
    assert_int_equal(told.result.error, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(told.result.code, 0x08);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_RANGE);
    assert_sent(world, "");
    say_services(world); /* too late */
    assert_int_equal(told.calls, 1);
    assert_idle(world);
}

/* The reference calls the user's callback here; we do for links only that the user was told of. */
static void test_f64_drop_during_discovery_is_not_told_as_a_disconnection(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &lost);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 0);
    say_connection(world, false, 0, 0x13);
    assert_int_equal(told.result.error, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(lost.calls, 0);
}

static void test_connection_message_during_discovery_releases_a_link_that_is_up(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 0);
    say_connection(world, true, 23, 0);
    assert_sent(world, "connect; services; disconnect");
    say_connection(world, false, 0, 0x16);
    assert_int_equal(told.result.error, BLEPROXY_E_DISCONNECTED);
    assert_idle(world);
}

static void test_discovery_times_out(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 0);
    pass_ms(world, 30000);
    assert_sent(world, "connect; services; disconnect");
    say_connection(world, false, 0, 0x16);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
    assert_idle(world);
}

static void test_proxy_lost_during_discovery_and_settling(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), settling = told_by(world);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 0);
    proxy_lose(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_CLOSED);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_PROXY);

    proxy_begin(world, 0, ALL_FEATURES);
    say_slots(world, 3, 3, 0);
    attempt_begin(world, &settling);
    say_connection(world, true, 23, 1);
    proxy_lose(world, 0);
    assert_int_equal(settling.calls, 1); /* there is nobody left to wait for */
    assert_int_equal(settling.result.error, BLEPROXY_E_LINK);
    assert_idle(world);
}

static void test_slot_report_ends_an_attempt_that_was_up(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    say_slots(world, 2, 3, 1);
    say_connection(world, true, 23, 0);
    say_slots(world, 3, 3, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_DISCONNECTED);
    assert_sent(world, "connect; services");
    assert_idle(world);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_f61_pair_unsupported),
        T(test_f61_pairing_refused),
        T(test_pairs_before_discovery),
        T(test_no_connecting_without_remote_caching),
        T(test_f62_no_services),
        T(test_f63_link_drops_during_discovery),
        T(test_f64_drop_during_discovery_is_not_told_as_a_disconnection),
        T(test_connection_message_during_discovery_releases_a_link_that_is_up),
        T(test_discovery_times_out),
        T(test_proxy_lost_during_discovery_and_settling),
        T(test_slot_report_ends_an_attempt_that_was_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
