/* SPDX-License-Identifier: MIT */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "proxy/dial.h"
#include "proxy/gate.h"
#include "session/session.h"
#include <bleproxy/proxy.h>

/* One configured proxy over its whole life: resolve, open, session, closed, waiting, again. Pure. */
struct proxy;

struct proxy_config {
    const char *host; /* name or literal; copied */
    uint16_t port;
    uint64_t resolve_ns; /* limit of a look-up; 0: 30 s */
    uint64_t connect_ns; /* limit of each round of TCP connects; 0: 60 s */
    /* Shared with other proxies, must outlive them: attempts wait for their turn, in WAITING; one that takes over
     * PROXY_PATIENCE_S while others wait gives way, as a failure; pauses are up to an eighth shorter, by chance, so that
     * who failed together does not try again together. NULL: it is alone. */
    struct gate *gate;
    struct session_config session; /* strings and key are copied; env is the proxy's too; label may be NULL */
};

struct proxy_ops {
    /* Look the host up; proxy_resolved() follows, also from within. */
    void (*resolve)(void *user, const char *host, uint16_t port, uint64_t now_ns);
    void (*cancel_resolve)(void *user);
    /* TCP connections by attempt number, as dial_ops; proxy_connected()/proxy_connect_failed() follow. The
     * one that won carries the session until close. */
    void (*open)(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns);
    /* Writes what proxy_pending() has left as far as the socket takes it, then closes; or resets, see proxy_resets(). */
    void (*close)(void *user, unsigned attempt);

    /* A session is ready: proxy_session() is usable until on_down. */
    void (*on_ready)(void *user, uint64_t now_ns);
    /* A session that was ready is over; proxy_session() is NULL from now on. */
    void (*on_down)(void *user, const struct session_end *end, uint64_t now_ns);
    /* An attempt failed before it was ready; why->error is never 0. */
    void (*on_failed)(void *user, const struct session_end *why, uint64_t now_ns);
    /* proxy_stop() is done. */
    void (*on_stopped)(void *user, uint64_t now_ns);
    /* After the calls above that belong to the change, but before on_stopped. May be NULL. */
    void (*on_state)(void *user, enum bleproxy_proxy_state state, uint64_t now_ns);
    void (*on_pending)(void *user); /* as the session's; may be NULL */
    /* Its turn has come: proxy_tick() is due at once. From within calls of other proxies. May be NULL without a gate. */
    void (*on_turn)(void *user);
    void (*get_time)(void *user, struct session_time *ret_time); /* may be NULL */
};

enum { PROXY_PATIENCE_S = 10 };

/* Copies what it keeps; no side effects. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID. */
int proxy_new(const struct proxy_config *config, const struct proxy_ops *ops, void *user,
              struct proxy **ret_proxy);
/* Closes and cancels everything; only ops->close and cancel_resolve are called. Wipes the key. Allowed in
 * callbacks. NULL is fine. */
void proxy_free(struct proxy *proxy);

/* The first attempt begins at once (from a callback: at the next tick, which is then due). 0, or
 * BLEPROXY_E_STATE unless stopped. */
int proxy_start(struct proxy *proxy, uint64_t now_ns);
/* Ends the session politely, or the attempt at once while there is no TCP connection (a handshake under way
 * is waited for, as session_disconnect() does); on_down when there was a session, then on_stopped, also from
 * within. One on_stopped answers all calls made while stopping; one made while stopped is answered at once.
 */
void proxy_stop(struct proxy *proxy, uint64_t now_ns);
/* The session is of no use to its owner, between on_ready and on_down: it ends at once and on_down tells
 * error and text, unless it is ending already for a reason of its own. The attempt counts as failed, and the
 * next one waits accordingly. Nothing happens at other times. */
void proxy_reject(struct proxy *proxy, int error, const char *text, uint64_t now_ns);

/* The device was heard announcing itself. A pause ends at once; an attempt that has no connection yet and has lasted
 * half a second begins anew, once, for it may be under way to an old address. Once a second at most; nothing happens
 * while the host is looked up, while a connection is up, and from within a callback. */
void proxy_kick(struct proxy *proxy, uint64_t now_ns);

/* The device was heard to have other addresses now than the one the session goes to. One that does not answer a ping
 * within a second is over, and the next attempt begins at once. Once in ten seconds at most; nothing happens unless it is
 * ready. */
void proxy_doubt(struct proxy *proxy, uint64_t now_ns);

/* The host was suspended, for how long its clock does not tell, or came into another network: a pause ends, and a session
 * that does not answer a ping within PROXY_WAKE_S is over; the next attempt begins at once. Calls only ops->on_pending. */
void proxy_wake(struct proxy *proxy, uint64_t now_ns);
enum { PROXY_WAKE_S = 10 };

/* Answers to ops. addresses NULL: the look-up failed with error BLEPROXY_E_RESOLVE or _RESOLVE_TIMEOUT and
 * why. */
void proxy_resolved(struct proxy *proxy, const struct net_address *addresses, size_t n_addresses, int error,
                    const char *why, uint64_t now_ns);
void proxy_connected(struct proxy *proxy, unsigned attempt, uint64_t now_ns);
void proxy_connect_failed(struct proxy *proxy, unsigned attempt, const char *why, uint64_t now_ns);

/* The transport of the session, as in session.h. */
void proxy_feed(struct proxy *proxy, uint8_t *bytes, size_t n, uint64_t now_ns);
size_t proxy_pending(const struct proxy *proxy, struct iovec *ret_vec);
void proxy_sent(struct proxy *proxy, size_t n);
void proxy_fail(struct proxy *proxy, int error, const char *detail, uint64_t now_ns);
uint64_t proxy_deadline(const struct proxy *proxy);
void proxy_tick(struct proxy *proxy, uint64_t now_ns);

enum bleproxy_proxy_state proxy_state(const struct proxy *proxy);
/* In WAITING: when the next attempt begins, or could if it were its turn; else BP_NEVER. */
uint64_t proxy_next_attempt_ns(const struct proxy *proxy);
/* While ops->close is called: the session did not end in order, and nothing of what the device was sent may arrive later, when
 * another connection is up: a subscription would take the advertisements from that one. */
bool proxy_resets(const struct proxy *proxy);
/* The session from on_ready until on_down, else NULL. */
struct session *proxy_session(const struct proxy *proxy);
/* What to call it: the configuration's label, else what it calls itself, else its address. */
const char *proxy_name(const struct proxy *proxy, const char *own_name);
/* Failures since the last success. */
unsigned proxy_failures(const struct proxy *proxy);
/* The MAC address of the device that is to answer, for the next sessions; 0: any. The configuration's goes before. */
void proxy_expect_mac(struct proxy *proxy, uint64_t mac_address);
/* Deep-sleep devices are retried every 15 s at most, others every 60 s. */
void proxy_set_deep_sleep(struct proxy *proxy, bool deep_sleep);

/* Waiting does not help: somebody must change a key, a name or an address first. */
bool proxy_needs_user(int error);

/* The pause after failure n = 1, 2, ...: 1.8^n seconds, rounded, up to the cap above. */
uint64_t proxy_backoff_ns(unsigned failures, bool deep_sleep);

#endif
