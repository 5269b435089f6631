/* SPDX-License-Identifier: MIT */
#include "hub/hub_private.h"

#include "auto_fixture.h"

enum { KITCHEN, GARAGE, ATTIC, CELLAR };
enum { LAMP = 1 };

/* All but the cellar are in mode AUTO. */
static int sweep_setup(void **state)
{
    house_setup(state);
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    house.n_sent = 0;
    return 0;
}

static int window_setup(void **state)
{
    sweep_setup(state);
    house.f->hub->rules = BLEPROXY_RULE_WINDOW;
    return 0;
}

static void test_f159_sweep_opens_a_window_on_each(void **state)
{
    (void)state;
    sweep_for(10);
    assert_string_equal(windows(), ""); /* not from within */
    run_to(9.9);
    assert_int_equal(house.n_done, 0);
    run_to(10);
    assert_int_equal(house.n_done, 1);
    assert_int_equal(house.n_swept, 1);
    assert_string_equal(windows(), "kitchen 0+10, garage 0+10, attic 0+10");
}

static void test_sweep_counts_as_a_sweep_of_its_own(void **state)
{
    (void)state;
    sweep_for(10);
    run_to(300);
    assert_string_equal(windows(), "kitchen 0+10, garage 0+10, attic 0+10");
}

static void test_f159_two_callers_share_a_window(void **state)
{
    (void)state;
    sweep_for(10);
    sweep_for(10);
    run_to(0.5);
    sweep_for(10); /* half a second more is not worth it */
    run_to(9.9);
    assert_int_equal(house.n_done, 0);
    run_to(10);
    assert_int_equal(house.n_done, 3);
    assert_int_equal(house.n_swept, 3);
    assert_string_equal(windows(), "kitchen 0+10, garage 0+10, attic 0+10");
}

static void test_f159_longer_joiner_makes_the_windows_longer(void **state)
{
    (void)state;
    sweep_for(10);
    run_to(5);
    sweep_for(10);
    run_to(14.9);
    assert_int_equal(house.n_done, 0);
    assert_string_equal(windows(), "kitchen 0+, garage 0+, attic 0+");
    run_to(20);
    assert_int_equal(house.n_done, 2);
    assert_string_equal(windows(), "kitchen 0+15, garage 0+15, attic 0+15");
}

static void test_f159_by_the_reference_windows_are_never_longer(void **state)
{
    (void)state;
    sweep_for(10);
    run_to(5);
    sweep_for(10);
    run_to(20);
    assert_int_equal(house.n_done, 2);
    assert_string_equal(windows(), "kitchen 0+10, garage 0+10, attic 0+10");
}

static void test_f159_joiner_brings_in_a_proxy_that_was_connecting(void **state)
{
    struct fixture *f = *state;
    scanner_pause(f->scanners[ATTIC]);
    sweep_for(10);
    run_to(5);
    scanner_resume(f->scanners[ATTIC]);
    sweep_for(20);
    run_to(24.9);
    assert_int_equal(house.n_done, 0);
    run_to(30);
    assert_int_equal(house.n_done, 2);
    assert_string_equal(windows(), house.f->hub->rules ? "kitchen 0+10, garage 0+10, attic 5+20"
                                                       : "kitchen 0+25, garage 0+25, attic 5+20");
}

static void test_f159_nothing_opened_is_done_at_once(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        scanner_pause(f->scanners[i]);
    sweep_for(10);
    assert_int_equal(house.n_done, 0); /* but not from within */
    assert_true(hub_deadline(f->hub) <= f->now_ns);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(house.n_done, 1);
    assert_int_equal(house.n_swept, 0);
    assert_string_equal(windows(), "");
}

static void test_f159_no_proxy_in_mode_auto_is_done_at_once(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        set_mode(i, BLEPROXY_MODE_ACTIVE);
    sweep_for(10);
    sweep_for(20);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(house.n_done, 2);
    assert_int_equal(house.n_swept, 0);
}

static void test_f159_refused_everywhere_is_done_at_once_and_hides_nothing(void **state)
{
    struct fixture *f = *state;
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 10);
    run_to(64);
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        house.proxies[i].answer = BLEPROXY_E_CLOSED;
    sweep_for(30);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(house.n_done, 1);
    assert_int_equal(house.n_swept, 0);
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        house.proxies[i].answer = 0;
    run_to(80);
    assert_string_equal(windows(), "kitchen 65+10"); /* its own, in time */
}

