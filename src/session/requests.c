/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

static struct session_request *request_of(struct list *node)
{
    return list_entry(node, struct session_request, node);
}

int requests_begin(struct session *session, uint32_t type, const ProtobufCMessage *message,
                   const struct session_request *request, uint64_t timeout_ns, uint64_t now_ns,
                   struct session_request **ret_request)
{
    const struct env *env = session->config.env;
    struct session_request *kept = env_alloc(env, sizeof(*kept));
    if (!kept)
        return BLEPROXY_E_NOMEM;
    int r = session_send(session, type, message, now_ns);
    if (r < 0) {
        env_free(env, kept);
        return r;
    }
    *kept = *request;
    kept->session = session;
    kept->deadline_ns = time_after(now_ns, timeout_ns);
    list_append(&session->requests, &kept->node);
    if (ret_request)
        *ret_request = kept;
    return 0;
}

int session_request(struct session *session, uint32_t type, const ProtobufCMessage *message,
                    uint32_t reply_type, uint64_t timeout_ns, session_reply_fn *on_reply, void *user,
                    uint64_t now_ns, struct session_request **ret_request)
{
    struct session_request request = {.reply_type = reply_type, .on_reply = on_reply, .user = user};
    return requests_begin(session, type, message, &request, timeout_ns, now_ns, ret_request);
}

static bool request_awaits(const struct session_request *request, const struct answer *answer)
{
    bool is_reply = answer->type == request->reply_type || answer->type == request->other_type;
    if (!request->is_about_device)
        return is_reply;
    return (is_reply || answer->type == MESSAGE_DEVICE_CONNECTION_RESPONSE) &&
           request->address == answer->address &&
           (request->handle == answer->handle || request->handle == HANDLE_ANY ||
            answer->handle == HANDLE_ANY);
}

static void request_complete(struct session_request *request, const struct answer *answer, uint64_t now_ns)
{
    struct session *session = request->session;
    struct session_request done = *request;
    struct session_outcome outcome = answer->outcome;
    if (answer->is_refusal)
        outcome.error = request->refusal;
    if (session->streaming == request)
        session->streaming = NULL;
    list_unlink(&request->node);
    env_free(session->config.env, request);
    if (done.is_about_device)
        done.on_outcome(done.user, &outcome, now_ns);
    else
        done.on_reply(done.user, answer->message ? 0 : outcome.error, answer->message, now_ns);
}

static void complete_all(struct list *requests, const struct answer *answer, uint64_t now_ns)
{
    while (!list_empty(requests))
        request_complete(request_of(requests->next), answer, now_ns);
}

/* Requests that are to be called back go to a list of their own first: a callback may make others like them. */
static void request_set_aside(struct session_request *request)
{
    list_unlink(&request->node);
    list_append(&request->session->completing, &request->node);
}

void requests_match(struct session *session, const struct answer *answer)
{
    list_for_each(node, &session->requests) if (request_awaits(request_of(node), answer))
        request_set_aside(request_of(node));
}

void requests_complete(struct session *session, const struct answer *answer, uint64_t now_ns)
{
    complete_all(&session->completing, answer, now_ns);
}

void requests_stream(struct session *session, uint64_t address, BluetoothGATTService **services,
                     size_t n_services)
{
    list_for_each(node, &session->requests) if (request_of(node)->on_service &&
                                                request_of(node)->address == address)
        request_set_aside(request_of(node));
    while (!list_empty(&session->completing)) {
        struct session_request *request = request_of(session->completing.next);
        list_unlink(&request->node);
        list_append(&session->requests, &request->node);
        session->streaming = request;
        for (size_t i = 0; i < n_services && session->streaming; i++)
            request->on_service(request->user, services[i]);
        session->streaming = NULL;
    }
}

void requests_fail(struct session *session, int error, uint64_t now_ns)
{
    struct answer answer = {.outcome.error = error};
    complete_all(&session->completing, &answer, now_ns);
    complete_all(&session->requests, &answer, now_ns);
}

uint64_t requests_deadline(const struct session *session)
{
    uint64_t deadline = BP_NEVER;
    list_for_each(node, &session->requests) deadline = time_min(deadline, request_of(node)->deadline_ns);
    return deadline;
}

void requests_tick(struct session *session, uint64_t now_ns)
{
    struct answer answer = {.outcome.error = BLEPROXY_E_TIMEOUT};
    list_for_each(node, &session->requests)
    {
        struct session_request *request = request_of(node);
        if (now_ns < request->deadline_ns)
            continue;
        env_log(session->config.env, BLEPROXY_LOG_DEBUG, "session", session->config.label, "no %s in time",
                message_name(request->reply_type));
        request_set_aside(request);
    }
    requests_complete(session, &answer, now_ns);
}

void session_cancel(struct session_request *request, uint64_t now_ns)
{
    struct session *session = request->session;
    struct answer answer = {.outcome.error = BLEPROXY_E_CANCELLED};
    session_enter(session, now_ns);
    request_complete(request, &answer, now_ns);
    session_leave(session);
}

int session_ping(struct session *session, session_reply_fn *on_reply, void *user, uint64_t now_ns)
{
    PingRequest ping = PING_REQUEST__INIT;
    return session_request(session, MESSAGE_PING_REQUEST, &ping.base, MESSAGE_PING_RESPONSE,
                           session->config.timeouts.request_ns, on_reply, user, now_ns, NULL);
}
