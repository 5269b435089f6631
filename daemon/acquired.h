/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ACQUIRED_H
#define DAEMON_ACQUIRED_H

#include "tree.h"
#include "watches.h"

#include <bleproxy/loop.h>

/* A socket that a program got instead of calls and signals: each message is one value; those that are empty or too long for
 * one are dropped. */

struct acquired {
    struct watches *watches;
    struct bleproxy_loop *loop;
    struct watch watch;
    char *owner; /* the program, while it is open */
    struct bleproxy_timer
        *timer; /* while values stay in the socket, so that the program has to wait in the end */
    /* A message has come. False: there is no room for it now; it comes again in a while. NULL: nobody wants any. */
    bool (*on_value)(void *user, const uint8_t *value, size_t size);
    void (*on_closed)(void *user); /* the program has closed its end */
    void *user;
};

/* Makes the pair: the program's end, or a negative errno. owner: the program's name on the bus. */
int acquired_open(struct acquired *acquired, struct watches *watches, struct bleproxy_loop *loop,
                  const char *owner);
/* Answers the call with the program's end, which is closed here, and mtu. */
int acquired_answer(struct tree *tree, sd_bus_message *call, int fd, uint16_t mtu);
bool acquired_is_open(const struct acquired *acquired);
/* It is open, and that program's. */
bool acquired_is_of(const struct acquired *acquired, const char *program);
/* Never waits: what the program has no room for is lost, as on the air. */
void acquired_send(struct acquired *acquired, const uint8_t *value, size_t size);
/* Idempotent; the program sees the end. */
void acquired_close(struct acquired *acquired);

#endif
