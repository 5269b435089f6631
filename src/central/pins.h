/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_PINS_H
#define CENTRAL_PINS_H

#include "base/env.h"
#include "base/list.h"
#include <bleproxy/path.h>
#include <bleproxy/pin.h>

struct hub;
struct scanner;

/* The pure core of bleproxy_hub_pin(): which proxies are for which devices. */
struct pins {
    const struct env *env;
    struct hub *hub;
    struct list list; /* of struct pin, in the order in which they were made */
    size_t n;
};

struct pin {
    struct list node;
    uint64_t address;
    enum bleproxy_pin kind;
    uint64_t source; /* when proxy is a MAC address; else 0 */
    char *proxy;
};

void pins_init(struct pins *pins, const struct env *env, struct hub *hub);
/* Idempotent. */
void pins_deinit(struct pins *pins);
/* As bleproxy_hub_pin(), bleproxy_hub_unpin(). */
int pins_add(struct pins *pins, uint64_t address, const char *proxy, enum bleproxy_pin kind);
int pins_remove(struct pins *pins, uint64_t address, const char *proxy, enum bleproxy_pin kind);

/* What they say of a proxy for a device. */
struct pin_ruling {
    enum bleproxy_obstacle obstacle; /* NONE, DENIED, NOT_ALLOWED, RESERVED */
    bool preferred;
};
struct pin_ruling pins_rule(const struct pins *pins, uint64_t address, const struct scanner *scanner);

#endif
