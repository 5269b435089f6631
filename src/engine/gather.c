/* SPDX-License-Identifier: MIT */
#include "engine/gather.h"

#include "engine/handle.h"
#include "engine/loop.h"
#include <bleproxy/error.h>

/* A proxy with anything in range sends every 100 to 200 ms. */
enum { GATHER_IDLE_MS = 1000 };

int gather_init(struct gather *gather, struct bleproxy_loop *loop, uint32_t period_ms)
{
    *gather = (struct gather){.period_ms = period_ms};
    list_init(&gather->members);
    if (period_ms == 0)
        return 0;
    gather->timer = handle_timer_new(loop->uv, gather);
    return gather->timer ? 0 : BLEPROXY_E_NOMEM;
}

void gather_deinit(struct gather *gather)
{
    handle_close((uv_handle_t *)gather->timer);
    gather->timer = NULL;
}

void gather_join(struct gather *gather, struct gather_member *member)
{
    list_append(&gather->members, &member->link);
}

void gather_leave(struct gather_member *member)
{
    list_unlink(&member->link);
}

static void gather_set_holding(struct gather *gather, bool holding)
{
    gather->holding = holding;
    list_for_each(node, &gather->members)
    {
        struct gather_member *member = list_entry(node, struct gather_member, link);
        member->update(member->user);
    }
}

/* Members may leave and join while others are read, and the loop may be freed: a member that has had its turn
 * is back among the members before it is read. */
static void gather_round(uv_timer_t *timer)
{
    struct gather *gather = timer->data;
    struct list turn;
    bool any = false;
    list_init(&turn);
    while (!list_empty(&gather->members)) {
        struct list *node = gather->members.next;
        list_unlink(node);
        list_append(&turn, node);
    }
    while (!list_empty(&turn)) {
        struct gather_member *member = list_entry(turn.next, struct gather_member, link);
        list_unlink(&member->link);
        list_append(&gather->members, &member->link);
        any = member->read(member->user) || any;
    }
    gather->idle_rounds = any ? 0 : gather->idle_rounds + 1;
    if (gather->timer && gather->idle_rounds * gather->period_ms >= GATHER_IDLE_MS) {
        uv_timer_stop(gather->timer);
        gather_set_holding(gather, false);
    }
}

void gather_begin(struct gather *gather)
{
    if (!gather->timer || gather->holding)
        return;
    gather->idle_rounds = 0;
    uv_timer_start(gather->timer, gather_round, gather->period_ms, gather->period_ms);
    gather_set_holding(gather, true);
}
