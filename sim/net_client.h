/* SPDX-License-Identifier: MIT */
#ifndef SIM_NET_CLIENT_H
#define SIM_NET_CLIENT_H

#include "base/list.h"
#include "sim/faults.h"
#include "sim/proxy.h"
#include <uv.h>

/* One accepted connection of one virtual proxy. */
struct net_client {
    struct list node;
    struct list writing; /* in the net's */
    struct net_listener *listener;
    struct server_connection *connection; /* NULL once it ended */
    struct faults *faults;                /* or NULL */
    uv_poll_t poll;
    int fd, events;
};

/* One virtual proxy and its listening socket. */
struct net_listener {
    struct sim_proxy proxy;
    struct net *net;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    struct list clients;
    uint64_t armed_ns;  /* what the timer is set to */
    uint64_t accept_ns; /* accepting paused until then for lack of descriptors; BP_NEVER */
    uint64_t n_accepted;
};

struct net {
    const struct net_config *config;
    uv_loop_t loop;
    uv_timer_t radio_timer, stop_timer;
    uv_prepare_t write;  /* what a turn of the loop says to a client leaves in one piece */
    struct list writing; /* the clients for whom there is something */
    uv_signal_t sigint, sigterm;
    struct radio *radio;
    struct net_listener *listeners;
    uint32_t n_listeners; /* that are set up */
    size_t n_clients;
    int signal; /* that ended it, or 0 */
    uint8_t received[65536];
};

/* Takes over the descriptor. */
void net_client_new(struct net_listener *listener, int fd);
/* Ends it without a word. */
void net_client_end(struct net_client *client);
/* Writes what is pending as far as the socket takes it. */
void net_client_write(struct net_client *client);
uint64_t net_client_deadline(const struct net_client *client);

/* Writes to all for whom something became pending. */
void net_write(struct net *net);

/* net.c: after anything that may have changed what the proxy waits for. */
void net_rearm(struct net_listener *listener);
/* One connection less. */
void net_client_gone(struct net_listener *listener);
/* Flood: fills the subscriber's socket. */
void net_flood(struct net_listener *listener);

#endif
