/* SPDX-License-Identifier: MIT */
#include "route_fixture.h"

#include "central/reach.h"
#include "hub/interest.h"
#include "hub/slots.h"
#include <bleproxy/error.h>

/* What stands in the way, in words: F137 has eight situations, of which some are several here. */

static struct routing routing;
static struct route route;
static struct turn turns[N_SCANNERS];

static int setup(void **state)
{
    route_setup(state);
    struct fixture *f = *state;
    routing_init(&routing, &f->test.env, f->hub, 0);
    route = (struct route){.address = DEVICE};
    memset(turns, 0, sizeof(turns));
    return 0;
}

static int teardown(void **state)
{
    routing_deinit(&routing);
    return fixture_teardown(state);
}

static void assert_says(struct fixture *f, const char *expected)
{
    char text[BLEPROXY_PATH_TEXT_SIZE];
    assert_ptr_equal(reach_explain(&routing, &route, f->now_ns, text, sizeof(text)), text);
    assert_string_equal(text, expected);
}

/* So that they are not silent. */
static void others_are_heard(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        hear(f, f->scanners[i], DEVICE + 1, -60, "020106");
}

static void leave_only(struct fixture *f, unsigned n)
{
    for (unsigned i = n; i < N_SCANNERS; i++)
        hub_unregister_scanner(f->hub, f->scanners[i], f->now_ns);
}

static struct scanner *passive_scanner(struct fixture *f, uint64_t source, const char *name)
{
    const struct scanner_config config = {.env = &f->test.env, .source = source, .name = name};
    struct scanner *scanner;
    assert_int_equal(scanner_new(&config, &scanner), 0);
    open_scanner(f, scanner);
    assert_int_equal(hub_register_scanner(f->hub, scanner, f->now_ns), 0);
    hear(f, scanner, DEVICE, -30, "020106");
    return scanner;
}

static void bond_with(uint64_t source, const char *proxy)
{
    struct bond *bond;
    assert_int_equal(bonds_reserve(&routing.bonds, DEVICE, &bond), 0);
    bonds_put(&routing.bonds, bond, source, proxy);
}

static void test_f137_nothing_stands_in_the_way(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -54);
    assert_says(f, "it can be connected: through kitchen (-54 dBm)");
    heard_by(f, 0, 0);
    assert_says(f, "it can be connected: through kitchen");
}

static void test_f137_no_proxy(void **state)
{
    struct fixture *f = *state;
    leave_only(f, 0);
    assert_says(f, "no proxy is connected: check that they are powered and reachable");
}

static void test_f137_never_heard(void **state)
{
    struct fixture *f = *state;
    assert_says(f,
                "none of the connected proxies has ever heard it: check that it is on, near a proxy, and not "
                "connected elsewhere");
    leave_only(f, 1);
    assert_says(f, "the one connected proxy has never heard it: check that it is on, near a proxy, and not "
                   "connected elsewhere");
}

static void test_f137_no_longer_heard(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -70);
    pass_time(f, 15);
    heard_by(f, 2, -80);
    pass_time(f, 75);
    others_are_heard(f, N_SCANNERS);
    assert_says(
        f, "no proxy has heard it lately: kitchen 90 s ago (-70 dBm) and attic 75 s ago (-80 dBm); check "
           "that it is on, near a proxy, and not connected elsewhere");
}

static void test_f137_all_are_connecting(void **state)
{
    struct fixture *f = *state;
    leave_only(f, 2);
    turn_begin(&routing, &turns[0], f->scanners[0]);
    turn_begin(&routing, &turns[1], f->scanners[1]);
    assert_says(f, "no proxy can hear it now: all are connecting other devices; wait, or add a proxy");
    turn_end(&turns[1]);
    assert_says(f,
                "none of the connected proxies has ever heard it: check that it is on, near a proxy, and not "
                "connected elsewhere");
}

/* F146: they are named. */
static void test_f137_f146_only_proxies_that_cannot_connect(void **state)
{
    struct fixture *f = *state;
    leave_only(f, 0);
    struct scanner *porch = passive_scanner(f, 0xB0, "porch");
    assert_says(f, "it is heard by porch (cannot connect): use a proxy with 'bluetooth_proxy: active: true'");
    struct scanner *shed = passive_scanner(f, 0xB1, "shed");
    assert_says(f, "it is heard by porch (cannot connect) and shed (cannot connect): use a proxy with "
                   "'bluetooth_proxy: active: true'");
    scanner_free(porch);
    scanner_free(shed);
}

