/* SPDX-License-Identifier: MIT */
#include "patience.h"

#include "support.h"

static void on_end(void *user)
{
    (void)user;
    fail_msg("nothing happened for %d s", PATIENCE_MS / 1000);
}

struct bleproxy_timer *patience_new(struct bleproxy_loop *loop)
{
    struct bleproxy_timer *timer;
    assert_int_equal(bleproxy_timer_new(loop, PATIENCE_MS, 0, on_end, NULL, &timer), 0);
    return timer;
}

void run_until(struct bleproxy_loop *loop, const int *what, int count)
{
    struct bleproxy_timer *patience = patience_new(loop);
    while (*what < count)
        bleproxy_loop_run(loop);
    bleproxy_timer_free(patience);
}
