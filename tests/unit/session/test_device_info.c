/* SPDX-License-Identifier: MIT */
#include "client.h"

/* Every field of DeviceInfoResponse set: A0:B1:C2:D3:E4:FF, flags 0x3f, legacy counter 5, ... */
#define INFO_ALL                                                                                             \
    "00e4010a080112076b69746368656e1a1141303a42313a43323a44333a45343a46462208323032352e382e302a0b4175672032" \
    "31"                                                                                                     \
    "2032303236320865737033326465763801420a61636d652e70726f78794a03312e325050580562094573707265737369666a12" \
    "4b69746368656e201b5b33316d70726f78797003783f8201074b69746368656e88010992011161613a62623a63633a64643a65" \
    "653a3031980101a2010a080712046c616d701802a201070808120366616eaa01080802120468616c6cb20109080412056174"   \
    "746963b80101c001effdb6f50dca01090a0575617274301001d00101"
/* Only AC:BC:32:89:0E:FF and legacy counter 5. */
#define INFO_LEGACY "00150a1a1141433a42433a33323a38393a30453a46465805"
/* Flags 0xff, AC:BC:32:89:0E:AA; voice assistant 5; Z-Wave 6 at home 7; serial proxy "tty". */
#define CAPABILITIES                                                                                         \
    "002b96010a1608ff01121141433a42433a33323a38393a30453a4141120208051a040806100722070a037474791002"
#define HELLO_8 "002302080110081a186f6c642028657370686f6d652076323032322e31322e302922036f6c64"

struct description {
    struct client *client;
    struct bleproxy_device_info info;
    unsigned completed;
    int error;
};

static void on_info(void *user, int error, const struct bleproxy_device_info *info, uint64_t now_ns)
{
    struct description *description = user;
    assert_int_equal(now_ns, description->client->now_ns);
    assert_true((error == 0) == (info != NULL));
    description->completed++;
    description->error = error;
    if (info) {
        int r = device_info_dup(&description->client->test.env, info, &description->info);
        if (!description->client->out_of_memory)
            assert_int_equal(r, 0);
    }
    client_event(description->client, EVENT_REPLY);
}

static void describe(struct client *c, struct description *description)
{
    *description = (struct description){.client = c};
    assert_int_equal(session_get_device_info(c->session, on_info, description, c->now_ns), 0);
}

static void description_deinit(struct description *description)
{
    device_info_deinit(&description->client->test.env, &description->info);
    device_info_deinit(&description->client->test.env, &description->info);
}

SPLIT_TEST(test_every_field_of_the_description)
{
    struct description d;
    const struct bleproxy_device_info *info = &d.info;
    client_connect(c, HELLO_9);
    describe(c, &d);
    client_expect(c, "000009");
    client_feed(c, INFO_ALL);
    assert_int_equal(d.completed, 1);
    assert_int_equal(d.error, 0);
    assert_true(info->uses_password && info->has_deep_sleep && info->api_encryption_supported);
    assert_true(info->api_encryption_provisionable);
    assert_false(info->encrypted);
    assert_string_equal(info->name, "kitchen");
    assert_string_equal(info->friendly_name, "Kitchen [31mproxy");
    assert_string_equal(info->model, "esp32dev");
    assert_string_equal(info->manufacturer, "Espressif");
    assert_string_equal(info->mac_address, "A0:B1:C2:D3:E4:FF");
    assert_string_equal(info->bluetooth_mac_address, "AA:BB:CC:DD:EE:01");
    assert_int_equal(info->source, 0xAABBCCDDEE01);
    assert_string_equal(info->esphome_version, "2025.8.0");
    assert_string_equal(info->compilation_time, "Aug 21 2026");
    assert_string_equal(info->project_name, "acme.proxy");
    assert_string_equal(info->project_version, "1.2");
    assert_string_equal(info->suggested_area, "Kitchen");
    assert_int_equal(info->webserver_port, 80);
    assert_int_equal(info->legacy_bluetooth_proxy_version, 5);
    assert_int_equal(info->bluetooth_proxy_feature_flags, 0x3f);
    assert_int_equal(info->features, 0x3f);
    assert_int_equal(info->legacy_voice_assistant_version, 3);
    assert_int_equal(info->voice_assistant_feature_flags, 9);
    assert_int_equal(info->zwave_proxy_feature_flags, 1);
    assert_int_equal(info->zwave_home_id, 0xdeadbeef);
    assert_int_equal(info->api_version_major, 1);
    assert_int_equal(info->api_version_minor, 9);
    assert_string_equal(info->server_info, "masteravrelay (esphome v2023.6.3)");
    assert_int_equal(info->n_devices, 2);
    assert_int_equal(info->devices[0].device_id, 7);
    assert_int_equal(info->devices[0].area_id, 2);
    assert_string_equal(info->devices[0].name, "lamp");
    assert_string_equal(info->devices[1].name, "fan");
    assert_int_equal(info->n_areas, 1);
    assert_int_equal(info->areas[0].area_id, 2);
    assert_string_equal(info->areas[0].name, "hall");
    assert_int_equal(info->area.area_id, 4);
    assert_string_equal(info->area.name, "attic");
    assert_int_equal(info->n_serial_proxies, 1);
    assert_string_equal(info->serial_proxies[0].name, "uart0");
    assert_int_equal(info->serial_proxies[0].port_type, 1);
    description_deinit(&d);
}

