/* SPDX-License-Identifier: MIT */
#include "engine/resolver.h"

#include "discovery/resolve.h"
#include "engine/mdns.h"
#include "engine/system_lookup.h"
#include <arpa/inet.h>
#include <bleproxy/error.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

struct resolution {
    struct bleproxy_loop *loop;
    struct resolve resolve;
    struct lookup *local;
    struct system_lookup *system, *stripped;
    resolver_fn *on_done;
    void *user;
    uint16_t port;
};

int resolver_literal(const char *host, uint16_t port, struct net_address *ret_address)
{
    struct net_address address = {.port = port};
    char plain[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET, host, address.bytes) == 1) {
        address.family = 4;
        *ret_address = address;
        return 0;
    }
    size_t size = strcspn(host, "%");
    if (size >= sizeof(plain))
        return BLEPROXY_E_NOT_FOUND;
    memcpy(plain, host, size);
    plain[size] = '\0';
    if (inet_pton(AF_INET6, plain, address.bytes) != 1)
        return BLEPROXY_E_NOT_FOUND;
    if (host[size] == '%') {
        const char *scope = host + size + 1;
        size_t digits = strspn(scope, "0123456789");
        if (digits > 0 && digits < 10 && scope[digits] == '\0')
            address.scope = (uint32_t)strtoul(scope, NULL, 10);
        else
            address.scope = if_nametoindex(scope);
        if (address.scope == 0)
            return BLEPROXY_E_NOT_FOUND;
    }
    address.family = 6;
    *ret_address = address;
    return 0;
}

static void resolver_set_port(struct net_address *addresses, size_t n, uint16_t port)
{
    for (size_t i = 0; i < n; i++)
        addresses[i].port = port;
}

size_t resolver_known(struct bleproxy_loop *loop, const char *host, uint16_t port,
                      struct net_address ret_addresses[DIAL_ADDRESSES_MAX])
{
    char name[DNS_NAME_SIZE];
    if (!loop->mdns || !lookup_name(host, name))
        return 0;
    size_t n = mdns_known(loop->mdns, name, ret_addresses, DIAL_ADDRESSES_MAX);
    resolver_set_port(ret_addresses, n, port);
    return n;
}

static void resolver_local_done(void *user, const struct net_address *addresses, size_t n, uint64_t now_ns)
{
    struct resolution *resolution = user;
    (void)now_ns;
    resolution->local = NULL;
    resolve_answer(&resolution->resolve, RESOLVE_LOCAL, addresses, n, "nobody answers");
}

static void resolver_system_done(void *user, const struct net_address *addresses, size_t n, const char *why)
{
    struct resolution *resolution = user;
    resolution->system = NULL;
    resolve_answer(&resolution->resolve, RESOLVE_SYSTEM, addresses, n, why);
}

static void resolver_stripped_done(void *user, const struct net_address *addresses, size_t n, const char *why)
{
    struct resolution *resolution = user;
    resolution->stripped = NULL;
    resolve_answer(&resolution->resolve, RESOLVE_STRIPPED, addresses, n, why);
}

static int resolver_ask(void *user, enum resolve_way way, const char *name)
{
    struct resolution *resolution = user;
    struct system_lookups *lookups = &resolution->loop->lookups;
    switch (way) {
    case RESOLVE_LOCAL: {
        struct mdns *mdns = mdns_get(resolution->loop);
        return mdns ? mdns_lookup(mdns, name, resolver_local_done, resolution, &resolution->local)
                    : BLEPROXY_E_NOMEM;
    }
    case RESOLVE_SYSTEM:
        return system_lookup_start(lookups, name, resolver_system_done, resolution, &resolution->system);
    case RESOLVE_STRIPPED:
        return system_lookup_start(lookups, name, resolver_stripped_done, resolution, &resolution->stripped);
    case RESOLVE_WAYS:
        break;
    }
    return BLEPROXY_E_INVALID;
}

static void resolver_cancel_way(void *user, enum resolve_way way)
{
    struct resolution *resolution = user;
    switch (way) {
    case RESOLVE_LOCAL:
        mdns_cancel(resolution->loop->mdns, resolution->local);
        break;
    case RESOLVE_SYSTEM:
        system_lookup_cancel(resolution->system);
        break;
    case RESOLVE_STRIPPED:
        system_lookup_cancel(resolution->stripped);
        break;
    case RESOLVE_WAYS:
        break;
    }
}

static void resolver_done(void *user, const struct net_address *addresses, size_t n, const char *why)
{
    struct resolution resolution = *(struct resolution *)user;
    struct net_address found[RESOLVE_ADDRESSES_MAX] = {0};
    char text[RESOLVE_WHY_SIZE] = "";
    if (why)
        memcpy(text, why, strlen(why) + 1);
    for (size_t i = 0; i < n; i++)
        found[i] = addresses[i];
    resolver_set_port(found, n, resolution.port);
    free(user);
    if (n > 0)
        resolution.on_done(resolution.user, found, n, 0, NULL);
    else
        resolution.on_done(resolution.user, NULL, 0, BLEPROXY_E_RESOLVE, text);
}

int resolver_start(struct bleproxy_loop *loop, const char *host, uint16_t port, resolver_fn *on_done,
                   void *user, struct resolution **ret_resolution)
{
    static const struct resolve_ops ops = {resolver_ask, resolver_cancel_way, resolver_done};
    struct resolution *resolution = calloc(1, sizeof(*resolution));
    if (!resolution)
        return BLEPROXY_E_NOMEM;
    resolution->loop = loop;
    resolution->on_done = on_done;
    resolution->user = user;
    resolution->port = port;
    int r = resolve_start(&resolution->resolve, &ops, resolution, host);
    if (r < 0) {
        free(resolution);
        return r;
    }
    *ret_resolution = resolution;
    return 0;
}

void resolver_cancel(struct resolution *resolution)
{
    resolve_cancel(&resolution->resolve);
    free(resolution);
}
