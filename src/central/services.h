/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_SERVICES_H
#define CENTRAL_SERVICES_H

#include "base/env.h"
#include "wire/message.h"
#include <bleproxy/gatt.h>

/* A peripheral's database. Immutable, shared by counted references: the cache holds one, each connection another. */
struct services {
    struct bleproxy_services view;
    unsigned references;
    const struct env *env;
};

/* Services, characteristics and descriptors of one device together. As one message they fit into an arena. */
enum { SERVICES_ATTRIBUTES_MAX = 2048 };

struct services *services_ref(struct services *services);
/* NULL is fine. */
void services_unref(struct services *services);
/* The standard's descriptor through which a characteristic is subscribed to (0x2902), or NULL. */
const struct bleproxy_descriptor *services_configuration(
    const struct bleproxy_characteristic *characteristic);
/* Whether the descriptor is such a one. */
bool services_is_configuration(const struct bleproxy_descriptor *descriptor);

/* Puts together what a proxy streams. An attribute is left out, with those in it, when its handle is 0, beyond 16
 * bits, or there already. Failure is remembered until finish. */
struct services_builder {
    const struct env *env;
    int error;
    /* its own */
    struct builder_attribute *attributes;
    size_t n_attributes, capacity;
    uint8_t *handles; /* a bit for each that is there */
};
void services_builder_init(struct services_builder *builder, const struct env *env);
/* Idempotent. */
void services_builder_deinit(struct services_builder *builder);
void services_builder_add(struct services_builder *builder, const BluetoothGATTService *service);
/* One reference for the caller, the builder is empty then. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT (more than the cap),
 * BLEPROXY_E_NO_SERVICES (none at all). */
int services_builder_finish(struct services_builder *builder, struct services **ret_services);

#endif
