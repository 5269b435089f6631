/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MANAGER_H
#define DAEMON_MANAGER_H

#include "feed.h"

/* org.bleproxy1.Manager: what BlueZ's interfaces have no place for. docs/dbus/manager.md. */

struct manager {
    struct object *object;
    struct fleet *fleet;
    struct feed *feed;
};

#define MANAGER_BUS_NAME "org.bleproxy1"

/* parent: of "bleproxy1". All of it is borrowed. 0 or a negative errno. */
int manager_init(struct manager *manager, struct object *parent, struct fleet *fleet, struct feed *feed);
/* Idempotent. */
void manager_deinit(struct manager *manager);

#endif
