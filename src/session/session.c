/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

#include "names/sanitise.h"
#include <stdarg.h>
#include <stdio.h>

enum {
    LABEL_MAX = 100,            /* bytes of the proxy's label in a text */
    SESSION_ANSWERS_MAX = 4096, /* bytes beyond SESSION_OUT_MAX for what the proxy wants to know */
};

const struct session_timeouts session_timeouts_default = {
    .handshake_ns = 60 * NS_PER_S,
    .hello_ns = 30 * NS_PER_S,
    .request_ns = 10 * NS_PER_S,
    .ping_ns = 20 * NS_PER_S,
    .dead_ns = 90 * NS_PER_S,
    .disconnect_ns = 10 * NS_PER_S,
    .settle_ns = 5 * NS_PER_S,
};

/* Messages that the session itself acts upon. */
static const struct {
    uint32_t type;
    void (*handle)(struct session *session, const ProtobufCMessage *message, uint64_t now_ns);
} handlers[] = {
    {MESSAGE_HELLO_RESPONSE, hello_response},
    {MESSAGE_AUTHENTICATION_RESPONSE, hello_authentication_response},
    {MESSAGE_DISCONNECT_REQUEST, disconnect_request},
    {MESSAGE_DISCONNECT_RESPONSE, disconnect_response},
    {MESSAGE_PING_REQUEST, keepalive_ping_request},
    {MESSAGE_GET_TIME_REQUEST, clock_get_time_request},
    {MESSAGE_ADVERTISEMENT_RESPONSE, scan_advert},
    {MESSAGE_SCANNER_STATE_RESPONSE, scan_state},
    {MESSAGE_CONNECTIONS_FREE_RESPONSE, scan_slots},
    {MESSAGE_DEVICE_CONNECTION_RESPONSE, link_connection},
    {MESSAGE_GATT_GET_SERVICES_RESPONSE, gatt_services},
};

static void session_destroy(struct session *session)
{
    framing_deinit(session);
    buffer_deinit(&session->out);
    arena_deinit(&session->arena);
    env_free(session->config.env, session);
}

void session_enter(struct session *session, uint64_t now_ns)
{
    session->now_ns = now_ns;
    session->depth++;
}

static void session_tell_pending(struct session *session)
{
    if (session->out.size == 0 || session->told_pending || session->stage == STAGE_ENDED)
        return;
    session->told_pending = true;
    if (session->ops->on_pending)
        session->ops->on_pending(session->user);
}

void session_leave(struct session *session)
{
    if (--session->depth > 0)
        return;
    if (session->freed)
        session_destroy(session);
    else
        session_tell_pending(session);
}

int session_new(const struct session_config *config, const struct session_ops *ops, void *user,
                uint64_t now_ns, struct session **ret_session)
{
    if (!config->label || !config->client_info || (config->psk && !config->aead))
        return BLEPROXY_E_INVALID;
    struct session *session = env_alloc(config->env, sizeof(*session));
    if (!session)
        return BLEPROXY_E_NOMEM;
    session->config = *config;
    session->ops = ops;
    session->user = user;
    session->now_ns = now_ns;
    session->settle_deadline_ns = BP_NEVER;
    list_init(&session->requests);
    list_init(&session->completing);
    list_init(&session->links);
    buffer_init(&session->out, config->env, SESSION_OUT_MAX);
    arena_init(&session->arena, config->env);

    int r = framing_init(session);
    if (r == 0 && config->psk)
        session->stage_deadline_ns = time_after(now_ns, config->timeouts.handshake_ns);
    else if (r == 0)
        r = hello_begin(session, now_ns);
    if (r < 0) {
        session_destroy(session);
        return r == BLEPROXY_E_LIMIT ? BLEPROXY_E_INVALID : r;
    }
    *ret_session = session;
    return 0;
}

void session_free(struct session *session)
{
    if (!session || session->freed)
        return;
    session_enter(session, session->now_ns);
    session->freed = true;
    session->stage = STAGE_ENDED;
    links_end(session, BLEPROXY_E_CLOSED, session->now_ns);
    requests_fail(session, BLEPROXY_E_CANCELLED, session->now_ns);
    session_leave(session);
}

/* How a request that was outstanding at the end failed: never 0. */
static int session_request_error(const struct session *session)
{
    if (session->request_error != 0)
        return session->request_error;
    return session->end.error != 0 ? session->end.error : BLEPROXY_E_CLOSED;
}

