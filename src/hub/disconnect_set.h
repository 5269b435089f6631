/* SPDX-License-Identifier: MIT */
#ifndef HUB_DISCONNECT_SET_H
#define HUB_DISCONNECT_SET_H

#include "base/env.h"

/* Callbacks that run when the connection to a proxy is lost; several scanners may share one. Counted references. */
struct disconnect_set;

typedef void disconnect_fn(void *user);

/* One reference for the caller. */
int disconnect_set_new(const struct env *env, struct disconnect_set **ret_set);
struct disconnect_set *disconnect_set_ref(struct disconnect_set *set);
void disconnect_set_unref(struct disconnect_set *set);
/* A pair is held once. 0 or BLEPROXY_E_NOMEM. */
int disconnect_set_add(struct disconnect_set *set, disconnect_fn *on_disconnect, void *user);
/* Nothing happens when the pair is not there. */
void disconnect_set_remove(struct disconnect_set *set, disconnect_fn *on_disconnect, void *user);
/* Calls each callback that is in the set when firing begins and still is when its turn comes; then the set is
 * empty. A callback may add (kept for the next firing), remove and unref. */
void disconnect_set_fire(struct disconnect_set *set);
size_t disconnect_set_size(const struct disconnect_set *set);

#endif
