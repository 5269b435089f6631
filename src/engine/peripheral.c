/* SPDX-License-Identifier: MIT */
#include "central/peripheral.h"

#include "central/establish.h"
#include "central/operation.h"
#include "engine/hub.h"

enum { PERIPHERAL_TIMEOUT_MS = 30000 };

/* The public type is the pure one. */
static struct peripheral *peripheral_core(struct bleproxy_peripheral *peripheral)
{
    return (struct peripheral *)peripheral;
}

static const struct peripheral *peripheral_const(const struct bleproxy_peripheral *peripheral)
{
    return (const struct peripheral *)peripheral;
}

static uint64_t peripheral_timeout(uint32_t timeout_ms)
{
    return (timeout_ms > 0 ? timeout_ms : PERIPHERAL_TIMEOUT_MS) * NS_PER_MS;
}

int bleproxy_peripheral_new(struct bleproxy_hub *hub, uint64_t address,
                            struct bleproxy_peripheral **ret_peripheral)
{
    if (hub->freed)
        return BLEPROXY_E_STATE;
    struct peripheral *core;
    int r = peripheral_new(hub->central, address, &core);
    if (r == 0)
        *ret_peripheral = (struct bleproxy_peripheral *)core;
    return r;
}

void bleproxy_peripheral_free(struct bleproxy_peripheral *peripheral)
{
    if (!peripheral)
        return;
    struct central *central = peripheral_central(peripheral_core(peripheral));
    struct bleproxy_hub *hub = central ? central_user(central) : NULL;
    if (hub)
        engine_hub_enter(hub);
    peripheral_free(peripheral_core(peripheral), loop_now());
    if (hub)
        engine_hub_leave(hub);
}

void bleproxy_operation_cancel(struct bleproxy_operation *operation)
{
    struct bleproxy_hub *hub = central_user(operation->central);
    if (hub)
        engine_hub_enter(hub);
    operation_cancel(operation, loop_now());
    if (hub)
        engine_hub_leave(hub);
}

void bleproxy_peripheral_on_disconnected(struct bleproxy_peripheral *peripheral,
                                         bleproxy_result_fn *on_disconnected, void *user)
{
    peripheral_on_disconnected(peripheral_core(peripheral), on_disconnected, user);
}

int bleproxy_peripheral_connect(struct bleproxy_peripheral *peripheral,
                                const struct bleproxy_connect_options *options,
                                bleproxy_result_fn *on_connected, void *user,
                                struct bleproxy_operation **ret_operation)
{
    return establish_start(peripheral_core(peripheral), options, on_connected, user, loop_now(),
                           ret_operation);
}

int bleproxy_peripheral_disconnect(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_done,
                                   void *user, struct bleproxy_operation **ret_operation)
{
    return peripheral_disconnect(peripheral_core(peripheral), on_done, user, loop_now(), ret_operation);
}

uint64_t bleproxy_peripheral_address(const struct bleproxy_peripheral *peripheral)
{
    return peripheral_address(peripheral_const(peripheral));
}

bool bleproxy_peripheral_is_connected(const struct bleproxy_peripheral *peripheral)
{
    return peripheral_is_connected(peripheral_const(peripheral));
}

uint64_t bleproxy_peripheral_source(const struct bleproxy_peripheral *peripheral)
{
    return peripheral_source(peripheral_const(peripheral));
}

uint16_t bleproxy_peripheral_mtu(const struct bleproxy_peripheral *peripheral)
{
    return peripheral_mtu(peripheral_const(peripheral));
}

const struct bleproxy_services *bleproxy_peripheral_services(const struct bleproxy_peripheral *peripheral)
{
    return peripheral_services(peripheral_const(peripheral));
}

int bleproxy_peripheral_read(struct bleproxy_peripheral *peripheral, uint16_t handle, uint32_t timeout_ms,
                             bleproxy_result_fn *on_read, void *user,
                             struct bleproxy_operation **ret_operation)
{
    return peripheral_read(peripheral_core(peripheral), handle, peripheral_timeout(timeout_ms), on_read, user,
                           loop_now(), ret_operation);
}

int bleproxy_peripheral_write(struct bleproxy_peripheral *peripheral, uint16_t handle, const void *value,
                              size_t size, enum bleproxy_write_mode mode, uint32_t timeout_ms,
                              bleproxy_result_fn *on_written, void *user,
                              struct bleproxy_operation **ret_operation)
{
    return peripheral_write(peripheral_core(peripheral), handle, value, size, mode,
                            peripheral_timeout(timeout_ms), on_written, user, loop_now(), ret_operation);
}

int bleproxy_peripheral_subscribe(struct bleproxy_peripheral *peripheral, uint16_t handle,
                                  uint32_t timeout_ms, bleproxy_notification_fn *on_notification,
                                  void *notification_user, bleproxy_result_fn *on_subscribed, void *user,
                                  struct bleproxy_operation **ret_operation)
{
    return peripheral_subscribe(peripheral_core(peripheral), handle, peripheral_timeout(timeout_ms),
                                on_notification, notification_user, on_subscribed, user, loop_now(),
                                ret_operation);
}

int bleproxy_peripheral_unsubscribe(struct bleproxy_peripheral *peripheral, uint16_t handle,
                                    bleproxy_result_fn *on_unsubscribed, void *user,
                                    struct bleproxy_operation **ret_operation)
{
    return peripheral_unsubscribe(peripheral_core(peripheral), handle, on_unsubscribed, user, loop_now(),
                                  ret_operation);
}

int bleproxy_peripheral_pair(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_paired,
                             void *user, struct bleproxy_operation **ret_operation)
{
    return peripheral_pair(peripheral_core(peripheral), on_paired, user, loop_now(), ret_operation);
}

int bleproxy_peripheral_unpair(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_unpaired,
                               void *user, struct bleproxy_operation **ret_operation)
{
    return peripheral_unpair(peripheral_core(peripheral), on_unpaired, user, loop_now(), ret_operation);
}

int bleproxy_peripheral_clear_cache(struct bleproxy_peripheral *peripheral, bleproxy_result_fn *on_cleared,
                                    void *user, struct bleproxy_operation **ret_operation)
{
    return peripheral_clear_cache(peripheral_core(peripheral), on_cleared, user, loop_now(), ret_operation);
}

int bleproxy_peripheral_set_parameters(struct bleproxy_peripheral *peripheral,
                                       const struct bleproxy_connection_parameters *parameters,
                                       bleproxy_result_fn *on_set, void *user,
                                       struct bleproxy_operation **ret_operation)
{
    return peripheral_set_parameters(peripheral_core(peripheral), parameters, on_set, user, loop_now(),
                                     ret_operation);
}
