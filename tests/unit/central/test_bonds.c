/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "central/bonds.h"
#include <bleproxy/error.h>
#include <string.h>

enum { A = 0xA0, B = 0xB0, LIMIT = 1024 * 1024 };
#define DEVICE UINT64_C(0xA4C138112233)

static struct test_env test;
static struct bonds bonds, other;
static struct buffer file;
static unsigned n_changes;

static void on_change(void *user)
{
    (void)user;
    n_changes++;
}

static int setup(void **state)
{
    (void)state;
    test_env_init(&test);
    bonds_init(&bonds, &test.env, NULL);
    bonds_init(&other, &test.env, NULL);
    bonds.on_change = other.on_change = on_change;
    buffer_init(&file, &test.env, LIMIT);
    n_changes = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bonds_deinit(&bonds);
    bonds_deinit(&bonds);
    bonds_deinit(&other);
    buffer_deinit(&file);
    test_env_deinit(&test);
    return 0;
}

static void put(struct bonds *into, uint64_t address, uint64_t source, const char *proxy)
{
    struct bond *bond;
    assert_int_equal(bonds_reserve(into, address, &bond), 0);
    bonds_put(into, bond, source, proxy);
}

static uint64_t where(const struct bonds *in, uint64_t address)
{
    const struct bleproxy_bond *bond = bonds_get(in, address);
    return bond ? bond->source : 0;
}

static size_t count(const struct bonds *in)
{
    size_t n = 0;
    for (size_t position = 0; bonds_next(in, &position);)
        n++;
    return n;
}

/* Writes it, as a program that keeps it in a file. */
static void save(struct bonds *from)
{
    buffer_consume(&file, file.size);
    assert_int_equal(bonds_encode(from, &file), 0);
    bonds_saved(from);
}

static int load(struct bonds *into)
{
    return bonds_decode(into, buffer_data(&file), file.size);
}

/* ---- The record ---- */

static void test_a_bond_is_made_moves_and_goes(void **state)
{
    (void)state;
    assert_null(bonds_get(&bonds, DEVICE));
    put(&bonds, DEVICE, A, "kitchen");
    assert_int_equal(where(&bonds, DEVICE), A);
    assert_string_equal(bonds_get(&bonds, DEVICE)->proxy, "kitchen");
    assert_int_equal(bonds_get(&bonds, DEVICE)->address, DEVICE);
    put(&bonds, DEVICE, B, "garage");
    assert_int_equal(where(&bonds, DEVICE), B);
    assert_int_equal(count(&bonds), 1);
    assert_int_equal(n_changes, 2);
    assert_int_equal(bonds_remove(&bonds, DEVICE, A), BLEPROXY_E_NOT_FOUND); /* it is not there */
    assert_int_equal(bonds_remove(&bonds, DEVICE, B), 0);
    assert_null(bonds_get(&bonds, DEVICE));
    assert_int_equal(count(&bonds), 0);
    assert_int_equal(bonds_remove(&bonds, DEVICE, 0), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(n_changes, 3);
    put(&bonds, DEVICE, A, "kitchen");
    assert_int_equal(bonds_remove(&bonds, DEVICE, 0), 0);
}

static void test_pairing_again_with_the_same_proxy_changes_nothing(void **state)
{
    (void)state;
    put(&bonds, DEVICE, A, "kitchen");
    put(&bonds, DEVICE, A, "kitchen");
    assert_int_equal(n_changes, 1);
    assert_int_equal(bonds.n, 1);
    assert_int_equal(bonds.n_reserved, 0);
}

static void test_a_proxy_without_an_address_can_have_none(void **state)
{
    (void)state;
    put(&bonds, DEVICE, 0, "kitchen");
    assert_int_equal(count(&bonds), 0);
    assert_int_equal(n_changes, 0);
}

static void test_they_are_listed_in_the_order_in_which_they_were_made(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 5; i++)
        put(&bonds, i, A, "kitchen");
    assert_int_equal(bonds_remove(&bonds, 2, 0), 0);
    put(&bonds, 1, B, "garage");
    static const uint64_t order[] = {3, 4, 5, 1};
    size_t position = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(bonds_next(&bonds, &position)->address, order[i]);
    assert_null(bonds_next(&bonds, &position));
    assert_null(bonds_next(&bonds, &position));
}

