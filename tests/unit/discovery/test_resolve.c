/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "discovery/resolve.h"
#include <bleproxy/error.h>

static struct resolve resolve;
static char calls[512], why_not[RESOLVE_WHY_SIZE];
static struct net_address found[RESOLVE_ADDRESSES_MAX];
static size_t n_found;
static unsigned n_done;
static int refused[RESOLVE_WAYS];

static const struct net_address address_4 = {.family = 4, .bytes = {192, 0, 2, 10}};
static const struct net_address address_6 = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}, .scope = 2};
static const struct net_address any_4 = {.family = 4}, any_6 = {.family = 6};

static void note(const char *what, enum resolve_way way, const char *name)
{
    static const char *const ways[] = {"local", "system", "stripped"};
    size_t n = strlen(calls);
    snprintf(calls + n, sizeof(calls) - n, "%s %s%s%s; ", what, ways[way], *name ? " " : "", name);
}

static int on_ask(void *user, enum resolve_way way, const char *name)
{
    assert_ptr_equal(user, &resolve);
    note("ask", way, name);
    return refused[way];
}

static void on_cancel(void *user, enum resolve_way way)
{
    (void)user;
    note("cancel", way, "");
}

static void on_done(void *user, const struct net_address *addresses, size_t n, const char *why)
{
    (void)user;
    n_done++;
    n_found = n;
    if (addresses)
        memcpy(found, addresses, n * sizeof(found[0]));
    else
        snprintf(why_not, sizeof(why_not), "%s", why);
}

static const struct resolve_ops ops = {on_ask, on_cancel, on_done};

static int set_up(void **state)
{
    (void)state;
    calls[0] = why_not[0] = '\0';
    n_done = 0;
    n_found = 0;
    memset(refused, 0, sizeof(refused));
    return 0;
}

static void start(const char *host)
{
    assert_int_equal(resolve_start(&resolve, &ops, &resolve, host), 0);
}

static void assert_calls(const char *expected)
{
    assert_string_equal(calls, expected);
    calls[0] = '\0';
}

static void test_case_54_the_first_to_answer_wins(void **state)
{
    (void)state;
    start("example.local");
    assert_calls("ask local example.local; ask system example.local; ask stripped example; ");
    resolve_answer(&resolve, RESOLVE_SYSTEM, &address_4, 1, NULL);
    assert_calls("cancel local; cancel stripped; ");
    assert_int_equal(n_done, 1);
    assert_int_equal(n_found, 1);

    start("example.local");
    calls[0] = '\0';
    resolve_answer(&resolve, RESOLVE_LOCAL, &address_6, 1, NULL);
    assert_calls("cancel system; cancel stripped; ");
    assert_int_equal(n_done, 2);
    assert_int_equal(found[0].scope, 2);
    resolve_answer(&resolve, RESOLVE_SYSTEM, &address_4, 1, NULL);
    assert_int_equal(n_done, 2);
}

static void test_case_54_an_empty_answer_does_not_win(void **state)
{
    (void)state;
    start("example.local");
    resolve_answer(&resolve, RESOLVE_LOCAL, NULL, 0, "nobody answers");
    assert_int_equal(n_done, 0);
    resolve_answer(&resolve, RESOLVE_STRIPPED, NULL, 0, "Name or service not known");
    resolve_answer(&resolve, RESOLVE_SYSTEM, &address_4, 1, NULL);
    assert_int_equal(n_found, 1);
}

static void test_case_54_all_causes_are_told(void **state)
{
    (void)state;
    start("example.local");
    resolve_answer(&resolve, RESOLVE_SYSTEM, NULL, 0, "Name or service not known");
    resolve_answer(&resolve, RESOLVE_STRIPPED, NULL, 0, "Name or service not known");
    assert_int_equal(n_done, 0);
    resolve_answer(&resolve, RESOLVE_LOCAL, NULL, 0, "nobody answers");
    assert_int_equal(n_done, 1);
    assert_int_equal(n_found, 0);
    assert_string_equal(why_not,
                        "the system's resolver: Name or service not known; multicast DNS: nobody answers");
}

