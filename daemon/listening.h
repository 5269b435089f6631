/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_LISTENING_H
#define DAEMON_LISTENING_H

#include <bleproxy/bleproxy.h>

/* Advertisements, as long as anybody wants them: programs that discover, and monitors. While nobody does, nothing is told of
 * them, and the proxies scan as they like. */

struct adapter;

/* What the hub says at once when it is subscribed to, of what it knows: nothing; nobody is to be told; who has begun is. */
enum listening_known { LISTENING_KNOWN_NONE, LISTENING_KNOWN_IGNORE, LISTENING_KNOWN_TELL };

struct listening {
    struct bleproxy_subscription *subscription;
    struct bleproxy_scan_request *request;
    enum bleproxy_scanner_mode mode; /* of the request */
    struct bleproxy_timer *welcome;  /* until who has just begun is told of what is known */
    bool is_awaited;                 /* by another, who has begun since: once more */
    enum listening_known known;
    bool is_new; /* nobody was told of what is known yet */
    uint64_t since_ns;
};

/* As what is wanted is now. */
void listening_update(struct adapter *adapter);
/* Somebody has begun beside others: a little later he is told of what was heard of late. */
void listening_welcome(struct adapter *adapter);

#endif
