/* SPDX-License-Identifier: MIT */
#include "proxy/proxy_private.h"
#include <bleproxy/error.h>

#define KICK_AFTER_NS  (500 * NS_PER_MS) /* younger attempts are under way to the address that was announced */
#define KICK_PAUSE_NS  NS_PER_S /* between kicks: whoever announces without end does not have us connect so */
#define DOUBT_NS       NS_PER_S /* the time for an answer when the address has changed */
#define DOUBT_PAUSE_NS (10 * NS_PER_S) /* between doubts, for the same reason */

/* Whether an announcement makes a difference to what is under way. */
static bool can_be_kicked(const struct proxy *proxy, uint64_t now_ns)
{
    if (proxy->freed || proxy->depth > 0 || now_ns < proxy->may_kick_ns)
        return false;
    if (proxy->state == BLEPROXY_PROXY_CONNECTING)
        return proxy->dial && !proxy->was_kicked && now_ns - proxy->attempt_ns >= KICK_AFTER_NS;
    return proxy->state == BLEPROXY_PROXY_WAITING;
}

void proxy_kick(struct proxy *proxy, uint64_t now_ns)
{
    if (!can_be_kicked(proxy, now_ns))
        return;
    proxy_enter(proxy);
    env_log(proxy->env, BLEPROXY_LOG_DEBUG, "proxy", proxy->settings.session.label,
            "announces itself: connecting now");
    proxy->may_kick_ns = time_after(now_ns, KICK_PAUSE_NS);
    proxy->was_kicked = proxy->state == BLEPROXY_PROXY_CONNECTING;
    struct dial *dial = proxy->dial;
    proxy->dial = NULL;
    dial_free(dial);
    proxy_begin_attempt(proxy, now_ns);
    proxy_leave(proxy);
}

static void on_doubt_settled(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    struct proxy *proxy = user;
    (void)reply;
    proxy->doubted = false;
    if (error == BLEPROXY_E_TIMEOUT)
        session_fail(proxy->session, BLEPROXY_E_PING,
                     "does not answer any more, and has announced another address", now_ns);
}

void proxy_doubt(struct proxy *proxy, uint64_t now_ns)
{
    if (proxy->freed || proxy->state != BLEPROXY_PROXY_READY || !proxy->session || proxy->doubted ||
        now_ns < proxy->may_doubt_ns)
        return;
    PingRequest ping = PING_REQUEST__INIT;
    proxy_enter(proxy);
    proxy->may_doubt_ns = time_after(now_ns, DOUBT_PAUSE_NS);
    /* One that cannot be asked is left to the keepalive. */
    proxy->doubted = session_request(proxy->session, MESSAGE_PING_REQUEST, &ping.base, MESSAGE_PING_RESPONSE,
                                     DOUBT_NS, on_doubt_settled, proxy, now_ns, NULL) == 0;
    proxy_leave(proxy);
}

static void on_wake_settled(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    struct proxy *proxy = user;
    (void)reply;
    proxy->doubted = false;
    if (error == BLEPROXY_E_TIMEOUT)
        session_fail(proxy->session, BLEPROXY_E_PING,
                     "does not answer any more after this host was suspended, or came into another network",
                     now_ns);
}

void proxy_wake(struct proxy *proxy, uint64_t now_ns)
{
    PingRequest ping = PING_REQUEST__INIT;
    if (proxy->freed)
        return;
    proxy_enter(proxy);
    if (proxy->state == BLEPROXY_PROXY_WAITING && !proxy->pass.is_waiting)
        proxy->deadline_ns = now_ns;
    else if (proxy->state == BLEPROXY_PROXY_READY && proxy->session && !proxy->doubted)
        proxy->doubted =
            session_request(proxy->session, MESSAGE_PING_REQUEST, &ping.base, MESSAGE_PING_RESPONSE,
                            PROXY_WAKE_S * NS_PER_S, on_wake_settled, proxy, now_ns, NULL) == 0;
    proxy_leave(proxy);
}
