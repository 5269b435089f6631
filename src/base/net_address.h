/* SPDX-License-Identifier: MIT */
#ifndef BASE_NET_ADDRESS_H
#define BASE_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An address on the network. */
struct net_address {
    uint8_t family; /* 4 or 6 */
    uint8_t bytes[16];
    uint32_t scope; /* IPv6 interface index, or 0 */
    uint16_t port;
};

/* Whether they are one host's address, whatever the port. */
static inline bool net_address_equals(const struct net_address *a, const struct net_address *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

#endif
