/* SPDX-License-Identifier: MIT */
#include "proxy/proxy.h"

#include "proxy/settings.h"
#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

#define AFTER_LEAVE_NS (5 * NS_PER_S)    /* the pause after a session that either side ended on purpose */
#define KICK_AFTER_NS  (500 * NS_PER_MS) /* younger attempts are under way to the address that was announced */
#define KICK_PAUSE_NS  NS_PER_S /* between kicks: whoever announces without end does not have us connect so */
#define DOUBT_NS       NS_PER_S /* the time for an answer when the address has changed */
#define BRIEF_NS       (5 * NS_PER_S) /* a proxy that keeps closing sessions younger than this is not usable */

/* What a wrong key or password counts as: enough failures for the longest pause. */
enum { AUTH_FAILURES = 100 };

struct proxy {
    const struct env *env;
    const struct proxy_ops *ops;
    void *user;
    struct settings settings;

    enum bleproxy_proxy_state state, reported;
    uint64_t deadline_ns; /* of the look-up, or the end of the pause; else BP_NEVER */
    bool is_resolving;
    struct dial *dial; /* while connecting */
    struct session *session;
    unsigned attempt; /* the connection of the session, while it is open */
    bool is_open;
    bool told_ready;              /* on_ready was called, on_down not yet */
    bool rejected;                /* the owner has no use for the session */
    struct session_end rejection; /* with an error: what on_down tells, for the session ended because of it */

    unsigned failures, failures_before; /* since the last success, and before that */
    uint64_t ready_ns;                  /* when the session became ready */
    bool was_brief;                     /* the last session was lost soon after that */
    bool deep_sleep;
    bool doubted;         /* a ping will tell */
    bool was_kicked;      /* the attempt took the place of one that was under way */
    uint64_t attempt_ns;  /* when it began */
    uint64_t may_kick_ns; /* not before */

    unsigned depth; /* calls on the stack */
    bool freed;
};

static void destroy(struct proxy *proxy)
{
    const struct env *env = proxy->env;
    settings_deinit(&proxy->settings);
    env_free(env, proxy);
}

static void enter(struct proxy *proxy)
{
    proxy->depth++;
}

static void leave(struct proxy *proxy)
{
    if (--proxy->depth == 0 && proxy->freed)
        destroy(proxy);
}

int proxy_new(const struct proxy_config *config, const struct proxy_ops *ops, void *user,
              struct proxy **ret_proxy)
{
    const struct env *env = config->session.env;
    struct proxy *proxy = env_alloc(env, sizeof(*proxy));
    if (!proxy)
        return BLEPROXY_E_NOMEM;
    int error = settings_init(&proxy->settings, config);
    if (error) {
        env_free(env, proxy);
        return error;
    }
    proxy->env = env;
    proxy->ops = ops;
    proxy->user = user;
    proxy->deadline_ns = BP_NEVER;
    *ret_proxy = proxy;
    return 0;
}

/* The session still offers its last bytes meanwhile. */
static void close_transport(struct proxy *proxy)
{
    if (!proxy->is_open)
        return;
    proxy->is_open = false;
    proxy->ops->close(proxy->user, proxy->attempt);
}

static void stop_resolving(struct proxy *proxy)
{
    if (!proxy->is_resolving)
        return;
    proxy->is_resolving = false;
    proxy->ops->cancel_resolve(proxy->user);
}

static void drop_session(struct proxy *proxy)
{
    struct session *session = proxy->session;
    proxy->session = NULL;
    session_free(session);
}

/* Gives up whatever is under way, without a word to anyone but the transport. */
static void abandon(struct proxy *proxy)
{
    proxy->state = BLEPROXY_PROXY_STOPPED;
    proxy->deadline_ns = BP_NEVER;
    proxy->told_ready = false;
    stop_resolving(proxy);
    struct dial *dial = proxy->dial;
    proxy->dial = NULL;
    dial_free(dial);
    close_transport(proxy);
    drop_session(proxy);
}

void proxy_free(struct proxy *proxy)
{
    if (!proxy || proxy->freed)
        return;
    enter(proxy);
    proxy->freed = true;
    abandon(proxy);
    leave(proxy);
}

