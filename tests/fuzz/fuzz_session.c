/* SPDX-License-Identifier: MIT */
/* The client against a hostile proxy, with links and requests of all kinds. Byte 0: encrypted with the null cipher
 * (bit 0), the handshake is given (bit 1), a name and a MAC address are expected (bit 2), and how the bytes that
 * follow are cut. Byte 1: what a callback does, and which. However the bytes arrive, the same things happen; every
 * request completes once; silence ends the session; all memory is given back. */
#include "fuzz.h"

#include "noise/cipher.h"
#include "session/gatt.h"
#include <bleproxy/error.h>

enum { ENCRYPTED = 1, HANDSHAKEN = 2, EXPECTS = 4, CHUNK_SHIFT = 3, REQUESTS = 3 };
enum action {
    ACTION_NONE,
    ACTION_FREE,
    ACTION_DISCONNECT,
    ACTION_FORCE,
    ACTION_ASK,
    ACTION_DETACH,
    ACTION_CANCEL,
    ACTIONS
};

#define DEVICE UINT64_C(0xa4c138112233)
enum { HANDLE = 12, GATT_REQUESTS = 10, OUTCOMES_MAX = 2 * GATT_REQUESTS };

struct outcome {
    struct fuzz *fuzz;
    struct session_request *request; /* NULL: completed */
};

struct fuzz {
    struct session *session;
    uint64_t digest, now_ns;
    enum action action;
    unsigned countdown; /* events until the action */
    unsigned asked, answered;
    bool freed, closed;
    struct session_link link;
    struct outcome outcomes[OUTCOMES_MAX];
    size_t n_outcomes;
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

static void event(struct fuzz *fuzz, uint32_t what, const void *bytes, size_t size);

static void ask(struct fuzz *fuzz)
{
    if (session_get_device_info(fuzz->session, on_info, fuzz, fuzz->now_ns) == 0)
        fuzz->asked++;
}

/* Completes also while the session is freed or has ended: no event then. */
static void on_outcome(void *user, const struct session_outcome *result, uint64_t now_ns)
{
    struct outcome *outcome = user;
    struct fuzz *fuzz = outcome->fuzz;
    (void)now_ns;
    FUZZ_CHECK(outcome->request && !fuzz->closed);
    outcome->request = NULL;
    fuzz->answered++;
    mix(fuzz, &result->error, sizeof(result->error));
    mix(fuzz, &result->code, sizeof(result->code));
    if (!fuzz->freed)
        event(fuzz, 8, result->value, result->size);
}

static void on_service(void *user, const BluetoothGATTService *service)
{
    const struct outcome *outcome = user;
    FUZZ_CHECK(outcome->request);
    mix(outcome->fuzz, service->uuid, service->n_uuid * sizeof(*service->uuid));
    event(outcome->fuzz, 9, &service->handle, sizeof(service->handle));
}

static int ask_gatt_for(struct fuzz *fuzz, int what, struct outcome *outcome)
{
    static const uint8_t value[] = {1, 2};
    struct session_await await = {30 * NS_PER_S, on_outcome, outcome, &outcome->request};
    struct session *session = fuzz->session;
    switch (what) {
    case 0:
        return session_gatt_read(session, DEVICE, HANDLE, &await, fuzz->now_ns);
    case 1:
        return session_gatt_write(session, DEVICE, HANDLE, value, sizeof(value), &await, fuzz->now_ns);
    case 2:
        return session_gatt_read_descriptor(session, DEVICE, HANDLE, &await, fuzz->now_ns);
    case 3:
        return session_gatt_write_descriptor(session, DEVICE, HANDLE, value, 2, &await, fuzz->now_ns);
    case 4:
        return session_gatt_notify(session, DEVICE, HANDLE, true, &await, fuzz->now_ns);
    case 5:
        return session_gatt_services(session, DEVICE, on_service, &await, fuzz->now_ns);
    case 6:
        return session_device_pair(session, DEVICE, &await, fuzz->now_ns);
    case 7:
        return session_device_unpair(session, DEVICE, &await, fuzz->now_ns);
    case 8:
        return session_device_clear_cache(session, DEVICE, &await, fuzz->now_ns);
    default:
        return session_device_set_parameters(session, DEVICE, 800, 800, 0, 600, &await, fuzz->now_ns);
    }
}

static void ask_gatt(struct fuzz *fuzz)
{
    for (int i = 0; i < GATT_REQUESTS; i++) {
        struct outcome *outcome = &fuzz->outcomes[fuzz->n_outcomes];
        FUZZ_CHECK(fuzz->n_outcomes < OUTCOMES_MAX);
        outcome->fuzz = fuzz;
        if (ask_gatt_for(fuzz, i, outcome) == 0) {
            fuzz->n_outcomes++;
            fuzz->asked++;
        }
    }
}

static void cancel_gatt(struct fuzz *fuzz)
{
    for (size_t i = 0; i < fuzz->n_outcomes; i++)
        if (fuzz->outcomes[i].request)
            session_cancel(fuzz->outcomes[i].request, fuzz->now_ns);
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
        ask_gatt(fuzz);
        break;
    case ACTION_DETACH:
        session_link_detach(&fuzz->link);
        break;
    case ACTION_CANCEL:
        cancel_gatt(fuzz);
        break;
    case ACTION_NONE:
    case ACTIONS:
        break;
    }
}

static void on_connection(void *user, bool connected, uint32_t mtu, int32_t reason, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    FUZZ_CHECK(fuzz->link.session == fuzz->session);
    mix(fuzz, &connected, sizeof(connected));
    mix(fuzz, &mtu, sizeof(mtu));
    event(fuzz, 10, &reason, sizeof(reason));
}

static void on_notification(void *user, uint32_t handle, const uint8_t *value, size_t size, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    FUZZ_CHECK(fuzz->link.session == fuzz->session && handle <= UINT16_MAX);
    mix(fuzz, &handle, sizeof(handle));
    event(fuzz, 11, value, size);
}

static void on_end(void *user, int error, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    FUZZ_CHECK(!fuzz->link.session && error < 0);
    mix(fuzz, &error, sizeof(error));
}

static const struct session_link_ops link_ops = {on_connection, on_notification, on_end};

static void on_ready(void *user, uint64_t now_ns)
{
    struct fuzz *fuzz = user;
    (void)now_ns;
    for (int i = 0; i < REQUESTS; i++)
        ask(fuzz);
    ask_gatt(fuzz);
    FUZZ_CHECK(session_link_attach(&fuzz->link, fuzz->session, DEVICE, &link_ops, fuzz) == 0);
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

static void on_pending(void *user)
{
    struct fuzz *fuzz = user;
    struct iovec vec;
    FUZZ_CHECK(!fuzz->freed && !fuzz->closed && session_pending(fuzz->session, &vec) > 0);
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

static const struct session_ops ops = {on_ready, on_closed, on_pending, get_time};
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
    FUZZ_CHECK(fuzz.answered == fuzz.asked && !fuzz.link.session);
    return fuzz.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    FUZZ_CHECK(run(data, size, true) == run(data, size, false));
    return 0;
}
