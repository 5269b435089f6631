/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "hub/hub.h"
#include "hub/leftovers.h"
#include "hub/wiring.h"
#include <bleproxy/error.h>
#include <string.h>

#define HELLO_RESPONSE  "0016020801100f1a08323032362e382e3022067670726f7879"
#define SUBSCRIBE_SLOTS "000050"
#define SUBSCRIBE_RAW   "0002420801"
#define SUBSCRIBE       "000042" /* to decoded advertisements */
#define SLOTS           "000d51080210031a07b3c4c4c0939829"
#define CLOSE           "000a4408b3c4c4c09398291001" /* the connection in SLOTS */
#define SCANNER_RUNNING "00067e080210011801"
#define ACTIVE_FOR_NOW  "00047e08021001" /* and configured to be passive, or of old firmware */
#define RAW_ADVERT      "00215d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"

enum { ALL_FEATURES = 0xff };
static const uint64_t heard = UINT64_C(0xA4C138112233);

struct fixture {
    struct test_env test;
    struct session *session;
    struct bleproxy_device_info info;
    const char *label;
    struct scanner *scanner;
    uint64_t now_ns;
};

static void on_ready(void *user, uint64_t now_ns)
{
    (void)user;
    (void)now_ns;
}

static void on_closed(void *user, const struct session_end *end, uint64_t now_ns)
{
    (void)user;
    (void)end;
    (void)now_ns;
}

static const struct session_ops ops = {.on_ready = on_ready, .on_closed = on_closed};

static void feed(struct fixture *f, const char *text)
{
    size_t n;
    uint8_t *bytes = hex(text, &n);
    session_feed(f->session, bytes, n, f->now_ns);
}

static void assert_sent(struct fixture *f, const char *expected)
{
    struct iovec vec;
    size_t n = session_pending(f->session, &vec);
    assert_hex(vec.iov_base, n, expected);
    session_sent(f->session, n);
}

static void begin_session(struct fixture *f)
{
    struct session_config config = {
        .env = &f->test.env, .label = "kitchen", .client_info = "test", .timeouts = session_timeouts_default};
    struct iovec vec;
    assert_int_equal(session_new(&config, &ops, f, f->now_ns, &f->session), 0);
    feed(f, HELLO_RESPONSE);
    assert_true(session_is_ready(f->session));
    session_sent(f->session, session_pending(f->session, &vec));
}

static int setup(void **state)
{
    static char name[] = "vproxy", firmware[] = "2026.8.0";
    static struct fixture fixture;
    fixture = (struct fixture){.now_ns = 1000 * NS_PER_S};
    test_env_init(&fixture.test);
    fixture.info = (struct bleproxy_device_info){
        .name = name, .esphome_version = firmware, .source = UINT64_C(0xACBC32890EAA)};
    begin_session(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    scanner_free(f->scanner);
    session_free(f->session);
    test_env_deinit(&f->test);
    return 0;
}

static void connect_scanner(struct fixture *f, uint32_t features, uint32_t *warned)
{
    f->info.features = features;
    assert_int_equal(wiring_connect_scanner(f->session, &f->test.env, &f->info, f->label, WIRING_TO_USE,
                                            warned, f->now_ns, &f->scanner),
                     0);
}

/* Sets up the scanner and lets 10 s pass, after which a watchdog would ask again. */
static void run_watchdog(struct fixture *f)
{
    scanner_setup(f->scanner, f->now_ns);
    f->now_ns += 10 * NS_PER_S;
    scanner_tick(f->scanner, f->now_ns);
}

static void test_what_the_proxy_is_called(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES, NULL);
    assert_string_equal(scanner_name(f->scanner), f->info.name);
    assert_string_equal(scanner_label(f->scanner), f->info.name);
    scanner_free(f->scanner);
    f->label = "upstairs";
    connect_scanner(f, ALL_FEATURES, NULL);
    assert_string_equal(scanner_name(f->scanner), f->info.name);
    assert_string_equal(scanner_label(f->scanner), "upstairs");
}

static void test_f12_no_active_connections_no_slots(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES & ~(uint32_t)BLEPROXY_FEATURE_ACTIVE_CONNECTIONS, NULL);
    assert_false(scanner_is_connectable(f->scanner));
    assert_int_equal(scanner_features(f->scanner), f->info.features);
    assert_sent(f, SUBSCRIBE_RAW);
    assert_true(test_env_logged(&f->test, "active_connections"));
    assert_true(test_env_logged(&f->test, "2022.10"));
}

static void test_f12_all_features_subscribe_slots_then_raw_with_state(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES, NULL);
    assert_true(scanner_is_connectable(f->scanner));
    assert_true(scanner_is_available(f->scanner));
    assert_ptr_equal(scanner_session(f->scanner), f->session);
    assert_string_equal(scanner_firmware(f->scanner), "2026.8.0");
    assert_int_equal(scanner_source(f->scanner), f->info.source);
    assert_sent(f, SUBSCRIBE_SLOTS SUBSCRIBE_RAW);
    feed(f, SLOTS SCANNER_RUNNING RAW_ADVERT);
    assert_int_equal(scanner_slots(f->scanner)->free, 2);
    assert_int_equal(scanner_state(f->scanner), BLEPROXY_SCANNER_RUNNING);
    assert_non_null(scanner_last(f->scanner, heard));
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 0);
}

