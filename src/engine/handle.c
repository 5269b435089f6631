/* SPDX-License-Identifier: MIT */
#include "engine/handle.h"

#include <stdlib.h>

uv_timer_t *handle_timer_new(uv_loop_t *uv, void *user)
{
    uv_timer_t *timer = malloc(sizeof(*timer));
    if (!timer)
        return NULL;
    uv_timer_init(uv, timer);
    timer->data = user;
    return timer;
}

uv_idle_t *handle_idle_new(uv_loop_t *uv, void *user)
{
    uv_idle_t *idle = malloc(sizeof(*idle));
    if (!idle)
        return NULL;
    uv_idle_init(uv, idle);
    idle->data = user;
    return idle;
}

static void handle_closed(uv_handle_t *handle)
{
    free(handle);
}

void handle_close(uv_handle_t *handle)
{
    if (handle)
        uv_close(handle, handle_closed);
}
