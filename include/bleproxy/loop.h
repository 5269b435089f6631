/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_LOOP_H
#define BLEPROXY_LOOP_H

#include <bleproxy/error.h>
#include <bleproxy/log.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The event loop everything else lives on. One thread at a time; the library starts none of its own, except
 * for each look-up of a host name that is not an IP address. Three ways to run it:
 *   - bleproxy_loop_run()
 *   - in a foreign loop: watch bleproxy_loop_fd() for reading and bleproxy_loop_timeout_ms(), then call
 *     bleproxy_loop_process()
 *   - on the caller's uv_loop_t: see <bleproxy/uv.h> */
struct bleproxy_loop;

/* Zero-initialised means the defaults. */
struct bleproxy_loop_options {
    bleproxy_log_fn *on_log; /* NULL: no log */
    void *log_user;
    enum bleproxy_log_level log_level; /* the most talkative level wanted */
    /* Advertisements may be this late, 0 to 1000 ms: those of many proxies are then taken in together, which
     * saves most of the wake-ups. Answers to requests, and what connected devices say, are never held back. */
    uint32_t gather_ms;
    /* So many connections to proxies are attempted at a time, over all of the loop: others wait for their turn, first come,
     * first served. One that has had no answer for 10 s gives way to them, as a failure. 0: 8. */
    uint32_t attempts_max;
};

/* options NULL: defaults. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID, BLEPROXY_E_IO. */
int bleproxy_loop_new(const struct bleproxy_loop_options *options, struct bleproxy_loop **ret_loop);
/* Everything made on the loop must be freed before. Not from within a callback, unless the loop lives on the
 * caller's uv_loop_t. NULL is fine. */
void bleproxy_loop_free(struct bleproxy_loop *loop);

/* Runs until bleproxy_loop_stop(), or until nothing is left to wait for. Not on the caller's own uv_loop_t.
 * Does nothing from within a callback. */
void bleproxy_loop_run(struct bleproxy_loop *loop);
/* Makes the current or next run return. From callbacks only: not from other threads or signal handlers. */
void bleproxy_loop_stop(struct bleproxy_loop *loop);

/* For foreign loops. The descriptor polls readable when there is something to do; it is the loop's, do not
 * close it. The timeout counts from the call: -1 is forever; ask again after each bleproxy_loop_process() and
 * after each other call into the library. */
int bleproxy_loop_fd(const struct bleproxy_loop *loop);
int bleproxy_loop_timeout_ms(const struct bleproxy_loop *loop);
/* Does what is due without waiting. Nothing from within a callback. */
void bleproxy_loop_process(struct bleproxy_loop *loop);

/* The loop's clock: monotonic nanoseconds, as advertisements carry it. */
uint64_t bleproxy_loop_now_ns(const struct bleproxy_loop *loop);

/* Calls on_timer after delay_ms, then every repeat_ms (0: once). The timer is the caller's until it is freed,
 * also after it has fired; freeing it in its callback is fine. 0 or BLEPROXY_E_NOMEM. */
struct bleproxy_timer;
int bleproxy_timer_new(struct bleproxy_loop *loop, uint32_t delay_ms, uint32_t repeat_ms,
                       void (*on_timer)(void *user), void *user, struct bleproxy_timer **ret_timer);
/* NULL is fine. */
void bleproxy_timer_free(struct bleproxy_timer *timer);

#ifdef __cplusplus
}
#endif
#endif
