/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_HANDLE_H
#define ENGINE_HANDLE_H

#include <uv.h>

/* libuv gives a handle's memory back only after its close callback, when the object it served may be long
 * gone: so handles live on the heap, alone. */

/* A timer with data set to user, or NULL when there is no memory. */
uv_timer_t *handle_timer_new(uv_loop_t *uv, void *user);
/* The same for a callback in every turn of the loop. */
uv_idle_t *handle_idle_new(uv_loop_t *uv, void *user);
/* Stops and closes a handle and frees its memory afterwards. NULL is fine. No callback follows. */
void handle_close(uv_handle_t *handle);

#endif
