/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/interest.h"

static void test_unregistering_leaves_devices_without_a_proxy(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[0], 2, -50, "020106");
    hear(f, f->scanners[1], 2, -50, "020106");
    assert_int_equal(hub_n_devices(f->hub), 2);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(hub_n_devices(f->hub), 2);
    for (uint64_t address = 1; address <= 2; address++) {
        const struct bleproxy_advertisement *last =
            bleproxy_device_advertisement(hub_device(f->hub, address));
        assert_int_equal(last->source, 0xA0);
        assert_string_equal(last->proxy, "");
        assert_null(last->raw);
    }
    assert_non_null(scanner_last(f->scanners[0], 1)); /* its own memory stays */
    hear(f, f->scanners[1], 2, -90, "020106");        /* there is nobody to keep it */
    assert_int_equal(bleproxy_device_advertisement(hub_device(f->hub, 2))->source, 0xA1);
}

static void test_scanner_that_registers_again_takes_its_devices_back(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[0], 1, -50, "020106");
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    hear(f, f->scanners[0], 1, -40, "020106");
    hear(f, f->scanners[0], 2, -40, "020106");
    assert_int_equal(bleproxy_device_advertisement(hub_device(f->hub, 1))->rssi_dbm, -50);
    assert_null(hub_device(f->hub, 2));
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[0], f->now_ns), 0);
    hear(f, f->scanners[0], 1, -30, "020106");
    assert_int_equal(bleproxy_device_advertisement(hub_device(f->hub, 1))->rssi_dbm, -30);
    assert_string_equal(bleproxy_device_advertisement(hub_device(f->hub, 1))->proxy, "kitchen");
}

static void test_registering_twice_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[0], f->now_ns), BLEPROXY_E_STATE);
}

static void test_f136_second_scanner_of_one_source_is_logged_and_works(void **state)
{
    struct fixture *f = *state;
    struct scanner *twin = make_scanner(f, 0xA0, "twin");
    assert_int_equal(hub_register_scanner(f->hub, twin, f->now_ns), 0);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_ERROR], 1);
    assert_true(test_env_logged(&f->test, "kitchen"));
    hear(f, twin, 1, -50, "020106");
    hear(f, f->scanners[0], 2, -50, "020106");
    assert_int_equal(hub_n_devices(f->hub), 2);
    scanner_free(twin);
    hear(f, f->scanners[0], 2, -50, "020106");
    assert_int_equal(bleproxy_device_reports(hub_device(f->hub, 2)), 2);
}

static void test_scanners_in_order_of_registration(void **state)
{
    struct fixture *f = *state;
    size_t position = 0;
    hub_unregister_scanner(f->hub, f->scanners[1], f->now_ns);
    assert_ptr_equal(hub_next_scanner(f->hub, &position), f->scanners[0]);
    assert_ptr_equal(hub_next_scanner(f->hub, &position), f->scanners[2]);
    assert_ptr_equal(hub_next_scanner(f->hub, &position), f->scanners[3]);
    assert_null(hub_next_scanner(f->hub, &position));
    assert_null(hub_next_scanner(f->hub, &position));
}

static void test_how_a_scanner_hears_a_device(void **state)
{
    struct fixture *f = *state;
    struct hub_hearing hearing = {.rssi_dbm = 1};
    assert_false(hub_hears(f->hub, f->scanners[0], 1, &hearing));
    assert_int_equal(hearing.rssi_dbm, 1); /* written only on success */
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[1], 1, 0, "020106"); /* a proxy that does not know */
    pass_time(f, 3);
    assert_true(hub_hears(f->hub, f->scanners[0], 1, &hearing));
    assert_int_equal(hearing.rssi_dbm, -50);
    assert_true(hearing.smoothed_dbm == -50);
    assert_int_equal(f->now_ns - hearing.heard_ns, 3 * NS_PER_S);
    assert_int_equal(hearing.address_type, BLEPROXY_ADDRESS_RANDOM);
    assert_true(hub_hears(f->hub, f->scanners[1], 1, &hearing));
    assert_true(hearing.smoothed_dbm == BLEPROXY_RSSI_NONE);
}

static void test_when_a_scanner_was_registered(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(scanner_registered_ns(f->scanners[0]), T0);
    pass_time(f, 5);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[0], f->now_ns), 0);
    assert_int_equal(scanner_registered_ns(f->scanners[0]), T0 + 5 * NS_PER_S);
}

