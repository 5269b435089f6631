/* SPDX-License-Identifier: MIT */
#include "session/session_internal.h"

/* A message received only sets keepalive.heard; timers are looked at when they are due. */

void keepalive_start(struct session *session, uint64_t now_ns)
{
    session->keepalive = (struct keepalive){.check_ns = time_after(now_ns, session->config.timeouts.ping_ns),
                                            .dead_ns = BP_NEVER};
}

uint64_t keepalive_deadline(const struct session *session)
{
    if (session->stage != STAGE_READY)
        return BP_NEVER;
    return time_min(session->keepalive.check_ns, session->keepalive.dead_ns);
}

void keepalive_tick(struct session *session, uint64_t now_ns)
{
    struct keepalive *keepalive = &session->keepalive;
    const struct session_timeouts *timeouts = &session->config.timeouts;
    if (now_ns < keepalive_deadline(session))
        return;
    if (keepalive->heard)
        keepalive->dead_ns = BP_NEVER;
    if (now_ns >= keepalive->dead_ns) {
        session_finish(session, BLEPROXY_E_PING, now_ns, "stopped answering: check its power and network");
        return;
    }
    if (now_ns < keepalive->check_ns)
        return;
    if (!keepalive->heard) {
        /* One that cannot be written is made up for by the next. */
        PingRequest ping = PING_REQUEST__INIT;
        framing_write(session, MESSAGE_PING_REQUEST, &ping.base);
        if (keepalive->dead_ns == BP_NEVER)
            keepalive->dead_ns = time_after(now_ns, timeouts->dead_ns);
    }
    keepalive->heard = false;
    keepalive->check_ns = time_after(now_ns, timeouts->ping_ns);
}

void keepalive_ping_request(struct session *session, const ProtobufCMessage *message, uint64_t now_ns)
{
    (void)message;
    PingResponse pong = PING_RESPONSE__INIT;
    session_answer(session, MESSAGE_PING_RESPONSE, &pong.base, now_ns);
}