static void test_extension_that_opens_nothing_is_none(void **state)
{
    struct fixture *f = *state;
    sweep_for(10);
    run_to(5);
    for (unsigned i = KITCHEN; i <= ATTIC; i++)
        scanner_pause(f->scanners[i]);
    sweep_for(30);
    run_to(10);
    assert_int_equal(house.n_done, 2);
}

static void test_what_is_due_during_a_sweep_waits_for_its_end(void **state)
{
    (void)state;
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 10);
    run_to(60);
    sweep_for(20);
    run_to(100);
    assert_string_equal(windows(), "kitchen 60+20, garage 60+20, attic 60+20, kitchen 80+10");
}

static void test_f159_leader_that_cancels_frees_those_who_joined(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_sweep *leader = sweep_for(10);
    sweep_for(10);
    run_to(3);
    sweep_for(10);
    run_to(4);
    bleproxy_sweep_cancel(leader);
    assert_int_equal(house.n_done, 1); /* itself from within, nobody else */
    assert_int_equal(house.n_cancelled, 1);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(house.n_done, 3);
    assert_int_equal(house.n_cancelled, 1);
    assert_int_equal(house.n_swept, 3);
    run_to(30);
    assert_int_equal(house.n_done, 3);
    assert_string_equal(windows(), "kitchen 0+4, garage 0+4, attic 0+4");
}

static void test_f159_joiner_that_cancels_leaves_the_others_alone(void **state)
{
    (void)state;
    sweep_for(10);
    struct bleproxy_sweep *joiner = sweep_for(10);
    run_to(3);
    bleproxy_sweep_cancel(joiner);
    assert_int_equal(house.n_cancelled, 1);
    run_to(20);
    assert_int_equal(house.n_done, 2);
    assert_int_equal(house.n_cancelled, 1);
    assert_string_equal(windows(), "kitchen 0+10, garage 0+10, attic 0+10");
}

static void test_sweep_cancelled_before_it_began(void **state)
{
    (void)state;
    bleproxy_sweep_cancel(sweep_for(10));
    assert_int_equal(house.n_cancelled, 1);
    assert_int_equal(house.n_swept, 0);
    run_to(20);
    assert_int_equal(house.n_done, 1);
    assert_string_equal(windows(), "");
}

static void test_joiner_cancelled_when_it_is_over_but_not_told_yet(void **state)
{
    (void)state;
    struct bleproxy_sweep *leader = sweep_for(10), *joiner = sweep_for(10);
    run_to(3);
    bleproxy_sweep_cancel(leader);
    bleproxy_sweep_cancel(joiner);
    assert_int_equal(house.n_cancelled, 2);
    assert_int_equal(house.n_swept, 2);
    run_to(20);
    assert_int_equal(house.n_done, 2);
}

static void test_the_next_sweep_after_a_cancelled_one(void **state)
{
    (void)state;
    struct bleproxy_sweep *leader = sweep_for(10);
    run_to(3);
    bleproxy_sweep_cancel(leader);
    sweep_for(5);
    run_to(20);
    assert_int_equal(house.n_done, 2);
    assert_string_equal(windows(), "kitchen 0+3, garage 0+3, attic 0+3, kitchen 3+5, garage 3+5, attic 3+5");
}

static void test_f159_freeing_the_hub_completes_all(void **state)
{
    struct fixture *f = *state;
    sweep_for(10);
    run_to(3);
    sweep_for(10);
    sweep_for(30);
    hub_free(f->hub, f->now_ns);
    f->hub = NULL;
    assert_int_equal(house.n_done, 3);
    assert_int_equal(house.n_cancelled, 3);
    assert_string_equal(windows(), "kitchen 0+3, garage 0+3, attic 0+3");
}

static void test_durations_become_5_to_35_s(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_auto_scan info;
    sweep_for(0);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(hub_get_auto_scan(f->hub, 0xA0, &info), 0);
    assert_int_equal(info.window_ms, 10000);
    assert_true(info.window_open);
    run_to(20);
    assert_int_equal(hub_sweep(f->hub, 1, on_swept, &house, f->now_ns, NULL), 0);
    run_to(30);
    assert_int_equal(hub_sweep(f->hub, UINT32_MAX, on_swept, &house, f->now_ns, NULL), 0);
    run_to(90);
    assert_int_equal(house.n_done, 3);
    assert_string_equal(windows(),
                        "kitchen 0+10, garage 0+10, attic 0+10, kitchen 20+5, garage 20+5, attic 20+5, "
                        "kitchen 30+35, garage 30+35, attic 30+35");
    assert_int_equal(hub_sweep(f->hub, 0, NULL, NULL, f->now_ns, NULL), BLEPROXY_E_INVALID);
}

