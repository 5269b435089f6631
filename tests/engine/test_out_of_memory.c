/* SPDX-License-Identifier: MIT */
/* Whole lives of the library in which one allocation fails, each in its turn. */
#include "device_fixture.h"

#include <bleproxy/bleproxy.h>
#include <bleproxy/blocking.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many allocations of the library succeed before one fails; counts on below zero. */
static long left = -1;

static bool refuse(void)
{
    return left-- == 0;
}

/* The linker puts these in the place of the library's own calls (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return refuse() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
    return refuse() ? NULL : __real_strdup(text);
}

/* A life that is expected to end by itself, whatever fails. */
struct life {
    struct bleproxy_loop *loop;
    struct bleproxy_client *client;
    int n_adverts, n_owed;
};

static void on_advert(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct life *life = user;
    bleproxy_advertisement_free(bleproxy_advertisement_dup(advertisement));
    if (++life->n_adverts >= 3)
        bleproxy_loop_stop(life->loop);
}

static void on_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    struct life *life = user;
    (void)state;
    if (error) {
        assert_true(*text);
        bleproxy_loop_stop(life->loop);
    }
}

static void on_time_is_up(void *user)
{
    struct life *life = user;
    bleproxy_loop_stop(life->loop);
}

static void on_window(void *user, bool opened)
{
    struct life *life = user;
    (void)opened;
    life->n_owed--;
}

static void on_done(void *user, int error)
{
    struct life *life = user;
    (void)error;
    life->n_owed--;
}

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct life *life = user;
    (void)error, (void)advertisement;
    life->n_owed--;
}

static void on_discovered(void *user, int error, const struct bleproxy_advertisement *const *devices,
                          size_t n)
{
    struct life *life = user;
    assert_true(error == 0 || n == 0);
    for (size_t i = 0; i < n; i++)
        assert_non_null(devices[i]);
    life->n_owed--;
}

static void on_swept(void *user, int error, bool scanned)
{
    struct life *life = user;
    (void)scanned;
    assert_true(error == 0 || error == BLEPROXY_E_CANCELLED);
    life->n_owed--;
}

/* Requests that go with the hub. */
static void scan_on_purpose(struct bleproxy_hub *hub, struct life *life)
{
    struct bleproxy_active_scan *active;
    struct bleproxy_scan_request *scan;
    (void)bleproxy_hub_request_active_scan(hub, 1, 0, 0, &active);
    (void)bleproxy_hub_request_scan(hub, BLEPROXY_MODE_ACTIVE, &scan);
    life->n_owed += bleproxy_hub_sweep(hub, 0, on_swept, life, NULL) == 0;
}

static void life_of_a_manager(const struct bleproxy_proxy_config *config)
{
    struct life life = {0};
    struct bleproxy_hub *hub = NULL;
    struct bleproxy_peripheral *peripheral = NULL;
    struct bleproxy_manager *manager = NULL;
    struct bleproxy_timer *timer = NULL;
    struct bleproxy_subscription *subscription = NULL;
    const struct bleproxy_filter filter = {.name_prefix = "", .rssi_min_dbm = -127};
    const struct bleproxy_hub_options options = {.state_dir = "/nowhere"};
    if (bleproxy_loop_new(NULL, &life.loop) < 0)
        return;
    int r = bleproxy_hub_new(life.loop, &options, &hub);
    if (r == 0)
        r = bleproxy_peripheral_new(hub, 1, &peripheral);
    if (r == 0)
        r = bleproxy_timer_new(life.loop, 150, 0, on_time_is_up, &life, &timer);
    if (r == 0)
        r = bleproxy_hub_subscribe(hub, BLEPROXY_STREAM_CHANGES, &filter, on_advert, &life, &subscription);
    if (r == 0)
        r = bleproxy_manager_new(hub, config, &manager);
    if (r == 0) {
        life.n_owed += bleproxy_hub_find(hub, &filter, 10000, on_found, &life, NULL) == 0;
        life.n_owed += bleproxy_hub_discover(hub, NULL, 10, on_discovered, &life, NULL) == 0;
        bleproxy_manager_watch(manager, on_state, &life);
        life.n_owed += bleproxy_manager_start(manager, on_done, &life) == 0;
        bleproxy_loop_run(life.loop);
        struct bleproxy_scanner *scanner = bleproxy_manager_scanner(manager);
        if (scanner) {
            life.n_owed++;
            bleproxy_scanner_window(scanner, 10000, on_window, &life);
            bleproxy_disconnect_set_add(bleproxy_scanner_disconnect_set(scanner), on_time_is_up, &life);
        }
        life.n_owed += bleproxy_hub_discover(hub, NULL, 0, on_discovered, &life, NULL) == 0;
        scan_on_purpose(hub, &life);
        bleproxy_timer_free(timer);
        timer = NULL;
        if (bleproxy_timer_new(life.loop, 10, 0, on_time_is_up, &life, &timer) == 0)
            bleproxy_loop_run(life.loop);
        life.n_owed += bleproxy_manager_stop(manager, on_done, &life) == 0;
    }
    bleproxy_manager_free(manager);
    bleproxy_subscription_free(subscription);
    bleproxy_peripheral_free(peripheral);
    bleproxy_hub_free(hub);
    bleproxy_timer_free(timer);
    bleproxy_loop_free(life.loop);
    assert_int_equal(life.n_owed, 0); /* everything completed, once */
}

