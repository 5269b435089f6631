/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static int setup(void **state)
{
    int r = world_setup(state);
    connect_device(*state);
    return r;
}

static void assert_done(const struct told *told, int error)
{
    assert_int_equal(told->calls, 1);
    assert_int_equal(told->result.error, error);
    assert_int_equal(told->result.source, SOURCE);
}

/* ---- Pairing ---- */

static void test_pair_and_unpair(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    assert_int_equal(peripheral_pair(world->peripheral, on_told, &told, world->now_ns, NULL), 0);
    assert_sent(world, "pair");
    say_paired(world, true, 0);
    assert_done(&told, 0);
    told = told_by(world);
    assert_int_equal(peripheral_pair(world->peripheral, on_told, &told, world->now_ns, NULL), 0);
    say_paired(world, false, 0x55);
    assert_done(&told, BLEPROXY_E_PAIRING);
    assert_int_equal(told.result.code, 0x55);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_KEY);
    assert_true(peripheral_is_connected(world->peripheral));
    told = told_by(world);
    assert_int_equal(peripheral_unpair(world->peripheral, on_told, &told, world->now_ns, NULL), 0);
    assert_sent(world, "pair; unpair");
    BluetoothDeviceUnpairingResponse unpaired = BLUETOOTH_DEVICE_UNPAIRING_RESPONSE__INIT;
    unpaired.address = DEVICE;
    unpaired.error = 7;
    say(world, 0, MESSAGE_DEVICE_UNPAIRING_RESPONSE, &unpaired.base);
    assert_done(&told, BLEPROXY_E_REFUSED);
    assert_int_equal(told.result.code, 7);
}

/* ---- What old firmware lacks ---- */

static void connect_through(struct world *world, uint32_t features)
{
    say_connection(world, false, 0, 0x13);
    proxy_lose(world, 0);
    proxy_begin(world, 0, features);
    say_slots(world, 3, 3, 0);
    connect_device(world);
}

static void assert_missing(struct world *world, int r, const struct told *told, int error, uint32_t feature)
{
    assert_int_equal(r, 0);
    assert_int_equal(told->calls, 0);
    pass_ms(world, 0);
    assert_done(told, error);
    assert_int_equal(told->result.missing, feature);
    assert_non_null(strstr(told->text, bleproxy_feature_since(feature)));
    assert_true(test_env_logged(&world->test, bleproxy_feature_since(feature)));
    assert_sent(world, "");
}

static void test_missing_features_are_told(void **state)
{
    struct world *world = *state;
    const struct bleproxy_connection_parameters parameters = {6, 12, 0, 100};
    connect_through(world, BLEPROXY_FEATURE_ACTIVE_CONNECTIONS | BLEPROXY_FEATURE_REMOTE_CACHING);
    struct told pair = told_by(world), unpair = told_by(world), set = told_by(world);
    uint64_t now_ns = world->now_ns;
    assert_missing(world, peripheral_pair(world->peripheral, on_told, &pair, now_ns, NULL), &pair,
                   BLEPROXY_E_UNSUPPORTED, BLEPROXY_FEATURE_PAIRING);
    assert_missing(world, peripheral_unpair(world->peripheral, on_told, &unpair, now_ns, NULL), &unpair,
                   BLEPROXY_E_UNSUPPORTED, BLEPROXY_FEATURE_PAIRING);
    assert_missing(world,
                   peripheral_set_parameters(world->peripheral, &parameters, on_told, &set, now_ns, NULL),
                   &set, BLEPROXY_E_UNSUPPORTED, BLEPROXY_FEATURE_CONNECTION_PARAMS);
}

static void test_f74_clear_cache_without_the_feature(void **state)
{
    struct world *world = *state;
    connect_through(world, BLEPROXY_FEATURE_ACTIVE_CONNECTIONS | BLEPROXY_FEATURE_REMOTE_CACHING);
    struct told told = told_by(world);
    assert_missing(world, peripheral_clear_cache(world->peripheral, on_told, &told, world->now_ns, NULL),
                   &told, 0, BLEPROXY_FEATURE_CACHE_CLEARING);
    assert_int_equal(told.result.cause, BLEPROXY_CAUSE_NONE);
    assert_null(cache_services(central_cache(world->central), DEVICE));
}

