/* SPDX-License-Identifier: MIT */
#include "engine/mdns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NETIFS_AGE_NS    (5 * NS_PER_S) /* while somebody listens, if nothing tells when they change */
#define NETIFS_RECENT_NS NS_PER_S       /* young enough to send by, and not read more often */

/* Reads in a row from one socket before the others get their turn. */
enum { MDNS_READS_MAX = 32 };

struct mdns {
    struct bleproxy_loop *loop;
    struct lookups lookups;
    struct ticker ticker;
    struct list sockets, wakers, browsers;
    struct netifs netifs, read; /* as they are known, and as they were read last */
    uint64_t netifs_ns;         /* when they were read; 0: never */
    bool netifs_changed;        /* since then */
    uint64_t heard;             /* datagrams */
    bool told_deaf;
    unsigned depth; /* calls on the stack */
    bool freed;
    uint8_t datagram[DNS_MESSAGE_MAX + 1];
};

static void mdns_enter(struct mdns *mdns)
{
    mdns->depth++;
}

static bool mdns_asks(const struct mdns *mdns)
{
    return !list_empty(&mdns->lookups.lookups) || !list_empty(&mdns->browsers);
}

static bool mdns_listens(const struct mdns *mdns)
{
    return !list_empty(&mdns->wakers) || !list_empty(&mdns->browsers);
}

static void mdns_close(struct mdns *mdns, bool hears)
{
    list_for_each(node, &mdns->sockets)
    {
        struct mdns_socket *socket = list_entry(node, struct mdns_socket, link);
        if (socket->hears == hears)
            mdns_socket_close(socket);
    }
}

/* When the interfaces are to be looked at again. */
static uint64_t mdns_refresh_deadline(const struct mdns *mdns)
{
    if (!mdns_listens(mdns))
        return BP_NEVER;
    if (mdns->netifs_ns == 0)
        return 0;
    if (mdns->netifs_changed)
        return time_after(mdns->netifs_ns, NETIFS_RECENT_NS);
    bool is_told = netwatch_is_on(&mdns->loop->netwatch) && !mdns->told_deaf;
    return is_told ? BP_NEVER : time_after(mdns->netifs_ns, NETIFS_AGE_NS);
}

/* Closes what nobody needs. */
static void mdns_leave(struct mdns *mdns)
{
    if (--mdns->depth > 0)
        return;
    if (mdns->freed) {
        free(mdns);
        return;
    }
    if (!mdns_asks(mdns))
        mdns_close(mdns, false);
    if (!mdns_listens(mdns))
        mdns_close(mdns, true);
    ticker_update(&mdns->ticker);
    /* Whoever only listens does not keep the loop running. */
    if (list_empty(&mdns->lookups.lookups))
        uv_unref((uv_handle_t *)mdns->ticker.timer);
    else
        uv_ref((uv_handle_t *)mdns->ticker.timer);
}

/* Sockets */

static struct mdns_socket *mdns_find(const struct mdns *mdns, uint8_t family, bool hears, uint32_t netif)
{
    list_for_each(node, &mdns->sockets)
    {
        struct mdns_socket *socket = list_entry(node, struct mdns_socket, link);
        if (socket->family == family && socket->hears == hears && socket->netif == netif)
            return socket;
    }
    return NULL;
}

static uint64_t mdns_hash(const struct mdns *mdns, const char *name)
{
    return dns_name_hash(name, mdns->lookups.hosts.hash_key);
}

static void mdns_wake(struct mdns *mdns, const char *name)
{
    uint64_t hash = mdns_hash(mdns, name);
    for (struct list *node = mdns->wakers.next; !mdns->freed && node != &mdns->wakers;) {
        struct mdns_waker *waker = list_entry(node, struct mdns_waker, link);
        node = node->next;
        if (waker->hash != hash || waker->heard == mdns->heard || !dns_name_equals(waker->name, name))
            continue;
        waker->heard = mdns->heard;
        waker->on_wake(waker->user);
        node = mdns->wakers.next; /* any of them may be gone */
    }
}

static void mdns_hear(struct mdns *mdns, size_t size, const struct net_address *from,
                      const struct netif *netif, bool is_one_shot)
{
    struct announcement announcement;
    char name[DNS_NAME_SIZE];
    mdns->heard++;
    lookups_feed(&mdns->lookups, mdns->datagram, size, from, netif, loop_now());
    for (struct list *node = mdns->browsers.next; !mdns->freed && node != &mdns->browsers;) {
        struct mdns_browser *browser = list_entry(node, struct mdns_browser, link);
        node = node->next;
        if (browser->heard == mdns->heard)
            continue;
        browser->heard = mdns->heard;
        browser->on_datagram(browser->user, mdns->datagram, size, from, netif, is_one_shot);
        node = mdns->browsers.next;
    }
    if (is_one_shot || list_empty(&mdns->wakers) ||
        !announcement_read(&announcement, mdns->datagram, size, from, netif))
        return;
    while (!mdns->freed && announcement_next(&announcement, name))
        mdns_wake(mdns, name);
}

