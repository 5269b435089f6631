/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "central/establish.h"
#include <stdlib.h>

/* Several connects at once through two proxies, which do what firmware does: each attempt takes its time, then the link is
 * up, or not. Device n is that of program n. */

enum { KITCHEN, GARAGE, PROGRAMS_MAX = 20, STEP_MS = 10, LINK_MS = 500 };

struct attempt_play {
    unsigned device;
    uint64_t due_ns;
};

static struct play {
    struct world *world;
    struct peripheral *peripherals[PROGRAMS_MAX];
    struct told told[PROGRAMS_MAX];
    unsigned begun[100], n_begun; /* the devices whose attempts began, through any proxy, in order */
    unsigned through[100];        /* which proxy */
    struct attempt_play attempts[N_PROXIES][PROGRAMS_MAX];
    size_t n_attempts[N_PROXIES], most[N_PROXIES]; /* at once, now and ever */
    unsigned used[N_PROXIES], limit;               /* slots */
    bool out_of_reach[N_PROXIES][PROGRAMS_MAX];
    uint32_t takes_ms[PROGRAMS_MAX]; /* 0: LINK_MS */
    bool mute;                       /* no services are told */
} play;

static void report_slots(unsigned proxy)
{
    say_slots_of(play.world, proxy, play.limit - play.used[proxy], play.limit);
}

static int setup(void **state)
{
    world_setup(state);
    play = (struct play){.world = *state, .limit = 3};
    proxy_begin(play.world, GARAGE, ALL_FEATURES);
    report_slots(KITCHEN);
    report_slots(GARAGE);
    take_sent(play.world, KITCHEN);
    take_sent(play.world, GARAGE);
    for (unsigned i = 0; i < PROGRAMS_MAX; i++)
        assert_int_equal(peripheral_new(play.world->central, DEVICE + 1 + i, &play.peripherals[i]), 0);
    return 0;
}

static int teardown(void **state)
{
    for (unsigned i = 0; i < PROGRAMS_MAX; i++)
        peripheral_free(play.peripherals[i], play.world->now_ns);
    assert_true(list_empty(&play.world->central->operations));
    assert_true(list_empty(&play.world->central->queue.waiters));
    assert_true(list_empty(&play.world->central->routing.turns));
    return world_teardown(state);
}

static void heard(unsigned device, int32_t in_kitchen, int32_t in_garage)
{
    say_advert(play.world, KITCHEN, 1 + device, in_kitchen);
    if (in_garage)
        say_advert(play.world, GARAGE, 1 + device, in_garage);
}

static void start(unsigned device, const struct bleproxy_connect_options *options)
{
    struct told *told = &play.told[device];
    *told = told_by(play.world);
    assert_int_equal(establish_start(play.peripherals[device], options, on_told, told, play.world->now_ns,
                                     &told->operation),
                     0);
}

/* ---- The proxies ---- */

static void begin_attempt(unsigned proxy, unsigned device)
{
    uint32_t takes_ms = play.takes_ms[device] ? play.takes_ms[device] : LINK_MS;
    play.begun[play.n_begun] = device;
    play.through[play.n_begun++] = proxy;
    play.attempts[proxy][play.n_attempts[proxy]++] =
        (struct attempt_play){device, play.world->now_ns + takes_ms * NS_PER_MS};
    if (play.n_attempts[proxy] > play.most[proxy])
        play.most[proxy] = play.n_attempts[proxy];
    play.used[proxy]++;
    report_slots(proxy);
}

static void end_attempt(unsigned proxy, size_t i, bool connected)
{
    unsigned device = play.attempts[proxy][i].device;
    play.attempts[proxy][i] = play.attempts[proxy][--play.n_attempts[proxy]];
    if (!connected)
        play.used[proxy]--;
    report_slots(proxy);
    say_connection_of(play.world, proxy, 1 + device, connected, connected ? 0 : 0x3e);
}

static void obey(unsigned proxy, const char *word, unsigned device)
{
    if (strcmp(word, "connect") == 0) {
        begin_attempt(proxy, device);
    } else if (strcmp(word, "services") == 0 && !play.mute) {
        say_services_of(play.world, proxy, 1 + device);
    } else if (strcmp(word, "disconnect") == 0) {
        for (size_t i = 0; i < play.n_attempts[proxy]; i++) {
            if (play.attempts[proxy][i].device != device)
                continue;
            end_attempt(proxy, i, false);
            return;
        }
        play.used[proxy]--;
        report_slots(proxy);
        say_connection_of(play.world, proxy, 1 + device, false, 0x16);
    }
}

