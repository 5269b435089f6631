/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PRIVATE_BUS_H
#define DAEMON_PRIVATE_BUS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

/* A message bus of the daemon's own: dbus-daemon, in a directory that only its user may enter. All who are on it run as the
 * same user, so no rule can tell the daemon from them by that. What can be told is who owns a name: a program gets signals
 * of none but the owner of org.bluez, and once that is the daemon nobody may own anything. This holds for programs that use
 * the bus; one that rewrites the files in the directory, as the same user may, is not kept from anything. */

enum { PRIVATE_BUS_ADDRESS_SIZE = 384 }; /* a socket's path, with up to three characters for each */

struct private_bus {
    char directory[PATH_MAX];
    char address[PRIVATE_BUS_ADDRESS_SIZE]; /* "unix:path=..." */
    int lock_fd;                            /* held for as long as the directory is ours; -1: none */
    bool is_ours;                           /* the directory: it goes at the end */
    pid_t pid;                              /* of dbus-daemon; 0: none */
};

/* Makes the directory, if it must be, which then is_ours, and starts the bus in it. shows_log: what dbus-daemon says goes to
 * standard error. CLI_DONE, or an exit code after saying why; to be closed in either case. */
int private_bus_open(struct private_bus *bus, const char *directory, bool shows_log);
/* Why nobody can connect to it, if this user is to blame: true after saying it. */
bool private_bus_explain(void);
/* The connection owns org.bluez and org.bleproxy1: from now on nobody may own, or wait for, any name. 0 or a negative errno;
 * -EBUSY: somebody waits for one of them already, and would count as an owner. */
int private_bus_seal(struct private_bus *bus, sd_bus *connection);
/* Ends it, for at most a second, and removes what it had in the directory, and that if it is ours: one that was there before
 * may be mounted elsewhere, and has to be the same the next time. Idempotent. */
void private_bus_close(struct private_bus *bus);

#endif
