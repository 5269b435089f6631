/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ERRORS_H
#define DAEMON_ERRORS_H

#include "tree.h"

#include <bleproxy/bleproxy.h>

/* What happened, in BlueZ's words: programs decide by them. */

enum { ERROR_TEXT_SIZE = 256, ERROR_ALL_SIZE = 1024 };

/* Why a connection was not made: "le-connection-timeout", and behind it what the library says. */
const char *error_connecting(const struct bleproxy_result *result, char text[ERROR_TEXT_SIZE]);
/* Why it has ended: "org.bluez.Reason.Remote". was_asked: for it. */
const char *error_reason(const struct bleproxy_result *result, bool was_asked);
/* Whether the call was sent to our own name, org.bleproxy1: such a program knows the library's errors. */
bool error_wants_all(sd_bus_message *call);
/* Answers it with all of the result, by the error org.bleproxy1.Error.Failed. docs/dbus/manager.md. */
int error_answer_all(struct tree *tree, sd_bus_message *call, const struct bleproxy_result *result);
/* Answers a call whose operation on an attribute failed. */
int error_answer(struct tree *tree, sd_bus_message *call, const struct bleproxy_result *result);
/* The same of an operation that could not be begun: a BLEPROXY_E_*. */
int error_answer_code(struct tree *tree, sd_bus_message *call, int error);

#endif
