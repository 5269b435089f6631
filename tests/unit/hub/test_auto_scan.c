/* SPDX-License-Identifier: MIT */
#include "auto_fixture.h"

#include "hub/hub_private.h"

enum { KITCHEN, GARAGE, ATTIC, CELLAR };
enum { LAMP = 1, THERMOMETER = 2, LOCK = 3 };

/* ---- Requests ---- */

static void test_f150_request_is_scheduled_by_the_first_advertisement(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    struct bleproxy_active_scan *request = want(LAMP, 60, 10);
    run_to(3);
    hear(house.f, house.f->scanners[KITCHEN], THERMOMETER, -50, "020106"); /* not what is asked for */
    assert_true(due(request) == -1);
    assert_int_equal(info_of(request).source, 0);
    run_to(7);
    hear(house.f, house.f->scanners[KITCHEN], LAMP, -50, "020106");
    assert_true(due(request) == 67);
    assert_int_equal(info_of(request).source, 0xA0);
    run_to(8);
    hear(house.f, house.f->scanners[KITCHEN], LAMP, -50, "020106"); /* again changes nothing */
    assert_true(due(request) == 67);
    run_to(66.9);
    assert_string_equal(windows(), "");
    run_to(80);
    assert_string_equal(windows(), "kitchen 67+10");
}

static void test_f150_request_for_a_known_device_begins_at_once(void **state)
{
    (void)state;
    hear(house.f, house.f->scanners[GARAGE], LAMP, -50, "020106");
    run_to(3);
    struct bleproxy_active_scan *request = want(LAMP, 60, 10);
    assert_true(due(request) == 63);
    assert_int_equal(info_of(request).source, 0xA1);
}

static void test_f151_window_and_next_due_from_its_start(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 20);
    run_to(65);
    assert_true(due(request) == 125); /* advanced before the window ends */
    run_to(84.9);
    assert_string_equal(windows(), "kitchen 65+");
    run_to(200);
    assert_string_equal(windows(), "kitchen 65+20, kitchen 125+20, kitchen 185+");
    struct bleproxy_active_scan_info info = info_of(request);
    assert_true(seconds_of(info.scanned_ns) == 185);
    assert_int_equal(info.scanned_by, 0xA0);
    assert_int_equal(info.interval_ms, 60000);
    assert_int_equal(info.duration_ms, 20000);
}

static void test_f152_what_is_due_soon_shares_the_window(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(KITCHEN, THERMOMETER, -60);
    run_to(5);
    struct bleproxy_active_scan *first = want(LAMP, 100, 5);
    run_to(30);
    struct bleproxy_active_scan *second = want(THERMOMETER, 100, 30);
    run_to(140);
    assert_string_equal(windows(), "kitchen 105+30");
    assert_true(due(first) == 205);
    assert_true(due(second) == 205);
}

static void test_f152_what_is_due_in_over_40_s_does_not(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(KITCHEN, THERMOMETER, -60);
    run_to(5);
    want(LAMP, 100, 5);
    run_to(45.1);
    want(THERMOMETER, 100, 30);
    run_to(180);
    assert_string_equal(windows(), "kitchen 105+5, kitchen 145.1+30");
}

static void test_f152_a_sweep_takes_along_what_is_due_soon(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 260, 5); /* 25 s after the sweep */
    run_to(300);
    assert_string_equal(windows(), "kitchen 240+15");
    assert_true(due(request) == 500);
}

static void test_f153_the_longest_wins_within_35_s(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 5);
    struct bleproxy_active_scan *longer = want(LAMP, 60, 20);
    run_to(100);
    assert_string_equal(windows(), "kitchen 65+20");
    bleproxy_active_scan_free(longer);
    want(LAMP, 60, 60);
    run_to(170);
    assert_string_equal(windows(), "kitchen 65+20, kitchen 125+35");
}

