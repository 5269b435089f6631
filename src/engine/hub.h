/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_HUB_H
#define ENGINE_HUB_H

#include "central/central.h"
#include "engine/loop.h"
#include "engine/state.h"
#include "engine/ticker.h"
#include "hub/hub.h"

/* The pure hub and the pure central on a loop. */
struct bleproxy_hub {
    struct bleproxy_loop *loop;
    struct hub *core;
    struct central *central;
    uint64_t central_due_ns; /* the central's deadline, as of what it told last */
    struct state state;
    struct ticker ticker;
    unsigned depth; /* calls on the stack */
    bool freed;
};

/* Around each call into the cores that may call back. The hub may be gone after leave. */
void engine_hub_enter(struct bleproxy_hub *hub);
void engine_hub_leave(struct bleproxy_hub *hub);

#endif
