/* SPDX-License-Identifier: MIT */
/* The slots of proxies, from the proxies. */
#include "slots.h"

#include <string.h>

static void on_slots(void *user, int error, const struct bleproxy_slots *slots)
{
    struct slots_asked *asked = user;
    asked->waiting = false;
    if (asked->view->over)
        return;
    if (error < 0)
        slots_fail(asked, error, NULL);
    else
        slots_take(asked, slots);
}

static void ask_one(struct slots_asked *asked)
{
    if (asked->failed || asked->waiting || asked->source == 0)
        return;
    int r = bleproxy_client_slots(asked->client, on_slots, asked);
    asked->waiting = r == 0;
    if (r < 0)
        slots_fail(asked, r, NULL);
}

static void on_info(void *user, int error, const struct bleproxy_device_info *info)
{
    struct slots_asked *asked = user;
    if (error < 0) {
        slots_fail(asked, error, NULL);
        return;
    }
    if (!asked->target->configured && info->name[0])
        bleproxy_sanitise(asked->label, sizeof(asked->label), info->name, strlen(info->name));
    if (!(info->features & BLEPROXY_FEATURE_ACTIVE_CONNECTIONS)) {
        slots_fail(asked, BLEPROXY_E_UNSUPPORTED, "this proxy makes no connections: it has no slots");
        return;
    }
    asked->source = info->source;
    ask_one(asked);
}

static void on_connected(void *user, int error, const char *text)
{
    struct slots_asked *asked = user;
    if (error == 0)
        error = bleproxy_client_device_info(asked->client, on_info, asked);
    if (error < 0)
        slots_fail(asked, error, text);
}

static void on_disconnected(void *user, int error, const char *text)
{
    slots_fail(user, error < 0 ? error : BLEPROXY_E_CLOSED, text && *text ? text : NULL);
}

static void start(struct slots_asked *asked)
{
    const struct bleproxy_proxy_config *config = &asked->target->config;
    int r = bleproxy_client_new(asked->view->loop, config, &asked->client);
    if (r == 0)
        r = bleproxy_client_connect(asked->client, on_connected, on_disconnected, asked);
    if (r < 0)
        slots_fail(asked, r, r == BLEPROXY_E_INVALID ? "this is no address" : NULL);
}

static void begin(struct slots_view *view)
{
    for (size_t i = 0; i < view->n_asked; i++)
        start(&view->asked[i]);
}

static void ask(struct slots_view *view)
{
    for (size_t i = 0; i < view->n_asked; i++)
        ask_one(&view->asked[i]);
}

const struct slots_ops slots_direct = {.begin = begin, .ask = ask};
