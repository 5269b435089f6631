/* SPDX-License-Identifier: MIT */
#include "hub/auto_private.h"

static bool scans_actively(const struct scanner *scanner)
{
    return scanner->mode.requested == BLEPROXY_MODE_ACTIVE && scanner_is_scanning(scanner);
}

/* In mode AUTO it scans at once, or somebody stands in for it. */
static void rescue_owner(struct hub *hub, struct auto_device *device, uint64_t source, uint64_t now_ns)
{
    const struct scanner *owner = hub_scanner_of(hub, source);
    if (!owner)
        return;
    if (auto_worker_of(hub, source)) {
        auto_device_seed(device, now_ns);
        list_for_each(node, &device->requests)
        {
            struct bleproxy_active_scan *request = auto_request(node);
            request->due_ns = time_min(request->due_ns, now_ns);
        }
        auto_device_assign(device, source);
    } else if (scans_actively(owner)) {
        auto_device_accept(device, now_ns);
    }
}

void auto_scan_rescue(struct hub *hub, uint64_t address, uint64_t challenger, uint64_t owner, uint64_t now_ns)
{
    struct auto_device *device = auto_device_get(hub, address);
    if (!device)
        return;
    rescue_owner(hub, device, owner, now_ns);
    struct scanner *scanner = hub_scanner_of(hub, challenger);
    if (!scanner)
        return;
    if (scans_actively(scanner)) {
        auto_device_accept(device, now_ns);
        return;
    }
    struct auto_worker *worker = &scanner->worker;
    if (!worker->running || scanner_is_connecting(scanner))
        return;
    uint64_t duration_ns = auto_device_duration(device, BP_NEVER);
    auto_worker_reserve(worker, duration_ns, now_ns);
    if (ownership_has_rescues(hub))
        auto_device_accept(device, now_ns);
    if (worker->rescue_ns == 0) {
        worker->rescue_ns = duration_ns;
        worker->rescue_address = address;
    }
    hub_wake(hub, now_ns);
}

void auto_rescues_tick(struct hub *hub, uint64_t now_ns)
{
    struct scanner *scanner;
    for (hub_rewind(hub); (scanner = hub_visit(hub));) {
        struct auto_worker *worker = &scanner->worker;
        uint64_t duration_ns = worker->rescue_ns;
        worker->rescue_ns = 0;
        if (duration_ns == 0 || !worker->running ||
            !auto_window_open(hub, scanner, duration_ns, AUTO_WINDOW_RESCUE, NULL, now_ns))
            continue;
        struct auto_device *device = auto_device_get(hub, worker->rescue_address);
        if (!device)
            continue;
        device->scanned_ns = now_ns;
        device->scanned_by = scanner->source;
    }
}
