/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/ownership.h"

/* Who owns a device, as habluetooth decides it. A, B, C are sources. */

enum { A, B, C, D };

static uint64_t owner(const struct fixture *f)
{
    return bleproxy_device_advertisement(hub_device(f->hub, 1))->source - 0xA0;
}

static void hear_from(struct fixture *f, unsigned scanner, int32_t rssi)
{
    hear(f, f->scanners[scanner], 1, rssi, "020106");
}

static void hear_times(struct fixture *f, unsigned times, unsigned scanner, int32_t rssi)
{
    while (times-- > 0)
        hear_from(f, scanner, rssi);
}

static void set_interval(struct fixture *f, uint64_t seconds)
{
    assert_int_equal(hub_set_interval(f->hub, 1, seconds * NS_PER_S), 0);
}

/* ---- By strength ---- */

static void test_f107_a_little_stronger_is_not_enough(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -100);
    hear_from(f, B, -98);
    assert_int_equal(owner(f), A);
}

static void test_f108_much_stronger_wins_at_first_sight(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -100);
    hear_from(f, B, -60);
    assert_int_equal(owner(f), B);
    hear_from(f, A, -62);
    assert_int_equal(owner(f), B);
}

static void test_f109_strength_that_is_not_told_never_wins(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, 0);
    hear_from(f, B, -60);
    assert_int_equal(owner(f), B);
    hear_from(f, A, 0);
    assert_int_equal(owner(f), B);
}

static void test_f110_one_reading_moves_nobody(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -60);
    hear_from(f, B, -30);
    assert_int_equal(owner(f), A);
    assert_int_equal(bleproxy_device_strength_dbm(hub_device(f->hub, 1), 0xA1), -51);
}

static void test_f111_many_readings_do(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -55);
    hear_times(f, 8, B, -20);
    assert_int_equal(owner(f), B);
}

static void test_f112_17_db_switch_and_16_do_not(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -34);
    assert_int_equal(owner(f), A);
    hear_from(f, C, -33);
    assert_int_equal(owner(f), C);
}

static void test_f113_winning_back_takes_22_db(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -30);
    assert_int_equal(owner(f), B);
    hear_times(f, 15, A, -10);
    assert_int_equal(owner(f), B);
    hear_times(f, 15, A, -6);
    assert_int_equal(owner(f), A);
}

static void test_winning_back_takes_more_than_22_db(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -30);
    assert_int_equal(owner(f), B);
    hear_from(f, A, 90); /* smoothed: -8 */
    assert_int_equal(owner(f), B);
    hear_from(f, A, 0);
    assert_int_equal(owner(f), B);
    hub_forget(f->hub, 1);
    hear_from(f, A, -50);
    hear_from(f, B, -30);
    hear_from(f, A, 91);
    assert_int_equal(owner(f), A);
}

static void test_f114_whoever_has_lost_it_pays_among_three(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -90);
    hear_from(f, B, -70);
    hear_from(f, C, -50);
    assert_int_equal(owner(f), C);
    hear_times(f, 40, A, -31); /* 19 dB */
    assert_int_equal(owner(f), C);
    hear_times(f, 40, A, -25);
    assert_int_equal(owner(f), A);
}

static void test_f114_whoever_has_lost_it_pays_among_four(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -100);
    hear_from(f, B, -80);
    hear_from(f, C, -60);
    hear_from(f, D, -40);
    assert_int_equal(owner(f), D);
    hear_times(f, 40, A, -21);
    assert_int_equal(owner(f), D);
    hear_times(f, 40, A, -15);
    assert_int_equal(owner(f), A);
}

static void test_f116_a_missing_reading_changes_no_strength(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -60);
    hear_times(f, 3, B, 0);
    assert_int_equal(bleproxy_device_strength_dbm(hub_device(f->hub, 1), 0xA1), -60);
    hear_from(f, C, 0);
    assert_int_equal(bleproxy_device_strength_dbm(hub_device(f->hub, 1), 0xA2), BLEPROXY_RSSI_NONE);
    hear_from(f, C, -33); /* its first: taken as it is */
    assert_int_equal(owner(f), C);
}

