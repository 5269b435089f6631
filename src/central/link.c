/* SPDX-License-Identifier: MIT */
#include "central/peripheral_private.h"

void peripheral_detach(struct peripheral *peripheral)
{
    session_link_detach(&peripheral->link);
    peripheral->phase = LINK_NONE;
    peripheral->deadline_ns = BP_NEVER;
}

static void peripheral_set_deadline(struct peripheral *peripheral, uint64_t deadline_ns)
{
    peripheral->deadline_ns = deadline_ns;
    central_announce(peripheral->central, deadline_ns);
}

bool peripheral_release(struct peripheral *peripheral, uint64_t now_ns)
{
    int r = session_device_disconnect(peripheral->link.session, peripheral->address, now_ns);
    if (r < 0) {
        if (r == BLEPROXY_E_NOMEM || r == BLEPROXY_E_LIMIT)
            env_log(peripheral->central->env, BLEPROXY_LOG_WARNING, "central", peripheral->proxy,
                    "could not be told to end a connection, which keeps its slot: %s", bleproxy_strerror(r));
        peripheral_detach(peripheral);
        return false;
    }
    peripheral->phase = LINK_RELEASING;
    peripheral_set_deadline(peripheral, time_after(now_ns, LINK_SETTLE_S * NS_PER_S));
    return true;
}

static void peripheral_released(struct peripheral *peripheral, uint64_t now_ns)
{
    peripheral_detach(peripheral);
    if (peripheral->attempt)
        attempt_released(peripheral->attempt, now_ns);
}

/* Moves the requests of that kind, or all but those, to the list. */
static void requests_take(struct peripheral *peripheral, bool disconnects, struct list *list)
{
    list_init(list);
    list_for_each(node, &peripheral->requests)
    {
        struct request *request = list_entry(node, struct request, node);
        if ((request->kind == REQUEST_DISCONNECT) != disconnects)
            continue;
        list_unlink(node);
        list_append(list, node);
    }
}

static void requests_lose(struct list *requests, const struct bleproxy_result *result)
{
    while (!list_empty(requests))
        request_lose(list_entry(requests->next, struct request, node), result);
}

/* Everything is as after the end before anybody is told, and the reports are made by then: a callback may begin the next
 * connection. */
void peripheral_lost(struct peripheral *peripheral, int error, int32_t code, bool held, uint64_t now_ns)
{
    bool wanted = peripheral->phase == LINK_CLOSING;
    struct report loss, end;
    const struct ending ending = {
        .error = error, .code = code, .doing = error == BLEPROXY_E_TIMEOUT ? "disconnecting" : NULL};
    peripheral_report(peripheral, &ending, true, &loss);
    struct ending expected = ending;
    if (wanted && error == BLEPROXY_E_DISCONNECTED)
        expected.error = 0;
    peripheral_report(peripheral, &expected, true, &end);
    struct bleproxy_result closed = {.source = peripheral->source, .text = ""};
    if (error == BLEPROXY_E_TIMEOUT)
        closed = end.result;

    struct list requests, disconnects;
    requests_take(peripheral, false, &requests);
    requests_take(peripheral, true, &disconnects);
    peripheral_reset(peripheral);
    if (held && !wanted)
        peripheral_release(peripheral, now_ns);
    else
        peripheral_detach(peripheral);

    requests_lose(&requests, &loss.result);
    if (peripheral->on_disconnected && !peripheral_is_shut(peripheral))
        peripheral->on_disconnected(peripheral->user, &end.result);
    requests_lose(&disconnects, &closed);
}

bool peripheral_doubts_end(const struct peripheral *peripheral, int32_t reason)
{
    return session_device_doubts_end(peripheral->link.session, peripheral->address, reason);
}

