/* SPDX-License-Identifier: MIT */
#include "route_fixture.h"

#include "central/score.h"
#include "hub/slots.h"
#include <bleproxy/error.h>

/* The choice of the proxy, by our rule; the reference's is in test_reference.c. */

static struct routing routing;
static struct turn turns[8];
static size_t n_turns;

static int setup(void **state)
{
    route_setup(state);
    struct fixture *f = *state;
    routing_init(&routing, &f->test.env, f->hub, 0);
    memset(turns, 0, sizeof(turns));
    n_turns = 0;
    return 0;
}

static int teardown(void **state)
{
    routing_deinit(&routing);
    return fixture_teardown(state);
}

/* The source that is chosen, 0 for none; *ret_r: how. */
static uint64_t choose(struct fixture *f, uint64_t waited_s, int *ret_r)
{
    const struct route route = {.address = DEVICE, .waited_ns = waited_s * NS_PER_S};
    struct path path = {0};
    *ret_r = route_choose(&routing, &route, f->now_ns, &path);
    return *ret_r < 0 ? 0 : path.view.source;
}

static void assert_free(struct fixture *f, uint64_t source)
{
    int r;
    assert_int_equal(choose(f, 0, &r), source);
    assert_int_equal(r, ROUTE_FREE);
}

static void assert_waits(struct fixture *f, uint64_t waited_s, uint64_t source)
{
    int r;
    assert_int_equal(choose(f, waited_s, &r), source);
    assert_int_equal(r, ROUTE_BUSY);
}

static void assert_takes(struct fixture *f, uint64_t waited_s, uint64_t source)
{
    int r;
    assert_int_equal(choose(f, waited_s, &r), source);
    assert_int_equal(r, ROUTE_FREE);
}

static void assert_none(struct fixture *f, int error)
{
    int r;
    assert_int_equal(choose(f, 0, &r), 0);
    assert_int_equal(r, error);
}

static void begin_turn(struct fixture *f, unsigned scanner)
{
    turn_begin(&routing, &turns[n_turns++], f->scanners[scanner]);
}

static void fail_at(struct fixture *f, unsigned scanner)
{
    failures_add(&routing.failures, 0xA0 + scanner, DEVICE, 0, f->now_ns);
}

static struct bleproxy_path path_of(struct fixture *f, unsigned scanner)
{
    const struct route route = {.address = DEVICE};
    struct bleproxy_path paths[N_SCANNERS];
    assert_int_equal(route_list(&routing, &route, f->now_ns, paths, N_SCANNERS), N_SCANNERS);
    for (size_t i = 0; i < N_SCANNERS; i++)
        if (paths[i].source == 0xA0 + scanner)
            return paths[i];
    fail_msg("it is not among them");
    return paths[0];
}

/* ---- Signal ---- */

static void test_strongest_signal_wins(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -80);
    heard_by(f, 1, -40);
    heard_by(f, 2, -60);
    const struct route route = {.address = DEVICE};
    struct path path;
    assert_int_equal(route_choose(&routing, &route, f->now_ns, &path), ROUTE_FREE);
    assert_ptr_equal(path.scanner, f->scanners[1]);
    assert_int_equal(path.view.rssi_dbm, -40);
    assert_int_equal(path.address_type, BLEPROXY_ADDRESS_RANDOM);
    assert_string_equal(path.view.proxy, "garage");
}

static void test_equals_go_by_order_of_registration(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = N_SCANNERS; i-- > 0;)
        heard_by(f, i, -50);
    assert_free(f, 0xA0);
}

static void test_unknown_signal_counts_as_the_weakest(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, 0); /* a proxy that does not know */
    heard_by(f, 1, -100);
    assert_free(f, 0xA1);
    assert_true(path_of(f, 0).score_dbm == -127);
}

/* A proxy that lies, or is somebody else's, shall not get every device. */
static void test_a_signal_beyond_belief_is_no_better_than_a_strong_one(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -20);
    heard_by(f, 1, 127);
    assert_true(path_of(f, 1).score_dbm == -20);
    assert_free(f, 0xA0);
}

/* ---- Slots ---- */

static void test_free_slot_comes_before_signal(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    heard_by(f, 1, -95);
    report_slots(f, 0, 0);
    assert_free(f, 0xA1);
}

static void test_of_full_proxies_the_best_is_waited_for(void **state)
{
    struct fixture *f = *state;
    int r;
    heard_by(f, 0, -70);
    heard_by(f, 1, -60);
    report_slots(f, 0, 0);
    report_slots(f, 1, 0);
    assert_int_equal(choose(f, 0, &r), 0xA1);
    assert_int_equal(r, ROUTE_FULL);
}

