/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/device.h"
#include "hub/hub_private.h"
#include "hub/interest.h"
#include "hub/scanner_private.h"
#include "hub/sightings.h"

/* Addresses that somebody cares about. */

enum { A, B, C, D };

static void hear_from(struct fixture *f, unsigned scanner, uint64_t address)
{
    hear(f, f->scanners[scanner], address, -50, "020106");
}

static bool is_kept(const struct fixture *f, uint64_t address)
{
    const struct bleproxy_device *device = hub_device(f->hub, address);
    assert_non_null(device);
    assert_int_equal(device->interest != NULL, device->member.kept);
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        const struct sighting *sighting =
            f->scanners[i] ? sightings_get(&f->scanners[i]->sightings, address) : NULL;
        if (sighting)
            assert_int_equal(sighting->member.kept, device->member.kept);
    }
    return device->member.kept;
}

static size_t n_interests(const struct fixture *f)
{
    return f->hub->interests.by_address.count;
}

static void hold(struct fixture *f, uint64_t address)
{
    assert_int_equal(interest_hold(f->hub, address), 0);
}

static void set_interval(struct fixture *f, uint64_t address, uint64_t seconds)
{
    assert_int_equal(hub_set_interval(f->hub, address, seconds * NS_PER_S), 0);
}

static void test_holds_are_counted(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, 1);
    hold(f, 1);
    hold(f, 1);
    assert_true(is_kept(f, 1));
    interest_release(f->hub, 1);
    assert_true(is_kept(f, 1));
    interest_release(f->hub, 1);
    assert_false(is_kept(f, 1));
    assert_int_equal(n_interests(f), 0);
    interest_release(f->hub, 1); /* once too often */
    interest_disconnect(f->hub, 1);
}

static void test_each_reason_suffices(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, 1);
    hold(f, 1);
    assert_int_equal(interest_connect(f->hub, 1), 0);
    set_interval(f, 1, 10);
    interest_release(f->hub, 1);
    assert_true(is_kept(f, 1));
    interest_release(f->hub, 1); /* does not take another's reason away */
    interest_disconnect(f->hub, 1);
    assert_true(is_kept(f, 1));
    set_interval(f, 1, 0);
    assert_false(is_kept(f, 1));
    assert_int_equal(n_interests(f), 0);
}

static void test_device_that_comes_later_is_kept_by_all_scanners(void **state)
{
    struct fixture *f = *state;
    hold(f, 1);
    hear_from(f, A, 1);
    hear_from(f, B, 1);
    hear_from(f, B, 1);
    assert_true(is_kept(f, 1));
    assert_true(sightings_get(&f->scanners[B]->sightings, 1)->member.kept);
    hear_from(f, B, 2);
    assert_false(is_kept(f, 2));
    interest_release(f->hub, 1);
}

static void test_device_that_comes_back_is_kept(void **state)
{
    struct fixture *f = *state;
    hold(f, 1);
    hear_from(f, A, 1);
    at(f, 1500);
    assert_null(hub_device(f->hub, 1));
    assert_null(interests_get(&f->hub->interests, 1)->device);
    hear_from(f, A, 1);
    assert_true(is_kept(f, 1));
    interest_release(f->hub, 1);
    assert_false(is_kept(f, 1));
}

static void test_interval_goes_with_the_device_and_other_reasons_stay(void **state)
{
    struct fixture *f = *state;
    hold(f, 1);
    set_interval(f, 1, 10);
    set_interval(f, 2, 10);
    hear_from(f, A, 1);
    hear_from(f, A, 2);
    at(f, 1500);
    assert_int_equal(hub_n_devices(f->hub), 0);
    bool stays = !(f->hub->rules & BLEPROXY_RULE_EXPIRY); /* with the reference it goes */
    assert_int_equal(n_interests(f), stays ? 2 : 1);
    assert_int_equal(interests_get(&f->hub->interests, 1)->interval_ns, stays ? 10 * NS_PER_S : 0);
    interest_release(f->hub, 1);
}

