/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/device.h"
#include "hub/hub_private.h"

/* Who is gone, and when. */

enum { A, B, C, D };

static void hear_from(struct fixture *f, unsigned scanner, uint64_t address)
{
    hear(f, f->scanners[scanner], address, -50, "020106");
}

static uint64_t after_s(const struct fixture *f)
{
    return (f->now_ns - T0) / NS_PER_S;
}

/* A device, heard so often by A from now on, until that time has passed. */
static void hear_until(struct fixture *f, uint64_t address, uint64_t every_s, uint64_t until_s)
{
    for (uint64_t t = after_s(f); t <= until_s; t += every_s) {
        at(f, t);
        hear_from(f, A, address);
    }
    at(f, until_s);
}

/* Seconds after T0 until there is one more of those notices; at most a fortnight. */
static uint64_t told_after_s(struct fixture *f, const unsigned *count)
{
    unsigned before = *count;
    for (uint64_t t = after_s(f); *count == before; t += 5) {
        assert_true(t < 14 * 86400);
        at(f, t);
    }
    return after_s(f);
}

/* ---- When ---- */

static void test_connectable_at_once_and_any_after_900_s(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear_from(f, A, 1);
    /* Its proxy forgets it after 195 s, at 210; looked for every 300 s. */
    assert_int_equal(told_after_s(f, &notices.connectable), 300);
    assert_int_equal(notices.any, 0);
    assert_non_null(hub_device(f->hub, 1));
    assert_int_equal(told_after_s(f, &notices.any), 1200);
    assert_null(hub_device(f->hub, 1));
    assert_int_equal(notices.connectable, 1);
    at(f, 5000);
    assert_int_equal(notices.any, 1);
}

static void test_we_look_every_30_s(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear_from(f, A, 1);
    assert_int_equal(told_after_s(f, &notices.connectable), 390);
    assert_int_equal(told_after_s(f, &notices.any), 930);
}

static void test_sweeps_come_every_300_s_from_the_start_on(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(hub_deadline(f->hub), T0 + 300 * i * NS_PER_S);
        at(f, 300 * i);
    }
}

static void test_our_sweeps_come_every_30_s_from_the_start_on(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(hub_deadline(f->hub), T0 + 30 * i * NS_PER_S);
        at(f, 30 * i);
    }
}

static void test_other_rules_count_at_once(void **state)
{
    struct fixture *f = *state;
    at(f, 10);
    hub_set_reference(f->hub, 0, f->now_ns);
    assert_int_equal(hub_deadline(f->hub), T0 + 40 * NS_PER_S);
    at(f, 40);
    assert_int_equal(hub_deadline(f->hub), T0 + 70 * NS_PER_S);
    hub_set_reference(f->hub, BLEPROXY_RULE_EXPIRY, f->now_ns);
    assert_int_equal(hub_deadline(f->hub), T0 + 70 * NS_PER_S); /* the one that was due comes yet */
    at(f, 70);
    assert_int_equal(hub_deadline(f->hub), T0 + 370 * NS_PER_S);
}

static void test_sweep_that_is_late_is_done_once(void **state)
{
    struct fixture *f = *state;
    pass_time(f, 100000);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(hub_deadline(f->hub), f->now_ns + 300 * NS_PER_S);
}

/* A learned interval of 200 s: 205. */
static void test_any_after_its_interval_and_5_s(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear_until(f, 1, 190, 16 * 190);
    assert_int_equal(bleproxy_device_interval_ns(hub_device(f->hub, 1)), 190 * NS_PER_S);
    notices = (struct notices){0};
    /* Last heard at 3040, forgotten at 3240; the sweep at 3300 comes after 260 s. */
    assert_int_equal(told_after_s(f, &notices.any), 3300);
    assert_int_equal(notices.connectable, 1);
}

static void test_f135_short_interval_of_the_users(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    struct scanner *far = far_scanner(f);
    watch_device(f, 1, &notices);
    assert_int_equal(hub_set_interval(f->hub, 1, 2 * NS_PER_S), 0);
    hear(f, far, 1, -50, "020106");
    at(f, 299);
    assert_int_equal(notices.any, 0);
    at(f, 302);
    assert_int_equal(notices.any, 1);
    assert_int_equal(notices.connectable, 0);
    /* And it is forgotten: 900 s again. */
    hear(f, far, 1, -50, "020106");
    at(f, 302 + 880);
    assert_int_equal(notices.any, 1);
    at(f, 302 + 1205);
    assert_int_equal(notices.any, 2);
}

