/* SPDX-License-Identifier: MIT */
#include "engine/handle.h"
#include "engine/loop.h"

#include <stdlib.h>

struct bleproxy_timer {
    uv_timer_t *handle;
    void (*on_timer)(void *user);
    void *user;
};

static void timer_fired(uv_timer_t *handle)
{
    struct bleproxy_timer *timer = handle->data;
    timer->on_timer(timer->user);
}

int bleproxy_timer_new(struct bleproxy_loop *loop, uint32_t delay_ms, uint32_t repeat_ms,
                       void (*on_timer)(void *user), void *user, struct bleproxy_timer **ret_timer)
{
    struct bleproxy_timer *timer = malloc(sizeof(*timer));
    if (!timer)
        return BLEPROXY_E_NOMEM;
    *timer = (struct bleproxy_timer){handle_timer_new(loop->uv, timer), on_timer, user};
    if (!timer->handle) {
        free(timer);
        return BLEPROXY_E_NOMEM;
    }
    uv_update_time(loop->uv);
    uv_timer_start(timer->handle, timer_fired, delay_ms, repeat_ms);
    *ret_timer = timer;
    return 0;
}

void bleproxy_timer_free(struct bleproxy_timer *timer)
{
    if (!timer)
        return;
    handle_close((uv_handle_t *)timer->handle);
    free(timer);
}
