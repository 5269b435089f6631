/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_BLOCKING_H
#define BLEPROXY_BLOCKING_H

#include <bleproxy/hub.h>
#include <bleproxy/loop.h>
#include <bleproxy/manager.h>
#include <bleproxy/proxy.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For programs without an event loop: proxies and a hub whose calls wait. Between the calls nothing is
 * received, and after 90 s without one the proxies count the program as gone. None of the calls that wait may
 * be made in a callback; bleproxy_loop_stop() in a callback ends the wait early. */
struct bleproxy_radio;

/* Starts all proxies and waits until each has connected, at most timeout_ms; late ones go on connecting
 * during later calls. *ret_connected (may be NULL) is how many have. options NULL: defaults. 0;
 * BLEPROXY_E_INVALID or BLEPROXY_E_INVALID_KEY for a configuration that can never work; BLEPROXY_E_NOMEM;
 * BLEPROXY_E_IO. */
int bleproxy_radio_open(const struct bleproxy_proxy_config *proxies, size_t n_proxies,
                        const struct bleproxy_loop_options *options, uint32_t timeout_ms,
                        size_t *ret_connected, struct bleproxy_radio **ret_radio);
/* Disconnects politely. NULL is fine. */
void bleproxy_radio_close(struct bleproxy_radio *radio);

/* Listens for timeout_ms. The devices heard are in the hub: bleproxy_hub_next_device(). */
void bleproxy_radio_listen(struct bleproxy_radio *radio, uint32_t timeout_ms);
/* Waits for a device that passes the filter, at most timeout_ms; one that is known already is found at once, with its
 * last report (for the next one subscribe to the hub, and listen). 0 and a copy to be freed with
 * bleproxy_advertisement_free(), BLEPROXY_E_NOT_FOUND, BLEPROXY_E_NOMEM, BLEPROXY_E_CANCELLED when a callback
 * ended the wait. */
int bleproxy_radio_find(struct bleproxy_radio *radio, const struct bleproxy_filter *filter,
                        uint32_t timeout_ms, struct bleproxy_advertisement **ret_advertisement);

/* What it is made of, for everything else. Borrowed. */
struct bleproxy_loop *bleproxy_radio_loop(struct bleproxy_radio *radio);
struct bleproxy_hub *bleproxy_radio_hub(struct bleproxy_radio *radio);
/* The manager of the index-th proxy given to open. */
struct bleproxy_manager *bleproxy_radio_manager(struct bleproxy_radio *radio, size_t index);

#ifdef __cplusplus
}
#endif
#endif
