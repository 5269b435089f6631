/* SPDX-License-Identifier: MIT */
#include "history_fixture.h"

#include "hub/interest.h"

static uint64_t seconds(uint64_t s)
{
    return s * NS_PER_S;
}

/* ---- A proxy comes back ---- */

static void test_what_a_proxy_has_heard_survives_its_connection(void **state)
{
    struct fixture *f = *state;
    size_t size;
    const uint8_t *raw = hex("020a04 0303d2fc 0816d2fc4002c40929 05ff4c001005", &size);
    hear(f, f->scanners[A], 1, -50, LAMP);
    hear_bytes(f, f->scanners[A], 1, -61, raw, size);
    char before[2000];
    snprintf(before, sizeof(before), "%s", content(scanner_last(f->scanners[A], 1)));
    uint64_t heard_ns = f->now_ns;
    lose(f, A);
    pass_time(f, 10);
    const struct bleproxy_advertisement *last = scanner_last(come(f, A), 1);
    assert_non_null(last);
    assert_string_equal(content(last), before);
    assert_string_equal(last->name, "Lamp");
    assert_int_equal(last->raw_size, size);
    assert_memory_equal(last->raw, raw, size);
    assert_int_equal(last->address, 1);
    assert_int_equal(last->source, 0xA0);
    assert_string_equal(last->proxy, "kitchen");
    assert_true(last->time_ns == heard_ns);
    assert_int_equal(last->rssi_dbm, -61);
    assert_int_equal(last->tx_power_dbm, 4);
    assert_int_equal(last->address_type, 1);
    assert_int_equal(last->connectable, 1);
    assert_int_equal(last->changed, 0);
}

static void test_merged_data_is_there_with_the_first_report(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, "0303d2fc" LAMP);
    lose(f, A);
    pass_time(f, 10);
    struct scanner *scanner = come(f, A);
    hear(f, scanner, 1, -50, "04ff010004");
    assert_string_equal(content(scanner_last(scanner, 1)), "Lamp| fcd2|| 1:04");
    assert_string_equal(content(bleproxy_device_advertisement(hub_device(f->hub, 1))), "Lamp| fcd2|| 1:04");
}

static void test_it_is_not_a_report(void **state)
{
    struct fixture *f = *state;
    struct listener listener = {0};
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    listen(f, BLEPROXY_STREAM_REPORTS, &listener);
    pass_time(f, 10);
    struct scanner *scanner = come(f, A);
    const struct bleproxy_device *device = hub_device(f->hub, 1);
    assert_int_equal(listener.calls, 0);
    assert_int_equal(bleproxy_device_reports(device), 1);
    assert_true(bleproxy_device_advertisement(device)->time_ns == T0);
    const void *position = NULL; /* but who asks learns who has heard it */
    assert_ptr_equal(bleproxy_device_next_report(device, &position), scanner_last(scanner, 1));
    assert_null(bleproxy_device_next_report(device, &position));
    hear(f, scanner, 1, -40, LAMP);
    assert_int_equal(listener.calls, 1);
    assert_int_equal(listener.changed, 0);
    assert_int_equal(bleproxy_device_reports(device), 2);
    assert_string_equal(bleproxy_device_advertisement(device)->proxy, "kitchen");
}

static void test_what_is_too_old_does_not_come_back(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    pass_time(f, 1);
    hear(f, f->scanners[A], 2, -50, LAMP);
    lose(f, A);
    pass_time(f, BLEPROXY_DEVICE_EXPIRY_S);
    struct scanner *scanner = come(f, A);
    assert_null(scanner_last(scanner, 1));
    assert_non_null(scanner_last(scanner, 2));
}

static void test_slow_devices_are_remembered_for_longer(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 17; i++) {
        at(f, i * 300);
        hear(f, f->scanners[A], 1, -50, LAMP);
    }
    lose(f, A);
    at(f, 16 * 300 + 749);
    assert_non_null(scanner_last(come(f, A), 1));
    at(f, 16 * 300 + 750);
    assert_non_null(scanner_last(f->scanners[A], 1));
    lose(f, A);
    at(f, 16 * 300 + 751);
    assert_null(scanner_last(come(f, A), 1));
}

