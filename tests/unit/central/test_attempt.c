/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* ---- Success ---- */

static void test_f50_connect_discovers_services_once(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    assert_sent(world, "connect");
    assert_int_equal(scanner_pauses(world->proxies[0].scanner), 1);
    assert_false(peripheral_is_connected(world->peripheral));
    say_connection(world, true, 23, 0);
    assert_int_equal(scanner_pauses(world->proxies[0].scanner), 0);
    assert_sent(world, "services");
    assert_int_equal(told.calls, 0);
    say_services(world);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(told.result.source, SOURCE);
    assert_int_equal(told.result.attempts, 1);
    assert_true(told.connected);
    assert_int_equal(peripheral_source(world->peripheral), SOURCE);
    assert_int_equal(peripheral_mtu(world->peripheral), 23);
    assert_int_equal(peripheral_services(world->peripheral)->n_services, 1);
    assert_sent(world, "");
}

static void reconnect(struct world *world, const struct attempt *attempt, const char *expected, uint32_t mtu)
{
    struct told told = told_by(world);
    attempt_begin_with(world, attempt, &told);
    assert_sent(world, expected);
    say_connection(world, true, mtu, 0);
    if (told.calls == 0)
        say_services(world);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, 0);
}

static void lose_link(struct world *world)
{
    struct told told = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &told);
    say_connection(world, false, 0, 0x13);
    peripheral_on_disconnected(world->peripheral, NULL, NULL);
    assert_int_equal(told.calls, 1);
}

static void test_f51_second_connect_uses_caches(void **state)
{
    struct world *world = *state;
    const struct attempt attempt = attempt_by_default(world);
    connect_device(world);
    lose_link(world);
    reconnect(world, &attempt, "hint", 23);
    assert_sent(world, "");
    assert_int_equal(peripheral_mtu(world->peripheral), DEVICE_MTU); /* 23 means unknown here */
    assert_int_equal(peripheral_services(world->peripheral)->n_services, 1);
}

/* Unlike the reference, whose caches belong to one session of one proxy. */
static void test_f51_caches_serve_all_proxies_and_sessions(void **state)
{
    struct world *world = *state;
    connect_device(world);
    proxy_lose(world, 0);
    proxy_begin(world, 0, ALL_FEATURES);
    say_slots(world, 3, 3, 0);
    const struct attempt attempt = attempt_by_default(world);
    reconnect(world, &attempt, "hint", 23);
    assert_int_equal(peripheral_mtu(world->peripheral), DEVICE_MTU);
}

/* Unlike the reference, where the cached one always wins. */
static void test_f51_reported_mtu_beats_the_cached_one(void **state)
{
    struct world *world = *state;
    const struct attempt attempt = attempt_by_default(world);
    connect_device(world);
    lose_link(world);
    reconnect(world, &attempt, "hint", 247);
    assert_int_equal(peripheral_mtu(world->peripheral), 247);
    lose_link(world);
    reconnect(world, &attempt, "hint", 23);
    assert_int_equal(peripheral_mtu(world->peripheral), 247);
    assert_int_equal(cache_mtu(central_cache(world->central), DEVICE), 247);
}

/* Unlike the reference, whose option is without effect once the cache is filled. */
static void test_f51_no_cache_means_none(void **state)
{
    struct world *world = *state;
    struct attempt attempt = attempt_by_default(world);
    connect_device(world);
    lose_link(world);
    attempt.no_cache = true;
    struct told told = told_by(world);
    attempt_begin_with(world, &attempt, &told);
    assert_sent(world, "connect");
    say_connection(world, true, 23, 0);
    assert_sent(world, "services");
    say_services(world);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(peripheral_mtu(world->peripheral), 23); /* real: nothing was hinted */
}

/* Of services without the MTU the proxy is told nothing, but they are used. */
static void test_f51_no_hint_without_the_mtu(void **state)
{
    struct world *world = *state;
    const struct attempt attempt = attempt_by_default(world);
    reconnect(world, &attempt, "connect", 0);
    assert_sent(world, "services");
    lose_link(world);
    reconnect(world, &attempt, "connect", DEVICE_MTU);
    assert_sent(world, "");
    lose_link(world);
    reconnect(world, &attempt, "hint", 23);
    assert_int_equal(peripheral_mtu(world->peripheral), DEVICE_MTU);
}

static void test_mtu_that_cannot_be_is_unknown(void **state)
{
    struct world *world = *state;
    struct attempt attempt = attempt_by_default(world);
    attempt.no_cache = true;
    static const uint32_t mtus[] = {0, 22, 65536, UINT32_MAX};
    for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
        reconnect(world, &attempt, "connect", mtus[i]);
        assert_int_equal(peripheral_mtu(world->peripheral), 23);
        assert_int_equal(cache_mtu(central_cache(world->central), DEVICE), 0);
        lose_link(world);
        assert_sent(world, "services");
    }
}

