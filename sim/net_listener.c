/* SPDX-License-Identifier: MIT */
#include "sim/net_address.h"
#include "sim/net_client.h"
#include "sim/net_keys.h"
#include "sim/net_mdns.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LISTENER_BACKLOG = 128,
    LISTENER_ACCEPTS_MAX = 16, /* at a time */
    LISTENER_FLOODS_MAX = 8,   /* full backlogs at a time, before other connections get their turn */
};
/* After an accept() without descriptors, and after a listen() that failed. */
#define LISTENER_PAUSE_NS NS_PER_S

static void listener_on_poll(uv_poll_t *poll, int status, int events);
static void listener_accept_again(struct net_listener *listener);

static void listener_on_timer(uv_timer_t *timer)
{
    struct net_listener *listener = timer->data;
    uint64_t now_ns = uv_hrtime();
    listener->armed_ns = BP_NEVER;
    sim_proxy_tick(&listener->proxy, now_ns);
    if (now_ns >= listener->accept_ns) {
        listener->accept_ns = BP_NEVER;
        listener_accept_again(listener);
    }
    list_for_each(node, &listener->clients)
    {
        struct net_client *client = list_entry(node, struct net_client, node);
        if (now_ns >= net_client_deadline(client))
            net_client_write(client);
    }
    net_flood(listener);
    net_rearm(listener);
}

/* The subscriber has taken everything and could take more at once. */
static bool listener_wants_flood(const struct net_listener *listener)
{
    return listener->net->config->radio.rate == RADIO_RATE_FLOOD && sim_proxy_wants_flood(&listener->proxy) &&
           server_backlog(listener->proxy.server) == 0;
}

void net_flood(struct net_listener *listener)
{
    for (unsigned i = 0; i < LISTENER_FLOODS_MAX && listener_wants_flood(listener); i++) {
        sim_proxy_flood(&listener->proxy, uv_hrtime());
        net_write(listener->net);
    }
}

void net_rearm(struct net_listener *listener)
{
    if (listener->told_key != listener->proxy.has_key) {
        listener->told_key = listener->proxy.has_key;
        net_mdns_update(listener->net->mdns, listener);
    }
    uint64_t deadline_ns = time_min(sim_proxy_deadline(&listener->proxy), listener->accept_ns);
    list_for_each(node, &listener->clients)
    {
        const struct net_client *client = list_entry(node, struct net_client, node);
        deadline_ns = time_min(deadline_ns, net_client_deadline(client));
    }
    if (listener_wants_flood(listener))
        deadline_ns = 0;
    if (deadline_ns != listener->armed_ns)
        net_timer_arm(&listener->timer, listener_on_timer, deadline_ns);
    listener->armed_ns = deadline_ns;
    net_rearm_radio(listener->net);
}

static void listener_on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct net_listener *listener = poll->data;
    for (unsigned i = 0; i < LISTENER_ACCEPTS_MAX; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            net_client_new(listener, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            uv_poll_stop(poll);
            listener->accept_ns = uv_hrtime() + LISTENER_PAUSE_NS;
        }
        break;
    }
    net_rearm(listener);
}

/* ---- Listening ---- */

/* The port is known afterwards. 0, or -1 with errno. */
static int listener_open(struct net_listener *listener)
{
    const int on = 1;
    struct sockaddr_storage *address = &listener->address;
    socklen_t size = net_address_size(address);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)address, size) < 0 || listen(fd, LISTENER_BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)address, &size) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    listener->fd = fd;
    return 0;
}

static void listener_on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void listener_shut(struct net_listener *listener)
{
    if (listener->poll)
        uv_close((uv_handle_t *)listener->poll, listener_on_closed);
    if (listener->fd >= 0)
        close(listener->fd);
    listener->poll = NULL;
    listener->fd = -1;
    listener->accept_ns = BP_NEVER;
}

/* 0 or BLEPROXY_E_NOMEM. */
static int listener_watch(struct net_listener *listener)
{
    uv_poll_t *poll = calloc(1, sizeof(*poll));
    if (!poll || uv_poll_init(&listener->net->loop, poll, listener->fd) < 0) {
        free(poll);
        return BLEPROXY_E_NOMEM;
    }
    poll->data = listener;
    listener->poll = poll;
    return uv_poll_start(poll, UV_READABLE, listener_on_poll) < 0 ? BLEPROXY_E_NOMEM : 0;
}

/* What it could not do it tries again. */
static void listener_accept_again(struct net_listener *listener)
{
    bool ok = listener->fd >= 0 || listener_open(listener) == 0;
    if (ok && listener->poll)
        ok = uv_poll_start(listener->poll, UV_READABLE, listener_on_poll) == 0;
    else if (ok)
        ok = listener_watch(listener) == 0;
    if (ok)
        return;
    env_log(listener->net->config->env, BLEPROXY_LOG_WARNING, "sim", listener->proxy.name,
            "it cannot listen: %s", strerror(errno));
    listener_shut(listener);
    listener->accept_ns = uv_hrtime() + LISTENER_PAUSE_NS;
}

/* ---- What befalls the proxy ---- */

/* Without power nobody says anything; those that come back to it too early are refused, and with the first word
 * to it after its start their connections turn out to be dead. */
static void listener_on_power(void *user, bool on, uint64_t now_ns)
{
    (void)now_ns;
    struct net_listener *listener = user;
    if (on) {
        list_for_each(node, &listener->lost) net_client_reset(list_entry(node, struct net_client, node));
        listener_accept_again(listener);
        net_mdns_announce(listener->net->mdns, listener);
        return;
    }
    /* A crash is silent, and so is whoever reboots because nobody is there. */
    net_mdns_leave(listener->net->mdns, listener, listener->proxy.off_ns != BP_NEVER);
    list_for_each(node, &listener->clients) net_client_lose(list_entry(node, struct net_client, node), true);
    listener_shut(listener);
}