static void test_f154_first_sweeps_are_staggered(void **state)
{
    struct fixture *f = *state;
    struct scanner *more[17];
    for (unsigned i = 0; i < 17; i++) {
        more[i] = make_scanner(f, 0xB0 + i, "more");
        scanner_bind(more[i], &house_ops, &house.proxies[KITCHEN], NULL);
        assert_int_equal(scanner_set_mode(more[i], BLEPROXY_MODE_AUTO, f->now_ns), 0);
        assert_int_equal(hub_register_scanner(f->hub, more[i], f->now_ns), 0);
        struct bleproxy_auto_scan info;
        assert_int_equal(hub_get_auto_scan(f->hub, 0xB0 + i, &info), 0);
        assert_true(seconds_of(info.sweep_ns) == 240 + (i % 16) * 15);
    }
    for (unsigned i = 0; i < 17; i++)
        scanner_free(more[i]);
    struct bleproxy_auto_scan info;
    assert_int_equal(hub_get_auto_scan(f->hub, 0xB0, &info), BLEPROXY_E_NOT_FOUND);
}

static void test_f154_sweeps_again_after_12_hours_without_a_window(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    run_to(300);
    assert_string_equal(windows(), "kitchen 240+15, garage 255+15");
    house.air_ns = BP_NEVER;
    run_to(43200 + 300);
    assert_string_equal(windows(), "kitchen 240+15, garage 255+15, kitchen 43440+15, garage 43455+15");
}

static void test_a_window_for_a_device_counts_as_a_sweep(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    bleproxy_active_scan_free((run_to(10), want(LAMP, 60, 5)));
    struct bleproxy_active_scan *request = want(LAMP, 60, 5);
    run_to(80);
    bleproxy_active_scan_free(request);
    run_to(300);
    assert_string_equal(windows(), "kitchen 70+5");
    struct bleproxy_auto_scan info;
    assert_int_equal(hub_get_auto_scan(house.f->hub, 0xA0, &info), 0);
    assert_true(seconds_of(info.sweep_ns) == 70 + 43200);
    assert_true(seconds_of(info.window_ns) == 70);
    assert_int_equal(info.window_ms, 5000);
    assert_false(info.window_open);
    assert_false(info.failed);
}

static void test_f155_a_new_owner_does_not_scan_again_at_once(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -70);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 20);
    run_to(67);
    air(GARAGE, LAMP, -40); /* in the middle of the window */
    run_to(76);
    assert_int_equal(info_of(request).source, 0xA1);
    assert_int_equal(info_of(request).scanned_by, 0xA0);
    run_to(150);
    assert_string_equal(windows(), "kitchen 65+20, garage 125+20");
    assert_int_equal(info_of(request).scanned_by, 0xA1);
}

static void test_f156_while_the_owner_connects_the_best_other_stands_in(void **state)
{
    (void)state;
    for (unsigned i = KITCHEN; i <= CELLAR; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -63);
    air(ATTIC, LAMP, -62);
    air(CELLAR, LAMP, -61);
    run_to(7);
    struct bleproxy_active_scan *request = want(LAMP, 60, 20);
    scanner_pause(house.f->scanners[CELLAR]); /* the best, but it connects, too */
    run_to(66);
    scanner_pause(house.f->scanners[KITCHEN]);
    run_to(68);
    assert_true(due(request) == 127);
    assert_int_equal(info_of(request).scanned_by, 0xA2);
    run_to(100);
    assert_string_equal(windows(), "attic 67+20");
    struct bleproxy_auto_scan info;
    assert_int_equal(hub_get_auto_scan(house.f->hub, 0xA2, &info), 0);
    assert_true(seconds_of(info.sweep_ns) == 67 + 43200); /* that was a sweep */
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 0);
}

static void test_f156_a_proxy_that_scans_actively_anyway_covers_it(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    set_mode(ATTIC, BLEPROXY_MODE_ACTIVE);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    air(ATTIC, LAMP, -64);
    run_to(7);
    struct bleproxy_active_scan *request = want(LAMP, 60, 20);
    run_to(66);
    scanner_pause(house.f->scanners[KITCHEN]);
    size_t before = house.n_sent;
    run_to(100);
    assert_string_equal(messages(before), "");
    assert_true(due(request) == 127);
    assert_int_equal(info_of(request).scanned_by, 0);
    assert_true(seconds_of(info_of(request).scanned_ns) == 67);
}

static void test_f156_nobody_is_warned_of_once_and_tried_again_after_30_s(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60); /* its mode is what its proxy says: passive */
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 20);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 3); /* of three passive proxies */
    run_to(61);
    scanner_pause(house.f->scanners[KITCHEN]);
    air(GARAGE, LAMP, INT32_MAX); /* else it would own the device: the owner does not scan */
    run_to(66);
    assert_true(due(request) == 95);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 4);
    assert_true(test_env_logged(&house.f->test, "00:00:00:00:00:01"));
    run_to(96);
    assert_true(due(request) == 125);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 4);
    scanner_resume(house.f->scanners[KITCHEN]);
    run_to(150);
    assert_string_equal(windows(), "kitchen 125+20");
}

