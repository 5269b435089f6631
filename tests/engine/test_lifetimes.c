/* SPDX-License-Identifier: MIT */
/* Programs that free, stop and start things at the wrong moment, and peers that end things at the wrong
 * moment. */
#include "engine/hub.h"
#include "patience.h"
#include "support.h"
#include "virtual_proxy.h"

#include <arpa/inet.h>
#include <bleproxy/bleproxy.h>
#include <bleproxy/blocking.h>
#include <bleproxy/uv.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct seen {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_client *client;
    struct bleproxy_scanner *scanner;
    struct bleproxy_subscription *subscription;
    struct bleproxy_peripheral *peripheral;
    bool inside; /* a call of ours is on the stack: "never from within" */
    bool then_free;
    int n_calls, n_other, n_adverts, error, then;
};

static void setup(struct seen *seen)
{
    *seen = (struct seen){.error = 1, .then = 1};
    assert_int_equal(bleproxy_loop_new(NULL, &seen->loop), 0);
    assert_int_equal(bleproxy_hub_new(seen->loop, NULL, &seen->hub), 0);
}

static void teardown(struct seen *seen)
{
    bleproxy_hub_free(seen->hub);
    bleproxy_loop_free(seen->loop);
}

static void on_pause_over(void *user)
{
    struct seen *seen = user;
    bleproxy_loop_stop(seen->loop);
}

static void run_for(struct seen *seen, uint32_t ms)
{
    struct bleproxy_timer *timer;
    assert_int_equal(bleproxy_timer_new(seen->loop, ms, 0, on_pause_over, seen, &timer), 0);
    bleproxy_loop_run(seen->loop);
    bleproxy_timer_free(timer);
}

/* A plaintext peer in this process. It accepts one connection, later sends it what it was given, and may
 * reset it in the same breath. */
struct peer {
    struct seen *seen;
    int listener, fd;
    uint16_t port;
    struct bleproxy_timer *timer;
    const uint8_t *bytes;
    size_t size;
    bool reset;
};

static void peer_reset(struct peer *peer)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(peer->fd);
    peer->fd = -1;
}

static void peer_turn(void *user)
{
    struct peer *peer = user;
    if (peer->fd < 0) {
        peer->fd = accept(peer->listener, NULL, NULL);
        return;
    }
    uint8_t request[512]; /* once it has been greeted, the client is connected for sure */
    if (recv(peer->fd, request, sizeof(request), MSG_DONTWAIT) <= 0)
        return;
    assert_int_equal(send(peer->fd, peer->bytes, peer->size, MSG_NOSIGNAL), peer->size);
    if (peer->reset)
        peer_reset(peer);
    bleproxy_timer_free(peer->timer);
    peer->timer = NULL;
}

static void peer_start(struct peer *peer, struct seen *seen, const uint8_t *bytes, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof(address);
    *peer = (struct peer){.seen = seen, .fd = -1, .bytes = bytes, .size = size};
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, address_size), 0);
    assert_int_equal(listen(peer->listener, 8), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &address_size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(bleproxy_timer_new(seen->loop, 1, 1, peer_turn, peer, &peer->timer), 0);
}

static void peer_stop(struct peer *peer)
{
    bleproxy_timer_free(peer->timer);
    close(peer->listener);
    if (peer->fd >= 0)
        close(peer->fd);
}

static const uint8_t hello[] = {0x00, 0x02, 0x02, 0x08, 0x01};
/* Hello, a description without anything in it, three decoded advertisements of device 1, all at once. */
static const uint8_t hello_and_adverts[] = {0x00, 0x02, 0x02, 0x08, 0x01, 0x00, 0x00, 0x0a,
                                            0x00, 0x02, 0x43, 0x08, 0x01, 0x00, 0x02, 0x43,
                                            0x08, 0x01, 0x00, 0x02, 0x43, 0x08, 0x01};

static void manage(struct seen *seen, uint16_t port, bleproxy_manager_fn *on_started)
{
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = port};
    assert_int_equal(bleproxy_manager_new(seen->hub, &config, &seen->manager), 0);
    assert_int_equal(bleproxy_manager_start(seen->manager, on_started, seen), 0);
}

