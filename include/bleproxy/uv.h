/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_UV_H
#define BLEPROXY_UV_H

#include <bleproxy/loop.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* libuv's own header, included above, needs what POSIX adds to C: -std=gnu11, or _GNU_SOURCE or _POSIX_C_SOURCE=200809L
 * with -std=c11. */

/* A bleproxy loop on the caller's own uv_loop_t, which the caller runs. Its handles keep uv_run() going while
 * there are managers or clients at work. After bleproxy_loop_free() run the uv loop once more before closing
 * it: the handles end there. Errors as bleproxy_loop_new(). */
int bleproxy_loop_new_uv(uv_loop_t *uv, const struct bleproxy_loop_options *options,
                         struct bleproxy_loop **ret_loop);

#ifdef __cplusplus
}
#endif
#endif
