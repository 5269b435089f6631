/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SCANNER_H
#define ENGINE_SCANNER_H

#include "engine/carrier.h"
#include "engine/hub.h"
#include "engine/ticker.h"
#include "hub/scanner.h"
#include <bleproxy/scanner.h>

/* The pure scanner on a loop: a manager's own, or one that a program made from its client. */
struct bleproxy_scanner {
    struct scanner *core;
    struct carrier *carrier;        /* what it asks goes out there; NULL once the client is gone */
    struct ticker ticker;           /* only of a client's scanner: a manager sees to its own */
    struct bleproxy_scanner **back; /* the client's pointer to it, cleared with it */
    unsigned depth;                 /* calls on the stack */
    bool freed;
};

/* Wraps a scanner: a client's, or with carrier NULL nobody's; *back is set to it and, of a client's, cleared when it goes. 0
 * or BLEPROXY_E_NOMEM. */
int engine_scanner_new(struct bleproxy_loop *loop, struct carrier *carrier, struct scanner *core,
                       struct bleproxy_scanner **back);
/* The client's session is gone. */
void engine_scanner_detach(struct bleproxy_scanner *scanner);

#endif
