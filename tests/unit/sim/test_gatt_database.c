/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "sim/gatt_device.h"
#include <bleproxy/error.h>
#include <string.h>

/* The databases of the virtual devices, as lists, by handle and as trees. */

static struct test_env test;

static unsigned count_uuid(const struct gatt_database *database, const char *uuid)
{
    unsigned n = 0;
    for (uint16_t handle = 0; handle < database->n_handles; handle++) {
        const struct gatt_attribute *attribute = gatt_database_at(database, handle);
        n += attribute && strcmp(attribute->uuid, uuid) == 0;
    }
    return n;
}

/* Handles rise through the tree, and each leads to an attribute of the same UUID. */
static void check_tree(const struct gatt_database *database)
{
    uint16_t last = 0;
    for (size_t i = 0; i < database->n_services; i++) {
        const struct server_service *service = &database->services[i];
        assert_int_equal(service->handle, ++last);
        assert_true(service->uuid.size > 0);
        for (size_t j = 0; j < service->n_characteristics; j++) {
            const struct server_characteristic *characteristic = &service->characteristics[j];
            const struct gatt_attribute *value = gatt_database_at(database, characteristic->handle);
            struct bleproxy_uuid uuid;
            last = (uint16_t)(last + 2); /* the declaration comes first */
            assert_int_equal(characteristic->handle, last);
            assert_int_equal(value->properties, characteristic->properties);
            assert_int_equal(bleproxy_uuid_parse(value->uuid, &uuid), 0);
            assert_true(bleproxy_uuid_equal(&uuid, &characteristic->uuid));
            assert_null(gatt_database_at(database, (uint16_t)(last - 1)));
            for (size_t k = 0; k < characteristic->n_descriptors; k++) {
                assert_int_equal(characteristic->descriptors[k].handle, ++last);
                assert_int_equal(gatt_database_at(database, last)->type, GATT_DESCRIPTOR);
            }
            bool notifies =
                characteristic->properties & (BLEPROXY_PROPERTY_NOTIFY | BLEPROXY_PROPERTY_INDICATE);
            assert_int_equal(gatt_database_cccd(database, characteristic->handle) != 0, notifies);
        }
    }
    assert_int_equal(database->n_handles, last + 1);
    assert_null(gatt_database_at(database, database->n_handles));
    assert_null(gatt_database_at(database, UINT16_MAX));
}

static void test_every_database_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < GATT_N_MODELS; i++) {
        const struct gatt_model *model = &gatt_models[i];
        const struct gatt_database *database;
        assert_int_equal(gatt_database_new(&test.env, model->attributes, model->n_attributes, &database), 0);
        check_tree(database);
        assert_int_equal(count_uuid(database, "2a00"), 1);
        assert_string_equal(gatt_database_at(database, 3)->value, model->name);
        assert_in_range(model->mtu, 23, 517);
        gatt_database_free(&test.env, database);
    }
}

static void test_the_tower_has_16_services_and_one_uuid_twice(void **state)
{
    (void)state;
    const struct gatt_model *model = &gatt_models[GATT_MODEL_TOWER];
    const struct gatt_database *database;
    unsigned sizes[17] = {0};
    assert_int_equal(gatt_database_new(&test.env, model->attributes, model->n_attributes, &database), 0);
    assert_int_equal(database->n_services, 16);
    for (uint16_t handle = 0; handle < database->n_handles; handle++) {
        const struct gatt_attribute *attribute = gatt_database_at(database, handle);
        struct bleproxy_uuid uuid;
        if (!attribute || attribute->type != GATT_CHARACTERISTIC)
            continue;
        assert_int_equal(count_uuid(database, attribute->uuid), strcmp(attribute->uuid, "2a6e") == 0 ? 2 : 1);
        assert_int_equal(bleproxy_uuid_parse(attribute->uuid, &uuid), 0);
        sizes[uuid.size]++;
    }
    assert_true(sizes[2] >= 14 && sizes[4] == 14 && sizes[16] == 28);
    gatt_database_free(&test.env, database);
}

static void test_out_of_memory_is_told(void **state)
{
    (void)state;
    struct sim_peripheral peripheral;
    struct gatt_device device = {0};
    sim_peripheral_init_gatt(&peripheral, &gatt_models[GATT_MODEL_TOWER], 1, 0);
    for (size_t n = 0; n < 2; n++) {
        test.fail_after = n;
        assert_int_equal(gatt_device_init(&device, &peripheral, &test.env), BLEPROXY_E_NOMEM);
    }
    test.fail_after = SIZE_MAX;
    assert_int_equal(gatt_device_init(&device, &peripheral, &test.env), 0);
    gatt_device_deinit(&device, &test.env);
    gatt_device_deinit(&device, &test.env);
}

static int set_up(void **state)
{
    (void)state;
    test_env_init(&test);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_env_deinit(&test);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_database_is_well_formed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_tower_has_16_services_and_one_uuid_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
