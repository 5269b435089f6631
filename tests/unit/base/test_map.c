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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_put_remove_agree_with_a_plain_array),
        cmocka_unit_test(test_put_without_memory_leaves_the_map_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
