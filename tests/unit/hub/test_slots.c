/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/slots.h"
#include <bleproxy/error.h>

/* The record of slots by itself. Time limits are those of whoever waits, who cancels when they have passed. */
#define X UINT64_C(0x010203040506)
#define Y UINT64_C(0x0a0b0c0d0e0f)
#define Z UINT64_C(0xf0e0d0c0b0a0)

struct watch {
    unsigned calls;
    uint32_t free, limit;
    size_t n_allocated;
    uint64_t first; /* of those allocated */
    uint64_t source;
    bool deaf; /* cannot be told */
};

struct waiting {
    struct slot_waiter waiter;
    unsigned calls;
    int error;
    void (*act)(void); /* from within */
};

struct tracking {
    struct slot_tracker tracker;
    unsigned calls;
    void (*act)(void);
};

static struct test_env test;
static struct slots slots;
static struct watch watch;
static struct waiting waiting[3];
static struct tracking tracking[3];

static void keep(struct watch *to, const struct bleproxy_slots *from)
{
    to->calls++;
    to->free = from->free;
    to->limit = from->limit;
    to->n_allocated = from->n_allocated;
    to->first = from->n_allocated > 0 ? from->allocated[0] : 0;
}

static bool on_publish(void *user, const struct bleproxy_slots *view)
{
    struct watch *to = user;
    keep(to, view);
    return !to->deaf;
}

