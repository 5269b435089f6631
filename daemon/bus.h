/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_BUS_H
#define DAEMON_BUS_H

#include "watches.h"

#include <systemd/sd-bus.h>

/* The connection to a message bus, watched by the loop of the daemon. */
struct bus {
    sd_bus *sd;
    struct watches *watches;
    struct watch socket, timer; /* the timer is a timerfd, for what sd-bus waits for */
    int error;                  /* the connection is lost: a negative errno */
    bool is_behind;             /* more has come than was handled yet */
    bool has_caught_up;         /* it was: the bus may have dropped what it had for us meanwhile */
};

/* Connects; address NULL: the system bus, wherever DBUS_SYSTEM_BUS_ADDRESS says it is. 0 or a negative errno. */
int bus_open(struct bus *bus, struct watches *watches, const char *address);
/* Waits until the bus has let us in. False: it has not, within that time: whoever listens there may be stopped, and sd-bus
 * itself has much patience. */
bool bus_enter(struct bus *bus, uint32_t patience_us);
/* The only owner of that name, and nobody takes it from us. 0; -EEXIST: somebody else has it; another negative errno. */
int bus_claim(struct bus *bus, const char *name);
/* Handles what has come, for a few milliseconds, and sends what is to be sent. */
void bus_process(struct bus *bus);
/* Before the loop waits: what to wake up for. */
void bus_prepare(struct bus *bus);
/* Signals of strangers' advertisements have to wait: somebody does not read, and the queue grows. */
bool bus_is_congested(const struct bus *bus);
/* Sends what it can for at most half a second. Idempotent. */
void bus_close(struct bus *bus);

#endif