/* ---- Slots ---- */

static void test_f52_no_slot_within_2_s(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    say_slots(world, 0, 3, 0);
    attempt_begin(world, &told);
    pass_ms(world, 1999);
    assert_int_equal(told.calls, 0);
    pass_ms(world, 1);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_SLOTS);
    assert_non_null(strstr(told.text, "kitchen"));
    assert_non_null(strstr(told.text, "3 of the proxy's 3"));
    assert_sent(world, "");
    assert_idle(world);
}

static void test_f53_slot_appears(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    say_slots(world, 0, 3, 0);
    attempt_begin(world, &told);
    pass_ms(world, 1000);
    assert_sent(world, "");
    say_slots(world, 1, 3, 0);
    assert_sent(world, "connect");
    pass_ms(world, 5000);
    assert_int_equal(told.calls, 0);
    say_connection(world, true, DEVICE_MTU, 0);
    say_services(world);
    assert_int_equal(told.result.error, 0);
}

static void test_proxy_lost_while_waiting_for_a_slot(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    say_slots(world, 0, 3, 0);
    attempt_begin(world, &told);
    proxy_lose(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_CLOSED);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_PROXY);
    assert_idle(world);
}

static void test_refusal_without_reason_is_no_slot_when_none_is_free(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), again = told_by(world);
    attempt_begin(world, &told);
    say_slots(world, 0, 3, 0);
    say_connection(world, false, 0, 0);
    assert_int_equal(told.result.error, BLEPROXY_E_NO_SLOT);
    /* its own slot is no reason */
    say_slots(world, 1, 1, 0);
    attempt_begin(world, &again);
    say_slots(world, 0, 1, 1);
    say_connection(world, false, 0, 0);
    assert_int_equal(again.result.error, BLEPROXY_E_LINK);
    assert_idle(world);
}

/* ---- The link does not come up ---- */

static void fail_connect(struct world *world, int32_t reason, struct told *told)
{
    *told = told_by(world);
    attempt_begin(world, told);
    assert_sent(world, "connect");
    say_connection(world, false, 0, reason);
    assert_int_equal(told->calls, 1); /* at once: there is nothing to release */
    assert_int_equal(told->result.error, BLEPROXY_E_LINK);
    assert_int_equal(told->result.code, reason);
    assert_sent(world, "");
    assert_idle(world);
}

static void test_f54_reasons_are_named(void **state)
{
    struct world *world = *state;
    struct told told;
    fail_connect(world, 0x85, &told);
    assert_non_null(strstr(told.text, "GATT_ERROR"));
    assert_non_null(strstr(told.text, "A4:C1:38:11:22:33"));
    assert_non_null(strstr(told.text, "kitchen"));
    fail_connect(world, 0, &told);
    fail_connect(world, 999, &told);
    assert_non_null(strstr(told.text, "999"));
    assert_non_null(strstr(told.text, "0x3e7"));
}

static void test_f54_reasons_have_causes(void **state)
{
    struct world *world = *state;
    static const struct {
        int32_t reason;
        enum bleproxy_cause cause;
    } all[] = {
        {0x01, BLEPROXY_CAUSE_RANGE},    {0x08, BLEPROXY_CAUSE_RANGE},     {0x22, BLEPROXY_CAUSE_RANGE},
        {0x3e, BLEPROXY_CAUSE_RANGE},    {0x85, BLEPROXY_CAUSE_RANGE},     {0x13, BLEPROXY_CAUSE_PEER},
        {0x05, BLEPROXY_CAUSE_KEY},      {0x06, BLEPROXY_CAUSE_KEY},       {0x3d, BLEPROXY_CAUSE_KEY},
        {0x16, BLEPROXY_CAUSE_FIRMWARE}, {0x100, BLEPROXY_CAUSE_FIRMWARE}, {0x101, BLEPROXY_CAUSE_FIRMWARE},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct told told;
        fail_connect(world, all[i].reason, &told);
        assert_int_equal(told.result.cause, all[i].cause);
    }
}

static void test_f55_error_on_a_link_that_is_up_releases_it(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    assert_sent(world, "connect");
    say_connection(world, true, 23, 1);
    assert_sent(world, "disconnect");
    assert_int_equal(told.calls, 0);                             /* it settles, */
    assert_true(scanner_is_scanning(world->proxies[0].scanner)); /* while scanning goes on */
    say_connection(world, false, 0, 0x16);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_LINK);
    assert_int_equal(told.result.code, 1);
    assert_sent(world, "");
    assert_idle(world);
}

/* The reference waits for any free slot of the proxy; we wait for this link's end. */
static void test_f55_settling_ends_after_2_s(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 1);
    say_slots(world, 2, 3, 0);
    pass_ms(world, 1999);
    assert_int_equal(told.calls, 0);
    pass_ms(world, 1);
    assert_int_equal(told.calls, 1);
    assert_sent(world, "connect; disconnect");
    assert_idle(world);
}