static void test_f156_a_sweep_that_is_due_while_connecting_waits_30_s(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    run_to(239);
    scanner_pause(house.f->scanners[KITCHEN]);
    run_to(269);
    scanner_resume(house.f->scanners[KITCHEN]);
    run_to(300);
    assert_string_equal(windows(), "kitchen 270+15");
}

static void test_stand_ins_scan_one_after_the_other(void **state)
{
    (void)state;
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(KITCHEN, THERMOMETER, -50);
    air(KITCHEN, LOCK, -50);
    air(GARAGE, LAMP, -60);
    air(ATTIC, THERMOMETER, -60);
    air(GARAGE, LOCK, -60);
    run_to(7);
    want(LAMP, 60, 10);
    want(THERMOMETER, 60, 15);
    want(LOCK, 60, 20);
    run_to(66);
    scanner_pause(house.f->scanners[KITCHEN]);
    run_to(120);
    assert_string_equal(windows(), "garage 67+20, attic 87+15");
}

static void test_a_proxy_whose_window_is_lent_begins_nothing_of_its_own(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    air(GARAGE, THERMOMETER, -60);
    run_to(7);
    want(LAMP, 60, 20);
    run_to(9);
    struct bleproxy_active_scan *request = want(THERMOMETER, 60, 10);
    run_to(66);
    scanner_pause(house.f->scanners[KITCHEN]);
    run_to(72);
    scanner_resume(house.f->scanners[KITCHEN]);
    assert_true(due(request) == 69); /* late, not forgotten */
    run_to(110);
    assert_string_equal(windows(), "garage 67+20, garage 87+10");
    assert_true(due(request) == 147);
}

static void test_f157_a_proxy_that_cannot_be_told_counts_as_done(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    for (unsigned i = GARAGE; i <= CELLAR; i++)
        set_mode(i, BLEPROXY_MODE_ACTIVE);
    house.n_sent = 0;
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 20);
    house.proxies[KITCHEN].answer = BLEPROXY_E_CLOSED;
    run_to(66);
    assert_true(due(request) == 125);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
    assert_int_equal(info_of(request).scanned_ns, 0);
    run_to(126);
    assert_true(due(request) == 185);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 1); /* the second is not news */
    struct bleproxy_auto_scan info;
    assert_int_equal(hub_get_auto_scan(house.f->hub, 0xA0, &info), 0);
    assert_true(info.failed);
    house.proxies[KITCHEN].answer = 0;
    run_to(210);
    assert_string_equal(windows(), "kitchen 185+20");
    assert_int_equal(hub_get_auto_scan(house.f->hub, 0xA0, &info), 0);
    assert_false(info.failed);
    house.proxies[KITCHEN].answer = BLEPROXY_E_CLOSED;
    run_to(246);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 2); /* after a success it is */
}

static void test_f158_requests_outside_the_limits_are_refused(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_active_scan *request = NULL, *lower;
    uint64_t address;
    size_t blocks = f->test.live_blocks;
    assert_int_equal(hub_request_active_scan(f->hub, 1, 59999, 0, f->now_ns, &request), BLEPROXY_E_INVALID);
    assert_int_equal(hub_request_active_scan(f->hub, 1, 0, 4999, f->now_ns, &request), BLEPROXY_E_INVALID);
    assert_int_equal(hub_request_active_scan(f->hub, 1, 1, 1, f->now_ns, &request), BLEPROXY_E_INVALID);
    assert_int_equal(hub_request_active_scan(f->hub, 0, 0, 0, f->now_ns, &request), BLEPROXY_E_INVALID);
    assert_int_equal(hub_request_active_scan(f->hub, UINT64_C(1) << 48, 0, 0, f->now_ns, &request),
                     BLEPROXY_E_INVALID);
    assert_null(request);
    assert_int_equal(f->test.live_blocks, blocks);
    assert_int_equal(bleproxy_address_parse("aa:bb:cc:dd:ee:ff", &address), 0); /* in either case */
    assert_int_equal(hub_request_active_scan(f->hub, address, 0, 0, f->now_ns, &request), 0);
    assert_int_equal(hub_request_active_scan(f->hub, address, 60000, 5000, f->now_ns, &lower), 0);
    assert_int_equal(info_of(request).address, UINT64_C(0xaabbccddeeff));
    assert_int_equal(info_of(request).interval_ms, 300000);
    assert_int_equal(info_of(request).duration_ms, 10000);
    bleproxy_active_scan_free(request);
    bleproxy_active_scan_free(lower);
    bleproxy_active_scan_free(NULL);
}

