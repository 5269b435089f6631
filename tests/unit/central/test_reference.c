/* SPDX-License-Identifier: MIT */
#include "route_fixture.h"

#include "central/score.h"
#include <bleproxy/error.h>

/* The choice of the proxy as habluetooth makes it, by its own cases and numbers, and where it is at fault. */

static struct routing routing;
static struct turn turns[16];
static size_t n_turns;

static int setup(void **state)
{
    route_setup(state);
    struct fixture *f = *state;
    routing_init(&routing, &f->test.env, f->hub, BLEPROXY_RULE_ROUTING);
    memset(turns, 0, sizeof(turns));
    n_turns = 0;
    return 0;
}

static int teardown(void **state)
{
    routing_deinit(&routing);
    return fixture_teardown(state);
}

static int choose(struct fixture *f, struct path *ret_path)
{
    const struct route route = {.address = DEVICE};
    return route_choose(&routing, &route, f->now_ns, ret_path);
}

static void assert_chosen(struct fixture *f, uint64_t source)
{
    struct path path;
    assert_int_equal(choose(f, &path), ROUTE_FREE);
    assert_int_equal(path.view.source, source);
}

static void assert_near(double score, double expected)
{
    double gap = score - expected;
    if (gap > 1e-9 || gap < -1e-9)
        fail_msg("%.12g is not %.12g", score, expected);
}

static double score_of(struct fixture *f, unsigned scanner)
{
    const struct route route = {.address = DEVICE};
    struct bleproxy_path paths[N_SCANNERS];
    assert_int_equal(route_list(&routing, &route, f->now_ns, paths, N_SCANNERS), N_SCANNERS);
    for (size_t i = 0; i < N_SCANNERS; i++)
        if (paths[i].source == 0xA0 + scanner)
            return paths[i].score_dbm;
    fail_msg("it is not among them");
    return 0;
}

static void begin_attempt(struct fixture *f, unsigned scanner)
{
    turn_begin(&routing, &turns[n_turns++], f->scanners[scanner]);
}

static void fail_at(struct fixture *f, unsigned scanner)
{
    failures_add(&routing.failures, 0xA0 + scanner, DEVICE, scanner_registered_ns(f->scanners[scanner]),
                 f->now_ns);
}

static void test_f140_scores_of_one_path(void **state)
{
    static const struct {
        uint32_t free, limit;
        unsigned attempts;
        double score;
    } rows[] = {
        {0, 0, 0, -50}, {3, 3, 0, -50}, {1, 3, 0, -57.6}, {0, 3, 0, -127}, {1, 3, 1, -67.7},
    };
    const struct contest contest = {.strongest_dbm = -50, .second_dbm = -60, .n = 2};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct bleproxy_path path = {.rssi_dbm = -50,
                                           .slots_free = rows[i].free,
                                           .slots_limit = rows[i].limit,
                                           .attempts = rows[i].attempts};
        assert_near(score_reference(&path, &contest), rows[i].score);
    }
}

static void test_f141_the_last_slot_alone_changes_no_order(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -60);
    heard_by(f, 1, -65);
    heard_by(f, 2, -70);
    report_slots(f, 0, 1);
    assert_near(score_of(f, 0), -63.8);
    assert_near(score_of(f, 1), -65);
    assert_near(score_of(f, 2), -70);
    assert_chosen(f, 0xA0);
}

static void test_f142_a_full_proxy_is_excluded(void **state)
{
    struct fixture *f = *state;
    struct path path;
    heard_by(f, 0, -40);
    heard_by(f, 1, -90);
    report_slots(f, 0, 0);
    assert_near(score_of(f, 0), -127);
    assert_chosen(f, 0xA1);
    report_slots(f, 1, 0);
    assert_int_equal(choose(f, &path), ROUTE_FULL);
}

static void test_f143_seven_at_once_over_three_proxies(void **state)
{
    struct fixture *f = *state;
    unsigned n[3] = {0};
    heard_by(f, 0, -60);
    heard_by(f, 1, -60);
    heard_by(f, 2, -95);
    for (unsigned i = 0; i < 7; i++) {
        struct path path;
        assert_int_equal(choose(f, &path), ROUTE_FREE);
        unsigned scanner = (unsigned)(path.view.source - 0xA0);
        begin_attempt(f, scanner);
        report_slots(f, scanner, SLOTS_OF_EACH - ++n[scanner]);
    }
    assert_int_equal(n[0], 3);
    assert_int_equal(n[1], 3);
    assert_int_equal(n[2], 1);
}