SPLIT_TEST(test_absent_strings_are_empty)
{
    struct description d;
    client_connect(c, HELLO_9);
    describe(c, &d);
    client_feed(c, "00000a");
    assert_int_equal(d.error, 0);
    assert_string_equal(d.info.name, "");
    assert_string_equal(d.info.bluetooth_mac_address, "");
    assert_string_equal(d.info.area.name, "");
    assert_int_equal(d.info.source, 0);
    assert_int_equal(d.info.features, 0);
    assert_null(d.info.devices);
    description_deinit(&d);
}

SPLIT_TEST(test_case_47_legacy_counter_5_below_1_9_gives_0x1f)
{
    struct description d;
    client_connect(c, HELLO_8);
    describe(c, &d);
    client_expect(c, "000009");
    client_feed(c, INFO_LEGACY);
    assert_int_equal(d.completed, 1);
    assert_int_equal(d.info.features, 0x1f);
    client_expect(c, "");
    description_deinit(&d);
}

SPLIT_TEST(test_case_47_api_1_15_asks_for_capabilities)
{
    struct description d;
    client_connect(c, HELLO_15);
    describe(c, &d);
    client_expect(c, "000009");
    client_feed(c, INFO_ALL);
    client_expect(c, "00009501");
    assert_int_equal(d.completed, 0);
    client_feed(c, CAPABILITIES);
    assert_int_equal(d.completed, 1);
    assert_int_equal(d.info.features, 0xff);
    assert_string_equal(d.info.bluetooth_mac_address, "AC:BC:32:89:0E:AA");
    assert_int_equal(d.info.source, 0xACBC32890EAA);
    assert_int_equal(d.info.voice_assistant_feature_flags, 5);
    assert_int_equal(d.info.zwave_proxy_feature_flags, 6);
    assert_int_equal(d.info.zwave_home_id, 7);
    assert_int_equal(d.info.n_serial_proxies, 1);
    assert_string_equal(d.info.serial_proxies[0].name, "tty");
    description_deinit(&d);
}

SPLIT_TEST(test_capabilities_without_a_bluetooth_proxy)
{
    struct description d;
    client_connect(c, HELLO_15);
    describe(c, &d);
    client_feed(c, "00009601"); /* nobody asked yet */
    client_feed(c, INFO_ALL "00009601");
    assert_int_equal(d.completed, 1);
    assert_int_equal(d.info.features, 0);
    assert_int_equal(d.info.bluetooth_proxy_feature_flags, 0x3f);
    assert_int_equal(d.info.source, 0xAABBCCDDEE01);
    assert_int_equal(d.info.n_serial_proxies, 1);
    description_deinit(&d);
}