static void test_the_longest_interval_and_duration(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_active_scan *request;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    hear(f, f->scanners[KITCHEN], LAMP, -50, "020106");
    assert_int_equal(hub_request_active_scan(f->hub, LAMP, UINT32_MAX, UINT32_MAX, f->now_ns, &request), 0);
    assert_true(due(request) == 4294967.295);
    assert_int_equal(info_of(request).duration_ms, UINT32_MAX);
}

static void test_requests_are_independent(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *first = want(LAMP, 60, 10), *same = want(LAMP, 60, 10);
    assert_ptr_not_equal(first, same);
    bleproxy_active_scan_free(first);
    assert_true(due(same) == 65);
    assert_true(auto_scan_wants(house.f->hub, LAMP));
    bleproxy_active_scan_free(same);
    assert_false(auto_scan_wants(house.f->hub, LAMP));
    run_to(100);
    assert_string_equal(windows(), "");
}

static void test_requests_are_capped(void **state)
{
    struct fixture *f = *state;
    static struct bleproxy_active_scan *requests[BLEPROXY_ACTIVE_SCANS_MAX];
    struct bleproxy_active_scan *one_more = NULL;
    for (uint64_t i = 0; i < BLEPROXY_ACTIVE_SCANS_MAX; i++)
        assert_int_equal(hub_request_active_scan(f->hub, i / 2 + 1, 0, 0, f->now_ns, &requests[i]), 0);
    assert_int_equal(hub_request_active_scan(f->hub, 1, 0, 0, f->now_ns, &one_more), BLEPROXY_E_LIMIT);
    bleproxy_active_scan_free(requests[7]);
    assert_int_equal(hub_request_active_scan(f->hub, 1, 0, 0, f->now_ns, &one_more), 0);
    size_t position = 0, n = 0;
    const struct bleproxy_active_scan *request = NULL, *last = NULL;
    while ((request = hub_next_active_scan(f->hub, &position))) {
        last = request;
        n++;
    }
    assert_int_equal(n, BLEPROXY_ACTIVE_SCANS_MAX);
    assert_ptr_equal(last, one_more); /* oldest first; the rest goes with the hub */
}

/* ---- Owners that come and go ---- */

static void test_a_device_that_left_the_table_starts_anew(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 1000, 10);
    run_to(7);
    silence(KITCHEN, LAMP);
    run_to(940);
    assert_true(due(request) == -1);
    assert_int_equal(info_of(request).source, 0);
    air(KITCHEN, LAMP, -50);
    run_to(950);
    assert_true(due(request) == 1945);
}

static void test_what_an_unregistered_scanner_owned_starts_anew_elsewhere(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 10);
    run_to(32);
    hub_unregister_scanner(f->hub, f->scanners[KITCHEN], f->now_ns);
    assert_true(due(request) == -1);
    run_to(36);
    assert_true(due(request) == 95);
    run_to(110);
    assert_string_equal(windows(), "garage 95+10");
}

static void test_scanner_unregistered_in_the_middle_of_its_window(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 20);
    run_to(70);
    hub_unregister_scanner(f->hub, f->scanners[KITCHEN], f->now_ns);
    assert_string_equal(windows(), "kitchen 65+5");
    run_to(200);
    assert_string_equal(windows(), "kitchen 65+5");
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[KITCHEN], f->now_ns), 0);
    run_to(290);
    assert_string_equal(windows(), "kitchen 65+5, kitchen 265+20");
}

static void test_window_lent_ends_with_who_it_is_lent_to(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    run_to(7);
    want(LAMP, 60, 20);
    run_to(66);
    scanner_pause(f->scanners[KITCHEN]);
    run_to(72);
    hub_unregister_scanner(f->hub, f->scanners[KITCHEN], f->now_ns);
    run_to(73);
    assert_string_equal(windows(), "garage 67+5");
}

