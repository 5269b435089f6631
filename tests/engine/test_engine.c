/* SPDX-License-Identifier: MIT */
/* The library as programs use it: its public API on real sockets, against virtual proxies. */
#include "patience.h"
#include "support.h"
#include "virtual_proxy.h"

#include <arpa/inet.h>
#include <bleproxy/bleproxy.h>
#include <bleproxy/blocking.h>
#include <bleproxy/uv.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t key[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const char key_text[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char other_key_text[] = "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/* What a test sees; the loop is stopped whenever something it waits for has come. */
struct seen {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_client *client;
    struct bleproxy_scanner *scanner;
    struct bleproxy_subscription *subscription;
    int n_started, started, n_stopped, stopped, n_adverts, n_connected, connected, n_disconnected,
        disconnected;
    int n_ready, n_failed, error, n_fired, n_done;
    size_t many;
    uint64_t round_trip_ns, features;
    uint32_t slots_free;
    char text[256];
};

static void setup(struct seen *seen)
{
    *seen = (struct seen){0};
    assert_int_equal(bleproxy_loop_new(NULL, &seen->loop), 0);
    assert_int_equal(bleproxy_hub_new(seen->loop, NULL, &seen->hub), 0);
}

static void teardown(struct seen *seen)
{
    bleproxy_hub_free(seen->hub);
    bleproxy_loop_free(seen->loop);
}

static void on_started(void *user, int error)
{
    struct seen *seen = user;
    seen->n_started++;
    seen->started = error;
    bleproxy_loop_stop(seen->loop);
}

static void on_stopped(void *user, int error)
{
    struct seen *seen = user;
    seen->n_stopped++;
    seen->stopped = error;
    bleproxy_loop_stop(seen->loop);
}

static void on_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    struct seen *seen = user;
    seen->n_ready += state == BLEPROXY_PROXY_READY;
    if (error) {
        seen->n_failed++;
        seen->error = error;
        snprintf(seen->text, sizeof(seen->text), "%s", text);
    }
    bleproxy_loop_stop(seen->loop);
}

static void on_advert(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    assert_true(advertisement->address != 0);
    assert_true(bleproxy_hub_device(seen->hub, advertisement->address) != NULL);
    seen->n_adverts++;
    bleproxy_loop_stop(seen->loop);
}

static void begin(struct seen *seen, const struct virtual_proxy *proxy, const char *psk)
{
    const struct bleproxy_proxy_config config = {
        .address = "127.0.0.1", .port = proxy->port, .noise_psk = psk};
    assert_int_equal(bleproxy_manager_new(seen->hub, &config, &seen->manager), 0);
    bleproxy_manager_watch(seen->manager, on_state, seen);
    assert_int_equal(bleproxy_manager_start(seen->manager, on_started, seen), 0);
}

static void end(struct seen *seen)
{
    bleproxy_manager_stop(seen->manager, on_stopped, seen);
    run_until(seen->loop, &seen->n_stopped, 1);
    bleproxy_manager_free(seen->manager);
}

static void scan(const char *firmware, bool encrypted)
{
    struct virtual_proxy proxy = virtual_proxy_start(firmware, encrypted ? key : NULL, false);
    struct seen seen;
    setup(&seen);
    assert_int_equal(
        bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, on_advert, &seen, &seen.subscription),
        0);
    begin(&seen, &proxy, encrypted ? key_text : NULL);
    run_until(seen.loop, &seen.n_started, 1);
    assert_int_equal(seen.started, 0);
    assert_int_equal(bleproxy_manager_device_info(seen.manager)->encrypted, encrypted);
    run_until(seen.loop, &seen.n_adverts, 20);
    assert_int_equal(bleproxy_manager_start(seen.manager, on_started, &seen), BLEPROXY_E_STATE);
    end(&seen);
    assert_int_equal(seen.n_started, 1);
    size_t position = 0;
    const struct bleproxy_device *device;
    while ((device = bleproxy_hub_next_device(seen.hub, &position)))
        assert_string_equal(bleproxy_device_advertisement(device)->proxy, "");
    bleproxy_subscription_free(seen.subscription);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_plaintext_proxy_is_heard(void **state)
{
    (void)state;
    scan("2026.8", false);
}

static void test_an_encrypted_proxy_is_heard(void **state)
{
    (void)state;
    scan("2026.8", true);
}

static void test_firmware_that_decodes_advertisements_is_heard(void **state)
{
    (void)state;
    scan("2022.12", true);
}

