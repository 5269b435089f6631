/* SPDX-License-Identifier: MIT */
#include "discovery/netif.h"

static bool is_link_local(const struct net_address *address)
{
    if (address->family == 4)
        return address->bytes[0] == 169 && address->bytes[1] == 254;
    return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(a, b, bytes) != 0)
        return false;
    return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

bool netif_is_neighbour(const struct netif *netif, const struct net_address *address)
{
    if (netif->is_loopback || is_link_local(address))
        return true;
    for (unsigned i = 0; i < netif->n_networks; i++) {
        const struct netif_network *network = &netif->networks[i];
        if (network->address.family == address->family &&
            network->prefix <= (address->family == 4 ? 32 : 128) &&
            same_prefix(network->address.bytes, address->bytes, network->prefix))
            return true;
    }
    return false;
}

static bool is_reachable_4(const struct netif *netif, const uint8_t *bytes)
{
    if (bytes[0] == 127)
        return netif->is_loopback;
    return bytes[0] != 0 && bytes[0] < 224; /* multicast, reserved and broadcast are above */
}

static bool is_reachable_6(const struct netif *netif, const uint8_t *bytes)
{
    static const uint8_t zero[15];
    if (memcmp(bytes, zero, 15) == 0)
        return bytes[15] == 1 && netif->is_loopback;
    /* Not multicast, not IPv4 in disguise. */
    return bytes[0] != 0xff && (memcmp(bytes, zero, 10) != 0 || bytes[10] != 0xff || bytes[11] != 0xff);
}

bool netif_address(const struct netif *netif, uint8_t family, const uint8_t bytes[16],
                   struct net_address *ret_address)
{
    struct net_address address = {.family = family};
    if (family == 4 ? !is_reachable_4(netif, bytes) : !is_reachable_6(netif, bytes))
        return false;
    memcpy(address.bytes, bytes, family == 4 ? 4 : 16);
    if (family == 6 && is_link_local(&address))
        address.scope = netif->index;
    *ret_address = address;
    return true;
}