static void test_lender_unregistered_before_its_turn(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(KITCHEN, THERMOMETER, -50);
    air(GARAGE, LAMP, -60);
    air(ATTIC, THERMOMETER, -60);
    run_to(7);
    want(LAMP, 60, 10);
    struct bleproxy_active_scan *second = want(THERMOMETER, 60, 15);
    run_to(66);
    scanner_pause(f->scanners[KITCHEN]);
    run_to(70);
    scanner_free(f->scanners[ATTIC]);
    f->scanners[ATTIC] = NULL;
    scanner_resume(f->scanners[KITCHEN]);
    run_to(80);
    assert_string_equal(windows(), "garage 67+10");
    assert_true(due(second) == 127); /* a turn that fails is a turn */
    run_to(150);
    assert_string_equal(windows(), "garage 67+10, kitchen 127+15");
}

static void test_lender_that_left_mode_auto_before_its_turn(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(KITCHEN, THERMOMETER, -50);
    air(GARAGE, LAMP, -60);
    air(ATTIC, THERMOMETER, -60);
    run_to(7);
    want(LAMP, 60, 10);
    want(THERMOMETER, 60, 15);
    run_to(66);
    scanner_pause(f->scanners[KITCHEN]);
    run_to(70);
    scanner_resume(f->scanners[KITCHEN]);
    set_mode(ATTIC, BLEPROXY_MODE_PASSIVE);
    run_to(90);
    assert_string_equal(windows(), "garage 67+10");
}

/* ---- Modes that come and go ---- */

static void test_mode_auto_while_registered_begins_and_ends_it(void **state)
{
    (void)state;
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 20);
    run_to(100);
    assert_string_equal(windows(), "");
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    run_to(110);
    assert_string_equal(windows(), "kitchen 100+"); /* it was overdue */
    set_mode(KITCHEN, BLEPROXY_MODE_PASSIVE);
    run_to(111);
    struct bleproxy_auto_scan info;
    assert_int_equal(hub_get_auto_scan(house.f->hub, 0xA0, &info), BLEPROXY_E_NOT_FOUND);
    assert_true(due(request) == 160); /* the schedule stays */
    run_to(200);
    assert_string_equal(windows(), "kitchen 100+10");
    size_t before = house.n_sent;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    run_to(230);
    assert_string_equal(messages(before), "kitchen 200 passive, kitchen 200 active, kitchen 220 passive");
}

static void test_firmware_without_the_feature_takes_no_part(void **state)
{
    struct fixture *f = *state;
    struct scanner *old;
    struct bleproxy_auto_scan info;
    const struct scanner_config config = {.env = &f->test.env, .source = 0xB0, .name = "old"};
    assert_int_equal(scanner_new(&config, &old), 0);
    assert_int_equal(scanner_set_mode(old, BLEPROXY_MODE_AUTO, f->now_ns), BLEPROXY_E_UNSUPPORTED);
    assert_int_equal(hub_register_scanner(f->hub, old, f->now_ns), 0);
    assert_int_equal(hub_get_auto_scan(f->hub, 0xB0, &info), BLEPROXY_E_NOT_FOUND);
    scanner_free(old);
}

static void test_passive_proxies_are_warned_of_once_each(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_ACTIVE);
    set_mode(ATTIC, BLEPROXY_MODE_PASSIVE);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 0); /* nobody asks for anything */
    want(LAMP, 60, 10);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING],
                     2); /* attic, and cellar, which says so itself */
    want(THERMOMETER, 60, 10);
    set_mode(ATTIC, BLEPROXY_MODE_PASSIVE);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 2);
    set_mode(ATTIC, BLEPROXY_MODE_ACTIVE);
    set_mode(ATTIC, BLEPROXY_MODE_PASSIVE); /* a relapse */
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 3);
    scanner_on_state(house.f->scanners[CELLAR], BLEPROXY_SCANNER_RUNNING, 1, 0, house.f->now_ns);
    scanner_on_state(house.f->scanners[CELLAR], BLEPROXY_SCANNER_RUNNING, 0, 0, house.f->now_ns);
    assert_int_equal(house.f->test.n_logs[BLEPROXY_LOG_WARNING], 4);
    assert_true(test_env_logged(&house.f->test, "cellar: it scans passively"));
}