static void on_slots(void *user, int error, const struct bleproxy_slots *slots)
{
    struct life *life = user;
    assert_true(error || slots);
    life->n_owed--;
    bleproxy_loop_stop(life->loop);
}

static void on_pong(void *user, int error, uint64_t round_trip_ns)
{
    struct life *life = user;
    (void)error, (void)round_trip_ns;
    life->n_owed--;
}

static void on_info(void *user, int error, const struct bleproxy_device_info *info)
{
    struct life *life = user;
    struct bleproxy_scanner *scanner;
    life->n_owed--;
    if (error == 0 && bleproxy_connect_scanner(life->client, info, true, &scanner) == 0)
        bleproxy_scanner_free(scanner);
    else
        bleproxy_loop_stop(life->loop);
}

static void on_connected(void *user, int error, const char *text)
{
    struct life *life = user;
    (void)text;
    if (error == 0) {
        life->n_owed += bleproxy_client_device_info(life->client, on_info, life) == 0;
        life->n_owed += bleproxy_client_ping(life->client, on_pong, life) == 0;
        life->n_owed += bleproxy_client_slots(life->client, on_slots, life) == 0;
    }
    if (life->n_owed == 0)
        bleproxy_loop_stop(life->loop);
}

static void on_disconnected(void *user, int error, const char *text)
{
    (void)error, (void)text;
    struct life *life = user;
    bleproxy_loop_stop(life->loop);
}

static void on_device(void *user, enum bleproxy_browse_event event, const struct bleproxy_discovered *device)
{
    (void)user, (void)event;
    assert_true(*device->name);
}

static void life_of_a_client(const struct bleproxy_proxy_config *config)
{
    struct life life = {0};
    struct bleproxy_timer *timer = NULL;
    struct bleproxy_browse *browse = NULL;
    if (bleproxy_loop_new(&(struct bleproxy_loop_options){.gather_ms = 10}, &life.loop) < 0)
        return;
    struct bleproxy_proxy_config named = *config;
    named.address = "localhost";
    int r = bleproxy_timer_new(life.loop, 150, 0, on_time_is_up, &life, &timer);
    if (r == 0)
        r = bleproxy_browse_new(life.loop, on_device, &life, &browse);
    if (r == 0)
        r = bleproxy_client_new(life.loop, &named, &life.client);
    if (r == 0 && bleproxy_client_connect(life.client, on_connected, on_disconnected, &life) == 0)
        bleproxy_loop_run(life.loop);
    bleproxy_client_free(life.client);
    bleproxy_browse_free(browse);
    bleproxy_timer_free(timer);
    bleproxy_loop_free(life.loop);
    assert_int_equal(life.n_owed, 0);
}

static void life_of_a_radio(const struct bleproxy_proxy_config *config)
{
    struct bleproxy_radio *radio;
    struct bleproxy_advertisement *found;
    if (bleproxy_radio_open(config, 1, NULL, 200, NULL, &radio) < 0)
        return;
    bleproxy_radio_listen(radio, 1);
    if (bleproxy_radio_find(radio, NULL, 50, &found) == 0)
        bleproxy_advertisement_free(found);
    bleproxy_radio_close(radio);
}