static void test_proxy_that_goes_during_a_sweep(void **state)
{
    struct fixture *f = *state;
    sweep_for(10);
    run_to(3);
    hub_unregister_scanner(f->hub, f->scanners[GARAGE], f->now_ns);
    run_to(20);
    assert_int_equal(house.n_done, 1);
    assert_string_equal(windows(), "kitchen 0+10, garage 0+3, attic 0+10");
}

/* ---- Windows that are open already ---- */

static void test_sweep_makes_a_window_of_its_own_longer(void **state)
{
    (void)state;
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 10);
    run_to(70);
    sweep_for(20);
    run_to(80);
    bleproxy_active_scan_free(request);
    run_to(100);
    assert_int_equal(house.n_swept, 1);
    assert_string_equal(windows(), house.f->hub->rules ? "kitchen 65+10, garage 70+20, attic 70+20"
                                                       : "kitchen 65+25, garage 70+20, attic 70+20");
}

static void test_cancelled_sweep_leaves_a_window_of_its_own_as_it_is(void **state)
{
    (void)state;
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 30);
    run_to(70);
    struct bleproxy_sweep *sweep = sweep_for(5);
    run_to(71);
    bleproxy_sweep_cancel(sweep);
    run_to(100);
    assert_string_equal(windows(), "kitchen 65+30, garage 70+1, attic 70+1");
}

static void test_window_of_the_program_is_not_touched(void **state)
{
    struct fixture *f = *state;
    scanner_window(f->scanners[KITCHEN], 7 * NS_PER_S, NULL, NULL, f->now_ns);
    sweep_for(20);
    run_to(30);
    assert_string_equal(windows(), "kitchen 0+7, garage 0+20, attic 0+20");
}

/* ---- Callbacks that do everything ---- */

static void sweep_again(void *user, int error, bool swept)
{
    struct fixture *f = user;
    on_swept(&house, error, swept);
    assert_int_equal(hub_sweep(f->hub, 5000, on_swept, &house, f->now_ns, NULL), 0);
}

static void test_sweep_begun_in_a_callback_is_a_new_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(hub_sweep(f->hub, 10000, sweep_again, f, f->now_ns, NULL), 0);
    sweep_for(10);
    run_to(10);
    assert_int_equal(house.n_done, 2);
    run_to(20);
    assert_int_equal(house.n_done, 3);
    assert_string_equal(windows(),
                        "kitchen 0+10, garage 0+10, attic 0+10, kitchen 10+5, garage 10+5, attic 10+5");
}

static void free_hub(void *user, int error, bool swept)
{
    struct fixture *f = user;
    on_swept(&house, error, swept);
    hub_free(f->hub, f->now_ns);
    f->hub = NULL;
}

static void test_hub_freed_in_a_callback(void **state)
{
    struct fixture *f = *state;
    struct hub *hub = f->hub;
    assert_int_equal(hub_sweep(hub, 10000, free_hub, f, f->now_ns, NULL), 0);
    sweep_for(10);
    hub_tick(hub, f->now_ns);
    f->now_ns += 10 * NS_PER_S;
    hub_tick(hub, f->now_ns);
    assert_null(f->hub);
    assert_int_equal(house.n_done, 2);
    assert_int_equal(house.n_cancelled, 1);
}

static void cancel_other(void *user, int error, bool swept)
{
    struct auto_house *h = user;
    on_swept(h, error, swept);
    if (h->sweep)
        bleproxy_sweep_cancel(h->sweep);
}

static void test_one_callback_cancels_another(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(hub_sweep(f->hub, 10000, cancel_other, &house, f->now_ns, NULL), 0);
    house.sweep = sweep_for(10);
    run_to(10);
    assert_int_equal(house.n_done, 2);
    assert_int_equal(house.n_cancelled, 1);
}

/* ---- Proxies that fail as they are told ---- */

static void act_free_others(struct auto_house *h)
{
    for (unsigned i = KITCHEN; i <= ATTIC; i++) {
        scanner_free(h->f->scanners[i]);
        h->f->scanners[i] = NULL;
    }
}

static void test_all_scanners_freed_while_the_first_is_told(void **state)
{
    struct fixture *f = *state;
    house.proxies[KITCHEN].act = act_free_others;
    sweep_for(10);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(house.n_done, 1);
    assert_int_equal(house.n_swept, 0);
    run_to(20);
}

static void act_cancel(struct auto_house *h)
{
    bleproxy_sweep_cancel(h->sweep);
}