static void test_passive_proxy_that_comes_later_is_warned_of(void **state)
{
    struct fixture *f = *state;
    hub_unregister_scanner(f->hub, f->scanners[CELLAR], f->now_ns);
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    want(LAMP, 60, 10);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 0);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[CELLAR], f->now_ns), 0);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
}

/* ---- What it costs ---- */

static void test_reports_that_change_nothing_wake_nobody(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 300, 10);
    run_to(20);
    uint64_t deadline_ns = f->hub->due_ns;
    unsigned wakes = house.n_wakes;
    size_t allocations = f->test.allocations;
    for (unsigned i = 0; i < 1000; i++)
        hear_all();
    assert_int_equal(f->hub->due_ns, deadline_ns);
    assert_int_equal(house.n_wakes, wakes);
    assert_int_equal(f->test.allocations, allocations);
    assert_true(seconds_of(deadline_ns) == 240); /* the sweep */
}

static void test_whoever_keeps_the_appointments_is_told_of_nearer_ones(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->hub->due_ns, BP_NEVER);
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    assert_int_equal(house.n_wakes, 1);
    run_to(1);
    assert_true(seconds_of(f->hub->due_ns) == 240);
    want(LAMP, 60, 10);
    assert_int_equal(house.n_wakes, 1);
    hear(f, f->scanners[KITCHEN], LAMP, -50, "020106");
    assert_int_equal(house.n_wakes, 2);
    assert_true(seconds_of(f->hub->due_ns) == 61);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_f150_request_is_scheduled_by_the_first_advertisement),
        HOUSE_TEST(test_f150_request_for_a_known_device_begins_at_once),
        HOUSE_TEST(test_f151_window_and_next_due_from_its_start),
        HOUSE_TEST(test_f152_what_is_due_soon_shares_the_window),
        HOUSE_TEST(test_f152_what_is_due_in_over_40_s_does_not),
        HOUSE_TEST(test_f152_a_sweep_takes_along_what_is_due_soon),
        HOUSE_TEST(test_f153_the_longest_wins_within_35_s),
        HOUSE_TEST(test_f154_first_sweeps_are_staggered),
        HOUSE_TEST(test_f154_sweeps_again_after_12_hours_without_a_window),
        HOUSE_TEST(test_a_window_for_a_device_counts_as_a_sweep),
        HOUSE_TEST(test_f155_a_new_owner_does_not_scan_again_at_once),
        HOUSE_TEST(test_f156_while_the_owner_connects_the_best_other_stands_in),
        HOUSE_TEST(test_f156_a_proxy_that_scans_actively_anyway_covers_it),
        HOUSE_TEST(test_f156_nobody_is_warned_of_once_and_tried_again_after_30_s),
        HOUSE_TEST(test_f156_a_sweep_that_is_due_while_connecting_waits_30_s),
        HOUSE_TEST(test_stand_ins_scan_one_after_the_other),
        HOUSE_TEST(test_a_proxy_whose_window_is_lent_begins_nothing_of_its_own),
        HOUSE_TEST(test_f157_a_proxy_that_cannot_be_told_counts_as_done),
        HOUSE_TEST(test_f158_requests_outside_the_limits_are_refused),
        HOUSE_TEST(test_the_longest_interval_and_duration),
        HOUSE_TEST(test_requests_are_independent),
        HOUSE_TEST(test_requests_are_capped),
        HOUSE_TEST(test_a_device_that_left_the_table_starts_anew),
        HOUSE_TEST(test_what_an_unregistered_scanner_owned_starts_anew_elsewhere),
        HOUSE_TEST(test_scanner_unregistered_in_the_middle_of_its_window),
        HOUSE_TEST(test_window_lent_ends_with_who_it_is_lent_to),
        HOUSE_TEST(test_lender_unregistered_before_its_turn),
        HOUSE_TEST(test_lender_that_left_mode_auto_before_its_turn),
        HOUSE_TEST(test_mode_auto_while_registered_begins_and_ends_it),
        HOUSE_TEST(test_firmware_without_the_feature_takes_no_part),
        HOUSE_TEST(test_passive_proxies_are_warned_of_once_each),
        HOUSE_TEST(test_passive_proxy_that_comes_later_is_warned_of),
        HOUSE_TEST(test_reports_that_change_nothing_wake_nobody),
        HOUSE_TEST(test_whoever_keeps_the_appointments_is_told_of_nearer_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
