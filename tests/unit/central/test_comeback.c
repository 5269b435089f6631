/* SPDX-License-Identifier: MIT */
#include "establish_fixture.h"

#include <bleproxy/error.h>

/* Connecting through a proxy that has lost its connection and has it again: nobody waits for the device to speak. */

static const struct script works[] = {{.takes_ms = 700}};

static void lose(struct stage *stage)
{
    scanner_free(stage->hub->scanners[0]);
    stage->hub->scanners[0] = NULL;
}

static void come_back(struct stage *stage)
{
    struct fixture *f = stage->hub;
    f->scanners[0] = make_scanner(f, 0xA0, "kitchen");
    open_scanner(f, f->scanners[0]);
    assert_int_equal(hub_register_scanner(f->hub, f->scanners[0], f->now_ns), 0);
    report_slots(f, 0, SLOTS_OF_EACH);
}

static void test_a_connect_that_begins_then(void **state)
{
    struct stage *stage = *state;
    lose(stage);
    run_for(stage, 30000);
    come_back(stage);
    begin(stage, works, 1, NULL);
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(stage->tries[0].source, 0xA0);
    assert_int_equal(stage->tries[0].attempt.address_type, BLEPROXY_ADDRESS_RANDOM);
    run_for(stage, 1000);
    assert_int_equal(stage->completed, 1);
    assert_int_equal(stage->result.error, 0);
}

static void test_a_connect_that_waits_for_it(void **state)
{
    struct stage *stage = *state;
    lose(stage);
    begin(stage, works, 1, NULL);
    run_for(stage, 1000);
    assert_int_equal(stage->n_tries, 0);
    come_back(stage);
    hub_tick(stage->hub->hub, stage->hub->now_ns);
    run_for(stage, 0);
    assert_int_equal(stage->n_tries, 1);
    assert_int_equal(since_start_ms(stage->tries[0].began_ns), 1000);
    run_for(stage, 1000);
    assert_int_equal(stage->result.error, 0);
}

static void test_not_what_was_heard_too_long_ago(void **state)
{
    struct stage *stage = *state;
    const struct bleproxy_connect_options once = {.attempts = 1};
    lose(stage);
    run_for(stage, (BLEPROXY_DEVICE_EXPIRY_S + 1) * 1000);
    come_back(stage);
    play(stage, works, 1, &once);
    assert_int_equal(stage->result.error, BLEPROXY_E_NOT_HEARD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_connect_that_begins_then),
        TEST(test_a_connect_that_waits_for_it),
        TEST(test_not_what_was_heard_too_long_ago),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
