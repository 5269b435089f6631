/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "hub/sighting.h"
#include "replay/decision.h"
#include <json-c/json_tokener.h>

static char memory[DECISION_LINE_SIZE];

static void assert_line(struct decision decision, const char *raw, const char *expected)
{
    size_t size;
    const uint8_t *bytes = hex(raw, &size);
    decision.advertisement = view_of(bytes, size);
    assert_int_equal(decision_format(&decision, memory), strlen(expected));
    assert_string_equal(memory, expected);
}

static void test_a_report_with_everything(void **state)
{
    (void)state;
    assert_line(
        (struct decision){.kind = DECISION_ACCEPTED, .time_ns = 1500000000, .rssi = -67},
        "0503d2fc0f18 0409c3a922 020afc 0516 1c18 0102 0316 0a18 04ff4c00aa 03ff3412",
        "{\"t\":1.5,\"event\":\"accepted\",\"address\":\"A4:C1:38:6E:F3:62\",\"source\":\"02:00:00:00:00:"
        "01\","
        "\"rssi\":-67,\"name\":\"\\u00e9\\u0022\",\"service_uuids\":[\"0000fcd2-0000-1000-8000-"
        "00805f9b34fb\","
        "\"0000180f-0000-1000-8000-00805f9b34fb\"],\"service_data\":{\"0000181c-0000-1000-8000-"
        "00805f9b34fb\":"
        "\"0102\",\"0000180a-0000-1000-8000-00805f9b34fb\":\"\"},\"manufacturer_data\":{\"76\":\"aa\","
        "\"4660\":\"\"},\"tx_power\":-4}\n");
}

static void test_a_report_with_nothing(void **state)
{
    (void)state;
    assert_line(
        (struct decision){.kind = DECISION_CALLBACK, .connectable = true}, "",
        "{\"t\":0,\"event\":\"callback\",\"address\":\"A4:C1:38:6E:F3:62\",\"source\":\"02:00:00:00:00:01\","
        "\"rssi\":0,\"name\":null,\"service_uuids\":[],\"service_data\":{},\"manufacturer_data\":{},"
        "\"tx_power\":null,\"connectable\":true}\n");
}

static void test_unavailable(void **state)
{
    (void)state;
    assert_line((struct decision){.kind = DECISION_UNAVAILABLE, .time_ns = 300000000001}, "020afc",
                "{\"t\":300.000000001,\"event\":\"unavailable\",\"address\":\"A4:C1:38:6E:F3:62\","
                "\"connectable\":false}\n");
}

static void test_a_name_that_is_the_address_is_none(void **state)
{
    (void)state;
    assert_line(
        (struct decision){.kind = DECISION_ACCEPTED}, "1209 41343a43313a33383a36453a46333a3632",
        "{\"t\":0,\"event\":\"accepted\",\"address\":\"A4:C1:38:6E:F3:62\",\"source\":\"02:00:00:00:00:01\","
        "\"rssi\":0,\"name\":null,\"service_uuids\":[],\"service_data\":{},\"manufacturer_data\":{},"
        "\"tx_power\":null}\n");
}

/* As many entries as a device can have of the kind that takes most room. */
static void test_the_longest_line_fits(void **state)
{
    (void)state;
    static uint8_t block[FIELDS_MAX];
    static char name[SIGHTING_NAME_CAPACITY];
    struct fields fields;
    fields_init(&fields, block);
    for (uint16_t i = 1; !fields.truncated; i++)
        fields_set_service_data(&fields, &(struct bleproxy_uuid){2, {(uint8_t)(i >> 8), (uint8_t)i}}, NULL,
                                0);
    memset(name, '\n', sizeof(name) - 1);
    const struct bleproxy_advertisement view = {.name = name,
                                                .name_size = sizeof(name) - 1,
                                                .fields = block,
                                                .fields_size = (uint32_t)fields.size,
                                                .tx_power_dbm = -100};
    size_t size = decision_format(
        &(struct decision){
            .kind = DECISION_CALLBACK, .time_ns = UINT64_MAX, .rssi = -128, .advertisement = &view},
        memory);
    assert_true(size > 30000 && size < sizeof(memory) - 1);
    struct json_object *object = json_tokener_parse(memory);
    assert_non_null(object);
    assert_int_equal(json_object_object_length(json_object_object_get(object, "service_data")),
                     FIELDS_MAX / 6);
    assert_true(json_object_object_get_ex(object, "connectable", NULL));
    json_object_put(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_with_everything),
        cmocka_unit_test(test_a_report_with_nothing),
        cmocka_unit_test(test_unavailable),
        cmocka_unit_test(test_the_longest_line_fits),
        cmocka_unit_test(test_a_name_that_is_the_address_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
