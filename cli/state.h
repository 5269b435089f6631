/* SPDX-License-Identifier: MIT */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include <stdbool.h>
#include <stddef.h>

/* The user's state directory, which is made when it is not there: $XDG_STATE_HOME/bleproxy, or
 * ~/.local/state/bleproxy. False when there is no place for it. */
bool state_directory(char *path, size_t size);
/* $XDG_RUNTIME_DIR. False when there is none, or it is another user's, as it is for root by some ways of becoming it: nothing
 * of ours is to be found, or left, there. */
bool runtime_directory(char *path, size_t size);

#endif