static void test_f137_all_slots_are_in_use(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -60);
    report_slots(f, 0, 0);
    report_slots(f, 1, 0);
    assert_says(
        f,
        "all connection slots of the proxies that hear it are in use: kitchen (3 of 3) and garage (3 of 3); "
        "disconnect another device, or add a proxy");
    const struct bleproxy_slots unknown = {0};
    scanner_on_slots(f->scanners[0], &unknown, f->now_ns);
    scanner_on_slots(f->scanners[1], &unknown, f->now_ns);
    assert_says(
        f,
        "all connection slots of the proxies that hear it are in use: kitchen (it has not told them yet) and "
        "garage (it has not told them yet); disconnect another device, or add a proxy");
}

static void test_f137_the_best_is_busy(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    turn_begin(&routing, &turns[0], f->scanners[0]);
    assert_says(
        f, "kitchen is the best proxy for it, and is connecting another device: its turn comes after that");
}

static void test_many_are_counted(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < N_SCANNERS; i++) {
        heard_by(f, i, -50);
        report_slots(f, i, 0);
    }
    assert_says(
        f, "all connection slots of the proxies that hear it are in use: kitchen (3 of 3), garage (3 of 3), "
           "attic (3 of 3) and 1 more; disconnect another device, or add a proxy");
}

static void test_denied_and_reserved(void **state)
{
    struct fixture *f = *state;
    leave_only(f, 2);
    heard_by(f, 0, -50);
    assert_int_equal(pins_add(&routing.pins, DEVICE, "kitchen", BLEPROXY_PIN_DENY), 0);
    assert_says(f,
                "it is heard by kitchen (denied); the others do not hear it: move the device nearer to them, "
                "or change 'only' and 'deny'");
    assert_int_equal(pins_add(&routing.pins, DEVICE + 1, "garage", BLEPROXY_PIN_RESERVE), 0);
    assert_says(f, "no connected proxy may be used for it: kitchen (denied) and garage (for other devices "
                   "only); change 'only' and 'deny'");
}

static void test_pinned_to_a_proxy_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    assert_int_equal(pins_add(&routing.pins, DEVICE, "shed", BLEPROXY_PIN_ONLY), 0);
    assert_says(
        f,
        "it may only be connected through shed, which is not connected: check that proxy, or allow others");
    assert_int_equal(pins_add(&routing.pins, DEVICE, "AA:00:00:00:00:01", BLEPROXY_PIN_ONLY), 0);
    assert_says(
        f, "it may only be connected through shed or AA:00:00:00:00:01, which is not connected: check that "
           "proxy, or allow others");
}

/* That a proxy cannot connect is no news when it may not. */
static void test_pinned_to_a_proxy_that_is_not_there_while_one_that_cannot_connect_is(void **state)
{
    struct fixture *f = *state;
    leave_only(f, 0);
    struct scanner *porch = passive_scanner(f, 0xB0, "porch");
    assert_int_equal(pins_add(&routing.pins, DEVICE, "shed", BLEPROXY_PIN_ONLY), 0);
    assert_says(
        f,
        "it may only be connected through shed, which is not connected: check that proxy, or allow others");
    scanner_free(porch);
}

static void test_pinned_to_a_proxy_that_does_not_hear_it(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    assert_int_equal(pins_add(&routing.pins, DEVICE, "attic", BLEPROXY_PIN_ONLY), 0);
    assert_says(f, "it is heard by kitchen (not allowed); it may only be connected through attic, "
                   "which does not "
                   "hear it: check that proxy, or allow others");
}

static void test_its_bond_is_elsewhere(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    bond_with(0xA2, "attic");
    assert_says(
        f, "it is heard by kitchen (does not have its bond); its bond is on attic, which does not hear it: "
           "bring them together, or forget the bond and pair it anew through another proxy");
    hub_unregister_scanner(f->hub, f->scanners[2], f->now_ns);
    assert_says(
        f, "its bond is on attic, which is not connected: check that proxy, or forget the bond and pair it "
           "anew through another proxy");
}

