/* SPDX-License-Identifier: MIT */
/* Scanning on purpose while memory runs out, and while things go away at the worst moment. */
#include "auto_fixture.h"

#include "hub/hub_private.h"

enum { KITCHEN, GARAGE, ATTIC, CELLAR };
enum { LAMP = 1, THERMOMETER = 2 };

/* ---- Memory ---- */

/* All that allocates, with as many devices at a stand-in as need a second allocation. */
static void life(void)
{
    struct fixture *f = house.f;
    struct bleproxy_active_scan *requests[8] = {NULL};
    struct bleproxy_scan_request *scan = NULL;
    unsigned owed = 0;
    for (uint64_t i = 0; i < 8; i++) {
        int r = hub_request_active_scan(f->hub, i / 2 * 10 + i % 2 + 1, 60000, 5000, f->now_ns, &requests[i]);
        assert_true(r == 0 || (r == BLEPROXY_E_NOMEM && !requests[i]));
    }
    int r = hub_request_scan(f->hub, BLEPROXY_MODE_PASSIVE, &scan);
    assert_true(r == 0 || (r == BLEPROXY_E_NOMEM && !scan));
    run_to(66);
    scanner_pause(f->scanners[KITCHEN]);
    run_to(68); /* errands */
    scanner_resume(f->scanners[KITCHEN]);
    for (unsigned i = 0; i < 2; i++)
        owed += hub_sweep(f->hub, 10000 * (i + 1), on_swept, &house, f->now_ns, NULL) == 0;
    run_to(140);
    assert_int_equal(house.n_done, owed);
    for (unsigned i = 0; i < 8; i += 2)
        bleproxy_active_scan_free(requests[i]);
    bleproxy_scan_request_free(scan);
    run_to(150);
}

static void life_setup(void)
{
    for (unsigned i = KITCHEN; i <= GARAGE; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    for (uint64_t i = 0; i < 8; i++) {
        air(KITCHEN, i / 2 * 10 + i % 2 + 1, -50);
        air(GARAGE, i / 2 * 10 + i % 2 + 1, -60);
    }
    run_to(7);
}

static void test_out_of_memory_at_each_allocation(void **state)
{
    for (size_t n = 0; n < 1000; n++) {
        if (n > 0)
            house_setup(state);
        life_setup();
        house.f->test.fail_after = n;
        life();
        bool enough = house.f->test.fail_after > 0;
        house.f->test.fail_after = SIZE_MAX;
        if (enough) {
            assert_true(n >= 8 + 8 + 1 + 2 + 2); /* requests, devices, scan request, errand, sweeps */
            assert_true(strstr(windows(), "garage 67+") != NULL);
            return; /* and the rest goes with the hub */
        }
        house_teardown(state);
    }
    fail();
}

/* Without memory for an errand the device is tried again soon: nothing is lost. */
static void test_out_of_memory_for_an_errand_is_tried_again(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    run_to(7);
    struct bleproxy_active_scan *request = want(LAMP, 60, 10);
    run_to(66);
    scanner_pause(f->scanners[KITCHEN]);
    f->test.fail_after = 0;
    run_to(68);
    f->test.fail_after = SIZE_MAX;
    scanner_resume(f->scanners[KITCHEN]);
    assert_true(due(request) == 97);
    run_to(120);
    assert_string_equal(windows(), "kitchen 97+10");
}

/* ---- What goes in the middle ---- */

static void act_free_request(struct auto_house *h)
{
    bleproxy_active_scan_free(h->request);
    h->request = NULL;
}

static void test_request_freed_while_its_proxy_is_told(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    house.request = want(LAMP, 60, 10);
    run_to(64);
    house.proxies[KITCHEN].act = act_free_request;
    run_to(300);
    assert_null(house.request);
    assert_string_equal(windows(), "kitchen 65+10");
}

static void test_request_freed_while_a_stand_in_is_told(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    run_to(7);
    house.request = want(LAMP, 60, 10);
    run_to(66);
    scanner_pause(f->scanners[KITCHEN]);
    house.proxies[GARAGE].act = act_free_request;
    run_to(100);
    assert_string_equal(windows(), "garage 67+10");
}

static void act_free_kitchen(struct auto_house *h)
{
    scanner_free(h->f->scanners[KITCHEN]);
    h->f->scanners[KITCHEN] = NULL;
}

static void test_scanner_freed_while_it_is_told(void **state)
{
    (void)state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 10);
    run_to(64);
    house.proxies[KITCHEN].act = act_free_kitchen;
    run_to(66);
    assert_null(house.f->scanners[KITCHEN]);
    run_to(80);
    assert_int_equal(info_of(request).source, 0xA1); /* the next report brought it there */
}

