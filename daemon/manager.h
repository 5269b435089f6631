/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MANAGER_H
#define DAEMON_MANAGER_H

#include "adapter.h"
#include "feed.h"

/* org.bleproxy1.Manager: what BlueZ's interfaces have no place for. docs/dbus/manager.md. */

struct manager {
    struct object *object;
    struct fleet *fleet;
    struct feed *feed;
    struct adapter *adapter;
};

#define MANAGER_BUS_NAME  "org.bleproxy1"
#define MANAGER_INTERFACE "org.bleproxy1.Manager"
#define MANAGER_ERROR     "org.bleproxy1.Error.Failed"

/* parent: of "bleproxy1". All of it is borrowed. 0 or a negative errno. */
int manager_init(struct manager *manager, struct object *parent, struct fleet *fleet, struct feed *feed,
                 struct adapter *adapter);
/* A connection has ended. */
void manager_tell_end(struct manager *manager, uint64_t address, const struct bleproxy_result *result);
/* Idempotent. */
void manager_deinit(struct manager *manager);

#endif
