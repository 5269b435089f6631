/* SPDX-License-Identifier: MIT */
#include "hub/hub_private.h"

/* One of on_found and on_discovered is set; completed clears both. */
struct bleproxy_search {
    struct list node;
    struct hub *hub;
    struct filter filter;
    bleproxy_found_fn *on_found;
    bleproxy_discovered_fn *on_discovered;
    void *user;
    uint64_t timeout_ns; /* the time */
    bool fresh;          /* the devices that are known are still to be looked at: at the next tick */
};

static bool search_is_over(const struct bleproxy_search *search)
{
    return !search->on_found && !search->on_discovered;
}

static void search_release(struct bleproxy_search *search)
{
    const struct env *env = search->hub->env;
    list_unlink(&search->node);
    hub_filter_deinit(search->hub, &search->filter);
    env_free(env, search);
}

void searches_sweep(struct hub *hub)
{
    list_for_each(node, &hub->searches)
    {
        struct bleproxy_search *search = list_entry(node, struct bleproxy_search, node);
        if (search_is_over(search))
            search_release(search);
    }
}

/* Within hub_enter() and hub_leave(). The arguments fit the kind of search. */
static void search_complete(struct bleproxy_search *search, int error,
                            const struct bleproxy_advertisement *const *found, size_t n_found)
{
    bleproxy_found_fn *on_found = search->on_found;
    bleproxy_discovered_fn *on_discovered = search->on_discovered;
    search->on_found = NULL;
    search->on_discovered = NULL;
    search->hub->litter = true;
    if (on_found)
        on_found(search->user, error, n_found > 0 ? found[0] : NULL);
    else
        on_discovered(search->user, error, found, n_found);
}

void bleproxy_search_cancel(struct bleproxy_search *search)
{
    if (search_is_over(search))
        return;
    struct hub *hub = search->hub;
    hub_enter(hub);
    search_complete(search, BLEPROXY_E_CANCELLED, NULL, 0);
    hub_leave(hub);
}

void searches_end(struct hub *hub)
{
    list_for_each(node, &hub->searches)
    {
        struct bleproxy_search *search = list_entry(node, struct bleproxy_search, node);
        if (!search_is_over(search))
            search_complete(search, BLEPROXY_E_CANCELLED, NULL, 0);
    }
}

void searches_refresh(struct hub *hub)
{
    list_for_each(node, &hub->searches)
    {
        struct bleproxy_search *search = list_entry(node, struct bleproxy_search, node);
        search->fresh = search->on_found;
    }
}

void searches_report(struct hub *hub, const struct bleproxy_advertisement *advertisement)
{
    const struct list *last = hub->searches.prev;
    for (struct list *node = &hub->searches; node != last;) {
        node = node->next;
        struct bleproxy_search *search = list_entry(node, struct bleproxy_search, node);
        if (search->on_found && filter_passes(&search->filter, advertisement) && search->on_found)
            search_complete(search, 0, &advertisement, 1);
    }
}

/* The device's view that the search is about, when it passes. */
static const struct bleproxy_advertisement *search_match(const struct bleproxy_search *search,
                                                         const struct bleproxy_device *device)
{
    uint64_t source = search->filter.want.source;
    const struct bleproxy_advertisement *view =
        source == 0 && device_is_heard(device) ? device_current(device) : NULL;
    list_for_each(node, &device->sightings)
    {
        const struct sighting *sighting = list_entry(node, struct sighting, in_device);
        if (source != 0 && sighting->view.source == source)
            view = &sighting->view;
    }
    return view && filter_passes(&search->filter, view) ? view : NULL;
}

/* Predicates may end the search, but neither add devices nor take them away. */
static const struct bleproxy_advertisement *search_look_up(const struct bleproxy_search *search)
{
    const struct bleproxy_advertisement *found = NULL;
    const struct bleproxy_device *device;
    size_t position = 0;
    while (!found && !search_is_over(search) &&
           (device = map_next(&search->hub->devices.by_address, &position)))
        found = search_match(search, device);
    return found;
}

/* Views that pass, sorted by counting: one bucket for each signal strength. */
struct ranking {
    const struct bleproxy_search *search;
    const struct bleproxy_advertisement **views;
    size_t n_views, capacity;
};

static void collect(struct ranking *ranking)
{
    const struct bleproxy_device *device;
    size_t position = 0;
    while (!search_is_over(ranking->search) &&
           (device = map_next(&ranking->search->hub->devices.by_address, &position))) {
        const struct bleproxy_advertisement *view = search_match(ranking->search, device);
        if (view && ranking->n_views < ranking->capacity)
            ranking->views[ranking->n_views++] = view;
    }
}

