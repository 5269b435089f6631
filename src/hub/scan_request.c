/* SPDX-License-Identifier: MIT */
#include "hub/scan_request.h"

#include "hub/hub_private.h"
#include "hub/scanner_private.h"

struct bleproxy_scan_request {
    struct list node;
    struct hub *hub;
    enum bleproxy_scanner_mode mode;
};

void scan_requests_init(struct scan_requests *requests)
{
    *requests = (struct scan_requests){.last = BLEPROXY_MODE_NONE};
    list_init(&requests->held);
}

void scan_requests_deinit(struct hub *hub)
{
    list_for_each(node, &hub->scan_requests.held)
        env_free(hub->env, list_entry(node, struct bleproxy_scan_request, node));
    list_init(&hub->scan_requests.held);
}

static enum bleproxy_scanner_mode wanted_mode(const struct hub *hub)
{
    const struct scan_requests *requests = &hub->scan_requests;
    if (requests->n_active > 0)
        return BLEPROXY_MODE_ACTIVE;
    return requests->n_passive > 0 && hub->auto_scan.n_requests == 0 ? BLEPROXY_MODE_PASSIVE
                                                                     : BLEPROXY_MODE_NONE;
}

void scan_requests_touch(struct hub *hub)
{
    const struct scan_requests *requests = &hub->scan_requests;
    bool any = requests->n_active + requests->n_passive > 0;
    if (hub->freed || (!any && requests->last == BLEPROXY_MODE_NONE))
        return;
    hub->scan_requests.stale = true;
    hub_wake(hub, 0);
}

void scan_requests_tick(struct hub *hub, uint64_t now_ns)
{
    if (!hub->scan_requests.stale)
        return;
    hub->scan_requests.stale = false;
    hub->scan_requests.last = wanted_mode(hub);
    struct scanner *scanner;
    for (hub_rewind(hub); (scanner = hub_visit(hub));)
        scanner_demand(scanner, hub->scan_requests.last, now_ns);
}

int hub_request_scan(struct hub *hub, enum bleproxy_scanner_mode mode,
                     struct bleproxy_scan_request **ret_request)
{
    if (mode != BLEPROXY_MODE_ACTIVE && mode != BLEPROXY_MODE_PASSIVE)
        return BLEPROXY_E_INVALID;
    if (hub->freed)
        return BLEPROXY_E_STATE;
    struct bleproxy_scan_request *request = env_alloc(hub->env, sizeof(*request));
    if (!request)
        return BLEPROXY_E_NOMEM;
    request->hub = hub;
    request->mode = mode;
    list_append(&hub->scan_requests.held, &request->node);
    if (mode == BLEPROXY_MODE_ACTIVE)
        hub->scan_requests.n_active++;
    else
        hub->scan_requests.n_passive++;
    scan_requests_touch(hub);
    *ret_request = request;
    return 0;
}

void bleproxy_scan_request_free(struct bleproxy_scan_request *request)
{
    if (!request)
        return;
    struct hub *hub = request->hub;
    if (request->mode == BLEPROXY_MODE_ACTIVE)
        hub->scan_requests.n_active--;
    else
        hub->scan_requests.n_passive--;
    list_unlink(&request->node);
    env_free(hub->env, request);
    scan_requests_touch(hub);
}
