/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#define NEXT_SWEEP (T0 + 30 * NS_PER_S) /* when nothing else is waited for */

/* How a search ended. */
struct outcome {
    struct fixture *f;
    unsigned calls;
    int error;
    uint64_t address, source;
    size_t n_devices;
    int8_t rssi_dbm[16];
    struct bleproxy_search *search, *other;
};

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->error = error;
    assert_int_equal(error == 0, advertisement != NULL);
    outcome->address = advertisement ? advertisement->address : 0;
    outcome->source = advertisement ? advertisement->source : 0;
}

static void on_discovered(void *user, int error, const struct bleproxy_advertisement *const *devices,
                          size_t n_devices)
{
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->error = error;
    outcome->n_devices = n_devices;
    for (size_t i = 0; i < n_devices && i < 16; i++)
        outcome->rssi_dbm[i] = devices[i]->rssi_dbm;
}

static void find(struct fixture *f, const struct bleproxy_filter *filter, struct outcome *outcome)
{
    assert_int_equal(hub_find(f->hub, filter, 10 * NS_PER_S, on_found, outcome, f->now_ns, &outcome->search),
                     0);
    assert_int_equal(outcome->calls, 0);
}

static void test_find_completes_with_the_report(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    find(f, &(struct bleproxy_filter){.address = 2}, &outcome);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(outcome.calls, 0);
    hear(f, f->scanners[1], 2, -50, "020106");
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.address, 2);
    hear(f, f->scanners[0], 2, -50, "020106");
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(hub_deadline(f->hub), NEXT_SWEEP);
}

static void test_find_of_a_known_device_completes_at_the_next_tick(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    hear(f, f->scanners[0], 1, -50, "05094c616d70");
    hear(f, f->scanners[0], 2, -50, "020106");
    find(f, &(struct bleproxy_filter){.name = "Lamp"}, &outcome);
    assert_true(hub_deadline(f->hub) <= f->now_ns);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.address, 1);
}

static void test_find_of_a_known_device_heard_by_one_proxy(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[1], 1, -55, "020106");
    find(f, &(struct bleproxy_filter){.source = 0xA1}, &outcome);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(outcome.source, 0xA1);
}

static void test_find_gives_up_after_its_time(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    hear(f, f->scanners[0], 1, -50, "020106");
    find(f, &(struct bleproxy_filter){.address = 2}, &outcome);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(hub_deadline(f->hub), f->now_ns + 10 * NS_PER_S);
    pass_time(f, 9);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(outcome.calls, 0);
    pass_time(f, 1);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.error, BLEPROXY_E_NOT_FOUND);
}

static bool is_strong(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)user;
    return advertisement->rssi_dbm > -40;
}

static void test_find_by_predicate(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    find(f, &(struct bleproxy_filter){.predicate = is_strong}, &outcome);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(outcome.calls, 0);
    hear(f, f->scanners[0], 1, -30, "020106");
    assert_int_equal(outcome.calls, 1);
}

static void test_cancelled_search_completes_from_within(void **state)
{
    struct fixture *f = *state;
    struct outcome found = {0}, discovered = {0};
    find(f, NULL, &found);
    assert_int_equal(
        hub_discover(f->hub, NULL, NS_PER_S, on_discovered, &discovered, f->now_ns, &discovered.search), 0);
    bleproxy_search_cancel(found.search);
    assert_int_equal(found.calls, 1);
    assert_int_equal(found.error, BLEPROXY_E_CANCELLED);
    bleproxy_search_cancel(discovered.search);
    assert_int_equal(discovered.calls, 1);
    assert_int_equal(discovered.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(discovered.n_devices, 0);
    assert_int_equal(hub_deadline(f->hub), NEXT_SWEEP);
}

static void test_discover_orders_the_owners_views_by_strength(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    hear(f, f->scanners[0], 1, -80, "020106"); /* known before */
    assert_int_equal(
        hub_discover(f->hub, NULL, 5 * NS_PER_S, on_discovered, &outcome, f->now_ns, &outcome.search), 0);
    static const int8_t strengths[] = {-50, 0, -128, 127, -90};
    for (unsigned i = 0; i < 5; i++)
        hear(f, f->scanners[0], 2 + i, strengths[i], "020106");
    hear(f, f->scanners[1], 2, -45, "020106"); /* not the owner */
    assert_int_equal(hub_deadline(f->hub), f->now_ns + 5 * NS_PER_S);
    pass_time(f, 5);
    hub_tick(f->hub, f->now_ns);
    static const int8_t expected[] = {127, -50, -80, -90, BLEPROXY_RSSI_NONE, -128};
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.n_devices, 6);
    assert_memory_equal(outcome.rssi_dbm, expected, 6);
}