static void listen_and_obey(unsigned proxy)
{
    char text[4000], *rest = text;
    snprintf(text, sizeof(text), "%s", take_sent(play.world, proxy));
    for (char *request; (request = strtok_r(rest, "; ", &rest));) {
        char *device = strchr(request, '+');
        assert_non_null(device);
        *device = '\0';
        obey(proxy, request, (unsigned)atoi(device + 1) - 1);
    }
}

static void step(void)
{
    pass_ms(play.world, STEP_MS);
    for (unsigned proxy = 0; proxy < N_PROXIES; proxy++) {
        if (!play.world->proxies[proxy].session)
            continue;
        listen_and_obey(proxy);
        for (size_t i = 0; i < play.n_attempts[proxy]; i++) {
            const struct attempt_play attempt = play.attempts[proxy][i];
            if (attempt.due_ns <= play.world->now_ns)
                end_attempt(proxy, i--, !play.out_of_reach[proxy][attempt.device]);
        }
    }
}

static void run_ms(uint32_t ms)
{
    for (uint32_t passed = 0; passed < ms; passed += STEP_MS)
        step();
}

static void assert_connected(unsigned device, unsigned proxy)
{
    assert_int_equal(play.told[device].calls, 1);
    assert_int_equal(play.told[device].result.error, 0);
    assert_int_equal(peripheral_source(play.peripherals[device]), SOURCE + proxy);
}

static void assert_order(size_t n, ...)
{
    va_list list;
    va_start(list, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(i < play.n_begun);
        assert_int_equal(play.begun[i], va_arg(list, unsigned));
    }
    va_end(list);
    assert_int_equal(play.n_begun, n);
}

/* ---- Turns ---- */

static void test_one_attempt_at_a_time_through_a_proxy_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        heard(i, -50, 0);
        start(i, NULL);
    }
    run_ms(LINK_MS / 2);
    assert_order(1, 0);
    run_ms(4 * LINK_MS);
    assert_order(3, 0, 1, 2);
    assert_int_equal(play.most[KITCHEN], 1);
    for (unsigned i = 0; i < 3; i++)
        assert_connected(i, KITCHEN);
}

static void test_a_turn_ends_when_the_link_is_up_not_when_services_are_known(void **state)
{
    (void)state;
    play.mute = true;
    for (unsigned i = 0; i < 2; i++) {
        heard(i, -50, 0);
        start(i, NULL);
    }
    run_ms(2 * LINK_MS + 100);
    assert_order(2, 0, 1);
    assert_int_equal(play.told[0].calls + play.told[1].calls, 0);
}

static void test_who_has_failed_goes_to_the_end(void **state)
{
    (void)state;
    play.out_of_reach[KITCHEN][0] = true;
    for (unsigned i = 0; i < 3; i++) {
        heard(i, -50, 0);
        start(i, NULL);
    }
    run_ms(LINK_MS + 50);
    play.out_of_reach[KITCHEN][0] = false;
    run_ms(5 * LINK_MS);
    assert_order(4, 0, 1, 2, 0);
    assert_connected(0, KITCHEN);
}

static void start_the_next(struct told *told)
{
    (void)told;
    heard(2, -50, 0);
    start(2, NULL);
}

static void test_a_newcomer_does_not_overtake(void **state)
{
    (void)state;
    play.limit = 2;
    report_slots(KITCHEN);
    for (unsigned i = 0; i < 2; i++) {
        heard(i, -50, 0);
        start(i, NULL);
    }
    play.told[0].then = start_the_next;
    run_ms(100);
    operation_cancel(play.told[0].operation, play.world->now_ns);
    assert_int_equal(play.told[0].calls, 1); /* the third begins in its callback */
    run_ms(3 * LINK_MS);
    assert_order(3, 0, 1, 2);
}

static void test_a_cancelled_attempt_passes_its_turn_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        heard(i, -50, 0);
        start(i, NULL);
    }
    run_ms(100);
    assert_order(1, 0);
    operation_cancel(play.told[0].operation, play.world->now_ns);
    run_ms(100);
    assert_order(2, 0, 1);
    run_ms(LINK_MS);
    assert_connected(1, KITCHEN);
}

static void test_a_lost_proxy_frees_those_who_wait_for_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        heard(i, -50, -90);
        start(i, NULL);
    }
    run_ms(100);
    assert_order(1, 0);
    proxy_lose(play.world, KITCHEN);
    play.n_attempts[KITCHEN] = 0;
    run_ms(3 * LINK_MS + 1000);
    assert_connected(0, GARAGE);
    assert_connected(1, GARAGE);
    assert_order(3, 0, 1, 0); /* who waited was there first */
}

