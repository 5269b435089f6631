/* SPDX-License-Identifier: MIT */
#include "central/operation.h"
#include "central/peripheral_private.h"
#include "central/reach.h"

static struct peripheral *peripheral_of(struct list *node)
{
    return list_entry(node, struct peripheral, node);
}

static struct bleproxy_operation *operation_of(struct list *node)
{
    return list_entry(node, struct bleproxy_operation, node);
}

int central_new(const struct central_config *config, struct central **ret_central)
{
    struct central *central = env_alloc(config->env, sizeof(*central));
    if (!central)
        return BLEPROXY_E_NOMEM;
    central->env = config->env;
    central->hub = config->hub;
    central->on_deadline = config->on_deadline;
    central->user = config->user;
    central->told_ns = BP_NEVER;
    cache_init(&central->cache, config->env);
    routing_init(&central->routing, config->env, config->hub, config->reference);
    queue_init(&central->queue);
    list_init(&central->operations);
    list_init(&central->peripherals);
    *ret_central = central;
    return 0;
}

void central_enter(struct central *central, uint64_t now_ns)
{
    central->now_ns = now_ns;
    central->depth++;
}

static void central_sweep(struct central *central)
{
    central->litter = false;
    list_for_each(node, &central->peripherals)
    {
        struct peripheral *peripheral = peripheral_of(node);
        if (!peripheral->freed)
            continue;
        list_unlink(node);
        env_free(central->env, peripheral);
    }
}

void central_leave(struct central *central)
{
    if (--central->depth > 0)
        return;
    if (central->litter)
        central_sweep(central);
    if (!central->freed || !list_empty(&central->peripherals))
        return;
    cache_deinit(&central->cache);
    env_free(central->env, central);
}

void central_free(struct central *central, uint64_t now_ns)
{
    if (!central || central->freed)
        return;
    central_enter(central, now_ns);
    central->freed = true;
    central->on_deadline = NULL;
    central->user = NULL;
    list_for_each(node, &central->peripherals) peripheral_shut(peripheral_of(node), now_ns);
    routing_deinit(&central->routing); /* the hub may be gone when the last peripheral is freed */
    central_leave(central);
}

void central_announce(struct central *central, uint64_t deadline_ns)
{
    if (deadline_ns >= central->told_ns)
        return;
    central->told_ns = deadline_ns;
    if (central->on_deadline)
        central->on_deadline(central->user);
}

uint64_t central_deadline(const struct central *central)
{
    uint64_t deadline_ns = queue_is_due(&central->queue) ? central->now_ns : BP_NEVER;
    list_for_each(node, &central->operations) deadline_ns =
        time_min(deadline_ns, operation_of(node)->deadline_ns);
    list_for_each(node, &central->peripherals) deadline_ns =
        time_min(deadline_ns, peripheral_of(node)->deadline_ns);
    return deadline_ns;
}

/* Each operation takes its turn once: those that callbacks begin, even if due, wait for the next tick. */
static void operations_tick(struct central *central, uint64_t now_ns)
{
    struct bleproxy_operation last = {.deadline_ns = BP_NEVER};
    list_append(&central->operations, &last.node);
    while (central->operations.next != &last.node) {
        struct bleproxy_operation *operation = operation_of(central->operations.next);
        list_unlink(&operation->node);
        list_append(&central->operations, &operation->node);
        if (operation->deadline_ns > now_ns)
            continue;
        operation->deadline_ns = BP_NEVER;
        operation->on_tick(operation, now_ns);
    }
    list_unlink(&last.node);
}

void central_tick(struct central *central, uint64_t now_ns)
{
    central_enter(central, now_ns);
    operations_tick(central, now_ns);
    list_for_each(node, &central->peripherals) peripheral_tick(peripheral_of(node), now_ns);
    queue_tick(central, now_ns);
    central->told_ns = central_deadline(central);
    central_leave(central);
}

void *central_user(const struct central *central)
{
    return central->user;
}

struct cache *central_cache(struct central *central)
{
    return &central->cache;
}

struct bonds *central_bonds(struct central *central)
{
    return &central->routing.bonds;
}

void central_set_reference(struct central *central, uint32_t reference)
{
    central->routing.reference = reference & BLEPROXY_RULE_ROUTING;
    queue_wake_anew(central);
}

int central_pin(struct central *central, uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    int r = pins_add(&central->routing.pins, address, proxy, kind);
    queue_wake_anew(central);
    return r;
}

int central_unpin(struct central *central, uint64_t address, const char *proxy, enum bleproxy_pin kind)
{
    int r = pins_remove(&central->routing.pins, address, proxy, kind);
    queue_wake_anew(central);
    return r;
}

int central_forget_bond(struct central *central, uint64_t address)
{
    int r = bonds_remove(&central->routing.bonds, address, 0);
    queue_wake_anew(central);
    return r;
}

size_t central_paths(const struct central *central, uint64_t address, struct bleproxy_path *paths, size_t max,
                     uint64_t now_ns)
{
    const struct route route = {.address = address};
    return route_list(&central->routing, &route, now_ns, paths, max);
}

char *central_explain_path(const struct central *central, uint64_t address, char *text, size_t size,
                           uint64_t now_ns)
{
    const struct route route = {.address = address};
    return reach_explain(&central->routing, &route, now_ns, text, size);
}