/* Tells of the state unless it was told already. The owner may change it, or free the proxy, from within. */
static const char *state_name(enum bleproxy_proxy_state state)
{
    switch (state) {
    case BLEPROXY_PROXY_STOPPED:
        return "stopped";
    case BLEPROXY_PROXY_RESOLVING:
        return "looking up its address";
    case BLEPROXY_PROXY_CONNECTING:
        return "connecting";
    case BLEPROXY_PROXY_HANDSHAKING:
        return "TCP connection is up, greeting";
    case BLEPROXY_PROXY_READY:
        return "ready";
    case BLEPROXY_PROXY_WAITING:
        return "waiting";
    case BLEPROXY_PROXY_STOPPING:
        return "stopping";
    }
    return "unknown";
}

static void report_state(struct proxy *proxy, uint64_t now_ns)
{
    if (proxy->freed || proxy->state == proxy->reported)
        return;
    proxy->reported = proxy->state;
    env_log(proxy->env, BLEPROXY_LOG_DEBUG, "proxy", proxy->settings.session.label, "%s",
            state_name(proxy->state));
    if (proxy->ops->on_state)
        proxy->ops->on_state(proxy->user, proxy->state, now_ns);
}

/* Enters the state and tells of it; false when the owner has gone elsewhere from within. */
static bool change_state(struct proxy *proxy, enum bleproxy_proxy_state state, uint64_t deadline_ns,
                         uint64_t now_ns)
{
    proxy->state = state;
    proxy->deadline_ns = deadline_ns;
    report_state(proxy, now_ns);
    return proxy->state == state;
}

static void stopped(struct proxy *proxy, uint64_t now_ns)
{
    change_state(proxy, BLEPROXY_PROXY_STOPPED, BP_NEVER, now_ns);
    if (!proxy->freed)
        proxy->ops->on_stopped(proxy->user, now_ns);
}

static bool is_about_authentication(int error)
{
    return error == BLEPROXY_E_REQUIRES_ENCRYPTION || error == BLEPROXY_E_INVALID_KEY ||
           error == BLEPROXY_E_ENCRYPTION || error == BLEPROXY_E_INVALID_AUTH;
}

/* Counts a failure, logs it, and begins the pause after it without telling of the new state yet. */
static void count_failure(struct proxy *proxy, const struct session_end *why, uint64_t now_ns)
{
    bool first = proxy->failures == 0;
    proxy->failures = is_about_authentication(why->error) ? AUTH_FAILURES : proxy->failures + 1;
    uint64_t pause_ns = proxy_backoff_ns(proxy->failures, proxy->deep_sleep);
    proxy->state = BLEPROXY_PROXY_WAITING;
    proxy->deadline_ns = time_after(now_ns, pause_ns);
    env_log(proxy->env, first ? BLEPROXY_LOG_WARNING : BLEPROXY_LOG_DEBUG, "proxy",
            proxy->settings.session.label, "%s; next attempt in %u s", why->text,
            (unsigned)(pause_ns / NS_PER_S));
}

static void attempt_ended(struct proxy *proxy, const struct session_end *why, uint64_t now_ns)
{
    struct session_end end = *why;
    if (end.error == 0) /* a goodbye is a good end only of what was ready */
        end.error = BLEPROXY_E_CLOSED;
    count_failure(proxy, &end, now_ns);
    proxy->ops->on_failed(proxy->user, &end, now_ns);
    report_state(proxy, now_ns);
}

static void attempt_failed(struct proxy *proxy, int error, const char *doing, const char *why,
                           uint64_t now_ns)
{
    struct session_end end = {.error = error};
    const char *host = proxy->settings.host;
    bool is_ipv6 = strchr(host, ':') != NULL;
    snprintf(end.text, sizeof(end.text), "cannot %s %s%s%s:%u: %s", doing, is_ipv6 ? "[" : "", host,
             is_ipv6 ? "]" : "", proxy->settings.port, why ? why : bleproxy_strerror(error));
    attempt_ended(proxy, &end, now_ns);
}

