/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_NAP_H
#define ENGINE_NAP_H

#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Notices that the host was suspended: the loop's clock, and all timers with it, stood still meanwhile, but proxies have
 * given up on us. Steps of the wall clock mean nothing. Only on Linux: elsewhere the keepalive has to find out. */
struct nap {
    int fd; /* of a timer that never fires, but is cancelled when the wall clock is set, as it is then; -1: none */
    uv_poll_t *poll;
    uint64_t slept_ns; /* ever, as far as it was noticed */
    struct list members;
};

struct nap_member {
    struct list link;
    void (*on_wake)(
        void *user); /* may not join or leave; also when this host has come into another network */
    void *user;
};

/* Without it nothing is noticed: no failure. */
void nap_init(struct nap *nap, uv_loop_t *uv);
/* Idempotent. */
void nap_deinit(struct nap *nap);
void nap_join(struct nap *nap, struct nap_member *member);
void nap_leave(struct nap_member *member);
/* Tells the members. */
void nap_wake(struct nap *nap);
/* The clocks that do, and that do not, go on while the host is suspended. Members are told if they have gone apart. Whether
 * they were. */
bool nap_look(struct nap *nap, uint64_t with_sleep_ns, uint64_t without_sleep_ns);

#endif
