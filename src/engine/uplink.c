/* SPDX-License-Identifier: MIT */
#include "engine/uplink.h"

#include "engine/handle.h"
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/rtnetlink.h>
#endif

/* The address, if it is one with which others can be reached; NULL: it is none. */
static const uint8_t *usable(const struct ifaddrs *entry, size_t *ret_size)
{
    bool is_up = (entry->ifa_flags & IFF_UP) && (entry->ifa_flags & IFF_RUNNING);
    if (!entry->ifa_addr || !is_up || (entry->ifa_flags & IFF_LOOPBACK))
        return NULL;
    if (entry->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)entry->ifa_addr;
        *ret_size = sizeof(in->sin_addr);
        return (const uint8_t *)&in->sin_addr;
    }
    const struct sockaddr_in6 *in6 = (const void *)entry->ifa_addr;
    if (entry->ifa_addr->sa_family != AF_INET6 || IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
        return NULL;
    *ret_size = sizeof(in6->sin6_addr);
    return (const uint8_t *)&in6->sin6_addr;
}

bool uplink_has_address(uint8_t family)
{
    struct ifaddrs *entries;
    bool has = false;
    size_t size;
    if (getifaddrs(&entries) < 0)
        return true; /* nobody knows */
    for (const struct ifaddrs *entry = entries; entry && !has; entry = entry->ifa_next)
        has =
            usable(entry, &size) && size == (family == 4 ? sizeof(struct in_addr) : sizeof(struct in6_addr));
    freeifaddrs(entries);
    return has;
}

#ifdef __linux__
/* In whatever order they are listed; false when it cannot be known. FNV-1a of each. */
static bool sum_addresses(uint64_t *ret_sum)
{
    struct ifaddrs *entries;
    uint64_t sum = 0;
    if (getifaddrs(&entries) < 0)
        return false;
    for (const struct ifaddrs *entry = entries; entry; entry = entry->ifa_next) {
        size_t size;
        const uint8_t *bytes = usable(entry, &size);
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; bytes && i < size; i++)
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        sum += bytes ? hash : 0;
    }
    freeifaddrs(entries);
    *ret_sum = sum;
    return true;
}

/* What the news are does not matter, nor that some are lost: the addresses are looked at. */
static void uplink_on_news(uv_poll_t *poll, int status, int events)
{
    struct uplink *uplink = poll->data;
    uint64_t before = uplink->addresses;
    char news[4096];
    (void)status, (void)events;
    while (recv(uplink->fd, news, sizeof(news), 0) > 0)
        ;
    if (sum_addresses(&uplink->addresses) && uplink->addresses != before)
        nap_wake(uplink->nap);
}

void uplink_init(struct uplink *uplink, uv_loop_t *uv, struct nap *nap)
{
    const struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                                       .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    *uplink = (struct uplink){
        .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE), .nap = nap};
    bool hears = uplink->fd >= 0 && bind(uplink->fd, (const struct sockaddr *)&groups, sizeof(groups)) == 0 &&
                 sum_addresses(&uplink->addresses);
    uplink->poll = hears ? malloc(sizeof(*uplink->poll)) : NULL;
    if (uplink->poll && uv_poll_init(uv, uplink->poll, uplink->fd) < 0) {
        free(uplink->poll);
        uplink->poll = NULL;
    }
    if (!uplink->poll)
        return;
    uplink->poll->data = uplink;
    uv_poll_start(uplink->poll, UV_READABLE, uplink_on_news);
    uv_unref((uv_handle_t *)uplink->poll); /* a loop that waits for nothing else ends */
}
#else
void uplink_init(struct uplink *uplink, uv_loop_t *uv, struct nap *nap)
{
    (void)uv;
    *uplink = (struct uplink){.fd = -1, .nap = nap};
}
#endif

void uplink_deinit(struct uplink *uplink)
{
    if (uplink->poll) {
        uv_poll_stop(uplink->poll);
        handle_close((uv_handle_t *)uplink->poll);
    }
    uplink->poll = NULL;
    if (uplink->fd >= 0)
        close(uplink->fd);
    uplink->fd = -1;
}
