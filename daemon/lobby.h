/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_LOBBY_H
#define DAEMON_LOBBY_H

#include "watches.h"

#include <stddef.h>

/* A socket at which `bleproxy run` waits until there is a proxy. Each guest is told, a line each:
 *
 *     bus unix:path=...       which bus the daemon is on
 *     waiting TEXT            no proxy is connected, and why; again when that changes
 *     ready                   one is; nothing comes after it
 *     full                    instead of all these, to somebody for whom there is no place
 *
 * A guest says nothing, and leaves by closing its end. */

struct guest;

struct lobby {
    struct watches *watches;
    const char *address; /* borrowed */
    void (*on_empty)(void *user);
    void (*on_host_left)(void *user);
    void *user;
    struct watch door; /* fd -1: nobody comes in */
    int spare_fd;      /* given up for somebody for whom there is no descriptor */
    char *path;
    struct guest *guests;
    size_t n_guests;
    bool is_ready;
    char text[512];
    int last_fd; /* of the last one that has left: it sees the end when the process ends */
};

/* One user is not to take the places of all others. Of root, and of the daemon's own user, there may be as many as there are
 * places. */
enum { LOBBY_GUESTS_MAX = 256, LOBBY_GUESTS_OF_USER_MAX = 64 };

/* All is borrowed. The callbacks are set by the owner, NULL: on_empty, when the last guest has left; on_host_left, when the one
 * who was admitted first has left, and others are still there. */
void lobby_init(struct lobby *lobby, struct watches *watches, const char *address, void *user);
/* Others may come in by the socket at path, with that mode; one that is left over is replaced. 0 or a negative errno. */
int lobby_open(struct lobby *lobby, const char *path, unsigned mode);
/* A guest who is here already; is_host: for whom all this was started. Takes fd. 0 or a negative errno; -ENOSPC: there is no
 * place, and that was said. */
int lobby_admit(struct lobby *lobby, int fd, bool is_host);
/* Whether a proxy is connected; else why not. */
void lobby_tell(struct lobby *lobby, bool is_ready, const char *text);
/* Nobody comes in any more. Idempotent. */
void lobby_close(struct lobby *lobby);
/* Sends all away but the last who has left. Idempotent. */
void lobby_deinit(struct lobby *lobby);

#endif
