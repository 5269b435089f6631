/* SPDX-License-Identifier: MIT */
#include "sim/net_mdns.h"

#include "engine/mdns_socket.h"
#include "engine/netifs.h"
#include "sim/net_address.h"
#include "sim/net_client.h"
#include "sim/service.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MDNS_LOOK_MS = 2000 }; /* how often interfaces are looked at */

/* One proxy on one interface. */
struct mdns_entry {
    struct responder responder;
    uint32_t listener; /* its index */
    unsigned netif;    /* as well */
};

struct net_mdns {
    struct net *net;
    uv_timer_t timer, look;
    unsigned n_closing; /* handles of its own */
    struct netifs netifs;
    struct list sockets;
    struct mdns_entry *entries; /* all proxies on the first interface, then all on the next */
    size_t n_entries;
    uint8_t received[DNS_MESSAGE_MAX];
};

/* ---- Sending ---- */

static struct mdns_socket *mdns_socket_for(struct net_mdns *mdns, uint8_t family, uint32_t netif)
{
    list_for_each(node, &mdns->sockets)
    {
        struct mdns_socket *socket = list_entry(node, struct mdns_socket, link);
        if (socket->family == family && socket->netif == netif)
            return socket;
    }
    return NULL;
}

/* In both families, as a device does that has both. */
static void mdns_send_all(struct net_mdns *mdns, const struct netif *netif, const struct dns_writer *message)
{
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct mdns_socket *socket = mdns_socket_for(mdns, family, netif->index);
        if (socket)
            mdns_socket_send(socket, netif, message->bytes, message->size);
    }
}

static void mdns_send_one(const struct mdns_socket *socket, const struct net_address *to,
                          const struct dns_writer *message)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(to->port), .sin6_scope_id = to->scope};
    memcpy(&in.sin_addr, to->bytes, 4);
    memcpy(&in6.sin6_addr, to->bytes, 16);
    const struct sockaddr *address = to->family == 4 ? (const void *)&in : (const void *)&in6;
    sendto(socket->fd, message->bytes, message->size, MSG_NOSIGNAL | MSG_DONTWAIT, address,
           to->family == 4 ? sizeof(in) : sizeof(in6));
}

static void mdns_on_timer(uv_timer_t *timer);

static void mdns_rearm(struct net_mdns *mdns)
{
    uint64_t deadline_ns = BP_NEVER;
    for (size_t i = 0; i < mdns->n_entries; i++)
        deadline_ns = time_min(deadline_ns, responder_deadline(&mdns->entries[i].responder));
    net_timer_arm(&mdns->timer, mdns_on_timer, deadline_ns);
}

static void mdns_say_what_is_due(struct net_mdns *mdns)
{
    struct dns_writer message;
    uint64_t now_ns = uv_hrtime();
    for (size_t i = 0; i < mdns->n_entries; i++)
        while (responder_next(&mdns->entries[i].responder, now_ns, &message))
            mdns_send_all(mdns, &mdns->netifs.netifs[mdns->entries[i].netif], &message);
    mdns_rearm(mdns);
}

static void mdns_on_timer(uv_timer_t *timer)
{
    mdns_say_what_is_due(timer->data);
}

/* ---- Hearing ---- */

static void mdns_heard(struct net_mdns *mdns, struct mdns_socket *socket, size_t size,
                       const struct net_address *from, uint32_t netif)
{
    struct dns_writer answer;
    uint64_t now_ns = uv_hrtime();
    for (size_t i = 0; i < mdns->n_entries; i++) {
        struct mdns_entry *entry = &mdns->entries[i];
        const struct netif *own = &mdns->netifs.netifs[entry->netif];
        if (own->index == netif && netif_is_neighbour(own, from) &&
            responder_feed(&entry->responder, mdns->received, size, from, now_ns, &answer))
            mdns_send_one(socket, from, &answer);
    }
}

static void mdns_on_readable(void *user, struct mdns_socket *socket)
{
    struct net_mdns *mdns = user;
    enum { READS_MAX = 32 }; /* at a time */
    for (unsigned i = 0; i < READS_MAX; i++) {
        struct net_address from;
        uint32_t netif;
        ssize_t n = mdns_socket_read(socket, mdns->received, sizeof(mdns->received), &from, &netif);
        if (n >= 0)
            mdns_heard(mdns, socket, (size_t)n, &from, netif);
        else if (n != -EMSGSIZE)
            break;
    }
    mdns_say_what_is_due(mdns);
}

