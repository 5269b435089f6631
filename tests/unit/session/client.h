/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SESSION_CLIENT_H
#define TESTS_SESSION_CLIENT_H

#include "support.h"

#include "noise/data_frame.h"
#include "session/device_info.h"
#include "session/session.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

/* A session with a scripted proxy at the other end. What the proxy says is given in hexadecimal; it reaches
 * the session cut as the split says, so that a test can be run for every way in which a network may cut it.
 */

#define HELLO_15 "0016020801100f1a08323032362e382e302206767072 6f7879" /* "vproxy", API 1.15 */
#define HELLO_9                                                                                              \
    "003602080110091a216d6173746572617672656c61792028657370686f6d652076323032332e362e3329220d6d617374657261" \
    "7672656c6179"
#define RAW_ADVERT "00215d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"
#define RAW_ADVERTS                                                                                          \
    "00395d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d303030310a1608d588cd9192e21e10b3011801" \
    "22070201060303aafe"

#define NOISE_CLIENT_HELLO                                                                                   \
    "01000001003100358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd1662548b18e980a5463f4f4ed6a227" \
    "d01eebb1"
#define NOISE_HELLO "010015017670726f78790061636263333238393065613800" /* vproxy, acbc32890ea8 */
#define NOISE_HANDSHAKE                                                                                      \
    "0100310079a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a08d629a47626962aacde23c4ab9801" \
    "ba"
#define NOISE_HELLO_RESPONSE                                                                                 \
    "01002a8500851aea6779f5bc48317e06cf3bb8c39b8176caaacc338cd855b6dbf57b9913ebd979e151bcfd33b5"

enum { SPLIT_WHOLE = 0, SPLIT_BYTES = -1 /* positive: cut once at that offset of the whole stream */ };

enum client_event {
    EVENT_READY,
    EVENT_CLOSED,
    EVENT_TIME,
    EVENT_ADVERT,
    EVENT_DECODED,
    EVENT_SCANNER,
    EVENT_SLOTS,
    EVENT_REPLY, /* the last of those without a Bluetooth device */
    EVENT_SERVICE,
    EVENT_CONNECTION,
    EVENT_NOTIFICATION,
    EVENTS
};

struct client {
    struct test_env test;
    struct session_config config;
    struct session_ops ops;
    struct session *session;
    uint64_t now_ns;
    long split;
    size_t fed;         /* bytes so far */
    bool out_of_memory; /* calls may fail: the script goes on regardless */

    unsigned events[EVENTS];
    unsigned pending;          /* calls of on_pending */
    enum client_event free_on; /* the first such event frees the session; EVENTS: none */
    bool freed;
    bool disconnect_on_ready, disconnect_on_advert;
    struct session_end end;
    struct session_time time;
    uint32_t scanner_state, scanner_mode, scanner_configured_mode;
    struct bleproxy_slots slots;
    uint64_t allocated[64];
    struct batch_advert advert; /* the last, data in advert_data */
    uint8_t advert_data[256];
    struct cipher sealing; /* the proxy's, for encrypted messages beyond the transcript */
};

/* One outstanding request and what became of it. */
struct reply {
    struct client *client;
    struct session_request *request;
    unsigned completed;
    int error;
    bool had_reply;
    struct session_request *cancel; /* from within the callback */
    bool again;                     /* asks the same once more from within */
};

