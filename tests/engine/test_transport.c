/* SPDX-License-Identifier: MIT */
/* What a program learns of connections that end badly, and of sockets that refuse: against devices that play
 * a script. */
#include "patience.h"
#include "support.h"

#include <arpa/inet.h>
#include <bleproxy/bleproxy.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELLO      "0016020801100f1a08323032362e382e3022067670726f7879"
#define GOODBYE    "000005"
#define KEY        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define NOISE_SIZE 55 /* a client's first write when it encrypts */

/* The C library's, with receive buffers over a limit refused. */
static int receive_buffer_limit, receive_buffer;

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    if (level == SOL_SOCKET && name == SO_RCVBUF) {
        int asked;
        memcpy(&asked, value, sizeof(asked));
        if (asked > receive_buffer_limit) {
            errno = ENOBUFS;
            return -1;
        }
        receive_buffer = asked;
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

/* A device in a process of its own: it sends its bytes, waits until it has received as many as it should, and
 * leaves, with a reset or without. Its exit code: whether the client has left before that, with a reset or without. */
enum { DEVICE_LEFT_FIRST = 0, DEVICE_SAW_END = 2, DEVICE_SAW_RESET = 3 };
struct device {
    pid_t pid;
    uint16_t port;
};

static void play(int listener, const char *says, size_t awaits, bool resets)
{
    uint8_t bytes[256];
    size_t n;
    int fd = accept(listener, NULL, NULL);
    const uint8_t *reply = hex(says, &n);
    if (fd < 0 || send(fd, reply, n, MSG_NOSIGNAL) < 0)
        _exit(1);
    while (awaits > 0) {
        ssize_t got = recv(fd, bytes, awaits < sizeof(bytes) ? awaits : sizeof(bytes), 0);
        if (got <= 0)
            _exit(got == 0 ? DEVICE_SAW_END : errno == ECONNRESET ? DEVICE_SAW_RESET : 1);
        awaits -= (size_t)got;
    }
    const struct linger at_once = {.l_onoff = resets};
    if (resets)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
    _exit(DEVICE_LEFT_FIRST);
}

static struct device device_start(const char *says, size_t awaits, bool resets)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    fflush(NULL);
    struct device device = {.pid = fork(), .port = ntohs(address.sin_port)};
    assert_true(device.pid >= 0);
    if (device.pid == 0)
        play(listener, says, awaits, resets);
    close(listener);
    return device;
}

static void device_stop(const struct device *device)
{
    kill(device->pid, SIGKILL);
    waitpid(device->pid, NULL, 0);
}

static int device_wait(const struct device *device)
{
    int status;
    assert_int_equal(waitpid(device->pid, &status, 0), device->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

struct seen {
    struct bleproxy_loop *loop;
    struct bleproxy_client *client;
    int n_connected, connected, n_disconnected, disconnected, n_pongs, pong, n_warnings;
    char text[256], warning[256];
};

static void on_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                   const char *text)
{
    struct seen *seen = user;
    (void)room, (void)proxy;
    if (level != BLEPROXY_LOG_WARNING)
        return;
    seen->n_warnings++;
    snprintf(seen->warning, sizeof(seen->warning), "%s", text);
}

static int setup(void **state)
{
    static struct seen seen;
    seen = (struct seen){0};
    receive_buffer_limit = 1 << 30;
    receive_buffer = 0;
    const struct bleproxy_loop_options options = {
        .on_log = on_log, .log_user = &seen, .log_level = BLEPROXY_LOG_WARNING};
    assert_int_equal(bleproxy_loop_new(&options, &seen.loop), 0);
    *state = &seen;
    return 0;
}

static int teardown(void **state)
{
    struct seen *seen = *state;
    bleproxy_client_free(seen->client);
    bleproxy_loop_free(seen->loop);
    return 0;
}

static void on_connected(void *user, int error, const char *text)
{
    struct seen *seen = user;
    seen->n_connected++;
    seen->connected = error;
    snprintf(seen->text, sizeof(seen->text), "%s", text ? text : "");
    bleproxy_loop_stop(seen->loop);
}

static void on_disconnected(void *user, int error, const char *text)
{
    struct seen *seen = user;
    seen->n_disconnected++;
    seen->disconnected = error;
    snprintf(seen->text, sizeof(seen->text), "%s", text);
    bleproxy_loop_stop(seen->loop);
}

static void on_pong(void *user, int error, uint64_t round_trip_ns)
{
    struct seen *seen = user;
    (void)round_trip_ns;
    seen->n_pongs++;
    seen->pong = error;
}

static void begin(struct seen *seen, const struct device *device, const char *psk)
{
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1",
                                                 .port = device->port,
                                                 .name = "kitchen",
                                                 .noise_psk = psk,
                                                 .client_info = "c"};
    assert_int_equal(bleproxy_client_new(seen->loop, &config, &seen->client), 0);
    assert_int_equal(bleproxy_client_connect(seen->client, on_connected, on_disconnected, seen), 0);
}