static void on_manager(void *user, int error)
{
    struct seen *seen = user;
    assert_false(seen->inside);
    seen->n_calls++;
    seen->error = error;
    bleproxy_loop_stop(seen->loop);
}

static void on_manager_other(void *user, int error)
{
    (void)error;
    struct seen *seen = user;
    assert_false(seen->inside);
    seen->n_other++;
    bleproxy_loop_stop(seen->loop);
}

static int stop_from_outside(struct seen *seen, bleproxy_manager_fn *on_stopped)
{
    seen->inside = true;
    int r = bleproxy_manager_stop(seen->manager, on_stopped, seen);
    seen->inside = false;
    return r;
}

static void test_a_second_stop_does_not_take_the_first_ones_place(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen;
    setup(&seen);
    manage(&seen, proxy.port, on_manager);
    run_until(seen.loop, &seen.n_calls, 1);
    assert_int_equal(stop_from_outside(&seen, on_manager), 0);
    assert_int_equal(stop_from_outside(&seen, on_manager_other), BLEPROXY_E_STATE);
    run_until(seen.loop, &seen.n_calls, 2);
    assert_int_equal(seen.error, 0);
    assert_int_equal(seen.n_other, 0);
    assert_int_equal(stop_from_outside(&seen, on_manager_other), 0); /* after a stop: fine */
    run_until(seen.loop, &seen.n_other, 1);
    bleproxy_manager_free(seen.manager);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_stop_never_completes_from_within(void **state)
{
    (void)state;
    struct seen seen;
    struct peer peer;
    setup(&seen);
    peer_start(&peer, &seen, hello, sizeof(hello));
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = peer.port};
    /* Before the start, while it connects, and unfinished when it is freed. */
    assert_int_equal(bleproxy_manager_new(seen.hub, &config, &seen.manager), 0);
    assert_int_equal(stop_from_outside(&seen, on_manager), 0);
    run_until(seen.loop, &seen.n_calls, 1);
    assert_int_equal(bleproxy_manager_start(seen.manager, NULL, &seen), 0);
    assert_int_equal(stop_from_outside(&seen, on_manager), 0);
    run_until(seen.loop, &seen.n_calls, 2);
    assert_int_equal(stop_from_outside(&seen, on_manager), 0);
    bleproxy_manager_free(seen.manager);
    assert_int_equal(seen.n_calls, 3);
    peer_stop(&peer);
    teardown(&seen);
}

static void free_again(void *user, int error)
{
    struct seen *seen = user;
    seen->n_calls++;
    assert_int_equal(error, BLEPROXY_E_START_ABORTED);
    assert_int_not_equal(bleproxy_manager_state(seen->manager), BLEPROXY_PROXY_READY);
    assert_null(bleproxy_manager_device_info(seen->manager));
    assert_int_equal(bleproxy_manager_start(seen->manager, NULL, NULL), BLEPROXY_E_STATE);
    bleproxy_manager_cancel_start(seen->manager);
    bleproxy_manager_stop(seen->manager, on_manager_other, seen);
    bleproxy_manager_free(seen->manager);
}

static void test_a_manager_is_freed_again_by_the_callback_of_its_free(void **state)
{
    (void)state;
    struct seen seen;
    struct peer peer;
    setup(&seen);
    peer_start(&peer, &seen, hello, sizeof(hello));
    manage(&seen, peer.port, free_again);
    bleproxy_manager_free(seen.manager);
    assert_int_equal(seen.n_calls, 1);
    assert_int_equal(seen.n_other, 1);
    peer_stop(&peer);
    teardown(&seen);
}

static void on_lost(void *user)
{
    struct seen *seen = user;
    seen->n_other++;
}

static void free_manager(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)advertisement;
    struct seen *seen = user;
    if (seen->n_adverts++ == 0) {
        bleproxy_disconnect_set_add(bleproxy_scanner_disconnect_set(bleproxy_manager_scanner(seen->manager)),
                                    on_lost, seen);
        bleproxy_manager_free(seen->manager);
        assert_int_equal(seen->n_other, 1); /* its user may be freed now */
    }
    bleproxy_loop_stop(seen->loop);
}

