/* SPDX-License-Identifier: MIT */
#ifndef PROXY_PROXY_PRIVATE_H
#define PROXY_PROXY_PRIVATE_H

#include "proxy/proxy.h"
#include "proxy/refused.h"
#include "proxy/settings.h"

/* For the files that make up the proxy. */
struct proxy {
    const struct env *env;
    const struct proxy_ops *ops;
    void *user;
    struct settings settings;

    enum bleproxy_proxy_state state, reported;
    uint64_t deadline_ns;  /* of the look-up, or the end of the pause; else BP_NEVER */
    uint64_t pause_end_ns; /* the end of the last pause, also while it waits for its turn after it */
    struct gate_pass pass; /* inside during an attempt, until it is ready */
    uint64_t patience_ns;  /* when it gives way, if others wait; BP_NEVER: it need not */
    bool is_resolving;
    struct dial *dial; /* while connecting */
    struct session *session;
    unsigned attempt;           /* the connection of the session, while it is open */
    struct net_address address; /* where it goes */
    bool is_open;
    bool resets;                  /* see proxy_resets() */
    struct refused refused;       /* left out as long as there is anywhere else to go */
    bool told_ready;              /* on_ready was called, on_down not yet */
    bool rejected;                /* the owner has no use for the session */
    struct session_end rejection; /* with an error: what on_down tells, for the session ended because of it */

    unsigned failures, failures_before; /* since the last success, and before that */
    uint64_t ready_ns;                  /* when the session became ready */
    bool was_brief;                     /* the last session was lost soon after that */
    bool deep_sleep;
    const char *doubt;   /* why a sign of life was asked for, which is awaited; NULL: none is */
    bool was_kicked;     /* the attempt took the place of one that was under way */
    uint64_t attempt_ns; /* when it began */
    uint64_t may_kick_ns, may_doubt_ns; /* not before */

    char expected_mac[13]; /* twelve digits: of proxy_expect_mac() */

    unsigned depth; /* calls on the stack */
    bool freed;
};

/* Around everything that may call back. */
void proxy_enter(struct proxy *proxy);
void proxy_leave(struct proxy *proxy);
/* In WAITING, with nothing under way, or just started: unless others are first. */
void proxy_begin_attempt(struct proxy *proxy, uint64_t now_ns);

#endif
