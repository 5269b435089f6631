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

static void handle_closed(uv_handle_t *handle)
{
    free(handle);
}

void handle_close(uv_handle_t *handle)
{
    if (handle)
        uv_close(handle, handle_closed);
}
