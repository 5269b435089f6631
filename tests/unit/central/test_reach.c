/* SPDX-License-Identifier: MIT */
#include "route_fixture.h"

#include "central/reach.h"
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
    assert_says(f, "nothing stands in the way: it would be connected through kitchen (-54 dBm)");
    heard_by(f, 0, 0);
    assert_says(f, "nothing stands in the way: it would be connected through kitchen");
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
                "or change the pins");
    assert_int_equal(pins_add(&routing.pins, DEVICE + 1, "garage", BLEPROXY_PIN_RESERVE), 0);
    assert_says(f, "no connected proxy may be used for it: kitchen (denied) and garage (for other devices "
                   "only); change the pins");
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
        f,
        "its bond is on attic, which is not connected: bring them together, or forget the bond and pair it "
        "anew through another proxy");
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
        CASE(test_the_source_that_was_asked_for),
        CASE(test_f147_explaining_needs_no_memory),
        CASE(test_it_is_not_cut_within_a_character),
        CASE(test_it_is_cut_to_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
