/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

enum { STATUS_MS = 1000, US_PER_MS = 1000 };

static size_t count_ready(const struct fleet *fleet)
{
    size_t n = 0;
    for (size_t i = 0; i < fleet->n_members; i++)
        n += fleet->members[i].is_ready;
    return n;
}

static size_t count_connected(const struct adapter *adapter)
{
    size_t n = 0;
    for (const struct device *device = adapter->first_device; device; device = device->next)
        n += device->connected;
    return n;
}

void service_update(struct service *service)
{
    char status[sizeof(service->status)];
    size_t n_devices = count_connected(service->adapter);
    snprintf(status, sizeof(status), "%zu of %zu proxies connected, %zu device%s connected",
             count_ready(service->fleet), service->fleet->n_members, n_devices, n_devices == 1 ? "" : "s");
    if (strcmp(status, service->status) == 0)
        return;
    memcpy(service->status, status, sizeof(status));
    sd_notifyf(0, "STATUS=%s", status);
}

void service_explain_waiting(const struct fleet *fleet, char *text, size_t size)
{
    const struct member *first = fleet->n_members > 0 ? &fleet->members[0] : NULL;
    for (size_t i = 0; i < fleet->n_members; i++)
        if (fleet->members[i].error != 0 && first->error == 0)
            first = &fleet->members[i];
    if (!first) {
        snprintf(text, size, "there is none");
        return;
    }
    size_t n_others = fleet->n_members - 1;
    const char *why = first->error != 0 ? member_reason(first, first->text) : member_state(first);
    if (n_others == 0)
        snprintf(text, size, "%s: %s", first->label, why);
    else
        snprintf(text, size, "%s: %s; and %zu other%s", first->label, why, n_others,
                 n_others == 1 ? "" : "s");
}

static void on_status(void *user)
{
    struct service *service = user;
    service_update(service);
    service->on_status(service->user);
}

static void on_watchdog(void *user)
{
    (void)user;
    sd_notify(0, "WATCHDOG=1");
}

int service_start(struct service *service)
{
    uint64_t patience_us = 0;
    sd_notify(0, "READY=1");
    service_update(service);
    int r = bleproxy_timer_new(service->fleet->loop, STATUS_MS, STATUS_MS, on_status, service,
                               &service->status_timer);
    if (r < 0 || sd_watchdog_enabled(0, &patience_us) <= 0)
        return r;
    uint64_t every_ms = patience_us / 3 / US_PER_MS;
    every_ms = every_ms < 1 ? 1 : every_ms > UINT32_MAX ? UINT32_MAX : every_ms;
    on_watchdog(service);
    return bleproxy_timer_new(service->fleet->loop, (uint32_t)every_ms, (uint32_t)every_ms, on_watchdog,
                              service, &service->watchdog_timer);
}

void service_stop(struct service *service)
{
    if (!service->status_timer)
        return;
    sd_notify(0, "STOPPING=1\nSTATUS=leaving");
    bleproxy_timer_free(service->status_timer);
    bleproxy_timer_free(service->watchdog_timer);
    service->status_timer = service->watchdog_timer = NULL;
}
