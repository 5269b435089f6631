/* SPDX-License-Identifier: MIT */
#include "network.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* A link-local address is there before the network is. */
static bool is_usable(const struct ifaddrs *entry)
{
    const unsigned up = IFF_UP | IFF_RUNNING;
    if (!entry->ifa_addr || (entry->ifa_flags & up) != up || (entry->ifa_flags & IFF_LOOPBACK))
        return false;
    if (entry->ifa_addr->sa_family == AF_INET)
        return true;
    const struct sockaddr_in6 *in6 = (const void *)entry->ifa_addr;
    return entry->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
}

bool network_is_there(void)
{
    struct ifaddrs *entries;
    bool is = false;
    if (getifaddrs(&entries) < 0)
        return true;
    for (const struct ifaddrs *entry = entries; entry && !is; entry = entry->ifa_next)
        is = is_usable(entry);
    freeifaddrs(entries);
    return is;
}