static void test_owner_freed_while_its_stand_in_is_told(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    set_mode(GARAGE, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    air(GARAGE, LAMP, -60);
    run_to(7);
    want(LAMP, 60, 20);
    run_to(66);
    scanner_pause(f->scanners[KITCHEN]);
    house.proxies[GARAGE].act = act_free_kitchen;
    run_to(100);
    assert_null(f->scanners[KITCHEN]);
    assert_true(strncmp(windows(), "garage 67+", 10) == 0);
}

static void act_free_hub(struct auto_house *h)
{
    hub_free(h->f->hub, h->f->now_ns);
    h->f->hub = NULL;
}

static void test_hub_freed_while_a_proxy_is_told(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 10);
    want(THERMOMETER, 60, 10);
    run_to(64);
    house.proxies[KITCHEN].act = act_free_hub;
    f->now_ns += NS_PER_S;
    hub_tick(f->hub, f->now_ns);
    assert_null(f->hub);
}

static void act_passive(struct auto_house *h)
{
    scanner_set_mode(h->f->scanners[KITCHEN], BLEPROXY_MODE_PASSIVE, h->f->now_ns);
}

static void test_mode_changed_while_the_proxy_is_told(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 10);
    run_to(64);
    house.proxies[KITCHEN].act = act_passive;
    run_to(70);
    assert_int_equal(house.sent[house.n_sent - 1].mode, BLEPROXY_MODE_PASSIVE);
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    house.n_sent = 0;
    run_to(140);
    assert_string_equal(windows(), "kitchen 125+10");
    assert_int_equal(scanner_requested_mode(f->scanners[KITCHEN]), BLEPROXY_MODE_AUTO);
}

/* The session is lost: its scanner's window closes before it leaves the hub. */
static void test_window_closed_by_a_lost_session(void **state)
{
    struct fixture *f = *state;
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    run_to(245);
    scanner_bind(f->scanners[KITCHEN], NULL, NULL, NULL);
    scanner_unsetup(f->scanners[KITCHEN], f->now_ns);
    hub_unregister_scanner(f->hub, f->scanners[KITCHEN], f->now_ns);
    run_to(300);
    assert_true(f->hub->due_ns == BP_NEVER);
}

static void test_freeing_everything_at_once(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = KITCHEN; i <= CELLAR; i++)
        set_mode(i, BLEPROXY_MODE_AUTO);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    struct bleproxy_active_scan *request = want(LAMP, 60, 30);
    run_to(70);
    sweep_for(10);
    run_to(71);
    struct bleproxy_sweep *second = sweep_for(35);
    bleproxy_active_scan_free(request);
    for (unsigned i = KITCHEN; i <= CELLAR; i++) {
        scanner_free(f->scanners[i]);
        f->scanners[i] = NULL;
    }
    bleproxy_sweep_cancel(second);
    hub_free(f->hub, f->now_ns);
    f->hub = NULL;
    assert_int_equal(house.n_done, 2);
    assert_int_equal(house.n_cancelled, 2);
}

/* ---- Twins, and the same again ---- */