static void test_iterating_over_devices(void **state)
{
    struct fixture *f = *state;
    uint64_t seen = 0;
    for (uint64_t address = 1; address <= 40; address++)
        hear(f, f->scanners[0], address, -50, "020106");
    size_t position = 0;
    for (const struct bleproxy_device *device; (device = hub_next_device(f->hub, &position));)
        seen |= UINT64_C(1) << bleproxy_device_advertisement(device)->address;
    assert_true(seen == ((UINT64_C(1) << 41) - 1 - 1));
    assert_int_equal(hub_n_devices(f->hub), 40);
}

static void no_find(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    (void)user, (void)advertisement;
    assert_int_equal(error, BLEPROXY_E_CANCELLED);
}

/* A hub of its own with room for a few devices. */
static struct hub *small_hub(struct fixture *f, uint32_t devices_max)
{
    const struct bleproxy_hub_options options = {.devices_max = devices_max};
    struct hub *hub;
    assert_int_equal(hub_new(&f->test.env, &options, f->now_ns, &hub), 0);
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        hub_unregister_scanner(f->hub, f->scanners[i], f->now_ns);
        assert_int_equal(hub_register_scanner(hub, f->scanners[i], f->now_ns), 0);
    }
    hub_free(f->hub, f->now_ns);
    f->hub = hub;
    return hub;
}

static void test_newcomer_displaces_the_longest_silent_heard_once(void **state)
{
    struct fixture *f = *state;
    struct hub *hub = small_hub(f, 3);
    hear(f, f->scanners[0], 1, -50, "020106");
    hear(f, f->scanners[0], 2, -50, "020106");
    hear(f, f->scanners[0], 3, -50, "020106");
    hear(f, f->scanners[1], 1, -50, "020106"); /* heard by two is heard again */
    hear(f, f->scanners[0], 4, -50, "020106");
    assert_int_equal(hub_n_devices(hub), 3);
    assert_non_null(hub_device(hub, 1));
    assert_null(hub_device(hub, 2));
    assert_non_null(hub_device(hub, 3));
    assert_non_null(hub_device(hub, 4));
    hear(f, f->scanners[0], 2, -50, "020106"); /* back again, in place of 3 */
    assert_non_null(hub_device(hub, 2));
    assert_null(hub_device(hub, 3));
}

static void test_full_table_refuses_but_reports_go_on(void **state)
{
    struct fixture *f = *state;
    struct hub *hub = small_hub(f, 2);
    struct listener reports = {0}, owner = {0};
    struct bleproxy_hub_statistics statistics;
    listen(f, BLEPROXY_STREAM_REPORTS, &reports);
    listen(f, BLEPROXY_STREAM_OWNER, &owner);
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t address = 1; address <= 2; address++)
            hear(f, f->scanners[0], address, -50, "020106");
    hear(f, f->scanners[0], 3, -50, "020106");
    assert_null(hub_device(hub, 3));
    assert_int_equal(reports.calls, 5);
    assert_int_equal(owner.calls, 4);
    hub_get_statistics(hub, &statistics);
    assert_int_equal(statistics.reports, 5);
    assert_int_equal(statistics.devices_refused, 1);
    pass_time(f, 61); /* one of those that were heard again has been silent for a minute */
    hear(f, f->scanners[0], 2, -50, "020106");
    hear(f, f->scanners[0], 3, -50, "020106");
    assert_null(hub_device(hub, 1));
    assert_non_null(hub_device(hub, 3));
}

static void test_displaced_device_becomes_unavailable(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    small_hub(f, 1);
    watch_device(f, 0, &notices);
    hear(f, f->scanners[0], 1, -50, "020106 05094c616d70");
    hear(f, f->scanners[0], 2, -50, "020106");
    assert_int_equal(notices.connectable, 1);
    assert_int_equal(notices.any, 1);
    assert_int_equal(notices.last.address, 1);
}

