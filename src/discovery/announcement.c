/* SPDX-License-Identifier: MIT */
#include "discovery/announcement.h"

#include <string.h>

bool announcement_read(struct announcement *announcement, const uint8_t *datagram, size_t size,
                       const struct net_address *from, const struct netif *netif)
{
    return from->port == DNS_PORT && netif_is_neighbour(netif, from) &&
           dns_read(&announcement->reader, datagram, size) == 0 && announcement->reader.is_response;
}

bool announcement_next(struct announcement *announcement, char ret_name[DNS_NAME_SIZE])
{
    struct dns_record record;
    char label[DNS_LABEL_MAX + 1];
    size_t size;
    while (dns_next_record(&announcement->reader, &record)) {
        if (record.ttl_s == 0)
            continue;
        bool is_host = (record.type == DNS_A || record.type == DNS_AAAA) &&
                       dns_label(record.name, "local", label, &size);
        bool is_service = record.type == DNS_PTR && dns_name_equals(record.name, ESPHOME_SERVICE) &&
                          dns_label(record.target, ESPHOME_SERVICE, label, &size);
        if ((is_host || is_service) && dns_name_make(ret_name, label, size, "local"))
            return true;
    }
    return false;
}
