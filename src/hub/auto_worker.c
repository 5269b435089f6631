/* SPDX-License-Identifier: MIT */
#include "hub/auto_private.h"

void auto_worker_init(struct auto_worker *worker, struct scanner *scanner)
{
    worker->scanner = scanner;
    list_init(&worker->owned);
    list_init(&worker->errands);
}

void auto_warn_passive(struct hub *hub, struct scanner *scanner)
{
    struct scan_mode *mode = &scanner->mode;
    if (mode->requested != BLEPROXY_MODE_PASSIVE) {
        mode->warned_passive = false;
        return;
    }
    if (mode->warned_passive || hub->auto_scan.n_requests == 0)
        return;
    mode->warned_passive = true;
    env_log(
        scanner->env, BLEPROXY_LOG_WARNING, "hub", scanner->name,
        "it scans passively only, but active scans are wanted: what devices that it hears best tell may be "
        "incomplete; let it scan in mode auto or active");
}

/* ---- Windows ---- */

/* A sweep counts when it was one: its proxy sweeps as late after it as after one of its own. */
static void on_window_closed(void *user, bool opened, uint64_t now_ns)
{
    struct auto_worker *worker = user;
    (void)opened, (void)now_ns;
    bool swept = worker->window == AUTO_WINDOW_SWEEP || worker->window == AUTO_WINDOW_EXTENSION;
    uint64_t sweep_ns = time_after(worker->last_window_ns, AUTO_RESWEEP_S * NS_PER_S);
    if (swept && !worker->abandoned && worker->sweep_due_ns < sweep_ns)
        worker->sweep_due_ns = sweep_ns;
    worker->window = AUTO_WINDOW_NONE;
    worker->client = NULL;
    worker->abandoned = false;
}

static void window_opened(struct auto_worker *worker, uint64_t duration_ns, uint64_t now_ns)
{
    worker->failed = false;
    worker->last_window_ns = now_ns;
    worker->last_duration_ns = duration_ns;
    env_log(worker->scanner->env, BLEPROXY_LOG_DEBUG, "hub", worker->scanner->name,
            "scanning actively for %u s", (unsigned)(duration_ns / NS_PER_S));
}

/* Its proxy could not be told. The first of several in a row is news. */
static void window_failed(struct auto_worker *worker)
{
    env_log(worker->scanner->env, worker->failed ? BLEPROXY_LOG_DEBUG : BLEPROXY_LOG_WARNING, "hub",
            worker->scanner->name, "it was to scan actively for a while, but could not be told");
    worker->failed = true;
}

/* Whether a window that is open here lasts as long now. */
static bool window_extend(const struct hub *hub, struct scanner *scanner, uint64_t duration_ns,
                          uint64_t now_ns)
{
    return scanner->worker.window != AUTO_WINDOW_NONE && !hub_follows(hub, BLEPROXY_RULE_WINDOW) &&
           scanner_window_extend(scanner, time_after(now_ns, duration_ns), now_ns);
}

bool auto_window_open(struct hub *hub, struct scanner *scanner, uint64_t duration_ns, enum auto_window window,
                      struct auto_worker *client, uint64_t now_ns)
{
    struct auto_worker *worker = &scanner->worker;
    if (window_extend(hub, scanner, duration_ns, now_ns)) {
        /* What a sweep makes longer stays whose it was: the sweep may be cancelled. */
        if (!worker->abandoned && (window == AUTO_WINDOW_SWEEP || window == AUTO_WINDOW_EXTENSION)) {
            window = worker->window;
            client = worker->client;
        }
    } else {
        const struct scan_mode *mode = &scanner->mode;
        bool in_reach = scanner->ops && !mode->window_open && !mode->let_go && !mode->left;
        if (!scanner_window_open(scanner, duration_ns, on_window_closed, worker, now_ns)) {
            if (in_reach)
                window_failed(worker);
            return false;
        }
    }
    worker->window = window;
    worker->client = client;
    worker->abandoned = false;
    window_opened(worker, duration_ns, now_ns);
    return true;
}

/* Those that have ended, or that nobody wants any more. */
static void close_windows(struct hub *hub, uint64_t now_ns)
{
    struct scanner *scanner;
    for (hub_rewind(hub); (scanner = hub_visit(hub));) {
        const struct auto_worker *worker = &scanner->worker;
        if (worker->window != AUTO_WINDOW_NONE &&
            (worker->abandoned || now_ns >= scan_mode_deadline(&scanner->mode)))
            scanner_window_close(scanner, now_ns);
    }
}

