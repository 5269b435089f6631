/* SPDX-License-Identifier: MIT */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "fleet.h"

/* The proxies of a bleproxyd that runs, for commands: a proxy has one subscriber, and that is the daemon. It tells which
 * proxies there are and how they do, and what they report. What it says is believed no more than what proxies say: it may be
 * anybody who owns the name. */

struct remote;

struct remote_ops {
    /* The one that this user's programs share (`bleproxy run`), else that of the system bus; DBUS_SYSTEM_BUS_ADDRESS alone
     * says which bus, where it is set. False: none runs, or the options name proxies that it does not have, or a
     * configuration. */
    bool (*find)(const struct options *options, struct remote **ret_remote);
    /* The daemon's proxies, or those of them that the options name, to where there are none. CLI_DONE, or an exit code after
     * saying why. */
    int (*take_proxies)(struct remote *remote, struct proxies *proxies);
    /* What they report comes from now on; active: they are to scan actively meanwhile. Members have scanners then instead of
     * managers, and are the daemon's proxies as they change. CLI_DONE, or an exit code after saying why. */
    int (*start)(struct remote *remote, struct fleet *fleet, bool active);
    /* The daemon is gone; the user was told. */
    bool (*is_over)(const struct remote *remote);
    /* Idempotent. */
    void (*stop)(struct remote *remote);
    void (*free)(struct remote *remote);
    /* As bleproxy_hub_paths() and bleproxy_hub_explain_path(), by the daemon; false: it does not answer. Both wait. */
    bool (*paths)(struct remote *remote, uint64_t address, struct bleproxy_path *paths, size_t max,
                  size_t *ret_n);
    bool (*explain)(struct remote *remote, uint64_t address, char *text, size_t size);
};
/* NULL in a build without D-Bus: then no daemon is looked for, and there is no struct remote. */
extern const struct remote_ops *const remote_ops;

#endif
