/* SPDX-License-Identifier: MIT */
#ifndef DISCOVERY_ANNOUNCEMENT_H
#define DISCOVERY_ANNOUNCEMENT_H

#include "discovery/dns.h"
#include "discovery/netif.h"

#define ESPHOME_SERVICE "_esphomelib._tcp.local"

/* A response as news of who is there. */
struct announcement {
    struct dns_reader reader;
};

/* Begins to read a datagram, which is borrowed; false when it is no response of a neighbour. */
bool announcement_read(struct announcement *announcement, const uint8_t *datagram, size_t size,
                       const struct net_address *from, const struct netif *netif);
/* The next name that is said to be there, as "kitchen.local": of an address that is no goodbye, or of an ESPHome
 * device's service of that name. The same name may come several times. False at the end. */
bool announcement_next(struct announcement *announcement, char ret_name[DNS_NAME_SIZE]);

#endif
