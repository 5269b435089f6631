/* SPDX-License-Identifier: MIT */
#include "central/peripheral_private.h"

/* Values of the client characteristic configuration (Core Specification, Vol 3 Part G 3.3.3.3). */
enum { CONFIGURATION_SIZE = 2 };
static const uint8_t send_nothing[CONFIGURATION_SIZE] = {0, 0};
static const uint8_t send_notifications[CONFIGURATION_SIZE] = {1, 0};
static const uint8_t send_indications[CONFIGURATION_SIZE] = {2, 0};

struct subscription {
    struct list node; /* in the peripheral's subscriptions */
    uint16_t handle;
    bleproxy_notification_fn *on_notification;
    void *user;
    bool warned; /* of a value that cannot be */
};

static struct subscription *subscription_find(const struct peripheral *peripheral, uint32_t handle)
{
    list_for_each(node, &peripheral->subscriptions)
    {
        struct subscription *subscription = list_entry(node, struct subscription, node);
        if (subscription->handle == handle)
            return subscription;
    }
    return NULL;
}

static void subscription_remove(const struct peripheral *peripheral, struct subscription *subscription)
{
    list_unlink(&subscription->node);
    env_free(peripheral->central->env, subscription);
}

void subscriptions_clear(struct peripheral *peripheral)
{
    list_for_each(node, &peripheral->subscriptions)
        subscription_remove(peripheral, list_entry(node, struct subscription, node));
}

void subscriptions_notify(struct peripheral *peripheral, uint32_t handle, const uint8_t *value, size_t size)
{
    struct subscription *subscription = subscription_find(peripheral, handle);
    if (!subscription)
        return;
    if (size > BLEPROXY_VALUE_MAX) {
        if (subscription->warned)
            return;
        subscription->warned = true;
        env_log(peripheral->central->env, BLEPROXY_LOG_WARNING, "central", peripheral->proxy,
                "sent a value of %zu bytes for handle 0x%04x, which cannot be: it is ignored", size,
                (unsigned)handle);
        return;
    }
    subscription->on_notification(subscription->user, subscription->handle, value, size);
}

/* Whether the proxy obeys is of no interest: what it still forwards is dropped here. */
static void forward_no_more(const struct peripheral *peripheral, uint16_t handle, uint64_t now_ns)
{
    session_gatt_notify(peripheral->link.session, peripheral->address, handle, false, NULL, now_ns);
}

static int configure(const struct peripheral *peripheral, uint16_t handle, const uint8_t *configuration,
                     const struct session_await *await, uint64_t now_ns)
{
    const struct bleproxy_characteristic *characteristic =
        bleproxy_services_at(peripheral_services(peripheral), handle);
    const struct bleproxy_descriptor *descriptor = services_configuration(characteristic);
    return session_gatt_write_descriptor(peripheral->link.session, peripheral->address, descriptor->handle,
                                         configuration, CONFIGURATION_SIZE, await, now_ns);
}

void subscription_undo(struct request *request, bool refused, uint64_t now_ns)
{
    struct peripheral *peripheral = request->operation.peripheral;
    struct subscription *subscription = subscription_find(peripheral, request->handle);
    bool device_asked = !request->on_answer;
    if (!subscription)
        return; /* with the link */
    subscription_remove(peripheral, subscription);
    if (device_asked && !refused)
        configure(peripheral, request->handle, send_nothing, NULL, now_ns);
    if (device_asked || !refused)
        forward_no_more(peripheral, request->handle, now_ns);
}

/* The proxy forwards from now on: the device is to send. */
static void on_forwarding(struct request *request, uint64_t now_ns)
{
    const struct bleproxy_characteristic *characteristic =
        bleproxy_services_at(peripheral_services(request->operation.peripheral), request->handle);
    bool notifies = characteristic->properties & BLEPROXY_PROPERTY_NOTIFY;
    const struct session_await await = request_await(request);
    request->on_answer = NULL;
    int r = configure(request->operation.peripheral, request->handle,
                      notifies ? send_notifications : send_indications, &await, now_ns);
    if (r == 0)
        return;
    subscription_undo(request, true, now_ns);
    request_end(request, &(struct ending){.error = r});
}