/* Lives until nothing fails any more. */
static void live(void (*life)(const struct bleproxy_proxy_config *config))
{
    enum { ALLOCATIONS_MAX = 1000 };
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    const struct bleproxy_proxy_config config = {
        .address = "127.0.0.1", .port = proxy.port, .password = "x", .scan_mode = BLEPROXY_SCAN_AUTO};
    life(&config); /* what is allocated once for all */
    for (long n = 0;; n++) {
        assert_true(n < ALLOCATIONS_MAX);
        left = n;
        life(&config);
        bool failed = left < 0;
        left = -1;
        if (!failed)
            break;
    }
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_manager_survives_each_failing_allocation(void **state)
{
    (void)state;
    live(life_of_a_manager);
}

static void test_a_client_survives_each_failing_allocation(void **state)
{
    (void)state;
    live(life_of_a_client);
}

static void test_the_blocking_layer_survives_each_failing_allocation(void **state)
{
    (void)state;
    live(life_of_a_radio);
}

/* What is done with a device, one call at a time. */
struct use {
    const char *name;
    int (*begin)(struct fixture *fixture);
    bool unconnected; /* it wants no link before */
};

static int begin_connect(struct fixture *fixture)
{
    const struct bleproxy_connect_options options = {.no_cache = true, .attempts = 1};
    return bleproxy_peripheral_connect(fixture->peripheral, &options, fixture_done, fixture, NULL);
}

static int begin_connect_with_cache(struct fixture *fixture)
{
    return bleproxy_peripheral_connect(fixture->peripheral, NULL, fixture_done, fixture, NULL);
}

static int begin_read(struct fixture *fixture)
{
    return bleproxy_peripheral_read(fixture->peripheral, fixture_handle(fixture, UART_STORE), 0, fixture_done,
                                    fixture, NULL);
}

static int begin_write(struct fixture *fixture)
{
    return bleproxy_peripheral_write(fixture->peripheral, fixture_handle(fixture, UART_STORE), "x", 1,
                                     BLEPROXY_WRITE_DEFAULT, 0, fixture_done, fixture, NULL);
}

static int begin_write_without_response(struct fixture *fixture)
{
    return bleproxy_peripheral_write(fixture->peripheral, fixture_handle(fixture, UART_STORE), "x", 1,
                                     BLEPROXY_WRITE_WITHOUT_RESPONSE, 0, fixture_done, fixture, NULL);
}

static int begin_subscribe(struct fixture *fixture)
{
    return bleproxy_peripheral_subscribe(fixture->peripheral, fixture_handle(fixture, UART_ECHO), 0,
                                         fixture_notified, fixture, fixture_done, fixture, NULL);
}

static int begin_unsubscribe(struct fixture *fixture)
{
    return bleproxy_peripheral_unsubscribe(fixture->peripheral, fixture_handle(fixture, UART_ECHO),
                                           fixture_done, fixture, NULL);
}

static int begin_pair(struct fixture *fixture)
{
    return bleproxy_peripheral_pair(fixture->peripheral, fixture_done, fixture, NULL);
}

static int begin_unpair(struct fixture *fixture)
{
    return bleproxy_peripheral_unpair(fixture->peripheral, fixture_done, fixture, NULL);
}

static int begin_clear_cache(struct fixture *fixture)
{
    return bleproxy_peripheral_clear_cache(fixture->peripheral, fixture_done, fixture, NULL);
}

static int begin_set_parameters(struct fixture *fixture)
{
    const struct bleproxy_connection_parameters slow = {800, 800, 0, 600};
    return bleproxy_peripheral_set_parameters(fixture->peripheral, &slow, fixture_done, fixture, NULL);
}

static int begin_disconnect(struct fixture *fixture)
{
    return bleproxy_peripheral_disconnect(fixture->peripheral, fixture_done, fixture, NULL);
}

/* The link may be lost with its proxy's session when that has no memory; both come back. */
static void link_or_unlink(struct fixture *fixture, bool linked)
{
    while (bleproxy_peripheral_is_connected(fixture->peripheral) != linked)
        if (linked)
            fixture_connect(fixture);
        else
            fixture_disconnect(fixture);
}

static void use_without_memory(struct fixture *fixture, const struct use *use)
{
    for (long n = 0;; n++) {
        link_or_unlink(fixture, !use->unconnected);
        int done = fixture->n_done;
        left = n;
        int r = use->begin(fixture);
        while (r == 0 && fixture->n_done == done)
            bleproxy_loop_run(fixture->loop);
        bool failed = left < 0;
        left = -1;
        if (!failed && (r < 0 || fixture->last.error < 0))
            fail_msg("%s: %d, %s", use->name, r, fixture->text);
        if (!failed)
            break;
        assert_true(r == 0 || r == BLEPROXY_E_NOMEM);
        /* What succeeded all the same must not be in the way of the next try. */
        if (r == 0 && fixture->last.error == 0 && use->begin == begin_subscribe) {
            begin_unsubscribe(fixture);
            fixture_run(fixture, &fixture->n_done, fixture->n_done + 1);
        }
    }
}

static void test_each_use_of_a_device_survives_each_failing_allocation(void **state)
{
    (void)state;
    static const struct use uses[] = {
        {"connect", begin_connect, true},
        {"connect with cache", begin_connect_with_cache, true},
        {"read", begin_read, false},
        {"write", begin_write, false},
        {"write without response", begin_write_without_response, false},
        {"subscribe", begin_subscribe, false},
        {"unsubscribe", begin_unsubscribe, false},
        {"pair", begin_pair, false},
        {"unpair", begin_unpair, false},
        {"clear cache", begin_clear_cache, false},
        {"set parameters", begin_set_parameters, false},
        {"disconnect", begin_disconnect, false},
    };
    char folder[] = "/tmp/bleproxy-state-XXXXXX", path[64];
    struct fixture fixture;
    assert_non_null(mkdtemp(folder));
    fixture_open(&fixture, "Virtual UART", folder);
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        use_without_memory(&fixture, &uses[i]);
    fixture_close(&fixture);
    snprintf(path, sizeof(path), "%s/services", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/bonds", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/history", folder);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_manager_survives_each_failing_allocation),
        cmocka_unit_test(test_a_client_survives_each_failing_allocation),
        cmocka_unit_test(test_the_blocking_layer_survives_each_failing_allocation),
        cmocka_unit_test(test_each_use_of_a_device_survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
