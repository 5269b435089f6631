/* SPDX-License-Identifier: MIT */
#include "hub/hub_private.h"
#include "hub/ownership.h"

struct bleproxy_subscription {
    struct list node;
    struct hub *hub;
    enum bleproxy_stream stream;
    struct filter filter;
    bleproxy_advertisement_fn *on_advertisement; /* NULL: freed */
    void *user;
};

static void subscription_tell(const struct bleproxy_subscription *subscription,
                              const struct bleproxy_advertisement *advertisement)
{
    /* The predicate is a callback too: it may have freed the subscription. */
    if (filter_passes(&subscription->filter, advertisement) && subscription->on_advertisement)
        subscription->on_advertisement(subscription->user, advertisement);
}

void subscriptions_dispatch(struct hub *hub, enum bleproxy_stream stream,
                            const struct bleproxy_advertisement *advertisement,
                            const struct bleproxy_advertisement *change)
{
    /* Who subscribes in a callback has been told what is known and waits for the next report. */
    const struct list *last = hub->subscriptions.prev;
    for (struct list *node = &hub->subscriptions; node != last;) {
        node = node->next;
        const struct bleproxy_subscription *subscription =
            list_entry(node, struct bleproxy_subscription, node);
        if (subscription->stream <= stream && subscription->on_advertisement)
            subscription_tell(subscription,
                              subscription->stream == BLEPROXY_STREAM_CHANGES ? change : advertisement);
    }
}

/* After one has come or gone. */
static void count_streams(struct hub *hub)
{
    hub->subscribed_from = SUBSCRIBED_TO_NONE;
    list_for_each(node, &hub->subscriptions)
    {
        unsigned stream = list_entry(node, struct bleproxy_subscription, node)->stream;
        if (stream < hub->subscribed_from)
            hub->subscribed_from = stream;
    }
}

static void subscription_release(struct bleproxy_subscription *subscription)
{
    struct hub *hub = subscription->hub;
    list_unlink(&subscription->node);
    hub_filter_deinit(hub, &subscription->filter);
    env_free(hub->env, subscription);
    count_streams(hub);
}

void subscriptions_end(struct hub *hub)
{
    list_for_each(node, &hub->subscriptions) list_entry(node, struct bleproxy_subscription, node)
        ->on_advertisement = NULL;
}

void subscriptions_sweep(struct hub *hub)
{
    list_for_each(node, &hub->subscriptions)
    {
        struct bleproxy_subscription *subscription = list_entry(node, struct bleproxy_subscription, node);
        if (!subscription->on_advertisement)
            subscription_release(subscription);
    }
}

/* Callbacks neither add devices nor take them away. */
static void tell_known(struct hub *hub, const struct bleproxy_subscription *subscription)
{
    const struct bleproxy_device *device;
    size_t position = 0;
    while (subscription->on_advertisement && (device = map_next(&hub->devices.by_address, &position))) {
        if (!device_is_heard(device))
            continue;
        const struct bleproxy_advertisement *view = device_current(device);
        struct bleproxy_advertisement copy;
        if (subscription->stream == BLEPROXY_STREAM_CHANGES)
            view = ownership_change(hub, device, view, &copy);
        subscription_tell(subscription, view);
    }
}

int hub_subscribe(struct hub *hub, enum bleproxy_stream stream, const struct bleproxy_filter *filter,
                  bleproxy_advertisement_fn *on_advertisement, void *user,
                  struct bleproxy_subscription **ret_subscription)
{
    if (!on_advertisement || (unsigned)stream > BLEPROXY_STREAM_CHANGES)
        return BLEPROXY_E_INVALID;
    if (hub->freed)
        return BLEPROXY_E_STATE;
    struct bleproxy_subscription *subscription = env_alloc(hub->env, sizeof(*subscription));
    if (!subscription)
        return BLEPROXY_E_NOMEM;
    subscription->hub = hub;
    subscription->stream = stream;
    subscription->on_advertisement = on_advertisement;
    subscription->user = user;
    int r = hub_filter_init(hub, &subscription->filter, filter);
    if (r < 0) {
        env_free(hub->env, subscription);
        return r;
    }
    list_append(&hub->subscriptions, &subscription->node);
    count_streams(hub);
    *ret_subscription = subscription; /* before the first call, which may want to free it */
    if (stream != BLEPROXY_STREAM_REPORTS) {
        hub_enter(hub);
        tell_known(hub, subscription);
        hub_leave(hub);
    }
    return 0;
}

void bleproxy_subscription_free(struct bleproxy_subscription *subscription)
{
    if (!subscription)
        return;
    if (subscription->hub->depth > 0) {
        subscription->on_advertisement = NULL;
        subscription->hub->litter = true;
    } else {
        subscription_release(subscription);
    }
}