/* ---- Beginning and end ---- */

static void worker_start(struct hub *hub, struct auto_worker *worker, uint64_t now_ns)
{
    uint64_t offset_s = hub->auto_scan.n_workers++ * AUTO_SWEEP_S % AUTO_FIRST_SWEEP_S;
    worker->running = true;
    worker->busy = false;
    worker->sweep_due_ns = time_after(now_ns, (AUTO_FIRST_SWEEP_S + offset_s) * NS_PER_S);
    worker->quiet_until_ns = 0;
    worker->failed = worker->warned_nobody = false;
    worker->rescue_ns = 0;
    worker->is_reserved = false;
    list_for_each(node, &hub->auto_scan.tracked)
    {
        struct auto_device *device = list_entry(node, struct auto_device, in_tracked);
        if (device->owner == worker->scanner->source && !device->worker) {
            device->worker = worker;
            list_append(&worker->owned, &device->in_worker);
        }
    }
    hub_wake(hub, now_ns);
}

/* Schedules stay: who owns the devices may be AUTO again, or others may take over. */
static void worker_stop(struct hub *hub, struct auto_worker *worker)
{
    worker->running = false;
    worker->busy = false;
    hub->auto_scan.n_workers--;
    auto_errands_drop(hub, worker);
    list_for_each(node, &worker->owned)
    {
        list_unlink(node);
        auto_device_in_worker(node)->worker = NULL;
    }
    list_for_each(other, &hub->scanners)
    {
        struct auto_worker *lender = &list_entry(other, struct scanner, registered)->worker;
        if (lender->client == worker) {
            lender->abandoned = true;
            lender->client = NULL;
        }
    }
    hub_wake(hub, 0);
}

void auto_scan_on_mode(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    struct auto_worker *worker = &scanner->worker;
    bool is_auto = scanner->mode.requested == BLEPROXY_MODE_AUTO && scanner->has_mode;
    auto_warn_passive(hub, scanner);
    if (is_auto == worker->running)
        return;
    if (is_auto) {
        worker_start(hub, worker, now_ns);
        return;
    }
    worker_stop(hub, worker);
    if (worker->window != AUTO_WINDOW_NONE)
        worker->abandoned = true;
}

void auto_scan_on_unregistered(struct hub *hub, struct scanner *scanner, uint64_t now_ns)
{
    if (scanner->worker.running)
        worker_stop(hub, &scanner->worker);
    auto_errands_forget(hub, scanner);
    list_for_each(node, &hub->auto_scan.tracked)
    {
        struct auto_device *device = list_entry(node, struct auto_device, in_tracked);
        if (device->owner == scanner->source)
            auto_device_untrack(device);
    }
    if (scanner->worker.window != AUTO_WINDOW_NONE)
        scanner_window_close(scanner, now_ns);
}

/* ---- What is due ---- */

void auto_worker_reserve(struct auto_worker *worker, uint64_t duration_ns, uint64_t now_ns)
{
    uint64_t end_ns = time_after(now_ns, duration_ns);
    uint64_t sweep_ns = time_after(now_ns, AUTO_RESWEEP_S * NS_PER_S);
    if (worker->quiet_until_ns < end_ns)
        worker->quiet_until_ns = end_ns;
    if (worker->sweep_due_ns < sweep_ns)
        worker->sweep_due_ns = sweep_ns;
}

/* Marks the devices that are due until then. *ret_duration_ns is the longest that they want; returns whether any is
 * due now. What has left the table, or its owner, meanwhile leaves the worker. */
static bool collect_due(struct hub *hub, struct auto_worker *worker, uint64_t until_ns, uint64_t now_ns,
                        uint64_t *ret_duration_ns)
{
    bool any = false;
    *ret_duration_ns = 0;
    list_for_each(node, &worker->owned)
    {
        struct auto_device *device = auto_device_in_worker(node);
        uint64_t source = hub_source_of(hub, device->address), due_ns = auto_device_due(device);
        device->is_due = false;
        if (!source) {
            auto_device_untrack(device);
        } else if (source != worker->scanner->source) {
            auto_device_assign(device, source);
        } else if (due_ns <= until_ns) {
            device->is_due = true;
            any = any || due_ns <= now_ns;
            uint64_t duration_ns = auto_device_duration(device, until_ns);
            if (*ret_duration_ns < duration_ns)
                *ret_duration_ns = duration_ns;
        }
    }
    return any;
}

