/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_LOOP_H
#define ENGINE_LOOP_H

#include "base/env.h"
#include "base/list.h"
#include "engine/gather.h"
#include "engine/nap.h"
#include "engine/netwatch.h"
#include "engine/system_lookup.h"
#include "engine/timezone.h"
#include "engine/turn.h"
#include "engine/uplink.h"
#include "proxy/gate.h"
#include <bleproxy/loop.h>
#include <uv.h>

/* One read takes at most this much: some 90 full batches of advertisements. */
enum { LOOP_RECEIVE_SIZE = 64 * 1024 };

struct bleproxy_loop {
    uv_loop_t *uv; /* &own, or the caller's */
    uv_loop_t own;
    struct env env;
    struct bleproxy_loop_options options;
    struct gather gather;
    struct nap nap;
    struct netwatch netwatch; /* tells the uplink and multicast DNS */
    struct uplink uplink;
    struct gate gate;   /* all attempts to connect go through it */
    struct turn outbox; /* what is written in one turn leaves in one piece */
    struct turn due;    /* tickers whose deadline has come */
    bool running;       /* uv_run() is on the stack, and cannot be nested */
    char timezone[TIMEZONE_SIZE];
    uint64_t timezone_due_ns; /* when it is to be read again */
    uint8_t *receive;         /* shared by all sockets: what is in it is consumed before the next read */
    struct mdns *mdns;        /* NULL before it is needed */
    struct system_lookups lookups;
    uv_idle_t end; /* its closing is the last of it on the caller's loop */
};

/* Both backends of bleproxy_loop_new(). */
int loop_new(uv_loop_t *uv, const struct bleproxy_loop_options *options, struct bleproxy_loop **ret_loop);

static inline uint64_t loop_now(void)
{
    return uv_hrtime();
}

#endif
