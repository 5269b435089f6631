/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "proxy/dial.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

enum answer { LATER, FAILS, CONNECTS };

/* A network that answers from within open(), or later by hand, and writes down what it was asked for. */
struct fixture {
    struct test_env test;
    struct dial *dial;
    enum answer answers[DIAL_ADDRESSES_MAX];
    bool first_connects; /* attempt 0, within the open of another */
    const char *free_in; /* the op that frees the dial */
    char trace[1024];    /* "+0" opened, "-0" closed, by the last byte of the address */
    unsigned open, max_open, depth;
    unsigned last_byte[DIAL_ADDRESSES_MAX];
    unsigned n_done, winner;
    int error;
    char text[128];
};

static void note(struct fixture *f, char what, unsigned attempt)
{
    size_t used = strlen(f->trace);
    snprintf(f->trace + used, sizeof(f->trace) - used, "%c%u ", what, f->last_byte[attempt]);
}

static void maybe_free(struct fixture *f, const char *op)
{
    if (!f->free_in || strcmp(f->free_in, op) != 0)
        return;
    f->free_in = NULL;
    dial_free(f->dial);
}

static void on_open(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    struct fixture *f = user;
    assert_true(attempt < DIAL_ADDRESSES_MAX);
    assert_int_equal(f->depth++, 0);
    f->last_byte[attempt] = address->bytes[3];
    note(f, '+', attempt);
    f->open++;
    f->max_open = f->open > f->max_open ? f->open : f->max_open;
    maybe_free(f, "open");
    if (f->first_connects && attempt > 0)
        dial_connected(f->dial, 0, now_ns);
    switch (f->answers[attempt]) {
    case LATER:
        break;
    case FAILS:
        f->open--;
        dial_failed(f->dial, attempt, "connection refused", now_ns);
        break;
    case CONNECTS:
        dial_connected(f->dial, attempt, now_ns);
        break;
    }
    f->depth--;
}

static void on_close(void *user, unsigned attempt)
{
    struct fixture *f = user;
    note(f, '-', attempt);
    f->open--;
    maybe_free(f, "close");
}

static void on_done(void *user, int error, unsigned attempt, const char *text, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->n_done++;
    f->error = error;
    f->winner = attempt;
    snprintf(f->text, sizeof(f->text), "%s", text);
    maybe_free(f, "done");
}

static const struct dial_ops ops = {on_open, on_close, on_done};

static struct net_address address(uint8_t family, uint8_t last)
{
    return (struct net_address){.family = family, .bytes = {10, 0, 0, last}, .port = 6053};
}

static void begin(struct fixture *f, const struct net_address *addresses, size_t n)
{
    assert_int_equal(dial_new(&f->test.env, &ops, f, addresses, n, 60 * NS_PER_S, &f->dial), 0);
    assert_int_equal(dial_deadline(f->dial), BP_NEVER);
    dial_start(f->dial, 0);
}

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    test_env_init(&fixture.test);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_env_deinit(&f->test);
    return 0;
}

static void test_families_take_turns_every_100_ms(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(6, 1), address(6, 2), address(6, 3), address(4, 4)};
    begin(f, addresses, 4);
    for (uint64_t turn = 1; turn < 4; turn++) {
        assert_int_equal(dial_deadline(f->dial), turn * 100 * NS_PER_MS);
        dial_tick(f->dial, dial_deadline(f->dial) - 1);
        dial_tick(f->dial, dial_deadline(f->dial));
    }
    assert_string_equal(f->trace, "+1 +4 +2 +3 ");
    assert_int_equal(dial_deadline(f->dial), 60 * NS_PER_S);
    dial_free(f->dial);
    assert_int_equal(f->open, 0);
    assert_int_equal(f->n_done, 0);
}

static void test_first_connection_wins_and_others_are_closed(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(4, 2), address(4, 3)};
    begin(f, addresses, 3);
    dial_tick(f->dial, 100 * NS_PER_MS);
    dial_tick(f->dial, 200 * NS_PER_MS);
    dial_connected(f->dial, 1, 250 * NS_PER_MS);
    assert_string_equal(f->trace, "+1 +2 +3 -1 -3 ");
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->error, 0);
    assert_int_equal(f->winner, 1);
    assert_int_equal(dial_deadline(f->dial), BP_NEVER);
    dial_connected(f->dial, 2, 260 * NS_PER_MS); /* what comes too late means nothing */
    dial_failed(f->dial, 1, "late", 260 * NS_PER_MS);
    assert_int_equal(f->n_done, 1);
    dial_free(f->dial);
    assert_int_equal(f->open, 1); /* the winner is the owner's */
}

static void test_failure_of_the_newest_starts_the_next_at_once(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(4, 2), address(4, 3)};
    begin(f, addresses, 3);
    dial_failed(f->dial, 0, "connection refused", 10 * NS_PER_MS);
    assert_string_equal(f->trace, "+1 +2 ");
    assert_int_equal(dial_deadline(f->dial), 110 * NS_PER_MS);
    dial_free(f->dial);
}

static void test_failure_of_an_older_one_starts_nothing(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(4, 2), address(4, 3)};
    begin(f, addresses, 3);
    dial_tick(f->dial, 100 * NS_PER_MS);
    dial_failed(f->dial, 0, "connection refused", 150 * NS_PER_MS);
    assert_string_equal(f->trace, "+1 +2 ");
    dial_tick(f->dial, 200 * NS_PER_MS);
    assert_string_equal(f->trace, "+1 +2 +3 ");
    dial_free(f->dial);
}