static void test_f142_proxy_without_slots_comes_last(void **state)
{
    struct fixture *f = *state;
    int r;
    heard_by(f, 0, -60);
    heard_by(f, 1, -65);
    heard_by(f, 2, -70);
    report_slots(f, 1, 0);
    assert_free(f, 0xA0);
    report_slots(f, 0, 0);
    assert_free(f, 0xA2);
    report_slots(f, 2, 0);
    assert_int_equal(choose(f, 0, &r), 0xA0);
    assert_int_equal(r, ROUTE_FULL);
}

static void test_the_last_slot_costs_three_decibels(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -60);
    heard_by(f, 1, -62);
    report_slots(f, 0, 1);
    assert_true(path_of(f, 0).score_dbm == -63);
    assert_free(f, 0xA1);
    report_slots(f, 1, 1);
    assert_free(f, 0xA0); /* it is nobody's advantage */
    report_slots(f, 1, 3);
    heard_by(f, 1, -72);
    assert_free(f, 0xA0);
}

/* ---- Failures ---- */

static void test_f144_each_failure_costs_ten_decibels(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -65);
    fail_at(f, 0);
    assert_free(f, 0xA0);
    fail_at(f, 0);
    assert_free(f, 0xA1);
    assert_true(path_of(f, 0).failures == 2);
    fail_at(f, 1);
    assert_free(f, 0xA0);
    failures_clear(&routing.failures, 0xA1, DEVICE);
    assert_free(f, 0xA1);
}

/* In Python they count until a connection through the proxy succeeds, to which it does not come. */
static void test_failures_are_forgiven_in_time(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -65);
    for (unsigned i = 0; i < 10; i++)
        fail_at(f, 0);
    assert_true(path_of(f, 0).score_dbm == -50 - FAILURES_DB_MAX);
    assert_free(f, 0xA1);
    for (unsigned minute = 1; minute <= 8; minute++) {
        pass_time(f, 60);
        heard_by(f, 0, -50);
        heard_by(f, 1, -65);
        assert_true(path_of(f, 0).score_dbm == -50 - (double)(40 - 5 * minute));
        assert_free(f, minute < 5 ? 0xA1 : 0xA0); /* equal after five minutes */
    }
}

/* ---- Attempts under way ---- */

/* H1, ha-ef-ble#445: a device at -38 dBm beside one proxy and -66 dBm from another, while the near one is connecting
 * another device. In Python the far one wins by 0.28. */
static void test_a_lead_of_28_decibels_is_not_lost_to_an_attempt_under_way(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -38);
    heard_by(f, 1, -66);
    begin_turn(f, 0);
    assert_waits(f, 0, 0xA0);
    assert_true(path_of(f, 0).score_dbm == -44);
    assert_int_equal(path_of(f, 0).obstacle, BLEPROXY_OBSTACLE_BUSY);
    assert_waits(f, 26, 0xA0); /* waiting wears thin, but an attempt lasts 20 s at most */
    turns[0].is_up = true;
    assert_free(f, 0xA0);
}

static void test_attempt_under_way_costs_six_decibels(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -60);
    heard_by(f, 1, -65);
    heard_by(f, 2, -100);
    begin_turn(f, 0);
    assert_free(f, 0xA1);
    begin_turn(f, 1);
    assert_waits(f, 0, 0xA0);
    turn_end(&turns[0]);
    assert_free(f, 0xA0);
}

static void test_what_was_waited_costs_a_decibel_per_second_after_five(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -70);
    begin_turn(f, 0);
    assert_waits(f, 0, 0xA0);
    assert_waits(f, 5, 0xA0);
    assert_waits(f, 18, 0xA0); /* -50 - 6 - 13 */
    assert_takes(f, 20, 0xA1);
}

/* The last slot may be the one that the attempt holds: it is free again if that fails. */
static void test_a_busy_proxy_is_not_full(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -90);
    begin_turn(f, 0);
    report_slots(f, 0, 0);
    assert_waits(f, 0, 0xA0);
    turn_end(&turns[0]);
    assert_free(f, 0xA1);
}

/* F143: seven connects at once through proxies at -60, -60 and -95 with three slots each. Here each begins when a proxy
 * has its radio free, and the far one is for what no other has a slot for. */