void session_finish(struct session *session, int error, uint64_t now_ns, const char *format, ...)
{
    if (session->stage == STAGE_ENDED)
        return;
    struct session_end *end = &session->end;
    char words[SESSION_END_TEXT_MAX], sentence[2 * SESSION_END_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    int size = snprintf(sentence, sizeof(sentence), "%.*s %s", LABEL_MAX, session->config.label, words);
    sanitise(end->text, sizeof(end->text), sentence, size < 0 ? 0 : (size_t)size, SIZE_MAX);
    end->error = error;
    end->expected = end->expected || session->settle_deadline_ns != BP_NEVER;
    env_log(session->config.env, BLEPROXY_LOG_DEBUG, "session", session->config.label, "ended: %s",
            end->text);

    session_enter(session, now_ns);
    session->stage = STAGE_ENDED;
    links_end(session, error != 0 ? error : BLEPROXY_E_CLOSED, now_ns);
    requests_fail(session, session_request_error(session), now_ns);
    if (!session->freed)
        session->ops->on_closed(session->user, end, now_ns);
    session_leave(session);
}

void session_answer(struct session *session, uint32_t type, const ProtobufCMessage *message, uint64_t now_ns)
{
    session->out.limit = SESSION_OUT_MAX + SESSION_ANSWERS_MAX;
    int r = framing_write(session, type, message);
    session->out.limit = SESSION_OUT_MAX;
    if (r == BLEPROXY_E_LIMIT)
        session_finish(session, r, now_ns, "does not read what is sent to it: check its network");
    else if (r < 0)
        session_finish(session, r, now_ns, "could not be answered: %s", bleproxy_strerror(r));
}

/* Shows what could not be understood, up to the 128th byte. */
static void session_log_malformed(const struct session *session, const struct frame *frame)
{
    enum { SHOWN_MAX = 128 };
    char shown[2 * SHOWN_MAX + 1] = "";
    if (!env_logs(session->config.env, BLEPROXY_LOG_DEBUG))
        return;
    for (size_t i = 0; i < frame->size && i < SHOWN_MAX; i++)
        snprintf(shown + 2 * i, 3, "%02x", frame->data[i]);
    env_log(session->config.env, BLEPROXY_LOG_DEBUG, "session", session->config.label,
            "malformed %s of %zu bytes: %s", message_name(frame->type), frame->size, shown);
}

static void session_malformed(struct session *session, const struct frame *frame, uint64_t now_ns)
{
    session_log_malformed(session, frame);
    session_finish(session, BLEPROXY_E_PROTOCOL, now_ns,
                   "sent a malformed %s: update its firmware or this program", message_name(frame->type));
}

static void session_handle(struct session *session, const struct frame *frame, uint64_t now_ns)
{
    ProtobufCMessage *message;
    int r = message_unpack(&session->arena, frame->type, frame->data, frame->size, &message);
    if (r == MESSAGE_UNKNOWN)
        return;
    if (r == BLEPROXY_E_NOMEM) {
        session_finish(session, r, now_ns, "sent a message for which there is no memory");
        return;
    }
    if (r != 0) {
        session_malformed(session, frame, now_ns);
        return;
    }
    struct answer answer = {.type = frame->type, .message = message, .handle = HANDLE_ANY};
    if (!gatt_read_answer(&answer))
        return;
    /* Whoever has a link learns of its end as such, and takes its requests back; what is requested meanwhile is
     * not meant by the answer. */
    requests_match(session, &answer);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]) && session->stage != STAGE_ENDED; i++)
        if (handlers[i].type == frame->type)
            handlers[i].handle(session, message, now_ns);
    requests_complete(session, &answer, now_ns);
}

static void session_dispatch(struct session *session, const struct frame *frame, uint64_t now_ns)
{
    if (frame->type == 0 || frame->type > MESSAGE_TYPE_LAST)
        return;
    session->keepalive.heard = true;
    if (frame->type == MESSAGE_RAW_ADVERTISEMENTS_RESPONSE) {
        if (!scan_raw_adverts(session, frame, now_ns))
            session_malformed(session, frame, now_ns);
        return;
    }
    if (frame->type == MESSAGE_GATT_NOTIFY_DATA_RESPONSE) {
        if (!link_notification(session, frame, now_ns))
            session_malformed(session, frame, now_ns);
        return;
    }
    session_handle(session, frame, now_ns);
    arena_reset(&session->arena);
}