static void test_nothing_is_heard_of_a_manager_that_is_freed(void **state)
{
    (void)state;
    struct seen seen;
    struct peer peer;
    setup(&seen);
    assert_int_equal(bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, free_manager, &seen,
                                            &seen.subscription),
                     0);
    peer_start(&peer, &seen, hello_and_adverts, sizeof(hello_and_adverts));
    manage(&seen, peer.port, NULL);
    run_until(seen.loop, &seen.n_adverts, 1);
    run_for(&seen, 20);
    assert_int_equal(seen.n_adverts, 1);
    bleproxy_subscription_free(seen.subscription);
    peer_stop(&peer);
    teardown(&seen);
}

static void free_in_state(void *user, enum bleproxy_proxy_state state, int error, const char *text)
{
    (void)error, (void)text;
    struct seen *seen = user;
    if ((int)state == seen->then) {
        seen->n_calls++;
        bleproxy_manager_free(seen->manager);
        bleproxy_loop_stop(seen->loop);
    }
}

static void test_a_manager_is_freed_in_each_change_of_state(void **state)
{
    (void)state;
    static const enum bleproxy_proxy_state states[] = {
        BLEPROXY_PROXY_RESOLVING, BLEPROXY_PROXY_CONNECTING, BLEPROXY_PROXY_HANDSHAKING,
        BLEPROXY_PROXY_READY,     BLEPROXY_PROXY_STOPPING,   BLEPROXY_PROXY_STOPPED,
    };
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct seen seen;
        struct peer peer;
        setup(&seen);
        peer_start(&peer, &seen, hello_and_adverts, sizeof(hello_and_adverts));
        const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = peer.port};
        assert_int_equal(bleproxy_manager_new(seen.hub, &config, &seen.manager), 0);
        bleproxy_manager_watch(seen.manager, free_in_state, &seen);
        seen.then = (int)states[i];
        assert_int_equal(bleproxy_manager_start(seen.manager, on_manager_other, &seen), 0);
        if (states[i] == BLEPROXY_PROXY_STOPPING)
            run_until(seen.loop, &seen.n_other, 1);
        if (states[i] == BLEPROXY_PROXY_STOPPING || states[i] == BLEPROXY_PROXY_STOPPED)
            assert_int_equal(bleproxy_manager_stop(seen.manager, on_manager_other, &seen), 0);
        run_until(seen.loop, &seen.n_calls, 1);
        assert_true(seen.n_other >= 1);
        peer_stop(&peer);
        teardown(&seen);
    }
}

static void on_client(void *user, int error, const char *text)
{
    (void)text;
    struct seen *seen = user;
    assert_false(seen->inside);
    seen->n_calls++;
    seen->error = error;
    bleproxy_loop_stop(seen->loop);
}

static void connect_client(struct seen *seen, const char *host, uint16_t port)
{
    const struct bleproxy_proxy_config config = {.address = host, .port = port};
    assert_int_equal(bleproxy_client_new(seen->loop, &config, &seen->client), 0);
    seen->inside = true;
    assert_int_equal(bleproxy_client_connect(seen->client, on_client, on_client, seen), 0);
    seen->inside = false;
}