static void failing(const char *server_firmware, const uint8_t *psk, const char *given, int expected)
{
    struct virtual_proxy proxy = virtual_proxy_start(server_firmware, psk, false);
    struct seen seen;
    setup(&seen);
    begin(&seen, &proxy, given);
    run_until(seen.loop, &seen.n_failed, 1);
    assert_int_equal(seen.error, expected);
    assert_null(strstr(seen.text, key_text));
    assert_null(strstr(seen.text, other_key_text));
    assert_int_equal(seen.n_started, 1); /* whoever waits for it is told at once */
    assert_int_equal(seen.started, expected);
    assert_int_equal(bleproxy_manager_state(seen.manager), BLEPROXY_PROXY_WAITING); /* it goes on trying */
    assert_true(bleproxy_manager_next_attempt_ns(seen.manager) > bleproxy_loop_now_ns(seen.loop));
    end(&seen);
    assert_int_equal(seen.n_started, 1);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_wrong_key_is_told_and_tried_again(void **state)
{
    (void)state;
    failing("2026.8", key, other_key_text, BLEPROXY_E_INVALID_KEY);
}

static void test_a_missing_key_is_told(void **state)
{
    (void)state;
    failing("2025.8", key, NULL, BLEPROXY_E_REQUIRES_ENCRYPTION);
}

static void test_a_key_never_falls_back_to_plaintext(void **state)
{
    (void)state;
    failing("2023.6", NULL, key_text, BLEPROXY_E_ENCRYPTION_PLAINTEXT);
}

static void test_configurations_that_can_never_work_are_refused(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    const struct bleproxy_proxy_config configs[] = {
        {.address = "127.0.0.1", .noise_psk = ""},
        {.address = "127.0.0.1", .noise_psk = "not base64"},
        {.address = "127.0.0.1", .noise_psk = "AAEC"},
        {.address = ""},
        {0},
    };
    const int expected[] = {BLEPROXY_E_INVALID_KEY, BLEPROXY_E_INVALID_KEY, BLEPROXY_E_INVALID_KEY,
                            BLEPROXY_E_INVALID, BLEPROXY_E_INVALID};
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        assert_int_equal(bleproxy_manager_new(seen.hub, &configs[i], &seen.manager), expected[i]);
        assert_int_equal(bleproxy_client_new(seen.loop, &configs[i], &seen.client), expected[i]);
    }
    teardown(&seen);
}

/* A port that nobody listens on. */
static uint16_t closed_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void on_many(void *user, size_t n_connected)
{
    struct seen *seen = user;
    seen->many = n_connected;
    seen->n_done++;
    bleproxy_loop_stop(seen->loop);
}

static void test_many_start_with_one_time_limit_and_the_late_go_on(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen;
    setup(&seen);
    struct bleproxy_manager *managers[2];
    const struct bleproxy_proxy_config good = {.address = "127.0.0.1", .port = proxy.port},
                                       bad = {.address = "127.0.0.1", .port = closed_port()};
    assert_int_equal(bleproxy_manager_new(seen.hub, &good, &managers[0]), 0);
    assert_int_equal(bleproxy_manager_new(seen.hub, &bad, &managers[1]), 0);
    assert_int_equal(bleproxy_managers_start(managers, 2, 1000, on_many, &seen), 0);
    run_until(seen.loop, &seen.n_done, 1);
    assert_int_equal(seen.many, 1);
    assert_int_equal(bleproxy_manager_state(managers[0]), BLEPROXY_PROXY_READY);
    assert_int_not_equal(bleproxy_manager_state(managers[1]), BLEPROXY_PROXY_STOPPED);
    assert_int_equal(bleproxy_managers_start(managers, 2, 1000, on_many, &seen), BLEPROXY_E_STATE);
    const char *text;
    assert_int_equal(bleproxy_manager_last_error(managers[1], &text), BLEPROXY_E_CONNECT);
    assert_true(*text);
    bleproxy_manager_free(managers[0]);
    bleproxy_manager_free(managers[1]);
    assert_int_equal(seen.n_done, 1);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_cancelling_a_start_is_not_its_abortion(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    struct virtual_proxy nobody = {.port = closed_port()};
    begin(&seen, &nobody, NULL);
    bleproxy_manager_cancel_start(seen.manager);
    assert_int_equal(seen.n_started, 1);
    assert_int_equal(seen.started, BLEPROXY_E_CANCELLED);
    end(&seen);
    assert_int_equal(seen.n_started, 1);
    teardown(&seen);
}

static void test_a_lost_proxy_is_connected_again(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2025.8", NULL, false);
    struct seen seen;
    setup(&seen);
    begin(&seen, &proxy, NULL);
    run_until(seen.loop, &seen.n_ready, 1);
    kill(proxy.pid, SIGKILL);
    virtual_proxy_stop(&proxy, SIGKILL);
    run_until(seen.loop, &seen.n_failed, 1);
    assert_null(bleproxy_manager_scanner(seen.manager));
    end(&seen);
    teardown(&seen);
}

/* Frees everything there is from within an advertisement. */
static void free_all(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)advertisement;
    struct seen *seen = user;
    bleproxy_subscription_free(seen->subscription);
    bleproxy_manager_free(seen->manager);
    bleproxy_hub_free(seen->hub);
    seen->hub = NULL;
    seen->n_adverts++;
    bleproxy_loop_stop(seen->loop);
}

