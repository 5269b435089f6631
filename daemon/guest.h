/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_GUEST_H
#define DAEMON_GUEST_H

#include "adapter.h"

/* What programs that know org.bleproxy1.Manager can do with a device beyond BlueZ's interfaces: connect it in a way of their
 * own, let go of it, and what the proxies remember of it. docs/dbus/manager.md. All of them answer the call, now or later. */

/* name: "": any; address 0: any. */
int guest_find(struct adapter *adapter, sd_bus_message *call, uint64_t address, const char *name);
/* Reads the options that follow, a{sv}. */
int guest_connect(struct adapter *adapter, sd_bus_message *call, uint64_t address);
int guest_release(struct adapter *adapter, sd_bus_message *call, uint64_t address);
int guest_pair(struct adapter *adapter, sd_bus_message *call, uint64_t address);
int guest_unpair(struct adapter *adapter, sd_bus_message *call, uint64_t address);
int guest_forget_bond(struct adapter *adapter, sd_bus_message *call, uint64_t address);
int guest_clear_cache(struct adapter *adapter, sd_bus_message *call, uint64_t address);
/* Reads the parameters that follow, qqqq. */
int guest_set_parameters(struct adapter *adapter, sd_bus_message *call, uint64_t address);

/* For link.c: whether the call is guest_connect()'s, and its answer once there is a connection. */
bool guest_is(sd_bus_message *call);
void guest_welcome(struct link *link, sd_bus_message *call);

#endif