/* It has not become unavailable: nobody has been told so. */
static void test_interval_of_a_forgotten_device_stays(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 1, 10);
    hear_from(f, A, 1);
    hub_forget(f->hub, 1);
    at(f, 5000);
    assert_int_equal(hub_n_devices(f->hub), 0);
    assert_int_equal(interests_get(&f->hub->interests, 1)->interval_ns, 10 * NS_PER_S);
}

static void test_interval_of_a_device_that_was_never_heard_stays(void **state)
{
    struct fixture *f = *state;
    set_interval(f, 1, 10);
    at(f, 100000);
    assert_int_equal(interests_get(&f->hub->interests, 1)->interval_ns, 10 * NS_PER_S);
}

static void test_intervals_of_over_a_year_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(hub_set_interval(f->hub, 1, HUB_INTERVAL_MAX_S * NS_PER_S), 0);
    assert_int_equal(hub_set_interval(f->hub, 1, HUB_INTERVAL_MAX_S * NS_PER_S + 1), BLEPROXY_E_INVALID);
    assert_int_equal(hub_set_interval(f->hub, 1, UINT64_MAX), BLEPROXY_E_INVALID);
    assert_int_equal(interests_get(&f->hub->interests, 1)->interval_ns, HUB_INTERVAL_MAX_S * NS_PER_S);
    assert_int_equal(hub_set_interval(f->hub, 1, 0), 0);
    assert_int_equal(hub_set_interval(f->hub, 1, 0), 0);
    assert_int_equal(n_interests(f), 0);
}

/* A scanner's memory of it is a stranger's, once the hub that cares is not its any more. */
static void test_unregistered_scanner_keeps_nothing(void **state)
{
    struct fixture *f = *state;
    hold(f, 1);
    hear_from(f, A, 1);
    hear_from(f, B, 1);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    assert_false(sightings_get(&f->scanners[A]->sightings, 1)->member.kept);
    assert_true(sightings_get(&f->scanners[B]->sightings, 1)->member.kept);
    interest_release(f->hub, 1);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[A], f->now_ns), 0);
    hear_from(f, A, 1);
    assert_false(is_kept(f, 1));
}

static void test_strangers_do_not_displace_it_from_its_scanner_either(void **state)
{
    struct fixture *f = *state;
    hold(f, 1);
    hear_from(f, A, 1);
    hear_from(f, A, 2);
    for (uint64_t address = 1000; address < 1000 + 2 * SIGHTINGS_MAX; address++)
        hear_from(f, A, address);
    assert_non_null(scanner_last(f->scanners[A], 1));
    assert_null(scanner_last(f->scanners[A], 2));
    assert_int_equal(scanner_n_devices(f->scanners[A]), SIGHTINGS_MAX);
    interest_release(f->hub, 1);
}

/* Neither hub nor scanner makes it wait, though all of their places are taken by others. */
static void test_it_has_no_need_to_wait_for_a_place(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 2; i++)
        for (uint64_t address = 1000; address < 1000 + SIGHTINGS_MAX; address++)
            hear_from(f, A, address);
    hear_from(f, A, 2);
    assert_null(scanner_last(f->scanners[A], 2));
    hold(f, 1);
    hear_from(f, A, 1);
    assert_non_null(scanner_last(f->scanners[A], 1));
    assert_true(is_kept(f, 1));
    interest_release(f->hub, 1);
}

