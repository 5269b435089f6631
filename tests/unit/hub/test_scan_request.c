/* SPDX-License-Identifier: MIT */
#include "auto_fixture.h"

enum { KITCHEN, GARAGE, ATTIC, CELLAR };
enum { LAMP = 1, RUNNING = BLEPROXY_SCANNER_RUNNING };

static struct bleproxy_scan_request *request(enum bleproxy_scanner_mode mode)
{
    struct bleproxy_scan_request *made;
    assert_int_equal(hub_request_scan(house.f->hub, mode, &made), 0);
    return made;
}

/* Control returns to the loop. */
static void turn(void)
{
    run_to(seconds_of(house.f->now_ns));
}

static void test_active_while_a_request_is_held(void **state)
{
    (void)state;
    struct bleproxy_scan_request *first = request(BLEPROXY_MODE_ACTIVE);
    assert_string_equal(messages(0), "");
    turn();
    assert_string_equal(messages(0), "kitchen 0 active, garage 0 active, attic 0 active, cellar 0 active");
    struct bleproxy_scan_request *second = request(BLEPROXY_MODE_ACTIVE);
    run_to(1);
    bleproxy_scan_request_free(first);
    run_to(2);
    assert_int_equal(house.n_sent, 4); /* the second holds it */
    bleproxy_scan_request_free(second);
    turn();
    assert_string_equal(messages(4),
                        "kitchen 2 passive, garage 2 passive, attic 2 passive, cellar 2 passive");
    bleproxy_scan_request_free(NULL);
}

static void test_each_proxy_gets_back_what_it_had(void **state)
{
    struct fixture *f = *state;
    scanner_on_state(f->scanners[GARAGE], RUNNING, 1, 1, f->now_ns);
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    assert_string_equal(messages(0),
                        "kitchen 0 active, attic 0 active, cellar 0 active"); /* it does already */
    for (unsigned i = KITCHEN; i <= CELLAR; i++)
        scanner_on_state(f->scanners[i], RUNNING, 1, 0, f->now_ns);
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(3), "kitchen 0 passive, attic 0 passive, cellar 0 passive");
}

static void test_a_request_right_after_another_gives_back_what_was_before_both(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    for (unsigned i = GARAGE; i <= CELLAR; i++)
        scanner_on_state(f->scanners[i], RUNNING, 1, 1, f->now_ns);
    scanner_on_state(f->scanners[KITCHEN], RUNNING, 0, 0, f->now_ns);
    turn();
    assert_string_equal(messages(0), "kitchen 0 active");
    scanner_on_state(f->scanners[KITCHEN], RUNNING, 1, 0, f->now_ns);
    bleproxy_scan_request_free(active);
    turn();
    active = request(BLEPROXY_MODE_ACTIVE); /* it has not answered yet */
    turn();
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(1), "kitchen 0 passive, kitchen 0 active, kitchen 0 passive");
}

static void test_passive_if_nobody_wants_more(void **state)
{
    struct fixture *f = *state;
    scanner_on_state(f->scanners[GARAGE], RUNNING, 1, 1, f->now_ns);
    struct bleproxy_scan_request *passive = request(BLEPROXY_MODE_PASSIVE);
    turn();
    assert_string_equal(messages(0), "garage 0 passive");
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    assert_string_equal(messages(1), "kitchen 0 active, garage 0 active, attic 0 active, cellar 0 active");
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(5),
                        "kitchen 0 passive, garage 0 passive, attic 0 passive, cellar 0 passive");
    bleproxy_scan_request_free(passive);
    turn();
    assert_string_equal(messages(9), "garage 0 active");
}

static void test_passive_gives_way_to_devices_that_need_active_scans(void **state)
{
    struct fixture *f = *state;
    scanner_on_state(f->scanners[GARAGE], RUNNING, 1, 1, f->now_ns);
    struct bleproxy_scan_request *passive = request(BLEPROXY_MODE_PASSIVE);
    turn();
    assert_string_equal(messages(0), "garage 0 passive");
    struct bleproxy_active_scan *need = want(LAMP, 60, 10);
    turn();
    assert_string_equal(messages(1), "garage 0 active");
    bleproxy_active_scan_free(need);
    turn();
    assert_string_equal(messages(2), "garage 0 passive");
    bleproxy_scan_request_free(passive);
}