static void test_discover_filters(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    const struct bleproxy_filter filter = {.rssi_min_dbm = -60};
    assert_int_equal(hub_discover(f->hub, &filter, 0, on_discovered, &outcome, f->now_ns, &outcome.search),
                     0);
    for (int address = 1; address < 20; address++)
        hear(f, f->scanners[0], (uint64_t)address, -50 - address, "020106");
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(outcome.n_devices, 10);
    assert_int_equal(outcome.rssi_dbm[0], -51);
    assert_int_equal(outcome.rssi_dbm[9], -60);
}

static void test_discover_of_nothing(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    assert_int_equal(hub_discover(f->hub, NULL, 0, on_discovered, &outcome, f->now_ns, &outcome.search), 0);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.n_devices, 0);
}

static void test_discover_without_memory_for_the_result(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    hear(f, f->scanners[0], 1, -50, "020106");
    f->test.fail_after = 0;
    assert_int_equal(hub_discover(f->hub, NULL, 0, on_discovered, &outcome, f->now_ns, &outcome.search),
                     BLEPROXY_E_NOMEM);
    f->test.fail_after = SIZE_MAX;
    assert_int_equal(hub_discover(f->hub, NULL, 0, on_discovered, &outcome, f->now_ns, &outcome.search), 0);
    f->test.fail_after = 0;
    hub_tick(f->hub, f->now_ns);
    f->test.fail_after = SIZE_MAX;
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.error, BLEPROXY_E_NOMEM);
    assert_int_equal(outcome.n_devices, 0);
}

static void test_invalid_searches(void **state)
{
    struct fixture *f = *state;
    struct bleproxy_search *search;
    const struct bleproxy_uuid uuid = {.size = 5};
    assert_int_equal(hub_find(f->hub, NULL, 0, NULL, NULL, 0, &search), BLEPROXY_E_INVALID);
    assert_int_equal(hub_discover(f->hub, NULL, 0, NULL, NULL, 0, &search), BLEPROXY_E_INVALID);
    assert_int_equal(
        hub_find(f->hub, &(struct bleproxy_filter){.service = &uuid}, 0, on_found, NULL, 0, &search),
        BLEPROXY_E_INVALID);
}

static void test_freeing_the_hub_cancels_searches(void **state)
{
    struct fixture *f = *state;
    struct outcome found = {0}, discovered = {0};
    find(f, NULL, &found);
    assert_int_equal(
        hub_discover(f->hub, NULL, NS_PER_S, on_discovered, &discovered, f->now_ns, &discovered.search), 0);
    hub_free(f->hub, f->now_ns);
    f->hub = NULL;
    assert_int_equal(found.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(discovered.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(found.calls + discovered.calls, 2);
}

/* ---- What callbacks may do ---- */

static void cancel_other(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct outcome *outcome = user;
    on_found(user, error, advertisement);
    bleproxy_search_cancel(outcome->other);
}

static void test_callback_cancels_the_next_search(void **state)
{
    struct fixture *f = *state;
    struct outcome first = {0}, second = {0};
    assert_int_equal(hub_find(f->hub, NULL, NS_PER_S, cancel_other, &first, f->now_ns, &first.search), 0);
    find(f, NULL, &second);
    first.other = second.search;
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(first.error, 0);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.error, BLEPROXY_E_CANCELLED);
}

static void find_again(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct outcome *outcome = user;
    on_found(user, error, advertisement);
    if (outcome->calls < 3)
        assert_int_equal(
            hub_find(outcome->f->hub, NULL, 0, find_again, user, outcome->f->now_ns, &outcome->search), 0);
}

static void test_search_begun_in_a_callback_waits_for_the_next_tick(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {.f = f};
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(hub_find(f->hub, NULL, 0, find_again, &outcome, f->now_ns, &outcome.search), 0);
    for (unsigned i = 1; i <= 3; i++) {
        hub_tick(f->hub, f->now_ns);
        assert_int_equal(outcome.calls, i);
    }
}

static void free_scanners(void *user, int error, const struct bleproxy_advertisement *const *devices,
                          size_t n_devices)
{
    struct outcome *outcome = user;
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        scanner_free(outcome->f->scanners[i]);
        outcome->f->scanners[i] = NULL;
    }
    on_discovered(user, error, devices, n_devices); /* the views are still there */
}

