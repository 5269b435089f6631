/* SPDX-License-Identifier: MIT */
#include "manager_fixture.h"

static void test_robbed_is_told_and_left_alone_until_it_is_taken_back(void **state)
{
    struct fixture *f = *state;
    reach_hearing(f);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_WELL);
    assert_int_equal(manager_hearing(f->manager), BLEPROXY_HEARING_WELL);
    pass(f, 25);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
    assert_false(scanner_is_available(manager_scanner(f->manager)));

    lose_connection(f);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_UNKNOWN);
    reach(f, WIRED);
    assert_int_equal(manager_state(f->manager), BLEPROXY_PROXY_READY);
    assert_int_equal(manager_hearing(f->manager), BLEPROXY_HEARING_ROBBED);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED); /* the new session's owner is told, too */
    assert_false(scanner_is_available(manager_scanner(f->manager)));
    assert_false(writes(f, "00024208"));
    pass(f, 3600);
    assert_false(writes(f, "00024208"));

    assert_int_equal(manager_reclaim(f->manager, f->now_ns), 0);
    assert_true(writes(f, "00024208"));
    assert_true(scanner_is_available(manager_scanner(f->manager)));
    f->now_ns += NS_PER_S;
    feed(f, RAW_ADVERT);
    pass(f, 1);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_WELL);
}

static void on_link_end(void *user, int error, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    assert_int_equal(error, BLEPROXY_E_CLOSED);
    assert_false(
        scanner_is_available(manager_scanner(f->manager))); /* it is not tried again through this one */
    f->n_links_ended++;
    maybe_act(f, "link");
}

/* What devices say is said to the subscriber: connections that go on would be mute, and hold the other's slots. */
static void test_robbed_ends_connections_to_devices(void **state)
{
    struct fixture *f = *state;
    static const struct session_link_ops link_ops = {.on_end = on_link_end};
    for (unsigned freed = 0; freed < 2; freed++) {
        reach_hearing(f);
        assert_int_equal(session_link_attach(&f->link, proxy_session(manager_proxy(f->manager)),
                                             0xA4C138112233, &link_ops, f),
                         0);
        f->act_in = freed ? "link" : NULL;
        f->act = free_manager;
        pass(f, 15);
        assert_int_equal(f->n_links_ended, freed);
        pass(f, 10);
        assert_int_equal(f->n_links_ended, freed + 1);
        if (!freed) {
            assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
            assert_false(session_has_links(proxy_session(manager_proxy(f->manager))));
            free_manager(f);
        }
        assert_null(f->manager);
        f->started = (struct completion){0, 0};
        new_manager(f, "kitchen");
    }
}

/* How it scans is the other's to say. What we want is asked for when it is ours again. */
static void test_robbed_leaves_the_scan_mode_alone(void **state)
{
    struct fixture *f = *state;
    struct completion window = {0, 0};
    manager_set_scan_mode(f->manager, BLEPROXY_MODE_PASSIVE);
    reach_hearing(f);
    pass(f, 15);
    scanner_window(manager_scanner(f->manager), 3600 * NS_PER_S, on_window_done, &window, f->now_ns);
    send_all(f);
    pass(f, 10);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
    assert_int_equal(window.count, 1);
    assert_false(
        scanner_window_open(manager_scanner(f->manager), NS_PER_S, on_window_done, &window, f->now_ns));
    assert_int_equal(scanner_set_mode(manager_scanner(f->manager), BLEPROXY_MODE_ACTIVE, f->now_ns), 0);
    assert_false(writes(f, "7f"));
    assert_int_equal(manager_reclaim(f->manager, f->now_ns), 0);
    assert_true(writes(f, "00027f0801"));
    pass(f, 25);
    assert_int_equal(f->hearing, BLEPROXY_HEARING_ROBBED);
    send_all(f);

    lose_connection(f);
    reach(f, WIRED);
    assert_int_equal(manager_hearing(f->manager), BLEPROXY_HEARING_ROBBED);
    assert_false(writes(f, "7f"));
    pass(f, 3600);
    assert_false(writes(f, "7f"));
    assert_int_equal(manager_reclaim(f->manager, f->now_ns), 0);
    assert_true(writes(f, "00007f"));
}

static void test_deaf_reconnects(void **state)
{
    struct fixture *f = *state;
    reach_hearing(f);
    f->test.random_left = 0;
    for (unsigned i = 0; i < 400 && f->n_open == 1; i++) {
        draw(f);
        pass(f, 1);
        feed(f, REFUSED_READ PONG);
        if (writes(f, "000005"))
            feed(f, DISCONNECT_RESPONSE);
        answer_look_up(f);
    }
    assert_int_equal(f->n_open, 2);
    assert_true(test_env_logged(&f->test, "connecting anew"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_robbed_is_told_and_left_alone_until_it_is_taken_back),
        TEST(test_robbed_ends_connections_to_devices),
        TEST(test_robbed_leaves_the_scan_mode_alone),
        TEST(test_deaf_reconnects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
