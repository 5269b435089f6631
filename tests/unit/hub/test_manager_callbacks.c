/* SPDX-License-Identifier: MIT */
#include "manager_fixture.h"

static const char *const callbacks[] = {"resolving", "connecting", "handshaking", "ready",      "waiting",
                                        "stopping",  "stopped",    "on_started",  "on_stopped", "lost",
                                        "waiter",    "come",       "gone"};

/* Connected, lost, connected again and stopped, with something done in one of the callbacks. */
static void whole_life(struct fixture *f)
{
    reach(f, WIRED);
    if (f->manager && manager_scanner(f->manager))
        watch_loss(f);
    if (f->manager)
        lose_connection(f);
    reach(f, WIRED);
    if (f->manager && manager_scanner(f->manager))
        watch_loss(f);
    if (f->manager)
        manager_stop(f->manager, on_stopped, f, f->now_ns);
    feed(f, DISCONNECT_RESPONSE);
}

static void test_freed_in_each_callback(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        f->started = f->stopped = (struct completion){0, 0};
        f->act_in = callbacks[i];
        f->act = free_manager;
        whole_life(f);
        assert_null(f->act_in);
        assert_null(f->manager);
        assert_int_equal(f->started.count, 1);
        assert_true(f->stopped.count <= 1);
        assert_int_equal(n_registered(f), 0);
        assert_false(f->open || f->resolving);
        new_manager(f, "kitchen");
    }
}

static void test_stopped_in_each_callback(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        f->started = f->stopped = (struct completion){0, 0};
        f->act_in = callbacks[i];
        f->act = stop_manager;
        whole_life(f);
        assert_null(f->act_in);
        assert_int_equal(f->started.count, 1);
        assert_int_equal(f->stopped.count, 2);
        assert_int_equal(n_registered(f), 0);
        assert_true(is_in(f, BLEPROXY_PROXY_STOPPED));
        manager_free(f->manager, f->now_ns);
        new_manager(f, "kitchen");
    }
}

static void test_stopped_by_who_watches_slots_it_is_never_ready(void **state)
{
    struct fixture *f = *state;
    f->act_in = "come";
    f->act = stop_manager;
    reach(f, WIRED);
    assert_int_equal(f->started.count, 0);
    assert_int_equal(f->states[f->n_states - 1], BLEPROXY_PROXY_STOPPING);
    feed(f, DISCONNECT_RESPONSE);
    assert_int_equal(f->started.error, BLEPROXY_E_START_ABORTED);
    for (unsigned i = 0; i < f->n_states; i++)
        assert_int_not_equal(f->states[i], BLEPROXY_PROXY_READY);
}

static void free_on_advert(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct fixture *f = user;
    assert_int_equal(advertisement->source, manager_device_info(f->manager)->source);
    free_manager(f);
}

static void test_freed_by_a_subscriber_in_mid_message(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_subscription *subscription;
    reach(f, WIRED);
    assert_int_equal(hub_subscribe(f->hub, BLEPROXY_STREAM_REPORTS, NULL, free_on_advert, f, &subscription),
                     0);
    feed(f,
         "00395d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d303030310a1608d588cd9192e21e10b301"
         "180122070201060303aafe"); /* two in one message */
    assert_null(f->manager);
    assert_int_equal(n_registered(f), 0);
}

static void test_freed_and_stopped_in_on_hearing(void **state)
{
    struct fixture *f = *state;
    static const char *const within[] = {"well", "silent", "robbed", "unknown"};
    for (unsigned i = 0; i < 8; i++) {
        f->started = f->stopped = (struct completion){0, 0};
        f->act_in = within[i / 2];
        f->act = i % 2 ? free_manager : stop_manager;
        reach(f, WIRED);
        f->now_ns += NS_PER_S;
        draw(f);
        feed(f, RAW_ADVERT);
        if (f->manager)
            manager_tick(f->manager, f->now_ns);
        feed(f, REFUSED_READ PONG);
        pass(f, 30);
        if (f->manager && f->open)
            lose_connection(f);
        assert_null(f->act_in);
        manager_free(f->manager, f->now_ns);
        new_manager(f, "kitchen");
    }
}

static void test_out_of_memory_is_a_failed_attempt_and_leaks_nothing(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 0;; n++) {
        f->test.fail_after = n;
        reach(f, WIRED);
        f->test.fail_after = SIZE_MAX;
        if (manager_scanner(f->manager))
            break;
        if (is_in(f, BLEPROXY_PROXY_READY)) /* the failure is that of the request */
            wait_for(f, 10 * NS_PER_S);
        assert_true(is_in(f, BLEPROXY_PROXY_WAITING));
        assert_false(f->open);
        assert_int_equal(n_registered(f), 0);
        assert_true(n < 200);
    }
    assert_int_equal(f->started.count, 1);
    assert_int_equal(f->started.error, 0);
}

static void test_out_of_memory_in_new(void **state)
{
    struct fixture *f = *state;
    manager_free(f->manager, f->now_ns);
    const struct proxy_config config = {
        .host = "h", .port = 1, .session = {.env = &f->test.env, .label = "h", .client_info = "test"}};
    for (size_t n = 0;; n++) {
        f->test.fail_after = n;
        int error = manager_new(f->hub, &config, &manager_world, f, &f->manager);
        f->test.fail_after = SIZE_MAX;
        if (error == 0)
            break;
        assert_int_equal(error, BLEPROXY_E_NOMEM);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_freed_in_each_callback),
        TEST(test_stopped_in_each_callback),
        TEST(test_stopped_by_who_watches_slots_it_is_never_ready),
        TEST(test_freed_by_a_subscriber_in_mid_message),
        TEST(test_freed_and_stopped_in_on_hearing),
        TEST(test_out_of_memory_is_a_failed_attempt_and_leaks_nothing),
        TEST(test_out_of_memory_in_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