static void test_callback_of_discover_frees_the_scanners(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {.f = f};
    for (uint64_t address = 1; address <= 10; address++)
        hear(f, f->scanners[address % N_SCANNERS], address, -50, "020106");
    assert_int_equal(hub_discover(f->hub, NULL, 0, free_scanners, &outcome, f->now_ns, &outcome.search), 0);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(outcome.n_devices, 10);
    assert_int_equal(hub_n_devices(f->hub), 10);
}

static void free_hub(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct outcome *outcome = user;
    on_found(user, error, advertisement);
    hub_free(outcome->f->hub, outcome->f->now_ns);
    outcome->f->hub = NULL;
}

static void test_callback_of_a_search_frees_the_hub(void **state)
{
    struct fixture *f = *state;
    struct outcome first = {.f = f}, second = {0};
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(hub_find(f->hub, NULL, NS_PER_S, free_hub, &first, f->now_ns, &first.search), 0);
    find(f, NULL, &second);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.error, BLEPROXY_E_CANCELLED);
}

static bool cancel_in_predicate(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct outcome *outcome = user;
    (void)advertisement;
    if (outcome->search)
        bleproxy_search_cancel(outcome->search);
    outcome->search = NULL;
    return true;
}

static void test_predicate_cancels_its_search(void **state)
{
    struct fixture *f = *state;
    struct outcome found = {0}, discovered = {0};
    const struct bleproxy_filter first = {.predicate = cancel_in_predicate, .predicate_user = &found},
                                 second = {.predicate = cancel_in_predicate, .predicate_user = &discovered};
    hear(f, f->scanners[0], 1, -50, "020106");
    find(f, &first, &found);
    assert_int_equal(
        hub_discover(f->hub, &second, 0, on_discovered, &discovered, f->now_ns, &discovered.search), 0);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(found.calls, 1);
    assert_int_equal(found.error, BLEPROXY_E_CANCELLED);
    assert_int_equal(discovered.calls, 1);
    assert_int_equal(discovered.error, BLEPROXY_E_CANCELLED);
    struct outcome reported = {0};
    const struct bleproxy_filter third = {.predicate = cancel_in_predicate, .predicate_user = &reported};
    find(f, &third, &reported);
    hear(f, f->scanners[0], 2, -50, "020106");
    assert_int_equal(reported.calls, 1);
    assert_int_equal(reported.error, BLEPROXY_E_CANCELLED);
}

struct refusal {
    struct outcome *outcome;
    unsigned calls;
};

static bool cancel_and_refuse(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct refusal *refusal = user;
    refusal->calls++;
    cancel_in_predicate(refusal->outcome, advertisement);
    return false;
}

static void test_predicate_of_a_cancelled_search_is_asked_no_more(void **state)
{
    struct fixture *f = *state;
    struct outcome found = {0};
    struct refusal refusal = {.outcome = &found};
    const struct bleproxy_filter filter = {.predicate = cancel_and_refuse, .predicate_user = &refusal};
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[0], 2, -50, "020106");
    find(f, &filter, &found);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(found.calls, 1);
    assert_int_equal(refusal.calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_find_completes_with_the_report),
        TEST(test_find_of_a_known_device_completes_at_the_next_tick),
        TEST(test_find_of_a_known_device_heard_by_one_proxy),
        TEST(test_find_gives_up_after_its_time),
        TEST(test_find_by_predicate),
        TEST(test_cancelled_search_completes_from_within),
        TEST(test_discover_orders_the_owners_views_by_strength),
        TEST(test_discover_filters),
        TEST(test_discover_of_nothing),
        TEST(test_discover_without_memory_for_the_result),
        TEST(test_invalid_searches),
        TEST(test_freeing_the_hub_cancels_searches),
        TEST(test_callback_cancels_the_next_search),
        TEST(test_search_begun_in_a_callback_waits_for_the_next_tick),
        TEST(test_callback_of_discover_frees_the_scanners),
        TEST(test_callback_of_a_search_frees_the_hub),
        TEST(test_predicate_cancels_its_search),
        TEST(test_predicate_of_a_cancelled_search_is_asked_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
