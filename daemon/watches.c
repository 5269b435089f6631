/* SPDX-License-Identifier: MIT */
#include "watches.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { TURN_MAX = 64 }; /* callbacks before others have their turn */

int watches_init(struct watches *watches)
{
    watches->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return watches->epoll_fd < 0 ? -errno : 0;
}

void watches_deinit(struct watches *watches)
{
    if (watches->epoll_fd >= 0)
        close(watches->epoll_fd);
    watches->epoll_fd = -1;
}

int watches_add(struct watches *watches, struct watch *watch)
{
    struct epoll_event event = {.events = watch->events, .data.ptr = watch};
    return epoll_ctl(watches->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

void watches_change(struct watches *watches, struct watch *watch)
{
    struct epoll_event event = {.events = watch->events, .data.ptr = watch};
    epoll_ctl(watches->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void watches_remove(struct watches *watches, struct watch *watch)
{
    if (watch->fd >= 0)
        epoll_ctl(watches->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

/* One at a time, as each may remove any other. */
void watches_dispatch(struct watches *watches)
{
    struct epoll_event event;
    for (int i = 0; i < TURN_MAX && epoll_wait(watches->epoll_fd, &event, 1, 0) == 1; i++) {
        const struct watch *watch = event.data.ptr;
        watch->on_ready(watch->user, event.events);
    }
}