static void test_a_real_reading_of_minus_127_counts(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -60);
    hear_from(f, B, -127);
    assert_int_equal(bleproxy_device_strength_dbm(hub_device(f->hub, 1), 0xA1), -80);
}

static void test_f117_unregistered_scanner_starts_anew(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -30);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    assert_int_equal(bleproxy_device_strength_dbm(hub_device(f->hub, 1), 0xA0), BLEPROXY_RSSI_NONE);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[A], f->now_ns), 0);
    hear_from(f, A, -13); /* 17 dB do: that it lost the device is forgotten */
    assert_int_equal(owner(f), A);
}

static void test_f117_last_strength_gone_the_device_is_alone_again(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    hear_from(f, B, -60);
    hub_unregister_scanner(f->hub, f->scanners[B], f->now_ns);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    hear_from(f, C, -99); /* whose owner is no more */
    assert_int_equal(owner(f), C);
}

/* ---- By silence ---- */

static void test_f118_weak_owner_loses_after_one_and_a_half(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 10);
    hear_from(f, A, -90);
    at(f, 16);
    hear_from(f, B, -95);
    assert_int_equal(owner(f), A);
    at(f, 23);
    hear_from(f, B, -95);
    assert_int_equal(owner(f), B);
}

static void test_f115_losing_by_silence_is_not_held_against_it(void **state)
{
    struct fixture *f = *state;
    test_f118_weak_owner_loses_after_one_and_a_half(state);
    hear_times(f, 60, A, -78); /* 17 dB */
    assert_int_equal(owner(f), A);
}

/* A hears it so strongly; 23 s later B does. */
static uint64_t owner_after_23_s(struct fixture *f, int32_t a, int32_t b)
{
    hub_forget(f->hub, 1);
    set_interval(f, 10);
    hear_from(f, A, a);
    at(f, (f->now_ns - T0) / NS_PER_S + 23);
    hear_from(f, B, b);
    return owner(f);
}

static void test_what_is_weak_and_what_is_about_as_well(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(owner_after_23_s(f, -70, -70), A); /* strong */
    assert_int_equal(owner_after_23_s(f, -71, -71), B);
    assert_int_equal(owner_after_23_s(f, -80, -97), A);
    assert_int_equal(owner_after_23_s(f, -80, -96), B); /* 16 dB weaker */
}

static void test_more_than_one_and_a_half_and_than_two_and_a_half(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 11); /* 16 s with what proxies may add */
    hear_from(f, A, -90);
    at(f, 24);
    hear_from(f, B, -90);
    assert_int_equal(owner(f), A);
    at_ns(f, 24 * NS_PER_S + 1);
    hear_from(f, B, -90);
    assert_int_equal(owner(f), B);
    hub_forget(f->hub, 1);
    hear_from(f, A, -50);
    at_ns(f, 64 * NS_PER_S + 1);
    hear_from(f, B, -50);
    assert_int_equal(owner(f), A);
    at_ns(f, 64 * NS_PER_S + 2);
    hear_from(f, B, -50);
    assert_int_equal(owner(f), B);
}

static void test_after_900_s_any_owner_loses(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 500);
    hear_from(f, A, -50);
    for (uint64_t t = 30; t <= 900; t += 30) {
        at(f, t);
        hear(f, f->scanners[A], 2, -50, "020106");
        hear_from(f, B, -60);
        assert_int_equal(owner(f), A);
    }
    at_ns(f, 900 * NS_PER_S + 1);
    hear_from(f, B, -60);
    assert_int_equal(owner(f), B);
}

static void test_f119_strong_owner_loses_after_two_and_a_half(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 10);
    hear_from(f, A, -50);
    at(f, 16);
    hear_from(f, B, -60);
    at(f, 37);
    hear_from(f, B, -60);
    assert_int_equal(owner(f), A);
    at(f, 40);
    hear_from(f, B, -60);
    assert_int_equal(owner(f), B);
}

