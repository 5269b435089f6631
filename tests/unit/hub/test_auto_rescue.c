/* SPDX-License-Identifier: MIT */
#include "hub/auto_scan.h"

#include "auto_fixture.h"

enum { KITCHEN, GARAGE, ATTIC, CELLAR };
enum { LAMP = 1, THERMOMETER = 2 };

/* The linker puts these in the place of the hub's own (--wrap): whether an owner is being looked for is decided there. */
static bool rescues;
static uint64_t ended;
bool __wrap_ownership_has_rescues(const struct hub *hub);
void __wrap_ownership_end_rescue(struct hub *hub, uint64_t address);

bool __wrap_ownership_has_rescues(const struct hub *hub)
{
    (void)hub;
    return rescues;
}

void __wrap_ownership_end_rescue(struct hub *hub, uint64_t address)
{
    (void)hub;
    ended = address;
}

static int rescue_setup(void **state)
{
    house_setup(state);
    rescues = true;
    ended = 0;
    return 0;
}

/* The lamp is the kitchen's, with a request; the garage hears it, too. */
static struct bleproxy_active_scan *scene(enum bleproxy_scanner_mode owner,
                                          enum bleproxy_scanner_mode challenger)
{
    if (owner != BLEPROXY_MODE_NONE)
        set_mode(KITCHEN, owner);
    if (challenger != BLEPROXY_MODE_NONE)
        set_mode(GARAGE, challenger);
    house.n_sent = 0;
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 100, 20);
    run_to(10);
    return request;
}

static void rescue(uint64_t address)
{
    house.inside = true;
    size_t before = house.n_sent;
    auto_scan_rescue(house.f->hub, address, 0xA1, 0xA0, house.f->now_ns);
    assert_int_equal(house.n_sent, before); /* never from within: a report is being taken in */
    house.inside = false;
}

/* Seconds, or -1. */
static double accept_after(void)
{
    uint64_t accept_ns = auto_scan_accept_after_ns(house.f->hub, LAMP);
    return accept_ns ? seconds_of(accept_ns) : -1;
}

static void test_f124_both_sides_get_a_window(void **state)
{
    (void)state;
    struct bleproxy_active_scan *request = scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    rescue(LAMP);
    assert_true(accept_after() == 15); /* five seconds after the windows open */
    run_to(10);
    assert_true(accept_after() == 15);
    assert_true(due(request) == 110);
    run_to(40);
    assert_string_equal(windows(), "garage 10+20, kitchen 10+20");
    assert_int_equal(ended, 0);
}

static void test_f124_a_later_window_moves_the_time_of_acceptance(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_PASSIVE);
    rescue(LAMP);
    assert_true(accept_after() == -1); /* the owner's window is still to come */
    run_to(10);
    assert_true(accept_after() == 15);
    run_to(111);
    assert_true(accept_after() == 115); /* the ordinary one, 100 s later */
}

static void test_f124_who_scans_actively_anyway_needs_no_window(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_PASSIVE);
    rescue(LAMP);
    assert_true(accept_after() == 15);
    run_to(20);
    assert_string_equal(windows(), "");
}

static void test_f124_active_challenger_starts_the_grace(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_PASSIVE, BLEPROXY_MODE_ACTIVE);
    rescue(LAMP);
    assert_true(accept_after() == 15);
    run_to(20);
    assert_string_equal(windows(), "");
}

static void test_f124_active_but_connecting_is_nothing(void **state)
{
    struct fixture *f = *state;
    scene(BLEPROXY_MODE_ACTIVE, BLEPROXY_MODE_ACTIVE);
    scanner_pause(f->scanners[KITCHEN]);
    scanner_pause(f->scanners[GARAGE]);
    rescue(LAMP);
    assert_true(accept_after() == -1);
}

static void test_f126_passive_on_both_sides_is_nothing(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_PASSIVE, BLEPROXY_MODE_PASSIVE);
    rescue(LAMP);
    run_to(30);
    assert_true(accept_after() == -1);
    assert_string_equal(windows(), "");
}

static void test_f126_connecting_challenger_gets_no_window(void **state)
{
    struct fixture *f = *state;
    scene(BLEPROXY_MODE_PASSIVE, BLEPROXY_MODE_AUTO);
    scanner_pause(f->scanners[GARAGE]);
    rescue(LAMP);
    run_to(30);
    assert_true(accept_after() == -1);
    assert_string_equal(windows(), "");
}

static void test_f126_connecting_owner_is_stood_in_for(void **state)
{
    struct fixture *f = *state;
    set_mode(ATTIC, BLEPROXY_MODE_AUTO);
    air(ATTIC, LAMP, -60);
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_PASSIVE);
    scanner_pause(f->scanners[KITCHEN]);
    rescue(LAMP);
    run_to(14);
    scanner_resume(f->scanners[KITCHEN]);
    assert_true(accept_after() == 15);
    run_to(40);
    assert_string_equal(windows(), "attic 10+20");
}

