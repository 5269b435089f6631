/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <bleproxy/error.h>
#include <bleproxy/names.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct row {
    uint64_t high, low;
    const char *text;
};

#define NUMBER_128(high, low, text)
#define NUMBER(value, text) {value, 0, text},
static const struct row companies[] = {
#include "names/companies.inc"
};
static const struct row services[] = {
#include "names/services.inc"
};
static const struct row characteristics[] = {
#include "names/characteristics.inc"
};
#undef NUMBER
#undef NUMBER_128
#define NUMBER(value, text)
#define NUMBER_128(high, low, text) {high, low, text},
static const struct row services_128[] = {
#include "names/services.inc"
};
static const struct row characteristics_128[] = {
#include "names/characteristics.inc"
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_ascending(const struct row *rows, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (rows[i - 1].high > rows[i].high ||
            (rows[i - 1].high == rows[i].high && rows[i - 1].low >= rows[i].low))
            fail_msg("'%s' is not above '%s'", rows[i].text, rows[i - 1].text);
}

static struct bleproxy_uuid uuid_16(unsigned value)
{
    return (struct bleproxy_uuid){.size = 2, .bytes = {(uint8_t)(value >> 8), (uint8_t)value}};
}

static struct bleproxy_uuid uuid_128(const struct row *row)
{
    struct bleproxy_uuid uuid = {.size = 16};
    for (unsigned i = 0; i < 8; i++) {
        uuid.bytes[i] = (uint8_t)(row->high >> (56 - 8 * i));
        uuid.bytes[8 + i] = (uint8_t)(row->low >> (56 - 8 * i));
    }
    return uuid;
}

static void test_every_list_is_sorted(void **state)
{
    (void)state;
    assert_ascending(companies, COUNT(companies));
    assert_ascending(services, COUNT(services));
    assert_ascending(characteristics, COUNT(characteristics));
    assert_ascending(services_128, COUNT(services_128));
    assert_ascending(characteristics_128, COUNT(characteristics_128));
}

static void test_every_number_is_found_and_no_other(void **state)
{
    (void)state;
    size_t company = 0, service = 0, characteristic = 0;
    for (unsigned value = 0; value <= UINT16_MAX; value++) {
        const char *expected =
            company < COUNT(companies) && companies[company].high == value ? companies[company++].text : NULL;
        const char *name = bleproxy_company_name((uint16_t)value);
        assert_true(name ? expected && strcmp(name, expected) == 0 : !expected);

        struct bleproxy_uuid uuid = uuid_16(value);
        expected =
            service < COUNT(services) && services[service].high == value ? services[service++].text : NULL;
        name = bleproxy_service_name(&uuid);
        assert_true(name ? expected && strcmp(name, expected) == 0 : !expected);

        expected = characteristic < COUNT(characteristics) && characteristics[characteristic].high == value
                       ? characteristics[characteristic++].text
                       : NULL;
        name = bleproxy_characteristic_name(&uuid);
        assert_true(name ? expected && strcmp(name, expected) == 0 : !expected);
    }
    assert_int_equal(company, COUNT(companies));
    assert_int_equal(service, COUNT(services));
    assert_int_equal(characteristic, COUNT(characteristics));
}

static void test_every_128_bit_uuid_is_found_and_its_neighbours_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(services_128); i++) {
        struct bleproxy_uuid uuid = uuid_128(&services_128[i]);
        assert_string_equal(bleproxy_service_name(&uuid), services_128[i].text);
        uuid.bytes[8] ^= 0x55;
        assert_null(bleproxy_service_name(&uuid));
    }
    for (size_t i = 0; i < COUNT(characteristics_128); i++) {
        struct bleproxy_uuid uuid = uuid_128(&characteristics_128[i]);
        assert_string_equal(bleproxy_characteristic_name(&uuid), characteristics_128[i].text);
        uuid.bytes[8] ^= 0x55;
        assert_null(bleproxy_characteristic_name(&uuid));
    }
}

static void assert_prints(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[256];
        bleproxy_sanitise(text, sizeof(text), rows[i].text, strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_true(text[0] != '\0' && text[0] != ' ' && text[strlen(text) - 1] != ' ');
    }
}

static void test_every_name_prints(void **state)
{
    (void)state;
    assert_prints(companies, COUNT(companies));
    assert_prints(services, COUNT(services));
    assert_prints(characteristics, COUNT(characteristics));
    assert_prints(services_128, COUNT(services_128));
    assert_prints(characteristics_128, COUNT(characteristics_128));
}

