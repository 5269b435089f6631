/* SPDX-License-Identifier: MIT */
#include "engine/uplink.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

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

void uplink_init(struct uplink *uplink, struct nap *nap)
{
    *uplink = (struct uplink){.nap = nap};
    uplink->is_known = sum_addresses(&uplink->addresses);
}

void uplink_look(struct uplink *uplink)
{
    uint64_t before = uplink->addresses;
    bool was_known = uplink->is_known;
    uplink->is_known = sum_addresses(&uplink->addresses);
    if (was_known && uplink->is_known && uplink->addresses != before)
        nap_wake(uplink->nap);
}