static void test_failed_round_drops_the_first_of_each_family(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(4, 2), address(6, 3), address(4, 4)};
    for (unsigned i = 0; i < DIAL_ADDRESSES_MAX; i++)
        f->answers[i] = FAILS;
    begin(f, addresses, 4);
    assert_string_equal(f->trace, "+1 +3 +2 +4 +2 +4 +4 ");
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->error, BLEPROXY_E_CONNECT);
    assert_string_equal(f->text, "connection refused");
    dial_free(f->dial);
}

static void test_case_26_tcp_that_never_completes_times_out_after_60_s(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1)};
    begin(f, addresses, 1);
    dial_tick(f->dial, 60 * NS_PER_S - 1);
    assert_int_equal(f->n_done, 0);
    dial_tick(f->dial, 60 * NS_PER_S);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->error, BLEPROXY_E_TIMEOUT);
    assert_string_equal(f->text, "no answer within 60 s");
    assert_int_equal(f->open, 0);
    dial_free(f->dial);
}

static void test_the_rest_is_retried_after_a_round_that_timed_out(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(6, 2), address(4, 3)};
    begin(f, addresses, 3);
    dial_tick(f->dial, 100 * NS_PER_MS);
    dial_tick(f->dial, 200 * NS_PER_MS);
    dial_tick(f->dial, 60 * NS_PER_S);
    assert_string_equal(f->trace, "+1 +2 +3 -1 -2 -3 +3 ");
    dial_failed(f->dial, 2, "no route to host", 61 * NS_PER_S);
    assert_int_equal(f->error, BLEPROXY_E_CONNECT); /* the last failure counts */
    assert_string_equal(f->text, "no route to host");
    dial_free(f->dial);
}

/* Whoever answers with many addresses does not keep us from asking for them anew. */
static void test_after_two_rounds_without_an_answer_it_is_over(void **state)
{
    struct fixture *f = *state;
    struct net_address addresses[DIAL_ADDRESSES_MAX];
    for (unsigned i = 0; i < DIAL_ADDRESSES_MAX; i++)
        addresses[i] = address(4, (uint8_t)(i + 1));
    begin(f, addresses, DIAL_ADDRESSES_MAX);
    while (f->n_done == 0) {
        uint64_t due_ns = dial_deadline(f->dial);
        assert_true(due_ns <= 120 * NS_PER_S);
        dial_tick(f->dial, due_ns);
    }
    assert_int_equal(f->error, BLEPROXY_E_TIMEOUT);
    assert_int_equal(f->open, 0);
    dial_free(f->dial);
}

static void test_sixteen_addresses_that_fail_from_within_do_not_recurse(void **state)
{
    struct fixture *f = *state;
    struct net_address addresses[40];
    for (unsigned i = 0; i < 40; i++)
        addresses[i] = address(i % 2 ? 4 : 6, (uint8_t)i);
    for (unsigned i = 0; i < DIAL_ADDRESSES_MAX; i++)
        f->answers[i] = FAILS;
    begin(f, addresses, 40); /* the last 24 are ignored; on_open checks the depth */
    assert_int_equal(f->max_open, 1);
    assert_int_equal(f->n_done, 1);
    assert_null(strstr(f->trace, "+16 "));
    dial_free(f->dial);
}

static void test_connection_from_within_open(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(4, 2)};
    f->answers[0] = FAILS;
    f->answers[1] = CONNECTS;
    begin(f, addresses, 2);
    assert_int_equal(f->error, 0);
    assert_int_equal(f->winner, 1);
    dial_free(f->dial);
}

static void test_second_connection_from_within_open_is_closed(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(4, 2)};
    f->first_connects = true;
    f->answers[1] = CONNECTS;
    begin(f, addresses, 2);
    dial_tick(f->dial, 100 * NS_PER_MS);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->winner, 0);
    assert_string_equal(f->trace, "+1 +2 -2 ");
    dial_free(f->dial);
}

static void test_freed_in_each_callback(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1), address(4, 2)};
    const enum answer first[] = {LATER, FAILS, CONNECTS};
    for (unsigned i = 0; i < 3; i++) {
        f->answers[0] = first[i];
        f->free_in = "open";
        f->open = 0;
        begin(f, addresses, 2);
        assert_null(f->free_in);
    }
    assert_int_equal(f->n_done, 0);

    f->answers[0] = f->answers[1] = LATER;
    f->free_in = "close";
    f->open = 0;
    begin(f, addresses, 2);
    dial_tick(f->dial, 100 * NS_PER_MS);
    dial_connected(f->dial, 0, 150 * NS_PER_MS);
    assert_int_equal(f->open, 0); /* the winner too: its owner was not told of it */
    assert_int_equal(f->n_done, 0);

    f->free_in = "done";
    begin(f, addresses, 2);
    dial_connected(f->dial, 0, 1);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->open, 1);
}

static void test_no_addresses_and_no_memory(void **state)
{
    struct fixture *f = *state;
    const struct net_address addresses[] = {address(4, 1)};
    assert_int_equal(dial_new(&f->test.env, &ops, f, addresses, 0, 60 * NS_PER_S, &f->dial),
                     BLEPROXY_E_INVALID);
    f->test.fail_after = 0;
    assert_int_equal(dial_new(&f->test.env, &ops, f, addresses, 1, 60 * NS_PER_S, &f->dial),
                     BLEPROXY_E_NOMEM);
    dial_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_families_take_turns_every_100_ms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_connection_wins_and_others_are_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_of_the_newest_starts_the_next_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_of_an_older_one_starts_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_round_drops_the_first_of_each_family, setup, teardown),
        cmocka_unit_test_setup_teardown(test_case_26_tcp_that_never_completes_times_out_after_60_s, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_rest_is_retried_after_a_round_that_timed_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_after_two_rounds_without_an_answer_it_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sixteen_addresses_that_fail_from_within_do_not_recurse, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_connection_from_within_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_connection_from_within_open_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed_in_each_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_addresses_and_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