/* For all that are due, which are due one interval later then, whether the window opens or not: a proxy that is stuck
 * must not keep us busy. Done before it opens: whoever owns a device next finds it done. */
static void scan_own(struct hub *hub, struct auto_worker *worker, uint64_t duration_ns, uint64_t until_ns,
                     uint64_t now_ns)
{
    bool rescues = ownership_has_rescues(hub);
    auto_worker_reserve(worker, duration_ns, now_ns);
    list_for_each(node, &worker->owned)
    {
        struct auto_device *device = auto_device_in_worker(node);
        if (!device->is_due)
            continue;
        auto_device_advance(device, until_ns, now_ns);
        if (rescues)
            auto_device_accept(device, now_ns);
    }
    worker->busy = auto_window_open(hub, worker->scanner, duration_ns, AUTO_WINDOW_OWN, NULL, now_ns);
    worker->busy_until_ns = time_after(now_ns, duration_ns);
    if (!worker->busy)
        worker->quiet_until_ns = 0;
    list_for_each(covered, &worker->owned)
    {
        struct auto_device *device = auto_device_in_worker(covered);
        if (!device->is_due || !worker->busy)
            continue;
        device->scanned_ns = now_ns;
        device->scanned_by = worker->scanner->source;
    }
}

static uint64_t worker_due(const struct auto_worker *worker)
{
    if (worker->busy)
        return worker->busy_until_ns;
    if (worker->quiet_until_ns > 0)
        return worker->quiet_until_ns;
    uint64_t due_ns = worker->sweep_due_ns;
    list_for_each(node, &worker->owned) due_ns =
        time_min(due_ns, auto_device_due(auto_device_in_worker(node)));
    return due_ns;
}

static void worker_tick(struct hub *hub, struct auto_worker *worker, uint64_t now_ns)
{
    if (worker->busy && now_ns >= worker->busy_until_ns)
        auto_errands_next(hub, worker, now_ns);
    if (!worker->running || worker_due(worker) > now_ns)
        return;
    worker->quiet_until_ns = 0;
    uint64_t until_ns = time_after(now_ns, AUTO_LOOKAHEAD_S * NS_PER_S), duration_ns;
    bool sweep = now_ns >= worker->sweep_due_ns;
    if (!collect_due(hub, worker, until_ns, now_ns, &duration_ns) && !sweep)
        return;
    if (scanner_is_connecting(worker->scanner)) {
        auto_errands_collect(hub, worker, until_ns, now_ns);
        if (sweep)
            worker->sweep_due_ns = time_after(now_ns, AUTO_DEFER_S * NS_PER_S);
        auto_errands_next(hub, worker, now_ns);
        return;
    }
    if (sweep && duration_ns < AUTO_SWEEP_S * NS_PER_S)
        duration_ns = AUTO_SWEEP_S * NS_PER_S;
    scan_own(hub, worker, duration_ns, until_ns, now_ns);
}

uint64_t auto_scan_tick(struct hub *hub, uint64_t now_ns)
{
    struct scanner *scanner;
    close_windows(hub, now_ns);
    auto_sweeps_tick(hub, now_ns);
    auto_rescues_tick(hub, now_ns);
    for (hub_rewind(hub); (scanner = hub_visit(hub));)
        if (scanner->worker.running)
            worker_tick(hub, &scanner->worker, now_ns);
    uint64_t next_ns = auto_sweeps_due(hub);
    list_for_each(node, &hub->scanners)
    {
        const struct scanner *registered = list_entry(node, struct scanner, registered);
        if (registered->worker.window != AUTO_WINDOW_NONE)
            next_ns = time_min(next_ns, scan_mode_deadline(&registered->mode));
        if (registered->worker.running)
            next_ns = time_min(next_ns, worker_due(&registered->worker));
    }
    return next_ns;
}

int hub_get_auto_scan(const struct hub *hub, uint64_t source, struct bleproxy_auto_scan *ret_auto_scan)
{
    const struct auto_worker *worker = auto_worker_of(hub, source);
    if (!worker)
        return BLEPROXY_E_NOT_FOUND;
    *ret_auto_scan = (struct bleproxy_auto_scan){
        .window_ns = worker->last_window_ns,
        .window_ms = (uint32_t)(worker->last_duration_ns / NS_PER_MS),
        .window_open = worker->window != AUTO_WINDOW_NONE,
        .failed = worker->failed,
        .next_ns = worker_due(worker),
        .sweep_ns = worker->sweep_due_ns,
    };
    return 0;
}
