/* SPDX-License-Identifier: MIT */
#include "engine/turn.h"

#include "engine/handle.h"
#include <bleproxy/error.h>

int turn_init(struct turn *turn, uv_loop_t *uv)
{
    list_init(&turn->members);
    turn->idle = handle_idle_new(uv, turn);
    return turn->idle ? 0 : BLEPROXY_E_NOMEM;
}

void turn_deinit(struct turn *turn)
{
    handle_close((uv_handle_t *)turn->idle);
    turn->idle = NULL;
}

void turn_member_init(struct turn_member *member, void (*run)(void *user), void *user)
{
    *member = (struct turn_member){.run = run, .user = user};
    list_init(&member->link);
}

static void turn_on_idle(uv_idle_t *idle)
{
    turn_run(idle->data);
}

void turn_add(struct turn *turn, struct turn_member *member)
{
    if (turn_awaits(member))
        return;
    list_append(&turn->members, &member->link);
    uv_idle_start(turn->idle, turn_on_idle);
}

/* Members may be added and gone while others run, and the last one may free the loop. */
void turn_run(struct turn *turn)
{
    struct list now;
    uv_idle_stop(turn->idle);
    list_init(&now);
    list_for_each(node, &turn->members)
    {
        list_unlink(node);
        list_append(&now, node);
    }
    while (!list_empty(&now)) {
        struct turn_member *member = list_entry(now.next, struct turn_member, link);
        list_unlink(&member->link);
        member->run(member->user);
    }
}
