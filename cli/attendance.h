/* SPDX-License-Identifier: MIT */
#ifndef CLI_ATTENDANCE_H
#define CLI_ATTENDANCE_H

#include "options.h"

#include <limits.h>
#include <sys/types.h>

/* The bleproxyd that a program is to use: one that runs already, of this user or of the system, or one that is started for
 * as long as anybody attends. Options that say which proxies, and $BLEPROXY_CONFIG, always start one, as another may have
 * others. */

enum { ATTENDANCE_LINE_SIZE = 1024 };

struct attendance {
    int fd;           /* to the daemon's lobby; -1: none */
    pid_t pid;        /* of the daemon if it was started for this; 0: it runs anyway */
    char *directory;  /* made for it alone, or NULL */
    int directory_fd; /* -1: none; while it is open nobody takes the directory for left behind */
    char address[ATTENDANCE_LINE_SIZE]; /* of the bus */
    char waiting[ATTENDANCE_LINE_SIZE]; /* why no proxy is connected */
    char line[ATTENDANCE_LINE_SIZE];    /* what has come of the next one */
    size_t line_size;
    bool is_ready;    /* a proxy is connected */
    bool is_hopeless; /* the daemon ended because no proxy can be used, and has said why of each */
};

/* Finds or starts it. signal_fd is readable when the wait is to be given up. CLI_DONE: a proxy is connected. CLI_INTERRUPTED:
 * given up, and nothing was said. Else an exit code after saying why. To be left in any case. */
int attendance_begin(struct attendance *attendance, const struct options *options, int signal_fd);
/* Leaves; a daemon that nobody else uses has ended, and what it had is gone, when it returns: unless it was there before and
 * never had a proxy. Idempotent. */
void attendance_end(struct attendance *attendance);

#endif
