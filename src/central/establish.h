/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_ESTABLISH_H
#define CENTRAL_ESTABLISH_H

#include "central/peripheral.h"

/* bleproxy_peripheral_connect(): attempts through the best proxy of the moment until one succeeds, the failures are too
 * many, or the deadline comes. While no proxy can be tried it goes on as soon as one hears the device. options NULL:
 * defaults. 0, BLEPROXY_E_BUSY, BLEPROXY_E_NOMEM, or BLEPROXY_E_STATE when the central is freed. */
int establish_start(struct peripheral *peripheral, const struct bleproxy_connect_options *options,
                    bleproxy_result_fn *on_connected, void *user, uint64_t now_ns,
                    struct bleproxy_operation **ret_operation);

/* How a failed attempt counts and what pause it asks for before the next. Pure function of its result: the table of
 * bleak-retry-connector, by codes instead of texts. */
enum establish_class {
    ESTABLISH_FATAL,     /* no further attempt will change it */
    ESTABLISH_TIMEOUT,   /* counts */
    ESTABLISH_ERROR,     /* counts */
    ESTABLISH_TRANSIENT, /* counts by itself: the ninth is the last */
};
struct establish_verdict {
    enum establish_class class;
    uint64_t pause_ns;
};
struct establish_verdict establish_judge(const struct bleproxy_result *result);
enum { ESTABLISH_ATTEMPTS_DEFAULT = 4, ESTABLISH_TRANSIENT_MAX = 9 };

#endif
