/* SPDX-License-Identifier: MIT */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <signal.h>
#include <stdbool.h>

/* A program that is run in our place: it has the terminal, the standard descriptors and the process group that we have; what
 * only we are sent is passed on, what it does we do. */

enum { PROGRAM_NOT_FOUND = 127, PROGRAM_CANNOT_RUN = 126, PROGRAM_SIGNALLED = 128 };

/* Before anything is started for it: 0, or the exit code after saying why it cannot be run. */
int program_check(const char *name);
/* What the program is to have of signals: what we had. */
struct program_signals {
    sigset_t mask;
    struct sigaction child; /* ignored, it would keep from us that the program has ended */
};

/* From now on the signals that would end us wait in a descriptor, which is returned; -1: after saying why. Those that are
 * ignored do not end us. */
int program_hold_signals(struct program_signals *before);
/* Of one that has come before there was a program: the exit code. */
int program_interrupted(int signal_fd);
/* Runs it until it ends; argv ends with NULL. on_input is called when fd has something to read, or has come to its end, and
 * tells whether to go on watching it. The exit code: its own, or 128 and the number of the signal that ended it. */
int program_run(char *const *argv, int signal_fd, const struct program_signals *before, int fd,
                bool (*on_input)(int fd));

#endif