static void test_f120_much_weaker_challenger_waits_until_it_is_gone(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 10);
    hear_from(f, A, -46);
    at(f, 16);
    hear_from(f, B, -90);
    at(f, 30);
    hear_from(f, B, -90);
    assert_int_equal(owner(f), A);
    at(f, 40);
    hear_from(f, B, -90);
    assert_int_equal(owner(f), B);
}

static void test_f121_strength_wins_during_silence_too(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 10);
    hear_from(f, A, -50);
    at(f, 16);
    hear_from(f, B, -20);
    assert_int_equal(owner(f), B);
}

static void test_f122_without_interval_900_s(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -100);
    for (uint64_t t = 30; t <= 900; t += 30) {
        at(f, t);
        hear(f, f->scanners[A], 2, -50, "020106"); /* it does scan */
        hear_from(f, B, -99);
        assert_int_equal(owner(f), A);
    }
    at(f, 901);
    hear_from(f, B, -99);
    assert_int_equal(owner(f), B);
}

static void test_f123_paused_owner_loses_at_once(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    scanner_pause(f->scanners[A]);
    at(f, 1);
    hear_from(f, B, -90);
    assert_int_equal(owner(f), B);
}

static void test_owner_that_hears_nothing_at_all_loses_at_once(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    at(f, 90);
    hear_from(f, B, -90);
    assert_int_equal(owner(f), A);
    at(f, 121);
    hear_from(f, B, -90);
    assert_int_equal(owner(f), B);
}

static void test_f105_paused_twice_resumed_twice(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[A];
    scanner_pause(scanner);
    scanner_pause(scanner);
    scanner_resume(scanner);
    assert_false(scanner_is_scanning(scanner));
    hear_from(f, A, -50); /* what came late */
    assert_false(scanner_is_scanning(scanner));
    scanner_resume(scanner);
    assert_true(scanner_is_scanning(scanner));
}

/* ---- Devices whose scan responses count ---- */

/* When the present rescue began, in seconds after T0; 0: there is none. */
static uint64_t rescue_s(const struct fixture *f)
{
    uint64_t rescue_ns = ((const struct bleproxy_device *)hub_device(f->hub, 1))->rescue_ns;
    return rescue_ns == 0 ? 0 : (rescue_ns - T0) / NS_PER_S;
}

/* A hears the device at T0, with -50 dBm; somebody asks for active scans of it. */
static void begin_with_request(struct fixture *f, uint64_t interval_s, enum bleproxy_scanner_mode mode)
{
    struct bleproxy_active_scan *request; /* ends with the hub */
    set_interval(f, interval_s);
    for (unsigned i = A; i <= B; i++)
        scanner_set_mode(f->scanners[i], mode, f->now_ns);
    hear_from(f, A, -50);
    assert_int_equal(hub_request_active_scan(f->hub, 1, 0, 0, f->now_ns, &request), 0);
}

static void hear_at(struct fixture *f, uint64_t after_s, unsigned scanner, int32_t rssi)
{
    at(f, after_s);
    hear_from(f, scanner, rssi);
}

static void test_f124_rescue_hands_over_when_the_owner_stays_silent(void **state)
{
    struct fixture *f = *state;
    begin_with_request(f, 10, BLEPROXY_MODE_ACTIVE);
    hear_at(f, 16, B, -60);
    assert_int_equal(owner(f), A);
    assert_int_equal(rescue_s(f), 16); /* both scan actively: accepted from 21 on */
    hear_at(f, 19, B, -60);
    hear_at(f, 25, B, -60);
    assert_int_equal(owner(f), A); /* not before one interval has passed */
    hear_at(f, 27, B, -60);
    assert_int_equal(owner(f), B);
    assert_int_equal(rescue_s(f), 0);
    assert_false(ownership_has_rescues(f->hub));
}

