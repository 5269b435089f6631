/* SPDX-License-Identifier: MIT */
#include "engine/ticker.h"

#include "base/time.h"
#include "engine/handle.h"
#include <bleproxy/error.h>

/* The object's tick() is expected to end in ticker_update(); the ticker may be gone after it. */
static void ticker_fire(void *user)
{
    struct ticker *ticker = user;
    ticker->armed_ns = BP_NEVER;
    ticker->tick(ticker->user, loop_now());
}

static void ticker_on_timer(uv_timer_t *timer)
{
    ticker_fire(timer->data);
}

int ticker_init(struct ticker *ticker, struct bleproxy_loop *loop, uint64_t (*deadline)(void *user),
                void (*tick)(void *user, uint64_t now_ns), void *user)
{
    *ticker =
        (struct ticker){.loop = loop, .armed_ns = BP_NEVER, .deadline = deadline, .tick = tick, .user = user};
    turn_member_init(&ticker->due, ticker_fire, ticker);
    ticker->timer = handle_timer_new(loop->uv, ticker);
    return ticker->timer ? 0 : BLEPROXY_E_NOMEM;
}

void ticker_deinit(struct ticker *ticker)
{
    if (!ticker->timer)
        return;
    list_unlink(&ticker->due.link);
    handle_close((uv_handle_t *)ticker->timer);
    ticker->timer = NULL;
}

/* Not a timer of no delay: those that start one another would keep libuv from ever looking at sockets. */
void ticker_update(struct ticker *ticker)
{
    uint64_t deadline = ticker->deadline(ticker->user);
    if (ticker->is_background)
        uv_unref((uv_handle_t *)ticker->timer);
    else
        uv_ref((uv_handle_t *)ticker->timer);
    if (deadline == ticker->armed_ns)
        return;
    ticker->armed_ns = deadline;
    uv_timer_stop(ticker->timer);
    list_unlink(&ticker->due.link);
    uint64_t now = loop_now();
    if (deadline <= now) {
        turn_add(&ticker->loop->due, &ticker->due);
    } else if (deadline != BP_NEVER) {
        /* Rounded up: fired early, tick() would find nothing due. */
        uv_update_time(ticker->timer->loop);
        uv_timer_start(ticker->timer, ticker_on_timer, (deadline - now + NS_PER_MS - 1) / NS_PER_MS, 0);
    }
}