static void test_f143_seven_at_once_over_three_proxies(void **state)
{
    struct fixture *f = *state;
    unsigned connected[3] = {0}, on_the_way[3] = {0};
    size_t n = 0, n_connected = 0;
    heard_by(f, 0, -60);
    heard_by(f, 1, -60);
    heard_by(f, 2, -95);
    while (n_connected < 7) {
        int r = ROUTE_FREE;
        while (n < 7) {
            uint64_t source = choose(f, 0, &r);
            if (r != ROUTE_FREE)
                break;
            unsigned i = (unsigned)(source - 0xA0);
            assert_int_equal(on_the_way[i], 0); /* never two at once */
            begin_turn(f, i);
            on_the_way[i] = (unsigned)++n;
            report_slots(f, i, SLOTS_OF_EACH - connected[i] - 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            if (!on_the_way[i])
                continue;
            turns[on_the_way[i] - 1].is_up = true;
            on_the_way[i] = 0;
            connected[i]++;
            n_connected++;
        }
    }
    assert_int_equal(connected[0], 3);
    assert_int_equal(connected[1], 3);
    assert_int_equal(connected[2], 1);
}

/* ---- Freshness ---- */

static void test_who_has_not_heard_it_lately_is_not_tried(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -40);
    pass_time(f, 60);
    assert_free(f, 0xA0);
    heard_by(f, 1, -95);
    pass_time(f, 1);
    assert_free(f, 0xA1);
    assert_int_equal(path_of(f, 0).obstacle, BLEPROXY_OBSTACLE_STALE);
    pass_time(f, 60);
    assert_none(f, BLEPROXY_E_NOT_HEARD);
}

/* A proxy that connects does not listen, and what it has not heard meanwhile may be there. */
static void test_the_time_of_pauses_is_not_counted(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -40);
    pass_time(f, 10);
    pauses_begin(&routing.pauses, 0xA0, f->now_ns);
    pass_time(f, 70);
    assert_free(f, 0xA0);
    pauses_end(&routing.pauses, 0xA0, f->now_ns);
    pass_time(f, 50);
    assert_free(f, 0xA0); /* it has listened for 60 s */
    pass_time(f, 1);
    assert_none(f, BLEPROXY_E_NOT_HEARD);
}

static void test_not_heard(void **state)
{
    struct fixture *f = *state;
    assert_none(f, BLEPROXY_E_NOT_HEARD);
    hear(f, f->scanners[0], DEVICE + 1, -50, "020106");
    assert_none(f, BLEPROXY_E_NOT_HEARD);
    assert_int_equal(path_of(f, 0).obstacle, BLEPROXY_OBSTACLE_NOT_HEARD);
    assert_true(path_of(f, 0).age_ns == UINT64_MAX);
}

static void test_without_any_proxy_that_is_what_is_missing(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < N_SCANNERS; i++)
        hub_unregister_scanner(f->hub, f->scanners[i], f->now_ns);
    assert_none(f, BLEPROXY_E_NO_PROXY);
}

static void test_no_longer_heard(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_none(f, BLEPROXY_E_NOT_HEARD);
}

static void test_proxy_that_is_lost_is_no_choice(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    heard_by(f, 1, -80);
    heard_by(f, 2, -90);
    scanner_bind(f->scanners[0], NULL, NULL, NULL);
    assert_free(f, 0xA1);
    assert_int_equal(path_of(f, 0).obstacle, BLEPROXY_OBSTACLE_NO_SESSION);
    scanner_set_available(f->scanners[1], false, f->now_ns);
    assert_free(f, 0xA2);
    scanner_set_available(f->scanners[2], false, f->now_ns);
    assert_none(f, BLEPROXY_E_NO_PROXY);
}

/* ---- Pins and bonds ---- */

static void pin(unsigned scanner, enum bleproxy_pin kind)
{
    static const char *const names[N_SCANNERS] = {"kitchen", "garage", "attic", "cellar"};
    assert_int_equal(pins_add(&routing.pins, DEVICE, names[scanner], kind), 0);
}

static void bond_with(unsigned scanner)
{
    struct bond *bond;
    assert_int_equal(bonds_reserve(&routing.bonds, DEVICE, &bond), 0);
    bonds_put(&routing.bonds, bond, 0xA0 + scanner, "somewhere");
}

static void test_preferred_goes_before_a_stronger_one(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    heard_by(f, 1, -90);
    pin(1, BLEPROXY_PIN_PREFER);
    assert_free(f, 0xA1);
    assert_true(path_of(f, 1).preferred);
    pin(3, BLEPROXY_PIN_PREFER); /* does not hear it */
    assert_free(f, 0xA1);
    heard_by(f, 3, -89);
    assert_free(f, 0xA3);
}