static void test_f125_owner_that_is_heard_again_ends_it(void **state)
{
    struct fixture *f = *state;
    begin_with_request(f, 10, BLEPROXY_MODE_ACTIVE);
    hear_at(f, 16, B, -60);
    hear_at(f, 18, A, -50);
    hear_at(f, 35, B, -60);
    assert_int_equal(owner(f), A);
    assert_int_equal(rescue_s(f), 35);
}

static void test_f126_without_a_window_it_begins_anew(void **state)
{
    struct fixture *f = *state;
    begin_with_request(f, 60, BLEPROXY_MODE_PASSIVE);
    static const struct {
        uint64_t heard_s, began_s;
    } steps[] = {{70, 70}, {90, 70}, {105, 105}, {120, 105}, {140, 140}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        at(f, steps[i].heard_s);
        hear(f, f->scanners[A], 2, -50, "020106"); /* it does scan */
        hear_from(f, B, -60);
        assert_int_equal(rescue_s(f), steps[i].began_s);
        assert_int_equal(owner(f), A);
    }
}

static void test_f127_a_window_that_came_is_not_asked_for_again(void **state)
{
    struct fixture *f = *state;
    begin_with_request(f, 60, BLEPROXY_MODE_ACTIVE);
    hear_at(f, 70, B, -60);
    hear_at(f, 105, B, -60);
    assert_int_equal(rescue_s(f), 70);
    assert_int_equal(owner(f), A);
}

static void test_f128_owner_that_is_gone_loses_whatever_was_scanned(void **state)
{
    struct fixture *f = *state;
    begin_with_request(f, 10, BLEPROXY_MODE_PASSIVE);
    hear_at(f, 16, B, -60);
    hear_at(f, 37, B, -60);
    assert_int_equal(owner(f), A);
    hear_at(f, 40, B, -60);
    assert_int_equal(owner(f), B);
    assert_int_equal(rescue_s(f), 0);
}

static void test_rescue_ends_with_the_last_request(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_active_scan *request;
    set_interval(f, 10);
    hear_from(f, A, -50);
    assert_int_equal(hub_request_active_scan(f->hub, 1, 0, 0, f->now_ns, &request), 0);
    hear_at(f, 16, B, -60);
    assert_true(ownership_has_rescues(f->hub));
    bleproxy_active_scan_free(request);
    assert_false(ownership_has_rescues(f->hub));
}

/* ---- Scanners that cannot connect ---- */

static uint64_t connectable_source(const struct fixture *f)
{
    return ((const struct bleproxy_device *)hub_device(f->hub, 1))->connectable.source - 0xA0;
}

static void test_f129_connections_have_an_owner_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct scanner *far = far_scanner(f);
    hear_from(f, A, -100);
    hear(f, far, 1, -60, "020106");
    assert_int_equal(owner(f) + 0xA0, FAR_SOURCE);
    assert_int_equal(connectable_source(f), A);
}

static void test_f129_the_stronger_of_those_that_can_connect(void **state)
{
    struct fixture *f = *state;
    struct scanner *far = far_scanner(f);
    hear_from(f, A, -90);
    hear(f, far, 1, -30, "020106");
    hear_from(f, C, -50);
    assert_int_equal(owner(f) + 0xA0, FAR_SOURCE);
    assert_int_equal(connectable_source(f), C);
    hear_from(f, B, -34);
    assert_int_equal(connectable_source(f), C);
    scanner_free(f->scanners[B]);
    f->scanners[B] = make_scanner(f, 0xA1, "new");
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[B], f->now_ns), 0);
    hear_from(f, B, -33); /* 17 dB */
    assert_int_equal(connectable_source(f), B);
    hear_times(f, 30, C, -16); /* 17 dB again: nobody holds against it that it lost */
    assert_int_equal(connectable_source(f), C);
}

