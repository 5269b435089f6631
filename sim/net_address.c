/* SPDX-License-Identifier: MIT */
#include "sim/net_address.h"

#include <arpa/inet.h>
#include <bleproxy/error.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "127.0.0.1"
#define DEFAULT_PORT "6053"

int net_parse_address(const char *text, const char *default_port, struct sockaddr_storage *ret_address)
{
    char host[NI_MAXHOST] = DEFAULT_HOST;
    const char *start = text, *end, *port = NULL;
    if (*text == '[') {
        start = text + 1;
        end = strchr(start, ']');
        if (!end || (end[1] && end[1] != ':'))
            return BLEPROXY_E_INVALID;
        port = end[1] ? end + 2 : NULL;
    } else {
        const char *colon = strchr(text, ':');
        if (colon && !strchr(colon + 1, ':'))
            port = colon + 1;
        end = port ? colon : text + strlen(text);
    }
    size_t size = (size_t)(end - start);
    if (size >= sizeof(host))
        return BLEPROXY_E_INVALID;
    if (size > 0) {
        memcpy(host, start, size);
        host[size] = 0;
    }
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM},
                    *found;
    if (port && !*port)
        return BLEPROXY_E_INVALID;
    if (getaddrinfo(host, port ? port : default_port, &hints, &found) != 0)
        return BLEPROXY_E_INVALID;
    memset(ret_address, 0, sizeof(*ret_address));
    memcpy(ret_address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

int net_parse_listen(const char *text, struct sockaddr_storage *ret_address)
{
    return net_parse_address(text, DEFAULT_PORT, ret_address);
}

uint16_t net_address_port(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET ? ((const struct sockaddr_in *)address)->sin_port
                                               : ((const struct sockaddr_in6 *)address)->sin6_port);
}

socklen_t net_address_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* Adds to a number of size bytes, most significant first. */
static bool add_to(uint8_t *number, size_t size, uint32_t n)
{
    uint64_t carry = n;
    for (size_t i = size; i-- > 0 && carry > 0;) {
        carry += number[i];
        number[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return carry == 0;
}

int net_address_step(struct sockaddr_storage *address, bool step_address, uint32_t n)
{
    struct sockaddr_in *v4 = (void *)address;
    struct sockaddr_in6 *v6 = (void *)address;
    bool is_v4 = address->ss_family == AF_INET, ok;
    if (step_address)
        ok = is_v4 ? add_to((uint8_t *)&v4->sin_addr, 4, n) : add_to((uint8_t *)&v6->sin6_addr, 16, n);
    else if ((is_v4 ? v4->sin_port : v6->sin6_port) == 0)
        ok = true; /* any free one */
    else
        ok = add_to(is_v4 ? (uint8_t *)&v4->sin_port : (uint8_t *)&v6->sin6_port, 2, n);
    return ok ? 0 : BLEPROXY_E_INVALID;
}

void net_address_format(const struct sockaddr_storage *address, char text[NET_ADDRESS_TEXT_SIZE])
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo((const void *)address, net_address_size(address), host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        snprintf(text, NET_ADDRESS_TEXT_SIZE, "?");
        return;
    }
    snprintf(text, NET_ADDRESS_TEXT_SIZE, address->ss_family == AF_INET6 ? "[%.60s]:%.10s" : "%.60s:%.10s",
             host, port);
}
