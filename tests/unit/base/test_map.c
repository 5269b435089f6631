/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/map.h"
#include <bleproxy/error.h>

static void test_get_put_remove_agree_with_a_plain_array(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test);
    struct map map;
    map_init(&map, &test.env);
    enum { KEYS = 512 };
    static char values[KEYS];
    bool held[KEYS] = {false};
    size_t count = 0;
    for (int step = 0; step < 20000; step++) {
        uint16_t draw;
        test.env.random(test.env.user, &draw, sizeof(draw));
        size_t key = draw % KEYS;
        if (draw & 0x8000) {
            assert_int_equal(map_put(&map, key << 20, &values[key]), 0);
            count += !held[key];
            held[key] = true;
        } else {
            assert_ptr_equal(map_remove(&map, key << 20), held[key] ? &values[key] : NULL);
            count -= held[key];
            held[key] = false;
        }
        assert_int_equal(map.count, count);
    }
    for (size_t key = 0; key < KEYS; key++)
        assert_ptr_equal(map_get(&map, key << 20), held[key] ? &values[key] : NULL);
    size_t position = 0, seen = 0;
    while (map_next(&map, &position))
        seen++;
    assert_int_equal(seen, count);
    map_deinit(&map);
    test_env_deinit(&test);
}

static void test_put_without_memory_leaves_the_map_as_it_was(void **state)
{
    (void)state;
    struct test_env test;
    test_env_init(&test);
    struct map map;
    map_init(&map, &test.env);
    char value;
    uint64_t key = 0;
    for (; key < 12; key++)
        assert_int_equal(map_put(&map, key, &value), 0);
    test.fail_after = 0;
    assert_int_equal(map_put(&map, key, &value), BLEPROXY_E_NOMEM);
    assert_int_equal(map.count, 12);
    assert_null(map_get(&map, key));
    assert_ptr_equal(map_get(&map, 11), &value);
    map_deinit(&map);
    test_env_deinit(&test);
}

/* Slots that are looked at to find each key, all together. */
static size_t probes(const struct map *map, uint64_t first, size_t step, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = first + i * step;
        size_t home = map_home(map, key), found = (size_t)(map_find(map, key) - map->slots);
        sum += (found >= home ? found : found + map->size) - home + 1;
    }
    return sum;
}

/* A maker's devices have addresses in a row, and so have those that a stranger counts up: whatever the random bits. */
static void test_addresses_in_a_row_are_spread(void **state)
{
    (void)state;
    enum { DRAWS = 1000, KEYS = 400, FAIR = 8 };
    static const size_t steps[] = {1, 2, 3, 16, 256, 1 << 20};
    struct test_env test;
    char value;
    test_env_init(&test);
    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
        for (size_t draw = 0; draw < DRAWS; draw++) {
            struct map map;
            map_init(&map, &test.env);
            for (size_t i = 0; i < KEYS; i++)
                assert_int_equal(map_put(&map, 0xa4c138000000 + i * steps[s], &value), 0);
            assert_true(probes(&map, 0xa4c138000000, steps[s], KEYS) <= FAIR * KEYS);
            map_deinit(&map);
        }
    test_env_deinit(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_put_remove_agree_with_a_plain_array),
        cmocka_unit_test(test_addresses_in_a_row_are_spread),
        cmocka_unit_test(test_put_without_memory_leaves_the_map_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