static void test_preferred_and_out_of_reach_others_are_taken(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    pin(1, BLEPROXY_PIN_PREFER);
    assert_free(f, 0xA0);
    heard_by(f, 1, -90);
    report_slots(f, 1, 0);
    assert_free(f, 0xA0);
}

static void test_preferred_and_busy_is_waited_for_with_patience(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    heard_by(f, 1, -90);
    pin(1, BLEPROXY_PIN_PREFER);
    begin_turn(f, 1);
    assert_waits(f, 0, 0xA1);
    assert_waits(f, BLEPROXY_PIN_PATIENCE_S, 0xA1);
    assert_takes(f, BLEPROXY_PIN_PATIENCE_S + 1, 0xA0);
}

static void test_preference_ends_after_two_failures_until_they_are_forgiven(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -30);
    heard_by(f, 1, -90);
    pin(1, BLEPROXY_PIN_PREFER);
    fail_at(f, 1);
    assert_free(f, 0xA1);
    fail_at(f, 1);
    assert_free(f, 0xA0);
    for (unsigned minute = 1; minute <= 2; minute++) {
        pass_time(f, 60);
        heard_by(f, 0, -30);
        heard_by(f, 1, -90);
        assert_free(f, minute < 2 ? 0xA0 : 0xA1);
    }
}

static void test_the_interval_of_the_users_is_waited_for_until_it_is_learned(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    pass_time(f, 100);
    assert_none(f, BLEPROXY_E_NOT_HEARD);
    assert_int_equal(hub_set_interval(f->hub, DEVICE, 300 * NS_PER_S), 0);
    assert_free(f, 0xA0);
}

static void test_only_that_proxy_is_used(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -40);
    heard_by(f, 1, -90);
    pin(1, BLEPROXY_PIN_ONLY);
    assert_free(f, 0xA1);
    assert_int_equal(path_of(f, 0).obstacle, BLEPROXY_OBSTACLE_NOT_ALLOWED);
    for (unsigned i = 0; i < 10; i++)
        fail_at(f, 1);
    assert_free(f, 0xA1);
    begin_turn(f, 1);
    assert_waits(f, 1000, 0xA1);
    turn_end(&turns[0]);
    hub_unregister_scanner(f->hub, f->scanners[1], f->now_ns);
    assert_none(f, BLEPROXY_E_NO_PROXY);
    assert_int_equal(pins_remove(&routing.pins, DEVICE, "garage", BLEPROXY_PIN_ONLY), 0);
    assert_free(f, 0xA0);
}

static void test_denied_is_never_used(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -40);
    heard_by(f, 1, -90);
    pin(0, BLEPROXY_PIN_DENY);
    assert_free(f, 0xA1);
    assert_int_equal(path_of(f, 0).obstacle, BLEPROXY_OBSTACLE_DENIED);
    pin(1, BLEPROXY_PIN_DENY);
    assert_none(f, BLEPROXY_E_NO_PROXY);
}

static void test_a_reserved_proxy_is_for_its_devices(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -40);
    heard_by(f, 1, -90);
    assert_int_equal(pins_add(&routing.pins, DEVICE + 1, "kitchen", BLEPROXY_PIN_RESERVE), 0);
    assert_free(f, 0xA1);
    assert_int_equal(path_of(f, 0).obstacle, BLEPROXY_OBSTACLE_RESERVED);
    pin(0, BLEPROXY_PIN_RESERVE);
    assert_free(f, 0xA0);
}

static void test_the_routes_own_source(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -40);
    heard_by(f, 1, -90);
    struct route route = {.address = DEVICE, .source = 0xA1};
    struct path path;
    assert_int_equal(route_choose(&routing, &route, f->now_ns, &path), ROUTE_FREE);
    assert_ptr_equal(path.scanner, f->scanners[1]);
    route.source = 0xA2;
    assert_int_equal(route_choose(&routing, &route, f->now_ns, &path), BLEPROXY_E_NO_PROXY);
    assert_ptr_equal(path.scanner, f->scanners[1]); /* written only on success */
}

/* habluetooth#628: two failures at the proxy that has the bond outweighed 18 dB, and the device went to one that has
 * none, for good. */