static void test_its_bond_is_where_it_may_not_be_connected(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 2, -50);
    bond_with(0xA2, "an earlier name");
    assert_int_equal(pins_add(&routing.pins, DEVICE, "attic", BLEPROXY_PIN_DENY), 0);
    assert_says(f, "its bond is on attic, but attic may not be used for it ('deny'): allow it, or forget the "
                   "bond and pair it anew through another proxy");
    assert_int_equal(pins_remove(&routing.pins, DEVICE, "attic", BLEPROXY_PIN_DENY), 0);
    assert_int_equal(pins_add(&routing.pins, DEVICE, "kitchen", BLEPROXY_PIN_ONLY), 0);
    assert_says(f, "its bond is on attic, but only others may be used for it ('only'): allow attic, or "
                   "forget the bond and pair it anew through another proxy");
    assert_int_equal(pins_remove(&routing.pins, DEVICE, "kitchen", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(pins_add(&routing.pins, DEVICE + 1, "attic", BLEPROXY_PIN_RESERVE), 0);
    assert_says(f, "its bond is on attic, but attic is for other devices only ('only'): allow it, or forget "
                   "the bond and pair it anew through another proxy");
}

static void test_its_bond_is_on_a_silent_proxy(void **state)
{
    struct fixture *f = *state;
    bond_with(0xA2, "attic");
    pass_time(f, 20);
    heard_by(f, 0, -50);
    assert_says(f, "it is heard by kitchen (does not have its bond); its bond is on attic, which has heard "
                   "nothing at all for 20 s: another program may have taken it over; if none has, restart "
                   "it");
}

static void test_its_bond_is_on_a_full_proxy(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 2, -50);
    report_slots(f, 2, 0);
    bond_with(0xA2, "attic");
    assert_says(f, "all connection slots of the proxies that hear it are in use: attic (3 of 3); disconnect "
                   "another device, or forget the bond and pair it anew through another proxy");
    heard_by(f, 0, -50);
    assert_says(f, "all connection slots of the proxies that hear it and may be used are in use: attic (3 of "
                   "3); it is heard by kitchen (does not have its bond), too; disconnect another device, or "
                   "forget the bond and pair it anew through another proxy");
}

static void test_others_that_hear_it_while_the_one_allowed_is_full_may_not_be_used(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 2, -50);
    report_slots(f, 2, 0);
    assert_int_equal(pins_add(&routing.pins, DEVICE, "attic", BLEPROXY_PIN_ONLY), 0);
    assert_says(f, "all connection slots of the proxies that hear it and may be used are in use: attic (3 of "
                   "3); it is heard by kitchen (not allowed), too; disconnect another device, or allow "
                   "others");
    assert_int_equal(pins_remove(&routing.pins, DEVICE, "attic", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(pins_add(&routing.pins, DEVICE, "kitchen", BLEPROXY_PIN_DENY), 0);
    assert_says(f, "all connection slots of the proxies that hear it and may be used are in use: attic (3 of "
                   "3); it is heard by kitchen (denied), too; disconnect another device, or add a proxy");
}

static void test_silent_proxies_say_nothing_of_the_device(void **state)
{
    struct fixture *f = *state;
    leave_only(f, 2);
    pass_time(f, 8);
    assert_says(f, "kitchen and garage have heard nothing at all for 8 s: another program may have taken "
                   "them over; if none has, restart them");
    hear(f, f->scanners[0], DEVICE + 1, -60, "020106");
    assert_says(f, "none of the connected proxies has ever heard it: check that it is on, near a proxy, and "
                   "not connected elsewhere; garage has heard nothing at all for 8 s: another program may "
                   "have taken it over; if none has, restart it");
    /* who may not be used is of no interest */
    assert_int_equal(pins_add(&routing.pins, DEVICE, "garage", BLEPROXY_PIN_DENY), 0);
    assert_says(f, "none of the connected proxies has ever heard it: check that it is on, near a proxy, and "
                   "not connected elsewhere");
}

static void test_a_proxy_that_could_not_listen_is_not_silent(void **state)
{
    struct fixture *f = *state;
    leave_only(f, 1);
    pauses_begin(&routing.pauses, 0xA0, f->now_ns);
    pass_time(f, 20);
    pauses_end(&routing.pauses, 0xA0, f->now_ns);
    assert_says(f, "the one connected proxy has never heard it: check that it is on, near a proxy, and not "
                   "connected elsewhere");
}

/* ---- Connected devices ---- */

static void report_held(struct fixture *f, unsigned scanner, uint64_t address)
{
    const struct bleproxy_slots slots = {
        .free = SLOTS_OF_EACH - 1, .limit = SLOTS_OF_EACH, .allocated = &address, .n_allocated = 1};
    scanner_on_slots(f->scanners[scanner], &slots, f->now_ns);
}

static enum bleproxy_obstacle obstacle_of(struct fixture *f, const char *proxy, bool holds)
{
    struct bleproxy_path paths[N_SCANNERS];
    size_t n = route_list(&routing, &route, f->now_ns, paths, N_SCANNERS);
    for (size_t i = 0; i < n; i++)
        if (strcmp(paths[i].proxy, proxy) == 0) {
            assert_int_equal(paths[i].holds, holds);
            return paths[i].obstacle;
        }
    fail();
    return BLEPROXY_OBSTACLE_NONE;
}

static void test_connected_by_another_program(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 1, -60);
    pass_time(f, 2);
    others_are_heard(f, N_SCANNERS);
    report_held(f, 0, DEVICE);
    assert_says(f, "it is connected through kitchen, by another program: connected devices do not advertise");
    assert_int_equal(obstacle_of(f, "kitchen", true), BLEPROXY_OBSTACLE_CONNECTED);
    assert_int_equal(obstacle_of(f, "garage", false), BLEPROXY_OBSTACLE_CONNECTED);
    assert_int_equal(obstacle_of(f, "attic", false), BLEPROXY_OBSTACLE_NOT_HEARD);
    /* attempts go by what was heard */
    struct path path;
    assert_int_equal(route_choose(&routing, &route, f->now_ns, &path), ROUTE_FREE);
    report_slots(f, 0, SLOTS_OF_EACH);
    assert_says(f, "it can be connected: through garage (-60 dBm)");
}

