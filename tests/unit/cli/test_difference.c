/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "difference.h"

static struct target target(const char *name, const char *address)
{
    return (struct target){.config = {.name = name, .address = address, .port = 6053}, .configured = true};
}

static void check(const struct target *before, size_t n_before, const struct target *after, size_t n_after,
                  const size_t *expected)
{
    size_t from[8];
    difference_match(before, n_before, after, n_after, from);
    for (size_t i = 0; i < n_after; i++)
        assert_int_equal(from[i], expected[i]);
}

static void test_what_stays_is_found_wherever_it_stands(void **state)
{
    (void)state;
    const struct target a = target("a", "1"), b = target("b", "2"), c = target("c", "3"),
                        d = target("d", "4");
    check((struct target[]){a, b, c}, 3, (struct target[]){a, b, c}, 3, (size_t[]){0, 1, 2});
    check((struct target[]){a, b, c}, 3, (struct target[]){c, d, a}, 3, (size_t[]){2, DIFFERENCE_NEW, 0});
    check((struct target[]){a, b, c}, 3, (struct target[]){b}, 1, (size_t[]){1});
    check(NULL, 0, (struct target[]){a, b}, 2, (size_t[]){DIFFERENCE_NEW, DIFFERENCE_NEW});
    check((struct target[]){a}, 1, NULL, 0, NULL);
}

static void test_what_is_spoken_to_in_another_way_is_new(void **state)
{
    (void)state;
    const struct target a = target("a", "1");
    char copy[] = "a";
    struct target same = a, others[9];
    same.config.name = copy;
    check(&a, 1, &same, 1, (size_t[]){0});
    for (size_t i = 0; i < 9; i++)
        others[i] = a;
    others[0].config.name = "b";
    others[1].config.address = "2";
    others[2].config.port = 6054;
    others[3].config.noise_psk = "x";
    others[4].config.password = "x";
    others[5].config.scan_mode = BLEPROXY_SCAN_ACTIVE;
    others[6].configured = false;
    others[7].config.expected_name = "x";
    others[8].config.reclaim_s = 60;
    for (size_t i = 0; i < 9; i++) {
        check(&a, 1, &others[i], 1, (size_t[]){DIFFERENCE_NEW});
        check(&others[i], 1, &a, 1, (size_t[]){DIFFERENCE_NEW});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stays_is_found_wherever_it_stands),
        cmocka_unit_test(test_what_is_spoken_to_in_another_way_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
