/* SPDX-License-Identifier: MIT */
#ifndef SIM_NET_CLIENT_H
#define SIM_NET_CLIENT_H

#include "base/list.h"
#include "sim/faults.h"
#include "sim/net.h"
#include "sim/proxy.h"
#include <uv.h>

/* One accepted connection of one virtual proxy. */
struct net_client {
    struct list node;    /* in the listener's clients, or in those it lost */
    struct list writing; /* in the net's */
    struct net_listener *listener;
    struct server_connection *connection; /* NULL once it ended, or is lost */
    struct faults *faults;                /* or NULL */
    uv_poll_t poll;
    int fd, events;
};

/* One virtual proxy and its listening socket. */
struct net_listener {
    struct sim_proxy proxy;
    struct net *net;
    uv_poll_t *poll; /* NULL while it does not listen */
    uv_timer_t timer;
    int fd; /* -1 then */
    struct sockaddr_storage address;
    bool told_key; /* whether it has one, as told to the local network */
    struct list clients;
    struct list lost;   /* who know nothing of it yet */
    uint64_t armed_ns;  /* what the timer is set to */
    uint64_t accept_ns; /* accepting, or listening, failed and is tried again then; BP_NEVER */
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
    struct net_control *control; /* or NULL */
    struct net_mdns *mdns;       /* or NULL */
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
/* Its connection is dead, and it does not know: what it sends vanishes. server_gone: with the server, else the
 * server knows. */
void net_client_lose(struct net_client *client, bool server_gone);
/* A lost one learns of it. */
void net_client_reset(struct net_client *client);
/* Writes what is pending as far as the socket takes it. */
void net_client_write(struct net_client *client);
uint64_t net_client_deadline(const struct net_client *client);

/* Writes to all for whom something became pending. */
void net_write(struct net *net);

/* net_listener.c. 0, or a negative BLEPROXY_E_* and a sentence. */
int net_listener_new(struct net *net, uint32_t index, char why[NET_TEXT_MAX]);
/* Takes leave of its clients, and takes no more. */
void net_listener_stop(struct net_listener *listener);
/* Closes all. Idempotent. */
void net_listener_close(struct net_listener *listener);
/* The proxy gets another address and port: its connections are dead. 0, or BLEPROXY_E_IO with errno: it stays
 * where it is. */
int net_listener_move(struct net_listener *listener, const struct sockaddr_storage *address);
/* After anything that may have changed what the proxy waits for. */
void net_rearm(struct net_listener *listener);
/* net.c */
void net_timer_arm(uv_timer_t *timer, uv_timer_cb callback, uint64_t deadline_ns);
void net_rearm_radio(struct net *net);
/* One connection less. */
void net_client_gone(struct net_listener *listener);
/* net_listener.c: flood: fills the subscriber's socket. */
void net_flood(struct net_listener *listener);

#endif