/* Nor when it has more to tell than before, though others have taken all bytes. */
static void test_it_may_grow_where_there_is_no_room(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[A];
    static uint8_t raw[SIGHTING_RAW_MAX];
    hold(f, 1);
    hear_from(f, A, 1);
    hear_from(f, A, 2);
    hear_from(f, A, 2);
    for (uint64_t address = 1000; address < 1000 + SIGHTINGS_BYTES_MAX / SIGHTING_RAW_MAX; address++)
        for (unsigned i = 0; i < 2; i++)
            hear_bytes(f, scanner, address, -50, raw, sizeof(raw));
    hear_bytes(f, scanner, 2, -40, raw, sizeof(raw));
    assert_int_equal(scanner_last(scanner, 2)->rssi_dbm, -50);
    hear_bytes(f, scanner, 1, -40, raw, sizeof(raw));
    assert_int_equal(scanner_last(scanner, 1)->rssi_dbm, -40);
    assert_int_equal(scanner_last(scanner, 1)->raw_size, sizeof(raw));
    interest_release(f->hub, 1);
}

/* Where all are cared about there is no room for one more: the caps hold. */
static void test_caps_hold_for_those_who_are_cared_about(void **state)
{
    struct fixture *f = *state;
    f->hub->devices.max = 4;
    for (uint64_t address = 1; address <= 6; address++) {
        hold(f, address);
        hear_from(f, A, address);
        hear_from(f, A, address);
    }
    assert_int_equal(hub_n_devices(f->hub), 4);
    assert_null(hub_device(f->hub, 5));
    assert_non_null(hub_device(f->hub, 4));
    interest_release(f->hub, 2);
    hear_from(f, A, 6);
    assert_non_null(hub_device(f->hub, 6));
    assert_null(hub_device(f->hub, 2));
}

static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    hear_from(f, A, 1);
    for (size_t n = 0; n < 2; n++) {
        f->test.fail_after = n;
        assert_int_equal(interest_hold(f->hub, 1), BLEPROXY_E_NOMEM);
        f->test.fail_after = n;
        assert_int_equal(interest_connect(f->hub, 1), BLEPROXY_E_NOMEM);
        f->test.fail_after = n;
        assert_int_equal(hub_set_interval(f->hub, 1, 5), BLEPROXY_E_NOMEM);
        assert_int_equal(hub_set_interval(f->hub, 1, 0), 0); /* takes none */
        assert_int_equal(n_interests(f), 0);
        assert_false(is_kept(f, 1));
    }
    f->test.fail_after = SIZE_MAX;
    hold(f, 1);
    f->test.fail_after = 0;
    hold(f, 1); /* takes none */
    f->test.fail_after = SIZE_MAX;
    assert_true(is_kept(f, 1));
}

/* Whatever somebody cares about when the hub goes, goes with it. */
static void test_freed_hub_frees_them(void **state)
{
    struct fixture *f = *state;
    for (uint64_t address = 1; address <= 40; address++) {
        hold(f, address);
        assert_int_equal(interest_connect(f->hub, address), 0);
        if (address % 2)
            hear_from(f, A, address);
    }
    hub_free(f->hub, f->now_ns);
    f->hub = NULL;
    hear_from(f, A, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_holds_are_counted),
        TEST(test_each_reason_suffices),
        TEST(test_device_that_comes_later_is_kept_by_all_scanners),
        TEST(test_device_that_comes_back_is_kept),
        TEST(test_interval_goes_with_the_device_and_other_reasons_stay),
        cmocka_unit_test_setup_teardown(test_interval_goes_with_the_device_and_other_reasons_stay,
                                        reference_setup, fixture_teardown),
        TEST(test_interval_of_a_forgotten_device_stays),
        TEST(test_interval_of_a_device_that_was_never_heard_stays),
        TEST(test_intervals_of_over_a_year_are_refused),
        TEST(test_unregistered_scanner_keeps_nothing),
        TEST(test_strangers_do_not_displace_it_from_its_scanner_either),
        TEST(test_it_has_no_need_to_wait_for_a_place),
        TEST(test_it_may_grow_where_there_is_no_room),
        TEST(test_caps_hold_for_those_who_are_cared_about),
        TEST(test_no_memory),
        TEST(test_freed_hub_frees_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
