/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/disconnect_set.h"
#include <bleproxy/error.h>

static void test_f43_no_slots_are_nothing_and_addresses_are_kept(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    uint64_t allocated[] = {0x010203040506, 0x0a0b0c0d0e0f};
    assert_null(scanner_slots(scanner));
    scanner_on_slots(scanner, &(struct bleproxy_slots){0}, f->now_ns);
    assert_null(scanner_slots(scanner));
    const struct bleproxy_slots report = {.free = 1, .limit = 3, .allocated = allocated, .n_allocated = 2};
    scanner_on_slots(scanner, &report, f->now_ns);
    allocated[1] = 0;
    const struct bleproxy_slots *slots = scanner_slots(scanner);
    assert_int_equal(slots->free, 1);
    assert_int_equal(slots->limit, 3);
    assert_int_equal(slots->n_allocated, 2);
    assert_int_equal(slots->allocated[0], 0x010203040506);
    assert_int_equal(slots->allocated[1], 0x0a0b0c0d0e0f);
}

static void test_more_slots_than_any_firmware_has_are_cut(void **state)
{
    struct fixture *f = *state;
    static uint64_t allocated[1000];
    const struct bleproxy_slots report = {.limit = 1000, .allocated = allocated, .n_allocated = 1000};
    scanner_on_slots(f->scanners[0], &report, f->now_ns);
    assert_int_equal(scanner_slots(f->scanners[0])->n_allocated, 64);
}

static void test_unavailable_scanner_has_no_free_slots(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    assert_false(scanner_is_available(scanner));
    scanner_set_available(scanner, true, f->now_ns);
    uint64_t allocated[] = {1};
    scanner_on_slots(
        scanner, &(struct bleproxy_slots){.free = 2, .limit = 3, .allocated = allocated, .n_allocated = 1},
        f->now_ns);
    scanner_set_available(scanner, false, f->now_ns);
    assert_false(scanner_is_available(scanner));
    assert_int_equal(scanner_slots(scanner)->free, 0);
    assert_int_equal(scanner_slots(scanner)->limit, 3);
    assert_int_equal(scanner_slots(scanner)->n_allocated, 0);
}

static void test_f103_devices_silent_for_196_s_are_forgotten(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    hear(f, scanner, 1, -50, "020106");
    hear(f, scanner, 2, -50, "020106");
    hear(f, scanner, 2, -50, "020106");
    pass_time(f, 195);
    scanner_tick(scanner, f->now_ns);
    assert_int_equal(scanner_n_devices(scanner), 2);
    assert_int_equal(hub_n_devices(f->hub), 2);
    pass_time(f, 1);
    scanner_tick(scanner, f->now_ns); /* the next sweep is not due */
    assert_int_equal(scanner_n_devices(scanner), 2);
    pass_time(f, 29);
    scanner_tick(scanner, f->now_ns);
    assert_int_equal(scanner_n_devices(scanner), 0);
    assert_null(scanner_last(scanner, 1));
}

static void test_we_forget_devices_silent_for_331_s(void **state)
{
    struct fixture *f = *state;
    hear(f, f->scanners[0], 1, -50, "020106");
    at(f, 330);
    assert_int_equal(scanner_n_devices(f->scanners[0]), 1);
    at(f, 360);
    assert_int_equal(scanner_n_devices(f->scanners[0]), 0);
}

static void test_f103_holds_for_scanners_that_cannot_connect(void **state)
{
    struct fixture *f = *state;
    struct scanner *far = far_scanner(f);
    hear(f, far, 1, -50, "020106");
    assert_int_equal(scanner_last(far, 1)->connectable, 0);
    at(f, 195);
    assert_int_equal(scanner_n_devices(far), 1);
    at(f, 210);
    assert_int_equal(scanner_n_devices(far), 0);
}

/* The one rule of the two that tells: how long a device is remembered that speaks every 200 s. */
static uint64_t seconds_remembered(struct fixture *f)
{
    struct scanner *scanner = f->scanners[0];
    for (uint64_t t = 0; t <= 800; t += 200) {
        at(f, t);
        hear(f, scanner, 1, -50, "020106");
    }
    for (uint64_t t = 810;; t += 10) {
        at(f, t);
        if (scanner_n_devices(scanner) == 0)
            return t - 800;
    }
}

static void test_slow_device_is_remembered_for_two_and_a_half_intervals(void **state)
{
    assert_int_equal(seconds_remembered(*state), 520); /* the first look after 500 */
}

static void test_reference_remembers_a_slow_device_no_longer(void **state)
{
    assert_int_equal(seconds_remembered(*state), 220);
}