static void test_f135_interval_of_a_week(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    const uint64_t week_s = 7 * 86400;
    watch_device(f, 1, &notices);
    assert_int_equal(hub_set_interval(f->hub, 1, (week_s - 60) * NS_PER_S), 0);
    hear_from(f, A, 1);
    at(f, 86400);
    assert_int_equal(notices.connectable, 1);
    assert_non_null(hub_device(f->hub, 1));
    at(f, week_s - 100);
    assert_int_equal(notices.any, 0);
    at(f, week_s + 300);
    assert_int_equal(notices.any, 1);
}

static void test_interval_of_the_users_survives_another_owner(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    assert_int_equal(hub_set_interval(f->hub, 1, 10000 * NS_PER_S), 0);
    hear(f, f->scanners[A], 1, -80, "020106");
    hear(f, f->scanners[B], 1, -40, "020106");
    at(f, 9900);
    assert_int_equal(notices.any, 0);
    at(f, 10500);
    assert_int_equal(notices.any, 1);
}

/* ---- Who counts ---- */

/* The owner's session is gone; B, whose reports did not count, remembers the device. */
static void test_device_that_some_proxy_remembers_is_there(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    assert_int_equal(hub_set_interval(f->hub, 1, 2 * NS_PER_S), 0);
    hear_from(f, A, 1);
    at(f, 290);
    hear(f, f->scanners[B], 1, -60, "020106");
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    at(f, 310);
    assert_int_equal(notices.connectable + notices.any, 0);
    at(f, 610);
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 1);
}

static void test_devices_of_an_unregistered_proxy(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    at(f, 290);
    hear_from(f, A, 1);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    at(f, 301);
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 0);
    assert_string_equal(notices.last.proxy, "");
    assert_string_equal(bleproxy_device_advertisement(hub_device(f->hub, 1))->proxy, "");
    at(f, 1190);
    assert_int_equal(notices.any, 0);
    at(f, 1201);
    assert_int_equal(notices.any, 1);
}

static void test_we_do_not_lose_the_devices_of_a_proxy_that_is_lost_for_seconds(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    at(f, 28);
    hear_from(f, A, 1);
    at(f, 29);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    at(f, 31); /* there was a look */
    assert_int_equal(notices.connectable, 0);
    at(f, 28 + BLEPROXY_DEVICE_EXPIRY_S + 31);
    assert_int_equal(notices.connectable, 1);
}

static void test_nor_those_that_it_heard_often(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear_until(f, 1, 2, 100); /* its interval is known */
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    at(f, 135);
    assert_int_equal(notices.any, 0);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[A], f->now_ns), 0);
    hear_from(f, A, 1);
    at(f, 300);
    assert_int_equal(notices.connectable, 0);
    assert_int_equal(notices.any, 0);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    at(f, 135 + BLEPROXY_DEVICE_EXPIRY_S + 31);
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 1);
}

static void test_who_cannot_connect_does_not_count_for_connections(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    struct scanner *far = far_scanner(f);
    watch_device(f, 1, &notices);
    hear_from(f, A, 1);
    for (uint64_t t = 10; t <= 1500; t += 10) {
        at(f, t);
        hear(f, far, 1, -50, "020106");
    }
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 0);
}

static void test_device_heard_from_afar_only_was_never_connectable(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    struct scanner *far = far_scanner(f);
    watch_device(f, 1, &notices);
    hear(f, far, 1, -50, "020106");
    at(f, 2000);
    assert_int_equal(notices.connectable, 0);
    assert_int_equal(notices.any, 1);
}

/* The hub drops it, but the phone is there. */
static void test_apple_chatter_is_a_sign_of_life(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear(f, f->scanners[A], 1, -50, "04ff4c0010");
    for (uint64_t t = 10; t <= 3000; t += 10) {
        at(f, t);
        hear(f, f->scanners[B], 1, -50, "04ff4c000f");
    }
    assert_int_equal(notices.connectable + notices.any, 0);
    at(f, 6000);
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 1);
}

