/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_VISIT_H
#define TESTS_SIM_VISIT_H

#include "base/list.h"
#include "central/peripheral.h"
#include "world.h"

struct gatt_device;

enum task_kind {
    TASK_CONNECT,
    TASK_DISCONNECT,
    TASK_READ,
    TASK_WRITE,
    TASK_SUBSCRIBE,
    TASK_UNSUBSCRIBE,
    TASK_PAIR,
    TASK_UNPAIR,
    TASK_CLEAR_CACHE,
    TASK_SET_PARAMETERS,
};

/* An operation, and what is expected of it. */
struct task {
    struct list node; /* in the visit's pending or completed ones */
    struct visit *visit;
    enum task_kind kind;
    bool starting, cancelled;
    uint16_t handle;
    uint64_t due_ns; /* by then it must have completed */
    struct bleproxy_operation *operation;
    struct interest *interest; /* of subscribing */
};

/* A subscription. Values may come while it is active. */
struct interest {
    struct list node;
    struct visit *visit;
    uint16_t handle;
    bool active;
    bool first;    /* of the handle, in this visit */
    bool numbered; /* its values begin with numbers */
    int last;      /* of those, -1: none yet */
};

/* One peripheral object for all of its life. */
struct visit {
    struct list node; /* when it is over */
    struct world *world;
    const struct gatt_device *device;
    struct peripheral *peripheral; /* NULL: freed */
    bool freeing, unsubscribing;   /* within these calls */
    bool up;                       /* a connect has succeeded, and no end been told */
    bool closing;                  /* ... and was asked to end */
    bool lossless;                 /* ... and nothing got lost since then */
    uint64_t believed_ns;          /* up till then the proxy had the link, as far as could be known */
    uint64_t served_ns; /* up till then it wanted no connection, or was getting one, or none was to be had */
    unsigned bursts, restarts; /* asked for on this link, and seen to begin */
    struct list pending, completed, interests;
};

/* NULL: out of memory. */
struct visit *visit_new(struct world *world, const struct gatt_device *device);
/* The memory; the visit is over. */
void visit_delete(struct visit *visit);
/* Does something at random, which may be the end of it. */
void visit_act(struct visit *visit);
void visit_disconnect(struct visit *visit);
void visit_end(struct visit *visit);
void visit_check(struct visit *visit);
static inline bool visit_is_over(const struct visit *visit)
{
    return !visit->peripheral;
}

/* task.c: starts an operation of that kind, with arguments at random. */
void task_start(struct visit *visit, enum task_kind kind);
void task_cancel(struct task *task);
/* Of a visit that is over or whose link has ended. */
void interests_end(struct visit *visit);
/* visit.c: callbacks go on living. */
void visit_react(struct visit *visit);

#endif
