/* SPDX-License-Identifier: MIT */
#include "hub/auto_private.h"

static struct auto_errand *errand_of(struct list *node)
{
    return list_entry(node, struct auto_errand, node);
}

static void errand_free(const struct hub *hub, struct auto_errand *errand)
{
    env_free(hub->env, errand->addresses);
    env_free(hub->env, errand);
}

void auto_errands_drop(struct hub *hub, struct auto_worker *worker)
{
    list_for_each(node, &worker->errands)
    {
        list_unlink(node);
        errand_free(hub, errand_of(node));
    }
}

void auto_errands_forget(struct hub *hub, const struct scanner *scanner)
{
    list_for_each(other, &hub->scanners)
    {
        struct auto_worker *worker = &list_entry(other, struct scanner, registered)->worker;
        list_for_each(node, &worker->errands)
        {
            struct auto_errand *errand = errand_of(node);
            if (errand->target == scanner)
                errand->target = NULL;
        }
    }
}

/* ---- Who could stand in ---- */

/* Whether a proxy scans actively anyway that hears the device and is not connecting; else *ret_best is the one in mode
 * AUTO that hears it best, the first registered of equals, or NULL. */
static bool find_stand_in(const struct hub *hub, uint64_t address, uint64_t except, struct scanner **ret_best)
{
    int8_t best_dbm = 0;
    *ret_best = NULL;
    list_for_each(node, &hub->scanners)
    {
        struct scanner *scanner = list_entry(node, struct scanner, registered);
        const struct bleproxy_advertisement *last = scanner_last(scanner, address);
        if (scanner->source == except || !last || scanner_is_connecting(scanner))
            continue;
        if (scanner->mode.requested == BLEPROXY_MODE_ACTIVE)
            return true;
        if (scanner->worker.running && (!*ret_best || last->rssi_dbm > best_dbm)) {
            *ret_best = scanner;
            best_dbm = last->rssi_dbm;
        }
    }
    return false;
}

/* The worker's errand with that target; a new one if there is none. NULL: out of memory. */
static struct auto_errand *errand_with(const struct hub *hub, struct auto_worker *worker,
                                       struct scanner *target)
{
    list_for_each(node, &worker->errands) if (errand_of(node)->target == target) return errand_of(node);
    struct auto_errand *errand = env_alloc(hub->env, sizeof(*errand));
    if (!errand)
        return NULL;
    errand->target = target;
    errand->source = target->source;
    list_append(&worker->errands, &errand->node);
    return errand;
}

static bool errand_add(const struct hub *hub, struct auto_worker *worker, struct scanner *target,
                       uint64_t address, uint64_t duration_ns)
{
    struct auto_errand *errand = errand_with(hub, worker, target);
    if (!errand)
        return false;
    if (errand->n_addresses == errand->capacity) {
        size_t capacity = errand->capacity > 0 ? errand->capacity * 2 : 4;
        uint64_t *addresses = env_resize(hub->env, errand->addresses, capacity * sizeof(*errand->addresses));
        if (!addresses)
            return false; /* without an address it just fails to be of use */
        errand->addresses = addresses;
        errand->capacity = capacity;
    }
    errand->addresses[errand->n_addresses++] = address;
    if (errand->duration_ns < duration_ns)
        errand->duration_ns = duration_ns;
    return true;
}

static void warn_nobody(struct auto_worker *worker, uint64_t address)
{
    if (worker->warned_nobody)
        return;
    worker->warned_nobody = true;
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(address, text);
    env_log(worker->scanner->env, BLEPROXY_LOG_WARNING, "hub", worker->scanner->name,
            "it connects, and no other proxy can scan actively for %s meanwhile: tried again every %d s",
            text, AUTO_DEFER_S);
}

void auto_errands_collect(struct hub *hub, struct auto_worker *worker, uint64_t until_ns, uint64_t now_ns)
{
    bool progress = false;
    uint64_t nobody_for = 0;
    list_for_each(node, &worker->owned)
    {
        struct auto_device *device = auto_device_in_worker(node);
        struct scanner *best;
        if (!device->is_due)
            continue;
        bool covered = find_stand_in(hub, device->address, worker->scanner->source, &best);
        uint64_t duration_ns = auto_device_duration(device, until_ns);
        if (!covered && (!best || !errand_add(hub, worker, best, device->address, duration_ns))) {
            auto_device_defer(device, until_ns, time_after(now_ns, AUTO_DEFER_S * NS_PER_S));
            nobody_for = nobody_for ? nobody_for : device->address;
            continue;
        }
        auto_device_advance(device, until_ns, now_ns);
        progress = true;
        if (!covered)
            continue;
        device->scanned_ns = now_ns;
        device->scanned_by = 0;
        if (ownership_has_rescues(hub))
            auto_device_accept(device, now_ns);
    }
    if (nobody_for)
        warn_nobody(worker, nobody_for);
    else if (progress)
        worker->warned_nobody = false;
}

/* Returns whether the window is open. What it is for counts as accepted either way: a proxy that is stuck must not keep a
 * device from being handed over. */
static bool errand_run(struct hub *hub, struct auto_worker *client, const struct auto_errand *errand,
                       uint64_t now_ns)
{
    struct auto_device *device;
    for (size_t i = 0; i < errand->n_addresses && ownership_has_rescues(hub); i++)
        if ((device = auto_device_get(hub, errand->addresses[i])))
            auto_device_accept(device, now_ns);
    if (!errand->target || !errand->target->worker.running || errand->n_addresses == 0)
        return false;
    auto_worker_reserve(&errand->target->worker, errand->duration_ns, now_ns);
    if (!auto_window_open(hub, errand->target, errand->duration_ns, AUTO_WINDOW_LENT, client, now_ns))
        return false;
    for (size_t i = 0; i < errand->n_addresses; i++) {
        if (!(device = auto_device_get(hub, errand->addresses[i])))
            continue;
        device->scanned_ns = now_ns;
        device->scanned_by = errand->source;
    }
    return true;
}

void auto_errands_next(struct hub *hub, struct auto_worker *worker, uint64_t now_ns)
{
    worker->busy = false;
    while (!worker->busy && worker->running && !list_empty(&worker->errands)) {
        struct auto_errand *errand = errand_of(worker->errands.next);
        list_unlink(&errand->node);
        bool open = errand_run(hub, worker, errand, now_ns);
        worker->busy = open && worker->running;
        worker->busy_until_ns = time_after(now_ns, errand->duration_ns);
        errand_free(hub, errand);
    }
    if (!worker->busy)
        worker->quiet_until_ns = 0;
}
