/* SPDX-License-Identifier: MIT */
#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include "base/env.h"
#include "base/net_address.h"
#include "base/time.h"

enum { DIAL_ADDRESSES_MAX = 16 }; /* of a longer list the rest is ignored */

/* An attempt is a number below DIAL_ADDRESSES_MAX; it is free for another attempt once it failed or was
 * closed. */
struct dial_ops {
    /* Starts a TCP connection; dial_connected() or dial_failed() with the same attempt follows, also from
     * within. */
    void (*open)(void *user, unsigned attempt, const struct net_address *address, uint64_t now_ns);
    /* Gives an attempt up. No call about it follows. */
    void (*close)(void *user, unsigned attempt);
    /* The dial is over: error 0 and the attempt that won (the others are closed), or BLEPROXY_E_CONNECT or
     * BLEPROXY_E_TIMEOUT after the last, with what went wrong last in text ("connection refused"). At most
     * once. */
    void (*on_done)(void *user, int error, unsigned attempt, const char *text, uint64_t now_ns);
};

/* Happy eyeballs (RFC 8305) as the reference client does it: the families interleaved, an attempt started
 * every 0.1 s or as soon as the one before failed; a round has a time limit; a round that failed drops the
 * first address of each family and tries the rest, but not after the second round that met its limit: the addresses may
 * be out of date. */
struct dial;

/* addresses are copied; round_ns limits each round. 0, BLEPROXY_E_NOMEM, or BLEPROXY_E_INVALID when there are
 * none. */
int dial_new(const struct env *env, const struct dial_ops *ops, void *user,
             const struct net_address *addresses, size_t n_addresses, uint64_t round_ns,
             struct dial **ret_dial);
/* Closes what is open, but not the attempt that won; on_done is not called. NULL is fine. Allowed in
 * callbacks. */
void dial_free(struct dial *dial);
/* Opens the first connection; on_done may come from within. Once. */
void dial_start(struct dial *dial, uint64_t now_ns);
void dial_connected(struct dial *dial, unsigned attempt, uint64_t now_ns);
void dial_failed(struct dial *dial, unsigned attempt, const char *why, uint64_t now_ns);
/* Where an attempt goes. */
struct net_address dial_address(const struct dial *dial, unsigned attempt);
uint64_t dial_deadline(const struct dial *dial);
void dial_tick(struct dial *dial, uint64_t now_ns);

#endif