static void test_none_is_forgotten_to_make_room(void **state)
{
    struct bond *bond, *reserved;
    (void)state;
    for (uint64_t i = 1; i < BLEPROXY_BONDS_MAX; i++)
        put(&bonds, i, A, "kitchen");
    assert_int_equal(bonds_reserve(&bonds, DEVICE, &reserved), 0); /* the last place */
    assert_int_equal(bonds_reserve(&bonds, DEVICE + 1, &bond), BLEPROXY_E_LIMIT);
    put(&bonds, 7, B, "garage"); /* has a place */
    bonds_unreserve(&bonds, reserved);
    bonds_unreserve(&bonds, NULL);
    put(&bonds, DEVICE, A, "kitchen");
    assert_int_equal(bonds_reserve(&bonds, DEVICE + 1, &bond), BLEPROXY_E_LIMIT);
    assert_int_equal(bonds_remove(&bonds, 9, 0), 0);
    put(&bonds, DEVICE + 1, A, "kitchen");
    assert_int_equal(count(&bonds), BLEPROXY_BONDS_MAX);
}

static void test_a_name_is_sanitised_and_cut(void **state)
{
    char longest[400];
    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    put(&bonds, DEVICE, A, "kit\x1b[31mchen");
    assert_string_equal(bonds_get(&bonds, DEVICE)->proxy, "kit[31mchen");
    put(&bonds, DEVICE, B, longest);
    assert_int_equal(strlen(bonds_get(&bonds, DEVICE)->proxy), SANITISE_NAME_MAX);
}

/* Without a file nothing is kept of what is gone. */
static void test_without_a_file_what_is_removed_is_gone(void **state)
{
    (void)state;
    bonds.on_change = NULL;
    put(&bonds, DEVICE, A, "kitchen");
    assert_int_equal(bonds_remove(&bonds, DEVICE, 0), 0);
    assert_int_equal(test.live_blocks, 0);
}

static void test_out_of_memory(void **state)
{
    struct bond *bond;
    (void)state;
    put(&bonds, DEVICE, A, "kitchen");
    test.fail_after = 0;
    assert_int_equal(bonds_reserve(&bonds, DEVICE, &bond), BLEPROXY_E_NOMEM);
    test.fail_after = SIZE_MAX;
    assert_int_equal(where(&bonds, DEVICE), A);
    assert_int_equal(bonds.n_reserved, 0);
}

/* ---- The file ---- */

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    put(&bonds, DEVICE, A, "kitchen");
    put(&bonds, UINT64_C(0xffffffffffff), UINT64_C(0xffffffffffff), "");
    put(&bonds, 1, 1, "garage");
    assert_int_equal(bonds_remove(&bonds, 1, 0), 0);
    save(&bonds);
    n_changes = 0;
    assert_int_equal(load(&other), 0);
    assert_int_equal(n_changes, 0);
    assert_int_equal(count(&other), 2);
    assert_int_equal(where(&other, DEVICE), A);
    assert_string_equal(bonds_get(&other, DEVICE)->proxy, "kitchen");
    assert_int_equal(where(&other, UINT64_C(0xffffffffffff)), UINT64_C(0xffffffffffff));
    assert_null(bonds_get(&other, 1));
}

static void test_the_bytes_are_these(void **state)
{
    (void)state;
    put(&bonds, 1, 2, "k");
    assert_int_equal(bonds_encode(&bonds, &file), 0);
    assert_hex(buffer_data(&file), file.size,
               "626c65626f6e6473 01000000 08000000 8cbb778f 07 0801 1002 1a016b");
}

static void test_damage_is_noticed(void **state)
{
    (void)state;
    put(&bonds, DEVICE, A, "kitchen");
    save(&bonds);
    put(&other, 1, B, "garage");
    for (size_t i = 0; i < file.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            buffer_data(&file)[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(load(&other), BLEPROXY_E_INVALID);
            buffer_data(&file)[i] ^= (uint8_t)(1 << bit);
        }
        assert_int_equal(bonds_decode(&other, buffer_data(&file), i), BLEPROXY_E_INVALID);
    }
    assert_int_equal(count(&other), 1);
    assert_int_equal(where(&other, 1), B);
}

