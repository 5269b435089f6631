/* SPDX-License-Identifier: MIT */
#include "proxy/gate.h"

void gate_init(struct gate *gate, unsigned max)
{
    *gate = (struct gate){.max = max > 0 ? max : GATE_DEFAULT};
    list_init(&gate->waiting);
}

bool gate_has_waiting(const struct gate *gate)
{
    return !list_empty(&gate->waiting);
}

void gate_pass_init(struct gate_pass *pass, struct gate *gate, void (*on_turn)(void *user), void *user)
{
    *pass = (struct gate_pass){.gate = gate, .on_turn = on_turn, .user = user};
}

static void let_in(struct gate_pass *pass)
{
    struct gate *gate = pass->gate;
    pass->is_inside = true;
    if (gate && ++gate->n_inside > gate->peak)
        gate->peak = gate->n_inside;
}

bool gate_enter(struct gate_pass *pass)
{
    struct gate *gate = pass->gate;
    if (pass->is_inside)
        return true;
    if (pass->is_waiting)
        return false;
    if (!gate || (gate->n_inside < gate->max && list_empty(&gate->waiting))) {
        let_in(pass);
        return true;
    }
    pass->is_waiting = true;
    list_append(&gate->waiting, &pass->node);
    return false;
}

static void stop_waiting(struct gate_pass *pass)
{
    list_unlink(&pass->node);
    pass->is_waiting = false;
}

void gate_leave(struct gate_pass *pass)
{
    struct gate *gate = pass->gate;
    if (pass->is_waiting)
        stop_waiting(pass);
    if (!pass->is_inside)
        return;
    pass->is_inside = false;
    if (!gate)
        return;
    gate->n_inside--;
    while (gate->n_inside < gate->max && !list_empty(&gate->waiting)) {
        struct gate_pass *next = list_entry(gate->waiting.next, struct gate_pass, node);
        stop_waiting(next);
        let_in(next);
        next->on_turn(next->user);
    }
}
