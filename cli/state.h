/* SPDX-License-Identifier: MIT */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include <stdbool.h>
#include <stddef.h>

/* The user's state directory, which is made when it is not there: $XDG_STATE_HOME/bleproxy, or
 * ~/.local/state/bleproxy. False when there is no place for it. */
bool state_directory(char *path, size_t size);

#endif
