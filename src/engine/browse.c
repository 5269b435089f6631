/* SPDX-License-Identifier: MIT */
#include "engine/mdns.h"

#include <arpa/inet.h>
#include <bleproxy/discovery.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_TEXT_SIZE = INET6_ADDRSTRLEN + IF_NAMESIZE };

struct bleproxy_browse {
    struct mdns_browser browser;
    struct browse *core;
    struct ticker ticker;
    bleproxy_browse_fn *on_device;
    void *user;
    unsigned depth; /* calls on the stack */
    bool freed;
};

static void engine_browse_enter(struct bleproxy_browse *browse)
{
    browse->depth++;
}

static void engine_browse_leave(struct bleproxy_browse *browse)
{
    if (--browse->depth > 0)
        return;
    if (browse->freed)
        free(browse);
    else
        ticker_update(&browse->ticker);
}

static void format_address(const struct net_address *address, char text[ADDRESS_TEXT_SIZE])
{
    char interface[IF_NAMESIZE];
    inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, text, INET6_ADDRSTRLEN);
    size_t size = strlen(text);
    if (address->scope == 0)
        return;
    if (if_indextoname(address->scope, interface))
        snprintf(text + size, ADDRESS_TEXT_SIZE - size, "%%%s", interface);
    else
        snprintf(text + size, ADDRESS_TEXT_SIZE - size, "%%%u", address->scope);
}

/* The first one is to be shown: IPv4, which people know; else one of the whole network rather than of the link. */
static unsigned rank(const struct net_address *address)
{
    return address->family == 4 ? 0 : address->scope == 0 ? 1 : 2;
}

static void sort(struct net_address *addresses, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && rank(&addresses[j]) < rank(&addresses[j - 1]); j--) {
            struct net_address swap = addresses[j];
            addresses[j] = addresses[j - 1];
            addresses[j - 1] = swap;
        }
}

static void engine_browse_service(void *user, enum browse_event event, const struct service *service,
                                  uint64_t now_ns)
{
    static const enum bleproxy_browse_event events[] = {
        [BROWSE_FOUND] = BLEPROXY_BROWSE_FOUND,
        [BROWSE_CHANGED] = BLEPROXY_BROWSE_CHANGED,
        [BROWSE_GONE] = BLEPROXY_BROWSE_GONE,
    };
    struct bleproxy_browse *browse = user;
    struct net_address addresses[HOST_ADDRESSES_MAX];
    char texts[HOST_ADDRESSES_MAX][ADDRESS_TEXT_SIZE];
    const char *list[HOST_ADDRESSES_MAX];
    size_t n = host_get(&service->host, now_ns, addresses, HOST_ADDRESSES_MAX);
    sort(addresses, n);
    for (size_t i = 0; i < n; i++) {
        format_address(&addresses[i], texts[i]);
        list[i] = texts[i];
    }
    const struct service_text *text = &service->text;
    browse->on_device(browse->user, events[event],
                      &(struct bleproxy_discovered){.name = service->name,
                                                    .instance = service->instance,
                                                    .host = service->host.name,
                                                    .friendly_name = text->friendly_name,
                                                    .addresses = list,
                                                    .n_addresses = n,
                                                    .port = service->port,
                                                    .mac_address = text->mac,
                                                    .esphome_version = text->version,
                                                    .platform = text->platform,
                                                    .board = text->board,
                                                    .network = text->network,
                                                    .project_name = text->project_name,
                                                    .project_version = text->project_version,
                                                    .encrypted = text->encrypted,
                                                    .can_be_encrypted = text->can_be_encrypted});
}

static void engine_browse_send(void *user, const struct dns_writer *message, bool is_first)
{
    struct bleproxy_browse *browse = user;
    mdns_browser_send(&browse->browser, message, is_first);
}

static const struct browse_ops engine_browse_ops = {engine_browse_send, engine_browse_service};

static void engine_browse_datagram(void *user, const uint8_t *datagram, size_t size,
                                   const struct net_address *from, const struct netif *netif,
                                   bool is_one_shot)
{
    struct bleproxy_browse *browse = user;
    engine_browse_enter(browse);
    browse_feed(browse->core, datagram, size, from, netif, is_one_shot, loop_now());
    engine_browse_leave(browse);
}

/* May come while it asks: the questions that are due then are others. */
static void engine_browse_netifs(void *user)
{
    struct bleproxy_browse *browse = user;
    engine_browse_enter(browse);
    browse_restart(browse->core, loop_now());
    engine_browse_leave(browse);
}

static uint64_t engine_browse_deadline(void *user)
{
    const struct bleproxy_browse *browse = user;
    return browse_deadline(browse->core);
}

static void engine_browse_tick(void *user, uint64_t now_ns)
{
    struct bleproxy_browse *browse = user;
    engine_browse_enter(browse);
    browse_tick(browse->core, now_ns);
    engine_browse_leave(browse);
}

int bleproxy_browse_new(struct bleproxy_loop *loop, bleproxy_browse_fn *on_device, void *user,
                        struct bleproxy_browse **ret_browse)
{
    if (!on_device)
        return BLEPROXY_E_INVALID;
    struct mdns *mdns = mdns_get(loop);
    struct bleproxy_browse *browse = calloc(1, sizeof(*browse));
    if (!mdns || !browse ||
        browse_new(&loop->env, &engine_browse_ops, browse, loop_now(), &browse->core) < 0) {
        free(browse);
        return BLEPROXY_E_NOMEM;
    }
    browse->on_device = on_device;
    browse->user = user;
    if (ticker_init(&browse->ticker, loop, engine_browse_deadline, engine_browse_tick, browse) < 0) {
        browse_free(browse->core);
        free(browse);
        return BLEPROXY_E_NOMEM;
    }
    browse->browser = (struct mdns_browser){
        .on_datagram = engine_browse_datagram, .on_netifs = engine_browse_netifs, .user = browse};
    mdns_browser_start(&browse->browser, mdns);
    ticker_update(&browse->ticker);
    *ret_browse = browse;
    return 0;
}

void bleproxy_browse_free(struct bleproxy_browse *browse)
{
    if (!browse || browse->freed)
        return;
    engine_browse_enter(browse);
    browse->freed = true;
    mdns_browser_stop(&browse->browser);
    browse_free(browse->core);
    ticker_deinit(&browse->ticker);
    engine_browse_leave(browse);
}
