/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "central/establish.h"

/* How the record of bonds comes about, and what it does: test_bonds.c has the record by itself. */

static uint64_t bonded_with(const struct world *world)
{
    const struct bleproxy_bond *bond = bonds_get(&world->central->routing.bonds, DEVICE);
    return bond ? bond->source : 0;
}

static void put_bond(struct world *world, uint64_t source)
{
    struct bond *bond;
    assert_int_equal(bonds_reserve(&world->central->routing.bonds, DEVICE, &bond), 0);
    bonds_put(&world->central->routing.bonds, bond, source, "somewhere");
}

static void fill_bonds(struct world *world)
{
    for (uint64_t i = 1; i <= BLEPROXY_BONDS_MAX; i++) {
        struct bond *bond;
        assert_int_equal(bonds_reserve(&world->central->routing.bonds, i, &bond), 0);
        bonds_put(&world->central->routing.bonds, bond, SOURCE, "kitchen");
    }
}

static void say_unpaired(struct world *world, bool success, int32_t code)
{
    BluetoothDeviceUnpairingResponse unpaired = BLUETOOTH_DEVICE_UNPAIRING_RESPONSE__INIT;
    unpaired.address = DEVICE;
    unpaired.success = success;
    unpaired.error = code;
    say(world, 0, MESSAGE_DEVICE_UNPAIRING_RESPONSE, &unpaired.base);
}

static int pair(struct world *world, struct told *told)
{
    *told = told_by(world);
    return peripheral_pair(world->peripheral, on_told, told, world->now_ns, &told->operation);
}

static void unpair(struct world *world, struct told *told)
{
    *told = told_by(world);
    assert_int_equal(peripheral_unpair(world->peripheral, on_told, told, world->now_ns, NULL), 0);
}

static uint64_t bonded_when_told;

static void look_at_the_bond(struct told *told)
{
    bonded_when_told = bonded_with(told->world);
}

static void test_pairing_makes_the_record_before_success_is_told(void **state)
{
    struct world *world = *state;
    struct told told;
    connect_device(world);
    assert_int_equal(pair(world, &told), 0);
    told.then = look_at_the_bond;
    assert_int_equal(bonded_with(world), 0);
    say_paired(world, true, 0);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(bonded_when_told, SOURCE);
    assert_string_equal(bonds_get(&world->central->routing.bonds, DEVICE)->proxy, "kitchen");
}