static void test_strangers_displace_nobody_who_is_cared_about(void **state)
{
    struct fixture *f = *state;
    struct hub *hub = small_hub(f, 8);
    struct notices notices = {0};
    struct listener listener = {0};
    struct bleproxy_subscription *subscription;
    struct bleproxy_search *search;
    const struct bleproxy_filter filter = {.address = 2}, sought = {.address = 3, .rssi_min_dbm = -1};
    struct bleproxy_watch *watch = watch_device(f, 1, &notices);
    assert_int_equal(
        hub_subscribe(hub, BLEPROXY_STREAM_OWNER, &filter, on_advertisement, &listener, &subscription), 0);
    assert_int_equal(hub_find(hub, &sought, 3600 * NS_PER_S, no_find, NULL, f->now_ns, &search), 0);
    assert_int_equal(hub_set_interval(hub, 4, 1000 * NS_PER_S), 0);
    for (uint64_t address = 1; address <= 4; address++)
        hear(f, f->scanners[0], address, -50, "020106");
    assert_int_equal(interest_hold(hub, 5), 0);
    hear(f, f->scanners[0], 6, -50, "020106");
    assert_int_equal(interest_hold(hub, 6), 0); /* known already */
    for (uint64_t address = 1000; address < 3000; address++)
        for (unsigned i = 0; i < 3; i++)
            hear(f, f->scanners[1], address, -50, "020106");
    hear(f, f->scanners[0], 5, -50, "020106"); /* has no need to wait */
    for (uint64_t address = 1; address <= 6; address++)
        assert_non_null(hub_device(hub, address));
    assert_int_equal(hub_n_devices(hub), 8);
    bleproxy_watch_free(watch);
    bleproxy_subscription_free(subscription);
    bleproxy_search_cancel(search);
    assert_int_equal(hub_set_interval(hub, 4, 0), 0);
    interest_release(hub, 5);
    interest_release(hub, 6);
    pass_time(f, 100);
    for (uint64_t address = 3000; address < 3020; address++)
        for (unsigned i = 0; i < 2; i++)
            hear(f, f->scanners[1], address, -50, "020106");
    for (uint64_t address = 1; address <= 6; address++)
        assert_null(hub_device(hub, address)); /* like anybody else */
}

static void test_flood_of_addresses_does_not_push_out_what_is_heard_again(void **state)
{
    struct fixture *f = *state;
    struct hub *hub = small_hub(f, 50);
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t address = 1; address <= 20; address++)
            hear(f, f->scanners[0], address, -50, "020106");
    for (uint64_t address = 1000; address < 3000; address++)
        hear(f, f->scanners[1], address, -50, "020106");
    assert_int_equal(hub_n_devices(hub), 50);
    for (uint64_t address = 1; address <= 20; address++)
        assert_non_null(hub_device(hub, address));
}

static void test_displaced_device_that_its_scanner_remembers_is_heard_again(void **state)
{
    struct fixture *f = *state;
    struct hub *hub = small_hub(f, 2);
    for (uint64_t address = 1; address <= 3; address++)
        hear(f, f->scanners[0], address, -50, "020106");
    assert_null(hub_device(hub, 1));
    hear(f, f->scanners[0], 1, -50, "020106");
    for (uint64_t address = 4; address <= 9; address++)
        hear(f, f->scanners[0], address, -50, "020106");
    assert_non_null(hub_device(hub, 1));
}

static void test_freed_hub_lets_scanners_go_on(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[0], 1, -50, "020106");
    hub_free(f->hub, f->now_ns);
    f->hub = NULL;
    hub_free(NULL, f->now_ns);
    hear(f, f->scanners[0], 1, -50, "020106");
    assert_int_equal(scanner_n_devices(f->scanners[0]), 1);
}

static void test_no_memory_for_a_hub(void **state)
{
    struct fixture *f = *state;
    struct hub *hub;
    f->test.fail_after = 0;
    assert_int_equal(hub_new(&f->test.env, NULL, f->now_ns, &hub), BLEPROXY_E_NOMEM);
    f->test.fail_after = SIZE_MAX;
}

/* ---- Everything at random: no crash, no leak, and every search completes once ---- */

static uint32_t draw(struct fixture *f, uint32_t bound)
{
    uint32_t value;
    f->test.env.random(f->test.env.user, &value, sizeof(value));
    return value % bound;
}

struct chaos {
    struct fixture *f;
    struct bleproxy_subscription *subscriptions[4];
    struct bleproxy_search *searches[4];
    unsigned n_begun, n_completed;
};

static void act(struct chaos *chaos);

static void chaos_on_advertisement(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct chaos *chaos = user;
    assert_non_null(advertisement->proxy);
    if (draw(chaos->f, 8) == 0)
        act(chaos);
    assert_true(advertisement->source >= 0xA0);
}

struct chaos_search {
    struct chaos *chaos;
    unsigned place;
};
static struct chaos_search chaos_searches[4];

static void chaos_complete(const struct chaos_search *search, int error)
{
    search->chaos->searches[search->place] = NULL;
    search->chaos->n_completed++;
    if (error == 0 && draw(search->chaos->f, 2) == 0)
        act(search->chaos);
}

static void chaos_on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    chaos_complete(user, error);
    assert_int_equal(error == 0, advertisement != NULL);
    if (advertisement)
        assert_non_null(advertisement->proxy);
}

