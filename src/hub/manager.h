/* SPDX-License-Identifier: MIT */
#ifndef HUB_MANAGER_H
#define HUB_MANAGER_H

#include "hub/hearing.h"
#include "hub/hub.h"
#include "proxy/proxy.h"

/* Keeps one proxy connected and its scanner registered with a hub: the pure core of struct bleproxy_manager.
 */
struct manager;

/* The world's side of the proxy, and what the owner is told. */
struct manager_ops {
    void (*resolve)(void *user, const char *host, uint16_t port, uint64_t now_ns);
    void (*cancel_resolve)(void *user);
    void (*open)(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns);
    void (*close)(void *user, unsigned attempt);
    void (*get_time)(void *user, struct session_time *ret_time);
    void (*on_pending)(void *user); /* as the session's; may be NULL */
    void (*on_turn)(void *user);    /* as the proxy's: manager_tick() is due */
    /* Every change: the state, and why when an attempt or a session ended (else NULL). READY comes when the
     * scanner is registered, not before. May be NULL. */
    void (*on_state)(void *user, enum bleproxy_proxy_state state, const struct session_end *why,
                     uint64_t now_ns);
    /* Whether advertisements come has changed; UNKNOWN also when the session has ended. May be NULL. */
    void (*on_hearing)(void *user, enum bleproxy_hearing hearing, uint64_t now_ns);
};

/* What the manager itself wants to know of its proxy; of hearing.h. */
struct manager_limits {
    uint64_t silence_ns, reclaim_ns;
    bool any_device; /* which device answers is neither remembered nor checked */
};

/* No side effects. config is copied as by proxy_new(). */
int manager_new(struct hub *hub, const struct proxy_config *config, const struct manager_ops *ops, void *user,
                struct manager **ret_manager);
/* The mode to which each session's scanner is pinned before it is registered; NONE, as at first: none. */
void manager_set_scan_mode(struct manager *manager, enum bleproxy_scanner_mode mode);
/* Before the start; else the defaults hold. */
void manager_set_limits(struct manager *manager, const struct manager_limits *limits);
/* Without politeness; a pending start completes with BLEPROXY_E_START_ABORTED, a pending stop with 0. NULL is
 * fine. */
void manager_free(struct manager *manager, uint64_t now_ns);

/* error: 0 at the first successful connection (device info read, scanner registered),
 * BLEPROXY_E_START_ABORTED when manager_stop() came first, BLEPROXY_E_CANCELLED after manager_cancel_start().
 * or what a user must see to (proxy_needs_user()): a wrong key, no key, another device. That, or an unreachable host, is not
 * the end: attempts go on. Exactly once per start. */
typedef void manager_done_fn(void *user, int error, uint64_t now_ns);
/* Once per object: else BLEPROXY_E_STATE. on_started may be NULL. */
int manager_start(struct manager *manager, manager_done_fn *on_started, void *user, uint64_t now_ns);
/* The caller no longer waits; the manager goes on. */
void manager_cancel_start(struct manager *manager, uint64_t now_ns);
/* Before start, or after a stop: completes at once with 0. While another stop is under way: at once with
 * BLEPROXY_E_STATE. on_stopped may be NULL. Tears down in this order, each step whatever the others
 * did: the proxy is marked unavailable, the reconnecting ends, the session is closed, a pending start is
 * aborted, the disconnect callbacks are fired, the scanner is unset up, and unregistered. */
void manager_stop(struct manager *manager, manager_done_fn *on_stopped, void *user, uint64_t now_ns);

struct proxy *manager_proxy(
    struct manager *manager); /* for feed, pending, ..., deadline and tick of the manager below */
uint64_t manager_deadline(const struct manager *manager);
void manager_tick(struct manager *manager, uint64_t now_ns);

/* READY from the moment that the scanner is registered, as on_state tells it. */
enum bleproxy_proxy_state manager_state(const struct manager *manager);
/* NULL while there is no session. */
const struct bleproxy_device_info *manager_device_info(const struct manager *manager);
struct scanner *manager_scanner(const struct manager *manager);
/* While it is WAITING: when it goes on; else 0. */
uint64_t manager_next_attempt_ns(const struct manager *manager);
/* UNKNOWN while there is no session. */
enum bleproxy_hearing manager_hearing(const struct manager *manager);
const struct hearing *manager_hearing_record(const struct manager *manager);
/* As hearing_take(). */
int manager_reclaim(struct manager *manager, uint64_t now_ns);
/* Why the last attempt or session ended; NULL when none has since the last success. */
const struct session_end *manager_last_end(const struct manager *manager);

#endif
