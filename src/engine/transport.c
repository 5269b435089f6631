/* SPDX-License-Identifier: MIT */
#include "engine/transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t transport_sockaddr(const struct net_address *address, struct sockaddr_storage *ret_sockaddr)
{
    memset(ret_sockaddr, 0, sizeof(*ret_sockaddr));
    if (address->family == 4) {
        struct sockaddr_in *in = (void *)ret_sockaddr;
        in->sin_family = AF_INET;
        in->sin_port = htons(address->port);
        memcpy(&in->sin_addr, address->bytes, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (void *)ret_sockaddr;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    in6->sin6_scope_id = address->scope;
    memcpy(&in6->sin6_addr, address->bytes, 16);
    return sizeof(*in6);
}

/* A proxy drops advertisements when its small send buffer is full, so ours should never be the bottleneck:
 * the largest the system allows, as the reference client asks for it. */
static void transport_set_receive_buffer(struct bleproxy_loop *loop, int fd)
{
    for (int size = 2 * 1024 * 1024; size >= 128 * 1024; size /= 2)
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0)
            return;
    env_log(&loop->env, BLEPROXY_LOG_WARNING, "engine", NULL,
            "the system refuses a receive buffer of 128 KiB");
}

static void transport_polled(uv_poll_t *poll, int status, int events)
{
    struct transport *transport = (struct transport *)poll;
    /* An error is left for the next read or check to name. libuv has stopped watching, but bytes that came
     * before the error are still to be read. */
    if (status < 0) {
        events = transport->events;
        transport->events = 0;
    }
    transport->on_ready(transport->user, transport, events);
}

static void transport_closed(uv_handle_t *handle)
{
    free(handle);
}

int transport_open(struct bleproxy_loop *loop, const struct net_address *address,
                   void (*on_ready)(void *user, struct transport *transport, int events), void *user,
                   struct transport **ret_transport)
{
    struct sockaddr_storage sockaddr;
    socklen_t size = transport_sockaddr(address, &sockaddr);
    int fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct transport *transport = malloc(sizeof(*transport));
    if (!transport) {
        close(fd);
        return -ENOMEM;
    }
    *transport =
        (struct transport){.loop = loop, .fd = fd, .address = *address, .on_ready = on_ready, .user = user};
    list_init(&transport->link);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    transport_set_receive_buffer(loop, fd);
    int r = connect(fd, (const struct sockaddr *)&sockaddr, size);
    r = r < 0 && errno != EINPROGRESS ? -errno : uv_poll_init(loop->uv, &transport->poll, fd);
    if (r < 0) {
        close(fd);
        free(transport);
        return r;
    }
    transport_watch(transport, UV_WRITABLE);
    *ret_transport = transport;
    return 0;
}

int transport_check(struct transport *transport)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -errno;
    return -error;
}

ssize_t transport_read(struct transport *transport)
{
    ssize_t n;
    do
        n = recv(transport->fd, transport->loop->receive, LOOP_RECEIVE_SIZE, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t transport_write(struct transport *transport, const struct iovec *vec)
{
    struct iovec copy = *vec;
    const struct msghdr message = {.msg_iov = &copy, .msg_iovlen = 1};
    ssize_t n;
    do
        n = sendmsg(transport->fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    return n;
}

void transport_watch(struct transport *transport, int events)
{
    if (transport->events == events)
        return;
    transport->events = events;
    if (events)
        uv_poll_start(&transport->poll, events, transport_polled);
    else
        uv_poll_stop(&transport->poll);
}

void transport_reset(struct transport *transport)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void transport_close(struct transport *transport)
{
    list_unlink(&transport->link);
    uv_poll_stop(&transport->poll);
    close(transport->fd);
    transport->fd = -1;
    uv_close((uv_handle_t *)&transport->poll, transport_closed);
}