/* No descriptor is left to this process until the limit is restored. */
static struct rlimit exhaust_descriptors(void)
{
    struct rlimit limit, few;
    int next = dup(STDIN_FILENO);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = (struct rlimit){(rlim_t)next, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    return limit;
}

static void test_a_connect_that_fails_at_once_is_not_told_from_within(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    struct rlimit limit = exhaust_descriptors();
    connect_client(&seen, "127.0.0.1", 1);
    run_until(seen.loop, &seen.n_calls, 1);
    assert_int_equal(seen.error, BLEPROXY_E_CONNECT);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    bleproxy_client_free(seen.client);
    teardown(&seen);
}

static void test_a_loop_without_descriptors_is_not_out_of_memory(void **state)
{
    (void)state;
    struct bleproxy_loop *loop;
    struct rlimit limit = exhaust_descriptors();
    int r = bleproxy_loop_new(NULL, &loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(r, BLEPROXY_E_IO);
}

static void on_pong(void *user, int error, uint64_t round_trip_ns)
{
    (void)round_trip_ns;
    struct seen *seen = user;
    assert_false(seen->inside);
    seen->n_other++;
    seen->then = error;
    bleproxy_loop_stop(seen->loop);
}

static void test_a_request_on_a_dead_connection_does_not_complete_from_within(void **state)
{
    (void)state;
    struct seen seen;
    struct peer peer;
    setup(&seen);
    peer_start(&peer, &seen, hello, sizeof(hello));
    connect_client(&seen, "127.0.0.1", peer.port);
    run_until(seen.loop, &seen.n_calls, 1);
    assert_int_equal(seen.error, 0);
    peer_reset(&peer);
    seen.inside = true;
    assert_int_equal(bleproxy_client_ping(seen.client, on_pong, &seen), 0);
    seen.inside = false;
    run_until(seen.loop, &seen.n_calls, 2);
    assert_int_equal(seen.n_other, 1);
    assert_int_equal(seen.error, BLEPROXY_E_CLOSED);
    assert_true(seen.then < 0);
    bleproxy_client_free(seen.client);
    peer_stop(&peer);
    teardown(&seen);
}

static void test_a_reset_behind_the_last_bytes_is_noticed(void **state)
{
    (void)state;
    struct seen seen;
    struct peer peer;
    setup(&seen);
    peer_start(&peer, &seen, hello, sizeof(hello));
    peer.reset = true;
    connect_client(&seen, "127.0.0.1", peer.port);
    run_until(seen.loop, &seen.n_calls, 2); /* connected, then lost */
    assert_int_equal(seen.error, BLEPROXY_E_CLOSED);
    bleproxy_client_free(seen.client);
    peer_stop(&peer);
    teardown(&seen);
}

static void free_client(void *user, int error, const char *text)
{
    (void)text;
    struct seen *seen = user;
    seen->error = error;
    if (seen->n_calls++ == seen->then)
        bleproxy_client_free(seen->client);
    bleproxy_loop_stop(seen->loop);
}

static void free_client_at_pong(void *user, int error, uint64_t round_trip_ns)
{
    (void)error, (void)round_trip_ns;
    struct seen *seen = user;
    seen->n_other++;
    assert_int_equal(bleproxy_client_ping(seen->client, free_client_at_pong, seen), BLEPROXY_E_CLOSED);
    bleproxy_client_free(seen->client);
    bleproxy_loop_stop(seen->loop);
}

static void test_a_client_is_freed_in_each_of_its_callbacks(void **state)
{
    (void)state;
    enum { AT_CONNECTED, AT_DISCONNECTED, AT_PONG, AT_FAILED, N_CASES };
    for (int when = 0; when < N_CASES; when++) {
        struct seen seen;
        struct peer peer;
        setup(&seen);
        peer_start(&peer, &seen, hello, sizeof(hello));
        const struct bleproxy_proxy_config config = {.address = "127.0.0.1",
                                                     .port = when == AT_FAILED ? 1 : peer.port};
        assert_int_equal(bleproxy_client_new(seen.loop, &config, &seen.client), 0);
        seen.then = when == AT_DISCONNECTED ? 1 : when == AT_PONG ? -1 : 0;
        assert_int_equal(bleproxy_client_connect(seen.client, free_client, free_client, &seen), 0);
        run_until(seen.loop, &seen.n_calls, 1);
        assert_int_equal(seen.error, when == AT_FAILED ? BLEPROXY_E_CONNECT : 0);
        if (when == AT_DISCONNECTED) {
            peer_reset(&peer);
            run_until(seen.loop, &seen.n_calls, 2);
        }
        if (when == AT_PONG) {
            assert_int_equal(bleproxy_client_ping(seen.client, free_client_at_pong, &seen), 0);
            peer_reset(&peer);
            run_until(seen.loop, &seen.n_other, 1);
            assert_int_equal(seen.n_calls, 1); /* not told of the end */
        }
        run_for(&seen, 5);
        peer_stop(&peer);
        teardown(&seen);
    }
}

static void on_info(void *user, int error, const struct bleproxy_device_info *info)
{
    struct seen *seen = user;
    assert_int_equal(error, 0);
    assert_int_equal(bleproxy_connect_scanner(seen->client, info, true, &seen->scanner), 0);
    bleproxy_scanner_setup(seen->scanner);
    assert_int_equal(bleproxy_hub_register_scanner(seen->hub, seen->scanner), 0);
    seen->n_other++;
    bleproxy_loop_stop(seen->loop);
}

static void scan_with_client(struct seen *seen, uint16_t port)
{
    connect_client(seen, "127.0.0.1", port);
    run_until(seen->loop, &seen->n_calls, 1);
    assert_int_equal(bleproxy_client_device_info(seen->client, on_info, seen), 0);
    run_until(seen->loop, &seen->n_other, 1);
}

enum { THEN_NOTHING, THEN_FREE_SCANNER, THEN_FREE_CLIENT };

static void on_window(void *user, bool opened)
{
    struct seen *seen = user;
    assert_true(opened);
    seen->n_other++;
    if (seen->then == THEN_FREE_SCANNER)
        bleproxy_scanner_free(seen->scanner);
    if (seen->then == THEN_FREE_CLIENT)
        bleproxy_client_free(seen->client);
    bleproxy_loop_stop(seen->loop);
}

static void test_a_clients_window_closes_in_time_and_may_free_its_owner(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    for (int then = THEN_NOTHING; then <= THEN_FREE_CLIENT; then++) {
        struct seen seen;
        setup(&seen);
        scan_with_client(&seen, proxy.port);
        seen.then = then;
        bleproxy_scanner_window(seen.scanner, 50, on_window, &seen);
        run_until(seen.loop, &seen.n_other, 2);
        if (then != THEN_FREE_SCANNER)
            bleproxy_scanner_free(seen.scanner);
        if (then != THEN_FREE_CLIENT)
            bleproxy_client_free(seen.client);
        teardown(&seen);
    }
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_scanner_is_freed_again_by_the_callback_of_its_free(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen;
    setup(&seen);
    scan_with_client(&seen, proxy.port);
    seen.then = THEN_FREE_SCANNER;
    bleproxy_scanner_window(seen.scanner, 60000, on_window, &seen);
    bleproxy_scanner_free(seen.scanner);
    assert_int_equal(seen.n_other, 2);
    bleproxy_client_free(seen.client);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void on_advert(void *user, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    assert_non_null(advertisement->proxy);
    seen->n_adverts++;
    bleproxy_loop_stop(seen->loop);
}

static void test_a_client_has_one_scanner_after_another(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen;
    setup(&seen);
    assert_int_equal(
        bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, on_advert, &seen, &seen.subscription),
        0);
    scan_with_client(&seen, proxy.port);
    run_until(seen.loop, &seen.n_adverts, 1);
    bleproxy_scanner_free(seen.scanner);
    int heard = seen.n_adverts;
    assert_int_equal(bleproxy_client_device_info(seen.client, on_info, &seen), 0);
    run_until(seen.loop, &seen.n_other, 2);
    run_until(seen.loop, &seen.n_adverts, heard + 1);
    bleproxy_scanner_free(seen.scanner);
    bleproxy_client_free(seen.client);
    bleproxy_subscription_free(seen.subscription);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_a_hub_is_freed_before_a_clients_scanner(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen;
    setup(&seen);
    scan_with_client(&seen, proxy.port);
    bleproxy_hub_free(seen.hub);
    seen.hub = NULL;
    run_for(&seen, 50);
    bleproxy_scanner_free(seen.scanner);
    bleproxy_client_free(seen.client);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void on_device(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    assert_int_equal(error, 0);
    assert_int_equal(bleproxy_peripheral_new(seen->hub, advertisement->address, &seen->peripheral), 0);
    seen->n_adverts++;
    bleproxy_loop_stop(seen->loop);
}

static void on_linked(void *user, const struct bleproxy_result *result)
{
    struct seen *seen = user;
    assert_int_equal(result->error, 0);
    seen->n_calls++;
    bleproxy_loop_stop(seen->loop);
}

static void on_link_lost(void *user, const struct bleproxy_result *result)
{
    struct seen *seen = user;
    assert_int_equal(result->error, BLEPROXY_E_CLOSED);
    seen->n_other++;
}

static void test_links_through_a_scanner_end_with_it(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    const struct bleproxy_filter filter = {.name = "Virtual Battery"};
    struct seen seen;
    setup(&seen);
    scan_with_client(&seen, proxy.port);
    assert_int_equal(bleproxy_hub_find(seen.hub, &filter, UINT32_MAX, on_device, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_adverts, 1);
    bleproxy_peripheral_on_disconnected(seen.peripheral, on_link_lost, &seen);
    assert_int_equal(bleproxy_peripheral_connect(seen.peripheral, NULL, on_linked, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_calls, 2);
    assert_true(bleproxy_peripheral_is_connected(seen.peripheral));
    bleproxy_scanner_free(seen.scanner);
    assert_int_equal(seen.n_other, 2);
    assert_false(bleproxy_peripheral_is_connected(seen.peripheral));
    bleproxy_client_free(seen.client);
    bleproxy_peripheral_free(seen.peripheral);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void free_scanner_when_lost(void *user, const struct bleproxy_result *result)
{
    struct seen *seen = user;
    assert_int_equal(result->error, BLEPROXY_E_CLOSED);
    seen->n_other++;
    bleproxy_scanner_free(seen->scanner);
}

static void test_the_end_of_a_link_may_free_the_scanner_while_the_client_goes(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    const struct bleproxy_filter filter = {.name = "Virtual Battery"};
    struct seen seen;
    setup(&seen);
    scan_with_client(&seen, proxy.port);
    assert_int_equal(bleproxy_hub_find(seen.hub, &filter, UINT32_MAX, on_device, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_adverts, 1);
    bleproxy_peripheral_on_disconnected(seen.peripheral, free_scanner_when_lost, &seen);
    assert_int_equal(bleproxy_peripheral_connect(seen.peripheral, NULL, on_linked, &seen, NULL), 0);
    run_until(seen.loop, &seen.n_calls, 2);
    int before = seen.n_other;
    bleproxy_client_free(seen.client);
    assert_int_equal(seen.n_other, before + 1);
    assert_false(bleproxy_peripheral_is_connected(seen.peripheral));
    bleproxy_peripheral_free(seen.peripheral);
    teardown(&seen);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void find_again(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    struct bleproxy_search *search;
    seen->n_calls++;
    assert_int_equal(error, BLEPROXY_E_CANCELLED);
    assert_null(advertisement);
    assert_int_equal(bleproxy_hub_find(seen->hub, NULL, 1000, find_again, seen, &search), BLEPROXY_E_STATE);
    bleproxy_hub_free(seen->hub);
}

static void test_a_search_that_the_hubs_end_cancels_finds_the_hub_ended(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    assert_int_equal(bleproxy_hub_find(seen.hub, NULL, UINT32_MAX, find_again, &seen, NULL), 0);
    bleproxy_hub_free(seen.hub);
    assert_int_equal(seen.n_calls, 1);
    bleproxy_loop_free(seen.loop);
}

static void free_hub_and_loop(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    (void)advertisement;
    assert_int_equal(error, BLEPROXY_E_CANCELLED);
    bleproxy_hub_free(seen->hub);
    bleproxy_loop_free(seen->loop);
}

static void ask_for_paths(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    struct seen *seen = user;
    struct bleproxy_hub *hub = seen->hub;
    struct bleproxy_path path;
    char text[BLEPROXY_PATH_TEXT_SIZE];
    size_t n = 1, position = 0;
    (void)advertisement;
    seen->n_calls++;
    assert_int_equal(error, BLEPROXY_E_CANCELLED);
    assert_int_equal(bleproxy_hub_pin(hub, 1, "kitchen", BLEPROXY_PIN_DENY), BLEPROXY_E_STATE);
    assert_int_equal(bleproxy_hub_unpin(hub, 1, "kitchen", BLEPROXY_PIN_DENY), BLEPROXY_E_NOT_FOUND);
    assert_int_equal(bleproxy_hub_forget_bond(hub, 1), BLEPROXY_E_NOT_FOUND);
    assert_null(bleproxy_hub_bond(hub, 1));
    assert_null(bleproxy_hub_next_bond(hub, &position));
    bleproxy_hub_paths(hub, 1, &path, 1, &n);
    assert_int_equal(n, 0);
    assert_string_equal(bleproxy_hub_explain_path(hub, 1, text, sizeof(text)), "");
}

static void test_a_hub_that_ends_has_no_paths_any_more(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    assert_int_equal(bleproxy_hub_pin(seen.hub, 1, "kitchen", BLEPROXY_PIN_DENY), 0);
    assert_int_equal(bleproxy_hub_find(seen.hub, NULL, 1000, ask_for_paths, &seen, NULL), 0);
    teardown(&seen);
    assert_int_equal(seen.n_calls, 1);
}

static void on_gone(void *user, const struct bleproxy_advertisement *last, bool connectable)
{
    (void)user, (void)last, (void)connectable;
}

/* Devices become unavailable when all proxies are lost, too; but nobody's loop is kept running for that. */
static void test_a_hub_without_proxies_goes_on_looking_who_is_gone(void **state)
{
    (void)state;
    struct seen seen;
    struct bleproxy_watch *watch;
    setup(&seen);
    assert_int_equal(bleproxy_hub_watch_unavailable(seen.hub, 0, on_gone, &seen, &watch), 0);
    assert_true(seen.hub->ticker.armed_ns < BP_NEVER);
    bleproxy_loop_run(seen.loop);
    assert_true(seen.hub->ticker.armed_ns < BP_NEVER);
    teardown(&seen);
}

static void test_the_loop_is_freed_when_a_search_is_cancelled(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct bleproxy_search *search;
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(bleproxy_loop_new_uv(&uv, NULL, &seen.loop), 0);
    assert_int_equal(bleproxy_hub_new(seen.loop, NULL, &seen.hub), 0);
    assert_int_equal(bleproxy_hub_find(seen.hub, NULL, UINT32_MAX, free_hub_and_loop, &seen, &search), 0);
    bleproxy_search_cancel(search);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&uv), 0);
}

static void free_everything(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)advertisement;
    struct seen *seen = user;
    if (seen->n_adverts++ < 40) /* by then it gathers */
        return;
    bleproxy_subscription_free(seen->subscription);
    bleproxy_manager_free(seen->manager);
    bleproxy_hub_free(seen->hub);
    bleproxy_loop_free(seen->loop);
}

static void test_the_loop_is_freed_while_it_gathers(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    struct seen seen = {0};
    uv_loop_t uv;
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(bleproxy_loop_new_uv(&uv, &(struct bleproxy_loop_options){.gather_ms = 20}, &seen.loop),
                     0);
    assert_int_equal(bleproxy_hub_new(seen.loop, NULL, &seen.hub), 0);
    assert_int_equal(bleproxy_hub_subscribe(seen.hub, BLEPROXY_STREAM_REPORTS, NULL, free_everything, &seen,
                                            &seen.subscription),
                     0);
    manage(&seen, proxy.port, NULL);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(seen.n_adverts, 41);
    assert_int_equal(uv_loop_close(&uv), 0);
    virtual_proxy_stop(&proxy, SIGTERM);
}

static void test_an_idle_loop_does_not_keep_a_foreign_one_awake(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    bleproxy_loop_process(seen.loop);
    assert_int_equal(bleproxy_loop_timeout_ms(seen.loop), -1);
    teardown(&seen);
}

static void process_again(void *user)
{
    struct seen *seen = user;
    seen->n_calls++;
    bleproxy_loop_process(seen->loop);
    bleproxy_loop_run(seen->loop);
    bleproxy_loop_stop(seen->loop);
}

static void test_a_loop_is_not_run_within_itself(void **state)
{
    (void)state;
    struct seen seen;
    struct bleproxy_timer *timer;
    setup(&seen);
    assert_int_equal(bleproxy_timer_new(seen.loop, 0, 1, process_again, &seen, &timer), 0);
    run_until(seen.loop, &seen.n_calls, 3);
    bleproxy_timer_free(timer);
    teardown(&seen);
}

static void stop_radio(void *user, const struct bleproxy_advertisement *advertisement)
{
    (void)advertisement;
    bleproxy_loop_stop(user);
}

static void test_stopping_a_radios_loop_ends_its_wait(void **state)
{
    (void)state;
    struct virtual_proxy proxy = virtual_proxy_start("2026.8", NULL, false);
    const struct bleproxy_proxy_config config = {.address = "127.0.0.1", .port = proxy.port};
    struct bleproxy_radio *radio;
    struct bleproxy_subscription *subscription;
    struct bleproxy_advertisement *found = NULL;
    assert_int_equal(bleproxy_radio_open(&config, 1, NULL, 10000, NULL, &radio), 0);
    assert_int_equal(bleproxy_hub_subscribe(bleproxy_radio_hub(radio), BLEPROXY_STREAM_REPORTS, NULL,
                                            stop_radio, bleproxy_radio_loop(radio), &subscription),
                     0);
    const struct bleproxy_filter nobody = {.name = "nobody is called that"};
    assert_int_equal(bleproxy_radio_find(radio, &nobody, 10000, &found), BLEPROXY_E_CANCELLED);
    assert_null(found);
    bleproxy_radio_listen(radio, 10000);
    bleproxy_radio_close(radio); /* politely, however often its loop is stopped */
    virtual_proxy_stop(&proxy, SIGTERM);
}

/* The system's resolver, as slow as a test wants it. */
static sem_t look_up_begun, look_up_may_end, look_up_ended;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    sem_post(&look_up_begun);
    sem_wait(&look_up_may_end);
    sem_post(&look_up_ended);
    return EAI_NONAME;
}

static void test_a_slow_look_up_holds_nobody_up(void **state)
{
    (void)state;
    enum { LOOK_UPS = 6 };
    struct bleproxy_client *clients[LOOK_UPS];
    struct seen seen;
    setup(&seen);
    sem_init(&look_up_begun, 0, 0);
    sem_init(&look_up_may_end, 0, 0);
    sem_init(&look_up_ended, 0, 0);
    for (int i = 0; i < LOOK_UPS; i++) {
        connect_client(&seen, "slow.invalid", 0);
        clients[i] = seen.client;
    }
    run_for(&seen, 20);
    for (int i = 0; i < LOOK_UPS; i++)
        sem_wait(&look_up_begun); /* none waits for another */
    sem_post(&look_up_may_end);
    run_until(seen.loop, &seen.n_calls, 1);
    assert_int_equal(seen.error, BLEPROXY_E_RESOLVE);
    for (int i = 0; i < LOOK_UPS; i++)
        bleproxy_client_free(clients[i]);
    teardown(&seen);
    assert_int_equal(seen.n_calls, 1);
    for (int i = 1; i < LOOK_UPS; i++)
        sem_post(&look_up_may_end);
    for (int i = 0; i < LOOK_UPS; i++)
        sem_wait(&look_up_ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_stop_does_not_take_the_first_ones_place),
        cmocka_unit_test(test_a_stop_never_completes_from_within),
        cmocka_unit_test(test_a_manager_is_freed_again_by_the_callback_of_its_free),
        cmocka_unit_test(test_nothing_is_heard_of_a_manager_that_is_freed),
        cmocka_unit_test(test_a_manager_is_freed_in_each_change_of_state),
        cmocka_unit_test(test_a_connect_that_fails_at_once_is_not_told_from_within),
        cmocka_unit_test(test_a_loop_without_descriptors_is_not_out_of_memory),
        cmocka_unit_test(test_a_request_on_a_dead_connection_does_not_complete_from_within),
        cmocka_unit_test(test_a_reset_behind_the_last_bytes_is_noticed),
        cmocka_unit_test(test_a_client_is_freed_in_each_of_its_callbacks),
        cmocka_unit_test(test_a_clients_window_closes_in_time_and_may_free_its_owner),
        cmocka_unit_test(test_a_scanner_is_freed_again_by_the_callback_of_its_free),
        cmocka_unit_test(test_a_client_has_one_scanner_after_another),
        cmocka_unit_test(test_a_hub_is_freed_before_a_clients_scanner),
        cmocka_unit_test(test_links_through_a_scanner_end_with_it),
        cmocka_unit_test(test_the_end_of_a_link_may_free_the_scanner_while_the_client_goes),
        cmocka_unit_test(test_a_search_that_the_hubs_end_cancels_finds_the_hub_ended),
        cmocka_unit_test(test_a_hub_that_ends_has_no_paths_any_more),
        cmocka_unit_test(test_a_hub_without_proxies_goes_on_looking_who_is_gone),
        cmocka_unit_test(test_the_loop_is_freed_when_a_search_is_cancelled),
        cmocka_unit_test(test_the_loop_is_freed_while_it_gathers),
        cmocka_unit_test(test_an_idle_loop_does_not_keep_a_foreign_one_awake),
        cmocka_unit_test(test_a_loop_is_not_run_within_itself),
        cmocka_unit_test(test_stopping_a_radios_loop_ends_its_wait),
        cmocka_unit_test(test_a_slow_look_up_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
