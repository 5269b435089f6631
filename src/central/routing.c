/* SPDX-License-Identifier: MIT */
#include "central/routing.h"

void routing_init(struct routing *routing, const struct env *env, struct hub *hub, uint32_t reference)
{
    *routing = (struct routing){.hub = hub, .reference = reference & BLEPROXY_RULE_ROUTING};
    failures_init(&routing->failures, env);
    pins_init(&routing->pins, env, hub);
    bonds_init(&routing->bonds, env, hub);
    list_init(&routing->turns);
}

void routing_deinit(struct routing *routing)
{
    failures_deinit(&routing->failures);
    pins_deinit(&routing->pins);
    bonds_deinit(&routing->bonds);
}

void turn_begin(struct routing *routing, struct turn *turn, const struct scanner *scanner)
{
    *turn = (struct turn){.scanner = scanner};
    list_append(&routing->turns, &turn->node);
}

void turn_end(struct turn *turn)
{
    if (turn->node.next)
        list_unlink(&turn->node);
}

unsigned turns_all(const struct routing *routing, const struct scanner *scanner)
{
    unsigned n = 0;
    list_for_each(node, &routing->turns) n += list_entry(node, struct turn, node)->scanner == scanner;
    return n;
}

unsigned turns_on_radio(const struct routing *routing, const struct scanner *scanner)
{
    unsigned n = 0;
    list_for_each(node, &routing->turns)
    {
        const struct turn *turn = list_entry(node, struct turn, node);
        n += turn->scanner == scanner && !turn->is_up;
    }
    return n;
}