static void test_a_bonded_device_stays_with_its_bond_after_failures(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -62);
    heard_by(f, 1, -80);
    bond_with(0);
    for (unsigned i = 0; i < 20; i++)
        fail_at(f, 0);
    assert_free(f, 0xA0);
    assert_int_equal(path_of(f, 1).obstacle, BLEPROXY_OBSTACLE_BONDED_ELSEWHERE);
    begin_turn(f, 0);
    assert_waits(f, 50, 0xA0);
    turn_end(&turns[0]);
    pass_time(f, 61);
    heard_by(f, 1, -80);
    assert_none(f, BLEPROXY_E_NO_PROXY);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_none(f, BLEPROXY_E_NO_PROXY);
    const struct route anew = {.address = DEVICE, .ignore_bond = true};
    struct path path;
    assert_int_equal(route_choose(&routing, &anew, f->now_ns, &path), ROUTE_FREE);
    assert_int_equal(path.view.source, 0xA1);
    assert_int_equal(bonds_remove(&routing.bonds, DEVICE, 0), 0);
    assert_free(f, 0xA1);
}

/* ---- All paths ---- */

static void test_paths_are_listed_best_first(void **state)
{
    struct fixture *f = *state;
    const struct route route = {.address = DEVICE};
    struct bleproxy_path paths[N_SCANNERS + 1];
    heard_by(f, 1, -80);
    heard_by(f, 2, -50);
    heard_by(f, 3, -30);
    report_slots(f, 3, 0);
    assert_int_equal(route_list(&routing, &route, f->now_ns, paths, N_SCANNERS + 1), N_SCANNERS);
    static const uint64_t order[] = {0xA2, 0xA1, 0xA3, 0xA0};
    for (size_t i = 0; i < N_SCANNERS; i++)
        assert_int_equal(paths[i].source, order[i]);
    assert_int_equal(paths[2].obstacle, BLEPROXY_OBSTACLE_FULL);
    for (size_t max = 0; max <= N_SCANNERS; max++) {
        memset(paths, 0, sizeof(paths));
        assert_int_equal(route_list(&routing, &route, f->now_ns, paths, max), N_SCANNERS);
        for (size_t i = 0; i <= N_SCANNERS; i++)
            assert_int_equal(paths[i].source, i < max ? order[i] : 0);
    }
}

static void test_what_a_path_tells(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 2, -50);
    report_slots(f, 2, 1);
    fail_at(f, 2);
    begin_turn(f, 2);
    pass_time(f, 3);
    const struct bleproxy_path path = path_of(f, 2);
    assert_string_equal(path.proxy, "attic");
    assert_int_equal(path.rssi_dbm, -50);
    assert_true(path.smoothed_dbm == -50);
    assert_int_equal(path.age_ns, 3 * NS_PER_S);
    assert_int_equal(path.attempts, 1);
    assert_int_equal(path.slots_free, 1);
    assert_int_equal(path.slots_limit, SLOTS_OF_EACH);
    assert_true(path.failures > 0.97 && path.failures < 1);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_strongest_signal_wins),
        CASE(test_equals_go_by_order_of_registration),
        CASE(test_unknown_signal_counts_as_the_weakest),
        CASE(test_a_signal_beyond_belief_is_no_better_than_a_strong_one),
        CASE(test_free_slot_comes_before_signal),
        CASE(test_of_full_proxies_the_best_is_waited_for),
        CASE(test_f142_proxy_without_slots_comes_last),
        CASE(test_the_last_slot_costs_three_decibels),
        CASE(test_f144_each_failure_costs_ten_decibels),
        CASE(test_failures_are_forgiven_in_time),
        CASE(test_a_lead_of_28_decibels_is_not_lost_to_an_attempt_under_way),
        CASE(test_attempt_under_way_costs_six_decibels),
        CASE(test_what_was_waited_costs_a_decibel_per_second_after_five),
        CASE(test_a_busy_proxy_is_not_full),
        CASE(test_f143_seven_at_once_over_three_proxies),
        CASE(test_who_has_not_heard_it_lately_is_not_tried),
        CASE(test_the_time_of_pauses_is_not_counted),
        CASE(test_not_heard),
        CASE(test_without_any_proxy_that_is_what_is_missing),
        CASE(test_no_longer_heard),
        CASE(test_proxy_that_is_lost_is_no_choice),
        CASE(test_preferred_goes_before_a_stronger_one),
        CASE(test_preferred_and_out_of_reach_others_are_taken),
        CASE(test_preferred_and_busy_is_waited_for_with_patience),
        CASE(test_preference_ends_after_two_failures_until_they_are_forgiven),
        CASE(test_the_interval_of_the_users_is_waited_for_until_it_is_learned),
        CASE(test_only_that_proxy_is_used),
        CASE(test_denied_is_never_used),
        CASE(test_a_reserved_proxy_is_for_its_devices),
        CASE(test_the_routes_own_source),
        CASE(test_a_bonded_device_stays_with_its_bond_after_failures),
        CASE(test_paths_are_listed_best_first),
        CASE(test_what_a_path_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