static void test_two_scanners_of_one_source(void **state)
{
    struct fixture *f = *state;
    struct scanner *twin = make_scanner(f, 0xA0, "twin");
    scanner_bind(twin, &house_ops, &house.proxies[GARAGE], NULL);
    set_mode(KITCHEN, BLEPROXY_MODE_AUTO);
    assert_int_equal(scanner_set_mode(twin, BLEPROXY_MODE_AUTO, f->now_ns), 0);
    assert_int_equal(hub_register_scanner(f->hub, twin, f->now_ns), 0);
    air(KITCHEN, LAMP, -50);
    run_to(5);
    want(LAMP, 60, 10);
    run_to(70);
    hub_unregister_scanner(f->hub, f->scanners[KITCHEN], f->now_ns);
    hear(f, twin, LAMP, -50, "020106");
    silence(KITCHEN, LAMP);
    run_to(150);
    assert_string_equal(windows(), "kitchen 65+5, garage 130+10");
    scanner_free(twin);
}

/* A day of everything, from a seed. */
static const char *day(void **state, uint64_t seed)
{
    static char text[2][4096];
    static unsigned turn;
    struct bleproxy_active_scan *requests[4] = {NULL};
    house_setup(state);
    house.f->test.random_state = seed;
    for (unsigned step = 1; step <= 60; step++) {
        uint8_t dice[4];
        house.f->test.env.random(&house.f->test, dice, sizeof(dice));
        unsigned who = dice[0] % N_SCANNERS, which = dice[2] % 4;
        switch (dice[1] % 6) {
        case 0:
            scanner_set_mode(house.f->scanners[who], dice[3] % 3 ? BLEPROXY_MODE_AUTO : BLEPROXY_MODE_PASSIVE,
                             house.f->now_ns);
            break;
        case 1:
            air(who, which + 1, dice[3] % 4 ? -40 - dice[3] % 60 : INT32_MAX);
            break;
        case 2:
            bleproxy_active_scan_free(requests[which]);
            requests[which] = want(which + 1, 60 + dice[3], 5 + dice[3] % 40);
            break;
        case 3:
            if (scanner_is_connecting(house.f->scanners[who]))
                scanner_resume(house.f->scanners[who]);
            else
                scanner_pause(house.f->scanners[who]);
            break;
        case 4:
            sweep_for(dice[3] % 40);
            break;
        case 5:
            hub_unregister_scanner(house.f->hub, house.f->scanners[who], house.f->now_ns);
            if (dice[3] % 4)
                assert_int_equal(hub_register_scanner(house.f->hub, house.f->scanners[who], house.f->now_ns),
                                 0);
            break;
        }
        if (house.n_sent > MAX_SENT / 2)
            break;
        run_to(step * 25 + dice[3] / 32.0);
    }
    char *out = text[turn++ % 2];
    snprintf(out, sizeof(text[0]), "%s", messages(0));
    house_teardown(state);
    return out;
}

static void test_the_same_day_again_is_the_same(void **state)
{
    house_teardown(state);
    size_t windows_seen = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        const char *once = day(state, seed * UINT64_C(0x9e3779b97f4a7c15));
        assert_string_equal(once, day(state, seed * UINT64_C(0x9e3779b97f4a7c15)));
        windows_seen += strstr(once, "active") != NULL;
    }
    assert_true(windows_seen > 150);
    house_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_out_of_memory_at_each_allocation),
        HOUSE_TEST(test_out_of_memory_for_an_errand_is_tried_again),
        HOUSE_TEST(test_request_freed_while_its_proxy_is_told),
        HOUSE_TEST(test_request_freed_while_a_stand_in_is_told),
        HOUSE_TEST(test_scanner_freed_while_it_is_told),
        HOUSE_TEST(test_owner_freed_while_its_stand_in_is_told),
        HOUSE_TEST(test_hub_freed_while_a_proxy_is_told),
        HOUSE_TEST(test_mode_changed_while_the_proxy_is_told),
        HOUSE_TEST(test_window_closed_by_a_lost_session),
        HOUSE_TEST(test_freeing_everything_at_once),
        HOUSE_TEST(test_two_scanners_of_one_source),
        HOUSE_TEST(test_the_same_day_again_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