static void chaos_on_discovered(void *user, int error, const struct bleproxy_advertisement *const *devices,
                                size_t n_devices)
{
    chaos_complete(user, error);
    for (size_t i = 0; i < n_devices; i++)
        assert_non_null(devices[i]->proxy);
}

static void toggle_search(struct chaos *chaos, unsigned place)
{
    struct fixture *f = chaos->f;
    if (chaos->searches[place]) {
        bleproxy_search_cancel(chaos->searches[place]);
        assert_null(chaos->searches[place]);
        return;
    }
    chaos_searches[place] = (struct chaos_search){chaos, place};
    const struct bleproxy_filter filter = {.address = draw(f, 12)};
    uint64_t timeout_ns = draw(f, 20) * NS_PER_S;
    int r = place < 2 ? hub_find(f->hub, &filter, timeout_ns, chaos_on_found, &chaos_searches[place],
                                 f->now_ns, &chaos->searches[place])
                      : hub_discover(f->hub, &filter, timeout_ns, chaos_on_discovered, &chaos_searches[place],
                                     f->now_ns, &chaos->searches[place]);
    assert_int_equal(r, 0);
    chaos->n_begun++;
}

static void act(struct chaos *chaos)
{
    struct fixture *f = chaos->f;
    unsigned i = draw(f, 4);
    switch (draw(f, 4)) {
    case 0:
        if (chaos->subscriptions[i]) {
            bleproxy_subscription_free(chaos->subscriptions[i]);
            chaos->subscriptions[i] = NULL;
        } else {
            hub_subscribe(f->hub, (enum bleproxy_stream)draw(f, 3), NULL, chaos_on_advertisement, chaos,
                          &chaos->subscriptions[i]);
        }
        break;
    case 1:
        toggle_search(chaos, i);
        break;
    case 2:
        if (hub_register_scanner(f->hub, f->scanners[i], f->now_ns) != 0)
            hub_unregister_scanner(f->hub, f->scanners[i], f->now_ns);
        break;
    case 3:
        scanner_free(f->scanners[i]);
        f->scanners[i] = make_scanner(f, 0xA0 + i, "again");
        hub_register_scanner(f->hub, f->scanners[i], f->now_ns);
        break;
    }
}

static void test_random_actions_in_and_out_of_callbacks(void **state)
{
    struct fixture *f = *state;
    small_hub(f, 8);
    struct chaos chaos = {.f = f};
    for (unsigned round = 0; round < 20000; round++) {
        static const char *const payloads[] = {"020106", "05094c616d70", "04ff010004", "04ff010005"};
        if (draw(f, 50) == 0)
            act(&chaos);
        if (draw(f, 100) == 0)
            pass_time(f, draw(f, 40));
        hear(f, f->scanners[draw(f, N_SCANNERS)], draw(f, 12), -(int32_t)draw(f, 90), payloads[draw(f, 4)]);
        if (draw(f, 10) == 0) {
            hub_tick(f->hub, f->now_ns);
            for (unsigned i = 0; i < N_SCANNERS; i++)
                scanner_tick(f->scanners[i], f->now_ns);
        }
        assert_true(hub_n_devices(f->hub) <= 8);
    }
    hub_free(f->hub, f->now_ns);
    f->hub = NULL;
    assert_true(chaos.n_begun > 100);
    assert_int_equal(chaos.n_begun, chaos.n_completed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_unregistering_leaves_devices_without_a_proxy),
        TEST(test_scanner_that_registers_again_takes_its_devices_back),
        TEST(test_registering_twice_is_an_error),
        TEST(test_f136_second_scanner_of_one_source_is_logged_and_works),
        TEST(test_scanners_in_order_of_registration),
        TEST(test_how_a_scanner_hears_a_device),
        TEST(test_when_a_scanner_was_registered),
        TEST(test_iterating_over_devices),
        TEST(test_newcomer_displaces_the_longest_silent_heard_once),
        TEST(test_full_table_refuses_but_reports_go_on),
        TEST(test_displaced_device_becomes_unavailable),
        TEST(test_strangers_displace_nobody_who_is_cared_about),
        TEST(test_flood_of_addresses_does_not_push_out_what_is_heard_again),
        TEST(test_displaced_device_that_its_scanner_remembers_is_heard_again),
        TEST(test_freed_hub_lets_scanners_go_on),
        TEST(test_no_memory_for_a_hub),
        TEST(test_random_actions_in_and_out_of_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