static void test_an_attempt_that_pairs_makes_it_too(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    struct attempt attempt = attempt_by_default(world);
    attempt.pair = true;
    attempt_begin_with(world, &attempt, &told);
    say_connection(world, true, DEVICE_MTU, 0);
    assert_int_equal(bonded_with(world), 0);
    say_paired(world, true, 0);
    assert_int_equal(bonded_with(world), SOURCE); /* whatever becomes of the services */
    say_connection(world, false, 0, 0x13);
    assert_int_equal(told.result.error, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(bonded_with(world), SOURCE);
}

static void test_pairing_that_fails_makes_none(void **state)
{
    struct world *world = *state;
    struct told told;
    connect_device(world);
    assert_int_equal(pair(world, &told), 0);
    say_paired(world, false, 5);
    assert_int_equal(told.result.error, BLEPROXY_E_PAIRING);
    assert_int_equal(pair(world, &told), 0);
    operation_cancel(told.operation, world->now_ns);
    assert_int_equal(pair(world, &told), 0);
    pass_ms(world, 30000);
    assert_int_equal(told.result.error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(pair(world, &told), 0);
    say_connection(world, false, 0, 0x13);
    assert_int_equal(told.result.error, BLEPROXY_E_DISCONNECTED);
    assert_int_equal(bonded_with(world), 0);
    assert_int_equal(world->central->routing.bonds.n_reserved, 0);
}

static void test_an_attempt_whose_pairing_fails_makes_none(void **state)
{
    struct world *world = *state;
    struct attempt attempt = attempt_by_default(world);
    attempt.pair = true;
    for (unsigned i = 0; i < 3; i++) {
        struct told told = told_by(world);
        attempt_begin_with(world, &attempt, &told);
        say_connection(world, i != 0, DEVICE_MTU, i == 0 ? 0x3e : 0);
        if (i == 1)
            say_paired(world, false, 5);
        if (i == 2)
            operation_cancel(told.operation, world->now_ns);
        say_connection(world, false, 0, 0x16);
        assert_int_equal(told.calls, 1);
        assert_int_equal(bonded_with(world), 0);
        assert_int_equal(world->central->routing.bonds.n_reserved, 0);
    }
}

static void test_unpairing_removes_it(void **state)
{
    struct world *world = *state;
    struct told told;
    connect_device(world);
    put_bond(world, SOURCE);
    unpair(world, &told);
    say_unpaired(world, true, 0);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(bonded_with(world), 0);
}

static void test_unpairing_as_old_firmware_answers_removes_it(void **state)
{
    struct world *world = *state;
    struct told told;
    connect_device(world);
    put_bond(world, SOURCE);
    unpair(world, &told);
    say_paired(world, true, 0);
    assert_int_equal(told.result.error, 0);
    assert_int_equal(bonded_with(world), 0);
}

static void test_a_proxy_that_says_there_is_none_removes_it_and_another_refusal_does_not(void **state)
{
    struct world *world = *state;
    struct told told;
    connect_device(world);
    put_bond(world, SOURCE);
    unpair(world, &told);
    say_unpaired(world, false, 0x103);
    assert_int_equal(told.result.error, BLEPROXY_E_REFUSED);
    assert_int_equal(bonded_with(world), SOURCE);
    unpair(world, &told);
    say_unpaired(world, false, 0x105);
    assert_int_equal(told.result.error, BLEPROXY_E_REFUSED);
    assert_int_equal(bonded_with(world), 0);
}

static void test_unpairing_from_another_proxy_leaves_it(void **state)
{
    struct world *world = *state;
    struct told told;
    connect_device(world);
    put_bond(world, SOURCE + 1);
    unpair(world, &told);
    say_unpaired(world, true, 0);
    assert_int_equal(bonded_with(world), SOURCE + 1);
}

static void test_pairing_through_another_proxy_moves_it(void **state)
{
    struct world *world = *state;
    struct told told;
    put_bond(world, SOURCE + 1);
    connect_device(world);
    assert_int_equal(pair(world, &told), 0);
    say_paired(world, true, 0);
    assert_int_equal(bonded_with(world), SOURCE);
}

static void test_the_record_binds_the_next_connection(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    proxy_begin(world, 1, ALL_FEATURES);
    say_slots_of(world, 1, 3, 3);
    say_advert(world, 0, 0, -90);
    say_advert(world, 1, 0, -40);
    put_bond(world, SOURCE);
    assert_int_equal(establish_start(world->peripheral, NULL, on_told, &told, world->now_ns, &told.operation),
                     0);
    pass_ms(world, 0);
    assert_sent(world, "connect");
    assert_sent_to(world, 1, "");
    operation_cancel(told.operation, world->now_ns);
}

static void test_without_room_for_the_record_pairing_is_not_begun(void **state)
{
    struct world *world = *state;
    struct told told, attempted = told_by(world);
    struct attempt attempt = attempt_by_default(world);
    fill_bonds(world);
    attempt.pair = true;
    attempt_begin_with(world, &attempt, &attempted);
    pass_ms(world, 0);
    assert_int_equal(attempted.result.error, BLEPROXY_E_LIMIT);
    assert_sent(world, "");
    connect_device(world);
    assert_int_equal(pair(world, &told), BLEPROXY_E_LIMIT);
    assert_sent(world, "");
    assert_int_equal(central_forget_bond(world->central, 1), 0);
    assert_int_equal(central_forget_bond(world->central, 1), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(pair(world, &told), 0);
    say_paired(world, true, 0);
    assert_int_equal(bonded_with(world), SOURCE);
}

static void test_pairing_without_memory(void **state)
{
    struct world *world = *state;
    struct told told;
    connect_device(world);
    int r = BLEPROXY_E_NOMEM;
    for (size_t n = 0; r == BLEPROXY_E_NOMEM; n++) {
        world->test.fail_after = n;
        r = pair(world, &told);
        world->test.fail_after = SIZE_MAX;
        assert_int_equal(world->central->routing.bonds.n_reserved, r == 0);
    }
    assert_int_equal(r, 0);
    say_paired(world, true, 0);
    assert_int_equal(bonded_with(world), SOURCE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pairing_makes_the_record_before_success_is_told),
        TEST(test_an_attempt_that_pairs_makes_it_too),
        TEST(test_pairing_that_fails_makes_none),
        TEST(test_an_attempt_whose_pairing_fails_makes_none),
        TEST(test_unpairing_removes_it),
        TEST(test_unpairing_as_old_firmware_answers_removes_it),
        TEST(test_a_proxy_that_says_there_is_none_removes_it_and_another_refusal_does_not),
        TEST(test_unpairing_from_another_proxy_leaves_it),
        TEST(test_pairing_through_another_proxy_moves_it),
        TEST(test_the_record_binds_the_next_connection),
        TEST(test_without_room_for_the_record_pairing_is_not_begun),
        TEST(test_pairing_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
