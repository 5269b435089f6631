/* SPDX-License-Identifier: MIT */
/* The device against a hostile client. Byte 0: the firmware (bits 0-1), encrypted with the null cipher (bit
 * 2), the handshake is given, or without encryption a key may be (bit 3), a password is set (bit 4), and how the bytes that follow are cut.
 * However they arrive, the same is answered; what is answered is well framed; silence ends the connection,
 * and that its connections to devices; all memory is given back. */
#include "fuzz_radio.h"

#include "noise/cipher.h"
#include "server/server.h"
#include "wire/frame.h"

enum { FIRMWARE = 3, ENCRYPTED = 4, HANDSHAKEN = 8, PASSWORD = 16, CHUNK_SHIFT = 5 };
/* A client that sends more is one that does not read; when it is dropped then depends on how its bytes
 * arrive. */
enum { INPUT_MAX = 512 };

struct fuzz {
    struct radio radio; /* first: the server calls both by one address */
    struct server *server;
    struct server_connection *connection; /* NULL once it is closed */
    uint64_t digest, now_ns;
    unsigned n_subscribed, n_unsubscribed;
    struct frame_reader reader;
    bool encrypted;
};

/* Formats what is logged, and drops it. */
static void unlog(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                  const char *text)
{
    (void)user;
    (void)level;
    (void)room;
    (void)proxy;
    for (const char *c = text; *c; c++)
        FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static const struct env env = {
    .reallocate = fuzz_reallocate, .random = fuzz_random, .log = unlog, .log_level = BLEPROXY_LOG_DEBUG};

static void mix(struct fuzz *fuzz, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fuzz->digest = (fuzz->digest ^ bytes[i]) * UINT64_C(0x100000001b3);
}

/* Takes what is pending; it must be whole frames, but for a plaintext device's notice to a Noise client. */
static void take(struct fuzz *fuzz, bool last)
{
    struct iovec vec;
    size_t n = server_connection_pending(fuzz->connection, &vec);
    uint8_t *copy = malloc(n + 1), *at = copy;
    FUZZ_CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy, vec.iov_base, n);
    mix(fuzz, copy, n);
    server_connection_sent(fuzz->connection, n);
    for (int r = 0; r == 0;) {
        struct frame frame;
        r = frame_reader_next(&fuzz->reader, fuzz->encrypted ? frame_read_noise : frame_read_plain,
                              &frame_limits_client, &at, &n, &frame);
        FUZZ_CHECK(r == 0 || r == FRAME_INCOMPLETE);
    }
    FUZZ_CHECK(fuzz->reader.partial.size == 0 || (last && !fuzz->encrypted));
    free(copy);
}

static void on_pending(void *user)
{
    struct fuzz *fuzz = user;
    FUZZ_CHECK(fuzz->connection != NULL);
}

static void on_close(void *user, const char *why)
{
    struct fuzz *fuzz = user;
    FUZZ_CHECK(fuzz->connection && *why);
    take(fuzz, true);
    server_connection_free(fuzz->connection, fuzz->now_ns);
    fuzz->connection = NULL;
}

static void on_subscribed(void *user, bool subscribed, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    if (subscribed)
        fuzz->n_subscribed++;
    else
        fuzz->n_unsubscribed++;
    FUZZ_CHECK(fuzz->n_subscribed - fuzz->n_unsubscribed <= 1);
}

static void set_mode(void *user, enum bleproxy_scanner_mode mode, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    FUZZ_CHECK(mode == BLEPROXY_MODE_ACTIVE || mode == BLEPROXY_MODE_PASSIVE);
    server_scanner_state(fuzz->server, BLEPROXY_SCANNER_STOPPING, now_ns);
    server_scanner_state(fuzz->server, BLEPROXY_SCANNER_RUNNING, now_ns);
}

/* Half of the keys cannot be kept. */
static int store_key(void *user, const uint8_t *psk)
{
    struct fuzz *fuzz = user;
    FUZZ_CHECK(fuzz->server != NULL);
    return psk && psk[0] % 2 ? -1 : 0;
}