static void test_case_55_which_names_are_stripped(void **state)
{
    (void)state;
    static const struct {
        const char *host, *calls;
    } cases[] = {
        {"1234.local", "ask local 1234.local; ask system 1234.local; "},
        {"1234.local.", "ask local 1234.local; ask system 1234.local.; "},
        {"abc.local", "ask local abc.local; ask system abc.local; ask stripped abc; "},
        {"abc.LOCAL.", "ask local abc.local; ask system abc.LOCAL.; ask stripped abc; "},
        {"1a.local", "ask local 1a.local; ask system 1a.local; ask stripped 1a; "},
        {"0x1f.local", "ask local 0x1f.local; ask system 0x1f.local; "},
        {"0xBed.local.", "ask local 0xBed.local; ask system 0xBed.local.; "},
        {"0xbet.local", "ask local 0xbet.local; ask system 0xbet.local; ask stripped 0xbet; "},
        {"abc.corp.local", "ask system abc.corp.local; "},
        {"abc", "ask local abc.local; ask system abc; "},
        {"abc.example", "ask system abc.example; "},
        {"local", "ask local local.local; ask system local; "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].host);
        assert_calls(cases[i].calls);
        resolve_cancel(&resolve);
        resolve_cancel(&resolve);
        calls[0] = '\0';
    }
    assert_int_equal(n_done, 0);
}

static void test_case_56_addresses_of_this_host_do_not_count(void **state)
{
    (void)state;
    /* The system takes the name "1234" for 0.0.4.210. */
    static const struct net_address number = {.family = 4, .bytes = {0, 0, 4, 210}};
    const struct net_address none[] = {any_4, any_6, number},
                             mixed[] = {any_4, address_4, any_6, address_4, address_6};
    start("abc.example");
    resolve_answer(&resolve, RESOLVE_SYSTEM, none, 3, NULL);
    assert_int_equal(n_done, 1);
    assert_int_equal(n_found, 0);
    assert_string_equal(why_not, "it has no usable address");
    start("abc.example");
    resolve_answer(&resolve, RESOLVE_SYSTEM, mixed, 5, NULL);
    assert_int_equal(n_found, 2);
    assert_true(net_address_equals(&found[0], &address_4));
    assert_true(net_address_equals(&found[1], &address_6));
}

/* Of case 57: one way that hangs holds nobody up. */
static void test_case_57_one_finds_it_while_another_hangs(void **state)
{
    (void)state;
    start("abc.local");
    resolve_answer(&resolve, RESOLVE_STRIPPED, &address_4, 1, NULL);
    assert_int_equal(n_done, 1);
    assert_int_equal(n_found, 1);
}

static void test_a_way_that_cannot_be_gone_is_one_more_failure(void **state)
{
    (void)state;
    refused[RESOLVE_LOCAL] = BLEPROXY_E_IO;
    start("abc.local");
    resolve_answer(&resolve, RESOLVE_STRIPPED, NULL, 0, "not known");
    resolve_answer(&resolve, RESOLVE_SYSTEM, &address_4, 1, NULL);
    assert_int_equal(n_found, 1);
    refused[RESOLVE_SYSTEM] = refused[RESOLVE_STRIPPED] = BLEPROXY_E_NOMEM;
    assert_int_equal(resolve_start(&resolve, &ops, &resolve, "abc.local"), BLEPROXY_E_NOMEM);
    assert_int_equal(n_done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_case_54_the_first_to_answer_wins, set_up),
        cmocka_unit_test_setup(test_case_54_an_empty_answer_does_not_win, set_up),
        cmocka_unit_test_setup(test_case_54_all_causes_are_told, set_up),
        cmocka_unit_test_setup(test_case_55_which_names_are_stripped, set_up),
        cmocka_unit_test_setup(test_case_56_addresses_of_this_host_do_not_count, set_up),
        cmocka_unit_test_setup(test_case_57_one_finds_it_while_another_hangs, set_up),
        cmocka_unit_test_setup(test_a_way_that_cannot_be_gone_is_one_more_failure, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
