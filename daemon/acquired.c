/* SPDX-License-Identifier: MIT */
#include "acquired.h"

#include <bleproxy/gatt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURN_MAX = 64, /* values taken before others have their turn */
    RETRY_MS = 20, /* until one that could not be taken is offered again */
};

static void on_retry(void *user)
{
    struct acquired *acquired = user;
    bleproxy_timer_free(acquired->timer);
    acquired->timer = NULL;
    if (watches_add(acquired->watches, &acquired->watch) < 0)
        acquired->on_closed(acquired->user);
}

/* Nothing is heard of the socket meanwhile, not even its end: what is in it comes first. */
static void hold_back(struct acquired *acquired)
{
    if (bleproxy_timer_new(acquired->loop, RETRY_MS, 0, on_retry, acquired, &acquired->timer) < 0)
        return; /* no memory: it is looked at again at once */
    watches_remove(acquired->watches, &acquired->watch);
}

/* Whether it has been taken from the socket. */
static bool take(struct acquired *acquired, const uint8_t *value, ssize_t n)
{
    bool fits = n > 0 && n <= BLEPROXY_VALUE_MAX;
    if (fits && acquired->on_value && !acquired->on_value(acquired->user, value, (size_t)n)) {
        hold_back(acquired);
        return false;
    }
    if (acquired_is_open(acquired))
        (void)!recv(acquired->watch.fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC);
    return true;
}

static void on_ready(void *user, uint32_t events)
{
    struct acquired *acquired = user;
    uint8_t value[BLEPROXY_VALUE_MAX];
    for (int i = 0; i < TURN_MAX && acquired->watch.fd >= 0; i++) {
        ssize_t n = recv(acquired->watch.fd, value, sizeof(value), MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
        bool is_over = n == 0  ? (events & (EPOLLHUP | EPOLLRDHUP)) != 0
                       : n < 0 ? (errno != EAGAIN && errno != EINTR) || (events & EPOLLHUP)
                               : false;
        if (is_over)
            acquired->on_closed(acquired->user);
        if (is_over || n < 0 || !take(acquired, value, n))
            return;
    }
}

int acquired_open(struct acquired *acquired, struct watches *watches, struct bleproxy_loop *loop,
                  const char *owner)
{
    int fds[2];
    char *copy = strdup(owner);
    if (!copy)
        return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) {
        int error = errno;
        free(copy);
        return -error;
    }
    acquired->owner = copy;
    acquired->watches = watches;
    acquired->loop = loop;
    acquired->watch = (struct watch){fds[0], EPOLLIN | EPOLLRDHUP, on_ready, acquired};
    int r = watches_add(watches, &acquired->watch);
    if (r < 0) {
        acquired_close(acquired);
        close(fds[1]);
        return r;
    }
    return fds[1];
}

int acquired_answer(struct tree *tree, sd_bus_message *call, int fd, uint16_t mtu)
{
    int r = call_reply(tree, call, "hq", fd, mtu);
    close(fd); /* the message has its own; if there is none, we see the end */
    return r;
}

bool acquired_is_open(const struct acquired *acquired)
{
    return acquired->watches && acquired->watch.fd >= 0;
}

bool acquired_is_of(const struct acquired *acquired, const char *program)
{
    return acquired_is_open(acquired) && strcmp(acquired->owner, program) == 0;
}

void acquired_send(struct acquired *acquired, const uint8_t *value, size_t size)
{
    if (size > 0) /* an empty one would look like the end */
        (void)!send(acquired->watch.fd, value, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void acquired_close(struct acquired *acquired)
{
    if (!acquired_is_open(acquired))
        return;
    bleproxy_timer_free(acquired->timer);
    acquired->timer = NULL;
    watches_remove(acquired->watches, &acquired->watch);
    close(acquired->watch.fd);
    acquired->watch.fd = -1;
    free(acquired->owner);
    acquired->owner = NULL;
}
