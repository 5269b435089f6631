/* SPDX-License-Identifier: MIT */
#include "engine/ticker.h"

#include "base/time.h"
#include "engine/handle.h"
#include <bleproxy/error.h>

int ticker_init(struct ticker *ticker, uv_loop_t *uv, uint64_t (*deadline)(void *user),
                void (*tick)(void *user, uint64_t now_ns), void *user)
{
    *ticker = (struct ticker){.armed_ns = BP_NEVER, .deadline = deadline, .tick = tick, .user = user};
    ticker->timer = handle_timer_new(uv, ticker);
    return ticker->timer ? 0 : BLEPROXY_E_NOMEM;
}

void ticker_deinit(struct ticker *ticker)
{
    handle_close((uv_handle_t *)ticker->timer);
    ticker->timer = NULL;
}

/* The object's tick() is expected to end in ticker_update(); the ticker may be gone after it. */
static void ticker_fired(uv_timer_t *timer)
{
    struct ticker *ticker = timer->data;
    ticker->armed_ns = BP_NEVER;
    ticker->tick(ticker->user, uv_hrtime());
}

void ticker_update(struct ticker *ticker)
{
    uint64_t deadline = ticker->deadline(ticker->user);
    if (deadline == ticker->armed_ns)
        return;
    ticker->armed_ns = deadline;
    if (deadline == BP_NEVER) {
        uv_timer_stop(ticker->timer);
        return;
    }
    uint64_t now = uv_hrtime();
    /* Rounded up: fired early, tick() would find nothing due. */
    uint64_t delay_ms = deadline > now ? (deadline - now + NS_PER_MS - 1) / NS_PER_MS : 0;
    uv_update_time(ticker->timer->loop);
    uv_timer_start(ticker->timer, ticker_fired, delay_ms, 0);
}