static void test_pinned_proxies_are_left_alone(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_PASSIVE);
    set_mode(GARAGE, BLEPROXY_MODE_ACTIVE);
    house.n_sent = 0;
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    assert_string_equal(messages(0), "attic 0 active, cellar 0 active");
    set_mode(ATTIC, BLEPROXY_MODE_PASSIVE); /* pinned meanwhile */
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(2), "attic 0 passive, cellar 0 passive");
    bleproxy_scan_request_free(request(BLEPROXY_MODE_PASSIVE));
    turn();
    assert_int_equal(house.n_sent, 4);
}

static void test_auto_stays_auto_with_its_window_held_open(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *need = want(LAMP, 60, 10);
    run_to(70);
    house.n_sent = 0;
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    run_to(72); /* in a window: it is active already */
    assert_int_equal(scanner_requested_mode(f->scanners[KITCHEN]), BLEPROXY_MODE_AUTO);
    run_to(140);
    assert_true(due(need) == 185); /* its windows count, but need no message */
    assert_string_equal(messages(0), "garage 70 active, attic 70 active, cellar 70 active");
    house.n_sent = 0;
    bleproxy_scan_request_free(active);
    run_to(141);
    assert_string_equal(messages(0),
                        "kitchen 140 passive, garage 140 passive, attic 140 passive, cellar 140 passive");
    run_to(200);
    assert_string_equal(windows(), "kitchen 185+10");
}

static void test_auto_released_in_the_middle_of_a_window(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    for (unsigned i = GARAGE; i <= CELLAR; i++)
        set_mode(i, BLEPROXY_MODE_ACTIVE);
    house.n_sent = 0;
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    run_to(245); /* its sweep */
    assert_string_equal(messages(0), "kitchen 0 active");
    bleproxy_scan_request_free(active);
    run_to(300);
    assert_string_equal(messages(1), "kitchen 255 passive");
}

static void test_auto_set_while_held(void **state)
{
    (void)state;
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    house.n_sent = 0;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    assert_string_equal(messages(0), "kitchen 0 active"); /* no moment of being passive */
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(1),
                        "kitchen 0 passive, garage 0 passive, attic 0 passive, cellar 0 passive");
}

static void test_passive_does_nothing_to_auto(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    house.n_sent = 0;
    request(BLEPROXY_MODE_PASSIVE);
    run_to(300);
    assert_string_equal(messages(0), "kitchen 240 active, kitchen 255 passive");
}

static void test_scanner_that_comes_later(void **state)
{
    struct fixture *f = *state;
    hub_unregister_scanner(f->hub, f->scanners[KITCHEN], f->now_ns);
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    assert_string_equal(messages(0), "garage 0 active, attic 0 active, cellar 0 active");
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[KITCHEN], f->now_ns), 0);
    turn();
    assert_string_equal(messages(3), "kitchen 0 active");
    hub_unregister_scanner(f->hub, f->scanners[KITCHEN], f->now_ns); /* it is not ours any more */
    assert_string_equal(messages(4), "kitchen 0 passive");
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(5), "garage 0 passive, attic 0 passive, cellar 0 passive");
}

/* Made with the time at which its proxy is heard of. */
static struct scanner *late_scanner(bool has_configured_mode, bool has_mode)
{
    struct scanner *scanner;
    const struct scanner_config config = {.env = &house.f->test.env,
                                          .source = 0xB0,
                                          .name = "late",
                                          .has_mode = has_mode,
                                          .has_configured_mode = has_configured_mode};
    assert_int_equal(scanner_new(&config, &scanner), 0);
    scanner_bind(scanner, &house_ops, &house.proxies[KITCHEN], NULL);
    house.proxies[KITCHEN].scanner = scanner;
    for (unsigned i = KITCHEN; i <= CELLAR; i++)
        hub_unregister_scanner(house.f->hub, house.f->scanners[i], house.f->now_ns);
    assert_int_equal(hub_register_scanner(house.f->hub, scanner, house.f->now_ns), 0);
    return scanner;
}

