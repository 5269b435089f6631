/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_PERIPHERAL_H
#define CENTRAL_PERIPHERAL_H

#include "central/central.h"

struct scanner;

/* The pure core of struct bleproxy_peripheral: the contracts are those of the namesakes in <bleproxy/peripheral.h>, with
 * the time as an argument. Callbacks may make any call, free the peripheral and the central too. */
struct peripheral;

int peripheral_new(struct central *central, uint64_t address, struct peripheral **ret_peripheral);
void peripheral_free(struct peripheral *peripheral, uint64_t now_ns);
/* NULL once it is freed. */
struct central *peripheral_central(const struct peripheral *peripheral);
void peripheral_on_disconnected(struct peripheral *peripheral, bleproxy_result_fn *on_disconnected,
                                void *user);

/* One attempt, through one proxy. */
struct attempt {
    struct scanner *scanner; /* registered, with a session */
    uint8_t address_type;
    bool pair, no_cache;
    uint64_t slot_ns;    /* for a slot to become free; 0: 2 s */
    uint64_t timeout_ns; /* of the link coming up, after a slot is free */
};
/* Waits for a slot; holds the scanner paused while the link comes up; pairs if asked to; discovers the services
 * unless they are cached. A failure leaves no link behind: what had come up, or comes up late, is released, and on_done is
 * called when the proxy has confirmed that, or 2 s later (at once when cancelled). */
int peripheral_attempt(struct peripheral *peripheral, const struct attempt *attempt,
                       bleproxy_result_fn *on_done, void *user, uint64_t now_ns,
                       struct bleproxy_operation **ret_operation);

/* Some object has the device: it is connected, an attempt is under way, or an operation that connects it. */
bool peripheral_is_taken(const struct peripheral *peripheral);

int peripheral_disconnect(struct peripheral *peripheral, bleproxy_result_fn *on_done, void *user,
                          uint64_t now_ns, struct bleproxy_operation **ret_operation);
uint64_t peripheral_address(const struct peripheral *peripheral);
bool peripheral_is_connected(const struct peripheral *peripheral);
uint64_t peripheral_source(const struct peripheral *peripheral);
uint16_t peripheral_mtu(const struct peripheral *peripheral);
const struct bleproxy_services *peripheral_services(const struct peripheral *peripheral);

int peripheral_read(struct peripheral *peripheral, uint16_t handle, uint64_t timeout_ns,
                    bleproxy_result_fn *on_read, void *user, uint64_t now_ns,
                    struct bleproxy_operation **ret_operation);
int peripheral_write(struct peripheral *peripheral, uint16_t handle, const void *value, size_t size,
                     enum bleproxy_write_mode mode, uint64_t timeout_ns, bleproxy_result_fn *on_written,
                     void *user, uint64_t now_ns, struct bleproxy_operation **ret_operation);
int peripheral_subscribe(struct peripheral *peripheral, uint16_t handle, uint64_t timeout_ns,
                         bleproxy_notification_fn *on_notification, void *notification_user,
                         bleproxy_result_fn *on_subscribed, void *user, uint64_t now_ns,
                         struct bleproxy_operation **ret_operation);
int peripheral_unsubscribe(struct peripheral *peripheral, uint16_t handle,
                           bleproxy_result_fn *on_unsubscribed, void *user, uint64_t now_ns,
                           struct bleproxy_operation **ret_operation);
int peripheral_pair(struct peripheral *peripheral, bleproxy_result_fn *on_paired, void *user, uint64_t now_ns,
                    struct bleproxy_operation **ret_operation);
int peripheral_unpair(struct peripheral *peripheral, bleproxy_result_fn *on_unpaired, void *user,
                      uint64_t now_ns, struct bleproxy_operation **ret_operation);
int peripheral_clear_cache(struct peripheral *peripheral, bleproxy_result_fn *on_cleared, void *user,
                           uint64_t now_ns, struct bleproxy_operation **ret_operation);
int peripheral_set_parameters(struct peripheral *peripheral,
                              const struct bleproxy_connection_parameters *parameters,
                              bleproxy_result_fn *on_set, void *user, uint64_t now_ns,
                              struct bleproxy_operation **ret_operation);

#endif