static void test_cancelled_while_the_second_is_told(void **state)
{
    (void)state;
    house.proxies[GARAGE].act = act_cancel;
    house.sweep = sweep_for(10);
    run_to(20);
    assert_int_equal(house.n_done, 1);
    assert_int_equal(house.n_cancelled, 1);
    assert_string_equal(windows(), "kitchen 0+0, garage 0+0");
}

static void test_cancelled_while_the_second_is_told_and_another_waits(void **state)
{
    (void)state;
    house.proxies[GARAGE].act = act_cancel;
    house.sweep = sweep_for(10);
    sweep_for(10);
    run_to(20);
    assert_int_equal(house.n_done, 2);
    assert_int_equal(house.n_cancelled, 1);
    assert_string_equal(windows(), "kitchen 0+10, garage 0+10, attic 0+10");
}

static void act_free_hub(struct auto_house *h)
{
    hub_free(h->f->hub, h->f->now_ns);
    h->f->hub = NULL;
}

static void test_hub_freed_while_a_proxy_is_told(void **state)
{
    struct fixture *f = *state;
    house.proxies[GARAGE].act = act_free_hub;
    sweep_for(10);
    hub_tick(f->hub, f->now_ns);
    assert_null(f->hub);
    assert_int_equal(house.n_done, 1);
    assert_int_equal(house.n_cancelled, 1);
}

static void test_out_of_memory(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_sweep *sweep = NULL;
    f->test.fail_after = 0;
    assert_int_equal(hub_sweep(f->hub, 0, on_swept, &house, f->now_ns, &sweep), BLEPROXY_E_NOMEM);
    f->test.fail_after = SIZE_MAX;
    assert_null(sweep);
    run_to(20);
    assert_int_equal(house.n_done, 0);
}

#define SWEEP_TEST(name) cmocka_unit_test_setup_teardown(name, sweep_setup, house_teardown)
/* Windows as the Python stack has them. */
#define REFERENCE_TEST(name)                                                                                 \
    {                                                                                                        \
        "reference_" #name, name, window_setup, house_teardown, NULL                                         \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP_TEST(test_f159_sweep_opens_a_window_on_each),
        SWEEP_TEST(test_sweep_counts_as_a_sweep_of_its_own),
        SWEEP_TEST(test_f159_two_callers_share_a_window),
        SWEEP_TEST(test_f159_longer_joiner_makes_the_windows_longer),
        REFERENCE_TEST(test_f159_by_the_reference_windows_are_never_longer),
        SWEEP_TEST(test_f159_joiner_brings_in_a_proxy_that_was_connecting),
        REFERENCE_TEST(test_f159_joiner_brings_in_a_proxy_that_was_connecting),
        SWEEP_TEST(test_f159_nothing_opened_is_done_at_once),
        SWEEP_TEST(test_f159_no_proxy_in_mode_auto_is_done_at_once),
        SWEEP_TEST(test_f159_refused_everywhere_is_done_at_once_and_hides_nothing),
        SWEEP_TEST(test_extension_that_opens_nothing_is_none),
        SWEEP_TEST(test_what_is_due_during_a_sweep_waits_for_its_end),
        SWEEP_TEST(test_f159_leader_that_cancels_frees_those_who_joined),
        SWEEP_TEST(test_f159_joiner_that_cancels_leaves_the_others_alone),
        SWEEP_TEST(test_sweep_cancelled_before_it_began),
        SWEEP_TEST(test_joiner_cancelled_when_it_is_over_but_not_told_yet),
        SWEEP_TEST(test_the_next_sweep_after_a_cancelled_one),
        SWEEP_TEST(test_f159_freeing_the_hub_completes_all),
        SWEEP_TEST(test_durations_become_5_to_35_s),
        SWEEP_TEST(test_proxy_that_goes_during_a_sweep),
        SWEEP_TEST(test_sweep_makes_a_window_of_its_own_longer),
        REFERENCE_TEST(test_sweep_makes_a_window_of_its_own_longer),
        SWEEP_TEST(test_cancelled_sweep_leaves_a_window_of_its_own_as_it_is),
        SWEEP_TEST(test_window_of_the_program_is_not_touched),
        SWEEP_TEST(test_sweep_begun_in_a_callback_is_a_new_one),
        SWEEP_TEST(test_hub_freed_in_a_callback),
        SWEEP_TEST(test_one_callback_cancels_another),
        SWEEP_TEST(test_all_scanners_freed_while_the_first_is_told),
        SWEEP_TEST(test_cancelled_while_the_second_is_told),
        SWEEP_TEST(test_cancelled_while_the_second_is_told_and_another_waits),
        SWEEP_TEST(test_hub_freed_while_a_proxy_is_told),
        SWEEP_TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
