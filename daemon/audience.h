/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_AUDIENCE_H
#define DAEMON_AUDIENCE_H

#include <bleproxy/bleproxy.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* The programs that have called us, whether they are there, and whether they read what they are told. A message bus keeps what
 * one of them does not read; when that is too much it takes nothing from us any more, whoever it is for. So while there is
 * much to tell, each is asked now and then whether it is there, as any D-Bus library answers by itself; and while one is deaf,
 * what is only of passing interest is told to the others by their names. What goes to one alone is counted until it has
 * answered: who does not read gets no more then. But a program that waits for the answers to its calls, and does nothing else,
 * reads and does not answer us: so of who owes an answer the bus is asked whether anything lies there for it, which
 * dbus-daemon can tell. */

struct listener;

struct audience {
    sd_bus *bus;
    struct bleproxy_loop *loop;
    struct listener *first;
    size_t n_listeners, n_deaf;
    size_t n_unread;              /* what all were sent alone and may not have read */
    sd_bus_slot *census;          /* who is there, asked of the bus */
    bool is_blind;                /* the bus does not tell what lies there */
    struct bleproxy_timer *timer; /* while something is told */
    bool was_told;                /* since it was due last */
    void (*on_back)(void *user, const char *name);
    void (*on_left)(void *user, const char *name);
    void *user;
};

enum {
    AUDIENCE_MAX = 1024, /* further programs are told while nobody is deaf */
    AUDIENCE_ASK_MS = 2000,
    AUDIENCE_DEAF_MS = 5000, /* without an answer */
    /* In answers and calls of usual size, below a kilobyte; a bus may take 127 MB from us that nobody reads. */
    AUDIENCE_UNREAD_MAX = 8192,      /* by one */
    AUDIENCE_ALL_UNREAD_MAX = 65536, /* by all; then each only has its share: */
    AUDIENCE_SHARE = 64,
    AUDIENCE_LOOK = 1024, /* from then on the bus is asked */
};

/* All of it is borrowed. on_back: a program reads again; what it has missed may be told to it. on_left: it is gone, and the
 * bus may not have told; it is still to be removed. */
void audience_init(struct audience *audience, sd_bus *bus, struct bleproxy_loop *loop,
                   void (*on_back)(void *user, const char *name),
                   void (*on_left)(void *user, const char *name), void *user);
/* Idempotent. */
void audience_deinit(struct audience *audience);
/* It has called; it has left the bus. */
void audience_add(struct audience *audience, const char *name);
void audience_remove(struct audience *audience, const char *name);
/* Something of that size in usual messages is to be sent to it alone. False: it has more than enough that it does not read. */
bool audience_admit(struct audience *audience, const char *name, size_t n_messages);
/* What was admitted is so much larger. */
void audience_charge(struct audience *audience, const char *name, size_t n_messages);
/* Some may have left without our being told, as a bus drops what we are sent while we do not read: finds out which. */
void audience_take_census(struct audience *audience);
/* Something of passing interest is told: to all at once if nobody is deaf, else to each of those in turn: position is 0 at
 * first. NULL: that was the last. */
bool audience_is_whole(struct audience *audience);
const char *audience_next(const struct audience *audience, const void **position);

#endif
