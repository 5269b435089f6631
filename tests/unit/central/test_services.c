/* SPDX-License-Identifier: MIT */
#include "services_fixture.h"

#include <bleproxy/error.h>

#define NORDIC "6e400001-b5a3-f393-e0a9-e50e24dcca9e"

static const struct row strap[] = {
    {'s', "1800", 1, 0},  {'c', "2a00", 3, BLEPROXY_PROPERTY_READ},
    {'s', "180d", 10, 0}, {'c', "2a37", 12, BLEPROXY_PROPERTY_NOTIFY},
    {'d', "2902", 13, 0}, {'c', "2a38", 15, BLEPROXY_PROPERTY_READ},
    {'s', "180f", 20, 0}, {'c', "2a19", 22, BLEPROXY_PROPERTY_READ | BLEPROXY_PROPERTY_NOTIFY},
    {'d', "2904", 23, 0}, {'d', "2902", 24, 0},
    {'s', NORDIC, 30, 0},
};

/* Two batteries, and a characteristic that one service has twice. */
static const struct row twins[] = {
    {'s', "180f", 1, 0}, {'c', "2a19", 3, 0},     {'s', "180f", 5, 0},     {'c', "2a19", 7, 0},
    {'s', "1812", 9, 0}, {'c', "2a4d", 11, 0x0a}, {'c', "2a4d", 13, 0x12}, {'d', "2908", 14, 0},
};

static struct test_env test;

static int setup(void **state)
{
    (void)state;
    test_env_init(&test);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_env_deinit(&test);
    return 0;
}

static void test_a_database_is_put_together(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(strap));
    const struct bleproxy_services *view = &services->view;
    assert_int_equal(view->n_services, 4);
    const struct bleproxy_service *heart = &view->services[1];
    assert_int_equal(heart->handle, 10);
    assert_int_equal(heart->n_characteristics, 2);
    assert_int_equal(heart->characteristics[0].handle, 12);
    assert_int_equal(heart->characteristics[0].properties, BLEPROXY_PROPERTY_NOTIFY);
    assert_ptr_equal(heart->characteristics[1].service, heart);
    assert_int_equal(heart->characteristics[0].n_descriptors, 1);
    assert_int_equal(heart->characteristics[1].n_descriptors, 0);
    assert_int_equal(view->services[2].characteristics[0].descriptors[1].handle, 24);
    assert_int_equal(view->services[3].uuid.size, 16);
    assert_int_equal(view->services[3].n_characteristics, 0);
    assert_int_equal(test.live_blocks, 1);
    services_unref(services);
}

static void test_it_lives_until_the_last_reference_goes(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(strap));
    assert_ptr_equal(services_ref(services), services);
    services_unref(services);
    assert_int_equal(test.live_blocks, 1);
    services_unref(services);
    assert_int_equal(test.live_blocks, 0);
    services_unref(NULL);
}

static void test_equal_uuids_have_equal_bytes_however_they_were_sent(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {'s', "180f", 1, 0},
        {'s', "0000180f", 2, 0},
        {'s', "0000180f-0000-1000-8000-00805f9b34fb", 3, 0},
        {'s', "12345678", 4, 0},
        {'s', "12345678-0000-1000-8000-00805f9b34fb", 5, 0},
        {'s', "00000000-0000-1000-8000-00805f9b34fb", 6, 0},
    };
    struct services *services = fixture_services(&test.env, ROWS(rows));
    const struct bleproxy_service *list = services->view.services;
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(&list[i].uuid, (&(struct bleproxy_uuid){2, {0x18, 0x0f}}), sizeof(list[i].uuid));
    for (size_t i = 3; i < 5; i++)
        assert_memory_equal(&list[i].uuid, (&(struct bleproxy_uuid){4, {0x12, 0x34, 0x56, 0x78}}),
                            sizeof(list[i].uuid));
    assert_memory_equal(&list[5].uuid, (&(struct bleproxy_uuid){.size = 2}), sizeof(list[5].uuid));
    services_unref(services);
}

static struct bleproxy_uuid uuid_of(uint32_t number, size_t n_words, uint64_t *words)
{
    struct services_builder builder;
    struct services *services;
    BluetoothGATTService message = BLUETOOTH_GATTSERVICE__INIT;
    message.handle = 1;
    message.short_uuid = number;
    message.n_uuid = n_words;
    message.uuid = words;
    services_builder_init(&builder, &test.env);
    services_builder_add(&builder, &message);
    assert_int_equal(services_builder_finish(&builder, &services), 0);
    struct bleproxy_uuid uuid = services->view.services[0].uuid;
    services_unref(services);
    return uuid;
}

