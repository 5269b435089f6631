/* SPDX-License-Identifier: MIT */
#ifndef CLI_REMOTE_PRIVATE_H
#define CLI_REMOTE_PRIVATE_H

#include "remote.h"

#include <systemd/sd-bus.h>

/* The inside of remote.h, shared by its files. */

/* Calls a method of the daemon's manager and waits for the answer. 0 or more, or a negative errno. */
int remote_call(struct remote *remote, sd_bus_message **ret_reply, const char *method, const char *types,
                ...);
/* A row of an aa{sv}: read takes each of its entries, the key and the variant. 1; 0: there is none any more; or a negative
 * errno. */
int remote_next_row(sd_bus_message *message, int (*read)(sd_bus_message *message, void *row), void *row);
struct member *remote_find_member(struct remote *remote, uint64_t source);

#endif
