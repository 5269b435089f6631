/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CHARACTERISTIC_H
#define DAEMON_CHARACTERISTIC_H

#include "attribute.h"
#include "notify.h"

/* org.bluez.GattCharacteristic1. docs/dbus/gatt.md. */

/* What all attributes of a device have in common. */
struct gatt_context {
    struct bleproxy_peripheral *peripheral;
    struct object *device;
    struct watches *watches;
    struct bleproxy_loop *loop;
};

struct characteristic {
    struct attribute attribute; /* first: see attribute.h */
    struct bleproxy_uuid uuid;
    uint32_t properties;
    uint16_t declaration; /* the handle of its path */
    bool can_notify;      /* it has a client characteristic configuration */
    struct notify notify;
    struct acquired writer;
    void (*on_watched)(void *user, const uint8_t *value, size_t size); /* NULL: nobody */
    void *watcher;
    bool is_followed; /* by notifications, for it */
};

/* The object is the characteristic's; it goes with its parents. from is borrowed for the call. */
void characteristic_init(struct characteristic *characteristic, const struct gatt_context *context,
                         struct object *object, const struct bleproxy_characteristic *from,
                         uint16_t declaration);
void characteristic_deinit(struct characteristic *characteristic);
/* For the daemon itself, besides programs and unseen by them: the value is read now, and then as the device notifies it if
 * it can. Until the connection ends. */
void characteristic_watch(struct characteristic *characteristic,
                          void (*on_watch)(void *user, const uint8_t *value, size_t size), void *user);
/* The program is notified no longer; it has no socket any more to write to. */
void characteristic_forget_listener(struct characteristic *characteristic, const char *sender);
void characteristic_forget_writer(struct characteristic *characteristic, const char *sender);

#endif
