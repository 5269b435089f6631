/* SPDX-License-Identifier: MIT */
#ifndef CLI_REMOTE_PRIVATE_H
#define CLI_REMOTE_PRIVATE_H

#include "daemon/bus.h"
#include "remote_bus.h"

/* The inside of remote.h and remote_bus.h, shared by its files. */

struct lines;

struct remote {
    struct watches watches;
    struct bus bus;
    char *owner; /* the daemon's unique name on the bus */
    const struct options *options;
    struct fleet *fleet; /* from its start on */
    struct lines *lines; /* what the proxies report; NULL: nothing (more) */
    struct bleproxy_timer *timer;
    bool asking, ask_again; /* for the proxies: an answer is awaited; it may be old by then */
    bool silent;            /* it did not answer in time, and the user was told */
};

/* A row of an aa{sv}: read takes each of its entries, the key and the variant. 1; 0: there is none any more; or a negative
 * errno. */
int remote_next_row(sd_bus_message *message, int (*read)(sd_bus_message *message, void *row), void *row);
struct member *remote_find_member(struct remote *remote, uint64_t source);
/* The daemon is gone. */
void remote_end(struct remote *remote);

/* remote_paths.c, remote_members.c: of remote_ops. */
bool remote_paths(struct remote *remote, uint64_t address, struct bleproxy_path *paths, size_t max,
                  size_t *ret_n);
bool remote_explain(struct remote *remote, uint64_t address, char *text, size_t size);
int remote_take_proxies(struct remote *remote, struct proxies *proxies);
/* remote_members.c: the members as the daemon's proxies are now. false: it does not answer. */
bool remote_update(struct remote *remote);
/* The same without waiting, soon. */
void remote_update_soon(struct remote *remote);

/* remote_lines.c. 0 or a negative errno. */
int remote_open_lines(struct remote *remote, bool active);
/* Members may have become known, or others. */
void remote_settle(struct remote *remote);
/* Nothing more comes from it; what it has heard stays, or is forgotten. Idempotent. */
void remote_break(struct member *member);
void remote_lose(struct member *member);
/* Idempotent. */
void remote_close_lines(struct remote *remote);

#endif
