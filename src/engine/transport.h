/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TRANSPORT_H
#define ENGINE_TRANSPORT_H

#include "base/list.h"
#include "engine/loop.h"
#include "proxy/dial.h"
#include <sys/uio.h>

/* One TCP connection to a proxy. The socket is ours and libuv only watches it: its own streams let a peer's
 * reset end the process by SIGPIPE. */
struct transport {
    uv_poll_t poll; /* first: its close callback frees the transport */
    struct list link;
    struct bleproxy_loop *loop;
    int fd; /* -1 once closed; the memory stays until the loop comes round */
    int events;
    unsigned attempt;
    struct net_address address; /* the peer's */
    bool connected;
    /* The socket has something to say: see transport_check() and transport_read(). */
    void (*on_ready)(void *user, struct transport *transport, int events);
    void *user;
};

/* Begins to connect; on_ready with UV_WRITABLE follows. 0, or -errno. */
int transport_open(struct bleproxy_loop *loop, const struct net_address *address,
                   void (*on_ready)(void *user, struct transport *transport, int events), void *user,
                   struct transport **ret_transport);
/* 0 when the connection is up, else -errno. */
int transport_check(struct transport *transport);
/* Reads into loop->receive: bytes, 0 at the end of the stream, -EAGAIN when there is nothing, else -errno. */
ssize_t transport_read(struct transport *transport);
/* Bytes written, 0 when the socket takes none now, else -errno. Never raises SIGPIPE. */
ssize_t transport_write(struct transport *transport, const struct iovec *vec);
/* UV_READABLE | UV_WRITABLE to watch, or 0. */
void transport_watch(struct transport *transport, int events);
/* When it is closed next, what has not arrived yet is dropped, and the peer is told so instead of the end. */
void transport_reset(struct transport *transport);
/* No call follows. */
void transport_close(struct transport *transport);

#endif
