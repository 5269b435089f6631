/* SPDX-License-Identifier: MIT */
#ifndef CLI_LOCK_H
#define CLI_LOCK_H

#include <bleproxy/proxy.h>
#include <stddef.h>

/* A proxy has one subscriber at a time, and on newer firmware the newest wins: commands that subscribe hold a
 * lock per proxy, so that one does not take it from another unawares. It ends with the process. */

enum { LOCK_NONE = -1, LOCK_HOLDER_SIZE = 80 };

/* 0 with a descriptor to close, or LOCK_NONE when there is no place for locks (after a warning, once).
 * BLEPROXY_E_STATE when another process has it: "process 1234 (bleproxy scan)" in ret_holder. command is what
 * others read. */
int lock_take(const struct bleproxy_proxy_config *proxy, const char *command, int *ret_fd,
              char ret_holder[LOCK_HOLDER_SIZE]);

#endif