static void mdns_readable(void *user, struct mdns_socket *socket)
{
    struct mdns *mdns = user;
    bool hears = socket->hears;
    mdns_enter(mdns);
    for (unsigned i = 0; i < MDNS_READS_MAX && !mdns->freed && socket->fd >= 0; i++) {
        struct net_address from;
        uint32_t index;
        ssize_t n = mdns_socket_read(socket, mdns->datagram, sizeof(mdns->datagram), &from, &index);
        if (n == -EAGAIN || n == -EWOULDBLOCK)
            break;
        const struct netif *netif = n > 0 ? netifs_find(&mdns->netifs, index) : NULL;
        if (!netif)
            continue;
        struct netif copy = *netif; /* they may be read again from within */
        mdns_hear(mdns, (size_t)n, &from, &copy, !hears);
    }
    mdns_leave(mdns);
}

/* The socket of that kind, opened when there is none; NULL when it cannot be. */
static struct mdns_socket *mdns_open(struct mdns *mdns, uint8_t family, bool hears, uint32_t netif,
                                     int *ret_error)
{
    struct mdns_socket *socket = mdns_find(mdns, family, hears, netif);
    if (socket)
        return socket;
    int r = mdns_socket_open(mdns->loop->uv, family, hears, netif, mdns_readable, mdns, &socket);
    if (r < 0) {
        *ret_error = r;
        return NULL;
    }
    list_append(&mdns->sockets, &socket->link);
    return socket;
}

/* Hears the group on the interface. 0 or -errno. */
static int mdns_hear_on(struct mdns *mdns, const struct netif *netif, uint8_t family)
{
    int error = 0;
    if (!netif_own_address(netif, family))
        return 0;
    mdns_open(mdns, family, true, netif->index, &error);
    return error == -ENODEV ? 0 : error; /* it is just going */
}

/* The sockets of interfaces that are gone. */
static void mdns_close_stale(struct mdns *mdns)
{
    list_for_each(node, &mdns->sockets)
    {
        struct mdns_socket *socket = list_entry(node, struct mdns_socket, link);
        if (socket->netif && !netifs_find(&mdns->netifs, socket->netif))
            mdns_socket_close(socket);
    }
}

static void mdns_listen(struct mdns *mdns)
{
    int error = 0;
    mdns_close_stale(mdns);
    for (unsigned i = 0; i < mdns->netifs.n; i++)
        for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
            int r = mdns_hear_on(mdns, &mdns->netifs.netifs[i], family);
            error = r < 0 ? r : error;
        }
    if (error < 0 && !mdns->told_deaf)
        env_log(&mdns->loop->env, BLEPROXY_LOG_WARNING, "discovery", NULL,
                "announcements at UDP port %d are not heard everywhere (%s): devices are asked instead",
                DNS_PORT, strerror(-error));
    mdns->told_deaf = error < 0;
}

void mdns_network_changed(struct mdns *mdns)
{
    if (!mdns)
        return;
    mdns_enter(mdns);
    mdns->netifs_changed = true;
    mdns_leave(mdns);
}

/* Reads the interfaces; whether they are others. */
static bool mdns_read_netifs(struct mdns *mdns)
{
    mdns->netifs_ns = loop_now();
    mdns->netifs_changed = false;
    if (netifs_read(&mdns->read) < 0 || netifs_equal(&mdns->netifs, &mdns->read))
        return false;
    mdns->netifs.n = mdns->read.n;
    memcpy(mdns->netifs.netifs, mdns->read.netifs, mdns->read.n * sizeof(mdns->read.netifs[0]));
    return true;
}

/* Looks at the interfaces unless that was done lately; tells those who browse when they are others. */
static void mdns_refresh(struct mdns *mdns, uint64_t age_ns)
{
    bool first = mdns->netifs_ns == 0;
    if (!first && loop_now() - mdns->netifs_ns < age_ns)
        return;
    bool changed = mdns_read_netifs(mdns);
    if (mdns_listens(mdns))
        mdns_listen(mdns);
    if (first || !changed)
        return;
    list_for_each(node, &mdns->browsers)
    {
        struct mdns_browser *browser = list_entry(node, struct mdns_browser, link);
        browser->on_netifs(browser->user);
    }
}

