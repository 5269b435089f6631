/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_DESCRIPTOR_H
#define DAEMON_DESCRIPTOR_H

#include "characteristic.h"

/* org.bluez.GattDescriptor1. docs/dbus/gatt.md. */

struct descriptor {
    struct attribute attribute; /* first: see attribute.h */
    struct bleproxy_uuid uuid;
};

/* As for characteristics. */
void descriptor_init(struct descriptor *descriptor, const struct gatt_context *context, struct object *object,
                     const struct bleproxy_descriptor *from);
void descriptor_deinit(struct descriptor *descriptor);

#endif
