/* SPDX-License-Identifier: MIT */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include "options.h"

#include <sys/types.h>

#define LAUNCH_NAME "bleproxyd"
enum { LAUNCH_NO_DAEMON = 127 }; /* its exit code when there is none */

/* Starts a bleproxyd with the proxies of the options and a message bus of its own in that directory. It is there for who has
 * the descriptor: its lobby, see daemon/lobby.h. Negative: no, see errno. */
pid_t launch_daemon(const struct options *options, const char *directory, int *ret_fd);

#endif