/* While its slot is taken the device is not connected yet. */
static void test_a_device_that_is_being_connected_may_still_be_heard(void **state)
{
    struct fixture *f = *state;
    report_held(f, 0, DEVICE);
    pass_time(f, 1);
    heard_by(f, 1, -60);
    assert_says(f, "it is connected through kitchen, by another program: connected devices do not advertise");
    pass_time(f, 3);
    assert_says(f, "it is connected through kitchen, by another program: connected devices do not advertise");
}

/* Some take several connections. */
static void test_a_device_that_advertises_although_it_is_connected(void **state)
{
    struct fixture *f = *state;
    report_held(f, 0, DEVICE);
    pass_time(f, 4);
    heard_by(f, 0, -40);
    heard_by(f, 1, -60);
    assert_says(f, "it can be connected: through garage (-60 dBm), although it is connected through kitchen, "
                   "too");
    assert_int_equal(obstacle_of(f, "kitchen", true), BLEPROXY_OBSTACLE_CONNECTED);
    assert_int_equal(obstacle_of(f, "garage", false), BLEPROXY_OBSTACLE_NONE);
}

static void on_lost(void *user, uint64_t now_ns)
{
    (void)user, (void)now_ns;
}

static void test_connected_by_this_program(void **state)
{
    struct fixture *f = *state;
    struct slot_tracker tracker = {0};
    heard_by(f, 1, -60);
    assert_int_equal(interest_connect(f->hub, DEVICE), 0);
    slots_track(scanner_slot_record(f->scanners[0]), &tracker, DEVICE, on_lost, NULL);
    pass_time(f, 2);
    heard_by(f, 1, -60);
    assert_says(f, "it is connected through kitchen, by this program");
    assert_int_equal(obstacle_of(f, "kitchen", true), BLEPROXY_OBSTACLE_CONNECTED);
    assert_int_equal(obstacle_of(f, "garage", false), BLEPROXY_OBSTACLE_CONNECTED);
    slots_untrack(&tracker);
    interest_disconnect(f->hub, DEVICE);
    assert_says(f, "it can be connected: through garage (-60 dBm)");
}

/* ---- What was heard before ---- */

static void come_back(struct fixture *f, unsigned scanner)
{
    hub_unregister_scanner(f->hub, f->scanners[scanner], f->now_ns);
    pass_time(f, 10);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[scanner], f->now_ns), 0);
    open_scanner(f, f->scanners[scanner]);
    report_slots(f, scanner, SLOTS_OF_EACH);
}

static void test_heard_before_the_proxy_was_connected(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    pass_time(f, 5);
    come_back(f, 0);
    assert_says(f, "it would be tried through kitchen, which heard it 15 s ago (-50 dBm), but not since the "
                   "proxy was connected");
    heard_by(f, 0, -50);
    assert_says(f, "it can be connected: through kitchen (-50 dBm)");
}

static void test_heard_before_by_one_that_may_not_be_used(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    come_back(f, 0);
    assert_int_equal(pins_add(&routing.pins, DEVICE, "kitchen", BLEPROXY_PIN_DENY), 0);
    others_are_heard(f, N_SCANNERS);
    assert_says(f, "it was heard by kitchen (denied); the others do not hear it: move the device nearer to "
                   "them, or change 'only' and 'deny'");
}

