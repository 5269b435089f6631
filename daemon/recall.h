/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_RECALL_H
#define DAEMON_RECALL_H

#include "adapter.h"
#include "memory.h"

/* Between the objects and what outlives them. */

/* What is to be kept of the adapter and its devices; and, with_paths, the objects that are on the bus. 0 or -ENOMEM. */
int recall_fill(const struct adapter *adapter, struct memory *memory, bool with_paths);
/* Into an adapter without devices: those that are remembered, and those that a proxy has a bond with; but for those that the
 * configuration denies, as if they had been removed. */
void recall_adapter(struct adapter *adapter, const struct memory *memory);
/* What proxies remember of devices that are known by their bond alone, as those that a command has paired; for when a proxy has
 * come. */
void recall_heard(struct adapter *adapter);
/* Tells that the objects of before are gone, as programs may believe that they are there, and connected: many do not see that
 * the daemon was away. Before those of now are told. */
void recall_tell_gone(const struct adapter *adapter, const struct memory *memory);

#endif
