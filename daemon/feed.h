/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_FEED_H
#define DAEMON_FEED_H

#include "cli/fleet.h"
#include "tree.h"
#include "watches.h"

/* All that the proxies report, as the lines of bleproxy-record(5), for programs that want it uncoalesced: each has a socket
 * of its own. Who does not read in time loses lines, and is told how many. */

struct adapter;
struct feed_reader;

struct feed {
    struct fleet *fleet;
    struct watches *watches;
    struct bleproxy_subscription *subscription; /* while somebody reads */
    struct feed_reader *first;
    size_t n_readers;
    const struct adapter *adapter; /* devices that it does not allow are nobody's business */
    uint64_t started_ns, told_ns;  /* t of the lines counts from the former; the last line's time */
};

enum {
    FEED_READERS_MAX = 64,
    FEED_READERS_OF_ONE_MAX = 8, /* of one connection to the bus */
    FEED_BUFFER_SIZE = 262144,   /* touched only while somebody does not read */
};

/* All of it is borrowed. */
void feed_init(struct feed *feed, struct fleet *fleet, struct watches *watches,
               const struct adapter *adapter);
/* Readers see the end. Idempotent. */
void feed_deinit(struct feed *feed);
/* Answers the call with a socket; active: the proxies are to scan actively meanwhile. */
int feed_open(struct feed *feed, struct tree *tree, sd_bus_message *call, bool active);
/* A proxy has connected, or is lost. */
void feed_tell_ready(struct feed *feed, const struct member *member);
void feed_tell_down(struct feed *feed, const struct member *member);

#endif
