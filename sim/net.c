/* SPDX-License-Identifier: MIT */
#include "sim/net.h"

#include "sim/net_address.h"
#include "sim/net_client.h"
#include <bleproxy/error.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NET_BACKLOG = 128,
    NET_ACCEPTS_MAX = 16, /* at a time */
    NET_FLOODS_MAX = 8,   /* full backlogs at a time, before other connections get their turn */
    NET_STOP_MS = 500,    /* for clients to go when it ends */
};
#define NET_ACCEPT_PAUSE_NS NS_PER_S

static void timer_arm(uv_timer_t *timer, uv_timer_cb callback, uint64_t deadline_ns)
{
    uint64_t now_ns = uv_hrtime();
    if (deadline_ns == BP_NEVER) {
        uv_timer_stop(timer);
        return;
    }
    /* libuv's own clock stands still during callbacks. */
    uv_update_time(timer->loop);
    uv_timer_start(timer, callback,
                   deadline_ns <= now_ns ? 0 : (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static void radio_on_timer(uv_timer_t *timer)
{
    struct net *net = timer->data;
    radio_tick(net->radio, uv_hrtime());
    timer_arm(timer, radio_on_timer, radio_deadline(net->radio));
    for (uint32_t i = 0; i < net->n_listeners; i++)
        net_rearm(&net->listeners[i]);
}

static void listener_on_poll(uv_poll_t *poll, int status, int events);

static void listener_on_timer(uv_timer_t *timer)
{
    struct net_listener *listener = timer->data;
    uint64_t now_ns = uv_hrtime();
    listener->armed_ns = BP_NEVER;
    sim_proxy_tick(&listener->proxy, now_ns);
    if (now_ns >= listener->accept_ns) {
        listener->accept_ns = BP_NEVER;
        uv_poll_start(&listener->poll, UV_READABLE, listener_on_poll);
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
    for (unsigned i = 0; i < NET_FLOODS_MAX && listener_wants_flood(listener); i++) {
        sim_proxy_flood(&listener->proxy, uv_hrtime());
        net_write(listener->net);
    }
}

void net_rearm(struct net_listener *listener)
{
    uint64_t deadline_ns = time_min(sim_proxy_deadline(&listener->proxy), listener->accept_ns);
    list_for_each(node, &listener->clients)
    {
        const struct net_client *client = list_entry(node, struct net_client, node);
        deadline_ns = time_min(deadline_ns, net_client_deadline(client));
    }
    if (listener_wants_flood(listener))
        deadline_ns = 0;
    if (deadline_ns != listener->armed_ns)
        timer_arm(&listener->timer, listener_on_timer, deadline_ns);
    listener->armed_ns = deadline_ns;
    if (!uv_is_active((uv_handle_t *)&listener->net->radio_timer))
        timer_arm(&listener->net->radio_timer, radio_on_timer, radio_deadline(listener->net->radio));
}

static void listener_on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct net_listener *listener = poll->data;
    for (unsigned i = 0; i < NET_ACCEPTS_MAX; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            net_client_new(listener, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            uv_poll_stop(poll);
            listener->accept_ns = uv_hrtime() + NET_ACCEPT_PAUSE_NS;
        }
        break;
    }
    net_rearm(listener);
}

void net_client_gone(struct net_listener *listener)
{
    struct net *net = listener->net;
    if (--net->n_clients == 0 && net->signal)
        uv_stop(&net->loop);
}

static int listener_open(struct net_listener *listener, struct sockaddr_storage *address)
{
    const int on = 1;
    socklen_t size = net_address_size(address);
    listener->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return -1;
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener->fd, (struct sockaddr *)address, size) < 0 || listen(listener->fd, NET_BACKLOG) < 0)
        return -1;
    return getsockname(listener->fd, (struct sockaddr *)address, &size);
}

static void listener_name(const struct net_config *config, uint32_t index, char name[SERVER_NAME_MAX + 1])
{
    const char *given = config->proxy.name ? config->proxy.name : "sim-proxy";
    if (config->proxy.name && config->count == 1)
        snprintf(name, SERVER_NAME_MAX + 1, "%s", given);
    else
        snprintf(name, SERVER_NAME_MAX + 1, "%.25s-%u", given, (index + 1) & 0xffff);
}

static int listener_new(struct net *net, uint32_t index, char why[NET_TEXT_MAX])
{
    const struct net_config *config = net->config;
    struct net_listener *listener = &net->listeners[index];
    struct sockaddr_storage address = config->listen;
    char name[SERVER_NAME_MAX + 1], text[NET_ADDRESS_TEXT_SIZE];
    if (net_address_step(&address, config->step_address, index) < 0) {
        snprintf(why, NET_TEXT_MAX, "there are not enough %s for so many proxies",
                 config->step_address ? "addresses" : "ports");
        return BLEPROXY_E_INVALID;
    }
    net_address_format(&address, text);
    *listener = (struct net_listener){.net = net, .fd = -1, .accept_ns = BP_NEVER, .armed_ns = BP_NEVER};
    list_init(&listener->clients);
    if (listener_open(listener, &address) < 0) {
        snprintf(why, NET_TEXT_MAX, "cannot listen on %s: %s", text, strerror(errno));
        if (listener->fd >= 0)
            close(listener->fd);
        return BLEPROXY_E_IO;
    }
    listener_name(config, index, name);
    struct sim_proxy_config proxy = config->proxy;
    proxy.name = name;
    int r = sim_proxy_init(&listener->proxy, &proxy, net->radio, config->env, uv_hrtime());
    if (r < 0) {
        snprintf(why, NET_TEXT_MAX, "%s", bleproxy_strerror(r));
        close(listener->fd);
        return r;
    }
    uv_timer_init(&net->loop, &listener->timer);
    listener->timer.data = listener->poll.data = listener;
    net->n_listeners++;
    if (uv_poll_init(&net->loop, &listener->poll, listener->fd) < 0 ||
        uv_poll_start(&listener->poll, UV_READABLE, listener_on_poll) < 0) {
        snprintf(why, NET_TEXT_MAX, "cannot watch the socket of %s", text);
        return BLEPROXY_E_IO;
    }
    net_address_format(&address, text);
    config->on_listening(config->user, name, text);
    return 0;
}

static void net_on_write(uv_prepare_t *handle)
{
    net_write(handle->data);
}

static void net_on_stop_timer(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Says goodbye to all clients; the second signal does without. */
static void net_on_signal(uv_signal_t *handle, int signal)
{
    struct net *net = handle->data;
    if (net->signal)
        uv_stop(&net->loop);
    net->signal = signal;
    for (uint32_t i = 0; i < net->n_listeners; i++) {
        uv_poll_stop(&net->listeners[i].poll);
        server_shutdown(net->listeners[i].proxy.server, uv_hrtime());
    }
    if (net->n_clients == 0)
        uv_stop(&net->loop);
    uv_timer_start(&net->stop_timer, net_on_stop_timer, NET_STOP_MS, 0);
}

static void net_close_handle(uv_handle_t *handle, void *user)
{
    (void)user;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void net_teardown(struct net *net)
{
    for (uint32_t i = 0; i < net->n_listeners; i++)
        list_for_each(node, &net->listeners[i].clients)
            net_client_end(list_entry(node, struct net_client, node));
    uv_walk(&net->loop, net_close_handle, NULL);
    while (uv_run(&net->loop, UV_RUN_DEFAULT) != 0)
        ;
    for (uint32_t i = 0; i < net->n_listeners; i++) {
        close(net->listeners[i].fd);
        sim_proxy_deinit(&net->listeners[i].proxy);
    }
    uv_loop_close(&net->loop);
    radio_free(net->radio);
    free(net->listeners);
    free(net);
}

static int net_setup(struct net *net, char why[NET_TEXT_MAX])
{
    const struct net_config *config = net->config;
    int r = radio_new(&config->radio, config->env, uv_hrtime(), &net->radio);
    net->listeners = calloc(config->count, sizeof(*net->listeners));
    if (r == 0 && !net->listeners)
        r = BLEPROXY_E_NOMEM;
    if (r < 0) {
        snprintf(why, NET_TEXT_MAX, "%s", bleproxy_strerror(r));
        return r;
    }
    uv_timer_t *timers[] = {&net->radio_timer, &net->stop_timer};
    for (size_t i = 0; i < 2; i++) {
        uv_timer_init(&net->loop, timers[i]);
        timers[i]->data = net;
    }
    uv_prepare_init(&net->loop, &net->write);
    net->write.data = net;
    uv_prepare_start(&net->write, net_on_write);
    uv_signal_t *signals[] = {&net->sigint, &net->sigterm};
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&net->loop, signals[i]);
        signals[i]->data = net;
        uv_signal_start(signals[i], net_on_signal, i == 0 ? SIGINT : SIGTERM);
    }
    for (uint32_t i = 0; i < config->count; i++) {
        r = listener_new(net, i, why);
        if (r < 0)
            return r;
    }
    config->on_ready(config->user);
    return 0;
}

int net_run(const struct net_config *config, char ret_why[NET_TEXT_MAX])
{
    struct net *net = calloc(1, sizeof(*net));
    if (!net || uv_loop_init(&net->loop) < 0) {
        free(net);
        snprintf(ret_why, NET_TEXT_MAX, "%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
        return BLEPROXY_E_NOMEM;
    }
    net->config = config;
    list_init(&net->writing);
    int r = net_setup(net, ret_why);
    if (r == 0) {
        uv_run(&net->loop, UV_RUN_DEFAULT);
        r = net->signal;
    }
    net_teardown(net);
    return r;
}