static void test_a_second_loss_makes_nothing_younger(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    for (unsigned i = 0; i < 4; i++) {
        lose(f, A);
        pass_time(f, 100);
        assert_int_equal(scanner_last(come(f, A), 1) != NULL, i < 3);
    }
}

static void test_restored_devices_expire(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    at(f, 100);
    come(f, A);
    at(f, BLEPROXY_DEVICE_EXPIRY_S);
    assert_int_equal(scanner_n_devices(f->scanners[A]), 1);
    at(f, BLEPROXY_DEVICE_EXPIRY_S + 31);
    assert_int_equal(scanner_n_devices(f->scanners[A]), 0);
}

static void test_a_device_of_a_proxy_that_returns_in_time_stays_available(void **state)
{
    struct fixture *f = *state;
    struct notices notices = {0};
    watch_device(f, 1, &notices);
    hear(f, f->scanners[A], 1, -50, LAMP);
    at(f, 20);
    lose(f, A);
    at(f, 25);
    come(f, A);
    at(f, 325);
    assert_int_equal(notices.connectable, 0);
    at(f, 400);
    assert_int_equal(notices.connectable, 1);
}

static void test_a_proxy_that_remembers_by_itself_is_told_nothing(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    hear(f, f->scanners[A], 2, -50, LAMP);
    hub_unregister_scanner(f->hub, f->scanners[A], f->now_ns);
    hear(f, f->scanners[A], 1, -40, NAMELESS);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[A], f->now_ns), 0);
    assert_int_equal(scanner_n_devices(f->scanners[A]), 2);
    assert_int_equal(scanner_last(f->scanners[A], 1)->rssi_dbm, -40);
    assert_int_equal(f->hub->history.n_sources, 0);
}

static void test_another_proxy_is_told_nothing(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    lose(f, B);
    assert_null(scanner_last(come(f, B), 1));
    assert_non_null(scanner_last(come(f, A), 1));
}

static void test_what_was_forgotten_stays_forgotten(void **state)
{
    struct fixture *f = *state;
    for (uint64_t address = 1; address <= 3; address++)
        hear(f, f->scanners[A], address, -50, "04ff010004");
    hear(f, f->scanners[B], 2, -50, "04ff010004");
    lose(f, A);
    lose(f, B);
    hub_forget(f->hub, 2);
    assert_int_equal(f->hub->history.n_sources, 1); /* there was no more to it */
    struct scanner *scanner = come(f, A);
    assert_int_equal(scanner_n_devices(scanner), 2);
    hear(f, scanner, 2, -50, NAMELESS);
    assert_string_equal(content(scanner_last(scanner, 2)), "-");
    assert_string_equal(content(scanner_last(scanner, 1)), "-||| 1:04");
    assert_string_equal(content(scanner_last(scanner, 3)), "-||| 1:04");
}

static void test_no_memory_to_forget_with_forgets_all(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, "04ff010004");
    hear(f, f->scanners[A], 2, -50, "04ff010004");
    lose(f, A);
    f->test.fail_after = 0;
    hub_forget(f->hub, 2);
    f->test.fail_after = SIZE_MAX;
    assert_int_equal(scanner_n_devices(come(f, A)), 0);
}

/* ---- What it is good for: searches and connections ---- */

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    unsigned *n_found = user;
    assert_int_equal(error, 0);
    assert_int_equal(advertisement->address, 1);
    ++*n_found;
}

static void test_a_search_under_way_finds_it_at_once(void **state)
{
    struct fixture *f = *state;
    unsigned n_found = 0;
    const struct bleproxy_filter filter = {.source = 0xA0};
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    assert_int_equal(hub_find(f->hub, &filter, BP_NEVER, on_found, &n_found, f->now_ns, NULL), 0);
    pass_time(f, 1);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(n_found, 0);
    come(f, A);
    assert_int_equal(n_found, 0); /* not from within */
    assert_true(hub_deadline(f->hub) <= f->now_ns);
    hub_tick(f->hub, f->now_ns);
    assert_int_equal(n_found, 1);
}