static void on_connection(void *user, bool connected, uint32_t mtu, int32_t reason, uint64_t now_ns)
{
    struct peripheral *peripheral = user;
    struct central *central = peripheral->central;
    bool held = connected || peripheral_doubts_end(peripheral, reason);
    central_enter(central, now_ns);
    switch (peripheral->phase) {
    case LINK_NONE:
        break;
    case LINK_OPENING:
        attempt_on_connection(peripheral->attempt, connected, mtu, reason, held, now_ns);
        break;
    case LINK_UP:
        if (!connected)
            peripheral_lost(peripheral, BLEPROXY_E_DISCONNECTED, reason, held, now_ns);
        break;
    case LINK_CLOSING:
        if (!connected)
            peripheral_lost(peripheral, BLEPROXY_E_DISCONNECTED, reason, false, now_ns);
        break;
    case LINK_RELEASING:
        if (!connected)
            peripheral_released(peripheral, now_ns);
        break;
    }
    central_leave(central);
}

static void on_notification(void *user, uint32_t handle, const uint8_t *value, size_t size, uint64_t now_ns)
{
    struct peripheral *peripheral = user;
    struct central *central = peripheral->central;
    central_enter(central, now_ns);
    if (peripheral_is_connected(peripheral))
        subscriptions_notify(peripheral, handle, value, size);
    central_leave(central);
}

static void on_end(void *user, int error, uint64_t now_ns)
{
    struct peripheral *peripheral = user;
    struct central *central = peripheral->central;
    central_enter(central, now_ns);
    switch (peripheral->phase) {
    case LINK_NONE:
        break;
    case LINK_OPENING:
        attempt_lost(peripheral->attempt, error, false, now_ns);
        break;
    case LINK_UP:
    case LINK_CLOSING:
        peripheral_lost(peripheral, error, 0, false, now_ns);
        break;
    case LINK_RELEASING:
        peripheral_released(peripheral, now_ns);
        break;
    }
    central_leave(central);
}

static const struct session_link_ops link_ops = {on_connection, on_notification, on_end};

int peripheral_attach(struct peripheral *peripheral, struct session *session)
{
    list_for_each(node, &peripheral->central->peripherals)
    {
        struct peripheral *other = list_entry(node, struct peripheral, node);
        if (other->address == peripheral->address && other->phase == LINK_RELEASING)
            peripheral_detach(other);
    }
    return session_link_attach(&peripheral->link, session, peripheral->address, &link_ops, peripheral);
}

int peripheral_disconnect(struct peripheral *peripheral, bleproxy_result_fn *on_done, void *user,
                          uint64_t now_ns, struct bleproxy_operation **ret_operation)
{
    struct request *request;
    int r = request_new(peripheral, REQUEST_DISCONNECT, 0, on_done, user, &request);
    if (r < 0)
        return r;
    if (peripheral->phase == LINK_UP) {
        r = session_device_disconnect(peripheral->link.session, peripheral->address, now_ns);
        if (r == BLEPROXY_E_NOMEM || r == BLEPROXY_E_LIMIT) {
            request_discard(request);
            return r;
        }
        peripheral->phase = LINK_CLOSING;
        peripheral_set_deadline(peripheral, r < 0 ? now_ns : time_after(now_ns, LINK_CLOSE_S * NS_PER_S));
    } else if (peripheral->phase != LINK_CLOSING) {
        request_end_later(request, 0, 0);
    }
    if (ret_operation)
        *ret_operation = &request->operation;
    return 0;
}

void peripheral_tick(struct peripheral *peripheral, uint64_t now_ns)
{
    if (peripheral->deadline_ns > now_ns)
        return;
    peripheral->deadline_ns = BP_NEVER;
    if (peripheral->phase == LINK_RELEASING) {
        peripheral_released(peripheral, now_ns);
    } else if (peripheral->phase == LINK_CLOSING) {
        bool was_sent = session_is_ready(peripheral->link.session);
        peripheral_lost(peripheral, was_sent ? BLEPROXY_E_TIMEOUT : BLEPROXY_E_CLOSED, 0, false, now_ns);
    }
}