static void connect_to(struct seen *seen, const struct device *device, const char *psk)
{
    begin(seen, device, psk);
    run_until(seen->loop, &seen->n_connected, 1);
}

/* A device that takes everything and says nothing: each limit in turn is the one that ends the attempt. */
static void expect_timeout(struct seen *seen, const char *psk, struct bleproxy_timeouts timeouts)
{
    struct device device = device_start("", 1 << 20, false);
    const struct bleproxy_proxy_config config = {
        .address = "127.0.0.1", .port = device.port, .noise_psk = psk, .timeouts = timeouts};
    seen->n_connected = 0;
    assert_int_equal(bleproxy_client_new(seen->loop, &config, &seen->client), 0);
    assert_int_equal(bleproxy_client_connect(seen->client, on_connected, on_disconnected, seen), 0);
    run_until(seen->loop, &seen->n_connected, 1);
    assert_int_equal(seen->connected, BLEPROXY_E_TIMEOUT);
    bleproxy_client_free(seen->client);
    seen->client = NULL;
    device_stop(&device);
}

static void test_time_limits_are_the_programs(void **state)
{
    expect_timeout(*state, KEY, (struct bleproxy_timeouts){.handshake_ms = 50});
    expect_timeout(*state, NULL, (struct bleproxy_timeouts){.hello_ms = 50});
}

static void test_case_10_reset_before_the_noise_hello(void **state)
{
    struct seen *seen = *state;
    struct device device = device_start("", NOISE_SIZE, true);
    connect_to(seen, &device, KEY);
    assert_int_equal(seen->connected, BLEPROXY_E_ENCRYPTION_HELLO);
    assert_non_null(strstr(seen->text, "kitchen broke off before encryption began"));
    assert_int_equal(seen->n_disconnected, 0);
    device_stop(&device);
}

static void test_end_before_the_noise_hello(void **state)
{
    struct seen *seen = *state;
    struct device device = device_start("", NOISE_SIZE, false);
    connect_to(seen, &device, KEY);
    assert_int_equal(seen->connected, BLEPROXY_E_CLOSED);
    device_stop(&device);
}

static void test_case_28_goodbye_before_the_hello_is_no_connection(void **state)
{
    struct seen *seen = *state;
    struct device device = device_start(GOODBYE, 1000, false);
    connect_to(seen, &device, NULL);
    assert_int_equal(seen->connected, BLEPROXY_E_CLOSED);
    assert_string_equal(seen->text, "kitchen asked to be disconnected");
    assert_int_equal(seen->n_disconnected, 0);
    device_stop(&device);
}

/* 0012 of a hello by "c", a login, and a ping. */
enum { HELLO_SIZE = 10, LOGIN_SIZE = 3, PING_SIZE = 3 };

static void lose_under_a_request(struct seen *seen, bool resets)
{
    struct device device = device_start(HELLO, HELLO_SIZE + LOGIN_SIZE + PING_SIZE, resets);
    connect_to(seen, &device, NULL);
    assert_int_equal(seen->connected, 0);
    assert_int_equal(bleproxy_client_ping(seen->client, on_pong, seen), 0);
    run_until(seen->loop, &seen->n_disconnected, 1);
    assert_int_equal(seen->disconnected, BLEPROXY_E_CLOSED);
    assert_int_equal(seen->n_pongs, 1);
    device_stop(&device);
}

static void test_case_32_end_fails_requests_as_the_session(void **state)
{
    struct seen *seen = *state;
    lose_under_a_request(seen, false);
    assert_int_equal(seen->pong, BLEPROXY_E_CLOSED);
    assert_non_null(strstr(seen->text, "kitchen closed the connection"));
}

static void test_case_32_reset_fails_requests_for_a_reason_of_their_own(void **state)
{
    struct seen *seen = *state;
    lose_under_a_request(seen, true);
    assert_int_equal(seen->pong, BLEPROXY_E_REQUEST_FAILED);
    assert_non_null(strstr(seen->text, "kitchen was lost"));
}

static void test_a_session_that_stops_answering_is_reset(void **state)
{
    struct seen *seen = *state;
    struct device device = device_start(HELLO, 1 << 20, false);
    const struct bleproxy_proxy_config config = {
        .address = "127.0.0.1", .port = device.port, .timeouts = {.ping_ms = 20, .dead_ms = 50}};
    assert_int_equal(bleproxy_client_new(seen->loop, &config, &seen->client), 0);
    assert_int_equal(bleproxy_client_connect(seen->client, on_connected, on_disconnected, seen), 0);
    run_until(seen->loop, &seen->n_disconnected, 1);
    assert_int_equal(seen->disconnected, BLEPROXY_E_PING);
    assert_int_equal(device_wait(&device), DEVICE_SAW_RESET);
}

