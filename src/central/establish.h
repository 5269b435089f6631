/* SPDX-License-Identifier: MIT */
#ifndef CENTRAL_ESTABLISH_H
#define CENTRAL_ESTABLISH_H

#include "central/peripheral.h"

/* bleproxy_peripheral_connect(): attempts through the best proxy of the moment until one succeeds, the failures are too
 * many, or the deadline comes. While no proxy can be had it waits in the central's queue, and goes on as soon as one can.
 * options NULL: defaults. 0, BLEPROXY_E_BUSY, BLEPROXY_E_NOMEM, or BLEPROXY_E_STATE when the central is freed. */
int establish_start(struct peripheral *peripheral, const struct bleproxy_connect_options *options,
                    bleproxy_result_fn *on_connected, void *user, uint64_t now_ns,
                    struct bleproxy_operation **ret_operation);

enum { ESTABLISH_ATTEMPTS_DEFAULT = 4, ESTABLISH_TRANSIENT_MAX = 9 };

#endif