static void rank(const struct bleproxy_advertisement *const *views, size_t n,
                 const struct bleproxy_advertisement **ranked)
{
    size_t starts[UINT8_MAX + 2] = {0};
    for (size_t i = 0; i < n; i++)
        starts[INT8_MAX - views[i]->rssi_dbm + 1]++;
    for (size_t i = 1; i < sizeof(starts) / sizeof(starts[0]); i++)
        starts[i] += starts[i - 1];
    for (size_t i = 0; i < n; i++)
        ranked[starts[INT8_MAX - views[i]->rssi_dbm]++] = views[i];
}

static void search_conclude(struct bleproxy_search *search)
{
    const struct env *env = search->hub->env;
    struct ranking ranking = {.search = search, .capacity = search->hub->devices.by_address.count};
    if (ranking.capacity == 0) {
        search_complete(search, 0, NULL, 0);
        return;
    }
    ranking.views = env_alloc(env, 2 * ranking.capacity * sizeof(const struct bleproxy_advertisement *));
    if (!ranking.views) {
        search_complete(search, BLEPROXY_E_NOMEM, NULL, 0);
        return;
    }
    collect(&ranking);
    if (!search_is_over(search)) { /* a predicate may have cancelled it */
        const struct bleproxy_advertisement **ranked = ranking.views + ranking.capacity;
        rank(ranking.views, ranking.n_views, ranked);
        search_complete(search, 0, ranked, ranking.n_views);
    }
    env_free(env, ranking.views);
}

static void search_tick(struct bleproxy_search *search, uint64_t now_ns)
{
    if (search->on_discovered) {
        if (now_ns >= search->timeout_ns)
            search_conclude(search);
        return;
    }
    const struct bleproxy_advertisement *found = search->fresh ? search_look_up(search) : NULL;
    search->fresh = false;
    if (!search->on_found)
        return;
    if (found)
        search_complete(search, 0, &found, 1);
    else if (now_ns >= search->timeout_ns)
        search_complete(search, BLEPROXY_E_NOT_FOUND, NULL, 0);
}

uint64_t hub_deadline(const struct hub *hub)
{
    uint64_t deadline_ns = time_min(hub->due_ns, hub->availability.due_ns);
    list_for_each(node, &hub->searches)
    {
        const struct bleproxy_search *search = list_entry(node, struct bleproxy_search, node);
        if (!search_is_over(search))
            deadline_ns = time_min(deadline_ns, search->fresh ? 0 : search->timeout_ns);
    }
    return deadline_ns;
}

bool hub_is_idle(const struct hub *hub)
{
    return list_empty(&hub->scanners) && list_empty(&hub->searches) && list_empty(&hub->auto_scan.sweeps);
}

void hub_tick(struct hub *hub, uint64_t now_ns)
{
    hub_enter(hub);
    /* Those that callbacks begin wait for the next tick. */
    const struct list *last = hub->searches.prev;
    for (struct list *node = &hub->searches; node != last;) {
        node = node->next;
        struct bleproxy_search *search = list_entry(node, struct bleproxy_search, node);
        if (!search_is_over(search))
            search_tick(search, now_ns);
    }
    availability_tick(hub, now_ns);
    hub_work(hub, now_ns);
    hub_leave(hub);
}

static int search_begin(struct hub *hub, const struct bleproxy_filter *filter, uint64_t timeout_ns,
                        void *user, uint64_t now_ns, struct bleproxy_search **ret_search)
{
    if (hub->freed)
        return BLEPROXY_E_STATE;
    struct bleproxy_search *search = env_alloc(hub->env, sizeof(*search));
    if (!search)
        return BLEPROXY_E_NOMEM;
    search->hub = hub;
    search->user = user;
    search->timeout_ns = time_after(now_ns, timeout_ns);
    int r = hub_filter_init(hub, &search->filter, filter);
    if (r < 0) {
        env_free(hub->env, search);
        return r;
    }
    list_append(&hub->searches, &search->node);
    *ret_search = search;
    return 0;
}

int hub_find(struct hub *hub, const struct bleproxy_filter *filter, uint64_t timeout_ns,
             bleproxy_found_fn *on_found, void *user, uint64_t now_ns, struct bleproxy_search **ret_search)
{
    struct bleproxy_search *search;
    if (!on_found)
        return BLEPROXY_E_INVALID;
    int r = search_begin(hub, filter, timeout_ns, user, now_ns, &search);
    if (r < 0)
        return r;
    search->on_found = on_found;
    search->fresh = hub->devices.by_address.count > 0;
    if (ret_search)
        *ret_search = search;
    return 0;
}

int hub_discover(struct hub *hub, const struct bleproxy_filter *filter, uint64_t timeout_ns,
                 bleproxy_discovered_fn *on_discovered, void *user, uint64_t now_ns,
                 struct bleproxy_search **ret_search)
{
    struct bleproxy_search *search;
    if (!on_discovered)
        return BLEPROXY_E_INVALID;
    int r = search_begin(hub, filter, timeout_ns, user, now_ns, &search);
    if (r < 0)
        return r;
    search->on_discovered = on_discovered;
    if (ret_search)
        *ret_search = search;
    return 0;
}
