/* SPDX-License-Identifier: MIT */
#include "../hub/fixture.h"

#include "central/pins.h"
#include <bleproxy/error.h>

#define DEVICE UINT64_C(0xA4C138112233)

static struct pins pins;

/* The first scanner is "kitchen"; this one has a name of its own and one that it is called by. */
static struct scanner *upstairs;

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    const struct scanner_config config = {
        .env = &f->test.env, .source = 0xAC0000000001, .name = "esp-4711", .label = "upstairs"};
    assert_int_equal(scanner_new(&config, &upstairs), 0);
    pins_init(&pins, &f->test.env, f->hub);
    return 0;
}

static int teardown(void **state)
{
    pins_deinit(&pins);
    pins_deinit(&pins);
    scanner_free(upstairs);
    return fixture_teardown(state);
}

static int add(const char *proxy, enum bleproxy_pin kind)
{
    return pins_add(&pins, DEVICE, proxy, kind);
}

static enum bleproxy_obstacle obstacle(const struct scanner *scanner)
{
    return pins_rule(&pins, DEVICE, scanner).obstacle;
}

static void test_a_proxy_is_named_by_label_name_or_address(void **state)
{
    static const char *const names[] = {"upstairs", "esp-4711", "AC:00:00:00:00:01", "ac0000000001"};
    struct fixture *f = *state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(add(names[i], BLEPROXY_PIN_PREFER), 0);
        assert_true(pins_rule(&pins, DEVICE, upstairs).preferred);
        assert_false(pins_rule(&pins, DEVICE, f->scanners[0]).preferred);
        assert_false(pins_rule(&pins, DEVICE + 1, upstairs).preferred);
        assert_int_equal(pins_remove(&pins, DEVICE, names[i], BLEPROXY_PIN_PREFER), 0);
        assert_false(pins_rule(&pins, DEVICE, upstairs).preferred);
    }
    assert_int_equal(add("Upstairs", BLEPROXY_PIN_DENY), 0);
    assert_int_equal(obstacle(upstairs), BLEPROXY_OBSTACLE_NONE);
}

static void test_what_the_kinds_mean(void **state)
{
    struct fixture *f = *state;
    struct scanner *kitchen = f->scanners[0];
    assert_int_equal(add("kitchen", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(obstacle(kitchen), BLEPROXY_OBSTACLE_NONE);
    assert_int_equal(obstacle(upstairs), BLEPROXY_OBSTACLE_NOT_ALLOWED);
    assert_int_equal(add("upstairs", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(obstacle(upstairs), BLEPROXY_OBSTACLE_NONE);
    assert_int_equal(add("garage", BLEPROXY_PIN_DENY), 0);
    assert_int_equal(obstacle(f->scanners[1]), BLEPROXY_OBSTACLE_DENIED);
    assert_int_equal(pins_add(&pins, DEVICE + 1, "kitchen", BLEPROXY_PIN_RESERVE), 0);
    assert_int_equal(obstacle(kitchen), BLEPROXY_OBSTACLE_RESERVED);
    assert_int_equal(pins_rule(&pins, DEVICE + 1, kitchen).obstacle, BLEPROXY_OBSTACLE_NONE);
    assert_int_equal(add("kitchen", BLEPROXY_PIN_RESERVE), 0);
    assert_int_equal(obstacle(kitchen), BLEPROXY_OBSTACLE_NONE);
}

static void test_a_pin_is_there_once(void **state)
{
    (void)state;
    assert_int_equal(add("kitchen", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(add("kitchen", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(pins.n, 1);
    assert_int_equal(pins_remove(&pins, DEVICE, "kitchen", BLEPROXY_PIN_PREFER), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(pins_remove(&pins, DEVICE, "attic", BLEPROXY_PIN_ONLY), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(pins_remove(&pins, DEVICE, NULL, BLEPROXY_PIN_ONLY), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(pins_remove(&pins, DEVICE, "kitchen", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(pins.n, 0);
}

static void test_contradictions_are_refused(void **state)
{
    static const enum bleproxy_pin grants[] = {BLEPROXY_PIN_PREFER, BLEPROXY_PIN_ONLY, BLEPROXY_PIN_RESERVE};
    struct fixture *f = *state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(add("kitchen", grants[i]), 0);
        assert_int_equal(add("kitchen", BLEPROXY_PIN_DENY), BLEPROXY_E_INVALID);
        assert_int_equal(pins_remove(&pins, DEVICE, "kitchen", grants[i]), 0);
        assert_int_equal(add("kitchen", BLEPROXY_PIN_DENY), 0);
        assert_int_equal(add("kitchen", grants[i]), BLEPROXY_E_INVALID);
        assert_int_equal(pins_add(&pins, DEVICE + 1, "kitchen", grants[i]), 0);
        assert_int_equal(pins_remove(&pins, DEVICE, "kitchen", BLEPROXY_PIN_DENY), 0);
        assert_int_equal(pins_remove(&pins, DEVICE + 1, "kitchen", grants[i]), 0);
    }
    /* under another name it is not known here; then the denial counts */
    assert_int_equal(add("00:00:00:00:00:A0", BLEPROXY_PIN_ONLY), 0);
    assert_int_equal(add("kitchen", BLEPROXY_PIN_DENY), 0);
    assert_int_equal(obstacle(f->scanners[0]), BLEPROXY_OBSTACLE_DENIED);
}

static void test_senseless_arguments(void **state)
{
    (void)state;
    assert_int_equal(pins_add(&pins, 0, "kitchen", BLEPROXY_PIN_ONLY), BLEPROXY_E_INVALID);
    assert_int_equal(pins_add(&pins, UINT64_C(1) << 48, "kitchen", BLEPROXY_PIN_ONLY), BLEPROXY_E_INVALID);
    assert_int_equal(add(NULL, BLEPROXY_PIN_ONLY), BLEPROXY_E_INVALID);
    assert_int_equal(add("", BLEPROXY_PIN_ONLY), BLEPROXY_E_INVALID);
    assert_int_equal(add("kitchen", (enum bleproxy_pin)4), BLEPROXY_E_INVALID);
    assert_int_equal(pins.n, 0);
}

static void test_there_is_a_limit(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= BLEPROXY_PINS_MAX; i++)
        assert_int_equal(pins_add(&pins, i, "kitchen", BLEPROXY_PIN_PREFER), 0);
    assert_int_equal(add("kitchen", BLEPROXY_PIN_PREFER), BLEPROXY_E_LIMIT);
    assert_int_equal(pins_add(&pins, 7, "kitchen", BLEPROXY_PIN_PREFER), 0); /* it is there */
    assert_int_equal(pins_remove(&pins, 7, "kitchen", BLEPROXY_PIN_PREFER), 0);
    assert_int_equal(add("kitchen", BLEPROXY_PIN_PREFER), 0);
}

static void test_out_of_memory(void **state)
{
    struct fixture *f = *state;
    int r = BLEPROXY_E_NOMEM;
    for (size_t n = 0; r == BLEPROXY_E_NOMEM; n++) {
        f->test.fail_after = n;
        r = add("kitchen", BLEPROXY_PIN_ONLY);
        assert_int_equal(pins.n, r == 0);
    }
    f->test.fail_after = SIZE_MAX;
    assert_int_equal(r, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_proxy_is_named_by_label_name_or_address),
        CASE(test_what_the_kinds_mean),
        CASE(test_a_pin_is_there_once),
        CASE(test_contradictions_are_refused),
        CASE(test_senseless_arguments),
        CASE(test_there_is_a_limit),
        CASE(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