void session_feed(struct session *session, uint8_t *bytes, size_t n, uint64_t now_ns)
{
    session_enter(session, now_ns);
    struct frame frame;
    while (framing_next(session, &bytes, &n, now_ns, &frame) == 0)
        session_dispatch(session, &frame, now_ns);
    session_leave(session);
}

size_t session_pending(const struct session *session, struct iovec *ret_vec)
{
    *ret_vec = (struct iovec){buffer_data(&session->out), session->out.size};
    return session->out.size;
}

void session_sent(struct session *session, size_t n)
{
    buffer_consume(&session->out, n);
    if (session->out.size == 0)
        session->told_pending = false;
}

uint64_t session_deadline(const struct session *session)
{
    if (session->stage == STAGE_ENDED)
        return BP_NEVER;
    uint64_t deadline = time_min(session->stage_deadline_ns, session->settle_deadline_ns);
    return time_min(deadline, time_min(keepalive_deadline(session), requests_deadline(session)));
}

static void session_stage_tick(struct session *session, uint64_t now_ns)
{
    if (now_ns < session->stage_deadline_ns)
        return;
    switch (session->stage) {
    case STAGE_HANDSHAKE:
        session_finish(session, BLEPROXY_E_TIMEOUT, now_ns,
                       "did not complete the encryption handshake in time: check its network, or restart it");
        break;
    case STAGE_HELLO:
        session_finish(session, BLEPROXY_E_TIMEOUT, now_ns,
                       "sent no HelloResponse in time: check its network, or restart it");
        break;
    case STAGE_CLOSING:
        session_finish(session, 0, now_ns, "was disconnected, without an answer to that");
        break;
    case STAGE_READY:
    case STAGE_ENDED:
        break;
    }
}

void session_tick(struct session *session, uint64_t now_ns)
{
    session_enter(session, now_ns);
    session_stage_tick(session, now_ns);
    disconnect_tick(session, now_ns);
    keepalive_tick(session, now_ns);
    requests_tick(session, now_ns);
    session_leave(session);
}

void session_fail(struct session *session, int error, const char *detail, uint64_t now_ns)
{
    if (session->stage == STAGE_CLOSING)
        session_finish(session, 0, now_ns, "was disconnected");
    else if (error == BLEPROXY_E_IO && session->framing.state == FRAMING_AWAITS_HELLO)
        session_finish(session, BLEPROXY_E_ENCRYPTION_HELLO, now_ns,
                       "broke off before encryption began (%s): if it does not encrypt, remove its noise_psk",
                       detail ? detail : "reset");
    else if (error == BLEPROXY_E_IO) {
        session->request_error = BLEPROXY_E_REQUEST_FAILED;
        session_finish(session, BLEPROXY_E_CLOSED, now_ns, "was lost (%s): check its power and network",
                       detail ? detail : "connection reset");
    } else if (error != BLEPROXY_E_CLOSED)
        session_finish(session, error, now_ns, "was given up: %s",
                       detail ? detail : bleproxy_strerror(error));
    else if (session->end.was_ready)
        session_finish(session, error, now_ns, "closed the connection: check its power and network");
    else
        session_finish(
            session, error, now_ns,
            "closed the connection before it was ready: it may have none to spare for another client");
}

void session_set_stream(struct session *session, const struct session_stream *stream, void *user)
{
    session->stream = stream ? *stream : (struct session_stream){0};
    session->stream_user = user;
}

bool session_is_ready(const struct session *session)
{
    return session->stage == STAGE_READY;
}

bool session_is_encrypted(const struct session *session)
{
    return session->config.psk;
}

void session_api_version(const struct session *session, uint32_t *ret_major, uint32_t *ret_minor)
{
    *ret_major = session->api_major;
    *ret_minor = session->api_minor;
}

bool session_is_waiting(const struct session *session)
{
    return session->stage < STAGE_READY || session->stage == STAGE_CLOSING ||
           !list_empty(&session->requests) || !list_empty(&session->links);
}

int session_send(struct session *session, uint32_t type, const ProtobufCMessage *message, uint64_t now_ns)
{
    if (session->stage == STAGE_ENDED && session->end.error < 0)
        return session->end.error;
    if (session->stage != STAGE_READY)
        return BLEPROXY_E_NOT_CONNECTED;
    session_enter(session, now_ns);
    int r = framing_write(session, type, message);
    session_leave(session);
    return r;
}
