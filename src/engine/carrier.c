/* SPDX-License-Identifier: MIT */
#include "engine/carrier.h"

#include "noise/handshake.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A proxy may ask for the time thousands of times a second: the zone is not read from disk each time. */
#define TIMEZONE_AGE_NS (60 * NS_PER_S)

/* Reads in a row from one socket before the others get their turn. */
enum { CARRIER_READS_MAX = 8 };

static bool carrier_read(struct carrier *carrier);
static void carrier_flush(void *user);

static bool carrier_gathered(void *user)
{
    struct carrier *carrier = user;
    if (!carrier->active)
        return false;
    carrier_enter(carrier);
    bool any = carrier_read(carrier);
    carrier_leave(carrier);
    return any;
}

/* Only a session that streams and awaits no answer may be read late. */
static bool carrier_can_wait(const struct carrier *carrier)
{
    struct session *session = proxy_session(carrier->proxy);
    return session && !session_is_waiting(session);
}

static void carrier_watch(struct carrier *carrier)
{
    if (!carrier->active)
        return;
    struct iovec vec;
    int events = gather_holds(&carrier->loop->gather) && carrier_can_wait(carrier) ? 0 : UV_READABLE;
    if (!turn_awaits(&carrier->outbox) && proxy_pending(carrier->proxy, &vec) > 0)
        events |= UV_WRITABLE; /* the socket has not taken it */
    transport_watch(carrier->active, events);
}

static void carrier_gather_changed(void *user)
{
    carrier_watch(user);
}

/* The host was suspended, or has come into another network. Nobody is called back from within. */
static void carrier_wake(void *user)
{
    struct carrier *carrier = user;
    proxy_wake(carrier->proxy, loop_now());
    carrier_watch(carrier);
    ticker_update(&carrier->ticker);
}

int carrier_init(struct carrier *carrier, struct bleproxy_loop *loop, uint64_t (*deadline)(void *owner),
                 void (*tick)(void *owner, uint64_t now_ns), void (*on_release)(void *owner), void *owner)
{
    *carrier = (struct carrier){.loop = loop, .on_release = on_release, .owner = owner};
    list_init(&carrier->transports);
    carrier->gather =
        (struct gather_member){.read = carrier_gathered, .update = carrier_gather_changed, .user = carrier};
    turn_member_init(&carrier->outbox, carrier_flush, carrier);
    carrier->nap = (struct nap_member){.on_wake = carrier_wake, .user = carrier};
    int r = ticker_init(&carrier->ticker, loop, deadline, tick, owner);
    if (r < 0)
        return r;
    gather_join(&loop->gather, &carrier->gather);
    nap_join(&loop->nap, &carrier->nap);
    return 0;
}

/* Writes what the session has left, as far as the socket takes it. 0 or -errno. */
static int carrier_send(struct carrier *carrier)
{
    struct iovec vec;
    while (carrier->active && proxy_pending(carrier->proxy, &vec) > 0) {
        ssize_t n = transport_write(carrier->active, &vec);
        if (n <= 0)
            return (int)n;
        proxy_sent(carrier->proxy, (size_t)n);
    }
    return 0;
}

/* What fails stays pending, is watched for, and fails again in carrier_write(). */
static void carrier_flush(void *user)
{
    struct carrier *carrier = user;
    (void)carrier_send(carrier);
    carrier_watch(carrier);
    ticker_update(&carrier->ticker);
}

/* Writes where a failure may be told: it is the session's end. */
static void carrier_write(struct carrier *carrier)
{
    int r = carrier_send(carrier);
    if (r < 0)
        proxy_fail(carrier->proxy, BLEPROXY_E_IO, strerror(-r), loop_now());
}

void carrier_enter(struct carrier *carrier)
{
    carrier->depth++;
}

void carrier_leave(struct carrier *carrier)
{
    if (--carrier->depth > 0)
        return;
    if (carrier->released) {
        carrier->on_release(carrier->owner);
        return;
    }
    carrier_watch(carrier);
    ticker_update(&carrier->ticker);
}

void carrier_release(struct carrier *carrier)
{
    (void)carrier_send(carrier);
    carrier->released = true;
    list_unlink(&carrier->outbox.link);
    carrier_cancel_resolve(carrier);
    mdns_waker_stop(&carrier->waker);
    list_for_each(node, &carrier->transports) transport_close(list_entry(node, struct transport, link));
    carrier->active = NULL;
    gather_leave(&carrier->gather);
    nap_leave(&carrier->nap);
    ticker_deinit(&carrier->ticker);
}