static void test_f130_change_heard_from_afar_is_told_as_connectable(void **state)
{
    struct fixture *f = *state;
    struct scanner *far = far_scanner(f);
    struct listener changes = {0}, reports = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    listen(f, BLEPROXY_STREAM_OWNER, &reports);
    hear_from(f, A, -100);
    hear(f, far, 1, -60, "020106 03ffaa01");
    assert_int_equal(changes.calls, 2);
    assert_int_equal(changes.connectable, 1);
    assert_int_equal(reports.connectable, 0);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    hear(f, far, 1, -60, "020106 03ffaa02");
    assert_int_equal(changes.calls, 3);
    assert_int_equal(changes.connectable, 0);
}

static void test_f130_device_known_from_afar_is_told_as_connectable_to_who_comes_later(void **state)
{
    struct fixture *f = *state;
    struct scanner *far = far_scanner(f);
    struct listener changes = {0}, reports = {0};
    hear_from(f, A, -100);
    hear(f, far, 1, -60, "020106");
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    listen(f, BLEPROXY_STREAM_OWNER, &reports);
    assert_int_equal(changes.source, FAR_SOURCE);
    assert_int_equal(changes.connectable, 1);
    assert_int_equal(reports.connectable, 0);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    assert_int_equal(changes.calls, 2);
    assert_int_equal(changes.connectable, 0);
}

/* ---- Reports ---- */

static void test_f131_strength_alone_is_no_change(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear_from(f, A, -50);
    hear_from(f, A, -55);
    hear_from(f, B, -30); /* another owner says the same */
    assert_int_equal(owner(f), B);
    assert_int_equal(changes.calls, 1);
}

static void test_f131_first_report_by_who_can_connect_is_a_change(void **state)
{
    struct fixture *f = *state;
    struct scanner *far = far_scanner(f);
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, far, 1, -60, "020106");
    hear(f, far, 1, -60, "020106");
    assert_int_equal(changes.calls, 1);
    hear_from(f, A, -40);
    assert_int_equal(changes.calls, 2);
    assert_int_equal(changes.connectable, 1);
}

static void test_same_data_in_another_order_is_no_change(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[A], 1, -60, "04ff010001 04ff020002");
    hear(f, f->scanners[B], 1, -30, "04ff020002 04ff010001");
    assert_int_equal(owner(f), B);
    assert_int_equal(changes.calls, 1);
}

/* Who reads the last of them for the newest does so, too, when the owner remembers the device no more. */
static void test_order_of_the_owners_data_outlasts_the_owner(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -60, "04ff010001 04ff020002");
    hear(f, f->scanners[B], 1, -30, "04ff020002 04ff010001");
    hub_unregister_scanner(f->hub, f->scanners[B], f->now_ns);
    assert_string_equal(content(bleproxy_device_advertisement(hub_device(f->hub, 1))), "-||| 2:02 1:01");
    hear_from(f, A, -60); /* and back */
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    assert_string_equal(content(bleproxy_device_advertisement(hub_device(f->hub, 1))), "-||| 1:01 2:02");
}

/* B owned it, so what it says was compared once; what it says when it does not count has not been. */
static void test_change_in_a_report_that_did_not_count_is_told_when_its_proxy_owns_the_device(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    hear(f, f->scanners[B], 1, -90, "04ffaa0001");
    hear(f, f->scanners[A], 1, -50, "04ffaa0001");
    assert_int_equal(owner(f), A);
    hear(f, f->scanners[B], 1, -90, "04ffaa0002");
    assert_int_equal(owner(f), A);
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    scanner_pause(f->scanners[A]);
    hear(f, f->scanners[B], 1, -90, "04ffaa0002");
    assert_int_equal(owner(f), B);
    assert_int_equal(changes.calls, 2);
    assert_string_equal(content(&((const struct bleproxy_device *)hub_device(f->hub, 1))->view),
                        "-||| aa:02");
}