static void test_missing_words_are_zero_and_a_number_goes_before_words(void **state)
{
    (void)state;
    uint64_t words[] = {UINT64_C(0x6e400001b5a3f393), UINT64_C(0xe0a9e50e24dcca9e), 7};
    char text[BLEPROXY_UUID_TEXT_SIZE];
    struct bleproxy_uuid uuid = uuid_of(0, 0, NULL);
    bleproxy_uuid_format(&uuid, text);
    assert_string_equal(text, "00000000-0000-0000-0000-000000000000");
    uuid = uuid_of(0, 1, words);
    bleproxy_uuid_format(&uuid, text);
    assert_string_equal(text, "6e400001-b5a3-f393-0000-000000000000");
    uuid = uuid_of(0, 2, words);
    bleproxy_uuid_format(&uuid, text);
    assert_string_equal(text, NORDIC);
    uuid = uuid_of(0, 3, words);
    bleproxy_uuid_format(&uuid, text);
    assert_string_equal(text, NORDIC);
    uuid = uuid_of(0x2a19, 2, words);
    bleproxy_uuid_format(&uuid, text);
    assert_string_equal(text, "00002a19-0000-1000-8000-00805f9b34fb");
}

static void test_all_32_bits_of_the_properties_stay(void **state)
{
    (void)state;
    static const struct row rows[] = {{'s', "1800", 1, 0}, {'c', "2a00", 2, UINT32_MAX}};
    struct services *services = fixture_services(&test.env, ROWS(rows));
    assert_int_equal(services->view.services[0].characteristics[0].properties, UINT32_MAX);
    services_unref(services);
}

static void test_of_one_handle_the_first_stays_and_its_siblings_too(void **state)
{
    (void)state;
    static const struct row streamed[] = {
        {'s', "1800", 1, 0},  {'c', "2a00", 3, 1}, {'c', "2a01", 3, 2}, /* left out, with its descriptor */
        {'d', "2901", 4, 0},  {'c', "2a02", 5, 4}, {'d', "2902", 6, 0},
        {'d', "2903", 6, 0},  {'d', "2904", 7, 0}, {'d', "2905", 1, 0}, /* there as a service */
        {'s', "1801", 1, 0},                                            /* left out, with all that is in it */
        {'c', "2a05", 20, 0}, {'s', "180f", 8, 0}, {'c', "2a19", 9, 0},
    };
    static const struct row kept[] = {
        {'s', "1800", 1, 0}, {'c', "2a00", 3, 1}, {'c', "2a02", 5, 4}, {'d', "2902", 6, 0},
        {'d', "2904", 7, 0}, {'s', "180f", 8, 0}, {'c', "2a19", 9, 0},
    };
    struct services *a = fixture_services(&test.env, ROWS(streamed));
    struct services *b = fixture_services(&test.env, ROWS(kept));
    assert_services_equal(&a->view, &b->view);
    services_unref(a);
    services_unref(b);
}

static void test_impossible_handles_are_left_out(void **state)
{
    (void)state;
    static const struct row streamed[] = {
        {'s', "1800", 65535, 0},      {'c', "2a00", 0, 0},     {'c', "2a01", 65536, 0},
        {'c', "2a02", UINT32_MAX, 0}, {'c', "2a03", 65534, 0}, {'d', "2902", 65536, 0},
        {'d', "2902", 65537, 0},      {'d', "2902", 0, 0},     {'d', "2902", 65533, 0},
        {'s', "1801", 0, 0},          {'c', "2a05", 7, 0},     {'s', "1801", 65536 + 7, 0},
        {'c', "2a05", 8, 0},
    };
    static const struct row kept[] = {
        {'s', "1800", 65535, 0}, {'c', "2a03", 65534, 0}, {'d', "2902", 65533, 0}};
    struct services *a = fixture_services(&test.env, ROWS(streamed));
    struct services *b = fixture_services(&test.env, ROWS(kept));
    assert_services_equal(&a->view, &b->view);
    services_unref(a);
    services_unref(b);
}

static void test_everything_is_in_the_order_of_the_handles(void **state)
{
    (void)state;
    static const struct row streamed[] = {
        {'s', "180f", 20, 0}, {'c', "2a1a", 25, 0}, {'c', "2a19", 22, 0}, {'d', "2904", 24, 0},
        {'d', "2902", 23, 0}, {'s', "1800", 1, 0},  {'c', "2a00", 3, 0},
    };
    static const struct row sorted[] = {
        {'s', "1800", 1, 0},  {'c', "2a00", 3, 0},  {'s', "180f", 20, 0}, {'c', "2a19", 22, 0},
        {'d', "2902", 23, 0}, {'d', "2904", 24, 0}, {'c', "2a1a", 25, 0},
    };
    struct services *a = fixture_services(&test.env, ROWS(streamed));
    struct services *b = fixture_services(&test.env, ROWS(sorted));
    assert_services_equal(&a->view, &b->view);
    services_unref(a);
    services_unref(b);
}