static void test_f104_silence_over_90_s_is_seen_at_the_next_check(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    scanner_on_state(scanner, BLEPROXY_SCANNER_RUNNING, 1, 0, f->now_ns);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(scanner_deadline(scanner), f->now_ns + 30 * NS_PER_S);
        pass_time(f, 30);
        scanner_tick(scanner, f->now_ns);
        assert_true(scanner_is_scanning(scanner));
    }
    pass_time(f, 30);
    scanner_tick(scanner, f->now_ns);
    assert_false(scanner_is_scanning(scanner));
    hear(f, scanner, 1, -50, "020106");
    assert_true(scanner_is_scanning(scanner));
    assert_int_equal(scanner_current_mode(scanner), BLEPROXY_MODE_ACTIVE);
}

static void test_f105_each_pause_needs_its_resume(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    scanner_pause(scanner);
    scanner_pause(scanner);
    scanner_resume(scanner);
    assert_false(scanner_is_scanning(scanner));
    hear(f, scanner, 1, -50, "020106");
    assert_false(scanner_is_scanning(scanner));
    scanner_resume(scanner);
    assert_true(scanner_is_scanning(scanner));
    scanner_resume(scanner);
    scanner_pause(scanner);
    assert_false(scanner_is_scanning(scanner));
}

static void test_setup_and_unsetup_are_idempotent(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner = f->scanners[0];
    uint64_t deadline_ns = scanner_deadline(scanner);
    pass_time(f, 5);
    scanner_setup(scanner, f->now_ns);
    assert_int_equal(scanner_deadline(scanner), deadline_ns);
    scanner_unsetup(scanner, f->now_ns);
    scanner_unsetup(scanner, f->now_ns);
    assert_int_equal(scanner_deadline(scanner), BP_NEVER);
    scanner_setup(scanner, f->now_ns);
    assert_int_equal(scanner_deadline(scanner), f->now_ns + 10 * NS_PER_S);
}

static void test_disconnect_set_is_replaced_before_setup_only(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner;
    struct disconnect_set *set;
    const struct scanner_config config = {.env = &f->test.env, .source = 9, .name = "shared"};
    assert_int_equal(disconnect_set_new(&f->test.env, &set), 0);
    assert_int_equal(scanner_new(&config, &scanner), 0);
    assert_non_null(scanner_disconnect_set(scanner));
    assert_int_equal(scanner_set_disconnect_set(scanner, set), 0);
    assert_ptr_equal(scanner_disconnect_set(scanner), set);
    assert_int_equal(scanner_set_disconnect_set(scanner, set), 0);
    scanner_setup(scanner, f->now_ns);
    assert_int_equal(scanner_set_disconnect_set(scanner, set), BLEPROXY_E_STATE);
    scanner_unsetup(scanner, f->now_ns);
    assert_int_equal(scanner_set_disconnect_set(scanner, set), BLEPROXY_E_STATE);
    scanner_free(scanner);
    disconnect_set_unref(set);
}

static void test_what_a_scanner_is(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(scanner_source(f->scanners[1]), 0xA1);
    assert_string_equal(scanner_name(f->scanners[1]), "garage");
    assert_true(scanner_is_connectable(f->scanners[1]));
    scanner_free(NULL);
}

static void test_no_memory_for_a_scanner(void **state)
{
    struct fixture *f = *state;
    struct scanner *scanner;
    const struct scanner_config config = {.env = &f->test.env, .source = 9, .name = "none"};
    for (size_t n = 0; n < 4; n++) {
        f->test.fail_after = n;
        assert_int_equal(scanner_new(&config, &scanner), BLEPROXY_E_NOMEM);
    }
    f->test.fail_after = SIZE_MAX;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define REFERENCE(name)                                                                                      \
    {                                                                                                        \
        "reference_" #name, name, reference_setup, fixture_teardown, NULL                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_f43_no_slots_are_nothing_and_addresses_are_kept),
        TEST(test_more_slots_than_any_firmware_has_are_cut),
        TEST(test_unavailable_scanner_has_no_free_slots),
        REFERENCE(test_f103_devices_silent_for_196_s_are_forgotten),
        TEST(test_we_forget_devices_silent_for_331_s),
        REFERENCE(test_f103_holds_for_scanners_that_cannot_connect),
        TEST(test_slow_device_is_remembered_for_two_and_a_half_intervals),
        cmocka_unit_test_setup_teardown(test_reference_remembers_a_slow_device_no_longer, reference_setup,
                                        fixture_teardown),
        TEST(test_f104_silence_over_90_s_is_seen_at_the_next_check),
        REFERENCE(test_f104_silence_over_90_s_is_seen_at_the_next_check),
        TEST(test_f105_each_pause_needs_its_resume),
        REFERENCE(test_f105_each_pause_needs_its_resume),
        TEST(test_setup_and_unsetup_are_idempotent),
        TEST(test_disconnect_set_is_replaced_before_setup_only),
        TEST(test_what_a_scanner_is),
        TEST(test_no_memory_for_a_scanner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