static void test_f131_connectable_again_is_a_change(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    struct listener changes = {0};
    watch_device(f, 1, &notices);
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear_from(f, A, 1);
    hear_from(f, A, 1);
    assert_int_equal(changes.calls, 1);
    at(f, 301);
    assert_int_equal(notices.connectable, 1);
    hear_from(f, A, 1);
    assert_int_equal(changes.calls, 2);
    assert_int_equal(changes.connectable, 1);
    hear_from(f, A, 1);
    assert_int_equal(changes.calls, 2);
}

/* habluetooth looks at it where the report counts only: one that does not brings it back in silence. */
static void test_f131_rejected_report_brings_it_back_in_silence(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    struct scanner *far = far_scanner(f);
    hear(f, f->scanners[A], 1, -90, "020106");
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    for (uint64_t t = 10; t <= 400; t += 10) {
        at(f, t);
        hear(f, far, 1, -50, "020106");
    }
    assert_false(((const struct bleproxy_device *)hub_device(f->hub, 1))->connectable.known);
    unsigned before = changes.calls;
    hear(f, f->scanners[A], 1, -90, "020106");
    assert_int_equal(changes.calls, before);
    assert_true(((const struct bleproxy_device *)hub_device(f->hub, 1))->connectable.known);
}

static void test_devices_are_new_when_they_come_back(void **state)
{
    struct fixture *f = *state;
    struct listener changes = {0};
    listen(f, BLEPROXY_STREAM_CHANGES, &changes);
    hear(f, f->scanners[A], 1, -50, "0303d2fc");
    at(f, 1300);
    assert_null(hub_device(f->hub, 1));
    hear(f, f->scanners[A], 1, -50, "03030f18");
    assert_int_equal(changes.calls, 2);
    assert_string_equal(content(bleproxy_device_advertisement(hub_device(f->hub, 1))), "-| 180f");
    assert_int_equal(bleproxy_device_first_heard_ns(hub_device(f->hub, 1)), f->now_ns);
}

/* Each that leaves the table makes others move in it. */
static void test_one_look_finds_all_who_are_gone(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 0, &notices);
    for (uint64_t i = 1; i <= 700; i++)
        hear_from(f, A, i * i * i * 7919);
    at(f, 1100);
    for (uint64_t i = 1; i <= 700; i += 7)
        hear_from(f, A, i * i * i * 7919);
    at(f, 1201);
    assert_int_equal(notices.any, 600);
    assert_int_equal(hub_n_devices(f->hub), 100);
    for (uint64_t i = 1; i <= 700; i += 7)
        assert_non_null(hub_device(f->hub, i * i * i * 7919));
}

/* ---- BLEPROXY_RULE_EXPIRY: a connectable beacon, every 300 s ---- */

/* What is told in a day of it, after the first two reports. */
static struct notices day_of_a_slow_beacon(struct fixture *f, unsigned *changes)
{
    struct notices notices = {0};
    struct listener listener = {0};
    at(f, 100);
    hear_from(f, A, 1);
    at(f, 400);
    hear_from(f, A, 1);
    watch_device(f, 1, &notices);
    listen(f, BLEPROXY_STREAM_CHANGES, &listener);
    unsigned before = listener.calls;
    for (uint64_t t = 700; t < 86400; t += 300) {
        at(f, t);
        hear_from(f, A, 1);
    }
    *changes = listener.calls - before;
    return notices;
}

static void test_reference_loses_a_slow_beacon_again_and_again(void **state)
{
    struct fixture *f = *state;
    unsigned changes;
    f->hub->availability.due_ns = T0 + 390 * NS_PER_S; /* it happens to look shortly before each report */
    struct notices notices = day_of_a_slow_beacon(f, &changes);
    assert_true(notices.connectable > 280);
    assert_true(changes > 280);
}

static void test_we_do_not_lose_a_slow_beacon(void **state)
{
    struct fixture *f = *state;
    unsigned changes;
    struct notices notices = day_of_a_slow_beacon(f, &changes);
    assert_int_equal(notices.connectable + notices.any, 0);
    assert_int_equal(changes, 0);
}

