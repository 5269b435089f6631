/* SPDX-License-Identifier: MIT */
#include "hub/auto_private.h"

/* Somebody who asked for a sweep. */
struct bleproxy_sweep {
    struct list node;
    struct hub *hub;
    bleproxy_sweep_fn *on_done; /* NULL: it is over */
    void *user;
    uint64_t duration_ns;
    bool fresh; /* nothing was done for it yet: at the next tick */
    bool ended; /* to be told so at the next tick */
    bool swept; /* and that */
};

static struct bleproxy_sweep *sweep_of(struct list *node)
{
    return list_entry(node, struct bleproxy_sweep, node);
}

void sweeps_sweep(struct hub *hub)
{
    list_for_each(node, &hub->auto_scan.sweeps)
    {
        if (sweep_of(node)->on_done)
            continue;
        list_unlink(node);
        env_free(hub->env, sweep_of(node));
    }
}

/* Within hub_enter() and hub_leave(). */
static void sweep_complete(struct bleproxy_sweep *sweep, int error, bool swept)
{
    bleproxy_sweep_fn *on_done = sweep->on_done;
    sweep->on_done = NULL;
    sweep->hub->litter = true;
    if (on_done)
        on_done(sweep->user, error, swept);
}

void sweeps_end(struct hub *hub)
{
    hub->auto_scan.leader = NULL;
    list_for_each(node, &hub->auto_scan.sweeps) sweep_complete(sweep_of(node), BLEPROXY_E_CANCELLED, false);
}

int hub_sweep(struct hub *hub, uint32_t duration_ms, bleproxy_sweep_fn *on_done, void *user, uint64_t now_ns,
              struct bleproxy_sweep **ret_sweep)
{
    if (!on_done)
        return BLEPROXY_E_INVALID;
    if (hub->freed)
        return BLEPROXY_E_STATE;
    struct bleproxy_sweep *sweep = env_alloc(hub->env, sizeof(*sweep));
    if (!sweep)
        return BLEPROXY_E_NOMEM;
    sweep->hub = hub;
    sweep->on_done = on_done;
    sweep->user = user;
    sweep->duration_ns = auto_clamp((duration_ms > 0 ? duration_ms : BLEPROXY_SWEEP_DEFAULT_MS) * NS_PER_MS);
    sweep->fresh = true;
    list_append(&hub->auto_scan.sweeps, &sweep->node);
    hub_wake(hub, now_ns);
    if (ret_sweep)
        *ret_sweep = sweep;
    return 0;
}

/* What is under way is over for all who take part. */
static void end_all(struct hub *hub)
{
    hub->auto_scan.leader = NULL;
    list_for_each(node, &hub->auto_scan.sweeps)
    {
        struct bleproxy_sweep *sweep = sweep_of(node);
        if (sweep->fresh || sweep->ended || !sweep->on_done)
            continue;
        sweep->ended = true;
        sweep->swept = hub->auto_scan.swept;
    }
}

/* The windows that a leader has opened close at the next tick. */
static void abandon_windows(struct hub *hub)
{
    list_for_each(node, &hub->scanners)
    {
        struct auto_worker *worker = &list_entry(node, struct scanner, registered)->worker;
        if (worker->window == AUTO_WINDOW_SWEEP)
            worker->abandoned = true;
    }
    hub_wake(hub, 0);
}

void bleproxy_sweep_cancel(struct bleproxy_sweep *sweep)
{
    struct hub *hub = sweep->hub;
    if (!sweep->on_done)
        return;
    hub_enter(hub);
    bool swept = sweep->ended ? sweep->swept : !sweep->fresh && hub->auto_scan.swept;
    if (hub->auto_scan.leader == sweep) {
        abandon_windows(hub);
        end_all(hub);
    }
    sweep_complete(sweep, BLEPROXY_E_CANCELLED, swept);
    hub_leave(hub);
}

/* Takes back what open_all() has reserved when it was for nothing. */
static void settle_reserved(struct hub *hub, bool opened)
{
    list_for_each(node, &hub->scanners)
    {
        struct auto_worker *worker = &list_entry(node, struct scanner, registered)->worker;
        if (worker->is_reserved && !opened)
            worker->quiet_until_ns = worker->quiet_before_ns;
        worker->is_reserved = false;
    }
}

/* Every proxy in mode AUTO that is not connecting is to scan. Returns whether any does; then those that could not be told
 * begin nothing of their own until the end either, else all are as they were. */
static bool open_all(struct hub *hub, uint64_t duration_ns, enum auto_window window, uint64_t now_ns)
{
    const struct bleproxy_sweep *leader = hub->auto_scan.leader;
    uint64_t end_ns = time_after(now_ns, duration_ns);
    bool opened = false;
    struct scanner *scanner;
    for (hub_rewind(hub); (scanner = hub_visit(hub)) && hub->auto_scan.leader == leader;) {
        struct auto_worker *worker = &scanner->worker;
        if (!worker->running || scanner_is_connecting(scanner))
            continue;
        worker->is_reserved = worker->quiet_until_ns < end_ns;
        worker->quiet_before_ns = worker->quiet_until_ns;
        if (worker->is_reserved)
            worker->quiet_until_ns = end_ns;
        if (auto_window_open(hub, scanner, duration_ns, window, NULL, now_ns))
            opened = true;
    }
    settle_reserved(hub, opened);
    return opened;
}

static void sweep_begin(struct bleproxy_sweep *sweep, uint64_t now_ns)
{
    struct auto_scan *scan = &sweep->hub->auto_scan;
    uint64_t end_ns = time_after(now_ns, sweep->duration_ns), before_ns = scan->sweep_end_ns;
    sweep->fresh = false;
    if (!scan->leader) {
        scan->leader = sweep;
        scan->swept = false;
        scan->sweep_end_ns = end_ns;
        bool swept = open_all(sweep->hub, sweep->duration_ns, AUTO_WINDOW_SWEEP, now_ns);
        if (scan->leader == sweep)
            scan->swept = swept;
        else
            abandon_windows(sweep->hub); /* cancelled while proxies were told */
    } else if (end_ns > time_after(before_ns, AUTO_EXTEND_S * NS_PER_S)) {
        scan->sweep_end_ns = end_ns;
        if (open_all(sweep->hub, sweep->duration_ns, AUTO_WINDOW_EXTENSION, now_ns))
            scan->swept = true;
        else
            scan->sweep_end_ns = before_ns;
    }
}

uint64_t auto_sweeps_due(const struct hub *hub)
{
    const struct auto_scan *scan = &hub->auto_scan;
    if (!scan->leader)
        return BP_NEVER;
    return scan->swept ? scan->sweep_end_ns : 0;
}

void auto_sweeps_tick(struct hub *hub, uint64_t now_ns)
{
    struct list *sweeps = &hub->auto_scan.sweeps;
    const struct list *last = sweeps->prev; /* those that callbacks begin wait for the next tick */
    if (now_ns >= auto_sweeps_due(hub))
        end_all(hub);
    for (struct list *node = sweeps; node != last;) {
        node = node->next;
        if (sweep_of(node)->fresh && sweep_of(node)->on_done)
            sweep_begin(sweep_of(node), now_ns);
    }
    if (now_ns >= auto_sweeps_due(hub))
        end_all(hub);
    for (struct list *node = sweeps; node != last;) {
        node = node->next;
        if (sweep_of(node)->ended && sweep_of(node)->on_done)
            sweep_complete(sweep_of(node), 0, sweep_of(node)->swept);
    }
}
