/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_DISCOVERY_H
#define DAEMON_DISCOVERY_H

#include "filter.h"

#include <systemd/sd-bus.h>

/* Who discovers: a session for each program that asked for it, with its filter. While there is none, nothing is told of
 * advertisements, and the proxies scan as they like. */

struct adapter;
struct session;

/* What the hub says at once when it is subscribed to, of what it knows: nothing; nobody is to be told; who has begun is. */
enum discovery_known { DISCOVERY_KNOWN_NONE, DISCOVERY_KNOWN_IGNORE, DISCOVERY_KNOWN_TELL };

struct discovery {
    struct adapter *adapter;
    struct session *first;
    size_t n_sessions, n_active;
    struct bleproxy_subscription *subscription; /* while anybody listens */
    struct bleproxy_scan_request *request;
    struct bleproxy_timer *welcome; /* until who has just begun is told of what is known */
    enum discovery_known known;
    bool is_new; /* nobody was told of what is known yet */
    uint64_t since_ns;
};

enum { DISCOVERY_SESSIONS_MAX = 128 };

void discovery_init(struct discovery *discovery, struct adapter *adapter);
/* Ends all sessions. Idempotent. */
void discovery_deinit(struct discovery *discovery);

/* The methods of Adapter1: they answer the call. */
int discovery_set_filter(struct discovery *discovery, sd_bus_message *call);
int discovery_start(struct discovery *discovery, sd_bus_message *call);
int discovery_stop(struct discovery *discovery, sd_bus_message *call);
int discovery_get_filters(struct discovery *discovery, sd_bus_message *call);

/* A program has left the bus. */
void discovery_forget(struct discovery *discovery, const char *sender);
/* The adapter is switched off. */
void discovery_stop_all(struct discovery *discovery);
bool discovery_is_active(const struct discovery *discovery);

#endif