/* The user knows it before the second report. */
static void test_we_remember_for_the_interval_that_the_user_has_set(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    assert_int_equal(hub_set_interval(f->hub, 1, 300 * NS_PER_S), 0);
    hear_until(f, 1, 300, 3000);
    assert_int_equal(notices.connectable + notices.any, 0);
    /* Remembered for 750 s. */
    assert_int_equal(told_after_s(f, &notices.connectable), 3000 + 780 + 30);
    assert_int_equal(notices.any, 1);
}

static void test_we_remember_no_longer_than_900_s(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    assert_int_equal(hub_set_interval(f->hub, 1, 86400 * NS_PER_S), 0);
    hear_from(f, A, 1);
    assert_int_equal(told_after_s(f, &notices.connectable), 960);
    at(f, 80000);
    assert_int_equal(notices.any, 0);
}

/* Forty reports a second apart, then five minutes of sleep, and again: by its reports alone it is a quick device. */
static void sleep_often(struct fixture *f, struct notices *notices)
{
    watch_device(f, 1, notices);
    uint64_t t = 0;
    for (unsigned day = 0; day < 200; day++, t += 300)
        for (unsigned i = 0; i < 40; i++, t++) {
            at(f, t);
            hear_from(f, A, 1);
        }
}

static void test_reference_loses_one_that_sleeps_often(void **state)
{
    struct notices notices = {0};
    sleep_often(*state, &notices);
    assert_in_range(notices.any, 20, 200);
}

static void test_we_do_not_lose_one_that_sleeps_often(void **state)
{
    struct notices notices = {0};
    sleep_often(*state, &notices);
    assert_int_equal(notices.connectable + notices.any, 0);
}

/* One report every 12 minutes: the first time it goes as a stranger would, then it is known. */
static void test_we_learn_how_slow_a_device_is(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    for (uint64_t t = 0; t < 20 * 720; t += 720) {
        at(f, t);
        hear_from(f, A, 1);
        assert_int_equal(hub_n_devices(f->hub), 1);
    }
    assert_int_equal(notices.connectable, 1);
}

/* What we pay: a slow device that goes is missed later. */
static void test_we_miss_a_slow_device_later(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear_until(f, 1, 120, 40 * 120);
    assert_int_equal(told_after_s(f, &notices.connectable), 4800 + 330 + 60); /* 330 s */
}

/* Slower by the hour, as a battery goes: the memory grows with the gaps. */
static void slow_down(struct fixture *f, struct notices *notices)
{
    watch_device(f, 1, notices);
    for (uint64_t every_s = 1; every_s <= 480; every_s += every_s / 2 + 1)
        hear_until(f, 1, every_s, after_s(f) + 40 * every_s);
}

static void test_reference_loses_a_device_that_slows_down(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    slow_down(f, &notices);
    assert_true(notices.any > 0);
}

static void test_we_do_not_lose_a_device_that_slows_down(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    slow_down(f, &notices);
    assert_int_equal(notices.connectable + notices.any, 0);
}

/* From 1 s to 300 s at a stroke nobody can know: once it is missed, and then it is known. */
static void test_we_lose_a_device_that_changes_its_pace_once_at_most(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear_until(f, 1, 1, 100);
    for (uint64_t t = 400; t < 40000; t += 300) {
        at(f, t);
        hear_from(f, A, 1);
    }
    assert_true(notices.any <= 1);
    assert_true(notices.connectable <= 2);
}

/* ---- BLEPROXY_RULE_PRESENCE: connected devices are silent ---- */

static void connect_at_100(struct fixture *f, struct notices *notices)
{
    watch_device(f, 1, notices);
    hear_until(f, 1, 2, 100);
    assert_int_equal(interest_connect(f->hub, 1), 0);
}

static void test_reference_loses_a_connected_device(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    connect_at_100(f, &notices);
    at(f, 3600);
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 1);
    interest_disconnect(f->hub, 1);
}

static void test_we_do_not_lose_a_connected_device(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    connect_at_100(f, &notices);
    at(f, 3600);
    assert_int_equal(notices.connectable + notices.any, 0);
    assert_non_null(hub_device(f->hub, 1));
    interest_disconnect(f->hub, 1);
}

/* It has to be given the time to advertise. */
static void test_disconnected_device_is_not_gone_at_once(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    connect_at_100(f, &notices);
    at(f, 3629);
    interest_disconnect(f->hub, 1);
    at(f, 3629 + 60);
    assert_int_equal(notices.connectable + notices.any, 0);
    at(f, 3629 + 300);
    assert_int_equal(notices.connectable + notices.any, 0);
    at(f, 3629 + 400);
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 1);
}

