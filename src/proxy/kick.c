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

static void on_settled(void *user, int error, const ProtobufCMessage *reply, uint64_t now_ns)
{
    struct proxy *proxy = user;
    const char *why = proxy->doubt;
    (void)reply;
    proxy->doubt = NULL;
    if (error == BLEPROXY_E_TIMEOUT)
        session_fail(proxy->session, BLEPROXY_E_PING, why, now_ns);
}

/* Asks for a sign of life; without one the session is over for that reason. One that cannot be asked is left to the
 * keepalive. */
static void doubt(struct proxy *proxy, const char *why, uint64_t timeout_ns, uint64_t now_ns)
{
    PingRequest ping = PING_REQUEST__INIT;
    proxy->doubt = why;
    if (session_request(proxy->session, MESSAGE_PING_REQUEST, &ping.base, MESSAGE_PING_RESPONSE, timeout_ns,
                        on_settled, proxy, now_ns, NULL) < 0)
        proxy->doubt = NULL;
}

static bool can_be_doubted(const struct proxy *proxy)
{
    return !proxy->freed && proxy->state == BLEPROXY_PROXY_READY && proxy->session && !proxy->doubt;
}

void proxy_doubt(struct proxy *proxy, uint64_t now_ns)
{
    if (!can_be_doubted(proxy) || now_ns < proxy->may_doubt_ns)
        return;
    proxy_enter(proxy);
    proxy->may_doubt_ns = time_after(now_ns, DOUBT_PAUSE_NS);
    doubt(proxy, "does not answer any more, and has announced another address", DOUBT_NS, now_ns);
    proxy_leave(proxy);
}

void proxy_wake(struct proxy *proxy, uint64_t now_ns)
{
    if (proxy->freed)
        return;
    proxy_enter(proxy);
    if (proxy->state == BLEPROXY_PROXY_WAITING && !proxy->pass.is_waiting)
        proxy->deadline_ns = now_ns;
    else if (can_be_doubted(proxy))
        doubt(proxy, "does not answer any more after this host was suspended, or came into another network",
              PROXY_WAKE_S * NS_PER_S, now_ns);
    proxy_leave(proxy);
}