/* Its proxy remembers it from before, and repeats itself; the hub's device is another. */
static void test_what_a_proxy_remembers_is_compared_with_the_new_device(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    hear(f, f->scanners[A], 1, -50, "05094c616d70 04ffaa0001");
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    f->now_ns += 1300 * NS_PER_S;
    hub_tick(f->hub, f->now_ns);
    assert_null(hub_device(f->hub, 1));
    hear(f, f->scanners[B], 1, -90, "0709446f6e6b6579 04ffaa0002");
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[A], f->now_ns), 0);
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[A], 1, -50, "05094c616d70 04ffaa0001");
    assert_int_equal(owner(f), A);
    assert_int_equal(changes.calls, 2);
    assert_string_equal(bleproxy_device_name(hub_device(f->hub, 1)), "Lamp");
    assert_string_equal(content(&((const struct bleproxy_device *)hub_device(f->hub, 1))->view),
                        "Lamp||| aa:01");
}

static void test_f138_forgotten_device_is_new_and_not_merged(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[A], 1, -50, "0303d2fc");
    hub_forget(f->hub, 1);
    assert_null(hub_device(f->hub, 1));
    assert_non_null(scanner_last(f->scanners[A], 1)); /* it stays reachable */
    hear(f, f->scanners[A], 1, -50, "0303d2fc");
    assert_int_equal(changes.calls, 2);
    hub_forget(f->hub, 1);
    hear(f, f->scanners[A], 1, -50, "03030f18");
    assert_int_equal(changes.calls, 3);
    assert_string_equal(content(bleproxy_device_advertisement(hub_device(f->hub, 1))), "-| 180f");
}

static void test_owner_comes_first_among_the_reports(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < N_SCANNERS; i++)
        hear_from(f, i, -60 - (int32_t)i);
    hear_from(f, C, -5);
    const struct bleproxy_device *device = hub_device(f->hub, 1);
    const void *position = NULL;
    unsigned n = 0, seen = 0;
    for (const struct bleproxy_advertisement *report;
         (report = bleproxy_device_next_report(device, &position)); n++) {
        if (n == 0)
            assert_int_equal(report->source, bleproxy_device_advertisement(device)->source);
        seen |= 1u << (report->source - 0xA0);
    }
    assert_int_equal(n, N_SCANNERS);
    assert_int_equal(seen, 0xf);
}

static void test_only_reports_of_owners_count(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, -50);
    at(f, 5);
    hear_from(f, B, -55);
    hear_from(f, A, -50);
    const struct bleproxy_device *device = hub_device(f->hub, 1);
    assert_int_equal(bleproxy_device_reports(device), 2);
    assert_int_equal(bleproxy_device_first_heard_ns(device), T0);
}

/* What differs from the last packet in its last value only is taken in by a short way, which must not lose the name. */
static void test_name_that_was_overruled_is_heard_again(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -45, "0709 73656e736f72 04ff990404"); /* sensor */
    hear(f, f->scanners[A], 1, -45, "0709 53656e736f72 04ff990405"); /* Sensor: a change of case only */
    assert_string_equal(bleproxy_device_name(hub_device(f->hub, 1)), "sensor");
    hear(f, f->scanners[B], 1, -40, "0709 6b656c76696e 04ff990406"); /* another name */
    hear(f, f->scanners[A], 1, -45, "0709 53656e736f72 04ff990407");
    assert_string_equal(bleproxy_device_name(hub_device(f->hub, 1)), "Sensor");
}

/* ---- Phones ---- */

static void test_f106_apple_chatter_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct listener reports = {0};
    listen(f, BLEPROXY_STREAM_REPORTS, &reports);
    hear(f, f->scanners[A], 1, -50, "04ff4c00ff");
    assert_null(hub_device(f->hub, 1));
    assert_non_null(scanner_last(f->scanners[A], 1));
    assert_int_equal(reports.calls, 1);
    hear(f, f->scanners[A], 2, -50, "04ff4c0002");
    hear(f, f->scanners[A], 3, -50, "04ff4c00ff 0316d2fc");
    hear(f, f->scanners[A], 4, -50, "04ff4c00ff 04ffaa00ff");
    hear(f, f->scanners[A], 5, -50, "03ff4c00");
    for (uint64_t address = 2; address <= 5; address++)
        assert_non_null(hub_device(f->hub, address));
}