static const struct server_connection_ops connection_ops = {on_pending, on_close};
static const struct server_radio_ops radio_ops = {
    .on_subscribed = on_subscribed, .set_mode = set_mode, .links = &radio_links, .store_key = store_key};

static void feed(struct fuzz *fuzz, const uint8_t *data, size_t size, size_t chunk)
{
    for (size_t at = 0; at < size && fuzz->connection; at += chunk) {
        size_t n = size - at < chunk ? size - at : chunk;
        uint8_t *received = malloc(n);
        FUZZ_CHECK(received != NULL);
        memcpy(received, data + at, n);
        server_connection_feed(fuzz->connection, received, n, fuzz->now_ns);
        free(received);
        if (fuzz->connection)
            take(fuzz, false);
    }
}

static void pass(struct fuzz *fuzz, uint64_t end_ns)
{
    while (server_deadline(fuzz->server) <= end_ns) {
        uint64_t deadline_ns = server_deadline(fuzz->server);
        fuzz->now_ns = deadline_ns > fuzz->now_ns ? deadline_ns : fuzz->now_ns;
        server_tick(fuzz->server, fuzz->now_ns);
        FUZZ_CHECK(server_deadline(fuzz->server) > fuzz->now_ns);
    }
    fuzz->now_ns = end_ns;
}

/* Everything that can be observed, as one number. */
static uint64_t run(const uint8_t *data, size_t size, bool whole)
{
    static const uint8_t psk[CIPHER_KEY_SIZE], handshake[3 + 3 + 49] = {1, 0, 0, 1, 0, 49, 0, 9};
    static const uint8_t ad[] = {2, 1, 6, 3, 3, 0x0f, 0x18, 5, 0x16, 0xd2, 0xfc, 1, 2};
    const struct batch_advert advert = {.address = 1, .rssi = -70, .data = ad, .size = sizeof(ad)};
    const struct server_profile *profile = &server_profiles[data[0] & FIRMWARE];
    bool has_key = data[0] & ENCRYPTED;
    bool provisionable = !has_key && (data[0] & HANDSHAKEN) && profile->sets_keys;
    bool chosen = provisionable && profile->zero_key && size > 1 && data[1] != 0;
    struct fuzz fuzz = {.now_ns = NS_PER_S, .encrypted = has_key || chosen};
    const struct server_config config = {.env = &env,
                                         .profile = profile,
                                         .psk = has_key ? psk : NULL,
                                         .provisionable = provisionable,
                                         .aead = &aead_null,
                                         .name = "vproxy",
                                         .password = data[0] & PASSWORD ? "secret" : NULL,
                                         .slots = 3};
    frame_reader_init(&fuzz.reader, &env);
    FUZZ_CHECK(server_new(&config, &radio_ops, &fuzz, fuzz.now_ns, &fuzz.server) == 0);
    fuzz.radio.server = fuzz.server;
    FUZZ_CHECK(server_accept(fuzz.server, &connection_ops, &fuzz, fuzz.now_ns, &fuzz.connection) == 0);
    if (has_key && (data[0] & HANDSHAKEN))
        feed(&fuzz, handshake, sizeof(handshake), sizeof(handshake));
    feed(&fuzz, data + 1, size - 1, whole ? size : 1u + (data[0] >> CHUNK_SHIFT));
    radio_catch_up(&fuzz.radio, fuzz.now_ns);
    for (unsigned i = 0; i < 20; i++)
        server_report(fuzz.server, &advert, fuzz.now_ns);
    pass(&fuzz, fuzz.now_ns + NS_PER_S);
    if (fuzz.connection)
        take(&fuzz, false);
    pass(&fuzz, fuzz.now_ns + 200 * NS_PER_S);
    radio_check_idle(&fuzz.radio);
    FUZZ_CHECK(!fuzz.connection && fuzz.n_subscribed == fuzz.n_unsubscribed);
    server_free(fuzz.server);
    frame_reader_deinit(&fuzz.reader);
    return fuzz.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    FUZZ_CHECK(run(data, size, true) == run(data, size, false));
    return 0;
}