/* Acceptance is of the dispatch: a proxy that cannot be told does not keep a device from its challenger. */
static void test_f127_a_window_that_fails_counts(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    house.proxies[KITCHEN].answer = house.proxies[GARAGE].answer = BLEPROXY_E_CLOSED;
    rescue(LAMP);
    run_to(12);
    assert_true(accept_after() == 15);
}

static void test_f127_the_latest_acceptance_is_kept(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    rescue(LAMP);
    run_to(35);
    assert_true(accept_after() == 15);
    rescue(LAMP);
    assert_true(accept_after() == 40);
    run_to(90);
    assert_true(accept_after() == 40);
    assert_string_equal(windows(), "garage 10+20, kitchen 10+20, garage 35+20, kitchen 35+20");
}

static void test_f128_without_episodes_windows_cost_nothing(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    rescues = false;
    run_to(130);
    assert_string_equal(windows(), "kitchen 105+20");
    assert_true(accept_after() == -1);
}

static void test_f128_the_last_request_ends_the_episode(void **state)
{
    (void)state;
    struct bleproxy_active_scan *request = scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO),
                                *other = want(LAMP, 60, 10);
    rescue(LAMP);
    run_to(12);
    bleproxy_active_scan_free(other);
    assert_int_equal(ended, 0);
    assert_true(accept_after() == 15);
    bleproxy_active_scan_free(request);
    assert_int_equal(ended, LAMP);
    assert_true(accept_after() == -1);
    run_to(60);
    assert_string_equal(windows(), "garage 10+20, kitchen 10+20"); /* what runs goes on */
}

static void test_what_nobody_asked_for_is_not_rescued(void **state)
{
    (void)state;
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    rescue(THERMOMETER);
    run_to(30);
    assert_string_equal(windows(), "");
}

static void test_sides_that_are_gone(void **state)
{
    struct fixture *f = *state;
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    auto_scan_rescue(f->hub, LAMP, 0xA1, 0xEE, f->now_ns);
    run_to(40);
    auto_scan_rescue(f->hub, LAMP, 0xEE, 0xA0, f->now_ns);
    run_to(70);
    assert_string_equal(windows(), "garage 10+20, kitchen 40+20");
}

static void test_challenger_that_goes_before_its_window(void **state)
{
    struct fixture *f = *state;
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    rescue(LAMP);
    hub_unregister_scanner(f->hub, f->scanners[GARAGE], f->now_ns);
    run_to(40);
    assert_string_equal(windows(), "kitchen 10+20");
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[GARAGE], f->now_ns), 0);
    run_to(70);
    assert_string_equal(windows(), "kitchen 10+20"); /* forgotten */
}

static void test_request_that_goes_before_the_window(void **state)
{
    (void)state;
    struct bleproxy_active_scan *request = scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_AUTO);
    rescue(LAMP);
    bleproxy_active_scan_free(request);
    run_to(40);
    assert_string_equal(windows(), "garage 10+20");
}

/* The owner's schedule had gone to a third: a rescue brings it back to who is the owner there. */
static void test_owner_is_whoever_the_arbiter_says(void **state)
{
    struct fixture *f = *state;
    set_mode(ATTIC, BLEPROXY_MODE_AUTO);
    scene(BLEPROXY_MODE_AUTO, BLEPROXY_MODE_PASSIVE);
    auto_scan_on_gone(f->hub, LAMP); /* nothing is scheduled */
    rescue(LAMP);
    run_to(40);
    assert_string_equal(windows(), "kitchen 10+20");
}

#define RESCUE_TEST(name) cmocka_unit_test_setup_teardown(name, rescue_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESCUE_TEST(test_f124_both_sides_get_a_window),
        RESCUE_TEST(test_f124_a_later_window_moves_the_time_of_acceptance),
        RESCUE_TEST(test_f124_who_scans_actively_anyway_needs_no_window),
        RESCUE_TEST(test_f124_active_challenger_starts_the_grace),
        RESCUE_TEST(test_f124_active_but_connecting_is_nothing),
        RESCUE_TEST(test_f126_passive_on_both_sides_is_nothing),
        RESCUE_TEST(test_f126_connecting_challenger_gets_no_window),
        RESCUE_TEST(test_f126_connecting_owner_is_stood_in_for),
        RESCUE_TEST(test_f127_a_window_that_fails_counts),
        RESCUE_TEST(test_f127_the_latest_acceptance_is_kept),
        RESCUE_TEST(test_f128_without_episodes_windows_cost_nothing),
        RESCUE_TEST(test_f128_the_last_request_ends_the_episode),
        RESCUE_TEST(test_what_nobody_asked_for_is_not_rescued),
        RESCUE_TEST(test_sides_that_are_gone),
        RESCUE_TEST(test_challenger_that_goes_before_its_window),
        RESCUE_TEST(test_request_that_goes_before_the_window),
        RESCUE_TEST(test_owner_is_whoever_the_arbiter_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