static int setup(void **state)
{
    (void)state;
    test_env_init(&test);
    watch = (struct watch){0};
    memset(waiting, 0, sizeof(waiting));
    memset(tracking, 0, sizeof(tracking));
    slots_init(&slots, &test.env, "kitchen", on_publish, &watch);
    slots_set_available(&slots, true, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    slots_deinit(&slots, 0);
    slots_deinit(&slots, 0);
    test_env_deinit(&test);
    return 0;
}

static void report(uint32_t free, uint32_t limit, size_t n, ...)
{
    uint64_t allocated[9];
    va_list list;
    va_start(list, n);
    for (size_t i = 0; i < n; i++)
        allocated[i] = va_arg(list, uint64_t);
    va_end(list);
    const struct bleproxy_slots view = {free, limit, allocated, n};
    slots_report(&slots, &view, 0);
}

static void on_slot(void *user, int error, uint64_t now_ns)
{
    struct waiting *who = user;
    (void)now_ns;
    who->calls++;
    who->error = error;
    if (who->act)
        who->act();
}

static int wait_for(unsigned i)
{
    return slots_wait(&slots, &waiting[i].waiter, on_slot, &waiting[i]);
}

static void on_lost(void *user, uint64_t now_ns)
{
    struct tracking *who = user;
    (void)now_ns;
    who->calls++;
    if (who->act)
        who->act();
}

static void track(unsigned i, uint64_t address)
{
    slots_track(&slots, &tracking[i].tracker, address, on_lost, &tracking[i]);
}

static void test_f11_waiters_fail_at_once_when_the_proxy_is_lost(void **state)
{
    (void)state;
    assert_int_equal(wait_for(0), 0);
    assert_int_equal(wait_for(1), 0);
    slots_set_available(&slots, false, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(waiting[i].calls, 1);
        assert_int_equal(waiting[i].error, BLEPROXY_E_NO_SLOT);
    }
}

static void test_f14_a_connection_needs_availability_and_a_slot(void **state)
{
    (void)state;
    report(2, 3, 1, X);
    assert_true(slots_can_connect(&slots));
    report(0, 3, 3, X, Y, Z);
    assert_false(slots_can_connect(&slots));
    slots_set_available(&slots, false, 0);
    report(2, 3, 1, X);
    assert_false(slots_can_connect(&slots));
}

static void test_f20_a_free_slot_is_had_without_waiting(void **state)
{
    (void)state;
    report(2, 3, 1, X);
    assert_int_equal(wait_for(0), SLOTS_FREE);
    report(1, 3, 2, X, Y);
    assert_int_equal(waiting[0].calls, 0);
}

static void test_f21_waiters_are_told_of_a_free_slot(void **state)
{
    (void)state;
    report(0, 1, 1, X);
    assert_int_equal(wait_for(0), 0);
    report(0, 1, 1, Y);
    assert_int_equal(waiting[0].calls, 0);
    report(1, 1, 0);
    assert_int_equal(waiting[0].calls, 1);
    assert_int_equal(waiting[0].error, 0);
    report(1, 1, 0);
    assert_int_equal(waiting[0].calls, 1);
}

/* The Python stack wakes all: all but one are then refused. */
static void test_as_many_waiters_are_told_as_slots_are_free_in_order(void **state)
{
    (void)state;
    report(0, 2, 2, X, Y);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(wait_for(i), 0);
    report(1, 2, 1, X);
    assert_int_equal(waiting[0].calls, 1);
    assert_int_equal(waiting[1].calls + waiting[2].calls, 0);
    report(0, 2, 2, X, Y);
    assert_int_equal(waiting[1].calls + waiting[2].calls, 0);
    report(2, 2, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(waiting[i].calls, 1);
}

static void test_f22_without_a_report_nobody_is_told_and_the_facts_are_there(void **state)
{
    (void)state;
    report(0, 3, 3, X, Y, Z);
    assert_int_equal(wait_for(0), 0);
    /* The one who waits runs out of time: this is what it needs for its message. */
    assert_int_equal(slots_view(&slots)->limit, 3);
    assert_int_equal(slots_in_use(&slots), 3);
    slots_cancel(&waiting[0].waiter);
    assert_true(list_empty(&slots.waiters));
    assert_int_equal(waiting[0].calls, 0);
}

static void test_f23_a_cancelled_waiter_is_not_told(void **state)
{
    (void)state;
    assert_int_equal(wait_for(0), 0);
    slots_cancel(&waiting[0].waiter);
    slots_cancel(&waiting[0].waiter);
    slots_cancel(&waiting[1].waiter); /* never waited */
    report(1, 1, 0);
    slots_set_available(&slots, false, 0);
    assert_int_equal(waiting[0].calls, 0);
}

static void test_f24_cancelling_after_the_result_does_nothing(void **state)
{
    (void)state;
    assert_int_equal(wait_for(0), 0);
    report(1, 1, 0);
    slots_cancel(&waiting[0].waiter);
    assert_int_equal(waiting[0].calls, 1);
    report(0, 1, 1, X);
    assert_int_equal(wait_for(0), 0);
    assert_int_equal(wait_for(0), 0); /* anew: still told once */
    report(1, 1, 0);
    assert_int_equal(waiting[0].calls, 2);
}

static void test_f25_the_first_report_and_changes_are_published(void **state)
{
    (void)state;
    report(0, 0, 0);
    assert_int_equal(watch.calls, 1);
    report(0, 0, 0);
    assert_int_equal(watch.calls, 1);
    report(2, 3, 1, X);
    assert_int_equal(watch.calls, 2);
    assert_int_equal(watch.free, 2);
    assert_int_equal(watch.limit, 3);
    assert_int_equal(watch.n_allocated, 1);
    assert_int_equal(watch.first, X);
    report(2, 3, 1, X);
    assert_int_equal(watch.calls, 2);
    report(2, 3, 1, Y); /* the same numbers, another device */
    assert_int_equal(watch.calls, 3);
}

static void test_f26_what_could_not_be_told_is_published_again(void **state)
{
    (void)state;
    watch.deaf = true;
    report(2, 3, 1, X);
    report(2, 3, 1, X);
    assert_int_equal(watch.calls, 2);
    watch.deaf = false;
    report(2, 3, 1, X);
    assert_int_equal(watch.calls, 3);
    report(2, 3, 1, X);
    assert_int_equal(watch.calls, 3);
}

static void test_f27_reports_without_a_list_prove_nothing(void **state)
{
    (void)state;
    track(0, X);
    report(0, 3, 0);
    assert_int_equal(tracking[0].calls, 0);
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], 0);
    report(1, 3, 2, X, Y);
    report(1, 3, 1, Y); /* firmware that has lists, and this one is short */
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], 1);
    report(1, 3, 1, Y);
    report(4, 3, 0); /* more free than there are */
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], 1);
    report(2, 3, 1, X);
    report(0, 3, 1, Y);
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], 2);
    assert_int_equal(tracking[0].calls, 0);
    report(2, 3, 1, Y);
    assert_int_equal(tracking[0].calls, 1);
}