static void carrier_resolution_done(void *user, const struct net_address *addresses, size_t n_addresses,
                                    int error, const char *why)
{
    struct carrier *carrier = user;
    carrier->resolution = NULL;
    carrier_enter(carrier);
    proxy_resolved(carrier->proxy, addresses, n_addresses, error, why, loop_now());
    carrier_leave(carrier);
}

/* Somebody of the proxy's name is there. */
static void carrier_woken(void *user)
{
    struct carrier *carrier = user;
    struct mdns_waker *waker = &carrier->waker;
    carrier_enter(carrier);
    if (!carrier->active)
        proxy_kick(carrier->proxy, loop_now());
    else if (mdns_has_moved(waker->mdns, waker->name, &carrier->active->address))
        proxy_doubt(carrier->proxy, loop_now());
    carrier_leave(carrier);
}

/* From its first look-up on, a proxy of a local name is woken by its announcements. */
static void carrier_listen(struct carrier *carrier, const char *host)
{
    char name[DNS_NAME_SIZE];
    struct mdns *mdns;
    if (!carrier->waker.mdns && lookup_name(host, name) && (mdns = mdns_get(carrier->loop)))
        mdns_waker_start(&carrier->waker, mdns, name, carrier_woken, carrier);
}

/* What is known of the name counts until an attempt has failed, be it by another device that has the address now: then it
 * is asked for anew. */
void carrier_resolve(void *user, const char *host, uint16_t port, uint64_t now_ns)
{
    struct carrier *carrier = user;
    struct net_address addresses[DIAL_ADDRESSES_MAX];
    if (resolver_literal(host, port, &addresses[0]) == 0) {
        proxy_resolved(carrier->proxy, addresses, 1, 0, NULL, now_ns);
        return;
    }
    carrier_listen(carrier, host);
    bool has_failed = proxy_failures(carrier->proxy) > 0;
    size_t n = has_failed ? 0 : resolver_known(carrier->loop, host, port, addresses);
    if (n > 0) {
        proxy_resolved(carrier->proxy, addresses, n, 0, NULL, now_ns);
        return;
    }
    int r = resolver_start(carrier->loop, host, port, carrier_resolution_done, carrier, &carrier->resolution);
    if (r < 0)
        proxy_resolved(carrier->proxy, NULL, 0, BLEPROXY_E_RESOLVE, bleproxy_strerror(r), now_ns);
}

void carrier_cancel_resolve(void *user)
{
    struct carrier *carrier = user;
    if (carrier->resolution)
        resolver_cancel(carrier->resolution);
    carrier->resolution = NULL;
}

/* Whether anything was read. */
static bool carrier_read(struct carrier *carrier)
{
    struct transport *transport = carrier->active;
    for (unsigned i = 0; i < CARRIER_READS_MAX && !carrier->released && carrier->active == transport; i++) {
        ssize_t n = transport_read(transport);
        if (n == -EAGAIN || n == -EWOULDBLOCK)
            return i > 0;
        uint64_t now = loop_now();
        if (n == 0)
            proxy_fail(carrier->proxy, BLEPROXY_E_CLOSED, NULL, now);
        else if (n < 0)
            proxy_fail(carrier->proxy, BLEPROXY_E_IO, strerror((int)-n), now);
        else
            proxy_feed(carrier->proxy, carrier->loop->receive, (size_t)n, now);
        if (n < LOOP_RECEIVE_SIZE)
            return true; /* the socket is empty, or what comes next wakes us again */
    }
    return true;
}

/* Why there is no connection: what the system says of an address of a family that this host has not, does not tell that. */
static void carrier_connect_failed(struct carrier *carrier, unsigned attempt,
                                   const struct net_address *address, int error, uint64_t now_ns)
{
    static const uint8_t link_local[] = {0xfe, 0x80};
    bool is_local = address->family == 6 && memcmp(address->bytes, link_local, sizeof(link_local)) == 0;
    bool is_about_us = error == -ENETUNREACH || error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
    char why[128];
    if (!is_about_us || is_local || uplink_has_address(address->family))
        snprintf(why, sizeof(why), "%s", strerror(-error));
    else if (uplink_has_address(address->family == 4 ? 6 : 4))
        snprintf(why, sizeof(why), "this host has no IPv%u address", address->family);
    else
        snprintf(why, sizeof(why), "this host is in no network");
    proxy_connect_failed(carrier->proxy, attempt, why, now_ns);
}

static void carrier_connected(struct carrier *carrier, struct transport *transport)
{
    int r = transport_check(transport);
    if (r < 0) {
        unsigned attempt = transport->attempt;
        struct net_address address = transport->address;
        transport_close(transport);
        carrier_connect_failed(carrier, attempt, &address, r, loop_now());
        return;
    }
    transport->connected = true;
    carrier->active = transport;
    proxy_connected(carrier->proxy, transport->attempt, loop_now());
}