static void on_discovered(void *user, int error, const struct bleproxy_advertisement *const *devices,
                          size_t n_devices)
{
    size_t *ret_n = user;
    (void)devices;
    assert_int_equal(error, 0);
    *ret_n = n_devices;
}

static void test_listening_goes_on_to_its_end(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    assert_int_equal(hub_discover(f->hub, NULL, seconds(5), on_discovered, &n, f->now_ns, NULL), 0);
    come(f, A);
    assert_true(hub_deadline(f->hub) == f->now_ns + seconds(5));
    at(f, 5);
    assert_int_equal(n, 1);
}

static void test_how_it_is_heard_is_known_before_it_is_heard(void **state)
{
    struct fixture *f = *state;
    struct hub_hearing hearing;
    hear(f, f->scanners[A], 1, -50, LAMP);
    restart(f, 10, seconds(100));
    assert_true(hub_hears(f->hub, come(f, A), 1, &hearing));
    assert_int_equal(hearing.rssi_dbm, -50);
    assert_int_equal(hearing.address_type, 1);
    assert_true(hearing.heard_ns == seconds(90));
}

/* ---- Another run, and what is known of devices beyond one proxy ---- */

static void test_another_run_begins_without_devices(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    restart(f, 10, seconds(100));
    struct scanner *scanner = come(f, A);
    assert_int_equal(scanner_n_devices(scanner), 1);
    assert_int_equal(hub_n_devices(f->hub), 0);
    assert_null(hub_device(f->hub, 1));
    hear(f, scanner, 1, -50, NAMELESS);
    assert_int_equal(bleproxy_device_reports(hub_device(f->hub, 1)), 1);
    assert_string_equal(name_of(f, 1), "Lamp");
}

static void test_what_was_heard_in_an_earlier_run_is_found(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    assert_null(hub_remembered(f->hub, 1, NULL)); /* as a device it is known */
    restart(f, 10, seconds(100));
    assert_null(hub_remembered(f->hub, 1, NULL));
    come(f, A);
    const struct bleproxy_advertisement *found = hub_remembered(f->hub, 1, NULL);
    assert_ptr_equal(found, scanner_last(f->scanners[A], 1));
    assert_ptr_equal(hub_remembered(f->hub, 0, "Lamp"), found);
    assert_null(hub_remembered(f->hub, 0, "Lam"));
    assert_null(hub_remembered(f->hub, 2, NULL));
    hear(f, come(f, B), 1, -50, NAMELESS);
    assert_null(hub_remembered(f->hub, 0, "Lamp"));
}

static void test_of_what_was_heard_the_latest_is_found_that_tells_a_name(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    restart(f, 10, seconds(100));
    struct scanner *passive = come(f, B);
    hear(f, passive, 1, -70, NAMELESS);
    hear(f, passive, 2, -70, NAMELESS);
    restart(f, 10, seconds(200));
    passive = come(f, B);
    assert_ptr_equal(hub_remembered(f->hub, 1, NULL), scanner_last(passive, 1));
    come(f, A);
    assert_ptr_equal(hub_remembered(f->hub, 1, NULL), scanner_last(f->scanners[A], 1));
    assert_ptr_equal(hub_remembered(f->hub, 2, NULL), scanner_last(passive, 2));
    assert_null(hub_remembered(f->hub, 2, "Lamp"));
}

static void test_a_restored_name_names_what_another_proxy_hears(void **state)
{
    struct fixture *f = *state;
    struct listener listener = {0};
    hear(f, f->scanners[A], 1, -50, LAMP);
    restart(f, 10, seconds(100));
    come(f, A);
    struct scanner *passive = come(f, B);
    listen(f, BLEPROXY_STREAM_CHANGES, &listener);
    hear(f, passive, 1, -80, NAMELESS);
    assert_string_equal(scanner_last(passive, 1)->name, "Lamp");
    assert_string_equal(name_of(f, 1), "Lamp");
    assert_int_equal(listener.calls, 1);
    hear(f, passive, 1, -80, NAMELESS);
    assert_int_equal(listener.calls, 1);
}