static void test_f144_two_failures_take_another_path_and_success_clears(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -60);
    fail_at(f, 0);
    assert_near(score_of(f, 0), -55.1);
    assert_chosen(f, 0xA0);
    fail_at(f, 0);
    assert_near(score_of(f, 0), -60.2);
    assert_chosen(f, 0xA1);
    failures_clear(&routing.failures, 0xA0, DEVICE);
    assert_chosen(f, 0xA0);
}

/* F144, the fault of it: hours later the near proxy is still not tried. */
static void test_f144_failures_never_decay(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    fail_at(f, 0);
    fail_at(f, 0);
    pass_time(f, 24 * 3600);
    heard_by(f, 0, -50);
    heard_by(f, 1, -60);
    assert_chosen(f, 0xA1);
}

static void test_registration_clears_failures(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -60);
    fail_at(f, 0);
    fail_at(f, 0);
    pass_time(f, 1);
    hub_unregister_scanner(f->hub, f->scanners[0], f->now_ns);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[0], f->now_ns), 0);
    assert_chosen(f, 0xA0);
    fail_at(f, 0);
    assert_near(score_of(f, 0), -55.1); /* the first anew */
}

/* An attempt counts from the choice to its end, the discovery of services included. */
static void test_attempts_count_until_they_are_over(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -60);
    begin_attempt(f, 0);
    assert_near(score_of(f, 0), -60.1);
    assert_chosen(f, 0xA1);
    turns[0].is_up = true;
    assert_chosen(f, 0xA1);
    turn_end(&turns[0]);
    assert_chosen(f, 0xA0);
}

static void test_equal_signals_have_a_gap_of_one(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    heard_by(f, 1, -50);
    begin_attempt(f, 0);
    assert_near(score_of(f, 0), -51.01);
    assert_chosen(f, 0xA1);
}

static void test_the_last_signal_counts_however_old(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -50);
    pass_time(f, 190);
    heard_by(f, 1, -60);
    assert_chosen(f, 0xA0);
}

/* ---- Faults, and their absence in test_route.c ---- */

/* H1, ha-ef-ble#445: -66.28 against -66.0. */
static void test_a_lead_of_28_decibels_is_lost_to_an_attempt_under_way(void **state)
{
    struct fixture *f = *state;
    heard_by(f, 0, -38);
    heard_by(f, 1, -66);
    begin_attempt(f, 0);
    assert_near(score_of(f, 0), -66.28);
    assert_near(score_of(f, 1), -66);
    assert_chosen(f, 0xA1);
}

/* habluetooth#628 */
static void test_a_bonded_device_leaves_its_bond_after_two_failures(void **state)
{
    struct fixture *f = *state;
    struct bond *bond;
    heard_by(f, 0, -62);
    heard_by(f, 1, -80);
    assert_int_equal(bonds_reserve(&routing.bonds, DEVICE, &bond), 0);
    bonds_put(&routing.bonds, bond, 0xA0, "kitchen");
    assert_chosen(f, 0xA0);
    fail_at(f, 0);
    fail_at(f, 0);
    assert_near(score_of(f, 0), -80.36);
    assert_chosen(f, 0xA1);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_f140_scores_of_one_path),
        CASE(test_f141_the_last_slot_alone_changes_no_order),
        CASE(test_f142_a_full_proxy_is_excluded),
        CASE(test_f143_seven_at_once_over_three_proxies),
        CASE(test_f144_two_failures_take_another_path_and_success_clears),
        CASE(test_f144_failures_never_decay),
        CASE(test_registration_clears_failures),
        CASE(test_attempts_count_until_they_are_over),
        CASE(test_equal_signals_have_a_gap_of_one),
        CASE(test_the_last_signal_counts_however_old),
        CASE(test_a_lead_of_28_decibels_is_lost_to_an_attempt_under_way),
        CASE(test_a_bonded_device_leaves_its_bond_after_two_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