static void test_case_47_without_a_session(void **state)
{
    struct client c;
    struct description d = {.client = &c};
    (void)state;
    client_init(&c);
    client_start(&c);
    assert_int_equal(session_get_device_info(c.session, on_info, &d, c.now_ns), BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(d.completed, 0);
    client_deinit(&c);
}

SPLIT_TEST(test_encrypted_description_of_the_vector)
{
    struct description d;
    client_connect_noise(c);
    describe(c, &d);
    client_feed_sealed(
        c, 10,
        "12067670726f78791a1141433a42433a33323a38393a30453a41382208323032362e382e302a1541756720323120323032"
        "362c2031383a34313a343632077669727475616c6204486f73746a07562050726f787978ff0192011141433a42433a3332"
        "3a38393a30453a4141980101");
    client_feed_sealed(c, 150, "0a1608ff01121141433a42433a33323a38393a30453a4141");
    assert_int_equal(d.completed, 1);
    assert_true(d.info.encrypted);
    assert_string_equal(d.info.name, "vproxy");
    assert_string_equal(d.info.friendly_name, "V Proxy");
    assert_string_equal(d.info.compilation_time, "Aug 21 2026, 18:41:46");
    assert_string_equal(d.info.server_info, "2026.8.0");
    assert_int_equal(d.info.features, 0xff);
    description_deinit(&d);
}

static void test_bluetooth_mac_is_derived_without_a_carry(void **state)
{
    static const struct {
        const char *mac, *bluetooth, *expected;
    } cases[] = {
        {"AC:BC:32:89:0E:A8", "", "AC:BC:32:89:0E:AA"},
        {"AC:BC:32:89:0E:FE", "", "AC:BC:32:89:0E:00"},
        {"AC:BC:32:89:0E:FF", "", "AC:BC:32:89:0E:01"},
        {"acbc32890ea8", "", "AC:BC:32:89:0E:AA"},
        {"AC:BC:32:89:0E:A8", "nonsense", "AC:BC:32:89:0E:AA"},
        {"nonsense", "", ""},
        {"nonsense", "11:22:33:44:55:66", "11:22:33:44:55:66"},
    };
    static const struct device_info_hello hello = {1, 9, false, ""};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct test_env test;
        struct bleproxy_device_info info;
        DeviceInfoResponse response = DEVICE_INFO_RESPONSE__INIT;
        response.mac_address =
            (ProtobufCBinaryData){strlen(cases[i].mac), (uint8_t *)(uintptr_t)cases[i].mac};
        response.bluetooth_mac_address =
            (ProtobufCBinaryData){strlen(cases[i].bluetooth), (uint8_t *)(uintptr_t)cases[i].bluetooth};
        test_env_init(&test);
        assert_int_equal(device_info_init(&test.env, &hello, &response, &info), 0);
        assert_string_equal(info.bluetooth_mac_address, cases[i].expected);
        device_info_deinit(&test.env, &info);
        test_env_deinit(&test);
    }
}

static void test_legacy_features_by_counter(void **state)
{
    static const uint32_t expected[] = {0, 0x01, 0x03, 0x07, 0x0f, 0x1f, 0x1f};
    (void)state;
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(device_info_legacy_features(i), expected[i]);
    assert_int_equal(device_info_legacy_features(UINT32_MAX), 0x1f);
}

static void test_feature_source_by_api_version(void **state)
{
    static const struct {
        uint32_t major, minor, expected;
    } cases[] = {{0, 15, 0x1f}, {1, 8, 0x1f}, {1, 9, 0x60}, {1, 14, 0x60}, {1, 15, 0}, {2, 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct test_env test;
        struct bleproxy_device_info info;
        DeviceInfoResponse response = DEVICE_INFO_RESPONSE__INIT;
        const struct device_info_hello hello = {cases[i].major, cases[i].minor, false, ""};
        response.legacy_bluetooth_proxy_version = 5;
        response.bluetooth_proxy_feature_flags = 0x60;
        test_env_init(&test);
        assert_int_equal(device_info_init(&test.env, &hello, &response, &info), 0);
        assert_int_equal(info.features, cases[i].expected);
        device_info_deinit(&test.env, &info);
        test_env_deinit(&test);
    }
}

static void test_long_texts_and_lists_are_capped(void **state)
{
    static const struct device_info_hello hello = {1, 9, false, ""};
    static char text[3000];
    static AreaInfo area = AREA_INFO__INIT;
    static AreaInfo *areas[1000];
    struct test_env test;
    struct bleproxy_device_info info;
    DeviceInfoResponse response = DEVICE_INFO_RESPONSE__INIT;
    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < 1000; i++)
        areas[i] = &area;
    response.model = (ProtobufCBinaryData){sizeof(text), (uint8_t *)text};
    response.areas = areas;
    response.n_areas = 1000;
    test_env_init(&test);
    assert_int_equal(device_info_init(&test.env, &hello, &response, &info), 0);
    assert_int_equal(strlen(info.model), 256);
    assert_int_equal(info.n_areas, 256);
    device_info_deinit(&test.env, &info);
    test_env_deinit(&test);
}