/* A hub that the scanner is in; the caller frees it before the scanner. */
static struct hub *join_hub(struct fixture *f, const struct bleproxy_hub_options *options)
{
    struct hub *hub;
    assert_int_equal(hub_new(&f->test.env, options, f->now_ns, &hub), 0);
    assert_int_equal(hub_register_scanner(hub, f->scanner, f->now_ns), 0);
    return hub;
}

static void test_a_connection_from_an_earlier_session_is_closed_once(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES, NULL);
    struct hub *hub = join_hub(f, NULL);
    assert_sent(f, SUBSCRIBE_SLOTS SUBSCRIBE_RAW);
    feed(f, SLOTS); /* it may have told others since */
    assert_sent(f, "");
    feed(f, SCANNER_RUNNING SLOTS SCANNER_RUNNING SLOTS);
    assert_sent(f, SUBSCRIBE_SLOTS CLOSE);
    hub_free(hub, f->now_ns);
}

static void test_a_hub_that_only_looks_spares_the_connections_of_others(void **state)
{
    struct fixture *f = *state;
    const struct bleproxy_hub_options options = {.spare_links = true};
    connect_scanner(f, ALL_FEATURES, NULL);
    struct hub *hub = join_hub(f, &options);
    feed(f, SCANNER_RUNNING SLOTS);
    assert_sent(f, SUBSCRIBE_SLOTS SUBSCRIBE_RAW SUBSCRIBE_SLOTS);
    assert_int_equal(scanner_slots(f->scanner)->free, 2);
    hub_free(hub, f->now_ns);
}

static void test_a_scanner_without_a_hub_spares_the_connections_of_others(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES, NULL);
    feed(f, SCANNER_RUNNING SLOTS);
    assert_sent(f, SUBSCRIBE_SLOTS SUBSCRIBE_RAW SUBSCRIBE_SLOTS);
    struct hub *hub = join_hub(f, NULL);
    feed(f, SLOTS);
    assert_sent(f, CLOSE);
    hub_free(hub, f->now_ns);
}

static void test_a_proxy_that_does_not_read_does_not_fill_the_log(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES, NULL);
    struct hub *hub = join_hub(f, NULL);
    feed(f, SCANNER_RUNNING);
    while (session_subscribe_slots(f->session, f->now_ns) == 0)
        continue;
    for (unsigned i = 0; i < 1000; i++)
        feed(f, SLOTS);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_INFO], LEFTOVERS_MAX);
    hub_free(hub, f->now_ns);
}

static void test_f13_no_raw_advertisements_subscribes_to_decoded_ones(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, BLEPROXY_FEATURE_STATE_AND_MODE, NULL);
    assert_sent(f, SUBSCRIBE);
    run_watchdog(f);
    assert_sent(f, "");
    assert_true(test_env_logged(&f->test, "raw_advertisements"));
}

static void test_f13_raw_without_state_has_no_watchdog(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, BLEPROXY_FEATURE_RAW_ADVERTISEMENTS, NULL);
    assert_sent(f, SUBSCRIBE_RAW);
    run_watchdog(f);
    assert_sent(f, "");
    feed(f, SCANNER_RUNNING); /* nobody listens to it */
    assert_int_equal(scanner_state(f->scanner), BLEPROXY_SCANNER_UNKNOWN);
}

static void test_f13_raw_with_state_has_a_watchdog(void **state)
{
    struct fixture *f = *state;
    static char older[] = "2026.6.3";
    f->info.esphome_version = older;
    connect_scanner(f, BLEPROXY_FEATURE_RAW_ADVERTISEMENTS | BLEPROXY_FEATURE_STATE_AND_MODE, NULL);
    assert_sent(f, SUBSCRIBE_RAW);
    run_watchdog(f);
    assert_sent(f, SUBSCRIBE_RAW);
}

/* Who asks again has it, whoever has it now: no state comes to who was robbed before it came. */
static void test_where_the_newest_wins_there_is_no_watchdog(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, BLEPROXY_FEATURE_RAW_ADVERTISEMENTS | BLEPROXY_FEATURE_STATE_AND_MODE, NULL);
    assert_sent(f, SUBSCRIBE_RAW);
    run_watchdog(f);
    assert_sent(f, "");
}

static void test_unavailable_scanner(void **state)
{
    struct fixture *f = *state;
    f->info.features = ALL_FEATURES;
    assert_int_equal(wiring_connect_scanner(f->session, &f->test.env, &f->info, NULL, WIRING_UNAVAILABLE,
                                            NULL, f->now_ns, &f->scanner),
                     0);
    assert_false(scanner_is_available(f->scanner));
}

