/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "hub/disconnect_set.h"
#include <bleproxy/error.h>

struct fixture {
    struct test_env test;
    struct disconnect_set *set;
    unsigned calls;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    test_env_init(&fixture.test);
    assert_int_equal(disconnect_set_new(&fixture.test.env, &fixture.set), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->set)
        disconnect_set_unref(f->set);
    test_env_deinit(&f->test);
    return 0;
}

static void count(void *user)
{
    ((struct fixture *)user)->calls++;
}

static void count_many(void *user)
{
    ((struct fixture *)user)->calls += 100;
}

static void test_each_pair_is_held_once_and_fired_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(disconnect_set_add(f->set, count, f), 0);
    assert_int_equal(disconnect_set_add(f->set, count, f), 0);
    assert_int_equal(disconnect_set_add(f->set, count_many, f), 0);
    assert_int_equal(disconnect_set_size(f->set), 2);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 101);
    assert_int_equal(disconnect_set_size(f->set), 0);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 101);
}

static void test_removed_pair_is_not_fired(void **state)
{
    struct fixture *f = *state;
    disconnect_set_add(f->set, count, f);
    disconnect_set_remove(f->set, count, f);
    disconnect_set_remove(f->set, count_many, f);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 0);
}

static void remove_the_next(void *user)
{
    struct fixture *f = user;
    disconnect_set_remove(f->set, count, f);
}

static void test_a_callback_removes_one_whose_turn_has_not_come(void **state)
{
    struct fixture *f = *state;
    disconnect_set_add(f->set, remove_the_next, f);
    disconnect_set_add(f->set, count, f);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 0);
    assert_int_equal(disconnect_set_size(f->set), 0);
}

static void add_again(void *user)
{
    struct fixture *f = user;
    f->calls++;
    disconnect_set_add(f->set, add_again, f);
}

static void test_what_a_callback_adds_waits_for_the_next_firing(void **state)
{
    struct fixture *f = *state;
    disconnect_set_add(f->set, add_again, f);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 1);
    assert_int_equal(disconnect_set_size(f->set), 1);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 2);
}

static void drop_last_reference(void *user)
{
    struct fixture *f = user;
    disconnect_set_unref(f->set);
    f->set = NULL;
}

static void test_a_callback_drops_the_last_reference(void **state)
{
    struct fixture *f = *state;
    disconnect_set_add(f->set, drop_last_reference, f);
    disconnect_set_add(f->set, count, f);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 1);
    assert_null(f->set);
}

static void fire_again(void *user)
{
    struct fixture *f = user;
    disconnect_set_fire(f->set);
}

static void test_nested_firing_calls_each_once(void **state)
{
    struct fixture *f = *state;
    disconnect_set_add(f->set, fire_again, f);
    disconnect_set_add(f->set, count, f);
    disconnect_set_fire(f->set);
    assert_int_equal(f->calls, 1);
}

static void test_no_memory_leaves_the_set_as_it_was(void **state)
{
    struct fixture *f = *state;
    f->test.fail_after = 0;
    assert_int_equal(disconnect_set_add(f->set, count, f), BLEPROXY_E_NOMEM);
    assert_int_equal(disconnect_set_size(f->set), 0);
    struct disconnect_set *another;
    assert_int_equal(disconnect_set_new(&f->test.env, &another), BLEPROXY_E_NOMEM);
}

static void test_members_are_freed_with_the_last_reference(void **state)
{
    struct fixture *f = *state;
    disconnect_set_add(f->set, count, f);
    assert_ptr_equal(disconnect_set_ref(f->set), f->set);
    disconnect_set_unref(f->set);
    assert_int_equal(disconnect_set_size(f->set), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_pair_is_held_once_and_fired_once),
        TEST(test_removed_pair_is_not_fired),
        TEST(test_a_callback_removes_one_whose_turn_has_not_come),
        TEST(test_what_a_callback_adds_waits_for_the_next_firing),
        TEST(test_a_callback_drops_the_last_reference),
        TEST(test_nested_firing_calls_each_once),
        TEST(test_no_memory_leaves_the_set_as_it_was),
        TEST(test_members_are_freed_with_the_last_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
