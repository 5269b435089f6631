/* SPDX-License-Identifier: MIT */
#ifndef CLI_VISIT_H
#define CLI_VISIT_H

#include <stdbool.h>

/* Lobbies of bleproxyd (daemon/lobby.h), and whom to believe there: what is said names the bus that a program is given. */

#define VISIT_SYSTEM "/run/bleproxy"

/* Connects to the lobby in that directory. own: a bleproxyd of this user has to be there; else the directory's owner, which
 * nobody else may write to, or root. -1: no, with errno; EAGAIN: so many wait there that it has to be tried again. */
int visit_enter(const char *directory, bool own);
/* Whether it is one socket, by its path, and nothing else that D-Bus would have an address do. */
bool visit_is_address(const char *text);

#endif