static void test_f56_nothing_settles_when_disconnect_cannot_be_sent(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    struct attempt attempt = attempt_by_default(world);
    attempt.timeout_ns = NS_PER_S;
    attempt_begin_with(world, &attempt, &told);
    session_disconnect(world->proxies[0].session, false, world->now_ns); /* it takes no requests any more */
    size_t warnings = world->test.n_logs[BLEPROXY_LOG_WARNING];
    pass_ms(world, 1000);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(world->test.n_logs[BLEPROXY_LOG_WARNING], warnings);
}

static void test_case_39_timeout_disconnects_what_may_come_up(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    assert_sent(world, "connect");
    pass_ms(world, 19999);
    assert_sent(world, "");
    pass_ms(world, 1);
    assert_sent(world, "disconnect");
    assert_true(scanner_is_scanning(world->proxies[0].scanner));
    assert_int_equal(told.calls, 0);
    pass_ms(world, 500);
    say_connection(world, false, 0, 0x16);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_TIMEOUT);
    assert_idle(world);
}

static void test_proxy_lost_while_connecting(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    proxy_lose(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_CLOSED);
    assert_idle(world);
}

/* ---- Cancelling ---- */

static void test_f57_cancelled_when_up(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &lost);
    attempt_begin(world, &told);
    say_connection(world, true, 23, 0);
    assert_sent(world, "connect; services");
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(told.calls, 1); /* at once */
    assert_int_equal(told.result.error, BLEPROXY_E_CANCELLED);
    assert_sent(world, "disconnect");
    say_connection(world, false, 0, 0x16);
    assert_int_equal(lost.calls, 0);
    assert_sent(world, "");
    assert_idle(world);
}

static void test_f58_late_link_of_a_cancelled_attempt(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), lost = told_by(world);
    peripheral_on_disconnected(world->peripheral, on_told, &lost);
    attempt_begin(world, &told);
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(told.result.error, BLEPROXY_E_CANCELLED);
    assert_sent(world, "connect; disconnect");
    assert_int_equal(scanner_pauses(world->proxies[0].scanner), 0);
    say_connection(world, true, 23, 0); /* crossed with it */
    say_connection(world, false, 0, 0x16);
    assert_sent(world, "");
    assert_int_equal(lost.calls, 0);
    assert_idle(world);
}

static void test_f59_orphan_is_released(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    attempt_begin(world, &told);
    pass_ms(world, 22000);
    assert_int_equal(told.calls, 1);
    assert_sent(world, "connect; disconnect");
    say_connection(world, true, 23, 0);
    assert_sent(world, "disconnect");
    assert_false(peripheral_is_connected(world->peripheral));
    assert_idle(world);
}

/* There is one kind of cancelling here, and it is told as such at every stage. */
static void test_f60_cancelled_at_each_stage(void **state)
{
    struct world *world = *state;
    for (unsigned stage = 0; stage < 6; stage++) {
        struct told told = told_by(world);
        struct attempt attempt = attempt_by_default(world);
        attempt.pair = stage == 2;
        say_slots(world, stage == 0 ? 0 : 3, 3, 0);
        attempt_begin_with(world, &attempt, &told);
        if (stage >= 2)
            say_connection(world, true, 23, stage == 4);
        if (stage == 5)
            pass_ms(world, 1);
        operation_cancel(told.operation, world->now_ns);
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.result.error, BLEPROXY_E_CANCELLED);
        assert_int_equal(told.result.cause, BLEPROXY_CAUSE_CALLER);
        static const char *const sent[] = {
            "",
            "connect; disconnect",
            "connect; pair; disconnect",
            "connect; services; disconnect",
            "connect; disconnect",
            "connect; services; disconnect",
        };
        assert_sent(world, sent[stage]);
        say_connection(world, false, 0, 0x16);
        assert_int_equal(told.calls, 1);
        assert_idle(world);
    }
}

static void test_connect_after_cancelling_waits_for_the_old_link(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), again = told_by(world);
    attempt_begin(world, &told);
    operation_cancel(told.operation, world->now_ns);
    assert_sent(world, "connect; disconnect");
    attempt_begin(world, &again);
    assert_sent(world, "");
    say_connection(world, false, 0, 0x16); /* the old one's: no failure of the new */
    assert_int_equal(again.calls, 0);
    assert_sent(world, "connect");
    say_connection(world, true, DEVICE_MTU, 0);
    say_services(world);
    assert_int_equal(again.calls, 1);
    assert_int_equal(again.result.error, 0);
}

/* ---- One at a time ---- */