static const uint8_t test_psk[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const uint8_t test_ephemeral[32] = {0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a,
                                           0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35,
                                           0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f};

static inline void client_event(struct client *c, enum client_event event)
{
    /* Nothing may be called after the session is freed or over. */
    assert_false(c->freed && event != EVENT_REPLY);
    assert_true(c->events[EVENT_CLOSED] == 0);
    c->events[event]++;
    if (c->free_on == event && !c->freed) {
        c->freed = true;
        session_free(c->session);
    }
}

static inline void client_on_ready(void *user, uint64_t now_ns)
{
    struct client *c = user;
    assert_int_equal(now_ns, c->now_ns);
    client_event(c, EVENT_READY);
    if (c->disconnect_on_ready && !c->freed)
        session_disconnect(c->session, true, now_ns);
}

static inline void client_on_closed(void *user, const struct session_end *end, uint64_t now_ns)
{
    struct client *c = user;
    assert_int_equal(now_ns, c->now_ns);
    c->end = *end;
    client_event(c, EVENT_CLOSED);
}

static inline void client_on_pending(void *user)
{
    struct client *c = user;
    struct iovec vec;
    assert_true(c->session && session_pending(c->session, &vec) > 0);
    assert_true(!c->freed && c->events[EVENT_CLOSED] == 0);
    c->pending++;
}

static inline void client_get_time(void *user, struct session_time *ret_time)
{
    struct client *c = user;
    *ret_time = c->time;
    client_event(c, EVENT_TIME);
}

static inline void client_on_raw_advert(void *user, const struct batch_advert *advert, uint64_t now_ns)
{
    struct client *c = user;
    assert_int_equal(now_ns, c->now_ns);
    assert_true(advert->size <= sizeof(c->advert_data));
    c->advert = *advert;
    if (advert->size > 0)
        memcpy(c->advert_data, advert->data, advert->size);
    c->advert.data = c->advert_data;
    client_event(c, EVENT_ADVERT);
    if (c->disconnect_on_advert && !c->freed)
        session_disconnect(c->session, true, now_ns);
}

static inline void client_on_advert(void *user, const BluetoothLEAdvertisementResponse *advert,
                                    uint64_t now_ns)
{
    struct client *c = user;
    assert_int_equal(now_ns, c->now_ns);
    c->advert = (struct batch_advert){.address = advert->address, .rssi = advert->rssi};
    client_event(c, EVENT_DECODED);
}

static inline void client_on_scanner_state(void *user, uint32_t state, uint32_t mode,
                                           uint32_t configured_mode, uint64_t now_ns)
{
    struct client *c = user;
    assert_int_equal(now_ns, c->now_ns);
    c->scanner_state = state;
    c->scanner_mode = mode;
    c->scanner_configured_mode = configured_mode;
    client_event(c, EVENT_SCANNER);
}

static inline void client_on_slots(void *user, const struct bleproxy_slots *slots, uint64_t now_ns)
{
    struct client *c = user;
    assert_int_equal(now_ns, c->now_ns);
    assert_true(slots->n_allocated <= 64);
    c->slots = *slots;
    memcpy(c->allocated, slots->allocated, slots->n_allocated * sizeof(*slots->allocated));
    c->slots.allocated = c->allocated;
    client_event(c, EVENT_SLOTS);
}

static const struct session_stream client_stream = {
    .on_raw_advert = client_on_raw_advert,
    .on_advert = client_on_advert,
    .on_scanner_state = client_on_scanner_state,
    .on_slots = client_on_slots,
};

static inline void client_init(struct client *c)
{
    *c = (struct client){.free_on = EVENTS, .now_ns = 1000 * NS_PER_S};
    test_env_init(&c->test);
    c->ops = (struct session_ops){client_on_ready, client_on_closed, client_on_pending, client_get_time};
    c->config = (struct session_config){.env = &c->test.env,
                                        .label = "kitchen",
                                        .client_info = "esp-c-client",
                                        .timeouts = session_timeouts_default};
}

/* Before what its requests write to goes. */
static inline void client_free(struct client *c)
{
    if (!c->freed)
        session_free(c->session);
    c->freed = true;
}

static inline void client_deinit(struct client *c)
{
    client_free(c);
    c->session = NULL;
    assert_true(c->events[EVENT_CLOSED] <= 1);
    test_env_deinit(&c->test);
}

/* The key, and the ephemeral key of the transcript. */
static inline void client_encrypt(struct client *c)
{
    c->config.psk = test_psk;
    c->config.aead = &aead_sodium;
    c->test.random_bytes = test_ephemeral;
    c->test.random_left = sizeof(test_ephemeral);
}

static inline int client_start(struct client *c)
{
    int r = session_new(&c->config, &c->ops, c, c->now_ns, &c->session);
    if (!c->out_of_memory)
        assert_int_equal(r, 0);
    if (r == 0)
        session_set_stream(c->session, &client_stream, c);
    return r;
}

/* One read of the transport: exactly these bytes, so that reading past them is noticed. */
static inline void client_feed_piece(struct client *c, const uint8_t *bytes, size_t n)
{
    if (c->freed || n == 0)
        return;
    uint8_t *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    session_feed(c->session, copy, n, c->now_ns);
    free(copy);
}

static inline void client_feed_bytes(struct client *c, const uint8_t *bytes, size_t n)
{
    size_t start = c->fed;
    c->fed += n;
    if (c->split == SPLIT_BYTES) {
        for (size_t i = 0; i < n; i++)
            client_feed_piece(c, bytes + i, 1);
        return;
    }
    size_t cut = c->split > (long)start && c->split < (long)(start + n) ? (size_t)c->split - start : 0;
    client_feed_piece(c, bytes, cut);
    client_feed_piece(c, bytes + cut, n - cut);
}

static inline void client_feed(struct client *c, const char *text)
{
    size_t n;
    const uint8_t *bytes = hex(text, &n);
    client_feed_bytes(c, bytes, n);
}

/* Starts to seal messages of the proxy after the first n of the transcript. */
static inline void client_seal_from(struct client *c, uint64_t n)
{
    cipher_init(&c->sealing, &aead_sodium,
                hex("f8ca9cf382ec15ac3609fa976595baafec96af6729b05edab8e41839ed09f6cd", NULL));
    c->sealing.nonce = n;
}

static inline void client_feed_sealed(struct client *c, uint32_t type, const char *payload)
{
    struct test_env test;
    struct buffer out;
    size_t n;
    uint8_t *space;
    const uint8_t *bytes = hex(payload, &n);
    test_env_init(&test);
    buffer_init(&out, &test.env, 1 << 17);
    assert_int_equal(data_frame_begin(&out, type, n, &space), 0);
    memcpy(space, bytes, n);
    assert_int_equal(data_frame_end(&out, &c->sealing, n), 0);
    client_feed_bytes(c, buffer_data(&out), out.size);
    buffer_deinit(&out);
    test_env_deinit(&test);
}

static inline void client_tick(struct client *c)
{
    if (!c->freed && session_deadline(c->session) <= c->now_ns)
        session_tick(c->session, c->now_ns);
}

/* Lets time pass, with every tick that falls due. */
static inline void client_advance(struct client *c, uint64_t ns)
{
    uint64_t until = c->now_ns + ns;
    for (uint64_t due; !c->freed && (due = session_deadline(c->session)) <= until;) {
        assert_true(due >= c->now_ns);
        c->now_ns = due;
        session_tick(c->session, c->now_ns);
    }
    c->now_ns = until;
}

/* Takes what is to be written. */
static inline size_t client_take(struct client *c, uint8_t *bytes, size_t capacity)
{
    struct iovec vec;
    size_t n = session_pending(c->session, &vec);
    assert_true(n <= capacity && n == vec.iov_len);
    if (n > 0)
        memcpy(bytes, vec.iov_base, n);
    session_sent(c->session, n);
    return n;
}

static inline void client_drain(struct client *c)
{
    struct iovec vec;
    session_sent(c->session, session_pending(c->session, &vec));
}

static inline void client_expect(struct client *c, const char *expected)
{
    uint8_t bytes[4096];
    size_t n = client_take(c, bytes, sizeof(bytes));
    assert_hex(bytes, n, expected);
}

/* Plaintext, ready, nothing to write. */
static inline void client_connect(struct client *c, const char *hello)
{
    client_start(c);
    client_drain(c);
    client_feed(c, hello);
    assert_int_equal(c->events[EVENT_READY], 1);
    assert_true(session_is_ready(c->session));
}

static inline void client_connect_noise(struct client *c)
{
    client_encrypt(c);
    client_start(c);
    client_drain(c);
    client_feed(c, NOISE_HELLO NOISE_HANDSHAKE);
    client_drain(c);
    client_feed(c, NOISE_HELLO_RESPONSE);
    assert_true(session_is_ready(c->session));
    client_seal_from(c, 1);
}

static inline void client_expect_end(struct client *c, int error, const char *text)
{
    assert_int_equal(c->events[EVENT_CLOSED], 1);
    assert_int_equal(c->end.error, error);
    if (!strstr(c->end.text, text))
        fail_msg("'%s' is not in '%s'", text, c->end.text);
}

static inline void client_on_reply(void *user, int error, const ProtobufCMessage *message, uint64_t now_ns)
{
    struct reply *reply = user;
    struct client *c = reply->client;
    assert_int_equal(now_ns, c->now_ns);
    assert_true((error == 0) == (message != NULL));
    reply->completed++;
    reply->error = error;
    reply->had_reply = message;
    client_event(c, EVENT_REPLY);
    if (reply->cancel)
        session_cancel(reply->cancel, now_ns);
    if (reply->again && !c->freed) {
        ListEntitiesRequest list = LIST_ENTITIES_REQUEST__INIT;
        reply->again = false;
        session_request(c->session, MESSAGE_LIST_ENTITIES_REQUEST, &list.base,
                        MESSAGE_LIST_ENTITIES_DONE_RESPONSE, NS_PER_S, client_on_reply, reply, now_ns,
                        &reply->request);
    }
}

/* ListEntities stands for any request; 000013 answers it. */
static inline int client_ask(struct client *c, struct reply *reply, uint64_t timeout_ns)
{
    ListEntitiesRequest list = LIST_ENTITIES_REQUEST__INIT;
    *reply = (struct reply){.client = c};
    return session_request(c->session, MESSAGE_LIST_ENTITIES_REQUEST, &list.base,
                           MESSAGE_LIST_ENTITIES_DONE_RESPONSE, timeout_ns, client_on_reply, reply, c->now_ns,
                           &reply->request);
}

static inline void client_expect_reply(const struct reply *reply, int error)
{
    assert_int_equal(reply->completed, 1);
    assert_int_equal(reply->error, error);
}

/* Runs the scenario with the proxy's bytes as they are, byte by byte, and cut at every offset. */
static inline void client_run_split(void (*scenario)(struct client *c))
{
    size_t total = 0;
    for (long split = SPLIT_BYTES; split <= (long)total; split++) {
        struct client c;
        client_init(&c);
        c.split = split;
        scenario(&c);
        total = c.fed;
        client_deinit(&c);
    }
}

/* Defines the cmocka test `name` that runs the scenario in the following braces for every split. */
#define SPLIT_TEST(name)                                                                                     \
    static void name##_scenario(struct client *c);                                                           \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        client_run_split(name##_scenario);                                                                   \
    }                                                                                                        \
    static void name##_scenario(struct client *c)

#endif