static void test_well_known_names(void **state)
{
    (void)state;
    assert_string_equal(bleproxy_company_name(76), "Apple, Inc.");
    assert_string_equal(bleproxy_company_name(6), "Microsoft");
    assert_string_equal(bleproxy_company_name(0x0499), "Ruuvi Innovations Ltd.");
    assert_string_equal(bleproxy_company_name(0x02e5), "Espressif Systems (Shanghai) Co., Ltd.");
    assert_null(bleproxy_company_name(0xfffe));

    struct bleproxy_uuid uuid = uuid_16(0x180f);
    assert_string_equal(bleproxy_service_name(&uuid), "Battery Service");
    assert_null(bleproxy_characteristic_name(&uuid));
    uuid = uuid_16(0xfcd2);
    assert_string_equal(bleproxy_service_name(&uuid), "BTHome (Allterco Robotics)");
    uuid = uuid_16(0xfee0);
    assert_string_equal(bleproxy_service_name(&uuid), "Anhui Huami Information Technology Co., Ltd.");
    uuid = uuid_16(0x2a19);
    assert_string_equal(bleproxy_characteristic_name(&uuid), "Battery Level");
    assert_null(bleproxy_service_name(&uuid));

    uuid = uuid_128(&(struct row){UINT64_C(0x6e400001b5a3f393), UINT64_C(0xe0a9e50e24dcca9e), ""});
    assert_string_equal(bleproxy_service_name(&uuid), "Nordic UART Service");
    uuid.size = 4;
    assert_null(bleproxy_service_name(&uuid));
    assert_null(bleproxy_characteristic_name(&uuid));
}

static void assert_named(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bleproxy_uuid expected = rows[i].low ? uuid_128(&rows[i]) : uuid_16((unsigned)rows[i].high);
        struct bleproxy_uuid uuid;
        char spelt[256];
        if (strcmp(rows[i].text, "Apple Reserved Characteristic") == 0) /* there are several */
            continue;
        assert_int_equal(bleproxy_characteristic_by_name(rows[i].text, &uuid), 0);
        assert_memory_equal(&uuid, &expected, sizeof(uuid));
        snprintf(spelt, sizeof(spelt), "%s", rows[i].text);
        for (char *c = spelt; *c; c++)
            *c = *c == ' ' ? '_' : (char)tolower((unsigned char)*c);
        assert_int_equal(bleproxy_characteristic_by_name(spelt, &uuid), 0);
        assert_memory_equal(&uuid, &expected, sizeof(uuid));
    }
}

static void test_every_characteristic_is_found_by_its_name(void **state)
{
    (void)state;
    assert_named(characteristics, COUNT(characteristics));
    assert_named(characteristics_128, COUNT(characteristics_128));
}

static void test_spellings_of_a_characteristic(void **state)
{
    (void)state;
    static const char *const good[] = {"Battery Level", "battery_level", "BATTERY-LEVEL", "bAtTeRy lEvEl"};
    static const char *const bad[] = {"",  "battery", "battery_levels", "batterylevel",   "battery__level",
                                      "_", "*",       "2a19",           " battery level", "battery level "};
    struct bleproxy_uuid expected = uuid_16(0x2a19), uuid = {.size = 99};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(bleproxy_characteristic_by_name(bad[i], &uuid), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(uuid.size, 99);
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(bleproxy_characteristic_by_name(good[i], &uuid), 0);
        assert_memory_equal(&uuid, &expected, sizeof(uuid));
    }
}

static void test_descriptors_have_names(void **state)
{
    (void)state;
    struct bleproxy_uuid uuid;
    for (unsigned value = 0; value <= UINT16_MAX; value++) {
        uuid = uuid_16(value);
        assert_int_equal(bleproxy_descriptor_name(&uuid) != NULL, value >= 0x2900 && value <= 0x2911);
    }
    uuid = uuid_16(0x2902);
    assert_string_equal(bleproxy_descriptor_name(&uuid), "Client Characteristic Configuration");
    uuid = uuid_16(0x290e);
    assert_string_equal(bleproxy_descriptor_name(&uuid), "Time Trigger Setting");
    uuid.size = 4;
    assert_null(bleproxy_descriptor_name(&uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_list_is_sorted),
        cmocka_unit_test(test_every_number_is_found_and_no_other),
        cmocka_unit_test(test_every_128_bit_uuid_is_found_and_its_neighbours_are_not),
        cmocka_unit_test(test_every_name_prints),
        cmocka_unit_test(test_well_known_names),
        cmocka_unit_test(test_every_characteristic_is_found_by_its_name),
        cmocka_unit_test(test_spellings_of_a_characteristic),
        cmocka_unit_test(test_descriptors_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
