/* SPDX-License-Identifier: MIT */
#include "engine/manager.h"

#include <stdlib.h>

/* One start of many: told of each, and of the time limit; lives until the last manager has reported. */
struct managers_start {
    size_t n_pending, n_connected;
    struct bleproxy_timer *timer; /* NULL once on_done was called */
    bleproxy_managers_fn *on_done;
    void *user;
};

static void managers_done(struct managers_start *start)
{
    bleproxy_timer_free(start->timer);
    start->timer = NULL;
    if (start->on_done)
        start->on_done(start->user, start->n_connected);
}

static void managers_time_is_up(void *user)
{
    managers_done(user);
}

static void managers_one_started(void *user, int error)
{
    struct managers_start *start = user;
    if (error == 0)
        start->n_connected++;
    if (--start->n_pending > 0)
        return;
    if (start->timer)
        managers_done(start);
    free(start);
}

int bleproxy_managers_start(struct bleproxy_manager *const *managers, size_t n_managers, uint32_t timeout_ms,
                            bleproxy_managers_fn *on_done, void *user)
{
    if (n_managers == 0)
        return BLEPROXY_E_INVALID;
    for (size_t i = 0; i < n_managers; i++)
        if (managers[i]->started)
            return BLEPROXY_E_STATE;
    struct managers_start *start = malloc(sizeof(*start));
    if (!start)
        return BLEPROXY_E_NOMEM;
    /* One more than there are managers: the last report must not come while this loop runs. */
    *start = (struct managers_start){.n_pending = n_managers + 1, .on_done = on_done, .user = user};
    int r = bleproxy_timer_new(managers[0]->carrier.loop, timeout_ms, 0, managers_time_is_up, start,
                               &start->timer);
    if (r < 0) {
        free(start);
        return r;
    }
    for (size_t i = 0; i < n_managers; i++)
        if (bleproxy_manager_start(managers[i], managers_one_started, start) < 0)
            managers_one_started(start, BLEPROXY_E_STATE);
    managers_one_started(start, BLEPROXY_E_CANCELLED);
    return 0;
}