static void test_slots_that_come_free_go_to_who_waits_longest(void **state)
{
    (void)state;
    play.limit = 1;
    report_slots(KITCHEN);
    for (unsigned i = 0; i < 4; i++) {
        heard(i, -50, 0);
        start(i, NULL);
        run_ms(i == 0 ? LINK_MS + 100 : 100);
    }
    assert_connected(0, KITCHEN);
    for (unsigned i = 0; i < 3; i++) {
        run_ms(3000); /* slots are given up for a while, the place in the queue is not */
        assert_int_equal(play.n_begun, i + 1);
        struct told gone = told_by(play.world);
        assert_int_equal(peripheral_disconnect(play.peripherals[i], on_told, &gone, play.world->now_ns, NULL),
                         0);
        run_ms(LINK_MS + 100);
        assert_connected(i + 1, KITCHEN);
    }
    assert_order(4, 0, 1, 2, 3);
}

/* ---- bleak-esphome#438 ---- */

/* Three slow devices and one in a hurry beside the kitchen's proxy; the garage's hears that one, too, but is too far
 * away to connect it. */
static void beside_a_good_proxy(void)
{
    for (unsigned i = 0; i < 3; i++) {
        play.takes_ms[i] = 3000;
        heard(i, -50, 0);
        start(i, NULL);
    }
    play.limit = 4;
    report_slots(KITCHEN);
    heard(3, -50, -85);
    play.out_of_reach[GARAGE][3] = true;
    run_ms(100);
    start(3, NULL);
    run_ms(40000);
}

static void test_a_device_beside_a_good_proxy_is_connected_through_it(void **state)
{
    (void)state;
    beside_a_good_proxy();
    assert_connected(3, KITCHEN);
    assert_order(4, 0, 1, 2, 3);
}

static void test_with_the_reference_rule_it_is_tried_through_the_far_one_and_again(void **state)
{
    (void)state;
    play.world->central->routing.reference = true;
    beside_a_good_proxy();
    unsigned n_far = 0;
    for (unsigned i = 0; i < play.n_begun; i++)
        n_far += play.begun[i] == 3 && play.through[i] == GARAGE;
    assert_true(n_far >= 3);
}

/* ---- Twenty programs that reconnect at once ---- */

static uint64_t reconnect_all(void)
{
    uint64_t began_ns = play.world->now_ns;
    play.limit = PROGRAMS_MAX / 2;
    report_slots(KITCHEN);
    report_slots(GARAGE);
    for (unsigned i = 0; i < PROGRAMS_MAX; i++)
        heard(i, -60, -60);
    for (unsigned i = 0; i < PROGRAMS_MAX; i++)
        start(i, NULL);
    for (unsigned n = 0; n < PROGRAMS_MAX;) {
        step();
        n = 0;
        for (unsigned i = 0; i < PROGRAMS_MAX; i++)
            n += play.told[i].calls;
        assert_true(play.world->now_ns - began_ns < 60 * NS_PER_S);
    }
    for (unsigned i = 0; i < PROGRAMS_MAX; i++)
        assert_int_equal(play.told[i].result.error, 0);
    return (play.world->now_ns - began_ns) / NS_PER_MS;
}

static void test_twenty_programs_that_reconnect_at_once(void **state)
{
    (void)state;
    uint64_t took_ms = reconnect_all();
    assert_int_equal(play.most[KITCHEN], 1);
    assert_int_equal(play.most[GARAGE], 1);
    assert_int_equal(play.n_begun, PROGRAMS_MAX);
    for (unsigned i = 0; i < PROGRAMS_MAX; i++)
        assert_int_equal(play.begun[i], i); /* first come, first served */
    assert_true(took_ms <= PROGRAMS_MAX / 2 * (LINK_MS + 3 * STEP_MS));
}

static void test_with_the_reference_rule_they_are_a_storm(void **state)
{
    (void)state;
    play.world->central->routing.reference = true;
    reconnect_all();
    assert_int_equal(play.most[KITCHEN], PROGRAMS_MAX / 2);
    assert_int_equal(play.most[GARAGE], PROGRAMS_MAX / 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_attempt_at_a_time_through_a_proxy_in_order),
        TEST(test_a_turn_ends_when_the_link_is_up_not_when_services_are_known),
        TEST(test_who_has_failed_goes_to_the_end),
        TEST(test_a_newcomer_does_not_overtake),
        TEST(test_a_cancelled_attempt_passes_its_turn_on),
        TEST(test_a_lost_proxy_frees_those_who_wait_for_it),
        TEST(test_slots_that_come_free_go_to_who_waits_longest),
        TEST(test_a_device_beside_a_good_proxy_is_connected_through_it),
        TEST(test_with_the_reference_rule_it_is_tried_through_the_far_one_and_again),
        TEST(test_twenty_programs_that_reconnect_at_once),
        TEST(test_with_the_reference_rule_they_are_a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