/* The signal is the one that the choice goes by. */
static void test_the_signal_is_smoothed(void **state)
{
    struct fixture *f = *state;
    struct path path;
    char expected[80];
    for (unsigned i = 0; i < 8; i++) {
        heard_by(f, 0, -50);
        heard_by(f, 1, -80);
        pass_time(f, 1);
    }
    heard_by(f, 0, -62);
    assert_int_equal(route_choose(&routing, &route, f->now_ns, &path), ROUTE_FREE);
    assert_true(path.view.smoothed_dbm > -60);
    snprintf(expected, sizeof(expected), "it can be connected: through kitchen (%d dBm)",
             (int)(path.view.smoothed_dbm - 0.5));
    assert_says(f, expected);
}

static void test_the_source_that_was_asked_for(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    route.source = 0xA1;
    assert_says(f, "it is heard by kitchen (not allowed); the one proxy that may be used does not "
                   "hear it: allow "
                   "others, or move the device nearer to it");
    route.source = 0xF0;
    assert_says(
        f, "the one proxy that may be used is not connected: allow others, or move the device nearer to it");
}

/* F147: what goes wrong in explaining an error takes nothing from the error. Here nothing can. */
static void test_f147_explaining_needs_no_memory(void **state)
{
    struct fixture *f = *state;
    f->test.fail_after = 0;
    assert_says(f,
                "none of the connected proxies has ever heard it: check that it is on, near a proxy, and not "
                "connected elsewhere");
    f->test.fail_after = SIZE_MAX;
}

/* Thirty-two times the letter alpha, which has two bytes. */
#define ALPHAS "αααααααααααααααααααααααααααααααα"

static void test_it_is_not_cut_within_a_character(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = passive_scanner(f, 1, ALPHAS);
    leave_only(f, 0);
    for (size_t size = 2; size < 130; size++) {
        char text[130];
        reach_explain(&routing, &route, f->now_ns, text, size);
        size_t n = strlen(text), begun = n;
        while (begun > 0 && (text[begun - 1] & 0xc0) == 0x80)
            begun--;
        assert_true(n == begun ? n == 0 || (unsigned char)text[n - 1] < 0x80 : n - begun == 1);
    }
    scanner_free(scanner);
}

static void test_it_is_cut_to_any_size(void **state)
{
    struct fixture *f = *state;
    char whole[BLEPROXY_PATH_TEXT_SIZE], text[BLEPROXY_PATH_TEXT_SIZE];
    heard_by(f, 0, -50);
    bond_with(0xF0, "the proxy in the room under the stairs");
    reach_explain(&routing, &route, f->now_ns, whole, sizeof(whole));
    for (size_t size = 1; size <= strlen(whole) + 1; size++) {
        memset(text, 'x', sizeof(text));
        reach_explain(&routing, &route, f->now_ns, text, size);
        assert_int_equal(strlen(text), size - 1);
        assert_memory_equal(text, whole, size - 1);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_f137_nothing_stands_in_the_way),
        CASE(test_f137_no_proxy),
        CASE(test_f137_never_heard),
        CASE(test_f137_no_longer_heard),
        CASE(test_f137_all_are_connecting),
        CASE(test_f137_f146_only_proxies_that_cannot_connect),
        CASE(test_f137_all_slots_are_in_use),
        CASE(test_f137_the_best_is_busy),
        CASE(test_many_are_counted),
        CASE(test_denied_and_reserved),
        CASE(test_pinned_to_a_proxy_that_is_not_there),
        CASE(test_pinned_to_a_proxy_that_is_not_there_while_one_that_cannot_connect_is),
        CASE(test_pinned_to_a_proxy_that_does_not_hear_it),
        CASE(test_its_bond_is_elsewhere),
        CASE(test_its_bond_is_where_it_may_not_be_connected),
        CASE(test_its_bond_is_on_a_silent_proxy),
        CASE(test_its_bond_is_on_a_full_proxy),
        CASE(test_others_that_hear_it_while_the_one_allowed_is_full_may_not_be_used),
        CASE(test_silent_proxies_say_nothing_of_the_device),
        CASE(test_a_proxy_that_could_not_listen_is_not_silent),
        CASE(test_connected_by_another_program),
        CASE(test_a_device_that_is_being_connected_may_still_be_heard),
        CASE(test_a_device_that_advertises_although_it_is_connected),
        CASE(test_connected_by_this_program),
        CASE(test_heard_before_the_proxy_was_connected),
        CASE(test_heard_before_by_one_that_may_not_be_used),
        CASE(test_the_signal_is_smoothed),
        CASE(test_the_source_that_was_asked_for),
        CASE(test_f147_explaining_needs_no_memory),
        CASE(test_it_is_not_cut_within_a_character),
        CASE(test_it_is_cut_to_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
