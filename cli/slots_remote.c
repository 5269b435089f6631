/* SPDX-License-Identifier: MIT */
/* The slots of proxies, from the bleproxyd that has them. */
#include "slots.h"

#include "remote_bus.h"
#include <string.h>

static void take_proxy(struct slots_asked *asked, const struct remote_proxy *proxy)
{
    const struct bleproxy_slots slots = {.free = proxy->slots_free,
                                         .limit = proxy->slots_limit,
                                         .allocated = proxy->holders,
                                         .n_allocated = proxy->n_holders};
    char text[256];
    bleproxy_sanitise(asked->label, sizeof(asked->label), proxy->name, strlen(proxy->name));
    bleproxy_address_parse(proxy->source, &asked->source);
    bleproxy_sanitise(text, sizeof(text), proxy->error, strlen(proxy->error));
    if (proxy->error_code < 0 || text[0])
        slots_fail(asked, proxy->error_code < 0 ? proxy->error_code : BLEPROXY_E_CLOSED,
                   text[0] ? text : NULL);
    else if (proxy->has_slots)
        slots_take(asked, &slots);
    else if (proxy->is_known_connectable && !proxy->connectable)
        slots_fail(asked, BLEPROXY_E_UNSUPPORTED, "this proxy makes no connections: it has no slots");
}

/* What is not told yet is asked for again. */
static int on_proxies(sd_bus_message *reply, void *user, sd_bus_error *error)
{
    struct slots_view *view = user;
    struct remote_proxy proxy;
    size_t n = 0;
    (void)error;
    view->is_asking = false;
    if (view->over)
        return 0;
    if (remote_open_proxies(reply))
        while (n < view->n_asked && remote_next_proxy(reply, &proxy))
            if (remote_is_named(&view->options, &proxy))
                take_proxy(&view->asked[n++], &proxy);
    for (; n < view->n_asked; n++)
        slots_fail(&view->asked[n], BLEPROXY_E_CLOSED, "bleproxyd does not tell of it any more");
    return 0;
}

static void ask(struct slots_view *view)
{
    if (!view->is_asking)
        view->is_asking = remote_ask(view->remote, on_proxies, view) >= 0;
}

static void begin(struct slots_view *view)
{
    remote_attach(view->remote);
    ask(view);
}

static const struct slots_ops ops = {.begin = begin, .ask = ask};
const struct slots_ops *const slots_remote = &ops;
