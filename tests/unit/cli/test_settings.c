/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "settings.h"
#include <string.h>

/* What a configuration says of pins and intervals, and how it is exchanged for another one. */

#define LOCK   UINT64_C(0xa4c138000001)
#define SENSOR UINT64_C(0xa4c138000002)

static struct bleproxy_loop *loop;
static struct bleproxy_hub *hub;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(bleproxy_loop_new(NULL, &loop), 0);
    return bleproxy_hub_new(loop, NULL, &hub);
}

static int tear_down(void **state)
{
    (void)state;
    bleproxy_hub_free(hub);
    bleproxy_loop_free(loop);
    return 0;
}

static struct config parse(const char *text)
{
    struct config config;
    struct config_error error = {0};
    if (config_parse(text, strlen(text), &config, &error) < 0)
        fail_msg("%u: %s", error.line, error.text);
    return config;
}

#define PROXIES                                                                                              \
    "proxies:\n  - {name: hall, address: a, only: A4:C1:38:00:00:01}\n  - {name: attic, address: b}\n"       \
    "  - {name: loft, address: c}\n"

/* Takes it away when it is there. */
static bool take_pin(uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    return bleproxy_hub_unpin(hub, address, proxy, kind) == 0;
}

static void test_what_is_gone_is_taken_back_and_the_rest_stays(void **state)
{
    (void)state;
    struct config before =
        parse(PROXIES "devices:\n  - {address: A4:C1:38:00:00:01, only: hall}\n"
                      "  - {address: A4:C1:38:00:00:02, prefer: attic, deny: loft, interval: 300}\n");
    struct config after = parse("proxies:\n  - {name: hall, address: a}\n  - {name: attic, address: b}\n"
                                "  - {name: loft, address: c, deny: A4:C1:38:00:00:01}\n"
                                "devices:\n  - {address: A4:C1:38:00:00:02, prefer: [attic, loft]}\n");
    assert_int_equal(settings_apply(hub, &before), 0);
    assert_int_equal(bleproxy_hub_pin(hub, SENSOR, "A4:C1:38:00:00:99", BLEPROXY_PIN_PREFER), 0);
    assert_int_equal(settings_change(hub, &before, &after), 0);
    assert_true(take_pin(SENSOR, "A4:C1:38:00:00:99", BLEPROXY_PIN_PREFER)); /* none of the configuration's */
    assert_false(take_pin(LOCK, "hall", BLEPROXY_PIN_ONLY));
    assert_false(take_pin(LOCK, "hall", BLEPROXY_PIN_RESERVE));
    assert_false(take_pin(SENSOR, "loft", BLEPROXY_PIN_DENY)); /* which would contradict the new one */
    assert_true(take_pin(SENSOR, "attic", BLEPROXY_PIN_PREFER));
    assert_true(take_pin(SENSOR, "loft", BLEPROXY_PIN_PREFER));
    assert_true(take_pin(LOCK, "loft", BLEPROXY_PIN_DENY));
    config_deinit(&before);
    config_deinit(&after);
}

static void test_the_same_again_changes_nothing(void **state)
{
    (void)state;
    struct config config =
        parse(PROXIES "devices:\n  - {address: A4:C1:38:00:00:02, prefer: attic, interval: 300}\n");
    assert_int_equal(settings_apply(hub, &config), 0);
    assert_int_equal(settings_change(hub, &config, &config), 0);
    assert_true(take_pin(SENSOR, "attic", BLEPROXY_PIN_PREFER));
    assert_false(take_pin(SENSOR, "attic", BLEPROXY_PIN_PREFER));
    assert_true(take_pin(LOCK, "hall", BLEPROXY_PIN_RESERVE));
    config_deinit(&config);
}

static void test_what_cannot_be_applied_leaves_the_one_before(void **state)
{
    (void)state;
    struct config before = parse(PROXIES "devices:\n  - {address: A4:C1:38:00:00:02, prefer: attic}\n");
    struct config after = parse(PROXIES "devices:\n  - {address: A4:C1:38:00:00:02, prefer: loft}\n");
    assert_int_equal(settings_apply(hub, &before), 0);
    assert_int_equal(bleproxy_hub_pin(hub, SENSOR, "loft", BLEPROXY_PIN_DENY), 0); /* by somebody else */
    assert_int_equal(settings_change(hub, &before, &after), BLEPROXY_E_INVALID);
    assert_true(take_pin(SENSOR, "attic", BLEPROXY_PIN_PREFER));
    assert_false(take_pin(SENSOR, "loft", BLEPROXY_PIN_PREFER));
    assert_true(take_pin(SENSOR, "loft", BLEPROXY_PIN_DENY));
    assert_true(take_pin(LOCK, "hall", BLEPROXY_PIN_RESERVE));
    config_deinit(&before);
    config_deinit(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_gone_is_taken_back_and_the_rest_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_same_again_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_applied_leaves_the_one_before, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