static int subscribe_check(const struct peripheral *peripheral, uint16_t handle)
{
    const struct bleproxy_characteristic *characteristic =
        bleproxy_services_at(peripheral_services(peripheral), handle);
    if (!characteristic)
        return BLEPROXY_E_NO_ATTRIBUTE;
    if (!(characteristic->properties & (BLEPROXY_PROPERTY_NOTIFY | BLEPROXY_PROPERTY_INDICATE)))
        return BLEPROXY_E_PROPERTY;
    /* answers carry no more than a handle: those of an unsubscription under way would be taken for ours */
    if (subscription_find(peripheral, handle) || request_find(peripheral, REQUEST_UNSUBSCRIBE, handle))
        return BLEPROXY_E_BUSY;
    return services_configuration(characteristic) ? 0 : BLEPROXY_E_NO_ATTRIBUTE;
}

static int subscription_new(struct peripheral *peripheral, uint16_t handle,
                            bleproxy_notification_fn *on_notification, void *user,
                            struct subscription **ret_subscription)
{
    struct subscription *subscription = env_alloc(peripheral->central->env, sizeof(*subscription));
    if (!subscription)
        return BLEPROXY_E_NOMEM;
    *subscription = (struct subscription){.handle = handle, .on_notification = on_notification, .user = user};
    list_append(&peripheral->subscriptions, &subscription->node);
    *ret_subscription = subscription;
    return 0;
}

int peripheral_subscribe(struct peripheral *peripheral, uint16_t handle, uint64_t timeout_ns,
                         bleproxy_notification_fn *on_notification, void *notification_user,
                         bleproxy_result_fn *on_subscribed, void *user, uint64_t now_ns,
                         struct bleproxy_operation **ret_operation)
{
    struct request *request;
    struct subscription *subscription;
    if (!on_notification)
        return BLEPROXY_E_INVALID;
    int r = request_check_link(peripheral);
    if (r == 0)
        r = subscribe_check(peripheral, handle);
    if (r == 0)
        r = request_new(peripheral, REQUEST_SUBSCRIBE, handle, on_subscribed, user, &request);
    if (r < 0)
        return r;
    r = subscription_new(peripheral, handle, on_notification, notification_user, &subscription);
    if (r == 0) {
        request->timeout_ns = timeout_ns;
        request->on_answer = on_forwarding;
        const struct session_await await = request_await(request);
        r = session_gatt_notify(peripheral->link.session, peripheral->address, handle, true, &await, now_ns);
        if (r < 0)
            subscription_remove(peripheral, subscription);
    }
    return request_made(request, r, ret_operation);
}

int peripheral_unsubscribe(struct peripheral *peripheral, uint16_t handle,
                           bleproxy_result_fn *on_unsubscribed, void *user, uint64_t now_ns,
                           struct bleproxy_operation **ret_operation)
{
    struct request *request;
    int r = request_check_link(peripheral);
    if (r == 0)
        r = request_new(peripheral, REQUEST_UNSUBSCRIBE, handle, on_unsubscribed, user, &request);
    if (r < 0)
        return r;
    struct subscription *subscription = subscription_find(peripheral, handle);
    struct request *subscribing = request_find(peripheral, REQUEST_SUBSCRIBE, handle);
    if (!subscription) {
        request_end_later(request, 0, 0);
        return request_made(request, 0, ret_operation);
    }
    const struct session_await await = request_await(request);
    r = configure(peripheral, handle, send_nothing, &await, now_ns);
    if (r < 0)
        return request_made(request, r, ret_operation);
    subscription_remove(peripheral, subscription);
    forward_no_more(peripheral, handle, now_ns);
    request_made(request, 0, ret_operation);
    if (subscribing)
        operation_cancel(&subscribing->operation, now_ns);
    return 0;
}
