/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROXY_FIXTURE_H
#define TESTS_PROXY_FIXTURE_H

#include "support.h"

#include "proxy/proxy.h"
#include <bleproxy/error.h>
#include <string.h>

/* Messages of a proxy that speaks plaintext, and what one says that does not. */
#define HELLO_RESPONSE      "0016020801100f1a08323032362e382e3022067670726f7879"
#define DISCONNECT_REQUEST  "000005"
#define DISCONNECT_RESPONSE "000006"
#define REFUSED_PASSWORD    "0002040801"
#define BAD_INDICATOR       "0100130142616420696e64696361746f722062797465"

enum answer { LATER, FAILS, SUCCEEDS };

/* A scripted world around one proxy; everything is counted. */
struct fixture {
    struct test_env test;
    struct proxy *proxy;
    enum answer resolve_answer, open_answer; /* from within the op */
    uint64_t now_ns;

    const char *act_in; /* in this callback, once ... */
    void (*act)(struct fixture *f);

    unsigned n_resolve, n_cancel_resolve, n_open, n_close, n_ready, n_down, n_failed, n_stopped;
    bool was_reset; /* the last close was a reset */
    unsigned depth, max_depth, open;
    bool resolving;
    unsigned last_attempt;
    struct session_end end; /* of the last on_down or on_failed */
    unsigned n_pending, n_turns;
    enum bleproxy_proxy_state states[64]; /* as on_state told */
    unsigned n_states;
    uint8_t written[256]; /* what was pending at the last close */
    size_t n_written;
};

static inline void fixture_act(struct fixture *f, const char *callback)
{
    if (!f->act_in || strcmp(f->act_in, callback) != 0)
        return;
    f->act_in = NULL;
    f->act(f);
}

static const struct net_address fixture_address = {.family = 4, .bytes = {192, 0, 2, 1}, .port = 6053};

static inline void fixture_resolve(void *user, const char *host, uint16_t port, uint64_t now_ns)
{
    struct fixture *f = user;
    assert_string_equal(host, "kitchen.local");
    assert_int_equal(port, 6053);
    assert_false(f->resolving);
    f->resolving = true;
    f->n_resolve++;
    struct proxy *proxy = f->proxy;
    f->depth++;
    f->max_depth = f->depth > f->max_depth ? f->depth : f->max_depth;
    fixture_act(f, "resolve");
    if (f->resolve_answer != LATER) {
        f->resolving = false;
        bool ok = f->resolve_answer == SUCCEEDS;
        proxy_resolved(proxy, ok ? &fixture_address : NULL, ok, ok ? 0 : BLEPROXY_E_RESOLVE, "no such host",
                       now_ns);
    }
    f->depth--;
}

static inline void fixture_cancel_resolve(void *user)
{
    struct fixture *f = user;
    assert_true(f->resolving);
    f->resolving = false;
    f->n_cancel_resolve++;
    fixture_act(f, "cancel_resolve");
}

static inline void fixture_open(void *user, unsigned attempt, const struct net_address *address,
                                uint64_t now_ns)
{
    struct fixture *f = user;
    assert_memory_equal(address, &fixture_address, sizeof(*address));
    f->n_open++;
    f->open++;
    f->last_attempt = attempt;
    struct proxy *proxy = f->proxy;
    fixture_act(f, "open");
    if (f->open_answer == SUCCEEDS) {
        proxy_connected(proxy, attempt, now_ns);
    } else if (f->open_answer == FAILS) {
        f->open--;
        proxy_connect_failed(proxy, attempt, "connection refused", now_ns);
    }
}

static inline void fixture_close(void *user, unsigned attempt)
{
    struct fixture *f = user;
    struct iovec vec;
    assert_int_equal(attempt, f->last_attempt);
    assert_int_equal(f->open, 1);
    f->open--;
    f->n_close++;
    f->was_reset = proxy_resets(f->proxy);
    f->n_written = proxy_pending(f->proxy, &vec);
    if (f->n_written > 0)
        memcpy(f->written, vec.iov_base, f->n_written);
    fixture_act(f, "close");
}

static inline void fixture_on_ready(void *user, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->n_ready++;
    assert_non_null(proxy_session(f->proxy));
    fixture_act(f, "ready");
}

static inline void fixture_on_down(void *user, const struct session_end *end, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->n_down++;
    f->end = *end;
    assert_null(proxy_session(f->proxy));
    fixture_act(f, "down");
}

static inline void fixture_on_failed(void *user, const struct session_end *why, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->n_failed++;
    f->end = *why;
    fixture_act(f, "failed");
}

