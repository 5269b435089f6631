/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SERVER_DEVICE_FIXTURE_H
#define TESTS_SERVER_DEVICE_FIXTURE_H

#include "support.h"

#include "noise/cipher.h"
#include "server/server.h"
#include "wire/batch.h"
#include "wire/frame.h"
#include "wire/message.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A device with a radio that, unless it is given links, only notes what it is told, and clients that keep
 * what they are sent. */

struct device {
    struct test_env test;
    struct server_profile profile; /* may be changed before device_start() */
    struct server_config config;   /* as well */
    struct server_radio_ops radio; /* and this */
    struct server *server;
    unsigned n_subscribed, n_unsubscribed, n_modes;
    uint64_t now_ns;
};

struct peer {
    struct device *device;
    struct server_connection *connection; /* NULL once closed */
    unsigned n_pending, n_closed;
    char why[128];
    size_t size;
    uint8_t bytes[256 * 1024]; /* received and not yet looked at */
};

static inline void device_on_subscribed(void *user, bool subscribed, uint64_t now_ns)
{
    struct device *device = user;
    (void)now_ns;
    if (subscribed)
        device->n_subscribed++;
    else
        device->n_unsubscribed++;
}

static inline void device_set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct device *device = user;
    (void)mode;
    device->n_modes++;
    server_scanner_state(device->server, BLEPROXY_SCANNER_STOPPING, now_ns);
}

static const struct server_radio_ops device_radio = {.on_subscribed = device_on_subscribed,
                                                     .set_mode = device_set_mode};

static inline void device_prepare(struct device *device, const char *firmware)
{
    memset(device, 0, sizeof(*device));
    test_env_init(&device->test);
    device->profile = *server_profile_find(firmware);
    device->profile.asks_time = false;
    device->now_ns = 1000 * NS_PER_S;
    device->radio = device_radio;
    device->config = (struct server_config){.env = &device->test.env,
                                            .profile = &device->profile,
                                            .aead = &aead_sodium,
                                            .name = "vproxy",
                                            .friendly_name = "V Proxy",
                                            .model = "virtual",
                                            .manufacturer = "Host",
                                            .mac_address = UINT64_C(0xacbc32890ea8),
                                            .bluetooth_mac_address = UINT64_C(0xacbc32890eaa),
                                            .scanner_mode = BLEPROXY_MODE_ACTIVE,
                                            .slots = 3};
}

static inline void device_begin(struct device *device)
{
    assert_int_equal(server_new(&device->config, &device->radio, device, device->now_ns, &device->server), 0);
    server_scanner_state(device->server, BLEPROXY_SCANNER_RUNNING, device->now_ns);
}

static inline void device_start(struct device *device, const char *firmware)
{
    device_prepare(device, firmware);
    device_begin(device);
}

static inline void device_stop(struct device *device)
{
    server_free(device->server);
    test_env_deinit(&device->test);
}

/* Ticks at every deadline up to then. */
static inline void device_pass(struct device *device, uint64_t delay_ns)
{
    uint64_t end_ns = device->now_ns + delay_ns;
    for (;;) {
        uint64_t deadline_ns = server_deadline(device->server);
        if (deadline_ns > end_ns)
            break;
        if (deadline_ns > device->now_ns)
            device->now_ns = deadline_ns;
        server_tick(device->server, device->now_ns);
        assert_true(server_deadline(device->server) > device->now_ns);
    }
    device->now_ns = end_ns;
}

static inline void peer_take(struct peer *peer)
{
    struct iovec vec;
    size_t n;
    while (peer->connection && (n = server_connection_pending(peer->connection, &vec)) > 0) {
        size_t part = n > 1000 ? 1000 : n;
        assert_true(peer->size + part <= sizeof(peer->bytes));
        memcpy(peer->bytes + peer->size, vec.iov_base, part);
        peer->size += part;
        server_connection_sent(peer->connection, part);
    }
}

static inline void peer_on_pending(void *user)
{
    struct peer *peer = user;
    peer->n_pending++;
}

static inline void peer_on_close(void *user, const char *why)
{
    struct peer *peer = user;
    peer->n_closed++;
    snprintf(peer->why, sizeof(peer->why), "%s", why);
    peer_take(peer);
    server_connection_free(peer->connection, peer->device->now_ns);
    peer->connection = NULL;
}

