/* SPDX-License-Identifier: MIT */
#include "engine/nap.h"

#include "base/time.h"
#include "engine/handle.h"
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/timerfd.h>
#endif

#define SLEPT_NS NS_PER_S /* less is not worth a look */

void nap_wake(struct nap *nap)
{
    list_for_each(node, &nap->members)
    {
        const struct nap_member *member = list_entry(node, struct nap_member, link);
        member->on_wake(member->user);
    }
}

bool nap_look(struct nap *nap, uint64_t with_sleep_ns, uint64_t without_sleep_ns)
{
    uint64_t slept_ns = with_sleep_ns > without_sleep_ns ? with_sleep_ns - without_sleep_ns : 0;
    bool has_slept = slept_ns > nap->slept_ns && slept_ns - nap->slept_ns >= SLEPT_NS;
    nap->slept_ns = slept_ns;
    if (has_slept)
        nap_wake(nap);
    return has_slept;
}

void nap_join(struct nap *nap, struct nap_member *member)
{
    list_append(&nap->members, &member->link);
}

void nap_leave(struct nap_member *member)
{
    list_unlink(&member->link);
}

#ifdef __linux__
static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* 0 or -1. */
static int nap_arm(const struct nap *nap)
{
    const struct itimerspec never = {.it_value.tv_sec =
                                         INT32_MAX}; /* 2038: then it fires once, and is armed anew */
    return timerfd_settime(nap->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void nap_on_clock_set(uv_poll_t *poll, int status, int events)
{
    struct nap *nap = poll->data;
    uint64_t expirations;
    (void)status, (void)events;
    if (read(nap->fd, &expirations, sizeof(expirations)) >= 0 || nap_arm(nap) < 0)
        uv_poll_stop(poll); /* rather none than one that fires without end */
    nap_look(nap, clock_ns(CLOCK_BOOTTIME), clock_ns(CLOCK_MONOTONIC));
}

void nap_init(struct nap *nap, uv_loop_t *uv)
{
    *nap = (struct nap){.fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)};
    list_init(&nap->members);
    nap_look(nap, clock_ns(CLOCK_BOOTTIME), clock_ns(CLOCK_MONOTONIC));
    nap->poll = nap->fd >= 0 && nap_arm(nap) == 0 ? malloc(sizeof(*nap->poll)) : NULL;
    if (nap->poll && uv_poll_init(uv, nap->poll, nap->fd) < 0) {
        free(nap->poll);
        nap->poll = NULL;
    }
    if (!nap->poll)
        return;
    nap->poll->data = nap;
    uv_poll_start(nap->poll, UV_READABLE, nap_on_clock_set);
    uv_unref((uv_handle_t *)nap->poll); /* a loop that waits for nothing else ends */
}
#else
void nap_init(struct nap *nap, uv_loop_t *uv)
{
    (void)uv;
    *nap = (struct nap){.fd = -1};
    list_init(&nap->members);
}
#endif

void nap_deinit(struct nap *nap)
{
    if (nap->poll) {
        uv_poll_stop(nap->poll);
        handle_close((uv_handle_t *)nap->poll);
    }
    nap->poll = NULL;
    if (nap->fd >= 0)
        close(nap->fd);
    nap->fd = -1;
}