static void test_everything_may_be_freed_in_a_callback(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", key, false);
    struct seen seen;
    setup(&seen);
    assert_int_equal(
        bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, free_all, &seen, &seen.subscription),
        0);
    begin(&seen, &proxy, key_text);
    run_until(seen.loop, &seen.n_adverts, 1);
    assert_int_equal(seen.n_adverts, 1);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void on_connected(void *user, int error, const char *text)
{
    struct seen *seen = user;
    seen->n_connected++;
    seen->connected = error;
    if (text)
        snprintf(seen->text, sizeof(seen->text), "%s", text);
    bleproxy_loop_stop(seen->loop);
}

static void on_fired(void *user)
{
    struct seen *seen = user;
    assert_false(bleproxy_scanner_is_available(seen->scanner));
    seen->n_fired++;
}

/* The caller's duties when the connection is lost. */
static void on_disconnected(void *user, int error, const char *text)
{
    (void)text;
    struct seen *seen = user;
    seen->n_disconnected++;
    seen->disconnected = error;
    if (seen->scanner) {
        bleproxy_scanner_set_unavailable(seen->scanner);
        bleproxy_disconnect_set_fire(bleproxy_scanner_disconnect_set(seen->scanner));
        bleproxy_hub_unregister_scanner(seen->hub, seen->scanner);
    }
    bleproxy_loop_stop(seen->loop);
}

static void on_info(void *user, int error, const struct bleproxy_device_info *info)
{
    struct seen *seen = user;
    seen->n_done++;
    seen->error = error;
    if (error == 0) {
        seen->features = info->features;
        assert_int_equal(bleproxy_connect_scanner(seen->client, info, true, &seen->scanner), 0);
        assert_int_equal(bleproxy_connect_scanner(seen->client, info, true, &seen->scanner),
                         BLEPROXY_E_STATE);
        struct bleproxy_disconnect_set *set;
        assert_int_equal(bleproxy_disconnect_set_new(seen->loop, &set), 0);
        assert_int_equal(bleproxy_scanner_set_disconnect_set(seen->scanner, set), 0);
        assert_int_equal(bleproxy_disconnect_set_add(set, on_fired, seen), 0);
        bleproxy_scanner_setup(seen->scanner);
        assert_int_equal(bleproxy_scanner_set_disconnect_set(seen->scanner, set), BLEPROXY_E_STATE);
        bleproxy_disconnect_set_unref(set);
        assert_int_equal(bleproxy_hub_register_scanner(seen->hub, seen->scanner), 0);
    }
    bleproxy_loop_stop(seen->loop);
}

static void on_pong(void *user, int error, uint64_t round_trip_ns)
{
    struct seen *seen = user;
    seen->n_done++;
    seen->error = error;
    seen->round_trip_ns = round_trip_ns;
    bleproxy_loop_stop(seen->loop);
}

static void on_slots(void *user, int error, const struct bleproxy_slots *slots)
{
    struct seen *seen = user;
    seen->n_done++;
    seen->error = error;
    if (slots)
        seen->slots_free = slots->free;
    bleproxy_loop_stop(seen->loop);
}

static void connect_client(struct seen *seen, uint16_t port, const char *psk)
{
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = port, .noise_psk = psk};
    assert_int_equal(bleproxy_client_new(seen->loop, &config, &seen->client), 0);
    assert_int_equal(bleproxy_client_ping(seen->client, on_pong, seen), BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(bleproxy_client_connect(seen->client, on_connected, on_disconnected, seen), 0);
    assert_int_equal(bleproxy_client_connect(seen->client, on_connected, on_disconnected, seen),
                     BLEPROXY_E_STATE);
    run_until(seen->loop, &seen->n_connected, 1);
}