static const struct server_connection_ops peer_ops = {.on_pending = peer_on_pending,
                                                      .on_close = peer_on_close};

static inline void peer_open(struct peer *peer, struct device *device)
{
    memset(peer, 0, sizeof(*peer));
    peer->device = device;
    assert_int_equal(server_accept(device->server, &peer_ops, peer, device->now_ns, &peer->connection), 0);
}

/* How the network cuts what the clients of one test send. */
enum { SPLIT_WHOLE = 0, SPLIT_BYTES = -1 /* positive: once, at that offset of all that is sent */ };
static long peer_split;
static size_t peer_sent; /* by all clients since the test began */

/* One read of the transport: exactly these bytes, so that reading past them is noticed. */
static inline void peer_send_piece(struct peer *peer, const uint8_t *bytes, size_t size)
{
    if (!peer->connection || size == 0)
        return;
    uint8_t *copy = malloc(size);
    memcpy(copy, bytes, size);
    server_connection_feed(peer->connection, copy, size, peer->device->now_ns);
    free(copy);
}

static inline void peer_send_bytes(struct peer *peer, const uint8_t *bytes, size_t size)
{
    long start = (long)peer_sent;
    peer_sent += size;
    if (peer_split == SPLIT_BYTES) {
        for (size_t i = 0; i < size; i++)
            peer_send_piece(peer, bytes + i, 1);
        return;
    }
    size_t cut = peer_split > start && peer_split < (long)peer_sent ? (size_t)(peer_split - start) : 0;
    peer_send_piece(peer, bytes, cut);
    peer_send_piece(peer, bytes + cut, size - cut);
}

/* Runs the scenario with what clients send as it is, byte by byte, and cut at every offset. */
static inline void peer_run_split(void (*scenario)(void))
{
    for (peer_split = SPLIT_BYTES, peer_sent = 0; peer_split <= (long)peer_sent; peer_split++) {
        peer_sent = 0;
        scenario();
    }
    peer_split = SPLIT_WHOLE;
}

/* Defines the cmocka test `name` that runs the scenario in the following braces for every split. */
#define SPLIT_TEST(name)                                                                                     \
    static void name##_scenario(void);                                                                       \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        peer_run_split(name##_scenario);                                                                     \
    }                                                                                                        \
    static void name##_scenario(void)

static inline void peer_send(struct peer *peer, const char *text)
{
    size_t size;
    const uint8_t *bytes = hex(text, &size);
    peer_send_bytes(peer, bytes, size);
}

/* That exactly this came since the last look. */
static inline void peer_expect(struct peer *peer, const char *text)
{
    peer_take(peer);
    assert_hex(peer->bytes, peer->size, text);
    peer->size = 0;
}

/* The next plaintext message received, which must be of that type; the payload lives until the next call. */
static inline struct frame peer_next(struct peer *peer, uint32_t type)
{
    static uint8_t payload[70000];
    struct frame frame;
    size_t used;
    peer_take(peer);
    assert_int_equal(frame_read_plain(peer->bytes, peer->size, &frame_limits_client, &frame, &used), 0);
    assert_int_equal(frame.type, type);
    memcpy(payload, frame.data, frame.size);
    frame.data = payload;
    memmove(peer->bytes, peer->bytes + used, peer->size - used);
    peer->size -= used;
    return frame;
}

/* HelloRequest "esp-c-client" 1.15 and an AuthenticationRequest without a password */
#define HELLO_REQUEST "0012010a0c6573702d632d636c69656e741001180f"
#define LOGIN_REQUEST "000003"

/* Connects, says hello, logs in. What came of it is forgotten. */
static inline void peer_join(struct peer *peer, struct device *device)
{
    peer_open(peer, device);
    peer_send(peer, HELLO_REQUEST LOGIN_REQUEST);
    peer_take(peer);
    assert_non_null(peer->connection);
    peer->size = 0;
    peer->n_pending = 0;
}

/* Joins and subscribes to raw advertisements. */
static inline void peer_subscribe(struct peer *peer, struct device *device)
{
    peer_join(peer, device);
    peer_send(peer, "0002420801");
    peer_take(peer);
    peer->size = 0;
}

static inline void peer_leave(struct peer *peer)
{
    if (peer->connection)
        server_connection_free(peer->connection, peer->device->now_ns);
    peer->connection = NULL;
}

#endif
