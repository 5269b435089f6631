/* SPDX-License-Identifier: MIT */
#include "hub/auto_private.h"

#define ADDRESS_MASK UINT64_C(0xffffffffffff)

void auto_scan_init(struct auto_scan *scan, const struct env *env)
{
    map_init(&scan->by_address, env);
    list_init(&scan->tracked);
    list_init(&scan->requests);
    list_init(&scan->sweeps);
}

static void request_release(struct hub *hub, struct bleproxy_active_scan *request)
{
    list_unlink(&request->in_device);
    list_unlink(&request->in_hub);
    hub->auto_scan.n_requests--;
    env_free(hub->env, request);
}

static void device_release(struct auto_device *device)
{
    struct hub *hub = device->hub;
    auto_device_untrack(device);
    map_remove(&hub->auto_scan.by_address, device->address);
    interest_release(hub, device->address);
    env_free(hub->env, device);
}

void auto_scan_deinit(struct hub *hub)
{
    list_for_each(node, &hub->auto_scan.requests)
    {
        struct bleproxy_active_scan *request = list_entry(node, struct bleproxy_active_scan, in_hub);
        struct auto_device *device = request->device;
        request_release(hub, request);
        if (list_empty(&device->requests))
            device_release(device);
    }
    map_deinit(&hub->auto_scan.by_address);
}

struct auto_device *auto_device_get(const struct hub *hub, uint64_t address)
{
    return map_get(&hub->auto_scan.by_address, address);
}

/* ---- The schedule ---- */

static void request_schedule(struct bleproxy_active_scan *request, uint64_t now_ns)
{
    struct auto_device *device = request->device;
    request->due_ns = time_after(now_ns, request->interval_ns);
    device->n_unscheduled--;
    if (device->tracked)
        return;
    device->tracked = true;
    device->owner = 0;
    list_append(&device->hub->auto_scan.tracked, &device->in_tracked);
}

void auto_device_seed(struct auto_device *device, uint64_t now_ns)
{
    if (device->n_unscheduled == 0)
        return;
    list_for_each(node, &device->requests)
    {
        if (auto_request(node)->due_ns == BP_NEVER)
            request_schedule(auto_request(node), now_ns);
    }
}

struct auto_worker *auto_worker_of(const struct hub *hub, uint64_t source)
{
    list_for_each(node, &hub->scanners)
    {
        struct scanner *scanner = list_entry(node, struct scanner, registered);
        if (scanner->source == source && scanner->worker.running)
            return &scanner->worker;
    }
    return NULL;
}

void auto_device_assign(struct auto_device *device, uint64_t source)
{
    if (device->owner != source) {
        list_unlink(&device->in_worker);
        device->owner = source;
        device->worker = auto_worker_of(device->hub, source);
        device->is_due = false;
        if (device->worker)
            list_append(&device->worker->owned, &device->in_worker);
    }
    if (device->worker)
        hub_wake(device->hub, auto_device_due(device));
}

void auto_device_untrack(struct auto_device *device)
{
    if (!device->tracked)
        return;
    device->tracked = false;
    device->worker = NULL;
    list_unlink(&device->in_tracked);
    list_unlink(&device->in_worker);
    device->n_unscheduled = 0;
    list_for_each(node, &device->requests)
    {
        auto_request(node)->due_ns = BP_NEVER;
        device->n_unscheduled++;
    }
}

uint64_t auto_device_due(const struct auto_device *device)
{
    uint64_t due_ns = BP_NEVER;
    list_for_each(node, &device->requests) due_ns = time_min(due_ns, auto_request(node)->due_ns);
    return due_ns;
}

uint64_t auto_clamp(uint64_t duration_ns)
{
    if (duration_ns < AUTO_WINDOW_MIN_S * NS_PER_S)
        return AUTO_WINDOW_MIN_S * NS_PER_S;
    return time_min(duration_ns, AUTO_WINDOW_MAX_S * NS_PER_S);
}

uint64_t auto_device_duration(const struct auto_device *device, uint64_t until_ns)
{
    uint64_t duration_ns = 0;
    list_for_each(node, &device->requests)
    {
        const struct bleproxy_active_scan *request = auto_request(node);
        if (request->due_ns <= until_ns && request->duration_ns > duration_ns)
            duration_ns = request->duration_ns;
    }
    return auto_clamp(duration_ns);
}

void auto_device_advance(struct auto_device *device, uint64_t until_ns, uint64_t now_ns)
{
    list_for_each(node, &device->requests)
    {
        struct bleproxy_active_scan *request = auto_request(node);
        if (request->due_ns <= until_ns)
            request->due_ns = time_after(now_ns, request->interval_ns);
    }
}

void auto_device_defer(struct auto_device *device, uint64_t until_ns, uint64_t due_ns)
{
    list_for_each(node, &device->requests)
    {
        struct bleproxy_active_scan *request = auto_request(node);
        if (request->due_ns <= until_ns)
            request->due_ns = due_ns;
    }
}

void auto_device_accept(struct auto_device *device, uint64_t now_ns)
{
    uint64_t accept_ns = time_after(now_ns, AUTO_ACCEPT_S * NS_PER_S);
    if (device->accept_after_ns < accept_ns)
        device->accept_after_ns = accept_ns;
}

void auto_scan_track(struct hub *hub, uint64_t address, uint64_t source, uint64_t now_ns)
{
    struct auto_device *device = auto_device_get(hub, address);
    if (!device || (device->tracked && device->n_unscheduled == 0 && device->owner == source))
        return;
    auto_device_seed(device, now_ns);
    auto_device_assign(device, source);
}