static void test_connect_scanner_leaves_its_duties_to_the_caller(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", key, false);
    struct seen seen;
    setup(&seen);
    assert_int_equal(
        bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_OWNER, NULL, on_advert, &seen, &seen.subscription),
        0);
    connect_client(&seen, proxy.port, key_text);
    assert_int_equal(seen.connected, 0);
    assert_int_equal(bleproxy_client_device_info(seen.client, on_info, &seen), 0);
    run_until(seen.loop, &seen.n_done, 1);
    assert_int_equal(seen.error, 0);
    assert_int_equal(seen.features, 0xff);
    run_until(seen.loop, &seen.n_adverts, 5);
    assert_int_equal(bleproxy_client_ping(seen.client, on_pong, &seen), 0);
    run_until(seen.loop, &seen.n_done, 2);
    assert_int_equal(seen.error, 0);
    assert_true(seen.round_trip_ns > 0);
    assert_int_equal(bleproxy_client_slots(seen.client, on_slots, &seen), 0);
    run_until(seen.loop, &seen.n_done, 3);
    assert_int_equal(seen.slots_free, 3);
    assert_int_equal(bleproxy_scanner_state(seen.scanner), BLEPROXY_SCANNER_RUNNING);
    assert_int_equal(bleproxy_client_disconnect(seen.client), 0);
    run_until(seen.loop, &seen.n_disconnected, 1);
    assert_int_equal(seen.disconnected, 0);
    assert_int_equal(seen.n_fired, 1);
    assert_int_equal(bleproxy_scanner_set_mode(seen.scanner, BLEPROXY_MODE_ACTIVE), BLEPROXY_E_NOT_CONNECTED);
    bleproxy_scanner_free(seen.scanner);
    bleproxy_client_free(seen.client);
    bleproxy_subscription_free(seen.subscription);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_keys_are_made_and_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {BLEPROXY_KEY_NONE, "", "AAEC",
                                      "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA!"};
    char one[BLEPROXY_KEY_TEXT_SIZE], two[BLEPROXY_KEY_TEXT_SIZE];
    bleproxy_key_generate(one);
    bleproxy_key_generate(two);
    assert_string_not_equal(one, two);
    assert_int_equal(strlen(one), 44);
    assert_int_equal(bleproxy_key_check(one), 0);
    assert_int_equal(bleproxy_key_check(two), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(bleproxy_key_check(bad[i]), BLEPROXY_E_INVALID_KEY);
}

static void on_set(void *user, int error)
{
    struct seen *seen = user;
    seen->n_done++;
    seen->error = error;
    bleproxy_loop_stop(seen->loop);
}