static void test_a_proxy_that_comes_later_names_it_too(void **state)
{
    struct fixture *f = *state;
    struct listener listener = {0};
    hear(f, f->scanners[A], 1, -50, LAMP);
    restart(f, 10, seconds(100));
    struct scanner *passive = come(f, B);
    hear(f, passive, 1, -80, NAMELESS);
    assert_string_equal(name_of(f, 1), "");
    listen(f, BLEPROXY_STREAM_CHANGES, &listener); /* which tells what is known */
    come(f, A);
    assert_string_equal(name_of(f, 1), "Lamp");
    assert_int_equal(listener.calls, 1);
    hear(f, passive, 1, -80, NAMELESS);
    assert_string_equal(scanner_last(passive, 1)->name, "Lamp");
    assert_int_equal(listener.calls, 2);
}

/* What no other proxy's report was compared with. */
static void hear_alone(struct fixture *f, unsigned i, const char *text)
{
    scanner_free(f->scanners[i]);
    f->scanners[i] = make_scanner(f, 0xA0 + i, "alone");
    hear(f, f->scanners[i], 1, -50, text);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[i], f->now_ns), 0);
}

static void test_restored_names_are_weighed_as_heard_ones_are(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *a, *b, *heard, *name;
    } cases[] = {
        {"0a094f6e76697320585858", "04094f6e76", NAMELESS,
         "Onvis XXX"}, /* the second is a part of the first */
        {"04094f6e76", "0a094f6e76697320585858", NAMELESS, "Onvis XXX"},
        {"04094f6e76", "0709446f6e6b6579", NAMELESS, "Donkey"}, /* in the order of registration */
        {"04094f6e76", "0409 4f4e56", NAMELESS, "Onv"},         /* a change of case is none */
        {"0a094f6e76697320585858", NAMELESS, "04094f6e76", "Onvis XXX"},
        {"0a094f6e76697320585858", NAMELESS, "0709446f6e6b6579", "Donkey"},
        {"1209 30303a30303a30303a30303a30303a3031", NAMELESS, NAMELESS, ""}, /* its address */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hear_alone(f, A, cases[i].a);
        hear_alone(f, B, cases[i].b);
        restart(f, 1, f->now_ns + seconds(1));
        come(f, A);
        come(f, B);
        hear(f, come(f, C), 1, -50, cases[i].heard);
        assert_string_equal(name_of(f, 1), cases[i].name);
        hub_free(f->hub, f->now_ns);
        assert_int_equal(hub_new(&f->test.env, NULL, f->now_ns, &f->hub), 0);
    }
}

static void test_a_restored_interval_is_known_with_the_first_report(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 16; i++) {
        at(f, i * 20);
        hear(f, f->scanners[A], 1, -50, LAMP);
    }
    restart(f, 10, seconds(100));
    come(f, A);
    hear(f, come(f, B), 1, -50, NAMELESS);
    assert_true(bleproxy_device_interval_ns(hub_device(f->hub, 1)) == seconds(20));
    pass_time(f, 30); /* and it is learned on */
    hear(f, f->scanners[B], 1, -50, NAMELESS);
    assert_true(bleproxy_device_interval_ns(hub_device(f->hub, 1)) == seconds(30));
}

static void test_a_half_learned_interval_is_not_kept(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 10; i++) {
        at(f, i * 20);
        hear(f, f->scanners[A], 1, -50, LAMP);
    }
    restart(f, 10, seconds(100));
    hear(f, come(f, A), 1, -50, NAMELESS);
    assert_true(bleproxy_device_interval_ns(hub_device(f->hub, 1)) == 0);
}

