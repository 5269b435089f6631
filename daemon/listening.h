/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_LISTENING_H
#define DAEMON_LISTENING_H

#include <bleproxy/bleproxy.h>

/* Advertisements, as long as anybody wants them: programs that discover, and monitors. While nobody does, nothing is told of
 * them, and the proxies scan as they like. */

struct adapter;

struct listening {
    struct bleproxy_subscription *subscription;
    struct bleproxy_scan_request *request;
    enum bleproxy_scanner_mode mode; /* of the request */
    uint64_t since_ns;
};

/* As what is wanted is now. */
void listening_update(struct adapter *adapter);

#endif
