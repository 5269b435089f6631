/* SPDX-License-Identifier: MIT */
#ifndef HUB_WIRING_H
#define HUB_WIRING_H

#include "hub/scanner.h"
#include "session/session.h"

/* What a session's scanner is for. */
enum wiring_purpose {
    WIRING_UNAVAILABLE, /* connections may not be tried yet */
    WIRING_TO_USE,
    WIRING_TO_LEAVE, /* nor is it subscribed: its advertisements are somebody else's */
};

/* Makes a scanner for a session that is ready and subscribes to what its firmware offers: connection slots
 * (when it can connect), scanner state, raw advertisements, or decoded ones where there are no raw ones. What
 * is degraded because a feature is missing is one warning each in the log; *warned holds the features already
 * warned of, from one session of a proxy to the next (NULL: none were). The scanner's streams come from the
 * session until wiring_detach(). label: what the proxy is called here, or NULL. 0, BLEPROXY_E_NOMEM, or what the
 * session says. */
int wiring_connect_scanner(struct session *session, const struct env *env,
                           const struct bleproxy_device_info *info, const char *label,
                           enum wiring_purpose purpose, uint32_t *warned, uint64_t now_ns,
                           struct scanner **ret_scanner);
/* The session is going or gone (then NULL), or the scanner is: it hears and asks nothing any more, and the connections to
 * devices that go through it end. */
void wiring_detach(struct session *session, struct scanner *scanner);

#endif
