/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_OPERATION_H
#define CENTRAL_OPERATION_H

#include "base/list.h"
#include "base/time.h"
#include <bleproxy/peripheral.h>

struct central;
struct peripheral;

/* What every operation begins with, whatever it does: attempts, whole connects, requests. It lives on the heap until it is
 * completed. */
struct bleproxy_operation {
    struct list node; /* in the central's operations */
    struct central *central;
    struct peripheral
        *peripheral; /* the one it is about, whose end cancels it: set by who made the operation */
    bool connects;   /* while it lasts nobody else connects the device: peripheral_is_taken() */
    bleproxy_result_fn *on_done;
    void *user;
    uint64_t deadline_ns; /* when on_tick wants to be called; BP_NEVER: not */
    void (*on_tick)(struct bleproxy_operation *operation, uint64_t now_ns);
    /* Undoes what is under way, and completes it. NULL: it is being completed. */
    void (*on_cancel)(struct bleproxy_operation *operation, uint64_t now_ns);
};

/* Zeroed memory of size bytes that begins with an operation, in the central's list; NULL: none left. */
void *operation_new(struct central *central, size_t size, bleproxy_result_fn *on_done, void *user);
/* Undoes operation_new(): nobody is called. */
void operation_discard(struct bleproxy_operation *operation);
/* Unlinks it, calls on_done, which may do anything, and frees it. */
void operation_complete(struct bleproxy_operation *operation, const struct bleproxy_result *result);
/* Moves its deadline, and tells the central's owner. */
void operation_set_deadline(struct bleproxy_operation *operation, uint64_t deadline_ns);
/* bleproxy_operation_cancel(); nothing in its own callback. */
void operation_cancel(struct bleproxy_operation *operation, uint64_t now_ns);

#endif