static void test_a_list_that_comes_and_goes_does_not_fill_the_log(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        report(2, 3, 1, X);
        report(0, 3, 1, X);
    }
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], SLOTS_WARNINGS_MAX);
}

static void test_f28_who_is_not_in_the_list_has_lost_its_connection(void **state)
{
    (void)state;
    report(1, 3, 2, X, Y);
    track(0, X);
    track(1, Y);
    track(2, Z);
    report(2, 3, 1, Y);
    assert_int_equal(tracking[0].calls, 1);
    assert_int_equal(tracking[1].calls, 0);
    assert_int_equal(tracking[2].calls, 1);
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], 2);
    assert_true(test_env_logged(&test, "01:02:03:04:05:06"));
    report(2, 3, 1, Y);
    assert_int_equal(tracking[0].calls, 1);
    slots_untrack(&tracking[0].tracker);
    slots_untrack(&tracking[1].tracker);
    slots_untrack(&tracking[1].tracker);
    report(3, 3, 0);
    assert_int_equal(tracking[1].calls, 0);
}

static void test_f29_a_newer_tracker_takes_the_place_of_the_older(void **state)
{
    (void)state;
    report(2, 3, 1, X);
    track(0, X);
    track(1, X);
    slots_untrack(&tracking[0].tracker); /* the older one has nothing to say any more */
    report(3, 3, 0);
    assert_int_equal(tracking[0].calls, 0);
    assert_int_equal(tracking[1].calls, 1);
}

static void test_f30_the_lost_proxy_has_no_slots_but_keeps_its_limit(void **state)
{
    (void)state;
    report(1, 3, 2, X, Y);
    slots_set_available(&slots, false, 0);
    assert_int_equal(watch.calls, 2);
    assert_int_equal(watch.free, 0);
    assert_int_equal(watch.limit, 3);
    assert_int_equal(watch.n_allocated, 0);
    slots_set_available(&slots, false, 0);
    assert_int_equal(watch.calls, 2);
    assert_int_equal(wait_for(0), BLEPROXY_E_NO_SLOT);
    assert_int_equal(waiting[0].calls, 0);
}

static void test_f30_a_loss_that_could_not_be_told_is_told_with_the_next_report(void **state)
{
    (void)state;
    report(0, 1, 1, X);
    watch.deaf = true;
    slots_set_available(&slots, false, 0);
    watch.deaf = false;
    report(0, 1, 0);
    assert_int_equal(watch.calls, 3);
}

static void test_f31_a_report_or_availability_lets_wait_again(void **state)
{
    (void)state;
    report(1, 3, 2, X, Y);
    slots_set_available(&slots, false, 0);
    report(0, 3, 0);
    assert_int_equal(wait_for(0), 0);
    slots_set_available(&slots, false, 0);
    assert_int_equal(waiting[0].calls, 1);
    slots_set_available(&slots, true, 0);
    assert_int_equal(wait_for(0), 0);
    assert_false(slots_can_connect(&slots)); /* what was free then is not known to be now */
}

static void test_f43_what_is_kept_is_what_is_published(void **state)
{
    (void)state;
    report(1, 3, 2, X, Y);
    const struct bleproxy_slots *view = slots_view(&slots);
    assert_int_equal(view->free, watch.free);
    assert_int_equal(view->limit, watch.limit);
    assert_int_equal(view->n_allocated, watch.n_allocated);
    assert_int_equal(view->allocated[0], X);
    assert_int_equal(view->allocated[1], Y);
}

static void cancel_the_others(void)
{
    slots_cancel(&waiting[1].waiter);
    slots_cancel(&waiting[2].waiter);
}

static void test_a_waiter_that_is_told_may_cancel_the_others(void **state)
{
    (void)state;
    waiting[0].act = cancel_the_others;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(wait_for(i), 0);
    report(3, 3, 0);
    assert_int_equal(waiting[0].calls, 1);
    assert_int_equal(waiting[1].calls + waiting[2].calls, 0);
    report(0, 1, 1, X);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(wait_for(i), 0);
    slots_set_available(&slots, false, 0);
    assert_int_equal(waiting[0].calls, 2);
    assert_int_equal(waiting[1].calls + waiting[2].calls, 0);
}

static void lose_the_proxy(void)
{
    slots_set_available(&slots, false, 0);
}

