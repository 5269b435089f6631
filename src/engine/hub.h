/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_HUB_H
#define ENGINE_HUB_H

#include "engine/loop.h"
#include "engine/ticker.h"
#include "hub/hub.h"

/* The pure hub on a loop. */
struct bleproxy_hub {
    struct bleproxy_loop *loop;
    struct hub *core;
    struct ticker ticker;
    unsigned depth; /* calls on the stack */
    bool freed;
};

/* Around each call into the core that may call back. The hub may be gone after leave. */
void engine_hub_enter(struct bleproxy_hub *hub);
void engine_hub_leave(struct bleproxy_hub *hub);

#endif
