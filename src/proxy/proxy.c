/* SPDX-License-Identifier: MIT */
#include "proxy/proxy_private.h"

#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

#define AFTER_LEAVE_NS (5 * NS_PER_S) /* the pause after a session that either side ended on purpose */
#define BRIEF_NS       (5 * NS_PER_S) /* a proxy that keeps closing sessions younger than this is not usable */

/* What a wrong key or password counts as: enough failures for the longest pause. */
enum { AUTH_FAILURES = 100 };

static void destroy(struct proxy *proxy)
{
    const struct env *env = proxy->env;
    settings_deinit(&proxy->settings);
    env_free(env, proxy);
}

void proxy_enter(struct proxy *proxy)
{
    proxy->depth++;
}

void proxy_leave(struct proxy *proxy)
{
    if (--proxy->depth == 0 && proxy->freed)
        destroy(proxy);
}

/* From within a call of another proxy. */
static void on_turn(void *user)
{
    struct proxy *proxy = user;
    proxy->deadline_ns = 0;
    if (proxy->ops->on_turn)
        proxy->ops->on_turn(proxy->user);
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
    proxy->deadline_ns = proxy->patience_ns = BP_NEVER;
    gate_pass_init(&proxy->pass, config->gate, on_turn, proxy);
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

static void end_turn(struct proxy *proxy)
{
    proxy->patience_ns = BP_NEVER;
    gate_leave(&proxy->pass);
}

/* Gives up whatever is under way, without a word to anyone but the transport. */
static void abandon(struct proxy *proxy)
{
    end_turn(proxy);
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
    proxy_enter(proxy);
    proxy->freed = true;
    abandon(proxy);
    proxy_leave(proxy);
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

bool proxy_needs_user(int error)
{
    return error == BLEPROXY_E_REQUIRES_ENCRYPTION || error == BLEPROXY_E_ENCRYPTION_PLAINTEXT ||
           error == BLEPROXY_E_INVALID_KEY || error == BLEPROXY_E_INVALID_AUTH ||
           error == BLEPROXY_E_BAD_NAME || error == BLEPROXY_E_BAD_MAC_ADDRESS;
}

static bool is_about_authentication(int error)
{
    return error == BLEPROXY_E_REQUIRES_ENCRYPTION || error == BLEPROXY_E_INVALID_KEY ||
           error == BLEPROXY_E_ENCRYPTION || error == BLEPROXY_E_INVALID_AUTH;
}

static uint64_t jitter_ns(const struct proxy *proxy, uint64_t pause_ns)
{
    uint16_t chance;
    if (!proxy->pass.gate)
        return 0;
    proxy->env->random(proxy->env->user, &chance, sizeof(chance));
    return pause_ns / 8 * chance >> 16;
}

/* Counts a failure, logs it, and begins the pause after it without telling of the new state yet. */
static void count_failure(struct proxy *proxy, const struct session_end *why, uint64_t now_ns)
{
    bool first = proxy->failures == 0;
    proxy->failures = is_about_authentication(why->error) ? AUTH_FAILURES : proxy->failures + 1;
    uint64_t pause_ns = proxy_backoff_ns(proxy->failures, proxy->deep_sleep);
    proxy->state = BLEPROXY_PROXY_WAITING;
    proxy->deadline_ns = time_after(now_ns, pause_ns - jitter_ns(proxy, pause_ns));
    env_log(proxy->env, first ? BLEPROXY_LOG_WARNING : BLEPROXY_LOG_DEBUG, "proxy",
            proxy->settings.session.label, "%s; next attempt in %u s", why->text,
            (unsigned)(pause_ns / NS_PER_S));
}

static void attempt_ended(struct proxy *proxy, const struct session_end *why, uint64_t now_ns)
{
    struct session_end end = *why;
    end_turn(proxy);
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
    proxy->refused.n = 0; /* with no way to the others, one of those may be right by now */
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
    proxy_enter(proxy);
    end_turn(proxy);
    proxy->state = BLEPROXY_PROXY_READY;
    proxy->told_ready = true;
    proxy->ready_ns = now_ns;
    proxy->failures_before = proxy->failures;
    proxy->failures = 0;
    env_log(proxy->env, BLEPROXY_LOG_INFO, "proxy", proxy->settings.session.label, "connected");
    proxy->ops->on_ready(proxy->user, now_ns);
    report_state(proxy, now_ns);
    proxy_leave(proxy);
}

/* What else may be wrong would be so at each of the device's addresses. */
static bool is_about_the_device(int error)
{
    return error == BLEPROXY_E_BAD_NAME || error == BLEPROXY_E_BAD_MAC_ADDRESS;
}

static void on_session_closed(void *user, const struct session_end *end, uint64_t now_ns)
{
    struct proxy *proxy = user;
    proxy_enter(proxy);
    bool was_told = proxy->told_ready;
    proxy->told_ready = false;
    end_turn(proxy);
    proxy->resets = end->error != 0 && !end->expected;
    close_transport(proxy);
    proxy->resets = false;
    drop_session(proxy);
    if (proxy->rejected && proxy->rejection.error)
        end = &proxy->rejection;
    if (is_about_the_device(end->error))
        refused_add(&proxy->refused, &proxy->address);
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
    proxy_leave(proxy);
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
    if (!error)
        proxy->address = dial_address(proxy->dial, attempt);
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

void proxy_begin_attempt(struct proxy *proxy, uint64_t now_ns)
{
    if (!proxy->pass.is_inside)
        proxy->pause_end_ns = now_ns;
    if (!gate_enter(&proxy->pass)) {
        change_state(proxy, BLEPROXY_PROXY_WAITING, BP_NEVER, now_ns);
        return;
    }
    if (proxy->pass.gate)
        proxy->patience_ns = time_after(now_ns, PROXY_PATIENCE_S * NS_PER_S);
    proxy->attempt_ns = now_ns;
    proxy->may_doubt_ns = now_ns;
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
    proxy_enter(proxy);
    if (proxy->depth > 1)
        change_state(proxy, BLEPROXY_PROXY_WAITING, now_ns, now_ns);
    else
        proxy_begin_attempt(proxy, now_ns);
    proxy_leave(proxy);
    return 0;
}

void proxy_stop(struct proxy *proxy, uint64_t now_ns)
{
    if (proxy->freed)
        return;
    proxy_enter(proxy);
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
    proxy_leave(proxy);
}

void proxy_reject(struct proxy *proxy, int error, const char *text, uint64_t now_ns)
{
    if (proxy->state != BLEPROXY_PROXY_READY || proxy->rejected)
        return;
    proxy_enter(proxy);
    proxy->rejected = true;
    proxy->rejection.error = 0;
    if (session_is_ready(proxy->session)) {
        proxy->rejection = (struct session_end){.error = error, .was_ready = true};
        snprintf(proxy->rejection.text, sizeof(proxy->rejection.text), "%s", text);
        session_disconnect(proxy->session, true, now_ns);
    }
    proxy_leave(proxy);
}

void proxy_resolved(struct proxy *proxy, const struct net_address *addresses, size_t n_addresses, int error,
                    const char *why, uint64_t now_ns)
{
    if (!proxy->is_resolving)
        return;
    struct net_address chosen[DIAL_ADDRESSES_MAX];
    proxy_enter(proxy);
    proxy->is_resolving = false;
    if (!addresses || n_addresses == 0) {
        attempt_failed(proxy, error ? error : BLEPROXY_E_RESOLVE, "look up", why, now_ns);
    } else {
        size_t n = refused_leave_out(&proxy->refused, addresses, n_addresses, chosen);
        error = dial_new(proxy->env, &dial_ops, proxy, chosen, n, proxy->settings.connect_ns, &proxy->dial);
        if (error)
            attempt_failed(proxy, error, "connect to", NULL, now_ns);
        else if (change_state(proxy, BLEPROXY_PROXY_CONNECTING, BP_NEVER, now_ns))
            dial_start(proxy->dial, now_ns);
    }
    proxy_leave(proxy);
}

void proxy_connected(struct proxy *proxy, unsigned attempt, uint64_t now_ns)
{
    proxy_enter(proxy);
    if (proxy->dial)
        dial_connected(proxy->dial, attempt, now_ns);
    proxy_leave(proxy);
}

void proxy_connect_failed(struct proxy *proxy, unsigned attempt, const char *why, uint64_t now_ns)
{
    proxy_enter(proxy);
    if (proxy->dial)
        dial_failed(proxy->dial, attempt, why, now_ns);
    proxy_leave(proxy);
}

void proxy_feed(struct proxy *proxy, uint8_t *bytes, size_t n, uint64_t now_ns)
{
    proxy_enter(proxy);
    if (proxy->session)
        session_feed(proxy->session, bytes, n, now_ns);
    proxy_leave(proxy);
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
    proxy_enter(proxy);
    if (proxy->session)
        session_fail(proxy->session, error, detail, now_ns);
    proxy_leave(proxy);
}

/* The attempt takes long: others that wait may be quicker. */
static void give_way(struct proxy *proxy, uint64_t now_ns)
{
    static const char why[] = "no answer yet, and other proxies wait for their turn";
    if (!gate_has_waiting(proxy->pass.gate)) {
        proxy->patience_ns = time_after(now_ns, NS_PER_S);
        return;
    }
    proxy->patience_ns = BP_NEVER;
    if (proxy->session) {
        session_fail(proxy->session, BLEPROXY_E_TIMEOUT, why, now_ns);
        return;
    }
    bool was_resolving = proxy->is_resolving;
    stop_resolving(proxy);
    dial_free(proxy->dial);
    proxy->dial = NULL;
    if (proxy->state == BLEPROXY_PROXY_RESOLVING || proxy->state == BLEPROXY_PROXY_CONNECTING)
        attempt_failed(proxy, was_resolving ? BLEPROXY_E_RESOLVE_TIMEOUT : BLEPROXY_E_TIMEOUT,
                       was_resolving ? "look up" : "connect to", why, now_ns);
}

uint64_t proxy_deadline(const struct proxy *proxy)
{
    uint64_t deadline_ns = time_min(proxy->deadline_ns, proxy->patience_ns);
    if (proxy->dial)
        deadline_ns = time_min(deadline_ns, dial_deadline(proxy->dial));
    if (proxy->session)
        deadline_ns = time_min(deadline_ns, session_deadline(proxy->session));
    return deadline_ns;
}

void proxy_tick(struct proxy *proxy, uint64_t now_ns)
{
    proxy_enter(proxy);
    if (now_ns >= proxy->patience_ns)
        give_way(proxy, now_ns);
    if (proxy->state == BLEPROXY_PROXY_WAITING && now_ns >= proxy->deadline_ns) {
        proxy->was_kicked = false;
        proxy_begin_attempt(proxy, now_ns);
    } else if (proxy->state == BLEPROXY_PROXY_RESOLVING && now_ns >= proxy->deadline_ns) {
        stop_resolving(proxy);
        if (proxy->state == BLEPROXY_PROXY_RESOLVING)
            attempt_failed(proxy, BLEPROXY_E_RESOLVE_TIMEOUT, "look up", NULL, now_ns);
    } else if (proxy->dial) {
        dial_tick(proxy->dial, now_ns);
    } else if (proxy->session) {
        session_tick(proxy->session, now_ns);
    }
    proxy_leave(proxy);
}

enum bleproxy_proxy_state proxy_state(const struct proxy *proxy)
{
    return proxy->state;
}

bool proxy_resets(const struct proxy *proxy)
{
    return proxy->resets;
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

uint64_t proxy_next_attempt_ns(const struct proxy *proxy)
{
    if (proxy->state != BLEPROXY_PROXY_WAITING)
        return BP_NEVER;
    return proxy->pass.is_waiting || proxy->pass.is_inside ? proxy->pause_end_ns : proxy->deadline_ns;
}

void proxy_expect_mac(struct proxy *proxy, uint64_t mac_address)
{
    struct session_config *session = &proxy->settings.session;
    if (session->expected_mac && session->expected_mac != proxy->expected_mac)
        return;
    snprintf(proxy->expected_mac, sizeof(proxy->expected_mac), "%012llx", (unsigned long long)mac_address);
    session->expected_mac = mac_address != 0 ? proxy->expected_mac : NULL;
}
