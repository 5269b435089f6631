/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include "config/config.h"
#include "tree.h"

/* Which users may do what, and with which devices, as the configuration says under `daemon`. Without it everybody may do
 * everything whom the bus lets in. root always may. */

struct adapter;

enum access_right { ACCESS_CONNECT, ACCESS_PAIR, ACCESS_WRITE, ACCESS_RIGHTS };

enum {
    ACCESS_SENDERS_MAX = 4096, /* whose users are known; a bus has fewer */
    ACCESS_WAITING_MAX = 64,   /* calls of one that wait until its user is known */
};

struct users {
    uid_t *ids;
    size_t n;
    bool are_few; /* else everybody */
};

struct access_rules {
    struct users users[ACCESS_RIGHTS];
    uint64_t *allowed, *denied; /* devices, sorted */
    size_t n_allowed, n_denied;
};

struct access {
    struct tree *tree;
    struct adapter *adapter; /* whose links are reviewed */
    struct access_rules rules;
    struct sender *senders;
    size_t n_senders;
};

/* From now on the calls to the tree are looked at. */
void access_init(struct access *access, struct tree *tree);
/* Idempotent. Calls that wait are not answered. */
void access_deinit(struct access *access);
/* 0, or -ENOMEM: what was in force stays. Users that there are not are warned of, and nobody is one. */
int access_apply(struct access *access, const struct config *config);
/* Others may do less now: programs lose the links and the sockets that they could not get any more. */
void access_review(struct access *access, struct adapter *adapter);
bool access_allows_device(const struct access *access, uint64_t address);
/* A program has left the bus. */
void access_forget_client(struct access *access, const char *name);

#endif
