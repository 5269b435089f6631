/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_LINK_H
#define DAEMON_LINK_H

#include "battery.h"
#include "device.h"

#include <systemd/sd-bus.h>

/* The way to a device: Connect, Disconnect, and what follows from both. A link belongs to the programs that asked for it:
 * when the last of them leaves the bus it is released, as proxies have few slots; except for devices that are trusted. */

struct gatt;

enum link_state { LINK_IDLE, LINK_CONNECTING, LINK_CONNECTED, LINK_DISCONNECTING };
enum {
    LINK_DEADLINE_MS = 20000, /* some D-Bus libraries wait for 25 s only */
    LINK_USERS_MAX = 256,
    LINK_WAITING_MAX = 256, /* calls */
};

struct link {
    struct device *device;
    struct bleproxy_peripheral *peripheral;
    enum link_state state;
    struct bleproxy_operation *operation;
    sd_bus_message *connecting; /* the call that waits for the connection: Connect, or Pair */
    bool pairs;                 /* which it is */
    sd_bus_message *pairing;    /* Pair over a connection that was there */
    struct bleproxy_operation *pairing_operation; /* that, or removing the bond */
    struct bleproxy_timer *pairing_timer;         /* its deadline */
    bool pairing_is_late;
    sd_bus_message **waiting; /* those that wait for its end */
    size_t n_waiting;
    bool remove; /* the device goes when the link has ended */
    char **users;
    size_t n_users;
    struct gatt *gatt; /* while connected */
    struct battery battery;
};

/* The methods of Device1, and RemoveDevice of Adapter1: they answer the call, now or later. */
int link_connect(struct device *device, sd_bus_message *call);
int link_disconnect(struct device *device, sd_bus_message *call);
int link_remove(struct device *device, sd_bus_message *call);
/* The device's, made if need be. NULL: no memory. */
struct link *link_get(struct device *device);
/* Connects, and answers the call when that is done: one of org.bleproxy1.Manager by guest_welcome(). It must be idle. */
int link_begin(struct link *link, sd_bus_message *call, const struct bleproxy_connect_options *options);
/* The program uses it from now on. 0; -ENOBUFS: too many do (LINK_USERS_MAX); -ENOMEM. */
int link_add_user(struct link *link, const char *sender);
/* Ends it if nobody uses it, and the device is not trusted (any more). */
void link_drop_unused(struct link *link);
/* The program does so no longer: answers the call when the link has ended, or at once if others use it. */
int link_release(struct link *link, sd_bus_message *call);
/* Ends it, whoever uses it. */
void link_drop(struct link *link);
/* The program may not write any more; it may not use the link. */
void link_forget_writer(struct link *link, const char *sender);
void link_forget_user(struct link *link, const char *sender);
/* A program has left the bus: both. */
void link_forget_client(struct link *link, const char *sender);
/* Without a word to anybody but the proxy; calls that wait are answered. NULL is fine. */
void link_free(struct link *link);

#endif
