/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_MDNS_SOCKET_H
#define ENGINE_MDNS_SOCKET_H

#include "base/list.h"
#include "discovery/netif.h"
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

/* A UDP socket for multicast DNS: one of an ephemeral port that asks, or one that hears what is said to the group at port
 * 5353 on one interface. The latter is bound to the group's address: datagrams that are meant for a daemon on this host
 * alone never come to it. Its membership goes with it: Linux allows a socket 20, and counts those of interfaces that
 * are gone. */
struct mdns_socket {
    uv_poll_t poll; /* first: its close callback frees the socket */
    struct list link;
    int fd;
    uint8_t family; /* 4 or 6 */
    bool hears;
    uint32_t netif; /* on which it hears; else 0 */
    void (*on_readable)(void *user, struct mdns_socket *socket);
    void *user;
};

/* Watched at once; one that hears does not keep the loop running. 0 or -errno. */
int mdns_socket_open(uv_loop_t *uv, uint8_t family, bool hears, uint32_t netif,
                     void (*on_readable)(void *user, struct mdns_socket *socket), void *user,
                     struct mdns_socket **ret_socket);
/* No call follows. */
void mdns_socket_close(struct mdns_socket *socket);
/* Sends to the group on the interface. 0 or -errno. */
int mdns_socket_send(struct mdns_socket *socket, const struct netif *netif, const uint8_t *bytes,
                     size_t size);
/* The bytes of a datagram, with its sender and the index of the interface it came on; -EMSGSIZE for one that does not fit,
 * -EAGAIN when there is none, else -errno. */
ssize_t mdns_socket_read(struct mdns_socket *socket, uint8_t *bytes, size_t capacity,
                         struct net_address *ret_from, uint32_t *ret_netif);

#endif
