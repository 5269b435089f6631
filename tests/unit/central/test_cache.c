/* SPDX-License-Identifier: MIT */
#include "services_fixture.h"

#include "central/cache.h"
#include <bleproxy/error.h>

static const struct row battery[] = {{'s', "180f", 1, 0}, {'c', "2a19", 3, BLEPROXY_PROPERTY_READ}};

enum { A = 0xa1, B = 0xb2 }; /* addresses */

static struct test_env test;
static struct cache cache;
static struct services *one, *other;

static int setup(void **state)
{
    (void)state;
    test_env_init(&test);
    cache_init(&cache, &test.env);
    one = fixture_services(&test.env, ROWS(battery));
    other = fixture_services(&test.env, ROWS(battery));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cache_deinit(&cache);
    cache_deinit(&cache);
    services_unref(one);
    services_unref(other);
    test_env_deinit(&test);
    return 0;
}

static void test_f75_of_129_databases_the_oldest_is_gone(void **state)
{
    (void)state;
    for (uint64_t address = 0; address <= CACHE_DEVICES_MAX; address++)
        assert_int_equal(cache_put_services(&cache, address, one), 0);
    assert_int_equal(cache.n_services, CACHE_DEVICES_MAX);
    assert_null(cache_services(&cache, 0));
    for (uint64_t address = 1; address <= CACHE_DEVICES_MAX; address++)
        assert_ptr_equal(cache_services(&cache, address), one);
}

static void test_f75_of_129_mtus_the_oldest_is_gone(void **state)
{
    (void)state;
    for (uint16_t i = 0; i <= CACHE_DEVICES_MAX; i++)
        assert_int_equal(cache_put_mtu(&cache, i, (uint16_t)(23 + i)), 0);
    assert_int_equal(cache.n_mtus, CACHE_DEVICES_MAX);
    assert_int_equal(cache_mtu(&cache, 0), 0);
    for (uint16_t i = 1; i <= CACHE_DEVICES_MAX; i++)
        assert_int_equal(cache_mtu(&cache, i), 23 + i);
}

static void test_f75_a_read_or_a_put_keeps_an_entry(void **state)
{
    (void)state;
    for (uint64_t address = 0; address < CACHE_DEVICES_MAX; address++) {
        assert_int_equal(cache_put_services(&cache, address, one), 0);
        assert_int_equal(cache_put_mtu(&cache, address, 100), 0);
    }
    assert_ptr_equal(cache_services(&cache, 0), one);
    assert_int_equal(cache_put_services(&cache, 1, one), 0);
    assert_int_equal(cache_mtu(&cache, 0), 100);
    assert_int_equal(cache_put_mtu(&cache, 1, 100), 0);
    assert_int_equal(cache_put_services(&cache, CACHE_DEVICES_MAX, one), 0);
    assert_int_equal(cache_put_mtu(&cache, CACHE_DEVICES_MAX, 100), 0);
    for (uint64_t address = 0; address <= CACHE_DEVICES_MAX; address++) {
        assert_int_equal(cache_services(&cache, address) != NULL, address != 2);
        assert_int_equal(cache_mtu(&cache, address) != 0, address != 2);
    }
}

static void test_f75_databases_and_mtus_are_independent(void **state)
{
    (void)state;
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(cache_mtu(&cache, A), 0);
    for (uint64_t address = 0x1000; address < 0x1000 + 2 * CACHE_DEVICES_MAX; address++)
        assert_int_equal(cache_put_mtu(&cache, address, 185), 0);
    assert_ptr_equal(cache_services(&cache, A), one);
    assert_null(cache_services(&cache, 0x1000 + CACHE_DEVICES_MAX));
}