/* By both families on every interface. An interface that is just going is no reason to complain. */
static void mdns_send(struct mdns *mdns, const struct dns_writer *message, bool from_hearing)
{
    mdns_refresh(mdns, NETIFS_RECENT_NS);
    for (unsigned i = 0; i < mdns->netifs.n; i++)
        for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
            const struct netif *netif = &mdns->netifs.netifs[i];
            struct mdns_socket *socket = from_hearing ? mdns_find(mdns, family, true, netif->index) : NULL;
            int error = 0;
            if (netif->is_loopback && family == 6)
                continue; /* there is no link to multicast on */
            if (!socket)
                socket = mdns_open(mdns, family, false, 0, &error);
            if (socket)
                error = mdns_socket_send(socket, netif, message->bytes, message->size);
            if (error < 0 && error != -EADDRNOTAVAIL)
                env_log(&mdns->loop->env, BLEPROXY_LOG_DEBUG, "discovery", NULL,
                        "cannot ask interface %u by IPv%u: %s", netif->index, family, strerror(-error));
        }
}

static void mdns_lookups_send(void *user, const struct dns_writer *message)
{
    mdns_send(user, message, false);
}

static uint64_t mdns_deadline(void *user)
{
    const struct mdns *mdns = user;
    return time_min(lookups_deadline(&mdns->lookups), mdns_refresh_deadline(mdns));
}

static void mdns_tick(void *user, uint64_t now_ns)
{
    struct mdns *mdns = user;
    mdns_enter(mdns);
    if (now_ns >= mdns_refresh_deadline(mdns))
        mdns_refresh(mdns, 0);
    lookups_tick(&mdns->lookups, now_ns);
    mdns_leave(mdns);
}

struct mdns *mdns_get(struct bleproxy_loop *loop)
{
    static const struct lookups_ops lookups_ops = {mdns_lookups_send};
    if (loop->mdns)
        return loop->mdns;
    struct mdns *mdns = calloc(1, sizeof(*mdns));
    if (!mdns || ticker_init(&mdns->ticker, loop, mdns_deadline, mdns_tick, mdns) < 0) {
        free(mdns);
        return NULL;
    }
    mdns->loop = loop;
    list_init(&mdns->sockets);
    list_init(&mdns->wakers);
    list_init(&mdns->browsers);
    lookups_init(&mdns->lookups, &loop->env, &lookups_ops, mdns);
    loop->mdns = mdns;
    return mdns;
}

void mdns_free(struct mdns *mdns)
{
    if (!mdns)
        return;
    mdns_enter(mdns);
    mdns->freed = true;
    mdns_close(mdns, false);
    mdns_close(mdns, true);
    lookups_deinit(&mdns->lookups);
    ticker_deinit(&mdns->ticker);
    mdns_leave(mdns);
}

size_t mdns_known(struct mdns *mdns, const char *name, struct net_address *ret_addresses, size_t max)
{
    return lookups_known(&mdns->lookups, name, loop_now(), ret_addresses, max);
}

bool mdns_has_moved(struct mdns *mdns, const char *name, const struct net_address *address)
{
    const struct host *host = hosts_find(&mdns->lookups.hosts, name);
    return host && host_has_moved(host, address);
}

int mdns_lookup(struct mdns *mdns, const char *name, lookup_fn *on_done, void *user,
                struct lookup **ret_lookup)
{
    mdns_enter(mdns);
    int r = lookup_start(&mdns->lookups, name, on_done, user, loop_now(), ret_lookup);
    mdns_leave(mdns);
    return r;
}

void mdns_cancel(struct mdns *mdns, struct lookup *lookup)
{
    mdns_enter(mdns);
    lookup_cancel(lookup);
    mdns_leave(mdns);
}

void mdns_waker_start(struct mdns_waker *waker, struct mdns *mdns, const char *name,
                      void (*on_wake)(void *user), void *user)
{
    *waker = (struct mdns_waker){.mdns = mdns, .on_wake = on_wake, .user = user};
    memcpy(waker->name, name, strlen(name) + 1);
    waker->hash = mdns_hash(mdns, name);
    mdns_enter(mdns);
    bool listened = mdns_listens(mdns);
    list_append(&mdns->wakers, &waker->link);
    if (!listened)
        mdns->netifs_ns = 0; /* the next tick, which is due, sees to it */
    mdns_leave(mdns);
}

void mdns_waker_stop(struct mdns_waker *waker)
{
    if (!waker->mdns)
        return;
    mdns_enter(waker->mdns);
    list_unlink(&waker->link);
    mdns_leave(waker->mdns);
    waker->mdns = NULL;
}

void mdns_browser_start(struct mdns_browser *browser, struct mdns *mdns)
{
    browser->mdns = mdns;
    browser->heard = 0;
    mdns_enter(mdns);
    list_append(&mdns->browsers, &browser->link);
    mdns_refresh(mdns, 0);
    mdns_leave(mdns);
}

void mdns_browser_stop(struct mdns_browser *browser)
{
    if (!browser->mdns)
        return;
    mdns_enter(browser->mdns);
    list_unlink(&browser->link);
    mdns_leave(browser->mdns);
    browser->mdns = NULL;
}

void mdns_browser_send(struct mdns_browser *browser, const struct dns_writer *message, bool from_both)
{
    if (from_both)
        mdns_send(browser->mdns, message, false);
    mdns_send(browser->mdns, message, true);
}
