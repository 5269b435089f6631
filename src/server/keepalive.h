/* SPDX-License-Identifier: MIT */
#ifndef SERVER_KEEPALIVE_H
#define SERVER_KEEPALIVE_H

#include "base/time.h"
#include <stdbool.h>

/* When a device pings a client, and when it gives up on one. Only what the client sends counts: a stream of
 * advertisements in the other direction proves nothing. */
struct server_keepalive {
    uint64_t received_ns;  /* last message of the client */
    uint64_t handshake_ns; /* not authenticated by then: dropped. BP_NEVER once it is */
    bool pinged;           /* since then */
};

enum keepalive_action {
    KEEPALIVE_NOTHING,
    KEEPALIVE_PING, /* send one; counts as sent */
    KEEPALIVE_LATE, /* drop: the client did not authenticate itself in time */
    KEEPALIVE_GONE, /* drop: the client answers no more */
};

void server_keepalive_init(struct server_keepalive *keepalive, uint64_t handshake_timeout_ns,
                           uint64_t now_ns);
void server_keepalive_authenticated(struct server_keepalive *keepalive);
void server_keepalive_received(struct server_keepalive *keepalive, uint64_t now_ns);
uint64_t server_keepalive_deadline(const struct server_keepalive *keepalive);
enum keepalive_action server_keepalive_tick(struct server_keepalive *keepalive, uint64_t now_ns);

#endif