static void test_a_proxy_lost_from_within_fails_the_remaining_waiters(void **state)
{
    (void)state;
    waiting[0].act = lose_the_proxy;
    track(0, X);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(wait_for(i), 0);
    report(1, 1, 0);
    assert_int_equal(waiting[0].error, 0);
    for (unsigned i = 1; i < 3; i++) {
        assert_int_equal(waiting[i].calls, 1);
        assert_int_equal(waiting[i].error, BLEPROXY_E_NO_SLOT);
    }
    assert_int_equal(tracking[0].calls, 1);
    assert_int_equal(watch.calls, 1); /* the last state, once */
    assert_int_equal(watch.free, 0);
    assert_int_equal(test.n_logs[BLEPROXY_LOG_WARNING], 1);
}

static void wait_again(void)
{
    waiting[0].act = NULL;
    waiting[0].error = wait_for(0);
}

static void test_a_waiter_may_wait_again_from_within(void **state)
{
    (void)state;
    waiting[0].act = wait_again;
    assert_int_equal(wait_for(0), 0);
    report(1, 1, 0);
    assert_int_equal(waiting[0].error, SLOTS_FREE);
    report(0, 1, 1, X);
    waiting[0].act = wait_again;
    assert_int_equal(wait_for(0), 0);
    slots_set_available(&slots, false, 0);
    assert_int_equal(waiting[0].error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(waiting[0].calls, 2);
}

static void untrack_the_others(void)
{
    slots_untrack(&tracking[1].tracker);
    slots_untrack(&tracking[2].tracker);
    track(0, X); /* connected again already, as far as it knows */
}

static void test_losing_one_connection_may_end_the_others(void **state)
{
    (void)state;
    tracking[0].act = untrack_the_others;
    track(0, X);
    track(1, Y);
    track(2, Z);
    report(3, 3, 0);
    assert_int_equal(tracking[0].calls, 1);
    assert_int_equal(tracking[1].calls + tracking[2].calls, 0);
    report(3, 3, 0);
    assert_int_equal(tracking[0].calls, 2);
}

static void on_slots(void *user, uint64_t source, const char *proxy, const struct bleproxy_slots *view)
{
    struct watch *to = user;
    assert_int_equal(source, to->source);
    assert_string_equal(proxy, source == 0xA0 ? "kitchen" : "porch");
    keep(to, view);
}

static void test_the_hubs_watcher_sees_proxies_come_change_and_go(void **state)
{
    struct fixture *f = *state;
    struct scanner *porch = make_scanner(f, 0xB0, "porch");
    const uint64_t allocated[] = {X};
    const struct bleproxy_slots first = {2, 3, allocated, 1}, second = {3, 3, NULL, 0};
    watch.source = 0xB0;
    hub_watch_slots(f->hub, on_slots, &watch);
    scanner_on_slots(porch, &first, f->now_ns);
    assert_int_equal(watch.calls, 0);
    assert_int_equal(hub_register_scanner(f->hub, porch, f->now_ns), 0);
    assert_int_equal(watch.calls, 1);
    assert_int_equal(watch.free, 2);
    scanner_on_slots(porch, &first, f->now_ns);
    assert_int_equal(watch.calls, 1);
    scanner_on_slots(porch, &second, f->now_ns);
    assert_int_equal(watch.calls, 2);
    hub_unregister_scanner(f->hub, porch, f->now_ns);
    assert_int_equal(watch.calls, 3);
    assert_int_equal(watch.free, 0);
    assert_int_equal(watch.limit, 3);
    hub_unregister_scanner(f->hub, porch, f->now_ns);
    scanner_on_slots(porch, &first, f->now_ns);
    assert_int_equal(watch.calls, 3);
    scanner_free(porch);
    hub_watch_slots(f->hub, NULL, NULL);
    scanner_on_slots(f->scanners[0], &first, f->now_ns);
    assert_int_equal(watch.calls, 3);
}

static void test_a_watcher_that_comes_late_hears_the_next_report(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_slots view = {3, 3, NULL, 0};
    watch.source = 0xA0;
    scanner_on_slots(f->scanners[0], &view, f->now_ns);
    hub_watch_slots(f->hub, on_slots, &watch);
    scanner_on_slots(f->scanners[0], &view, f->now_ns);
    assert_int_equal(watch.calls, 1);
    hub_watch_slots(f->hub, NULL, NULL);
}

static struct fixture *present;

static void free_the_scanner(void)
{
    scanner_free(present->scanners[0]);
    present->scanners[0] = NULL;
}

static void free_everything(void *user, uint64_t source, const char *proxy, const struct bleproxy_slots *view)
{
    (void)view;
    watch.calls++;
    hub_free(user, T0);
    present->hub = NULL;
    free_the_scanner();
    assert_int_equal(source, 0xA0);
    assert_string_equal(proxy, "kitchen");
}

static void test_a_watcher_may_free_scanner_and_hub(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_slots view = {3, 3, NULL, 0};
    present = f;
    hub_watch_slots(f->hub, free_everything, f->hub);
    scanner_on_slots(f->scanners[0], &view, f->now_ns);
    assert_int_equal(watch.calls, 1);
    assert_null(f->scanners[0]);
}

static void test_a_watcher_may_free_the_scanner_that_goes(void **state)
{
    struct fixture *f = *state;
    present = f;
    hub_watch_slots(f->hub, free_everything, f->hub);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(watch.calls, 1);
}

static void test_freeing_a_scanner_fails_its_waiters_from_within_too(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_slots view = {3, 3, NULL, 0};
    struct slots *record = scanner_slot_record(f->scanners[0]);
    present = f;
    waiting[0].act = free_the_scanner;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(slots_wait(record, &waiting[i].waiter, on_slot, &waiting[i]), 0);
        slots_track(record, &tracking[i].tracker, X + i, on_lost, &tracking[i]);
    }
    tracking[0].act = free_the_scanner; /* it is by then */
    scanner_on_slots(f->scanners[0], &view, f->now_ns);
    assert_int_equal(waiting[0].error, 0);
    assert_int_equal(waiting[1].error, BLEPROXY_E_NO_SLOT);
    assert_int_equal(tracking[0].calls, 1);
    slots_untrack(&tracking[1].tracker);
}

