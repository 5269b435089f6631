/* SPDX-License-Identifier: MIT */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "fleet.h"

/* The proxies of a bleproxyd that runs, for commands: a proxy has one subscriber, and that is the daemon. It tells which
 * proxies there are and how they do, and what they report. */

struct remote;

/* False: no daemon runs on the system bus, or the options name proxies that it does not have. */
bool remote_find(const struct options *options, struct remote **ret_remote);
/* The daemon's proxies, or those of them that the options name, instead of the configuration's. CLI_DONE, or an exit code after
 * saying why. */
int remote_take_proxies(struct remote *remote, struct fleet *fleet);
/* What they report comes from now on; active: they are to scan actively meanwhile. Members have scanners then instead of
 * managers. CLI_DONE, or an exit code after saying why. */
int remote_start(struct remote *remote, struct fleet *fleet, bool active);
/* Idempotent. */
void remote_stop(struct remote *remote);
/* NULL is fine. */
void remote_free(struct remote *remote);

/* As bleproxy_hub_paths() and bleproxy_hub_explain_path(), by the daemon; false: it does not answer. */
bool remote_paths(struct remote *remote, uint64_t address, struct bleproxy_path *paths, size_t max,
                  size_t *ret_n);
bool remote_explain(struct remote *remote, uint64_t address, char *text, size_t size);

#endif
