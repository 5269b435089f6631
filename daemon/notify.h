/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "acquired.h"
#include "tree.h"

#include <bleproxy/bleproxy.h>

/* Notifications of a characteristic for those who want them: any number of programs by signals (StartNotify), or one by a
 * socket (AcquireNotify). The daemon itself may watch besides, of which programs see nothing.
 * The device is told to send them while there is anybody. */

struct notify_ops {
    /* Which of the two properties may have changed. */
    void (*on_notifying)(void *user);
    void (*on_acquired)(void *user);
    void (*on_value)(void *user, const uint8_t *value, size_t size);   /* for those who go by signals */
    void (*on_watched)(void *user, const uint8_t *value, size_t size); /* for the daemon itself */
};

enum notify_state { NOTIFY_OFF, NOTIFY_STARTING, NOTIFY_ON, NOTIFY_STOPPING };
enum { NOTIFY_SESSIONS_MAX = 256 };

struct notify {
    struct tree *tree;
    struct watches *watches;
    struct bleproxy_loop *loop;
    struct bleproxy_peripheral *peripheral;
    uint16_t handle;
    const struct notify_ops *ops;
    void *user;
    enum notify_state state;
    struct bleproxy_operation *operation;
    struct notify_session *sessions;
    size_t n_sessions;
    sd_bus_message *acquiring; /* AcquireNotify that waits for the device */
    struct acquired acquired;
    bool is_watched;
};

/* All of it is borrowed. */
void notify_init(struct notify *notify, struct tree *tree, struct watches *watches,
                 struct bleproxy_loop *loop, struct bleproxy_peripheral *peripheral, uint16_t handle,
                 const struct notify_ops *ops, void *user);
/* The connection has ended: calls that wait are answered, the socket is closed, nobody is told. Idempotent. */
void notify_deinit(struct notify *notify);

/* The methods: they answer the call, now or later. The characteristic is known to have the property. */
int notify_start(struct notify *notify, sd_bus_message *call);
int notify_stop(struct notify *notify, sd_bus_message *call);
int notify_acquire(struct notify *notify, sd_bus_message *call);
/* The daemon itself wants them, until the connection ends or the device refuses. */
void notify_watch(struct notify *notify);
/* A program has left the bus. */
void notify_forget(struct notify *notify, const char *sender);

bool notify_is_notifying(const struct notify *notify);
bool notify_is_acquired(const struct notify *notify);

#endif
