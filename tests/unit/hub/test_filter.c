/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "hub/filter.h"

/* "Lamp", services 180d and fcd2 (by its data) */
static const char lamp[] = "05094c616d70 03030d18 0416d2fc40";

static bool passes(struct fixture *f, const struct bleproxy_filter *want, int32_t rssi)
{
    struct filter filter;
    hear(f, f->scanners[0], 5, rssi, lamp);
    assert_int_equal(filter_init(&filter, &f->test.env, want), 0);
    bool result = filter_passes(&filter, scanner_last(f->scanners[0], 5));
    filter_deinit(&filter, &f->test.env);
    return result;
}

static void test_empty_filter_is_everything(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    assert_int_equal(filter_init(&filter, &f->test.env, NULL), 0);
    assert_true(filter.everything);
    filter_deinit(&filter, &f->test.env);
    assert_true(passes(f, &(struct bleproxy_filter){0}, -50));
}

static void test_address(void **state)
{
    assert_true(passes(*state, &(struct bleproxy_filter){.address = 5}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.address = 6}, -50));
}

static void test_source(void **state)
{
    assert_true(passes(*state, &(struct bleproxy_filter){.source = 0xA0}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.source = 0xA1}, -50));
}

static void test_exact_name(void **state)
{
    assert_true(passes(*state, &(struct bleproxy_filter){.name = "Lamp"}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.name = "lamp"}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.name = "Lam"}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.name = "Lamp1"}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.name = ""}, -50));
}

static void test_name_prefix(void **state)
{
    assert_true(passes(*state, &(struct bleproxy_filter){.name_prefix = "La"}, -50));
    assert_true(passes(*state, &(struct bleproxy_filter){.name_prefix = "Lamp"}, -50));
    assert_true(passes(*state, &(struct bleproxy_filter){.name_prefix = ""}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.name_prefix = "Lamps"}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.name_prefix = "a"}, -50));
}

static void test_nameless_device_has_no_name_to_pass(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    hear(f, f->scanners[0], 6, -50, "020106");
    assert_int_equal(filter_init(&filter, &f->test.env, &(struct bleproxy_filter){.name_prefix = ""}), 0);
    assert_false(filter_passes(&filter, scanner_last(f->scanners[0], 6)));
    filter_deinit(&filter, &f->test.env);
}

static void test_service(void **state)
{
    struct bleproxy_uuid uuid;
    static const struct {
        const char *text;
        bool expected;
    } cases[] = {
        {"180d", true}, {"fcd2", true}, {"0000180d-0000-1000-8000-00805f9b34fb", true}, {"180f", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(bleproxy_uuid_parse(cases[i].text, &uuid), 0);
        assert_int_equal(passes(*state, &(struct bleproxy_filter){.service = &uuid}, -50), cases[i].expected);
    }
}

static void test_service_in_its_long_form(void **state)
{
    const struct bleproxy_uuid uuid = {
        .size = 16, .bytes = {0, 0, 0x18, 0x0d, 0, 0, 0x10, 0, 0x80, 0, 0, 0x80, 0x5f, 0x9b, 0x34, 0xfb}};
    assert_true(passes(*state, &(struct bleproxy_filter){.service = &uuid}, -50));
}

static void test_service_that_is_no_uuid(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    const struct bleproxy_uuid uuid = {.size = 3};
    assert_int_equal(filter_init(&filter, &f->test.env, &(struct bleproxy_filter){.service = &uuid}),
                     BLEPROXY_E_INVALID);
}

static void test_signal_strength(void **state)
{
    assert_true(passes(*state, &(struct bleproxy_filter){.rssi_min_dbm = -50}, -50));
    assert_false(passes(*state, &(struct bleproxy_filter){.rssi_min_dbm = -50}, -51));
    assert_false(passes(*state, &(struct bleproxy_filter){.rssi_min_dbm = -120}, 0));
}

static bool predicate(void *user, const struct bleproxy_advertisement *advertisement)
{
    ++*(unsigned *)user;
    return advertisement->rssi_dbm > -60;
}

static void test_predicate_is_asked_last(void **state)
{
    unsigned calls = 0;
    struct bleproxy_filter want = {.predicate = predicate, .predicate_user = &calls};
    assert_true(passes(*state, &want, -50));
    assert_false(passes(*state, &want, -70));
    assert_int_equal(calls, 2);
    want.address = 6;
    assert_false(passes(*state, &want, -50));
    assert_int_equal(calls, 2);
}

static void test_all_conditions_must_hold(void **state)
{
    struct bleproxy_filter want = {.address = 5, .name = "Lamp", .name_prefix = "L", .source = 0xA0};
    assert_true(passes(*state, &want, -50));
    want.name_prefix = "K";
    assert_false(passes(*state, &want, -50));
}

static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    for (size_t n = 0; n < 2; n++) {
        f->test.fail_after = n;
        assert_int_equal(
            filter_init(&filter, &f->test.env, &(struct bleproxy_filter){.name = "a", .name_prefix = "b"}),
            BLEPROXY_E_NOMEM);
    }
    f->test.fail_after = SIZE_MAX;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_empty_filter_is_everything),
        TEST(test_address),
        TEST(test_source),
        TEST(test_exact_name),
        TEST(test_name_prefix),
        TEST(test_nameless_device_has_no_name_to_pass),
        TEST(test_service),
        TEST(test_service_in_its_long_form),
        TEST(test_service_that_is_no_uuid),
        TEST(test_signal_strength),
        TEST(test_predicate_is_asked_last),
        TEST(test_all_conditions_must_hold),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
