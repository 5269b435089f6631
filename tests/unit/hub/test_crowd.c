/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "base/time.h"
#include "hub/crowd.h"

enum { N_PEOPLE = 100, NOW_S = 1000 };

struct person {
    struct crowd_member member;
    uint64_t heard_ns;
};

static struct person people[N_PEOPLE];
static struct crowd crowd;
static unsigned n_asked;

static struct person *person_of(struct crowd_member *member)
{
    return list_entry(member, struct person, member);
}

static uint64_t heard_ns(struct crowd_member *member)
{
    n_asked++;
    return person_of(member)->heard_ns;
}

static int setup(void **state)
{
    (void)state;
    crowd_init(&crowd);
    n_asked = 0;
    return 0;
}

/* Person i was last heard so many seconds ago. */
static void enter(unsigned i, uint64_t ago_s, bool heard_once)
{
    people[i].heard_ns = (NOW_S - ago_s) * NS_PER_S;
    crowd_enter(&crowd, &people[i].member, heard_once);
}

/* Number of the person who makes way, or -1. */
static int choose(const struct person *spared, bool urgent)
{
    struct crowd_member *chosen =
        crowd_choose(&crowd, heard_ns, spared ? &spared->member : NULL, urgent, NOW_S * NS_PER_S);
    return chosen ? (int)(person_of(chosen) - people) : -1;
}

static void test_nobody_in_an_empty_crowd(void **state)
{
    (void)state;
    assert_int_equal(choose(NULL, false), -1);
    assert_int_equal(choose(NULL, true), -1);
}

/* Nobody asks how long: they stand in the order in which they came. */
static void test_first_of_those_heard_once(void **state)
{
    (void)state;
    enter(0, 900, false);
    enter(1, 3, true);
    enter(2, 2, true);
    assert_int_equal(choose(NULL, false), 1);
    assert_int_equal(choose(&people[1], false), 2);
    crowd_leave(&people[1].member);
    crowd_leave(&people[1].member);
    assert_int_equal(choose(NULL, false), 2);
    assert_int_equal(n_asked, 0);
}

static void test_who_is_heard_again_joins_the_others(void **state)
{
    (void)state;
    enter(0, 10, true);
    enter(1, 10, true);
    crowd_again(&crowd, &people[0].member);
    crowd_again(&crowd, &people[0].member);
    assert_int_equal(choose(NULL, false), 1);
    crowd_again(&crowd, &people[1].member);
    assert_int_equal(choose(NULL, false), -1); /* not silent for long enough */
}

static void test_longest_silent_of_those_heard_again(void **state)
{
    (void)state;
    enter(0, 61, false);
    enter(1, 90, false);
    enter(2, 70, false);
    assert_int_equal(choose(NULL, false), 1);
    assert_int_equal(choose(&people[1], false), 2);
}

static void test_over_a_minute_of_silence(void **state)
{
    (void)state;
    enter(0, 60, false);
    assert_int_equal(choose(NULL, false), -1);
    people[0].heard_ns--;
    assert_int_equal(choose(NULL, false), 0);
}

static void test_urgent_newcomer_does_not_wait(void **state)
{
    (void)state;
    enter(0, 1, false);
    enter(1, 2, false);
    assert_int_equal(choose(NULL, true), 1);
    assert_int_equal(choose(&people[1], true), 0);
    enter(2, 0, true);
    assert_int_equal(choose(NULL, true), 2); /* strangers first */
}

static void test_who_is_kept_never_makes_way(void **state)
{
    (void)state;
    enter(0, 900, true);
    enter(1, 900, false);
    crowd_keep(&crowd, &people[0].member, true);
    crowd_keep(&crowd, &people[1].member, true);
    crowd_again(&crowd, &people[0].member);
    assert_int_equal(choose(NULL, true), -1);
    crowd_keep(&crowd, &people[1].member, false);
    assert_int_equal(choose(NULL, false), 1);
    crowd_keep(&crowd, &people[0].member, false);
    crowd_leave(&people[1].member);
    assert_int_equal(choose(NULL, false), 0); /* it was known: not as one heard once */
    assert_false(people[0].member.heard_once);
}

static void test_keeping_twice_is_keeping(void **state)
{
    (void)state;
    enter(0, 900, false);
    crowd_keep(&crowd, &people[0].member, false);
    crowd_keep(&crowd, &people[0].member, true);
    crowd_keep(&crowd, &people[0].member, true);
    crowd_leave(&people[0].member);
    assert_true(list_empty(&crowd.kept) && list_empty(&crowd.repeated) && list_empty(&crowd.once));
}

/* A large crowd is not searched as a whole, but everybody has his turn. */
static void test_few_are_looked_at_and_all_in_turn(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_PEOPLE; i++)
        enter(i, 10, false);
    people[77].heard_ns = 1;
    int chosen = -1;
    unsigned turns = 0;
    for (; chosen < 0; turns++) {
        n_asked = 0;
        chosen = choose(NULL, false);
        assert_true(n_asked <= 2 * 32 + 1);
    }
    assert_int_equal(chosen, 77);
    assert_true(turns <= (N_PEOPLE + 31) / 32);
}

/* None is looked at twice, and the only one spared leaves nobody. */
static void test_small_crowd_is_looked_at_once(void **state)
{
    (void)state;
    enter(0, 900, false);
    assert_int_equal(choose(&people[0], true), -1);
    enter(1, 800, false);
    enter(2, 700, false);
    n_asked = 0;
    assert_int_equal(choose(NULL, false), 0);
    assert_true(n_asked <= 2 * 3);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nobody_in_an_empty_crowd),
        TEST(test_first_of_those_heard_once),
        TEST(test_who_is_heard_again_joins_the_others),
        TEST(test_longest_silent_of_those_heard_again),
        TEST(test_over_a_minute_of_silence),
        TEST(test_urgent_newcomer_does_not_wait),
        TEST(test_who_is_kept_never_makes_way),
        TEST(test_keeping_twice_is_keeping),
        TEST(test_few_are_looked_at_and_all_in_turn),
        TEST(test_small_crowd_is_looked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