/* The reference succeeds without connection where the proxy lacks the feature; here no proxy is in sight to lack it. */
static void test_f74_clear_cache_when_disconnected(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    say_connection(world, false, 0, 0x13);
    assert_non_null(cache_services(central_cache(world->central), DEVICE));
    assert_int_equal(peripheral_clear_cache(world->peripheral, on_told, &told, world->now_ns, NULL), 0);
    assert_null(cache_services(central_cache(world->central), DEVICE));
    pass_ms(world, 0);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.result.error, BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(told.result.source, 0);
    assert_sent(world, "");
}

static void test_f74_clear_cache(void **state)
{
    struct world *world = *state;
    BluetoothDeviceClearCacheResponse cleared = BLUETOOTH_DEVICE_CLEAR_CACHE_RESPONSE__INIT;
    cleared.address = DEVICE;
    for (int success = 0; success < 2; success++) {
        struct told told = told_by(world);
        assert_int_equal(peripheral_clear_cache(world->peripheral, on_told, &told, world->now_ns, NULL), 0);
        assert_sent(world, "clear-cache");
        cleared.success = success;
        cleared.error = success ? 0 : 0x102;
        say(world, 0, MESSAGE_DEVICE_CLEAR_CACHE_RESPONSE, &cleared.base);
        assert_done(&told, success ? 0 : BLEPROXY_E_REFUSED);
        assert_int_equal(told.result.code, cleared.error);
        assert_null(cache_services(central_cache(world->central), DEVICE));
        assert_int_equal(peripheral_services(world->peripheral)->n_services, 1); /* of this connection */
    }
}

/* ---- Connection parameters ---- */

static void test_set_parameters(void **state)
{
    struct world *world = *state;
    const struct bleproxy_connection_parameters parameters = {6, 12, 1, 100};
    BluetoothSetConnectionParamsResponse answer = BLUETOOTH_SET_CONNECTION_PARAMS_RESPONSE__INIT;
    answer.address = DEVICE;
    for (int32_t error = 0; error < 2; error++) {
        struct told told = told_by(world);
        assert_int_equal(
            peripheral_set_parameters(world->peripheral, &parameters, on_told, &told, world->now_ns, NULL),
            0);
        assert_sent(world, "parameters 6 12 1 100");
        answer.error = error;
        say(world, 0, MESSAGE_SET_CONNECTION_PARAMS_RESPONSE, &answer.base);
        assert_done(&told, error ? BLEPROXY_E_REFUSED : 0);
        assert_int_equal(told.result.code, error);
    }
}

static void test_parameters_out_of_range(void **state)
{
    struct world *world = *state;
    struct told told = told_by(world);
    static const struct {
        struct bleproxy_connection_parameters parameters;
        const char *why; /* NULL: they are valid */
    } all[] = {
        {{6, 6, 0, 10}, NULL},
        {{3200, 3200, 0, 3200}, NULL},
        {{6, 6, 499, 751}, NULL},
        {{5, 6, 0, 10}, "least interval must be"},
        {{3201, 3201, 0, 3200}, "least interval must be"},
        {{6, 3201, 0, 3200}, "greatest interval must be"},
        {{7, 6, 0, 10}, "must not exceed"},
        {{6, 6, 500, 3200}, "latency"},
        {{6, 6, 0, 9}, "timeout must be"},
        {{6, 6, 0, 3201}, "timeout must be"},
        {{6, 6, 499, 750}, "timeout must exceed"}, /* 4 * 750 = 500 * 6 */
        {{40, 40, 0, 10}, "timeout must exceed"},
        {{39, 39, 0, 10}, NULL},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const char *why = NULL;
        bool valid = bleproxy_connection_parameters_are_valid(&all[i].parameters, &why);
        assert_int_equal(valid, !all[i].why);
        assert_int_equal(bleproxy_connection_parameters_are_valid(&all[i].parameters, NULL), valid);
        if (valid)
            continue;
        assert_non_null(strstr(why, all[i].why));
        assert_int_equal(peripheral_set_parameters(world->peripheral, &all[i].parameters, on_told, &told,
                                                   world->now_ns, NULL),
                         BLEPROXY_E_INVALID);
    }
    assert_sent(world, "");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_pair_and_unpair),
        T(test_missing_features_are_told),
        T(test_f74_clear_cache_without_the_feature),
        T(test_f74_clear_cache_when_disconnected),
        T(test_f74_clear_cache),
        T(test_set_parameters),
        T(test_parameters_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