static void test_a_session_that_ends_in_order_is_not_reset(void **state)
{
    struct seen *seen = *state;
    struct device device = device_start(HELLO GOODBYE, 1 << 20, false);
    connect_to(seen, &device, NULL);
    run_until(seen->loop, &seen->n_disconnected, 1);
    assert_int_equal(seen->disconnected, 0);
    assert_int_equal(device_wait(&device), DEVICE_SAW_END);
}

static void test_case_34_receive_buffer_over_256_kib_refused(void **state)
{
    struct seen *seen = *state;
    receive_buffer_limit = 256 * 1024;
    struct device device = device_start(HELLO, 1000, false);
    connect_to(seen, &device, NULL);
    assert_int_equal(seen->connected, 0);
    assert_int_equal(receive_buffer, 256 * 1024);
    assert_int_equal(seen->n_warnings, 0);
    device_stop(&device);
}

static void test_case_34_every_receive_buffer_refused_is_a_warning_only(void **state)
{
    struct seen *seen = *state;
    receive_buffer_limit = 0;
    struct device device = device_start(HELLO, 1000, false);
    connect_to(seen, &device, NULL);
    assert_int_equal(seen->connected, 0);
    assert_int_equal(receive_buffer, 0);
    assert_int_equal(seen->n_warnings, 1);
    assert_non_null(strstr(seen->warning, "128 KiB"));
    device_stop(&device);
}

static void test_receive_buffer_is_2_mib_where_that_is_allowed(void **state)
{
    struct seen *seen = *state;
    struct device device = device_start(HELLO, 1000, false);
    connect_to(seen, &device, NULL);
    assert_int_equal(receive_buffer, 2 * 1024 * 1024);
    device_stop(&device);
}

static void test_case_35_client_connects_once(void **state)
{
    struct seen *seen = *state;
    struct device device = device_start(HELLO, HELLO_SIZE + LOGIN_SIZE, false);
    begin(seen, &device, NULL);
    assert_int_equal(bleproxy_client_connect(seen->client, on_connected, on_disconnected, seen),
                     BLEPROXY_E_STATE);
    assert_int_equal(bleproxy_client_ping(seen->client, on_pong, seen), BLEPROXY_E_NOT_CONNECTED);
    run_until(seen->loop, &seen->n_disconnected, 1);
    assert_int_equal(bleproxy_client_connect(seen->client, on_connected, on_disconnected, seen),
                     BLEPROXY_E_STATE);
    assert_int_equal(bleproxy_client_ping(seen->client, on_pong, seen), BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(bleproxy_client_disconnect(seen->client), BLEPROXY_E_NOT_CONNECTED);
    assert_int_equal(seen->n_connected, 1);
    assert_int_equal(seen->n_pongs, 0);
    device_stop(&device);
}

static void stop_loop(void *user)
{
    const struct seen *seen = user;
    bleproxy_loop_stop(seen->loop);
}

/* At once, and with the first bytes written. */
static void test_case_36_freeing_a_client_that_connects_cancels_it(void **state)
{
    struct seen *seen = *state;
    for (int turns = 0; turns < 2; turns++) {
        struct device device = device_start("", 1000, false);
        struct bleproxy_timer *timer;
        begin(seen, &device, KEY);
        assert_int_equal(bleproxy_timer_new(seen->loop, 20, 0, stop_loop, seen, &timer), 0);
        if (turns > 0)
            bleproxy_loop_run(seen->loop);
        bleproxy_client_free(seen->client);
        seen->client = NULL;
        if (turns == 0)
            bleproxy_loop_run(seen->loop);
        bleproxy_timer_free(timer);
        assert_int_equal(seen->n_connected + seen->n_disconnected, 0);
        device_stop(&device);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_time_limits_are_the_programs),
        TEST(test_case_10_reset_before_the_noise_hello),
        TEST(test_end_before_the_noise_hello),
        TEST(test_case_28_goodbye_before_the_hello_is_no_connection),
        TEST(test_case_32_end_fails_requests_as_the_session),
        TEST(test_case_32_reset_fails_requests_for_a_reason_of_their_own),
        TEST(test_a_session_that_stops_answering_is_reset),
        TEST(test_a_session_that_ends_in_order_is_not_reset),
        TEST(test_case_34_receive_buffer_over_256_kib_refused),
        TEST(test_case_34_every_receive_buffer_refused_is_a_warning_only),
        TEST(test_receive_buffer_is_2_mib_where_that_is_allowed),
        TEST(test_case_35_client_connects_once),
        TEST(test_case_36_freeing_a_client_that_connects_cancels_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
