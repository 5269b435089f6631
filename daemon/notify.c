/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include "errors.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A program that goes by signals. */
struct notify_session {
    struct notify_session *next;
    char *sender;
    sd_bus_message *starting; /* StartNotify that waits for the device */
};

static void on_closed(void *user);

void notify_init(struct notify *notify, struct tree *tree, struct watches *watches,
                 struct bleproxy_loop *loop, struct bleproxy_peripheral *peripheral, uint16_t handle,
                 const struct notify_ops *ops, void *user)
{
    *notify = (struct notify){.tree = tree,
                              .watches = watches,
                              .loop = loop,
                              .peripheral = peripheral,
                              .handle = handle,
                              .ops = ops,
                              .user = user};
    notify->acquired.on_closed = on_closed;
    notify->acquired.user = notify;
}

bool notify_is_acquired(const struct notify *notify)
{
    return acquired_is_open(&notify->acquired);
}

bool notify_is_notifying(const struct notify *notify)
{
    return notify->state == NOTIFY_ON && notify->n_sessions > 0;
}

static bool is_wanted(const struct notify *notify)
{
    return notify->n_sessions > 0 || notify->acquiring || notify_is_acquired(notify) || notify->is_watched;
}

static struct notify_session **find(struct notify *notify, const char *sender)
{
    struct notify_session **at = &notify->sessions;
    while (*at && strcmp((*at)->sender, sender) != 0)
        at = &(*at)->next;
    return at;
}

/* Unlinks it; the caller answers its call. */
static sd_bus_message *remove_session(struct notify *notify, struct notify_session **at)
{
    struct notify_session *session = *at;
    sd_bus_message *starting = session->starting;
    *at = session->next;
    notify->n_sessions--;
    free(session->sender);
    free(session);
    return starting;
}

static void on_notification(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    struct notify *notify = user;
    (void)handle;
    if (notify_is_acquired(notify))
        acquired_send(&notify->acquired, value, size);
    else if (notify->n_sessions > 0)
        notify->ops->on_value(notify->user, value, size);
    if (notify->is_watched)
        notify->ops->on_watched(notify->user, value, size);
}

/* ---- What the device is told ---- */

static void settle(struct notify *notify);

static void answer_started(struct notify *notify)
{
    for (struct notify_session *session = notify->sessions; session; session = session->next) {
        sd_bus_message *call = session->starting;
        session->starting = NULL;
        if (call)
            call_reply(notify->tree, call, "");
        sd_bus_message_unref(call);
    }
}

static void answer_acquired(struct notify *notify)
{
    sd_bus_message *call = notify->acquiring;
    notify->acquiring = NULL;
    if (!call)
        return;
    int fd = acquired_open(&notify->acquired, notify->watches, notify->loop, sd_bus_message_get_sender(call));
    if (fd < 0) {
        call_fail(notify->tree, call, ERROR_FAILED, "no socket");
    } else {
        notify->ops->on_acquired(notify->user);
        acquired_answer(notify->tree, call, fd, bleproxy_peripheral_mtu(notify->peripheral));
    }
    sd_bus_message_unref(call);
}

static void fail_all(struct notify *notify, const struct bleproxy_result *result)
{
    notify->is_watched = false;
    while (notify->sessions) {
        sd_bus_message *call = remove_session(notify, &notify->sessions);
        if (call)
            error_answer(notify->tree, call, result);
        sd_bus_message_unref(call);
    }
    if (notify->acquiring)
        error_answer(notify->tree, notify->acquiring, result);
    notify->acquiring = sd_bus_message_unref(notify->acquiring);
}

static void on_subscribed(void *user, const struct bleproxy_result *result)
{
    struct notify *notify = user;
    notify->operation = NULL;
    notify->state = result->error == 0 ? NOTIFY_ON : NOTIFY_OFF;
    if (result->error != 0) {
        fail_all(notify, result);
        return;
    }
    if (notify_is_notifying(notify))
        notify->ops->on_notifying(notify->user);
    answer_started(notify);
    answer_acquired(notify);
    settle(notify);
}

static void on_unsubscribed(void *user, const struct bleproxy_result *result)
{
    struct notify *notify = user;
    (void)result;
    notify->operation = NULL;
    notify->state = NOTIFY_OFF;
    if (result->error != BLEPROXY_E_CANCELLED)
        settle(notify);
}

