/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "filter.h"
#include "wire/fields.h"
#include <stdlib.h>
#include <string.h>

/* A report as the hub hands it out; what it points to lives until the next one. */
static struct bleproxy_advertisement heard(const char *payload, const char *name, int8_t rssi_dbm)
{
    static uint8_t memory[FIELDS_MAX];
    struct fields fields;
    size_t size;
    struct bleproxy_advertisement report = {.address = 0xAABBCC001122, .name = name, .rssi_dbm = rssi_dbm};
    report.raw = hex(payload, &size);
    report.raw_size = (uint16_t)size;
    fields_init(&fields, memory);
    fields_parse(&fields, report.raw, size);
    report.fields = memory;
    report.fields_size = (uint32_t)fields.size;
    report.tx_power_dbm = fields.tx_power_dbm;
    return report;
}

static bool matches(const struct filter *filter, const char *payload, const char *name, int8_t rssi_dbm)
{
    struct bleproxy_advertisement report = heard(payload, name, rssi_dbm);
    return filter_matches(filter, &report, NULL);
}

static bool matches_known(const struct filter *filter, const char *payload, const struct advert *known)
{
    struct bleproxy_advertisement report = heard(payload, NULL, -60);
    return filter_matches(filter, &report, known);
}

static void no_condition(void **state)
{
    const struct filter filter = {0};
    (void)state;
    assert_true(matches(&filter, "", NULL, BLEPROXY_RSSI_NONE));
    assert_false(matches(&(struct filter){.classic = true}, "02 01 06", NULL, -60));
}

static void services(void **state)
{
    struct bleproxy_uuid uuids[2];
    struct filter filter = {.uuids = uuids, .n_uuids = 2};
    struct advert known = {.uuids = &uuids[1], .n_uuids = 1};
    (void)state;
    bleproxy_uuid_parse("180f", &uuids[0]);
    bleproxy_uuid_parse("6e400001-b5a3-f393-e0a9-e50e24dcca9e", &uuids[1]);
    assert_true(matches(&filter, "03 03 0f18", NULL, -60));
    assert_true(matches(&filter, "05 05 0f180000", NULL, -60));
    assert_true(matches(&filter, "11 07 fb349b5f80000080001000000f180000", NULL, -60));
    assert_true(matches(&filter, "11 07 9ecadc240ee5a9e093f3a3b50100406e", NULL, -60));
    assert_true(matches(&filter, "04 16 0f18 64", NULL, -60)); /* data of it tell of it */
    assert_false(matches(&filter, "03 03 0d18", NULL, -60));
    assert_false(matches(&filter, "", NULL, -60));
    assert_true(matches_known(&filter, "", &known));
    known.uuids = NULL;
    known.n_uuids = 0;
    assert_false(matches_known(&filter, "", &known));
}

static void strength(void **state)
{
    const struct filter filter = {.has_rssi = true, .rssi_dbm = -60};
    const struct filter weakest = {.has_rssi = true, .rssi_dbm = -127};
    (void)state;
    assert_true(matches(&filter, "", NULL, -60));
    assert_false(matches(&filter, "", NULL, -61));
    assert_false(matches(&filter, "", NULL, BLEPROXY_RSSI_NONE));
    assert_false(matches(&weakest, "", NULL, BLEPROXY_RSSI_NONE));
    assert_true(matches(&weakest, "", NULL, -126));
}

static void path_loss(void **state)
{
    const struct filter filter = {.has_pathloss = true, .pathloss_db = 60};
    const struct advert known = {.has_tx_power = true, .tx_power_dbm = 0};
    (void)state;
    assert_true(matches(&filter, "02 0a 00", NULL, -60));
    assert_false(matches(&filter, "02 0a 01", NULL, -60));
    assert_true(matches(&filter, "02 0a 80", NULL, -126)); /* it gains on the way: odd, but near */
    assert_false(matches(&filter, "02 0a 00", NULL, BLEPROXY_RSSI_NONE));
    assert_false(matches(&filter, "", NULL, 20));
    assert_true(matches_known(&filter, "", &known));
    assert_false(matches_known(&filter, "02 0a 01", &known)); /* the newest counts */
}

static void pattern(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool expected;
    } rows[] = {
        {"", NULL, true},
        {"aa:bb", NULL, true},
        {"AA:BB:CC:00:11:22", NULL, true},
        {"AA:BB:CC:00:11:22:", NULL, false},
        {"bb:cc", NULL, false},
        {"Lab", "Lab 1", true},
        {"Lab", "Lab", true},
        {"Lab", "La", false},
        {"Lab", "lab", false},
        {"Lab", "The Lab", false},
        {"Lab", NULL, false},
        {"Lab", "", false},
    };
    struct advert known = {.name = (char[]){"Lab 2"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", rows[i].pattern);
        assert_int_equal(matches(&(struct filter){.pattern = text}, "", rows[i].name, -60), rows[i].expected);
    }
    assert_true(matches_known(&(struct filter){.pattern = (char[]){"Lab"}}, "", &known));
}

static void all_conditions_must_hold(void **state)
{
    struct bleproxy_uuid battery;
    struct filter filter = {
        .uuids = &battery, .n_uuids = 1, .has_rssi = true, .rssi_dbm = -70, .pattern = (char[]){"Lamp"}};
    (void)state;
    bleproxy_uuid_parse("180f", &battery);
    assert_true(matches(&filter, "03 03 0f18", "Lamp", -70));
    assert_false(matches(&filter, "03 03 0d18", "Lamp", -70));
    assert_false(matches(&filter, "03 03 0f18", "Lamb", -70));
    assert_false(matches(&filter, "03 03 0f18", "Lamp", -71));
    /* Each may be known from elsewhere. */
    assert_true(matches_known(&filter, "",
                              &(struct advert){.name = filter.pattern, .uuids = &battery, .n_uuids = 1}));
    assert_true(matches_known(&filter, "03 03 0f18", &(struct advert){.name = filter.pattern}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_condition), cmocka_unit_test(services),
        cmocka_unit_test(strength),     cmocka_unit_test(path_loss),
        cmocka_unit_test(pattern),      cmocka_unit_test(all_conditions_must_hold),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