static void test_slow_devices_are_remembered_for_longer_in_another_run(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 17; i++) {
        at(f, i * 300);
        hear(f, f->scanners[A], 1, -50, LAMP);
    }
    restart(f, 700, seconds(5000));
    assert_non_null(scanner_last(come(f, A), 1));
    restart(f, 51, seconds(7000));
    assert_null(scanner_last(come(f, A), 1));
}

static void test_what_is_cared_about_is_not_displaced(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    assert_int_equal(interest_hold(f->hub, 1), 0);
    struct scanner *scanner = come(f, A);
    for (uint64_t address = 1000; address < 1000 + 2 * SIGHTINGS_MAX; address++)
        hear(f, scanner, address, -50, NAMELESS);
    assert_non_null(scanner_last(scanner, 1));
    interest_release(f->hub, 1);
}

static void test_devices_heard_once_still_make_way_first(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, NAMELESS);
    hear(f, f->scanners[A], 2, -50, NAMELESS);
    hear(f, f->scanners[A], 2, -50, NAMELESS);
    lose(f, A);
    struct scanner *scanner = come(f, A);
    for (uint64_t address = 1000; address < 1000 + SIGHTINGS_MAX; address++)
        hear(f, scanner, address, -50, NAMELESS);
    assert_null(scanner_last(scanner, 1));
    assert_non_null(scanner_last(scanner, 2));
}

/* ---- As habluetooth does it ---- */

static void test_reference_forgets_with_the_connection(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    assert_int_equal(f->hub->history.n_sources, 0);
    assert_int_equal(scanner_n_devices(come(f, A)), 0);
}

static void no_file(void *user)
{
    (void)user;
}

static void test_reference_restores_what_was_stored(void **state)
{
    struct fixture *f = *state;
    history_watch(f->hub, no_file, NULL, f->now_ns);
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    restart(f, 10, seconds(100)); /* that the proxy was away then does not matter */
    struct scanner *scanner = come(f, A);
    assert_int_equal(scanner_n_devices(scanner), 1);
    hear(f, come(f, B), 1, -80, NAMELESS);
    assert_string_equal(name_of(f, 1), "Lamp");
    history_watch(f->hub, no_file, NULL, f->now_ns);
    lose(f, A);
    assert_int_equal(scanner_n_devices(come(f, A)), 0); /* what this run has heard is only stored */
}

static void test_reference_learns_intervals_anew(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 16; i++) {
        at(f, i * 20);
        hear(f, f->scanners[A], 1, -50, LAMP);
    }
    restart(f, 10, seconds(100));
    hear(f, come(f, A), 1, -50, NAMELESS);
    assert_true(bleproxy_device_interval_ns(hub_device(f->hub, 1)) == 0);
}

/* ---- Limits ---- */

static void remember(struct fixture *f, uint64_t source)
{
    struct scanner *scanner = make_scanner(f, source, "one of many");
    assert_int_equal(hub_register_scanner(f->hub, scanner, f->now_ns), 0);
    hear(f, scanner, 1, -50, LAMP);
    scanner_free(scanner);
}

static size_t n_remembered(struct fixture *f, uint64_t source)
{
    struct scanner *scanner = make_scanner(f, source, "one of many");
    assert_int_equal(hub_register_scanner(f->hub, scanner, f->now_ns), 0);
    size_t n = scanner_n_devices(scanner);
    hub_unregister_scanner(f->hub, scanner, f->now_ns);
    scanner_free(scanner);
    return n;
}

static void test_the_proxy_that_is_away_longest_goes_first(void **state)
{
    struct fixture *f = *state;
    for (uint64_t source = 1; source <= HISTORY_SOURCES_MAX + 2; source++)
        remember(f, source << 16);
    assert_int_equal(f->hub->history.n_sources, HISTORY_SOURCES_MAX);
    assert_int_equal(n_remembered(f, 1 << 16), 0);
    assert_int_equal(n_remembered(f, 2 << 16), 0);
    assert_int_equal(n_remembered(f, 3 << 16), 1);
    assert_int_equal(n_remembered(f, (uint64_t)(HISTORY_SOURCES_MAX + 2) << 16), 1);
}

