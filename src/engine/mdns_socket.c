/* SPDX-License-Identifier: MIT */
#include "engine/mdns_socket.h"

#include "discovery/dns.h"
#include "engine/netifs.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* 224.0.0.251 and ff02::fb */
static const struct in6_addr group_6 = {.s6_addr = {0xff, 0x02, [15] = 0xfb}};
enum { GROUP_4 = 0xe00000fb };

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

/* Where an option is missing, what it does is the default or does not matter. */
static void mdns_socket_set_options(int fd, uint8_t family, bool hears)
{
    enum { HOPS = 255 }; /* RFC 6762, 11: what came from afar has fewer */
    if (hears) {
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
#ifdef SO_REUSEPORT
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
#endif
    }
    if (family == 4) {
        set(fd, IPPROTO_IP, IP_PKTINFO, 1);
        set(fd, IPPROTO_IP, IP_TTL, HOPS);
        set(fd, IPPROTO_IP, IP_MULTICAST_TTL, HOPS);
        set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1); /* those on this host are asked, too */
#ifdef IP_MULTICAST_ALL
        set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
#endif
    } else {
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOPS);
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOPS);
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
#ifdef IPV6_MULTICAST_ALL
        set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
#endif
    }
}

/* The group, or any address of ours and any port. */
static int mdns_socket_bind(int fd, uint8_t family, bool hears, uint32_t netif)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (hears) {
        in.sin_port = in6.sin6_port = htons(DNS_PORT);
        in.sin_addr.s_addr = htonl(GROUP_4);
        in6.sin6_addr = group_6;
        in6.sin6_scope_id = netif;
    }
    int r = family == 4 ? bind(fd, (const struct sockaddr *)&in, sizeof(in))
                        : bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
    return r < 0 ? -errno : 0;
}

/* Hears the group on the interface. 0 or -errno. */
static int mdns_socket_join(int fd, uint8_t family, uint32_t netif)
{
    struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(GROUP_4), .imr_ifindex = (int)netif};
    struct ipv6_mreq group6 = {.ipv6mr_multiaddr = group_6, .ipv6mr_interface = netif};
    int r = family == 4 ? setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group))
                        : setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group6, sizeof(group6));
    return r < 0 ? -errno : 0;
}

static void mdns_socket_polled(uv_poll_t *poll, int status, int events)
{
    struct mdns_socket *socket = (struct mdns_socket *)poll;
    (void)events;
    if (status <
        0) /* an interface that went down; the next read takes the error away. libuv has stopped watching */
        uv_poll_start(poll, UV_READABLE, mdns_socket_polled);
    socket->on_readable(socket->user, socket);
}

static void mdns_socket_closed(uv_handle_t *handle)
{
    free(handle);
}

int mdns_socket_open(uv_loop_t *uv, uint8_t family, bool hears, uint32_t netif,
                     void (*on_readable)(void *user, struct mdns_socket *socket), void *user,
                     struct mdns_socket **ret_socket)
{
    int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    mdns_socket_set_options(fd, family, hears);
    struct mdns_socket *socket = malloc(sizeof(*socket));
    int r = socket ? mdns_socket_bind(fd, family, hears, netif) : -ENOMEM;
    if (r == 0 && hears)
        r = mdns_socket_join(fd, family, netif);
    if (r == 0) {
        *socket = (struct mdns_socket){.fd = fd,
                                       .family = family,
                                       .hears = hears,
                                       .netif = netif,
                                       .on_readable = on_readable,
                                       .user = user};
        list_init(&socket->link);
        r = uv_poll_init(uv, &socket->poll, fd);
    }
    if (r < 0) {
        close(fd);
        free(socket);
        return r;
    }
    uv_poll_start(&socket->poll, UV_READABLE, mdns_socket_polled);
    if (hears)
        uv_unref((uv_handle_t *)&socket->poll);
    *ret_socket = socket;
    return 0;
}

void mdns_socket_close(struct mdns_socket *socket)
{
    list_unlink(&socket->link);
    uv_poll_stop(&socket->poll);
    close(socket->fd);
    socket->fd = -1;
    uv_close((uv_handle_t *)&socket->poll, mdns_socket_closed);
}

/* Room for one interface in either family's form. */
union mdns_control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void set_control(struct msghdr *message, int level, int type, const void *data, size_t size)
{
    message->msg_controllen = (socklen_t)CMSG_SPACE(size); /* musl's type, and POSIX's */
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = (socklen_t)CMSG_LEN(size);
    memcpy(CMSG_DATA(header), data, size);
}

int mdns_socket_send(struct mdns_socket *socket, const struct netif *netif, const uint8_t *bytes, size_t size)
{
    const struct net_address *own = netif_own_address(netif, socket->family);
    if (!own)
        return -EADDRNOTAVAIL;
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(DNS_PORT), .sin_addr.s_addr = htonl(GROUP_4)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons(DNS_PORT),
                               .sin6_addr = group_6,
                               .sin6_scope_id = netif->index};
    union mdns_control control = {0};
    union {
        const uint8_t *from;
        void *to;
    } cast = {.from = bytes}; /* sendmsg() only reads it */
    struct iovec vec = {.iov_base = cast.to, .iov_len = size};
    struct msghdr message = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = &control};
    if (socket->family == 4) {
        struct in_pktinfo info = {.ipi_ifindex = (int)netif->index};
        memcpy(&info.ipi_spec_dst, own->bytes, 4);
        message.msg_name = &in;
        message.msg_namelen = sizeof(in);
        set_control(&message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    } else {
        struct in6_pktinfo info = {.ipi6_ifindex = netif->index};
        message.msg_name = &in6;
        message.msg_namelen = sizeof(in6);
        set_control(&message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
    ssize_t n;
    do
        n = sendmsg(socket->fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* It is all that was asked for: there is one header at most. */
static uint32_t read_netif(struct msghdr *message)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    struct in_pktinfo info;
    struct in6_pktinfo info6;
    if (header && header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
        memcpy(&info, CMSG_DATA(header), sizeof(info));
        return (uint32_t)info.ipi_ifindex;
    }
    if (header && header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
        memcpy(&info6, CMSG_DATA(header), sizeof(info6));
        return info6.ipi6_ifindex;
    }
    return 0;
}

static struct net_address read_sender(const struct sockaddr_storage *from)
{
    struct net_address address = {0};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)from;
        address.family = 4;
        address.port = ntohs(in->sin_port);
        memcpy(address.bytes, &in->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *in6 = (const void *)from;
        address.family = 6;
        address.port = ntohs(in6->sin6_port);
        address.scope = in6->sin6_scope_id;
        memcpy(address.bytes, &in6->sin6_addr, 16);
    }
    return address;
}

ssize_t mdns_socket_read(struct mdns_socket *socket, uint8_t *bytes, size_t capacity,
                         struct net_address *ret_from, uint32_t *ret_netif)
{
    struct sockaddr_storage from = {0};
    union mdns_control control;
    struct iovec vec = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &vec,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n;
    do
        n = recvmsg(socket->fd, &message, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (message.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    *ret_from = read_sender(&from);
    *ret_netif = read_netif(&message);
    return n;
}