/* ---- Interfaces ---- */

static struct net_address mdns_address(const struct sockaddr_storage *from)
{
    struct net_address address = {0};
    if (from->ss_family == AF_INET) {
        address.family = 4;
        memcpy(address.bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
    } else {
        address.family = 6;
        address.scope = ((const struct sockaddr_in6 *)from)->sin6_scope_id;
        memcpy(address.bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
    }
    return address;
}

/* Whether one who listens on the first address listens on the second, which belongs to the interface. */
static bool listens_on(const struct net_address *listening, const struct net_address *own)
{
    static const uint8_t any[16];
    size_t size = listening->family == 4 ? 4 : 16;
    if (memcmp(listening->bytes, any, size) == 0)
        return listening->family == 6 || own->family == 4; /* :: is for both families */
    return listening->family == own->family && memcmp(listening->bytes, own->bytes, size) == 0;
}

/* Where the proxy is to be found on the interface. */
static size_t mdns_addresses(const struct net_listener *listener, const struct netif *netif,
                             struct net_address ret_addresses[RESPONDER_ADDRESSES_MAX])
{
    struct net_address listening = mdns_address(&listener->address);
    size_t n = 0;
    for (unsigned i = 0; i < netif->n_networks && n < RESPONDER_ADDRESSES_MAX; i++)
        if (listens_on(&listening, &netif->networks[i].address))
            ret_addresses[n++] = netif->networks[i].address;
    /* All of 127.0.0.0/8 is the host's. */
    if (n == 0 && netif->is_loopback && listening.family == 4 && listening.bytes[0] == 127)
        ret_addresses[n++] = listening;
    return n;
}

static void mdns_update_entry(struct net_mdns *mdns, struct mdns_entry *entry)
{
    const struct net_listener *listener = &mdns->net->listeners[entry->listener];
    struct net_address addresses[RESPONDER_ADDRESSES_MAX];
    uint8_t text[RESPONDER_TEXT_MAX];
    uint64_t now_ns = uv_hrtime();
    struct responder *responder = &entry->responder;
    size_t n = mdns_addresses(listener, &mdns->netifs.netifs[entry->netif], addresses);
    size_t size = service_describe(&listener->proxy, text);
    if (n == 0)
        responder_leave(responder, true); /* under the addresses that it had */
    responder_set_addresses(responder, addresses, n, now_ns);
    responder_set_service(responder, net_address_port(&listener->address), text, size, now_ns);
    if (n > 0 && listener->proxy.server && !responder->present)
        responder_announce(responder, now_ns);
}

static void mdns_shut_sockets(struct net_mdns *mdns)
{
    list_for_each(node, &mdns->sockets) mdns_socket_close(list_entry(node, struct mdns_socket, link));
}

/* One for each interface and family. What cannot be opened is left out. */
static void mdns_open_sockets(struct net_mdns *mdns)
{
    struct mdns_socket *socket;
    for (unsigned i = 0; i < mdns->netifs.n; i++)
        for (uint8_t family = 4; family <= 6; family += 2) {
            const struct netif *netif = &mdns->netifs.netifs[i];
            if (netif_own_address(netif, family) &&
                mdns_socket_open(&mdns->net->loop, family, true, netif->index, mdns_on_readable, mdns,
                                 &socket) == 0)
                list_append(&mdns->sockets, &socket->link);
        }
}

/* Sets everything up for these interfaces. 0, or a negative BLEPROXY_E_*: all is as it was. */
static int mdns_set_netifs(struct net_mdns *mdns, const struct netifs *netifs)
{
    uint32_t n_listeners = mdns->net->config->count;
    size_t n = (size_t)netifs->n * n_listeners;
    struct mdns_entry *entries = calloc(n ? n : 1, sizeof(*entries));
    if (!entries)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct mdns_entry *entry = &entries[i];
        entry->listener = (uint32_t)(i % n_listeners);
        entry->netif = (unsigned)(i / n_listeners);
        const char *name = mdns->net->listeners[entry->listener].proxy.name;
        if (responder_init(&entry->responder, mdns->net->config->env, name, 0, NULL, 0) < 0) {
            free(entries);
            return BLEPROXY_E_INVALID;
        }
    }
    mdns_shut_sockets(mdns);
    free(mdns->entries);
    mdns->entries = entries;
    mdns->n_entries = n;
    mdns->netifs = *netifs;
    mdns_open_sockets(mdns);
    for (size_t i = 0; i < n; i++)
        mdns_update_entry(mdns, &entries[i]);
    mdns_say_what_is_due(mdns);
    return 0;
}

static void mdns_look(struct net_mdns *mdns)
{
    struct netifs netifs;
    if (netifs_read(&netifs) == 0 && !netifs_equal(&netifs, &mdns->netifs))
        mdns_set_netifs(mdns, &netifs); /* without memory: the next time */
}

static void mdns_on_look(uv_timer_t *timer)
{
    mdns_look(timer->data);
}

/* ---- The proxies' side ---- */

static bool is_entry_of(const struct net_mdns *mdns, const struct mdns_entry *entry,
                        const struct net_listener *listener)
{
    return &mdns->net->listeners[entry->listener] == listener;
}

void net_mdns_announce(struct net_mdns *mdns, const struct net_listener *listener)
{
    if (!mdns)
        return;
    for (size_t i = 0; i < mdns->n_entries; i++) {
        struct mdns_entry *entry = &mdns->entries[i];
        if (!is_entry_of(mdns, entry, listener))
            continue;
        responder_leave(&entry->responder, false);
        mdns_update_entry(mdns, entry);
    }
    mdns_say_what_is_due(mdns);
}

void net_mdns_leave(struct net_mdns *mdns, const struct net_listener *listener, bool goodbye)
{
    if (!mdns)
        return;
    for (size_t i = 0; i < mdns->n_entries; i++)
        if (is_entry_of(mdns, &mdns->entries[i], listener))
            responder_leave(&mdns->entries[i].responder, goodbye);
    mdns_say_what_is_due(mdns);
}

void net_mdns_update(struct net_mdns *mdns, const struct net_listener *listener)
{
    if (!mdns)
        return;
    mdns_look(mdns); /* the address may be new */
    for (size_t i = 0; i < mdns->n_entries; i++)
        if (is_entry_of(mdns, &mdns->entries[i], listener) && listener->proxy.server)
            mdns_update_entry(mdns, &mdns->entries[i]);
    mdns_say_what_is_due(mdns);
}

/* ---- Its life ---- */

static void mdns_on_closed(uv_handle_t *handle)
{
    struct net_mdns *mdns = handle->data;
    if (--mdns->n_closing == 0)
        free(mdns);
}

void net_mdns_close(struct net_mdns *mdns)
{
    for (size_t i = 0; i < mdns->n_entries; i++)
        responder_leave(&mdns->entries[i].responder, true);
    mdns_say_what_is_due(mdns);
    mdns_shut_sockets(mdns);
    free(mdns->entries);
    mdns->entries = NULL;
    mdns->n_entries = 0;
    mdns->n_closing = 2;
    uv_close((uv_handle_t *)&mdns->timer, mdns_on_closed);
    uv_close((uv_handle_t *)&mdns->look, mdns_on_closed);
}

int net_mdns_open(struct net *net, struct net_mdns **ret_mdns, char why[NET_TEXT_MAX])
{
    struct net_mdns *mdns = calloc(1, sizeof(*mdns));
    struct netifs netifs;
    if (!mdns) {
        snprintf(why, NET_TEXT_MAX, "%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
        return BLEPROXY_E_NOMEM;
    }
    mdns->net = net;
    list_init(&mdns->sockets);
    uv_timer_init(&net->loop, &mdns->timer);
    uv_timer_init(&net->loop, &mdns->look);
    mdns->timer.data = mdns->look.data = mdns;
    int r = netifs_read(&netifs) < 0 ? BLEPROXY_E_IO : mdns_set_netifs(mdns, &netifs);
    if (r < 0) {
        snprintf(why, NET_TEXT_MAX, "cannot announce them on the network: %s", bleproxy_strerror(r));
        net_mdns_close(mdns);
        return r;
    }
    uv_timer_start(&mdns->look, mdns_on_look, MDNS_LOOK_MS, MDNS_LOOK_MS);
    *ret_mdns = mdns;
    return 0;
}