static void test_f75_two_devices_do_not_touch_each_other(void **state)
{
    (void)state;
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(cache_put_services(&cache, B, other), 0);
    assert_int_equal(cache_put_mtu(&cache, A, 247), 0);
    assert_int_equal(cache_put_mtu(&cache, B, 517), 0);
    assert_ptr_equal(cache_services(&cache, A), one);
    cache_evict(&cache, A);
    assert_null(cache_services(&cache, A));
    assert_int_equal(cache_mtu(&cache, A), 0);
    assert_ptr_equal(cache_services(&cache, B), other);
    assert_int_equal(cache_mtu(&cache, B), 517);
}

static void test_a_reference_is_held_as_long_as_the_entry(void **state)
{
    (void)state;
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(one->references, 2);
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(one->references, 2);
    assert_int_equal(cache_put_services(&cache, A, other), 0);
    assert_int_equal(one->references, 1);
    assert_int_equal(other->references, 2);
    cache_evict(&cache, A);
    assert_int_equal(other->references, 1);
}

static void count_change(void *user)
{
    unsigned *n = user;
    ++*n;
}

static void test_changes_are_told_where_something_changed(void **state)
{
    (void)state;
    unsigned told = 0, changes = 0;
    cache.on_change = count_change;
    cache.on_change_user = &told;
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(told, ++changes);
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(told, changes);
    assert_int_equal(cache_put_mtu(&cache, A, 247), 0);
    assert_int_equal(told, ++changes);
    assert_int_equal(cache_put_mtu(&cache, A, 247), 0);
    assert_int_equal(cache_mtu(&cache, A), 247);
    assert_int_equal(told, changes);
    assert_int_equal(cache_put_mtu(&cache, A, 23), 0);
    assert_int_equal(told, ++changes);
    cache_evict(&cache, B);
    assert_int_equal(told, changes);
    cache_evict(&cache, A);
    assert_int_equal(told, ++changes);
}

static void count(void *user)
{
    ++*(unsigned *)user;
}

static void test_each_change_is_told(void **state)
{
    (void)state;
    unsigned told = 0;
    cache.on_change = count;
    cache.on_change_user = &told;
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(told, 1);
    assert_int_equal(cache_put_services(&cache, A, one), 0);
    assert_int_equal(told, 1);
    assert_int_equal(cache_put_mtu(&cache, B, 50), 0);
    assert_int_equal(told, 2);
    cache_evict(&cache, B);
    assert_int_equal(told, 3);
    cache_evict(&cache, B);
    cache_deinit(&cache);
    assert_int_equal(told, 3);
}

static void test_without_memory_the_old_entries_stay(void **state)
{
    (void)state;
    for (uint64_t address = 0; address < CACHE_DEVICES_MAX; address++) {
        assert_int_equal(cache_put_services(&cache, address, one), 0);
        assert_int_equal(cache_put_mtu(&cache, address, 100), 0);
    }
    test.fail_after = 0;
    assert_int_equal(cache_put_services(&cache, 1000, other), BLEPROXY_E_NOMEM);
    assert_int_equal(cache_put_mtu(&cache, 1000, 200), BLEPROXY_E_NOMEM);
    assert_int_equal(other->references, 1);
    assert_int_equal(cache_put_services(&cache, 5, other), 0); /* needs none */
    test.fail_after = SIZE_MAX;
    for (uint64_t address = 0; address < CACHE_DEVICES_MAX; address++) {
        assert_ptr_equal(cache_services(&cache, address), address == 5 ? other : one);
        assert_int_equal(cache_mtu(&cache, address), 100);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_f75_of_129_databases_the_oldest_is_gone),
        TEST(test_f75_of_129_mtus_the_oldest_is_gone),
        TEST(test_f75_a_read_or_a_put_keeps_an_entry),
        TEST(test_f75_databases_and_mtus_are_independent),
        TEST(test_f75_two_devices_do_not_touch_each_other),
        TEST(test_a_reference_is_held_as_long_as_the_entry),
        TEST(test_changes_are_told_where_something_changed),
        TEST(test_each_change_is_told),
        TEST(test_without_memory_the_old_entries_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
