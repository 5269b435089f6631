/* SPDX-License-Identifier: MIT */
#include "sim/net.h"

#include "sim/net_client.h"
#include "sim/net_control.h"
#include "sim/net_mdns.h"
#include <bleproxy/error.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { NET_STOP_MS = 500 }; /* for clients to go when it ends */

void net_timer_arm(uv_timer_t *timer, uv_timer_cb callback, uint64_t deadline_ns)
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
    net_timer_arm(timer, radio_on_timer, radio_deadline(net->radio));
    for (uint32_t i = 0; i < net->n_listeners; i++)
        net_rearm(&net->listeners[i]);
}

void net_rearm_radio(struct net *net)
{
    if (!uv_is_active((uv_handle_t *)&net->radio_timer))
        net_timer_arm(&net->radio_timer, radio_on_timer, radio_deadline(net->radio));
}

void net_client_gone(struct net_listener *listener)
{
    struct net *net = listener->net;
    if (--net->n_clients == 0 && net->signal)
        uv_stop(&net->loop);
}

static void net_on_write(uv_prepare_t *handle)
{
    net_write(handle->data);
}

static void net_on_stop_timer(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* What is beside the proxies themselves. */
static void net_close_services(struct net *net)
{
    if (net->mdns)
        net_mdns_close(net->mdns);
    if (net->control)
        net_control_close(net->control);
    net->mdns = NULL;
    net->control = NULL;
}

/* Says goodbye to all clients; the second signal does without. */
static void net_on_signal(uv_signal_t *handle, int signal)
{
    struct net *net = handle->data;
    if (net->signal)
        uv_stop(&net->loop);
    net->signal = signal;
    net_close_services(net);
    for (uint32_t i = 0; i < net->n_listeners; i++)
        net_listener_stop(&net->listeners[i]);
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
    net_close_services(net);
    for (uint32_t i = 0; i < net->n_listeners; i++)
        net_listener_close(&net->listeners[i]);
    uv_walk(&net->loop, net_close_handle, NULL);
    while (uv_run(&net->loop, UV_RUN_DEFAULT) != 0)
        ;
    for (uint32_t i = 0; i < net->n_listeners; i++)
        sim_proxy_deinit(&net->listeners[i].proxy);
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
        r = net_listener_new(net, i, why);
        if (r < 0)
            return r;
    }
    if (config->mdns) {
        r = net_mdns_open(net, &net->mdns, why);
        if (r < 0)
            return r;
    }
    if (config->control) {
        r = net_control_open(net, config->control, &net->control, why);
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