static void carrier_ready(void *user, struct transport *transport, int events)
{
    struct carrier *carrier = user;
    carrier_enter(carrier);
    if (!transport->connected) {
        carrier_connected(carrier, transport);
    } else if (transport == carrier->active && (events & (UV_READABLE | UV_DISCONNECT))) {
        carrier_read(carrier);
        if (!carrier->released && carrier_can_wait(carrier))
            gather_begin(&carrier->loop->gather);
    }
    if (events & UV_WRITABLE)
        carrier_write(carrier);
    carrier_leave(carrier);
}

void carrier_open(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns)
{
    struct carrier *carrier = user;
    struct transport *transport;
    int r = transport_open(carrier->loop, address, carrier_ready, carrier, &transport);
    if (r < 0) {
        carrier_connect_failed(carrier, attempt, address, r, now_ns);
        return;
    }
    transport->attempt = attempt;
    list_append(&carrier->transports, &transport->link);
}

void carrier_close(void *user, unsigned attempt)
{
    struct carrier *carrier = user;
    list_for_each(node, &carrier->transports)
    {
        struct transport *transport = list_entry(node, struct transport, link);
        if (transport->attempt != attempt)
            continue;
        if (transport == carrier->active) {
            struct iovec vec;
            if (proxy_resets(carrier->proxy))
                transport_reset(transport);
            else if (proxy_pending(carrier->proxy, &vec) > 0)
                transport_write(transport, &vec);
            carrier->active = NULL;
        }
        transport_close(transport);
    }
}

void carrier_pending(void *user)
{
    struct carrier *carrier = user;
    if (!carrier->released)
        turn_add(&carrier->loop->outbox, &carrier->outbox);
}

void carrier_turn(void *user)
{
    struct carrier *carrier = user;
    if (!carrier->released)
        ticker_update(&carrier->ticker);
}

void carrier_get_time(void *user, struct session_time *ret_time)
{
    struct carrier *carrier = user;
    struct bleproxy_loop *loop = carrier->loop;
    uint64_t now = loop_now();
    if (now >= loop->timezone_due_ns) {
        timezone_read(loop->timezone);
        loop->timezone_due_ns = time_after(now, TIMEZONE_AGE_NS);
    }
    *ret_time = (struct session_time){.epoch_seconds = (uint32_t)time(NULL)};
    memcpy(ret_time->timezone, loop->timezone, sizeof(ret_time->timezone));
}

static uint64_t carrier_limit(uint32_t limit_ms, uint64_t default_ns)
{
    return limit_ms > 0 ? limit_ms * NS_PER_MS : default_ns;
}

static struct session_timeouts carrier_timeouts(const struct bleproxy_timeouts *timeouts)
{
    const struct session_timeouts *defaults = &session_timeouts_default;
    return (struct session_timeouts){
        .handshake_ns = carrier_limit(timeouts->handshake_ms, defaults->handshake_ns),
        .hello_ns = carrier_limit(timeouts->hello_ms, defaults->hello_ns),
        .request_ns = carrier_limit(timeouts->request_ms, defaults->request_ns),
        .ping_ns = carrier_limit(timeouts->ping_ms, defaults->ping_ns),
        .dead_ns = carrier_limit(timeouts->dead_ms, defaults->dead_ns),
        .disconnect_ns = carrier_limit(timeouts->disconnect_ms, defaults->disconnect_ns),
        .settle_ns = carrier_limit(timeouts->settle_ms, defaults->settle_ns),
    };
}

int carrier_proxy_config(struct bleproxy_loop *loop, const struct bleproxy_proxy_config *config,
                         uint8_t psk[32], struct proxy_config *ret_config)
{
    if (!config->address || !*config->address)
        return BLEPROXY_E_INVALID;
    if (config->noise_psk) {
        int r = handshake_psk_decode(config->noise_psk, psk);
        if (r < 0)
            return r;
    }
    *ret_config = (struct proxy_config){
        .host = config->address,
        .port = config->port ? config->port : BLEPROXY_PORT,
        .resolve_ns = carrier_limit(config->timeouts.resolve_ms, 0),
        .connect_ns = carrier_limit(config->timeouts.connect_ms, 0),
        .gate = &loop->gate,
        .session =
            {
                .env = &loop->env,
                .label = config->name && *config->name ? config->name : NULL,
                .psk = config->noise_psk ? psk : NULL,
                .aead = &aead_sodium,
                .expected_name = config->expected_name,
                .expected_mac = config->expected_mac,
                .password = config->password,
                .client_info = config->client_info ? config->client_info : "bleproxy " BLEPROXY_VERSION,
                .timeouts = carrier_timeouts(&config->timeouts),
            },
    };
    return 0;
}