static void test_no_services_at_all_is_an_error(void **state)
{
    (void)state;
    static const struct row impossible[] = {{'s', "1800", 0, 0}, {'c', "2a00", 3, 0}};
    struct services *services = NULL;
    assert_int_equal(fixture_build(&test.env, NULL, 0, &services), BLEPROXY_E_NO_SERVICES);
    assert_int_equal(fixture_build(&test.env, ROWS(impossible), &services), BLEPROXY_E_NO_SERVICES);
    assert_null(services);
}

static int build_services(uint32_t n, struct services **ret_services)
{
    struct services_builder builder;
    services_builder_init(&builder, &test.env);
    for (uint32_t i = 0; i < n; i++)
        fixture_add_service(&builder, &(struct row){'s', "1800", i + 1, 0}, 1);
    return services_builder_finish(&builder, ret_services);
}

static void test_attributes_have_a_cap(void **state)
{
    (void)state;
    struct services *services = NULL;
    assert_int_equal(build_services(SERVICES_ATTRIBUTES_MAX + 1, &services), BLEPROXY_E_LIMIT);
    assert_null(services);
    assert_int_equal(build_services(SERVICES_ATTRIBUTES_MAX, &services), 0);
    assert_int_equal(services->view.n_services, SERVICES_ATTRIBUTES_MAX);
    services_unref(services);
}

static void test_what_is_left_out_does_not_count_against_the_cap(void **state)
{
    (void)state;
    struct services_builder builder;
    struct services *services;
    services_builder_init(&builder, &test.env);
    for (size_t i = 0; i < 2 * SERVICES_ATTRIBUTES_MAX; i++)
        fixture_add(&builder, ROWS(strap));
    assert_int_equal(services_builder_finish(&builder, &services), 0);
    assert_int_equal(services->view.n_services, 4);
    services_unref(services);
}

static void test_a_builder_is_empty_after_finish_and_deinit_is_idempotent(void **state)
{
    (void)state;
    struct services_builder builder;
    struct services *services;
    services_builder_init(&builder, &test.env);
    fixture_add(&builder, ROWS(twins));
    assert_int_equal(services_builder_finish(&builder, &services), 0);
    services_unref(services);
    fixture_add(&builder, ROWS(strap));
    assert_int_equal(services_builder_finish(&builder, &services), 0);
    assert_int_equal(services->view.n_services, 4);
    services_unref(services);
    fixture_add(&builder, ROWS(strap));
    services_builder_deinit(&builder);
    services_builder_deinit(&builder);
    assert_int_equal(services_builder_finish(&builder, &services), BLEPROXY_E_NO_SERVICES);
}

static void test_each_failing_allocation_is_told_at_finish(void **state)
{
    (void)state;
    struct services *services = NULL;
    size_t n = 0;
    for (int r = BLEPROXY_E_NOMEM; r != 0; n++) {
        test.fail_after = n;
        r = build_services(200, &services);
        assert_true(r == 0 || r == BLEPROXY_E_NOMEM);
        assert_int_equal(services != NULL, r == 0);
    }
    test.fail_after = SIZE_MAX;
    assert_true(n > 4); /* handles, attributes of 64, 128 and 256, the block */
    services_unref(services);
}

static void test_one_characteristic_of_a_uuid_is_found(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(strap));
    const struct bleproxy_characteristic *found = NULL;
    struct bleproxy_uuid level = fixture_parse("2A19"), none = fixture_parse("2a1a"),
                         battery = fixture_parse("180f");
    assert_int_equal(bleproxy_services_find(&services->view, &level, &found), 0);
    assert_int_equal(found->handle, 22);
    found = NULL;
    assert_int_equal(bleproxy_services_find(&services->view, &none, &found), BLEPROXY_E_NO_ATTRIBUTE);
    assert_int_equal(bleproxy_services_find(&services->view, &battery, &found), BLEPROXY_E_NO_ATTRIBUTE);
    assert_null(found);
    services_unref(services);
}

