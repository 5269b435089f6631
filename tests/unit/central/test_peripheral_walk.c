/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* Anything in any order, in callbacks too. */

enum { WALK_OPERATIONS = 256, WALK_STEPS = 400 };

struct walk {
    struct world *world;
    uint64_t random;
    struct told told[WALK_OPERATIONS];
    unsigned n;
    unsigned links, losses; /* how often it was connected, and told that it is not any more */
};

static struct walk walk;

static unsigned dice(unsigned sides)
{
    walk.random ^= walk.random << 13;
    walk.random ^= walk.random >> 7;
    walk.random ^= walk.random << 17;
    return (unsigned)(walk.random >> 33) % sides;
}

static void walk_value(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    (void)user, (void)handle, (void)value, (void)size;
    assert_true(peripheral_is_connected(walk.world->peripheral));
}

static void walk_act(void);

static void walk_told(void *user, const struct bleproxy_result *result)
{
    struct told *told = user;
    told->operation = NULL;
    on_told(told, result);
    if (dice(4) == 0)
        walk_act();
}

static void walk_connected(void *user, const struct bleproxy_result *result)
{
    walk.links += result->error == 0;
    walk_told(user, result);
}

static void walk_lost(void *user, const struct bleproxy_result *result)
{
    (void)user, (void)result;
    walk.losses++;
    assert_int_equal(walk.losses, walk.links);
    if (dice(3) == 0)
        walk_act();
}

static void walk_begin(unsigned what)
{
    static const uint16_t handles[] = {MEASUREMENT, ALARM, COMMAND, BOTH, NO_HANDLE};
    struct peripheral *peripheral = walk.world->peripheral;
    uint64_t now_ns = walk.world->now_ns;
    uint16_t handle = handles[dice(5)];
    if (walk.n == WALK_OPERATIONS)
        return;
    struct told *told = &walk.told[walk.n++];
    struct bleproxy_operation **operation = &told->operation;
    *told = told_by(walk.world);
    struct attempt attempt = attempt_by_default(walk.world);
    attempt.pair = dice(3) == 0;
    attempt.no_cache = dice(3) == 0;
    int r = BLEPROXY_E_STATE;
    switch (what) {
    case 0:
        if (attempt.scanner)
            r = peripheral_attempt(peripheral, &attempt, walk_connected, told, now_ns, operation);
        break;
    case 1:
        r = peripheral_disconnect(peripheral, walk_told, told, now_ns, operation);
        break;
    case 2:
        r = peripheral_read(peripheral, handle, 0, walk_told, told, now_ns, operation);
        break;
    case 3:
        r = peripheral_write(peripheral, handle, "x", 1, BLEPROXY_WRITE_DEFAULT, 0, walk_told, told, now_ns,
                             operation);
        break;
    case 4:
        r = peripheral_subscribe(peripheral, handle, 0, walk_value, NULL, walk_told, told, now_ns, operation);
        break;
    case 5:
        r = peripheral_unsubscribe(peripheral, handle, walk_told, told, now_ns, operation);
        break;
    case 6:
        r = peripheral_clear_cache(peripheral, walk_told, told, now_ns, operation);
        break;
    }
    if (r < 0) {
        assert_int_equal(told->calls, 0);
        told->calls = 1; /* nobody calls */
    }
}

static void walk_act(void)
{
    unsigned what = dice(9);
    if (what < 7) {
        walk_begin(peripheral_is_taken(walk.world->peripheral) ? what : 0);
        return;
    }
    struct told *told = walk.n > 0 ? &walk.told[dice(walk.n)] : NULL;
    if (told && told->operation)
        operation_cancel(told->operation, walk.world->now_ns);
}

static void walk_say(void)
{
    static const uint16_t handles[] = {
        MEASUREMENT,        ALARM, BOTH, MEASUREMENT_CONFIGURATION, COMMAND, BOTH_CONFIGURATION,
        ALARM_CONFIGURATION};
    struct world *world = walk.world;
    uint16_t handle = handles[dice(7)];
    switch (dice(14)) {
    case 0:
    case 1:
    case 2:
        say_connection(world, true, 23 + dice(300), dice(8) == 0);
        break;
    case 3:
        say_connection(world, false, 0, (int32_t)dice(64));
        break;
    case 4:
    case 5:
    case 6:
        say_services(world);
        break;
    case 7:
        say_read(world, handle, "0102");
        break;
    case 8:
        say_written(world, handle);
        break;
    case 9:
        say_notifying(world, handle);
        break;
    case 10:
        say_value(world, handle, "03");
        break;
    case 11:
        say_gatt_error(world, handle, (int32_t)dice(12) - 1);
        break;
    case 12:
        say_paired(world, dice(2) == 0, 3);
        break;
    case 13:
        say_slots(world, dice(3), 3, dice(4));
        break;
    }
}

static void test_any_order_tells_everything_once(void **state)
{
    struct world *world = *state;
    unsigned links = 0;
    for (unsigned seed = 1; seed <= 500; seed++) {
        walk = (struct walk){.world = world, .random = seed * UINT64_C(0x9e3779b97f4a7c15)};
        peripheral_on_disconnected(world->peripheral, walk_lost, NULL);
        for (unsigned step = 0; step < WALK_STEPS; step++) {
            unsigned what = dice(100);
            if (what < 35)
                walk_act();
            else if (what < 80)
                walk_say();
            else if (what < 98)
                pass_ms(world, dice(4000));
            else if (world->proxies[0].session)
                proxy_lose(world, 0);
            if (!world->proxies[0].session && dice(3) == 0) {
                proxy_begin(world, 0, ALL_FEATURES);
                say_slots(world, 3, 3, 0);
            }
            world->proxies[0].sent[0] = '\0';
            if (world->proxies[0].session)
                session_sent(world->proxies[0].session,
                             session_pending(world->proxies[0].session, &(struct iovec){0}));
        }
        walk.random = 0; /* from here on nobody begins anything: the dice show 0 */
        unsigned begun = walk.n;
        walk.n = WALK_OPERATIONS;
        for (unsigned i = 0; i < begun; i++)
            if (walk.told[i].operation)
                operation_cancel(walk.told[i].operation, world->now_ns);
        say_connection(world, false, 0, 0x16);
        pass_ms(world, 60000);
        for (unsigned i = 0; i < begun; i++)
            assert_int_equal(walk.told[i].calls, 1);
        assert_int_equal(walk.losses, walk.links);
        links += walk.links;
        if (!world->proxies[0].session)
            proxy_begin(world, 0, ALL_FEATURES);
        world->proxies[0].sent[0] = '\0';
        assert_idle(world);
        peripheral_on_disconnected(world->peripheral, NULL, NULL);
    }
    assert_true(links > 1000);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_any_order_tells_everything_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
