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
 * after bleproxy_manager_cancel_start(). There is no time limit, and neither a wrong key nor an unreachable
 * proxy ends it: attempts go on, ever more slowly (watch them with bleproxy_manager_watch()). 0, or
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
