/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_ROUTING_H
#define CENTRAL_ROUTING_H

#include "central/bonds.h"
#include "central/failures.h"
#include "central/pauses.h"
#include "central/pins.h"
#include "hub/hub.h"

/* What the choice of a proxy goes by, but for what the hub knows of scanners. */
struct routing {
    struct hub *hub;
    bool reference; /* as habluetooth would choose: BLEPROXY_RULE_ROUTING */
    struct failures failures;
    struct pauses pauses;
    struct pins pins;
    struct bonds bonds;
    struct list turns;
};

/* reference: enum bleproxy_rule. */
void routing_init(struct routing *routing, const struct env *env, struct hub *hub, uint32_t reference);
/* Idempotent. */
void routing_deinit(struct routing *routing);

/* An attempt through a proxy. It has the proxy's radio for itself until the link is up, or it has failed and nothing of
 * it is left: the others wait for their turns. Embedded, zeroed before its first use. */
struct turn {
    struct list node;
    const struct scanner *scanner;
    bool is_up;
};
void turn_begin(struct routing *routing, struct turn *turn, const struct scanner *scanner);
/* Idempotent; also on zeroed memory. */
void turn_end(struct turn *turn);
/* How many there are: of all attempts, or of those that have the radio. */
unsigned turns_all(const struct routing *routing, const struct scanner *scanner);
unsigned turns_on_radio(const struct routing *routing, const struct scanner *scanner);

#endif
