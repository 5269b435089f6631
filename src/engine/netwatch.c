/* SPDX-License-Identifier: MIT */
#include "engine/netwatch.h"

#ifdef __linux__
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct netwatch_socket {
    uv_poll_t poll; /* first: its close callback frees the socket */
    int fd;
    void (*on_change)(void *user);
    void *user;
};

/* What has changed does not matter: all is read anew. So nothing is lost by messages that were too many either. */
static void netwatch_drain(int fd)
{
    enum { READS_MAX = 256 }; /* at a time */
    char byte;
    for (unsigned i = 0; i < READS_MAX; i++)
        if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0 && errno != EINTR && errno != ENOBUFS)
            break;
}

static void netwatch_polled(uv_poll_t *poll, int status, int events)
{
    struct netwatch_socket *socket = (struct netwatch_socket *)poll;
    (void)events;
    if (status < 0) /* too many messages; libuv has stopped watching */
        uv_poll_start(poll, UV_READABLE, netwatch_polled);
    netwatch_drain(socket->fd);
    socket->on_change(socket->user);
}

static void netwatch_closed(uv_handle_t *handle)
{
    free(handle);
}

static int netwatch_open(void)
{
    struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                                 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void netwatch_start(struct netwatch *watch, uv_loop_t *uv, void (*on_change)(void *user), void *user)
{
    if (watch->socket)
        return;
    int fd = netwatch_open();
    if (fd < 0)
        return;
    struct netwatch_socket *socket = malloc(sizeof(*socket));
    if (!socket || uv_poll_init(uv, &socket->poll, fd) < 0) {
        free(socket);
        close(fd);
        return;
    }
    socket->fd = fd;
    socket->on_change = on_change;
    socket->user = user;
    uv_poll_start(&socket->poll, UV_READABLE, netwatch_polled);
    uv_unref((uv_handle_t *)&socket->poll);
    watch->socket = socket;
}

void netwatch_stop(struct netwatch *watch)
{
    struct netwatch_socket *socket = watch->socket;
    watch->socket = NULL;
    if (!socket)
        return;
    uv_poll_stop(&socket->poll);
    close(socket->fd);
    uv_close((uv_handle_t *)&socket->poll, netwatch_closed);
}

#else

void netwatch_start(struct netwatch *watch, uv_loop_t *uv, void (*on_change)(void *user), void *user)
{
    (void)watch, (void)uv, (void)on_change, (void)user;
}

void netwatch_stop(struct netwatch *watch)
{
    (void)watch;
}

#endif
