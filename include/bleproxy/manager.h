/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_MANAGER_H
#define BLEPROXY_MANAGER_H

#include <bleproxy/device_info.h>
#include <bleproxy/hub.h>
#include <bleproxy/proxy.h>
#include <bleproxy/scanner.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The connection manager: keeps one proxy connected, through every loss, and its reports flowing into a hub.
 */
struct bleproxy_manager;

/* Copies config; no side effects: nothing is resolved or opened before start. 0, BLEPROXY_E_NOMEM,
 * BLEPROXY_E_INVALID (address, scan_mode), BLEPROXY_E_INVALID_KEY. The hub must outlive the manager. */
int bleproxy_manager_new(struct bleproxy_hub *hub, const struct bleproxy_proxy_config *config,
                         struct bleproxy_manager **ret_manager);
/* Ends everything without a word to the proxy. From within, a pending start completes with
 * BLEPROXY_E_START_ABORTED, a pending stop with 0, and the scanner's disconnect callbacks run; nothing is
 * called afterwards. Prefer bleproxy_manager_stop() first. Allowed in callbacks. NULL is fine. */
void bleproxy_manager_free(struct bleproxy_manager *manager);

typedef void bleproxy_manager_fn(void *user, int error);
/* on_started (may be NULL) is called exactly once, never from within: with 0 at the first successful
 * connection; BLEPROXY_E_START_ABORTED when the manager was stopped or freed before; BLEPROXY_E_CANCELLED
 * after bleproxy_manager_cancel_start(); and at once where somebody must change something first: BLEPROXY_E_INVALID_KEY,
 * _REQUIRES_ENCRYPTION, _ENCRYPTION_PLAINTEXT, _INVALID_AUTH, _BAD_NAME, _BAD_MAC_ADDRESS. Whatever it was told, the manager
 * goes on: there is no time limit, and neither a wrong key nor an unreachable proxy ends it: attempts go on, ever more slowly
 * (watch them with bleproxy_manager_watch()). 0, or
 * BLEPROXY_E_STATE the second time, also after a stop. */
int bleproxy_manager_start(struct bleproxy_manager *manager, bleproxy_manager_fn *on_started, void *user);
/* Completes a pending start from within; the manager goes on connecting. Nothing happens when none is
 * pending. */
void bleproxy_manager_cancel_start(struct bleproxy_manager *manager);
/* Disconnects politely and tears everything down; on_stopped (may be NULL) is called exactly once, never from
 * within, with 0, at the latest after 15 s (or by bleproxy_manager_free()). A pending start completes from
 * within. Fine before start and after a stop. 0, or BLEPROXY_E_STATE while another stop is under way (no
 * callback then). */
int bleproxy_manager_stop(struct bleproxy_manager *manager, bleproxy_manager_fn *on_stopped, void *user);

/* Starts many with one time limit. on_done (may be NULL) is called once, never from within: when all have
 * connected, or after timeout_ms, with how many have; the late ones go on by themselves. 0, BLEPROXY_E_NOMEM,
 * BLEPROXY_E_INVALID for none at all, or BLEPROXY_E_STATE when one was started before (then none is). A
 * manager that is stopped or freed before it has connected is no longer waited for. */
typedef void bleproxy_managers_fn(void *user, size_t n_connected);
int bleproxy_managers_start(struct bleproxy_manager *const *managers, size_t n_managers, uint32_t timeout_ms,
                            bleproxy_managers_fn *on_done, void *user);

/* Tells of each change of state. error and text say why when an attempt or a connection has failed, else 0
 * and NULL. One watcher per manager; NULL ends it. Also called from
 * within start and stop. */
typedef void bleproxy_manager_state_fn(void *user, enum bleproxy_proxy_state state, int error,
                                       const char *text);
void bleproxy_manager_watch(struct bleproxy_manager *manager, bleproxy_manager_state_fn *on_state,
                            void *user);

enum bleproxy_proxy_state bleproxy_manager_state(const struct bleproxy_manager *manager);
/* While it is WAITING: when the next attempt begins, on the loop's clock; not later than now when it only waits for its
 * turn (bleproxy_loop_options.attempts_max). bleproxy_manager_last_error() says why it waits. Else 0. */
uint64_t bleproxy_manager_next_attempt_ns(const struct bleproxy_manager *manager);

/* Whether advertisements come from a proxy that is connected. It has one subscriber at a time, and says nothing to a
 * program that loses the subscription, or does not get it; pings go on. */
enum bleproxy_hearing {
    BLEPROXY_HEARING_UNKNOWN = 0, /* not connected, or just connected */
    BLEPROXY_HEARING_WELL = 1,
    /* Nothing has come for 10 s (silence_ms). No device may be near; or it cannot be told why. */
    BLEPROXY_HEARING_SILENT = 2,
    /* We have the subscription, and nothing comes for longer than ever before. What helps is tried: setting the scan mode,
     * subscribing again, connecting anew; again after ten minutes, twenty, ... */
    BLEPROXY_HEARING_DEAF = 3,
    /* Another program has taken the subscription over. Firmware since 2026.7 gives it to the newest: it is left to it, also
     * when the proxy is connected anew, until bleproxy_manager_reclaim() or, if configured, reclaim_s. But once, within two
     * minutes of a connection that was lost before its subscription was confirmed, it is asked for again first: it may have
     * been our own request, which came late. Devices are no longer heard through this proxy: connections to them that go
     * through it end, with BLEPROXY_E_CLOSED. */
    BLEPROXY_HEARING_ROBBED = 4,
    /* Another program has had the subscription before. Firmware before 2026.7 lets the first keep it: it is asked for
     * again after 10 s, 30 s, then every 60 s. */
    BLEPROXY_HEARING_REFUSED = 5,
};
/* since_ns: since when, on the loop's clock; text: the state in words and what can be done, static. Both may be NULL. */
enum bleproxy_hearing bleproxy_manager_hearing(const struct bleproxy_manager *manager, uint64_t *ret_since_ns,
                                               const char **ret_text);
/* "well", "robbed", ...; static, never NULL. */
const char *bleproxy_hearing_name(enum bleproxy_hearing hearing);
/* Tells of each change while it is connected; UNKNOWN when it no longer is. One watcher per manager; NULL ends it. The
 * callback may make any call. */
typedef void bleproxy_manager_hearing_fn(void *user, enum bleproxy_hearing hearing, const char *text);
void bleproxy_manager_watch_hearing(struct bleproxy_manager *manager, bleproxy_manager_hearing_fn *on_hearing,
                                    void *user);
/* Asks for the subscription now, whoever has it: firmware since 2026.7 takes it from them. 0; BLEPROXY_E_NOT_CONNECTED: the
 * next connection will ask for it. */
int bleproxy_manager_reclaim(struct bleproxy_manager *manager);
/* The configured name, or the address. Lives as long as the manager. */
const char *bleproxy_manager_name(const struct bleproxy_manager *manager);
/* What the proxy says of itself, and its scanner, or NULL while it is not connected. Borrowed until control
 * returns to the event loop. */
const struct bleproxy_device_info *bleproxy_manager_device_info(const struct bleproxy_manager *manager);
struct bleproxy_scanner *bleproxy_manager_scanner(struct bleproxy_manager *manager);
/* How the last attempt or connection failed (0: it did not), and in words (may be NULL); "" then. Borrowed
 * until control returns to the event loop. */
int bleproxy_manager_last_error(const struct bleproxy_manager *manager, const char **ret_text);

#ifdef __cplusplus
}
#endif
#endif