static void test_state_that_comes_after_the_request(void **state)
{
    struct fixture *f = *state;
    struct scanner *late = late_scanner(false, true);
    struct bleproxy_scan_request *passive = request(BLEPROXY_MODE_PASSIVE);
    turn();
    scanner_on_state(late, RUNNING, 1, 0, f->now_ns);
    scanner_on_state(late, RUNNING, 0, 0, f->now_ns);
    bleproxy_scan_request_free(passive);
    turn();
    assert_string_equal(messages(0), "late 0 passive, late 0 active");
    scanner_free(late);
}

static void test_configured_mode_is_what_it_goes_back_to(void **state)
{
    struct fixture *f = *state;
    struct scanner *late = late_scanner(true, true);
    scanner_on_state(late, RUNNING, 1, 0, f->now_ns); /* left active by a session that was lost */
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(0), "late 0 passive");
    scanner_free(late);
}

static void test_nothing_known_goes_back_to_passive(void **state)
{
    (void)state;
    struct scanner *late = late_scanner(true, true);
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(0), "late 0 active, late 0 passive");
    scanner_free(late);
}

static void test_firmware_without_the_feature_is_warned_of_once(void **state)
{
    struct fixture *f = *state;
    struct scanner *old = late_scanner(false, false);
    for (unsigned i = 0; i < 3; i++) {
        struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
        turn();
        bleproxy_scan_request_free(active);
        turn();
    }
    assert_string_equal(messages(0), "");
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 1);
    assert_int_equal(scanner_requested_mode(old), BLEPROXY_MODE_NONE);
    scanner_free(old);
}

static void test_what_is_taken_back_in_time_is_no_message(void **state)
{
    (void)state;
    bleproxy_scan_request_free(request(BLEPROXY_MODE_ACTIVE));
    turn();
    assert_string_equal(messages(0), "");
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    size_t before = house.n_sent;
    bleproxy_scan_request_free(active);
    request(BLEPROXY_MODE_ACTIVE);
    turn();
    assert_int_equal(house.n_sent, before);
}

static void test_window_of_the_program_while_held(void **state)
{
    struct fixture *f = *state;
    request(BLEPROXY_MODE_ACTIVE);
    turn();
    house.n_sent = 0;
    scanner_window(f->scanners[KITCHEN], 5 * NS_PER_S, NULL, NULL, f->now_ns);
    run_to(10);
    assert_string_equal(messages(0), "");
    assert_int_equal(scanner_deadline(f->scanners[KITCHEN]) > f->now_ns, true);
}

static void test_held_while_a_window_of_the_program_is_open(void **state)
{
    struct fixture *f = *state;
    scanner_window(f->scanners[KITCHEN], 5 * NS_PER_S, NULL, NULL, f->now_ns);
    house.n_sent = 0;
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    run_to(10);
    assert_string_equal(messages(0), "garage 0 active, attic 0 active, cellar 0 active");
    house.n_sent = 0;
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(0),
                        "kitchen 10 passive, garage 10 passive, attic 10 passive, cellar 10 passive");
}

static void test_let_go_restores_and_asks_no_more(void **state)
{
    struct fixture *f = *state;
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    request(BLEPROXY_MODE_ACTIVE);
    turn();
    house.n_sent = 0;
    scanner_let_go(f->scanners[KITCHEN], f->now_ns);
    scanner_let_go(f->scanners[GARAGE], f->now_ns);
    assert_string_equal(messages(0), "kitchen 0 passive, garage 0 passive");
    request(BLEPROXY_MODE_ACTIVE);
    sweep_for(10);
    run_to(1);
    assert_string_equal(messages(2), "");
    assert_int_equal(house.n_swept, 0);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 0);
}

