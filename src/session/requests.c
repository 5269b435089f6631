/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

struct session_request {
    struct list node;
    struct session *session;
    uint32_t reply_type;
    uint64_t deadline_ns;
    session_reply_fn *on_reply;
    void *user;
};

static struct session_request *request_of(struct list *node)
{
    return list_entry(node, struct session_request, node);
}

int session_request(struct session *session, uint32_t type, const ProtobufCMessage *message,
                    uint32_t reply_type, uint64_t timeout_ns, session_reply_fn *on_reply, void *user,
                    uint64_t now_ns, struct session_request **ret_request)
{
    const struct env *env = session->config.env;
    struct session_request *request = env_alloc(env, sizeof(*request));
    if (!request)
        return BLEPROXY_E_NOMEM;
    int r = session_send(session, type, message, now_ns);
    if (r < 0) {
        env_free(env, request);
        return r;
    }
    *request = (struct session_request){.session = session,
                                        .reply_type = reply_type,
                                        .deadline_ns = time_after(now_ns, timeout_ns),
                                        .on_reply = on_reply,
                                        .user = user};
    list_append(&session->requests, &request->node);
    if (ret_request)
        *ret_request = request;
    return 0;
}

static void request_complete(struct session_request *request, int error, const ProtobufCMessage *reply,
                             uint64_t now_ns)
{
    session_reply_fn *on_reply = request->on_reply;
    void *user = request->user;
    list_unlink(&request->node);
    env_free(request->session->config.env, request);
    on_reply(user, error, reply, now_ns);
}

static void requests_complete(struct list *requests, int error, const ProtobufCMessage *reply,
                              uint64_t now_ns)
{
    while (!list_empty(requests))
        request_complete(request_of(requests->next), error, reply, now_ns);
}

/* Requests that are to complete go to a list of their own first: a callback may make others like them. */
static void request_set_aside(struct session_request *request)
{
    list_unlink(&request->node);
    list_append(&request->session->completing, &request->node);
}

void requests_answer(struct session *session, uint32_t type, const ProtobufCMessage *message, uint64_t now_ns)
{
    list_for_each(node, &session->requests) if (request_of(node)->reply_type == type)
        request_set_aside(request_of(node));
    requests_complete(&session->completing, 0, message, now_ns);
}

void requests_fail(struct session *session, int error, uint64_t now_ns)
{
    requests_complete(&session->completing, error, NULL, now_ns);
    requests_complete(&session->requests, error, NULL, now_ns);
}

uint64_t requests_deadline(const struct session *session)
{
    uint64_t deadline = BP_NEVER;
    list_for_each(node, &session->requests) deadline = time_min(deadline, request_of(node)->deadline_ns);
    return deadline;
}

void requests_tick(struct session *session, uint64_t now_ns)
{
    list_for_each(node, &session->requests)
    {
        struct session_request *request = request_of(node);
        if (now_ns < request->deadline_ns)
            continue;
        env_log(session->config.env, BLEPROXY_LOG_DEBUG, "session", session->config.label, "no %s in time",
                message_name(request->reply_type));
        request_set_aside(request);
    }
    requests_complete(&session->completing, BLEPROXY_E_TIMEOUT, NULL, now_ns);
}

void session_cancel(struct session_request *request, uint64_t now_ns)
{
    struct session *session = request->session;
    session_enter(session, now_ns);
    request_complete(request, BLEPROXY_E_CANCELLED, NULL, now_ns);
    session_leave(session);
}

int session_ping(struct session *session, session_reply_fn *on_reply, void *user, uint64_t now_ns)
{
    PingRequest ping = PING_REQUEST__INIT;
    return session_request(session, MESSAGE_PING_REQUEST, &ping.base, MESSAGE_PING_RESPONSE,
                           session->config.timeouts.request_ns, on_reply, user, now_ns, NULL);
}
