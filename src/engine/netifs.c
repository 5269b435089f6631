/* SPDX-License-Identifier: MIT */
#include "engine/netifs.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

static bool netifs_wants(const struct ifaddrs *entry)
{
    unsigned flags = entry->ifa_flags;
    return entry->ifa_addr && entry->ifa_netmask && (flags & IFF_UP) && !(flags & IFF_POINTOPOINT) &&
           (flags & (IFF_MULTICAST | IFF_LOOPBACK));
}

static uint8_t count_bits(const uint8_t *mask, size_t size)
{
    uint8_t n = 0;
    for (size_t i = 0; i < size; i++)
        for (uint8_t bit = 0x80; bit && (mask[i] & bit); bit >>= 1)
            n++;
    return n;
}

static bool read_network(const struct ifaddrs *entry, struct netif_network *ret_network)
{
    struct netif_network network = {0};
    if (entry->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)entry->ifa_addr,
                                 *mask = (const void *)entry->ifa_netmask;
        network.address.family = 4;
        memcpy(network.address.bytes, &in->sin_addr, 4);
        network.prefix = count_bits((const uint8_t *)&mask->sin_addr, 4);
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)entry->ifa_addr,
                                  *mask = (const void *)entry->ifa_netmask;
        network.address.family = 6;
        memcpy(network.address.bytes, &in6->sin6_addr, 16);
        network.prefix = count_bits((const uint8_t *)&mask->sin6_addr, 16);
    } else {
        return false;
    }
    *ret_network = network;
    return true;
}

/* The interface of that index, made if there is none; NULL when there are too many, or it is gone by now. */
static struct netif *netifs_make(struct netifs *netifs, uint32_t index)
{
    if (index == 0)
        return NULL;
    for (unsigned i = 0; i < netifs->n; i++)
        if (netifs->netifs[i].index == index)
            return &netifs->netifs[i];
    if (netifs->n == NETIFS_MAX)
        return NULL;
    netifs->netifs[netifs->n] = (struct netif){.index = index};
    return &netifs->netifs[netifs->n++];
}

int netifs_read(struct netifs *ret_netifs)
{
    struct ifaddrs *entries;
    if (getifaddrs(&entries) < 0)
        return -errno;
    ret_netifs->n = 0;
    for (const struct ifaddrs *entry = entries; entry; entry = entry->ifa_next) {
        struct netif_network network;
        if (!netifs_wants(entry) || !read_network(entry, &network))
            continue;
        struct netif *netif = netifs_make(ret_netifs, if_nametoindex(entry->ifa_name));
        if (!netif || netif->n_networks == NETIF_NETWORKS_MAX)
            continue;
        netif->is_loopback = entry->ifa_flags & IFF_LOOPBACK;
        netif->networks[netif->n_networks++] = network;
    }
    freeifaddrs(entries);
    return 0;
}

static bool netif_equal(const struct netif *a, const struct netif *b)
{
    if (a->index != b->index || a->n_networks != b->n_networks)
        return false;
    for (unsigned i = 0; i < a->n_networks; i++)
        if (a->networks[i].prefix != b->networks[i].prefix ||
            !net_address_equals(&a->networks[i].address, &b->networks[i].address))
            return false;
    return true;
}

bool netifs_equal(const struct netifs *a, const struct netifs *b)
{
    if (a->n != b->n)
        return false;
    for (unsigned i = 0; i < a->n; i++)
        if (!netif_equal(&a->netifs[i], &b->netifs[i]))
            return false;
    return true;
}

const struct netif *netifs_find(const struct netifs *netifs, uint32_t index)
{
    for (unsigned i = 0; i < netifs->n; i++)
        if (netifs->netifs[i].index == index)
            return &netifs->netifs[i];
    return NULL;
}

const struct net_address *netif_own_address(const struct netif *netif, uint8_t family)
{
    for (unsigned i = 0; i < netif->n_networks; i++)
        if (netif->networks[i].address.family == family)
            return &netif->networks[i].address;
    return NULL;
}
