/* SPDX-License-Identifier: MIT */
#ifndef SIM_NET_CONTROL_H
#define SIM_NET_CONTROL_H

#include "sim/net.h"

/* A Unix socket on which the virtual proxies are told what befalls them (sim/control.h). Each line is answered by
 * "ok", or by "error: " and why, on a line of its own; list says one line for each proxy before that. */

struct net;
struct net_control;

enum { NET_CONTROL_CLIENTS_MAX = 8 }; /* more are turned away */

/* Only its owner may use the socket; one that nobody listens on any more is replaced. 0, or a negative
 * BLEPROXY_E_* and a sentence. */
int net_control_open(struct net *net, const char *path, struct net_control **ret_control,
                     char why[NET_TEXT_MAX]);
/* Removes the socket. Freed by the loop. */
void net_control_close(struct net_control *control);

#endif