SPLIT_TEST(test_malformed_description_ends_session_and_request)
{
    struct description d;
    client_connect(c, HELLO_15);
    describe(c, &d);
    client_feed(c, "00020a0a08");
    client_expect_end(c, BLEPROXY_E_PROTOCOL, "DeviceInfoResponse");
    assert_int_equal(d.error, BLEPROXY_E_PROTOCOL);
    assert_int_equal(d.completed, 1);
}

SPLIT_TEST(test_each_answer_has_10_s)
{
    struct description d;
    client_connect(c, HELLO_15);
    describe(c, &d);
    client_advance(c, 10 * NS_PER_S - 1);
    assert_int_equal(d.completed, 0);
    client_feed(c, INFO_ALL);
    client_advance(c, 10 * NS_PER_S - 1);
    assert_int_equal(d.completed, 0);
    client_advance(c, 1);
    assert_int_equal(d.completed, 1);
    assert_int_equal(d.error, BLEPROXY_E_TIMEOUT);
    assert_true(session_is_ready(c->session));
}

static void test_freeing_the_session_while_it_describes(void **state)
{
    (void)state;
    for (int stage = 0; stage < 3; stage++) {
        struct client c;
        struct description d;
        client_init(&c);
        if (stage == 2)
            c.free_on = EVENT_REPLY;
        client_connect(&c, HELLO_15);
        describe(&c, &d);
        if (stage > 0)
            client_feed(&c, INFO_ALL);
        if (stage == 2)
            client_feed(&c, CAPABILITIES);
        if (!c.freed)
            session_free(c.session);
        c.freed = true;
        assert_int_equal(d.completed, 1);
        assert_int_equal(d.error, stage == 2 ? 0 : BLEPROXY_E_CANCELLED);
        description_deinit(&d);
        client_deinit(&c);
    }
}

/* Memory runs out at every allocation in turn: on_info is called once, and nothing is lost. */
static void test_out_of_memory_while_describing(void **state)
{
    bool succeeded = false;
    (void)state;
    for (size_t allowed = 0; !succeeded; allowed++) {
        struct client c;
        struct description d = {.client = &c};
        client_init(&c);
        client_connect(&c, HELLO_15);
        c.out_of_memory = true;
        c.test.fail_after = allowed;
        int r = session_get_device_info(c.session, on_info, &d, c.now_ns);
        client_feed(&c, INFO_ALL);
        client_feed(&c, CAPABILITIES);
        if (r == 0 && d.error == 0 && d.info.name)
            succeeded = true;
        assert_int_equal(d.completed, r == 0 ? 1 : 0);
        description_deinit(&d);
        client_deinit(&c);
        assert_true(allowed < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_of_the_description),
        cmocka_unit_test(test_absent_strings_are_empty),
        cmocka_unit_test(test_case_47_legacy_counter_5_below_1_9_gives_0x1f),
        cmocka_unit_test(test_case_47_api_1_15_asks_for_capabilities),
        cmocka_unit_test(test_capabilities_without_a_bluetooth_proxy),
        cmocka_unit_test(test_case_47_without_a_session),
        cmocka_unit_test(test_encrypted_description_of_the_vector),
        cmocka_unit_test(test_bluetooth_mac_is_derived_without_a_carry),
        cmocka_unit_test(test_legacy_features_by_counter),
        cmocka_unit_test(test_feature_source_by_api_version),
        cmocka_unit_test(test_long_texts_and_lists_are_capped),
        cmocka_unit_test(test_malformed_description_ends_session_and_request),
        cmocka_unit_test(test_each_answer_has_10_s),
        cmocka_unit_test(test_freeing_the_session_while_it_describes),
        cmocka_unit_test(test_out_of_memory_while_describing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