/* One that was lost soon, again, counts as a failure: connecting again at once would never end. */
static bool counts_as_failure(struct proxy *proxy, const struct session_end *end, uint64_t now_ns)
{
    bool brief = !proxy->rejected && now_ns - proxy->ready_ns < BRIEF_NS;
    bool again = brief && proxy->was_brief;
    proxy->was_brief = brief;
    return !end->expected && (proxy->rejected || again);
}

static void session_lost(struct proxy *proxy, const struct session_end *end, uint64_t now_ns)
{
    if (counts_as_failure(proxy, end, now_ns)) {
        proxy->failures = proxy->failures_before;
        count_failure(proxy, end, now_ns);
    } else {
        proxy->state = BLEPROXY_PROXY_WAITING;
        proxy->deadline_ns = end->expected ? time_after(now_ns, AFTER_LEAVE_NS) : now_ns;
        env_log(proxy->env, end->expected ? BLEPROXY_LOG_INFO : BLEPROXY_LOG_WARNING, "proxy",
                proxy->settings.session.label, "%s; connecting again %s", end->text,
                end->expected ? "in 5 s" : "at once");
    }
    proxy->ops->on_down(proxy->user, end, now_ns);
    report_state(proxy, now_ns);
}

static void on_session_ready(void *user, uint64_t now_ns)
{
    struct proxy *proxy = user;
    if (proxy->state != BLEPROXY_PROXY_HANDSHAKING)
        return; /* stopping */
    enter(proxy);
    proxy->state = BLEPROXY_PROXY_READY;
    proxy->told_ready = true;
    proxy->ready_ns = now_ns;
    proxy->failures_before = proxy->failures;
    proxy->failures = 0;
    env_log(proxy->env, BLEPROXY_LOG_INFO, "proxy", proxy->settings.session.label, "connected");
    proxy->ops->on_ready(proxy->user, now_ns);
    report_state(proxy, now_ns);
    leave(proxy);
}

static void on_session_closed(void *user, const struct session_end *end, uint64_t now_ns)
{
    struct proxy *proxy = user;
    enter(proxy);
    bool was_told = proxy->told_ready;
    proxy->told_ready = false;
    close_transport(proxy);
    drop_session(proxy);
    if (proxy->rejected && proxy->rejection.error)
        end = &proxy->rejection;
    if (proxy->freed) {
        /* from within close: nobody is left to be told */
    } else if (proxy->state == BLEPROXY_PROXY_STOPPING) {
        if (was_told)
            proxy->ops->on_down(proxy->user, end, now_ns);
        if (!proxy->freed)
            stopped(proxy, now_ns);
    } else if (was_told) {
        session_lost(proxy, end, now_ns);
    } else {
        attempt_ended(proxy, end, now_ns);
    }
    proxy->rejected = false;
    leave(proxy);
}

static void get_time(void *user, struct session_time *ret_time)
{
    const struct proxy *proxy = user;
    proxy->ops->get_time(proxy->user, ret_time);
}

static void on_session_pending(void *user)
{
    const struct proxy *proxy = user;
    if (proxy->ops->on_pending)
        proxy->ops->on_pending(proxy->user);
}

static const struct session_ops session_ops = {on_session_ready, on_session_closed, on_session_pending,
                                               get_time};
static const struct session_ops session_ops_without_time = {on_session_ready, on_session_closed,
                                                            on_session_pending, NULL};

static void on_dial_open(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    const struct proxy *proxy = user;
    proxy->ops->open(proxy->user, attempt, address, now_ns);
}

static void on_dial_close(void *user, unsigned attempt)
{
    const struct proxy *proxy = user;
    proxy->ops->close(proxy->user, attempt);
}

