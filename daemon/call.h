/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CALL_H
#define DAEMON_CALL_H

#include <stddef.h>
#include <systemd/sd-bus.h>

/* Calls of methods, theirs and ours: which method is meant, whether it may be called, and the answer. */

struct tree;

/* Of sd-bus: carries out any call to an object of the tree, which is user. */
int call_dispatch(sd_bus_message *call, void *user, sd_bus_error *error);
/* One that the tree's gate has kept: it is asked again. */
void call_resume(struct tree *tree, sd_bus_message *call);

/* Flush and answer: 0, or a negative errno. The call may be one that wants no reply. An answer that cannot be given, as for
 * want of descriptors, becomes an error: nobody waits in vain. */
int call_reply(struct tree *tree, sd_bus_message *call, const char *types, ...);
/* name is the whole name of the error. */
int call_fail(struct tree *tree, sd_bus_message *call, const char *name, const char *text);
/* The same with an answer that was made elsewhere; r: what came of making it. message goes. */
int call_finish(struct tree *tree, sd_bus_message *call, sd_bus_message *message, int r);
/* The answer is as large as so many usual ones: who has more of them than he reads gets no more. */
void call_charge(struct tree *tree, sd_bus_message *call, size_t n_messages);
/* Calls a program's method, after what waited; no reply is wanted. -EAGAIN: it does not read what it was sent before. */
int call_out(struct tree *tree, const char *destination, const char *path, const char *interface,
             const char *member, const char *types, ...);

/* The most frequent names. */
#define ERROR_FAILED            "org.bluez.Error.Failed"
#define ERROR_IN_PROGRESS       "org.bluez.Error.InProgress"
#define ERROR_NOT_READY         "org.bluez.Error.NotReady"
#define ERROR_INVALID_ARGUMENTS "org.bluez.Error.InvalidArguments"
#define ERROR_DOES_NOT_EXIST    "org.bluez.Error.DoesNotExist"
#define ERROR_ALREADY_EXISTS    "org.bluez.Error.AlreadyExists"
#define ERROR_NOT_SUPPORTED     "org.bluez.Error.NotSupported"
#define ERROR_NOT_PERMITTED     "org.bluez.Error.NotPermitted"
#define ERROR_NOT_CONNECTED     "org.bluez.Error.NotConnected"
#define ERROR_NOT_AUTHORIZED    "org.bluez.Error.NotAuthorized"
#define ERROR_BUS_INVALID_ARGS  "org.freedesktop.DBus.Error.InvalidArgs"

#endif