static void test_missing_features_are_warned_of_once_per_proxy(void **state)
{
    struct fixture *f = *state;
    uint32_t warned = 0;
    connect_scanner(f, 0, &warned);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 3);
    scanner_free(f->scanner);
    session_free(f->session);
    begin_session(f);
    connect_scanner(f, 0, &warned);
    assert_int_equal(f->test.n_logs[BLEPROXY_LOG_WARNING], 3);
}

static void test_mode_is_set_through_the_session(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES, NULL);
    assert_sent(f, SUBSCRIBE_SLOTS SUBSCRIBE_RAW);
    assert_int_equal(scanner_set_mode(f->scanner, BLEPROXY_MODE_ACTIVE, f->now_ns), 0);
    assert_sent(f, "00027f0801");
}

/* A proxy that is found active although it is configured passive; before 2025.9 the latter is not known. */
static void test_configured_mode_counts_where_the_firmware_tells_it(void **state)
{
    static const struct {
        char version[16];
        const char *sent;
    } cases[] = {{"2025.5.0", ""},      {"2025.8.4", ""},      {"", ""},
                 {"2024.12.1", ""},     {"dev", ""},           {"2025.9.0", "00007f"},
                 {"2025.10", "00007f"}, {"2026.1.0", "00007f"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char version[16];
        memcpy(version, cases[i].version, sizeof(version));
        f->info.esphome_version = version;
        connect_scanner(f, ALL_FEATURES, NULL);
        feed(f, ACTIVE_FOR_NOW);
        assert_sent(f, SUBSCRIBE_SLOTS SUBSCRIBE_RAW SUBSCRIBE_SLOTS);
        scanner_demand(f->scanner, BLEPROXY_MODE_ACTIVE, f->now_ns); /* it is already */
        scanner_demand(f->scanner, BLEPROXY_MODE_NONE, f->now_ns);
        assert_sent(f, cases[i].sent);
        wiring_detach(f->session, f->scanner);
        scanner_free(f->scanner);
        f->scanner = NULL;
    }
}

static void test_detached_scanner_hears_and_asks_nothing(void **state)
{
    struct fixture *f = *state;
    connect_scanner(f, ALL_FEATURES, NULL);
    assert_sent(f, SUBSCRIBE_SLOTS SUBSCRIBE_RAW);
    wiring_detach(f->session, f->scanner);
    assert_null(scanner_session(f->scanner));
    feed(f, SLOTS SCANNER_RUNNING RAW_ADVERT);
    assert_int_equal(scanner_n_devices(f->scanner), 0);
    assert_null(scanner_slots(f->scanner));
    assert_int_not_equal(scanner_set_mode(f->scanner, BLEPROXY_MODE_ACTIVE, f->now_ns), 0);
    run_watchdog(f);
    assert_sent(f, "");
}

static void test_session_that_ended_is_reported_and_nothing_leaks(void **state)
{
    struct fixture *f = *state;
    session_fail(f->session, BLEPROXY_E_CLOSED, NULL, f->now_ns);
    f->info.features = ALL_FEATURES;
    assert_int_equal(wiring_connect_scanner(f->session, &f->test.env, &f->info, NULL, WIRING_TO_USE, NULL,
                                            f->now_ns, &f->scanner),
                     BLEPROXY_E_CLOSED);
    assert_null(f->scanner);
}

static void test_out_of_memory_leaks_nothing(void **state)
{
    struct fixture *f = *state;
    f->info.features = ALL_FEATURES;
    for (size_t n = 0;; n++) {
        f->test.fail_after = n;
        int error = wiring_connect_scanner(f->session, &f->test.env, &f->info, NULL, WIRING_TO_USE, NULL,
                                           f->now_ns, &f->scanner);
        f->test.fail_after = SIZE_MAX;
        if (error == 0)
            break;
        assert_int_equal(error, BLEPROXY_E_NOMEM);
        assert_true(n < 100);
    }
    feed(f, RAW_ADVERT);
    assert_int_equal(scanner_n_devices(f->scanner), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_the_proxy_is_called),
        TEST(test_f12_no_active_connections_no_slots),
        TEST(test_f12_all_features_subscribe_slots_then_raw_with_state),
        TEST(test_a_connection_from_an_earlier_session_is_closed_once),
        TEST(test_a_hub_that_only_looks_spares_the_connections_of_others),
        TEST(test_a_scanner_without_a_hub_spares_the_connections_of_others),
        TEST(test_a_proxy_that_does_not_read_does_not_fill_the_log),
        TEST(test_f13_no_raw_advertisements_subscribes_to_decoded_ones),
        TEST(test_f13_raw_without_state_has_no_watchdog),
        TEST(test_f13_raw_with_state_has_a_watchdog),
        TEST(test_where_the_newest_wins_there_is_no_watchdog),
        TEST(test_unavailable_scanner),
        TEST(test_missing_features_are_warned_of_once_per_proxy),
        TEST(test_mode_is_set_through_the_session),
        TEST(test_configured_mode_counts_where_the_firmware_tells_it),
        TEST(test_detached_scanner_hears_and_asks_nothing),
        TEST(test_session_that_ended_is_reported_and_nothing_leaks),
        TEST(test_out_of_memory_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