void auto_scan_on_gone(struct hub *hub, uint64_t address)
{
    struct auto_device *device = hub->auto_scan.by_address.count > 0 ? auto_device_get(hub, address) : NULL;
    if (device && device->worker)
        auto_device_untrack(device);
}

bool auto_scan_wants(const struct hub *hub, uint64_t address)
{
    return auto_device_get(hub, address) != NULL;
}

uint64_t auto_scan_accept_after_ns(const struct hub *hub, uint64_t address)
{
    const struct auto_device *device = auto_device_get(hub, address);
    return device ? device->accept_after_ns : 0;
}

/* ---- Requests ---- */

static struct auto_device *device_new(struct hub *hub, uint64_t address)
{
    struct auto_device *device = env_alloc(hub->env, sizeof(*device));
    if (!device)
        return NULL;
    device->hub = hub;
    device->address = address;
    list_init(&device->requests);
    list_init(&device->in_tracked);
    list_init(&device->in_worker);
    if (interest_hold(hub, address) < 0) {
        env_free(hub->env, device);
        return NULL;
    }
    if (map_put(&hub->auto_scan.by_address, address, device) < 0) {
        interest_release(hub, address);
        env_free(hub->env, device);
        return NULL;
    }
    return device;
}

/* Takes a request that is complete into the books. */
static int request_add(struct hub *hub, struct bleproxy_active_scan *request, uint64_t address)
{
    struct auto_device *device = auto_device_get(hub, address);
    if (!device)
        device = device_new(hub, address);
    if (!device)
        return BLEPROXY_E_NOMEM;
    request->device = device;
    list_append(&device->requests, &request->in_device);
    list_append(&hub->auto_scan.requests, &request->in_hub);
    device->n_unscheduled++;
    hub->auto_scan.n_requests++;
    return 0;
}

int hub_request_active_scan(struct hub *hub, uint64_t address, uint32_t interval_ms, uint32_t duration_ms,
                            uint64_t now_ns, struct bleproxy_active_scan **ret_request)
{
    if (interval_ms == 0)
        interval_ms = BLEPROXY_ACTIVE_SCAN_INTERVAL_DEFAULT_MS;
    if (duration_ms == 0)
        duration_ms = BLEPROXY_ACTIVE_SCAN_DURATION_DEFAULT_MS;
    if (address == 0 || address > ADDRESS_MASK || interval_ms < BLEPROXY_ACTIVE_SCAN_INTERVAL_MIN_MS ||
        duration_ms < BLEPROXY_ACTIVE_SCAN_DURATION_MIN_MS)
        return BLEPROXY_E_INVALID;
    if (hub->freed)
        return BLEPROXY_E_STATE;
    if (hub->auto_scan.n_requests >= BLEPROXY_ACTIVE_SCANS_MAX)
        return BLEPROXY_E_LIMIT;
    struct bleproxy_active_scan *request = env_alloc(hub->env, sizeof(*request));
    if (!request)
        return BLEPROXY_E_NOMEM;
    request->interval_ns = interval_ms * NS_PER_MS;
    request->duration_ns = duration_ms * NS_PER_MS;
    request->due_ns = BP_NEVER;
    int r = request_add(hub, request, address);
    if (r < 0) {
        env_free(hub->env, request);
        return r;
    }
    uint64_t source = hub_source_of(hub, address);
    if (source) {
        request_schedule(request, now_ns);
        auto_device_assign(request->device, source);
    }
    scan_requests_touch(hub);
    list_for_each(node, &hub->scanners) auto_warn_passive(hub, list_entry(node, struct scanner, registered));
    *ret_request = request;
    return 0;
}

void bleproxy_active_scan_free(struct bleproxy_active_scan *request)
{
    if (!request)
        return;
    struct auto_device *device = request->device;
    struct hub *hub = device->hub;
    bool scheduled = request->due_ns != BP_NEVER;
    request_release(hub, request);
    if (list_empty(&device->requests)) {
        ownership_end_rescue(hub, device->address);
        device_release(device);
    } else if (!scheduled) {
        device->n_unscheduled--;
    } else if (auto_device_due(device) == BP_NEVER) {
        auto_device_untrack(device); /* nothing is scheduled any more */
    }
    scan_requests_touch(hub);
}

const struct bleproxy_active_scan *hub_next_active_scan(const struct hub *hub, size_t *position)
{
    size_t i = 0;
    list_for_each(node, &hub->auto_scan.requests) if (i++ == *position)
    {
        ++*position;
        return list_entry(node, struct bleproxy_active_scan, in_hub);
    }
    return NULL;
}

static uint64_t or_zero(uint64_t time_ns)
{
    return time_ns == BP_NEVER ? 0 : time_ns;
}

void bleproxy_active_scan_get(const struct bleproxy_active_scan *request,
                              struct bleproxy_active_scan_info *ret_info)
{
    const struct auto_device *device = request->device;
    *ret_info = (struct bleproxy_active_scan_info){
        .address = device->address,
        .interval_ms = (uint32_t)(request->interval_ns / NS_PER_MS),
        .duration_ms = (uint32_t)(request->duration_ns / NS_PER_MS),
        .due_ns = or_zero(request->due_ns),
        .source = device->tracked ? device->owner : hub_source_of(device->hub, device->address),
        .scanned_ns = device->scanned_ns,
        .scanned_by = device->scanned_by,
    };
}