static int listener_store_key(void *user, const uint8_t *psk)
{
    const struct net_listener *listener = user;
    const struct net_config *config = listener->net->config;
    int r = config->key_store ? net_keys_save(config->key_store, listener->proxy.name, psk) : 0;
    if (r < 0)
        env_log(config->env, BLEPROXY_LOG_ERROR, "sim", listener->proxy.name, "cannot write %s: %s",
                config->key_store, r == BLEPROXY_E_IO ? strerror(errno) : bleproxy_strerror(r));
    return r;
}

int net_listener_move(struct net_listener *listener, const struct sockaddr_storage *address)
{
    struct sockaddr_storage old = listener->address;
    if (!listener->proxy.server) {
        listener->address = *address;
        return 0;
    }
    listener_shut(listener);
    listener->address = *address;
    if (listener_open(listener) < 0) {
        int error = errno;
        listener->address = old;
        listener_accept_again(listener);
        errno = error;
        return BLEPROXY_E_IO;
    }
    list_for_each(node, &listener->clients) net_client_lose(list_entry(node, struct net_client, node), false);
    listener_accept_again(listener);
    net_mdns_update(listener->net->mdns, listener);
    net_rearm(listener);
    return 0;
}

/* ---- Its life ---- */

static void listener_name(const struct net_config *config, uint32_t index, char name[SERVER_NAME_MAX + 1])
{
    const char *given = config->proxy.name ? config->proxy.name : "sim-proxy";
    if (config->proxy.name && config->count == 1)
        snprintf(name, SERVER_NAME_MAX + 1, "%s", given);
    else
        snprintf(name, SERVER_NAME_MAX + 1, "%.25s-%u", given, (index + 1) & 0xffff);
}

/* 0, or what net_keys_load() says. */
static int listener_load_key(const struct net_config *config, struct sim_proxy_config *proxy,
                             uint8_t psk[HANDSHAKE_PSK_SIZE], char why[NET_TEXT_MAX])
{
    int r = config->key_store ? net_keys_load(config->key_store, proxy->name, psk) : 1;
    if (r == 0)
        proxy->psk = psk;
    if (r < 0)
        snprintf(why, NET_TEXT_MAX, "%.100s: %.80s", config->key_store,
                 r == BLEPROXY_E_IO ? strerror(errno) : bleproxy_strerror(r));
    return r < 0 ? r : 0;
}

static int listener_set_up_proxy(struct net_listener *listener, uint32_t index, char why[NET_TEXT_MAX])
{
    const struct net_config *config = listener->net->config;
    char name[SERVER_NAME_MAX + 1];
    uint8_t psk[HANDSHAKE_PSK_SIZE];
    listener_name(config, index, name);
    struct sim_proxy_config proxy = config->proxy;
    proxy.name = name;
    proxy.store_key = listener_store_key;
    proxy.on_power = listener_on_power;
    proxy.user = listener;
    int r = listener_load_key(config, &proxy, psk, why);
    if (r == 0) {
        r = sim_proxy_init(&listener->proxy, &proxy, listener->net->radio, config->env, uv_hrtime());
        if (r < 0)
            snprintf(why, NET_TEXT_MAX, "%s", bleproxy_strerror(r));
    }
    explicit_bzero(psk, sizeof(psk));
    return r;
}

int net_listener_new(struct net *net, uint32_t index, char why[NET_TEXT_MAX])
{
    const struct net_config *config = net->config;
    struct net_listener *listener = &net->listeners[index];
    char text[NET_ADDRESS_TEXT_SIZE];
    *listener = (struct net_listener){
        .net = net, .fd = -1, .accept_ns = BP_NEVER, .armed_ns = BP_NEVER, .address = config->listen};
    if (net_address_step(&listener->address, config->step_address, index) < 0) {
        snprintf(why, NET_TEXT_MAX, "there are not enough %s for so many proxies",
                 config->step_address ? "addresses" : "ports");
        return BLEPROXY_E_INVALID;
    }
    net_address_format(&listener->address, text);
    list_init(&listener->clients);
    list_init(&listener->lost);
    if (listener_open(listener) < 0) {
        snprintf(why, NET_TEXT_MAX, "cannot listen on %s: %s", text, strerror(errno));
        return BLEPROXY_E_IO;
    }
    int r = listener_set_up_proxy(listener, index, why);
    if (r < 0) {
        listener_shut(listener);
        return r;
    }
    listener->told_key = listener->proxy.has_key;
    uv_timer_init(&net->loop, &listener->timer);
    listener->timer.data = listener;
    net->n_listeners++;
    if (listener_watch(listener) < 0) {
        snprintf(why, NET_TEXT_MAX, "cannot watch the socket of %s", text);
        return BLEPROXY_E_IO;
    }
    net_address_format(&listener->address, text);
    config->on_listening(config->user, listener->proxy.name, text, listener->proxy.has_key);
    return 0;
}

void net_listener_stop(struct net_listener *listener)
{
    listener_shut(listener);
    list_for_each(node, &listener->lost) net_client_reset(list_entry(node, struct net_client, node));
    if (listener->proxy.server)
        server_shutdown(listener->proxy.server, uv_hrtime());
}

void net_listener_close(struct net_listener *listener)
{
    listener_shut(listener);
    list_for_each(node, &listener->clients) net_client_end(list_entry(node, struct net_client, node));
    list_for_each(node, &listener->lost) net_client_reset(list_entry(node, struct net_client, node));
}