static void test_a_key_that_is_the_devices_own_is_not_replaced(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", key, false);
    char text[BLEPROXY_KEY_TEXT_SIZE];
    struct seen seen;
    setup(&seen);
    bleproxy_key_generate(text);
    connect_client(&seen, proxy.port, key_text);
    assert_int_equal(bleproxy_client_set_key(seen.client, BLEPROXY_KEY_NONE, on_set, &seen),
                     BLEPROXY_E_INVALID_KEY);
    assert_int_equal(bleproxy_client_set_key(seen.client, text, on_set, &seen), 0);
    run_until(seen.loop, &seen.n_done, 1);
    assert_int_equal(seen.error, BLEPROXY_E_REFUSED);
    assert_int_equal(bleproxy_client_set_key(seen.client, text, on_set, &seen), 0);
    bleproxy_client_free(seen.client);
    assert_int_equal(seen.n_done, 2);
    assert_int_equal(seen.error, BLEPROXY_E_CANCELLED);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_client_is_freed_before_its_scanner(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2023.6", NULL, false);
    struct seen seen;
    setup(&seen);
    connect_client(&seen, proxy.port, NULL);
    assert_int_equal(bleproxy_client_device_info(seen.client, on_info, &seen), 0);
    run_until(seen.loop, &seen.n_done, 1);
    assert_int_equal(bleproxy_client_ping(seen.client, on_pong, &seen), 0);
    bleproxy_client_free(seen.client);
    assert_int_equal(seen.n_done, 2); /* the ping's answer, once */
    assert_int_equal(seen.error, BLEPROXY_E_CANCELLED);
    bleproxy_scanner_free(seen.scanner);
    assert_int_equal(seen.n_disconnected, 0);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_client_is_told_why_it_could_not_connect(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    connect_client(&seen, closed_port(), NULL);
    assert_int_equal(seen.connected, BLEPROXY_E_CONNECT);
    assert_non_null(strstr(seen.text, "refused"));
    assert_int_equal(seen.n_disconnected, 0);
    bleproxy_client_free(seen.client);
    teardown(&seen);
}

static void test_a_foreign_loop_needs_one_descriptor_and_a_timeout(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen;
    setup(&seen);
    assert_int_equal(
        bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, on_advert, &seen, &seen.subscription),
        0);
    begin(&seen, &proxy, NULL);
    struct pollfd fd = {.fd = bleproxy_loop_fd(seen.loop), .events = POLLIN};
    for (int turns = 0; seen.n_adverts < 10; turns++) {
        assert_true(turns < 10000);
        assert_true(poll(&fd, 1, bleproxy_loop_timeout_ms(seen.loop)) >= 0);
        bleproxy_loop_process(seen.loop);
    }
    end(&seen);
    bleproxy_subscription_free(seen.subscription);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_the_blocking_layer_listens_and_finds(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", key, false);
    const struct bleproxy_proxy_config config = {
        .address = "127.0.0.1", .port = proxy.port, .noise_psk = key_text};
    struct bleproxy_radio *radio;
    struct bleproxy_advertisement *found;
    size_t connected;
    assert_int_equal(bleproxy_radio_open(&config, 1, NULL, 10000, &connected, &radio), 0);
    assert_int_equal(connected, 1);
    const struct bleproxy_filter near = {.rssi_min_dbm = -100};
    assert_int_equal(bleproxy_radio_find(radio, &near, 10000, &found), 0);
    assert_true(found->rssi_dbm >= -100);
    bleproxy_advertisement_free(found);
    const struct bleproxy_filter nobody = {.name = "nobody is called that"};
    assert_int_equal(bleproxy_radio_find(radio, &nobody, 50, &found), BLEPROXY_E_NOT_FOUND);
    bleproxy_radio_listen(radio, 300);
    assert_true(bleproxy_hub_n_devices(bleproxy_radio_hub(radio)) > 0);
    bleproxy_radio_close(radio);
    const struct bleproxy_proxy_config bad = {.address = "127.0.0.1", .noise_psk = ""};
    assert_int_equal(bleproxy_radio_open(&bad, 1, NULL, 10000, NULL, &radio), BLEPROXY_E_INVALID_KEY);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_gathering_holds_back_advertisements_and_no_answer(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", key, false);
    struct seen seen = {0};
    assert_int_equal(bleproxy_loop_new(&(struct bleproxy_loop_options){.gather_ms = 1001}, &seen.loop),
                     BLEPROXY_E_INVALID);
    assert_int_equal(bleproxy_loop_new(&(struct bleproxy_loop_options){.gather_ms = 1000}, &seen.loop), 0);
    assert_int_equal(bleproxy_hub_new(seen.loop, NULL, &seen.hub), 0);
    assert_int_equal(
        bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, on_advert, &seen, &seen.subscription),
        0);
    connect_client(&seen, proxy.port, key_text);
    assert_int_equal(bleproxy_client_device_info(seen.client, on_info, &seen), 0);
    run_until(seen.loop, &seen.n_done, 1);
    run_until(seen.loop, &seen.n_adverts, 10); /* by now it gathers */
    for (int i = 0; i < 5; i++) {
        seen.n_done = 0;
        assert_int_equal(bleproxy_client_ping(seen.client, on_pong, &seen), 0);
        run_until(seen.loop, &seen.n_done, 1);
        assert_int_equal(seen.error, 0);
        assert_true(seen.round_trip_ns < UINT64_C(900000000)); /* not a round of gathering */
    }
    run_until(seen.loop, &seen.n_adverts, seen.n_adverts + 20);
    bleproxy_scanner_free(seen.scanner);
    bleproxy_client_free(seen.client);
    bleproxy_subscription_free(seen.subscription);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_proxy_that_resets_while_we_write_ends_nothing(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    const struct virtual_proxy proxy = {.port = ntohs(address.sin_port)};
    begin(&seen, &proxy, NULL);
    for (int resets = 0; resets < 2;) {
        bleproxy_loop_run(seen.loop); /* returns at each change of state */
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        /* Hello, then a ping to be answered, then a reset under the answer. */
        static const uint8_t bytes[] = {0x00, 0x02, 0x02, 0x08, 0x01, 0x00, 0x00, 0x07, 0x00, 0x00, 0x24};
        assert_int_equal(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
        const struct linger now = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close(fd);
        resets++;
    }
    run_until(seen.loop, &seen.n_failed, 2);
    end(&seen);
    close(listener);
    teardown(&seen);
}

static void test_a_nasty_proxy_ends_nothing(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2025.8", key, true);
    struct seen seen;
    setup(&seen);
    begin(&seen, &proxy, key_text);
    run_until(seen.loop, &seen.n_started, 1);
    end(&seen);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void uv_stopped(void *user, int error)
{
    (void)error;
    struct seen *seen = user;
    bleproxy_manager_free(seen->manager);
    bleproxy_hub_free(seen->hub);
    bleproxy_loop_free(seen->loop);
}

static void uv_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    seen->n_done++;
    seen->error = error;
    assert_true(error || advertisement);
    bleproxy_manager_stop(seen->manager, uv_stopped, seen);
}

static void test_a_callers_uv_loop_carries_everything(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen = {0};
    struct bleproxy_search *search;
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(bleproxy_loop_new_uv(&uv, NULL, &seen.loop), 0);
    assert_int_equal(bleproxy_hub_new(seen.loop, NULL, &seen.hub), 0);
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = proxy.port};
    assert_int_equal(bleproxy_manager_new(seen.hub, &config, &seen.manager), 0);
    assert_int_equal(bleproxy_manager_start(seen.manager, NULL, NULL), 0);
    assert_int_equal(bleproxy_hub_find(seen.hub, NULL, 10000, uv_found, &seen, &search), 0);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(seen.n_done, 1);
    assert_int_equal(seen.error, 0);
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_name_that_does_not_resolve_is_told(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    const struct bleproxy_proxy_config config = {.address = "no-such-host.invalid"};
    assert_int_equal(bleproxy_client_new(seen.loop, &config, &seen.client), 0);
    assert_int_equal(bleproxy_client_connect(seen.client, on_connected, NULL, &seen), 0);
    run_until(seen.loop, &seen.n_connected, 1);
    assert_int_equal(seen.connected, BLEPROXY_E_RESOLVE);
    bleproxy_client_free(seen.client);
    /* And one that is given up while it is looked up. */
    assert_int_equal(bleproxy_client_new(seen.loop, &config, &seen.client), 0);
    assert_int_equal(bleproxy_client_connect(seen.client, on_connected, NULL, &seen), 0);
    bleproxy_client_free(seen.client);
    assert_int_equal(seen.n_connected, 1);
    teardown(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plaintext_proxy_is_heard),
        cmocka_unit_test(test_an_encrypted_proxy_is_heard),
        cmocka_unit_test(test_firmware_that_decodes_advertisements_is_heard),
        cmocka_unit_test(test_a_wrong_key_is_told_and_tried_again),
        cmocka_unit_test(test_a_missing_key_is_told),
        cmocka_unit_test(test_a_key_never_falls_back_to_plaintext),
        cmocka_unit_test(test_configurations_that_can_never_work_are_refused),
        cmocka_unit_test(test_many_start_with_one_time_limit_and_the_late_go_on),
        cmocka_unit_test(test_cancelling_a_start_is_not_its_abortion),
        cmocka_unit_test(test_a_lost_proxy_is_connected_again),
        cmocka_unit_test(test_everything_may_be_freed_in_a_callback),
        cmocka_unit_test(test_connect_scanner_leaves_its_duties_to_the_caller),
        cmocka_unit_test(test_keys_are_made_and_checked),
        cmocka_unit_test(test_a_key_that_is_the_devices_own_is_not_replaced),
        cmocka_unit_test(test_a_client_is_freed_before_its_scanner),
        cmocka_unit_test(test_a_client_is_told_why_it_could_not_connect),
        cmocka_unit_test(test_a_foreign_loop_needs_one_descriptor_and_a_timeout),
        cmocka_unit_test(test_the_blocking_layer_listens_and_finds),
        cmocka_unit_test(test_gathering_holds_back_advertisements_and_no_answer),
        cmocka_unit_test(test_a_proxy_that_resets_while_we_write_ends_nothing),
        cmocka_unit_test(test_a_nasty_proxy_ends_nothing),
        cmocka_unit_test(test_a_callers_uv_loop_carries_everything),
        cmocka_unit_test(test_a_name_that_does_not_resolve_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