static void on_dial_done(void *user, int error, unsigned attempt, const char *text, uint64_t now_ns)
{
    struct proxy *proxy = user;
    dial_free(proxy->dial);
    proxy->dial = NULL;
    if (error) {
        attempt_failed(proxy, error, "connect to", text, now_ns);
        return;
    }
    proxy->attempt = attempt;
    proxy->is_open = true;
    error =
        session_new(&proxy->settings.session, proxy->ops->get_time ? &session_ops : &session_ops_without_time,
                    proxy, now_ns, &proxy->session);
    if (error) {
        close_transport(proxy);
        if (proxy->state == BLEPROXY_PROXY_CONNECTING)
            attempt_failed(proxy, error, "speak to", NULL, now_ns);
        return;
    }
    on_session_pending(proxy);
    change_state(proxy, BLEPROXY_PROXY_HANDSHAKING, BP_NEVER, now_ns);
}

static const struct dial_ops dial_ops = {on_dial_open, on_dial_close, on_dial_done};

static void begin_attempt(struct proxy *proxy, uint64_t now_ns)
{
    proxy->attempt_ns = now_ns;
    if (!change_state(proxy, BLEPROXY_PROXY_RESOLVING, time_after(now_ns, proxy->settings.resolve_ns),
                      now_ns))
        return;
    proxy->is_resolving = true;
    proxy->ops->resolve(proxy->user, proxy->settings.host, proxy->settings.port, now_ns);
}

int proxy_start(struct proxy *proxy, uint64_t now_ns)
{
    if (proxy->state != BLEPROXY_PROXY_STOPPED || proxy->freed)
        return BLEPROXY_E_STATE;
    enter(proxy);
    if (proxy->depth > 1)
        change_state(proxy, BLEPROXY_PROXY_WAITING, now_ns, now_ns);
    else
        begin_attempt(proxy, now_ns);
    leave(proxy);
    return 0;
}

void proxy_stop(struct proxy *proxy, uint64_t now_ns)
{
    if (proxy->freed)
        return;
    enter(proxy);
    switch (proxy->state) {
    case BLEPROXY_PROXY_STOPPED:
        proxy->ops->on_stopped(proxy->user, now_ns);
        break;
    case BLEPROXY_PROXY_RESOLVING:
    case BLEPROXY_PROXY_CONNECTING:
    case BLEPROXY_PROXY_WAITING:
        abandon(proxy);
        stopped(proxy, now_ns);
        break;
    case BLEPROXY_PROXY_HANDSHAKING:
    case BLEPROXY_PROXY_READY:
        if (change_state(proxy, BLEPROXY_PROXY_STOPPING, BP_NEVER, now_ns) && proxy->session)
            session_disconnect(proxy->session, false, now_ns);
        break;
    case BLEPROXY_PROXY_STOPPING:
        break;
    }
    leave(proxy);
}

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
    enter(proxy);
    env_log(proxy->env, BLEPROXY_LOG_DEBUG, "proxy", proxy->settings.session.label,
            "announces itself: connecting now");
    proxy->may_kick_ns = time_after(now_ns, KICK_PAUSE_NS);
    proxy->was_kicked = proxy->state == BLEPROXY_PROXY_CONNECTING;
    struct dial *dial = proxy->dial;
    proxy->dial = NULL;
    dial_free(dial);
    begin_attempt(proxy, now_ns);
    leave(proxy);
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
    if (proxy->freed || proxy->state != BLEPROXY_PROXY_READY || !proxy->session || proxy->doubted)
        return;
    PingRequest ping = PING_REQUEST__INIT;
    enter(proxy);
    /* One that cannot be asked is left to the keepalive. */
    proxy->doubted = session_request(proxy->session, MESSAGE_PING_REQUEST, &ping.base, MESSAGE_PING_RESPONSE,
                                     DOUBT_NS, on_doubt_settled, proxy, now_ns, NULL) == 0;
    leave(proxy);
}

void proxy_reject(struct proxy *proxy, int error, const char *text, uint64_t now_ns)
{
    if (proxy->state != BLEPROXY_PROXY_READY || proxy->rejected)
        return;
    enter(proxy);
    proxy->rejected = true;
    proxy->rejection.error = 0;
    if (session_is_ready(proxy->session)) {
        proxy->rejection = (struct session_end){.error = error, .was_ready = true};
        snprintf(proxy->rejection.text, sizeof(proxy->rejection.text), "%s", text);
        session_disconnect(proxy->session, true, now_ns);
    }
    leave(proxy);
}