static void fill(struct fixture *f, uint64_t source, uint64_t n_again)
{
    static uint8_t raw[SIGHTING_RAW_MAX];
    struct scanner *scanner = make_scanner(f, source, "crowded");
    assert_int_equal(hub_register_scanner(f->hub, scanner, f->now_ns), 0);
    for (uint64_t address = 1; address <= 1000; address++)
        hear_bytes(f, scanner, address, -50, raw, sizeof(raw));
    for (uint64_t address = 1001 - n_again; address <= 1000; address++)
        hear_bytes(f, scanner, address, -50, raw, sizeof(raw));
    scanner_free(scanner);
}

static void test_of_a_crowd_those_heard_once_are_left_out(void **state)
{
    struct fixture *f = *state;
    fill(f, 0xC0, 200);
    struct scanner *scanner = make_scanner(f, 0xC0, "crowded");
    assert_int_equal(hub_register_scanner(f->hub, scanner, f->now_ns), 0);
    size_t n = scanner_n_devices(scanner);
    assert_in_range(n, 250, HISTORY_SOURCE_BYTES_MAX / SIGHTING_RAW_MAX);
    for (uint64_t address = 801; address <= 1000; address++)
        assert_non_null(scanner_last(scanner, address));
    scanner_free(scanner);
}

static void test_all_of_it_has_a_limit(void **state)
{
    struct fixture *f = *state;
    const uint64_t n = HISTORY_BYTES_MAX / HISTORY_SOURCE_BYTES_MAX + 4;
    for (uint64_t i = 0; i < n; i++) {
        fill(f, 0xC000 + i, 0);
        assert_true(f->hub->history.bytes <= HISTORY_BYTES_MAX);
    }
    assert_int_equal(n_remembered(f, 0xC000), 0);
    assert_true(n_remembered(f, 0xC000 + n - 1) > 250);
}

static void test_no_memory_to_keep_it(void **state)
{
    struct fixture *f = *state;
    size_t missing;
    for (missing = 0;; missing++) {
        f->test.log_next = 0;
        memset(f->test.log, 0, sizeof(f->test.log));
        hear(f, f->scanners[A], 1, -50, LAMP);
        hear(f, f->scanners[A], 2, -50, LAMP);
        f->test.fail_after = missing;
        lose(f, A);
        f->test.fail_after = SIZE_MAX;
        size_t n = scanner_n_devices(come(f, A));
        if (!test_env_logged(&f->test, "no memory to keep what it has heard"))
            break;
        assert_int_equal(n, 0);
    }
    assert_in_range(missing, 2, 100);
    assert_int_equal(scanner_n_devices(f->scanners[A]), 2);
}

static void test_no_memory_to_restore_it(void **state)
{
    struct fixture *f = *state;
    size_t missing, n;
    for (missing = 0;; missing++) {
        hear(f, f->scanners[A], 1, -50, LAMP);
        hear(f, f->scanners[A], 2, -50, LAMP);
        lose(f, A);
        f->scanners[A] = make_scanner(f, 0xA0, "kitchen");
        f->test.fail_after = missing;
        int r = hub_register_scanner(f->hub, f->scanners[A], f->now_ns);
        f->test.fail_after = SIZE_MAX;
        n = scanner_n_devices(f->scanners[A]);
        if (r < 0)
            assert_int_equal(r, BLEPROXY_E_NOMEM);
        if (n == 2)
            break;
        lose(f, A);
        come(f, A);
    }
    assert_in_range(missing, 3, 100);
    assert_string_equal(content(scanner_last(f->scanners[A], 1)), "Lamp");
    assert_string_equal(content(scanner_last(f->scanners[A], 2)), "Lamp");
}

static void test_what_nobody_comes_for_is_dropped(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[A], 1, -50, LAMP);
    lose(f, A);
    at(f, 329);
    assert_int_equal(f->hub->history.n_sources, 1);
    at(f, 390);
    assert_int_equal(f->hub->history.n_sources, 0);
    assert_int_equal(f->hub->history.bytes, 0);
}

