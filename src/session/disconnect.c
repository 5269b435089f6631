/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

void disconnect_begin(struct session *session, uint64_t now_ns)
{
    DisconnectRequest request = DISCONNECT_REQUEST__INIT;
    session->end.expected = true;
    session->settle_deadline_ns = BP_NEVER;
    session->stage = STAGE_CLOSING;
    session->stage_deadline_ns = time_after(now_ns, session->config.timeouts.disconnect_ns);
    if (framing_write(session, MESSAGE_DISCONNECT_REQUEST, &request.base) < 0)
        session_finish(session, 0, now_ns, "was disconnected, without telling it");
}

void session_disconnect(struct session *session, bool force, uint64_t now_ns)
{
    session_enter(session, now_ns);
    switch (session->stage) {
    case STAGE_HANDSHAKE:
    case STAGE_HELLO:
        if (session->settle_deadline_ns == BP_NEVER)
            session->settle_deadline_ns = time_after(now_ns, session->config.timeouts.settle_ns);
        if (force && session->stage == STAGE_HELLO)
            disconnect_begin(session, now_ns);
        break;
    case STAGE_READY:
        disconnect_begin(session, now_ns);
        break;
    case STAGE_CLOSING:
    case STAGE_ENDED:
        break;
    }
    if (force)
        session_finish(session, 0, now_ns, "was disconnected");
    session_leave(session);
}

/* The hello did not come in the time that a disconnect waits for it. */
void disconnect_tick(struct session *session, uint64_t now_ns)
{
    if (session->stage == STAGE_ENDED || now_ns < session->settle_deadline_ns)
        return;
    if (session->stage == STAGE_HANDSHAKE)
        session_finish(session, 0, now_ns, "was disconnected while its handshake was still awaited");
    else
        disconnect_begin(session, now_ns);
}

void disconnect_request(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    DisconnectResponse response = DISCONNECT_RESPONSE__INIT;
    session->end.expected = true;
    session->end.disconnect_reason = ((const DisconnectRequest *)message)->reason;
    framing_write(session, MESSAGE_DISCONNECT_RESPONSE,
                  &response.base); /* where that fails, it ends all the same */
    session_finish(session, 0, now_ns, "asked to be disconnected");
}

void disconnect_response(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    if (session->stage == STAGE_CLOSING)
        session_finish(session, 0, now_ns, "was disconnected");
}