/* The rules are independent: also when it is looked for every 300 s only. */
static void test_disconnected_device_is_not_gone_at_once_with_habluetooths_looks(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    f->hub->rules = BLEPROXY_RULES_ALL & ~(uint32_t)BLEPROXY_RULE_PRESENCE;
    connect_at_100(f, &notices);
    at(f, 3595);
    interest_disconnect(f->hub, 1);
    at(f, 3601);
    assert_int_equal(notices.connectable + notices.any, 0);
    at(f, 4201);
    assert_int_equal(notices.any, 1);
}

/* 900 s, when its interval is not known: from when it was left. */
static void test_disconnected_device_of_unknown_interval(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear_until(f, 1, 2, 4);
    assert_int_equal(interest_connect(f->hub, 1), 0);
    at(f, 3600);
    interest_disconnect(f->hub, 1);
    assert_int_equal(told_after_s(f, &notices.connectable), 3600 + 390);
    assert_int_equal(told_after_s(f, &notices.any), 3600 + 930);
}

static void test_connected_twice_it_must_be_left_twice(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    connect_at_100(f, &notices);
    assert_int_equal(interest_connect(f->hub, 1), 0);
    interest_disconnect(f->hub, 1);
    at(f, 3600);
    assert_int_equal(notices.connectable + notices.any, 0);
    interest_disconnect(f->hub, 1);
    interest_disconnect(f->hub, 1); /* once too often */
    at(f, 7200);
    assert_int_equal(notices.any, 1);
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, reference_setup, fixture_teardown)
#define DEFAULT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connectable_at_once_and_any_after_900_s),
        DEFAULT(test_we_look_every_30_s),
        TEST(test_sweeps_come_every_300_s_from_the_start_on),
        DEFAULT(test_our_sweeps_come_every_30_s_from_the_start_on),
        TEST(test_other_rules_count_at_once),
        TEST(test_sweep_that_is_late_is_done_once),
        TEST(test_any_after_its_interval_and_5_s),
        TEST(test_f135_short_interval_of_the_users),
        TEST(test_f135_interval_of_a_week),
        TEST(test_interval_of_the_users_survives_another_owner),
        TEST(test_device_that_some_proxy_remembers_is_there),
        TEST(test_devices_of_an_unregistered_proxy),
        DEFAULT(test_we_do_not_lose_the_devices_of_a_proxy_that_is_lost_for_seconds),
        DEFAULT(test_nor_those_that_it_heard_often),
        TEST(test_who_cannot_connect_does_not_count_for_connections),
        TEST(test_device_heard_from_afar_only_was_never_connectable),
        TEST(test_apple_chatter_is_a_sign_of_life),
        TEST(test_f131_connectable_again_is_a_change),
        TEST(test_f131_rejected_report_brings_it_back_in_silence),
        TEST(test_devices_are_new_when_they_come_back),
        TEST(test_one_look_finds_all_who_are_gone),
        TEST(test_reference_loses_a_slow_beacon_again_and_again),
        DEFAULT(test_we_do_not_lose_a_slow_beacon),
        DEFAULT(test_we_remember_for_the_interval_that_the_user_has_set),
        DEFAULT(test_we_remember_no_longer_than_900_s),
        TEST(test_reference_loses_one_that_sleeps_often),
        DEFAULT(test_we_do_not_lose_one_that_sleeps_often),
        DEFAULT(test_we_learn_how_slow_a_device_is),
        DEFAULT(test_we_miss_a_slow_device_later),
        TEST(test_reference_loses_a_device_that_slows_down),
        DEFAULT(test_we_do_not_lose_a_device_that_slows_down),
        DEFAULT(test_we_lose_a_device_that_changes_its_pace_once_at_most),
        TEST(test_reference_loses_a_connected_device),
        DEFAULT(test_we_do_not_lose_a_connected_device),
        DEFAULT(test_disconnected_device_is_not_gone_at_once),
        TEST(test_disconnected_device_is_not_gone_at_once_with_habluetooths_looks),
        DEFAULT(test_disconnected_device_of_unknown_interval),
        DEFAULT(test_connected_twice_it_must_be_left_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
