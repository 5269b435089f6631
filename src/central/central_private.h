/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_CENTRAL_PRIVATE_H
#define CENTRAL_CENTRAL_PRIVATE_H

#include "central/central.h"
#include "central/queue.h"
#include "central/routing.h"

/* For the files that make up the central and its peripherals. */
struct central {
    const struct env *env;
    struct hub *hub;
    void (*on_deadline)(void *user);
    void *user;
    struct cache cache;
    struct routing routing;
    struct queue queue;
    struct list operations;
    struct list peripherals; /* also those that are freed, until the stack has unwound */
    unsigned depth;          /* of calls into the central that may call back */
    bool freed;
    bool litter;      /* there are freed peripherals */
    uint64_t now_ns;  /* as of the last call that told the time */
    uint64_t told_ns; /* the deadline that the owner knows of, or an earlier one */
};

/* Around everything that may call back: in between nothing is destroyed. */
void central_enter(struct central *central, uint64_t now_ns);
/* The central, and peripherals, may be gone afterwards. */
void central_leave(struct central *central);
/* Something is due by then. */
void central_announce(struct central *central, uint64_t deadline_ns);

#endif
