/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "wire/arena.h"
#include <stdalign.h>
#include <string.h>

static void *take(struct arena *arena, size_t size)
{
    return arena->allocator.alloc(arena->allocator.allocator_data, size);
}

static void test_blocks_are_apart_and_aligned(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct arena arena;
    arena_init(&arena, &env.env);
    uint8_t *blocks[300];
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = take(&arena, i);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)i, i);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(blocks[i][j], (uint8_t)i);
    arena.allocator.free(arena.allocator.allocator_data, blocks[7]);
    arena_deinit(&arena);
    test_env_deinit(&env);
}

static void test_cap(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct arena arena;
    arena_init(&arena, &env.env);
    assert_null(take(&arena, ARENA_MAX + 1));
    assert_true(arena.exhausted);
    arena_reset(&arena);
    assert_false(arena.exhausted);
    assert_null(take(&arena, SIZE_MAX));
    assert_true(arena.exhausted);
    arena_reset(&arena);
    assert_non_null(take(&arena, ARENA_MAX));
    assert_null(take(&arena, 1));
    arena_reset(&arena);
    size_t total = 0;
    while (take(&arena, 48))
        total += 48;
    assert_true(arena.exhausted);
    assert_false(arena.no_memory);
    assert_true(total <= ARENA_MAX && total > ARENA_MAX - 4096);
    assert_true(arena.held <= ARENA_MAX);
    arena_deinit(&arena);
    arena_deinit(&arena);
    test_env_deinit(&env);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct arena arena;
    arena_init(&arena, &env.env);
    env.fail_after = 0;
    assert_null(take(&arena, 1));
    assert_true(arena.no_memory);
    assert_false(arena.exhausted);
    arena_deinit(&arena);
    test_env_deinit(&env);
}

static void test_reset_keeps_one_block(void **state)
{
    (void)state;
    struct test_env env;
    test_env_init(&env);
    struct arena arena;
    arena_init(&arena, &env.env);
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < 50; i++)
            assert_non_null(take(&arena, 100));
        arena_reset(&arena);
        assert_int_equal(env.live_blocks, 1);
    }
    assert_true(env.allocations <= 4);
    /* A block of the largest size is not kept for the next message. */
    assert_non_null(take(&arena, ARENA_MAX / 2));
    arena_reset(&arena);
    assert_true(arena.held < ARENA_MAX / 16);
    arena_deinit(&arena);
    test_env_deinit(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_apart_and_aligned),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_reset_keeps_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
