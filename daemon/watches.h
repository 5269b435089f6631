/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_WATCHES_H
#define DAEMON_WATCHES_H

#include <stdbool.h>
#include <stdint.h>

/* Descriptors beside those of the library, for one loop that waits for all: watches_fd() polls readable when one of them is
 * ready. */
struct watches {
    int epoll_fd;
};

struct watch {
    int fd;          /* -1: none */
    uint32_t events; /* EPOLLIN, EPOLLOUT */
    void (*on_ready)(void *user, uint32_t events);
    void *user;
};

/* 0 or a negative errno. */
int watches_init(struct watches *watches);
/* Idempotent. The descriptors are not closed. */
void watches_deinit(struct watches *watches);
/* The watch is the caller's, and stays where it is until it is removed. 0 or a negative errno. */
int watches_add(struct watches *watches, struct watch *watch);
/* As its events are now. */
void watches_change(struct watches *watches, struct watch *watch);
/* Before the descriptor is closed. Idempotent; also from within its callback. */
void watches_remove(struct watches *watches, struct watch *watch);
/* Calls those that are ready, without waiting. */
void watches_dispatch(struct watches *watches);

#endif