static void test_apple_chatter_leaves_what_is_known_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[A], 1, -50, "04ff4c0010");
    hear(f, f->scanners[A], 1, -50, "04ff4c000f");
    assert_string_equal(content(bleproxy_device_advertisement(hub_device(f->hub, 1))), "-||| 4c:10");
    hear(f, f->scanners[A], 1, -50, "04ff4c0010");
    assert_int_equal(changes.calls, 1);
}

static void test_phones_are_heard_unless_the_rule_is_wanted(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, "04ff4c000f");
    assert_non_null(hub_device(f->hub, 1));
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, reference_setup, fixture_teardown)
#define DEFAULT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f107_a_little_stronger_is_not_enough),
        TEST(test_f108_much_stronger_wins_at_first_sight),
        TEST(test_f109_strength_that_is_not_told_never_wins),
        TEST(test_f110_one_reading_moves_nobody),
        TEST(test_f111_many_readings_do),
        TEST(test_f112_17_db_switch_and_16_do_not),
        TEST(test_f113_winning_back_takes_22_db),
        TEST(test_winning_back_takes_more_than_22_db),
        TEST(test_f114_whoever_has_lost_it_pays_among_three),
        TEST(test_f114_whoever_has_lost_it_pays_among_four),
        TEST(test_f116_a_missing_reading_changes_no_strength),
        TEST(test_a_real_reading_of_minus_127_counts),
        TEST(test_f117_unregistered_scanner_starts_anew),
        TEST(test_f117_last_strength_gone_the_device_is_alone_again),
        TEST(test_f118_weak_owner_loses_after_one_and_a_half),
        TEST(test_what_is_weak_and_what_is_about_as_well),
        TEST(test_more_than_one_and_a_half_and_than_two_and_a_half),
        TEST(test_after_900_s_any_owner_loses),
        TEST(test_f115_losing_by_silence_is_not_held_against_it),
        TEST(test_f119_strong_owner_loses_after_two_and_a_half),
        TEST(test_f120_much_weaker_challenger_waits_until_it_is_gone),
        TEST(test_f121_strength_wins_during_silence_too),
        TEST(test_f122_without_interval_900_s),
        TEST(test_f123_paused_owner_loses_at_once),
        TEST(test_owner_that_hears_nothing_at_all_loses_at_once),
        TEST(test_f105_paused_twice_resumed_twice),
        TEST(test_f124_rescue_hands_over_when_the_owner_stays_silent),
        TEST(test_f125_owner_that_is_heard_again_ends_it),
        TEST(test_f126_without_a_window_it_begins_anew),
        TEST(test_f127_a_window_that_came_is_not_asked_for_again),
        TEST(test_f128_owner_that_is_gone_loses_whatever_was_scanned),
        TEST(test_rescue_ends_with_the_last_request),
        TEST(test_f129_connections_have_an_owner_of_their_own),
        TEST(test_f129_the_stronger_of_those_that_can_connect),
        TEST(test_f130_change_heard_from_afar_is_told_as_connectable),
        TEST(test_f130_device_known_from_afar_is_told_as_connectable_to_who_comes_later),
        TEST(test_f131_strength_alone_is_no_change),
        TEST(test_f131_first_report_by_who_can_connect_is_a_change),
        TEST(test_same_data_in_another_order_is_no_change),
        TEST(test_order_of_the_owners_data_outlasts_the_owner),
        TEST(test_change_in_a_report_that_did_not_count_is_told_when_its_proxy_owns_the_device),
        TEST(test_what_a_proxy_remembers_is_compared_with_the_new_device),
        TEST(test_f138_forgotten_device_is_new_and_not_merged),
        TEST(test_owner_comes_first_among_the_reports),
        TEST(test_only_reports_of_owners_count),
        TEST(test_name_that_was_overruled_is_heard_again),
        TEST(test_f106_apple_chatter_is_dropped),
        TEST(test_apple_chatter_leaves_what_is_known_as_it_was),
        DEFAULT(test_phones_are_heard_unless_the_rule_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