static void test_nothing_heard_is_nothing_kept(void **state)
{
    struct fixture *f = *state;
    lose(f, A);
    assert_int_equal(f->hub->history.n_sources, 0);
    assert_int_equal(scanner_n_devices(come(f, A)), 0);
}

/* ---- For who saves it ---- */

static void count(void *user)
{
    ++*(unsigned *)user;
}

static void test_it_is_to_be_saved_when_there_were_reports(void **state)
{
    struct fixture *f = *state;
    unsigned due = 0;
    history_watch(f->hub, count, &due, f->now_ns);
    assert_false(history_is_unsaved(f->hub));
    at(f, 1000);
    assert_int_equal(due, 0);
    hear(f, f->scanners[A], 1, -50, LAMP);
    assert_true(history_is_unsaved(f->hub));
    at(f, 1030);
    assert_int_equal(due, 1);
    assert_false(history_is_unsaved(f->hub));
    for (unsigned i = 1; i <= 57; i++) { /* from then on every five minutes at most */
        at(f, 1030 + i * 10);
        hear(f, f->scanners[A], 1, -50, LAMP);
    }
    assert_int_equal(due, 2);
    at(f, 10000);
    assert_int_equal(due, 3);
    history_watch(f->hub, NULL, NULL, f->now_ns);
    hear(f, f->scanners[A], 1, -50, LAMP);
    at(f, 20000);
    assert_int_equal(due, 3);
}

#define TEST(name)           cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define TEST_REFERENCE(name) cmocka_unit_test_setup_teardown(name, reference_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_proxy_has_heard_survives_its_connection),
        TEST(test_merged_data_is_there_with_the_first_report),
        TEST(test_it_is_not_a_report),
        TEST(test_what_is_too_old_does_not_come_back),
        TEST(test_slow_devices_are_remembered_for_longer),
        TEST(test_a_second_loss_makes_nothing_younger),
        TEST(test_restored_devices_expire),
        TEST(test_a_device_of_a_proxy_that_returns_in_time_stays_available),
        TEST(test_a_proxy_that_remembers_by_itself_is_told_nothing),
        TEST(test_another_proxy_is_told_nothing),
        TEST(test_what_was_forgotten_stays_forgotten),
        TEST(test_no_memory_to_forget_with_forgets_all),
        TEST(test_a_search_under_way_finds_it_at_once),
        TEST(test_listening_goes_on_to_its_end),
        TEST(test_how_it_is_heard_is_known_before_it_is_heard),
        TEST(test_another_run_begins_without_devices),
        TEST(test_what_was_heard_in_an_earlier_run_is_found),
        TEST(test_of_what_was_heard_the_latest_is_found_that_tells_a_name),
        TEST(test_a_restored_name_names_what_another_proxy_hears),
        TEST(test_a_proxy_that_comes_later_names_it_too),
        TEST(test_restored_names_are_weighed_as_heard_ones_are),
        TEST(test_a_restored_interval_is_known_with_the_first_report),
        TEST(test_a_half_learned_interval_is_not_kept),
        TEST(test_slow_devices_are_remembered_for_longer_in_another_run),
        TEST(test_what_is_cared_about_is_not_displaced),
        TEST(test_devices_heard_once_still_make_way_first),
        TEST_REFERENCE(test_reference_forgets_with_the_connection),
        TEST_REFERENCE(test_reference_restores_what_was_stored),
        TEST_REFERENCE(test_reference_learns_intervals_anew),
        TEST(test_the_proxy_that_is_away_longest_goes_first),
        TEST(test_of_a_crowd_those_heard_once_are_left_out),
        TEST(test_all_of_it_has_a_limit),
        TEST(test_no_memory_to_keep_it),
        TEST(test_no_memory_to_restore_it),
        TEST(test_what_nobody_comes_for_is_dropped),
        TEST(test_nothing_heard_is_nothing_kept),
        TEST(test_it_is_to_be_saved_when_there_were_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
