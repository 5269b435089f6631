/* SPDX-License-Identifier: MIT */
#ifndef CLI_MEMBER_H
#define CLI_MEMBER_H

#include "proxies.h"

#include <bleproxy/bleproxy.h>

/* A proxy of a fleet, its connection, and what a user is told of both. */

struct fleet;

struct member {
    struct fleet *fleet;
    const struct target *target;
    struct bleproxy_manager *manager; /* NULL: it was never tried, or a daemon has it */
    struct bleproxy_scanner *scanner; /* of a daemon's; stays when that ends, with what was heard */
    char state[24];                   /* of a daemon's: what that says */
    int lock;                         /* descriptor, or LOCK_NONE */
    char label[64];                   /* what it is called to the user, sanitised */
    char firmware[32];                /* sanitised; "" while unknown */
    uint64_t source;                  /* 0 while unknown */
    bool is_new;                      /* it came with a new configuration, and is not started yet */
    bool was_ready, is_ready, encrypted;
    int error;           /* how the last attempt failed, or 0 */
    char text[256];      /* the same in words */
    uint64_t lost_ns;    /* when its connection was last lost; 0: never */
    char lost_text[256]; /* why */
    uint64_t warned_ns;
    uint64_t heard_ns; /* last report, or when it connected */
    bool told_silent;  /* the user was, since it connected */
    uint64_t reports;  /* ever */
    /* Kept by fleet_measure(). */
    uint64_t reports_before;
    double rate;      /* of reports, a second */
    size_t n_devices; /* which it hears */
};

/* Its lock, a manager for it, and its start. CLI_DONE, also where another program has the proxy, which is said; or an exit code
 * after saying why. */
int member_start(struct member *member);
/* It has moved: what becomes of its connection is told to it here. */
void member_watch(struct member *member);
/* What the user calls it now. What it calls itself stays, where that counts. */
void member_label(struct member *member);
/* Waiting does not help: somebody must change a key, a name or an address first. */
bool member_is_final(const struct member *member);

/* While it is connected, else NULL. */
struct bleproxy_scanner *member_scanner(const struct member *member);
/* "connected", "silent", "waiting", ... */
const char *member_state(const struct member *member);
/* Nothing comes from it although it is connected. */
bool member_is_silent(const struct member *member);
/* Of one that is silent: "silent", "robbed", "refused" or "deaf", and what that means. */
const char *member_silence(const struct member *member, const char **ret_text);
/* When the next attempt begins, for one that waits: "; next attempt in 34 s", "; next attempt when it is its turn"; else "". */
const char *member_wait(const struct member *member, char *text, size_t size);
/* A reason without the proxy's name that it may begin with, where that stands before it already: "kitchen requires
 * encryption". */
const char *member_reason(const struct member *member, const char *text);

#endif
