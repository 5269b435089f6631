/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_BLOCKING_H
#define BLEPROXY_BLOCKING_H

#include <bleproxy/hub.h>
#include <bleproxy/loop.h>
#include <bleproxy/manager.h>
#include <bleproxy/peripheral.h>
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
/* Disconnects politely. Peripherals must be freed before. NULL is fine. */
void bleproxy_radio_close(struct bleproxy_radio *radio);

/* Listens for timeout_ms. The devices heard are in the hub: bleproxy_hub_next_device(). */
void bleproxy_radio_listen(struct bleproxy_radio *radio, uint32_t timeout_ms);
/* Waits for a device that passes the filter, at most timeout_ms; one that is known already is found at once, with its
 * last report (for the next one subscribe to the hub, and listen). 0 and a copy to be freed with
 * bleproxy_advertisement_free(), BLEPROXY_E_NOT_FOUND, BLEPROXY_E_NOMEM, BLEPROXY_E_CANCELLED when a callback
 * ended the wait. */
int bleproxy_radio_find(struct bleproxy_radio *radio, const struct bleproxy_filter *filter,
                        uint32_t timeout_ms, struct bleproxy_advertisement **ret_advertisement);

/* ---- Devices ---- */

/* How something with a device ended: struct bleproxy_result, kept. */
enum { BLEPROXY_FAILURE_TEXT_MAX = 640 };
struct bleproxy_failure {
    int error;
    int32_t code;
    enum bleproxy_cause cause;
    uint32_t missing;
    uint64_t source;
    unsigned attempts;
    char text[BLEPROXY_FAILURE_TEXT_MAX];
};

/* Each waits for the operation of that name in <bleproxy/peripheral.h>, with its usual time limit, and returns its
 * error: of the call, of its result, or BLEPROXY_E_CANCELLED when a callback ended the wait. failure is filled in any
 * case; NULL: not wanted. on_disconnected and notifications come while some call waits. */

/* Waits for a connection to a new peripheral. It stays the same, connected or not, until it is given to
 * bleproxy_radio_disconnect() or bleproxy_peripheral_free(). */
int bleproxy_radio_connect(struct bleproxy_radio *radio, uint64_t address,
                           const struct bleproxy_connect_options *options,
                           struct bleproxy_peripheral **ret_peripheral, struct bleproxy_failure *failure);
/* Frees the peripheral, too, whatever is returned. NULL is fine. */
int bleproxy_radio_disconnect(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral);

struct bleproxy_value {
    size_t size;
    uint8_t bytes[BLEPROXY_VALUE_MAX];
};
int bleproxy_radio_read(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral, uint16_t handle,
                        struct bleproxy_value *ret_value, struct bleproxy_failure *failure);
int bleproxy_radio_write(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                         uint16_t handle, const void *value, size_t size, enum bleproxy_write_mode mode,
                         struct bleproxy_failure *failure);
int bleproxy_radio_subscribe(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                             uint16_t handle, bleproxy_notification_fn *on_notification, void *user,
                             struct bleproxy_failure *failure);
int bleproxy_radio_unsubscribe(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                               uint16_t handle, struct bleproxy_failure *failure);
int bleproxy_radio_pair(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                        struct bleproxy_failure *failure);
int bleproxy_radio_unpair(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                          struct bleproxy_failure *failure);
int bleproxy_radio_clear_cache(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                               struct bleproxy_failure *failure);
int bleproxy_radio_set_parameters(struct bleproxy_radio *radio, struct bleproxy_peripheral *peripheral,
                                  const struct bleproxy_connection_parameters *parameters,
                                  struct bleproxy_failure *failure);

/* What it is made of, for everything else. Borrowed. */
struct bleproxy_loop *bleproxy_radio_loop(struct bleproxy_radio *radio);
struct bleproxy_hub *bleproxy_radio_hub(struct bleproxy_radio *radio);
/* The manager of the index-th proxy given to open. */
struct bleproxy_manager *bleproxy_radio_manager(struct bleproxy_radio *radio, size_t index);

#ifdef __cplusplus
}
#endif
#endif