/* Two programs pair at the same time: each adds its own to what the other has written. */
static void test_programs_that_share_the_file_keep_each_others_bonds(void **state)
{
    (void)state;
    put(&bonds, 1, A, "kitchen");
    put(&bonds, 2, A, "kitchen");
    save(&bonds);
    assert_int_equal(load(&other), 0);
    put(&other, 3, B, "garage");
    assert_int_equal(bonds_remove(&other, 2, 0), 0);
    assert_int_equal(load(&other), 0);
    save(&other);
    put(&bonds, 4, A, "kitchen");
    put(&bonds, 1, B, "garage");
    assert_int_equal(load(&bonds), 0); /* before it writes */
    save(&bonds);
    assert_int_equal(load(&other), 0);
    const struct bonds *both[] = {&bonds, &other};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(count(both[i]), 3);
        assert_int_equal(where(both[i], 1), B);
        assert_int_equal(where(both[i], 2), 0);
        assert_int_equal(where(both[i], 3), B);
        assert_int_equal(where(both[i], 4), A);
    }
}

static void test_own_changes_outlive_a_write_that_failed(void **state)
{
    (void)state;
    put(&bonds, 1, A, "kitchen");
    put(&bonds, 2, A, "kitchen");
    save(&bonds);
    put(&bonds, 1, B, "garage");
    assert_int_equal(bonds_remove(&bonds, 2, 0), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(load(&bonds), 0); /* and could not write */
    assert_int_equal(where(&bonds, 1), B);
    assert_int_equal(where(&bonds, 2), 0);
    save(&bonds);
    assert_int_equal(load(&other), 0);
    assert_int_equal(where(&other, 1), B);
    assert_int_equal(where(&other, 2), 0);
}

static void test_a_file_may_hold_more_than_one_program_makes_but_not_without_end(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= BLEPROXY_BONDS_MAX; i++) {
        put(&bonds, i, A, "kitchen");
        put(&other, i + BLEPROXY_BONDS_MAX, A, "kitchen");
    }
    save(&other);
    assert_int_equal(load(&bonds), 0);
    assert_int_equal(bonds.n, 2 * BLEPROXY_BONDS_MAX);
    save(&bonds);
    assert_int_equal(load(&other), 0);
    assert_int_equal(count(&other), 2 * BLEPROXY_BONDS_MAX);
    struct bond *bond;
    assert_int_equal(bonds_reserve(&other, DEVICE, &bond), BLEPROXY_E_LIMIT);
}

static void test_every_allocation_may_fail(void **state)
{
    int r = BLEPROXY_E_NOMEM;
    (void)state;
    put(&bonds, 1, A, "kitchen");
    put(&bonds, 2, B, "garage");
    save(&bonds);
    put(&other, 3, A, "kitchen");
    for (size_t n = 0; r == BLEPROXY_E_NOMEM; n++) {
        test.fail_after = n;
        r = load(&other);
        test.fail_after = SIZE_MAX;
        assert_int_equal(count(&other), r == 0 ? 3 : 1);
    }
    assert_int_equal(r, 0);
    r = BLEPROXY_E_NOMEM;
    for (size_t n = 0; r == BLEPROXY_E_NOMEM; n++) {
        buffer_deinit(&file);
        buffer_init(&file, &test.env, LIMIT);
        test.fail_after = n;
        r = bonds_encode(&other, &file);
        test.fail_after = SIZE_MAX;
        assert_int_equal(file.size > 0, r == 0);
    }
    assert_int_equal(r, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_bond_is_made_moves_and_goes),
        CASE(test_pairing_again_with_the_same_proxy_changes_nothing),
        CASE(test_a_proxy_without_an_address_can_have_none),
        CASE(test_they_are_listed_in_the_order_in_which_they_were_made),
        CASE(test_none_is_forgotten_to_make_room),
        CASE(test_a_name_is_sanitised_and_cut),
        CASE(test_without_a_file_what_is_removed_is_gone),
        CASE(test_out_of_memory),
        CASE(test_what_is_written_is_read),
        CASE(test_the_bytes_are_these),
        CASE(test_damage_is_noticed),
        CASE(test_programs_that_share_the_file_keep_each_others_bonds),
        CASE(test_own_changes_outlive_a_write_that_failed),
        CASE(test_a_file_may_hold_more_than_one_program_makes_but_not_without_end),
        CASE(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
