/* SPDX-License-Identifier: MIT */
/* The client against a hostile proxy. Byte 0: encrypted with the null cipher (bit 0), the handshake is given
 * (bit 1), a name and a MAC address are expected (bit 2), and how the bytes that follow are cut. Byte 1: what
 * a callback does, and which. However the bytes arrive, the same things happen; every request completes once;
 * silence ends the session; all memory is given back. */
#include "fuzz.h"

#include "noise/cipher.h"
#include "session/session.h"
#include <bleproxy/error.h>

enum { ENCRYPTED = 1, HANDSHAKEN = 2, EXPECTS = 4, CHUNK_SHIFT = 3, REQUESTS = 3 };
enum action { ACTION_NONE, ACTION_FREE, ACTION_DISCONNECT, ACTION_FORCE, ACTION_ASK, ACTIONS };

struct fuzz {
    struct session *session;
    uint64_t digest, now_ns;
    enum action action;
    unsigned countdown; /* events until the action */
    unsigned asked, answered;
    bool freed, closed;
};

/* Formats what is logged, and drops it. */
static void unlog(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                  const char *text)
{
    (void)user;
    (void)level;
    (void)room;
    (void)proxy;
    FUZZ_CHECK(strlen(text) > 0);
}

static const struct env env = {
    .reallocate = fuzz_reallocate, .random = fuzz_random, .log = unlog, .log_level = BLEPROXY_LOG_DEBUG};

static void mix(struct fuzz *fuzz, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        fuzz->digest = (fuzz->digest ^ at[i]) * UINT64_C(0x100000001b3);
}

static void on_info(void *user, int error, const struct bleproxy_device_info *info, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    FUZZ_CHECK((error == 0) == (info != NULL));
    fuzz->answered++;
    mix(fuzz, &error, sizeof(error));
    if (info) {
        mix(fuzz, info->name, strlen(info->name));
        mix(fuzz, &info->source, sizeof(info->source));
        mix(fuzz, &info->n_areas, sizeof(info->n_areas));
    }
}

static void ask(struct fuzz *fuzz)
{
    if (session_get_device_info(fuzz->session, on_info, fuzz, fuzz->now_ns) == 0)
        fuzz->asked++;
}

static void event(struct fuzz *fuzz, uint32_t what, const void *bytes, size_t size)
{
    FUZZ_CHECK(!fuzz->freed && !fuzz->closed);
    mix(fuzz, &what, sizeof(what));
    mix(fuzz, bytes, size);
    if (fuzz->countdown == 0 || --fuzz->countdown > 0)
        return;
    switch (fuzz->action) {
    case ACTION_FREE:
        fuzz->freed = true;
        session_free(fuzz->session);
        break;
    case ACTION_DISCONNECT:
    case ACTION_FORCE:
        session_disconnect(fuzz->session, fuzz->action == ACTION_FORCE, fuzz->now_ns);
        break;
    case ACTION_ASK:
        ask(fuzz);
        break;
    case ACTION_NONE:
    case ACTIONS:
        break;
    }
}

static void on_ready(void *user, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    for (int i = 0; i < REQUESTS; i++)
        ask(fuzz);
    event(fuzz, 1, NULL, 0);
}

static void on_closed(void *user, const struct session_end *end, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    mix(fuzz, &end->error, sizeof(end->error));
    mix(fuzz, end->text, strlen(end->text));
    for (const char *c = end->text; *c; c++)
        FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
    event(fuzz, 2, end->received_name, strlen(end->received_name));
    fuzz->closed = true;
}

static void get_time(void *user, struct session_time *ret_time)
{
    *ret_time = (struct session_time){1767225600, "CET-1CEST,M3.5.0,M10.5.0/3"};
    event(user, 3, NULL, 0);
}

static void on_raw_advert(void *user, const struct batch_advert *advert, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    mix(fuzz, &advert->address, sizeof(advert->address));
    event(fuzz, 4, advert->data, advert->size);
}

static void on_advert(void *user, const BluetoothLEAdvertisementResponse *advert, uint64_t now_ns)
{
    (void)now_ns;
    event(user, 5, advert->name.data, advert->name.len);
}

static void on_scanner_state(void *user, uint32_t state, uint32_t mode, uint32_t configured_mode,
                             uint64_t now_ns)
{
    uint32_t values[] = {state, mode, configured_mode};
    (void)now_ns;
    event(user, 6, values, sizeof(values));
}

static void on_slots(void *user, const struct bleproxy_slots *slots, uint64_t now_ns)
{
    (void)now_ns;
    event(user, 7, slots->allocated, slots->n_allocated * sizeof(*slots->allocated));
}

static const struct session_ops ops = {on_ready, on_closed, get_time};
static const struct session_stream stream = {on_raw_advert, on_advert, on_scanner_state, on_slots};

static void feed(struct fuzz *fuzz, const uint8_t *data, size_t size, size_t chunk)
{
    struct iovec vec;
    for (size_t at = 0; at < size && !fuzz->freed; at += chunk) {
        size_t n = size - at < chunk ? size - at : chunk;
        uint8_t *received = malloc(n);
        FUZZ_CHECK(received != NULL);
        memcpy(received, data + at, n);
        session_feed(fuzz->session, received, n, fuzz->now_ns);
        free(received);
        /* Like a transport that writes all it is given. */
        if (!fuzz->freed)
            session_sent(fuzz->session, session_pending(fuzz->session, &vec));
    }
}

/* Everything that can be observed, as one number. */
static uint64_t run(const uint8_t *data, size_t size, bool whole)
{
    static const uint8_t psk[CIPHER_KEY_SIZE], handshake[5 + 3 + 49] = {1, 0, 2, 1, 0, 1, 0, 49, 0, 9};
    bool encrypted = data[0] & ENCRYPTED;
    struct fuzz fuzz = {.action = data[1] % ACTIONS, .countdown = 1u + data[1] / ACTIONS};
    struct session_config config = {.env = &env,
                                    .label = "proxy",
                                    .expected_name = data[0] & EXPECTS ? "vproxy" : NULL,
                                    .expected_mac = data[0] & EXPECTS ? "acbc32890ea8" : NULL,
                                    .client_info = "fuzz",
                                    .psk = encrypted ? psk : NULL,
                                    .aead = &aead_null,
                                    .timeouts = session_timeouts_default};
    FUZZ_CHECK(session_new(&config, &ops, &fuzz, 0, &fuzz.session) == 0);
    session_set_stream(fuzz.session, &stream, &fuzz);
    if (encrypted && (data[0] & HANDSHAKEN))
        feed(&fuzz, handshake, sizeof(handshake), sizeof(handshake));
    feed(&fuzz, data + 2, size - 2, whole ? size : 1u + (data[0] >> CHUNK_SHIFT));
    for (int i = 0; i < 20 && !fuzz.freed && session_deadline(fuzz.session) != BP_NEVER; i++) {
        uint64_t due = session_deadline(fuzz.session);
        FUZZ_CHECK(due >= fuzz.now_ns);
        fuzz.now_ns = due;
        session_tick(fuzz.session, fuzz.now_ns);
    }
    /* Silence ends every session. */
    FUZZ_CHECK(fuzz.freed || fuzz.closed);
    if (!fuzz.freed)
        session_free(fuzz.session);
    FUZZ_CHECK(fuzz.answered == fuzz.asked);
    return fuzz.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    FUZZ_CHECK(run(data, size, true) == run(data, size, false));
    return 0;
}