static void test_of_several_characteristics_none_is_chosen(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(twins));
    const struct bleproxy_characteristic *found = NULL;
    struct bleproxy_uuid level = fixture_parse("2a19"), report = fixture_parse("2a4d");
    assert_int_equal(bleproxy_services_find(&services->view, &level, &found), BLEPROXY_E_AMBIGUOUS);
    assert_int_equal(bleproxy_services_find(&services->view, &report, &found), BLEPROXY_E_AMBIGUOUS);
    assert_null(found);
    services_unref(services);
}

static void test_a_service_of_a_uuid_is_found_when_it_is_the_only_one(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(twins));
    const struct bleproxy_service *found = NULL;
    struct bleproxy_uuid battery = fixture_parse("180f"), hid = fixture_parse("1812"),
                         level = fixture_parse("2a19");
    assert_int_equal(bleproxy_services_find_service(&services->view, &battery, &found), BLEPROXY_E_AMBIGUOUS);
    assert_int_equal(bleproxy_services_find_service(&services->view, &level, &found),
                     BLEPROXY_E_NO_ATTRIBUTE);
    assert_null(found);
    assert_int_equal(bleproxy_services_find_service(&services->view, &hid, &found), 0);
    assert_int_equal(found->handle, 9);
    services_unref(services);
}

static void test_within_a_service_or_a_characteristic_the_first_match_counts(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(twins));
    const struct bleproxy_service *hid = &services->view.services[2];
    struct bleproxy_uuid report = fixture_parse("2a4d"), reference = fixture_parse("2908");
    assert_int_equal(bleproxy_service_find(hid, &report)->handle, 11);
    assert_null(bleproxy_service_find(hid, &reference));
    assert_null(bleproxy_characteristic_find(&hid->characteristics[0], &reference));
    assert_int_equal(bleproxy_characteristic_find(&hid->characteristics[1], &reference)->handle, 14);
    assert_null(bleproxy_characteristic_find(&hid->characteristics[1], &report));
    services_unref(services);
}

static void test_attributes_are_found_by_handle(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(strap));
    const struct bleproxy_services *view = &services->view;
    assert_int_equal(bleproxy_services_at(view, 15)->handle, 15);
    assert_null(bleproxy_services_at(view, 10)); /* a service's */
    assert_null(bleproxy_services_at(view, 13)); /* a descriptor's */
    assert_null(bleproxy_services_at(view, 0));
    const struct bleproxy_characteristic *characteristic = NULL;
    assert_null(bleproxy_services_descriptor_at(view, 22, &characteristic));
    assert_null(characteristic);
    assert_int_equal(bleproxy_services_descriptor_at(view, 24, &characteristic)->handle, 24);
    assert_int_equal(characteristic->handle, 22);
    assert_int_equal(bleproxy_services_descriptor_at(view, 13, NULL)->handle, 13);
    services_unref(services);
}

static void test_the_descriptor_of_subscriptions_is_known(void **state)
{
    (void)state;
    struct services *services = fixture_services(&test.env, ROWS(strap));
    const struct bleproxy_characteristic *level = bleproxy_services_at(&services->view, 22);
    const struct bleproxy_descriptor *configuration = services_configuration(level);
    assert_int_equal(configuration->handle, 24);
    assert_true(services_is_configuration(configuration));
    assert_false(services_is_configuration(&level->descriptors[0]));
    assert_null(services_configuration(bleproxy_services_at(&services->view, 3)));
    services_unref(services);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_database_is_put_together),
        TEST(test_it_lives_until_the_last_reference_goes),
        TEST(test_equal_uuids_have_equal_bytes_however_they_were_sent),
        TEST(test_missing_words_are_zero_and_a_number_goes_before_words),
        TEST(test_all_32_bits_of_the_properties_stay),
        TEST(test_of_one_handle_the_first_stays_and_its_siblings_too),
        TEST(test_impossible_handles_are_left_out),
        TEST(test_everything_is_in_the_order_of_the_handles),
        TEST(test_no_services_at_all_is_an_error),
        TEST(test_attributes_have_a_cap),
        TEST(test_what_is_left_out_does_not_count_against_the_cap),
        TEST(test_a_builder_is_empty_after_finish_and_deinit_is_idempotent),
        TEST(test_each_failing_allocation_is_told_at_finish),
        TEST(test_one_characteristic_of_a_uuid_is_found),
        TEST(test_of_several_characteristics_none_is_chosen),
        TEST(test_a_service_of_a_uuid_is_found_when_it_is_the_only_one),
        TEST(test_within_a_service_or_a_characteristic_the_first_match_counts),
        TEST(test_attributes_are_found_by_handle),
        TEST(test_the_descriptor_of_subscriptions_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
