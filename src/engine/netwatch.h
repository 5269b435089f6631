/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NETWATCH_H
#define ENGINE_NETWATCH_H

#include <stdbool.h>
#include <uv.h>

/* Tells when this host's network interfaces or their addresses may be others, if the system does: Linux's. Does not keep
 * the loop running. Zero before the start. */
struct netwatch {
    struct netwatch_socket *socket; /* NULL: not watching */
};

/* Idempotent. Where it cannot be had, nothing is ever told. */
void netwatch_start(struct netwatch *watch, uv_loop_t *uv, void (*on_change)(void *user), void *user);
/* No call follows. Idempotent. */
void netwatch_stop(struct netwatch *watch);
static inline bool netwatch_is_on(const struct netwatch *watch)
{
    return watch->socket != NULL;
}

#endif
