/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include "adapter.h"
#include "cli/fleet.h"

/* What a service manager is told (sd_notify(3)): that it is ready, how it is, and that it is alive. */
struct service {
    struct fleet *fleet;
    struct adapter *adapter;
    void (*on_status)(void *user); /* each second */
    void *user;
    struct bleproxy_timer *status_timer, *watchdog_timer;
    char status[128]; /* as it was told last */
};

/* After the fleet has started; all is borrowed. 0 or a BLEPROXY_E_*. */
int service_start(struct service *service);
/* Tells the status if it is another one. */
void service_update(struct service *service);
/* It is leaving. Idempotent. */
void service_stop(struct service *service);
/* Why no proxy is connected, in words: "kitchen: cannot connect to ...; and 2 others". */
void service_explain_waiting(const struct fleet *fleet, char *text, size_t size);

#endif
