/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_STORAGE_H
#define DAEMON_STORAGE_H

#include "memory.h"

#include <bleproxy/loop.h>

/* The file that keeps a memory between runs: "bleproxyd.state" in a directory, replaced as a whole. */

struct storage {
    struct bleproxy_loop *loop;
    char *directory, *path;                         /* NULL: nothing is kept */
    int (*fill)(void *user, struct memory *memory); /* into an empty one; 0 or a negative errno */
    void *user;
    struct bleproxy_timer *timer; /* while there is something to write */
    bool is_soon, is_unread;      /* one that cannot be read is not written */
};

enum {
    STORAGE_SOON_MS = 2000,    /* what a user has set, what is connected */
    STORAGE_LATER_MS = 300000, /* who was heard: flash memory wears out */
};

/* directory NULL: nothing is kept. 0 or -ENOMEM. */
int storage_init(struct storage *storage, struct bleproxy_loop *loop, const char *directory,
                 int (*fill)(void *user, struct memory *memory), void *user);
/* What was kept; empty when there is nothing that can be used. A damaged file is set aside, after saying so. */
void storage_load(struct storage *storage, struct memory *ret_memory);
/* It is written in a while. */
void storage_changed(struct storage *storage, bool soon);
/* Writes at once. Idempotent. */
void storage_close(struct storage *storage);
/* The same without writing. */
void storage_abandon(struct storage *storage);

#endif