static void test_busy(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    struct peripheral *other;
    const struct attempt attempt = attempt_by_default(world);
    assert_int_equal(peripheral_new(world->central, DEVICE, &other), 0);
    attempt_begin(world, &told);
    assert_true(peripheral_is_taken(other));
    assert_int_equal(peripheral_attempt(world->peripheral, &attempt, on_told, &told, world->now_ns, NULL),
                     BLEPROXY_E_BUSY);
    assert_int_equal(peripheral_attempt(other, &attempt, on_told, &told, world->now_ns, NULL),
                     BLEPROXY_E_BUSY);
    say_connection(world, true, 23, 0);
    say_services(world);
    assert_int_equal(peripheral_attempt(other, &attempt, on_told, &told, world->now_ns, NULL),
                     BLEPROXY_E_BUSY);
    assert_int_equal(told.calls, 1);
    lose_link(world);
    assert_false(peripheral_is_taken(other));
    peripheral_free(other, world->now_ns);
}

static void test_other_object_after_a_release(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world), again = told_by(world);
    struct peripheral *other;
    const struct attempt attempt = attempt_by_default(world);
    assert_int_equal(peripheral_new(world->central, DEVICE, &other), 0);
    attempt_begin(world, &told);
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(peripheral_attempt(other, &attempt, on_told, &again, world->now_ns, NULL), 0);
    assert_sent(world, "connect; disconnect; connect");
    peripheral_free(other, world->now_ns);
    assert_int_equal(again.result.error, BLEPROXY_E_CANCELLED);
    assert_sent(world, "disconnect");
    assert_idle(world);
}

static void test_no_session(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    const struct attempt attempt = attempt_by_default(world);
    scanner_bind(attempt.scanner, NULL, NULL, NULL);
    assert_int_equal(peripheral_attempt(world->peripheral, &attempt, on_told, &told, world->now_ns, NULL),
                     BLEPROXY_E_NOT_CONNECTED);
    assert_idle(world);
}

/* ---- Memory ---- */

/* One whole connect for each allocation that can fail. */
static void test_every_allocation_may_fail(void **state)
{
    struct world *world = *state;
    unsigned failures = 0;
    for (size_t allowed = 0;; allowed++) {
        struct told told = told_by(world);
        const struct attempt attempt = attempt_by_default(world);
        world->test.fail_after = allowed;
        int r = peripheral_attempt(world->peripheral, &attempt, on_told, &told, world->now_ns, NULL);
        bool session_lost = false;
        if (r == 0) {
            say_connection(world, true, 23, 0);
            if (told.calls == 0)
                say_services(world);
            pass_ms(world, 2000);
            session_lost = !world->proxies[0].scanner; /* it had no memory for a message */
        }
        bool enough = world->test.fail_after > 0;
        world->test.fail_after = SIZE_MAX;
        assert_true(r == 0 || r == BLEPROXY_E_NOMEM);
        assert_int_equal(told.calls, r == 0);
        failures += r < 0 || told.result.error < 0;
        if (session_lost) {
            proxy_lose(world, 0);
            proxy_begin(world, 0, ALL_FEATURES);
            say_slots(world, 3, 3, 0);
        }
        if (peripheral_is_connected(world->peripheral))
            say_connection(world, false, 0, 0x13);
        pass_ms(world, 2000); /* the end may have been told of a link that was released before */
        assert_idle(world);
        cache_evict(central_cache(world->central), DEVICE);
        if (enough)
            break;
    }
    assert_true(failures >= 5);
    connect_device(world);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_f50_connect_discovers_services_once),
        T(test_f51_second_connect_uses_caches),
        T(test_f51_caches_serve_all_proxies_and_sessions),
        T(test_f51_reported_mtu_beats_the_cached_one),
        T(test_f51_no_cache_means_none),
        T(test_f51_no_hint_without_the_mtu),
        T(test_mtu_that_cannot_be_is_unknown),
        T(test_f52_no_slot_within_2_s),
        T(test_f53_slot_appears),
        T(test_proxy_lost_while_waiting_for_a_slot),
        T(test_refusal_without_reason_is_no_slot_when_none_is_free),
        T(test_f54_reasons_are_named),
        T(test_f54_reasons_have_causes),
        T(test_f55_error_on_a_link_that_is_up_releases_it),
        T(test_f55_settling_ends_after_2_s),
        T(test_f56_nothing_settles_when_disconnect_cannot_be_sent),
        T(test_case_39_timeout_disconnects_what_may_come_up),
        T(test_proxy_lost_while_connecting),
        T(test_f57_cancelled_when_up),
        T(test_f58_late_link_of_a_cancelled_attempt),
        T(test_f59_orphan_is_released),
        T(test_f60_cancelled_at_each_stage),
        T(test_connect_after_cancelling_waits_for_the_old_link),
        T(test_busy),
        T(test_other_object_after_a_release),
        T(test_no_session),
        T(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