static int setup_hub(void **state)
{
    setup(state);
    return fixture_setup(state);
}

#define TEST(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_HUB(name) cmocka_unit_test_setup_teardown(name, setup_hub, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f11_waiters_fail_at_once_when_the_proxy_is_lost),
        TEST(test_f14_a_connection_needs_availability_and_a_slot),
        TEST(test_f20_a_free_slot_is_had_without_waiting),
        TEST(test_f21_waiters_are_told_of_a_free_slot),
        TEST(test_as_many_waiters_are_told_as_slots_are_free_in_order),
        TEST(test_f22_without_a_report_nobody_is_told_and_the_facts_are_there),
        TEST(test_f23_a_cancelled_waiter_is_not_told),
        TEST(test_f24_cancelling_after_the_result_does_nothing),
        TEST(test_f25_the_first_report_and_changes_are_published),
        TEST(test_f26_what_could_not_be_told_is_published_again),
        TEST(test_f27_reports_without_a_list_prove_nothing),
        TEST(test_a_list_that_comes_and_goes_does_not_fill_the_log),
        TEST(test_f28_who_is_not_in_the_list_has_lost_its_connection),
        TEST(test_f29_a_newer_tracker_takes_the_place_of_the_older),
        TEST(test_f30_the_lost_proxy_has_no_slots_but_keeps_its_limit),
        TEST(test_f30_a_loss_that_could_not_be_told_is_told_with_the_next_report),
        TEST(test_f31_a_report_or_availability_lets_wait_again),
        TEST(test_f43_what_is_kept_is_what_is_published),
        TEST(test_a_waiter_that_is_told_may_cancel_the_others),
        TEST(test_a_proxy_lost_from_within_fails_the_remaining_waiters),
        TEST(test_a_waiter_may_wait_again_from_within),
        TEST(test_losing_one_connection_may_end_the_others),
        TEST_HUB(test_the_hubs_watcher_sees_proxies_come_change_and_go),
        TEST_HUB(test_a_watcher_that_comes_late_hears_the_next_report),
        TEST_HUB(test_a_watcher_may_free_scanner_and_hub),
        TEST_HUB(test_a_watcher_may_free_the_scanner_that_goes),
        TEST_HUB(test_freeing_a_scanner_fails_its_waiters_from_within_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