static void test_proxy_that_could_not_be_told_has_nothing_to_go_back_to(void **state)
{
    (void)state;
    house.proxies[KITCHEN].answer = BLEPROXY_E_LIMIT;
    struct bleproxy_scan_request *active = request(BLEPROXY_MODE_ACTIVE);
    turn();
    house.proxies[KITCHEN].answer = 0;
    house.n_sent = 0;
    bleproxy_scan_request_free(active);
    turn();
    assert_string_equal(messages(0), "garage 0 passive, attic 0 passive, cellar 0 passive");
}

static void act_free_all(struct auto_house *h)
{
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        scanner_free(h->f->scanners[i]);
        h->f->scanners[i] = NULL;
    }
}

static void test_all_scanners_freed_while_the_first_is_told(void **state)
{
    struct fixture *f = *state;
    house.proxies[KITCHEN].act = act_free_all;
    request(BLEPROXY_MODE_ACTIVE);
    hub_tick(f->hub, f->now_ns);
    hub_tick(f->hub, f->now_ns);
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
    request(BLEPROXY_MODE_ACTIVE);
    hub_tick(f->hub, f->now_ns);
    assert_null(f->hub);
    for (unsigned i = KITCHEN; i <= CELLAR; i++)
        assert_int_equal(f->scanners[i]->mode.demand, BLEPROXY_MODE_NONE); /* all are as they were */
}

static void test_requests_that_are_none(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_scan_request *made = NULL;
    assert_int_equal(hub_request_scan(f->hub, BLEPROXY_MODE_AUTO, &made), BLEPROXY_E_INVALID);
    assert_int_equal(hub_request_scan(f->hub, BLEPROXY_MODE_NONE, &made), BLEPROXY_E_INVALID);
    f->test.fail_after = 0;
    assert_int_equal(hub_request_scan(f->hub, BLEPROXY_MODE_ACTIVE, &made), BLEPROXY_E_NOMEM);
    f->test.fail_after = SIZE_MAX;
    assert_null(made);
    turn();
    assert_string_equal(messages(0), "");
    request(BLEPROXY_MODE_ACTIVE); /* goes with the hub */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_active_while_a_request_is_held),
        HOUSE_TEST(test_each_proxy_gets_back_what_it_had),
        HOUSE_TEST(test_a_request_right_after_another_gives_back_what_was_before_both),
        HOUSE_TEST(test_passive_if_nobody_wants_more),
        HOUSE_TEST(test_passive_gives_way_to_devices_that_need_active_scans),
        HOUSE_TEST(test_pinned_proxies_are_left_alone),
        HOUSE_TEST(test_auto_stays_auto_with_its_window_held_open),
        HOUSE_TEST(test_auto_released_in_the_middle_of_a_window),
        HOUSE_TEST(test_auto_set_while_held),
        HOUSE_TEST(test_passive_does_nothing_to_auto),
        HOUSE_TEST(test_scanner_that_comes_later),
        HOUSE_TEST(test_state_that_comes_after_the_request),
        HOUSE_TEST(test_configured_mode_is_what_it_goes_back_to),
        HOUSE_TEST(test_nothing_known_goes_back_to_passive),
        HOUSE_TEST(test_firmware_without_the_feature_is_warned_of_once),
        HOUSE_TEST(test_what_is_taken_back_in_time_is_no_message),
        HOUSE_TEST(test_window_of_the_program_while_held),
        HOUSE_TEST(test_held_while_a_window_of_the_program_is_open),
        HOUSE_TEST(test_let_go_restores_and_asks_no_more),
        HOUSE_TEST(test_proxy_that_could_not_be_told_has_nothing_to_go_back_to),
        HOUSE_TEST(test_all_scanners_freed_while_the_first_is_told),
        HOUSE_TEST(test_hub_freed_while_a_proxy_is_told),
        HOUSE_TEST(test_requests_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