/* Makes the device do what is wanted of it, if it does not yet. */
static void settle(struct notify *notify)
{
    bool wanted = is_wanted(notify);
    if (notify->state == NOTIFY_OFF && wanted) {
        int r = bleproxy_peripheral_subscribe(notify->peripheral, notify->handle, 0, on_notification, notify,
                                              on_subscribed, notify, &notify->operation);
        notify->state = NOTIFY_STARTING;
        if (r < 0)
            on_subscribed(notify, &(struct bleproxy_result){.error = r, .text = ""});
    } else if (notify->state == NOTIFY_ON && !wanted) {
        int r = bleproxy_peripheral_unsubscribe(notify->peripheral, notify->handle, on_unsubscribed, notify,
                                                &notify->operation);
        notify->state = r < 0 ? NOTIFY_OFF : NOTIFY_STOPPING;
    }
}

/* ---- Signals ---- */

static int add_session(struct notify *notify, sd_bus_message *call)
{
    struct notify_session *session = calloc(1, sizeof(*session));
    if (session)
        session->sender = strdup(sd_bus_message_get_sender(call));
    if (!session || !session->sender) {
        free(session);
        return -ENOMEM;
    }
    session->starting = sd_bus_message_ref(call);
    session->next = notify->sessions;
    notify->sessions = session;
    notify->n_sessions++;
    return 0;
}

int notify_start(struct notify *notify, sd_bus_message *call)
{
    const struct notify_session *session = *find(notify, sd_bus_message_get_sender(call));
    if (notify_is_acquired(notify) || notify->acquiring)
        return call_fail(notify->tree, call, ERROR_NOT_PERMITTED, "Notify acquired");
    if (session && session->starting)
        return call_fail(notify->tree, call, ERROR_IN_PROGRESS, "In Progress");
    if (session)
        return call_reply(notify->tree, call, "");
    if (notify->n_sessions == NOTIFY_SESSIONS_MAX)
        return call_fail(notify->tree, call, ERROR_FAILED, "too many programs are notified");
    bool was_notifying = notify_is_notifying(notify);
    int r = add_session(notify, call);
    if (r < 0)
        return r;
    if (!was_notifying && notify_is_notifying(notify)) /* it was watched */
        notify->ops->on_notifying(notify->user);
    if (notify->state == NOTIFY_ON)
        answer_started(notify);
    else
        settle(notify);
    return 0;
}

static void end_session(struct notify *notify, struct notify_session **at)
{
    bool was_notifying = notify_is_notifying(notify);
    sd_bus_message *starting = remove_session(notify, at);
    if (starting)
        call_fail(notify->tree, starting, ERROR_FAILED, "it was stopped");
    sd_bus_message_unref(starting);
    if (was_notifying && !notify_is_notifying(notify))
        notify->ops->on_notifying(notify->user);
    settle(notify);
}

static void release(struct notify *notify)
{
    acquired_close(&notify->acquired);
    notify->ops->on_acquired(notify->user);
    settle(notify);
}

static void on_closed(void *user)
{
    release(user);
}

int notify_stop(struct notify *notify, sd_bus_message *call)
{
    struct notify_session **at = find(notify, sd_bus_message_get_sender(call));
    if (*at)
        end_session(notify, at);
    else if (notify_is_acquired(notify))
        release(notify);
    else
        return call_fail(notify->tree, call, ERROR_FAILED, "No notify session started");
    return call_reply(notify->tree, call, "");
}

void notify_forget(struct notify *notify, const char *sender)
{
    struct notify_session **at = find(notify, sender);
    if (*at)
        end_session(notify, at);
    if (notify->acquiring && strcmp(sd_bus_message_get_sender(notify->acquiring), sender) == 0) {
        notify->acquiring = sd_bus_message_unref(notify->acquiring);
        settle(notify);
    }
    if (acquired_is_of(&notify->acquired, sender))
        release(notify);
}

/* ---- A socket ---- */

int notify_acquire(struct notify *notify, sd_bus_message *call)
{
    if (notify->n_sessions > 0)
        return call_fail(notify->tree, call, ERROR_IN_PROGRESS, "In Progress");
    if (notify_is_acquired(notify) || notify->acquiring)
        return call_fail(notify->tree, call, ERROR_NOT_PERMITTED, "Notify acquired");
    notify->acquiring = sd_bus_message_ref(call);
    if (notify->state == NOTIFY_ON)
        answer_acquired(notify);
    else
        settle(notify);
    return 0;
}

void notify_watch(struct notify *notify)
{
    notify->is_watched = true;
    settle(notify);
}

void notify_deinit(struct notify *notify)
{
    if (notify->operation)
        bleproxy_operation_cancel(notify->operation);
    fail_all(notify, &(struct bleproxy_result){.error = BLEPROXY_E_DISCONNECTED, .text = ""});
    acquired_close(&notify->acquired);
    notify->state = NOTIFY_OFF;
}
