/* SPDX-License-Identifier: MIT */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Where daemons of `bleproxy run` have their message buses: the shared one in "bus", each of those that are for one program
 * in "run-XXXXXX", both in $XDG_RUNTIME_DIR/bleproxy; without that "/tmp/bleproxy-run-XXXXXX". */

enum {
    PLACE_SIZE = PATH_MAX + 32,
    PLACE_ADDRESS_SIZE = 512, /* "unix:path=", and each byte of a path of a socket as "%2f" */
};

/* $XDG_RUNTIME_DIR/bleproxy, made if it must be. False: there is none, or it is not this user's alone. */
bool place_find(char *path, size_t size);
/* The address of the bus of the shared daemon, where nobody else can have put one. Makes nothing. False: there is none. */
bool place_find_bus(char address[PLACE_ADDRESS_SIZE]);
/* A new directory in that place, NULL: in /tmp, and a descriptor that says that it is used, for as long as it is open.
 * Negative: no, see errno. */
int place_make(const char *place, char path[PLACE_SIZE]);
/* Removes what place_make() has made, and the files of a daemon that was killed there. Takes fd. */
void place_remove(int fd, const char *path);
/* Removes all that was left by those that were killed together with their daemons. place may be NULL. */
void place_sweep(const char *place);

#endif
