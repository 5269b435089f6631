/* SPDX-License-Identifier: MIT */
#ifndef CLI_USERS_H
#define CLI_USERS_H

#include <stdbool.h>
#include <sys/types.h>

/* Users of this machine, as the configuration names them under `daemon`. */

/* By name or number. False: there is none of that name. */
bool users_find(const char *text, uid_t *ret_uid);
/* What is said then. */
#define USERS_NONE "there is no user '%s' here"

#endif