void proxy_resolved(struct proxy *proxy, const struct net_address *addresses, size_t n_addresses, int error,
                    const char *why, uint64_t now_ns)
{
    if (!proxy->is_resolving)
        return;
    enter(proxy);
    proxy->is_resolving = false;
    if (!addresses || n_addresses == 0) {
        attempt_failed(proxy, error ? error : BLEPROXY_E_RESOLVE, "look up", why, now_ns);
    } else {
        error = dial_new(proxy->env, &dial_ops, proxy, addresses, n_addresses, proxy->settings.connect_ns,
                         &proxy->dial);
        if (error)
            attempt_failed(proxy, error, "connect to", NULL, now_ns);
        else if (change_state(proxy, BLEPROXY_PROXY_CONNECTING, BP_NEVER, now_ns))
            dial_start(proxy->dial, now_ns);
    }
    leave(proxy);
}

void proxy_connected(struct proxy *proxy, unsigned attempt, uint64_t now_ns)
{
    enter(proxy);
    if (proxy->dial)
        dial_connected(proxy->dial, attempt, now_ns);
    leave(proxy);
}

void proxy_connect_failed(struct proxy *proxy, unsigned attempt, const char *why, uint64_t now_ns)
{
    enter(proxy);
    if (proxy->dial)
        dial_failed(proxy->dial, attempt, why, now_ns);
    leave(proxy);
}

void proxy_feed(struct proxy *proxy, uint8_t *bytes, size_t n, uint64_t now_ns)
{
    enter(proxy);
    if (proxy->session)
        session_feed(proxy->session, bytes, n, now_ns);
    leave(proxy);
}

size_t proxy_pending(const struct proxy *proxy, struct iovec *ret_vec)
{
    return proxy->session ? session_pending(proxy->session, ret_vec) : 0;
}

void proxy_sent(struct proxy *proxy, size_t n)
{
    if (proxy->session)
        session_sent(proxy->session, n);
}

void proxy_fail(struct proxy *proxy, int error, const char *detail, uint64_t now_ns)
{
    enter(proxy);
    if (proxy->session)
        session_fail(proxy->session, error, detail, now_ns);
    leave(proxy);
}

uint64_t proxy_deadline(const struct proxy *proxy)
{
    uint64_t deadline_ns = proxy->deadline_ns;
    if (proxy->dial)
        deadline_ns = time_min(deadline_ns, dial_deadline(proxy->dial));
    if (proxy->session)
        deadline_ns = time_min(deadline_ns, session_deadline(proxy->session));
    return deadline_ns;
}

void proxy_tick(struct proxy *proxy, uint64_t now_ns)
{
    enter(proxy);
    if (proxy->state == BLEPROXY_PROXY_WAITING && now_ns >= proxy->deadline_ns) {
        proxy->was_kicked = false;
        begin_attempt(proxy, now_ns);
    } else if (proxy->state == BLEPROXY_PROXY_RESOLVING && now_ns >= proxy->deadline_ns) {
        stop_resolving(proxy);
        if (proxy->state == BLEPROXY_PROXY_RESOLVING)
            attempt_failed(proxy, BLEPROXY_E_RESOLVE_TIMEOUT, "look up", NULL, now_ns);
    } else if (proxy->dial) {
        dial_tick(proxy->dial, now_ns);
    } else if (proxy->session) {
        session_tick(proxy->session, now_ns);
    }
    leave(proxy);
}

enum bleproxy_proxy_state proxy_state(const struct proxy *proxy)
{
    return proxy->state;
}

struct session *proxy_session(const struct proxy *proxy)
{
    return proxy->told_ready ? proxy->session : NULL;
}

const char *proxy_name(const struct proxy *proxy, const char *own_name)
{
    return proxy->settings.labelled || !own_name[0] ? proxy->settings.session.label : own_name;
}

unsigned proxy_failures(const struct proxy *proxy)
{
    return proxy->failures;
}

void proxy_set_deep_sleep(struct proxy *proxy, bool deep_sleep)
{
    proxy->deep_sleep = deep_sleep;
}