static inline void fixture_on_stopped(void *user, uint64_t now_ns)
{
    struct fixture *f = user;
    (void)now_ns;
    f->n_stopped++;
    fixture_act(f, "stopped");
}

static inline void fixture_on_state(void *user, enum bleproxy_proxy_state state, uint64_t now_ns)
{
    static const char *const names[] = {"state stopped",     "state resolving", "state connecting",
                                        "state handshaking", "state ready",     "state waiting",
                                        "state stopping"};
    struct fixture *f = user;
    (void)now_ns;
    f->states[f->n_states++ % 64] = state;
    fixture_act(f, names[state]);
}

static inline void fixture_on_pending(void *user)
{
    struct fixture *f = user;
    struct iovec vec;
    assert_true(proxy_pending(f->proxy, &vec) > 0 && f->open > 0);
    f->n_pending++;
}

static inline void fixture_on_turn(void *user)
{
    struct fixture *f = user;
    f->n_turns++;
}

static const struct proxy_ops fixture_ops = {
    .resolve = fixture_resolve,
    .cancel_resolve = fixture_cancel_resolve,
    .open = fixture_open,
    .close = fixture_close,
    .on_ready = fixture_on_ready,
    .on_down = fixture_on_down,
    .on_failed = fixture_on_failed,
    .on_stopped = fixture_on_stopped,
    .on_state = fixture_on_state,
    .on_pending = fixture_on_pending,
    .on_turn = fixture_on_turn,
};

static inline struct proxy_config fixture_config(struct fixture *f)
{
    return (struct proxy_config){.host = "kitchen.local",
                                 .port = 6053,
                                 .session = {.env = &f->test.env,
                                             .label = "kitchen",
                                             .client_info = "test",
                                             .timeouts = session_timeouts_default}};
}

static inline int fixture_setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    test_env_init(&fixture.test);
    fixture.now_ns = 1000 * NS_PER_S;
    struct proxy_config config = fixture_config(&fixture);
    assert_int_equal(proxy_new(&config, &fixture_ops, &fixture, &fixture.proxy), 0);
    *state = &fixture;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    proxy_free(f->proxy);
    assert_int_equal(f->open, 0);
    assert_false(f->resolving);
    test_env_deinit(&f->test);
    return 0;
}

/* Lets time pass up to the proxy's next deadline, which is delay_ns from now. */
static inline void fixture_wait(struct fixture *f, uint64_t delay_ns)
{
    assert_int_equal(proxy_deadline(f->proxy), f->now_ns + delay_ns);
    if (delay_ns > 0)
        proxy_tick(f->proxy, f->now_ns + delay_ns - 1);
    f->now_ns += delay_ns;
    proxy_tick(f->proxy, f->now_ns);
}

static inline void fixture_feed(struct fixture *f, const char *text)
{
    size_t n;
    uint8_t *bytes = hex(text, &n);
    proxy_feed(f->proxy, bytes, n, f->now_ns);
}

static inline bool fixture_is_in(const struct fixture *f, enum bleproxy_proxy_state state)
{
    return f->proxy && proxy_state(f->proxy) == state;
}

/* Answers what is outstanding, up to the state. A callback may have freed the proxy and set it to NULL. */
static inline void fixture_reach(struct fixture *f, enum bleproxy_proxy_state state)
{
    if (fixture_is_in(f, BLEPROXY_PROXY_STOPPED) && state != BLEPROXY_PROXY_STOPPED)
        proxy_start(f->proxy, f->now_ns);
    if (fixture_is_in(f, BLEPROXY_PROXY_WAITING) && state != BLEPROXY_PROXY_WAITING) {
        f->now_ns = proxy_deadline(f->proxy);
        proxy_tick(f->proxy, f->now_ns);
    }
    if (fixture_is_in(f, BLEPROXY_PROXY_RESOLVING) && f->resolving && state != BLEPROXY_PROXY_RESOLVING) {
        f->resolving = false;
        proxy_resolved(f->proxy, &fixture_address, 1, 0, NULL, f->now_ns);
    }
    if (fixture_is_in(f, BLEPROXY_PROXY_CONNECTING) && state == BLEPROXY_PROXY_WAITING) {
        f->open--;
        proxy_connect_failed(f->proxy, f->last_attempt, "connection refused", f->now_ns);
    } else if (fixture_is_in(f, BLEPROXY_PROXY_CONNECTING) && state != BLEPROXY_PROXY_CONNECTING) {
        proxy_connected(f->proxy, f->last_attempt, f->now_ns);
    }
    if (fixture_is_in(f, BLEPROXY_PROXY_HANDSHAKING) && state != BLEPROXY_PROXY_HANDSHAKING)
        fixture_feed(f, HELLO_RESPONSE);
}

#endif
