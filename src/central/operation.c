/* SPDX-License-Identifier: MIT */
#include "central/operation.h"

#include "central/central_private.h"

void *operation_new(struct central *central, size_t size, bleproxy_result_fn *on_done, void *user)
{
    struct bleproxy_operation *operation = env_alloc(central->env, size);
    if (!operation)
        return NULL;
    operation->central = central;
    operation->on_done = on_done;
    operation->user = user;
    operation->deadline_ns = BP_NEVER;
    list_append(&central->operations, &operation->node);
    return operation;
}

void operation_discard(struct bleproxy_operation *operation)
{
    list_unlink(&operation->node);
    env_free(operation->central->env, operation);
}

void operation_complete(struct bleproxy_operation *operation, const struct bleproxy_result *result)
{
    struct central *central = operation->central;
    central_enter(central, central->now_ns);
    list_unlink(&operation->node);
    operation->on_cancel = NULL;
    if (operation->on_done)
        operation->on_done(operation->user, result);
    env_free(central->env, operation);
    central_leave(central);
}

void operation_set_deadline(struct bleproxy_operation *operation, uint64_t deadline_ns)
{
    operation->deadline_ns = deadline_ns;
    central_announce(operation->central, deadline_ns);
}

void operation_cancel(struct bleproxy_operation *operation, uint64_t now_ns)
{
    struct central *central = operation->central;
    if (!operation->on_cancel)
        return;
    central_enter(central, now_ns);
    operation->on_cancel(operation, now_ns);
    central_leave(central);
}
