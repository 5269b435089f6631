/* SPDX-License-Identifier: MIT */
#include "settings.h"

/* The configuration is checked: its texts are addresses where they must be. */
static uint64_t address_of(const char *text)
{
    uint64_t address = 0;
    bleproxy_address_parse(text, &address);
    return address;
}

static int pin_proxies(struct bleproxy_hub *hub, const char *device, enum bleproxy_pin kind,
                       const struct config_text *proxies, size_t n)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = bleproxy_hub_pin(hub, address_of(device), proxies[i].text, kind);
    return r;
}

static int pin_devices(struct bleproxy_hub *hub, const char *proxy, enum bleproxy_pin kind,
                       const struct config_text *devices, size_t n)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = bleproxy_hub_pin(hub, address_of(devices[i].text), proxy, kind);
    return r;
}

static int apply_device(struct bleproxy_hub *hub, const struct config_device *device)
{
    int r = pin_proxies(hub, device->address, BLEPROXY_PIN_PREFER, device->prefer, device->n_prefer);
    if (r == 0)
        r = pin_proxies(hub, device->address, BLEPROXY_PIN_ONLY, device->only, device->n_only);
    if (r == 0)
        r = pin_proxies(hub, device->address, BLEPROXY_PIN_DENY, device->deny, device->n_deny);
    if (r == 0 && device->interval > 0)
        r = bleproxy_hub_set_interval(hub, address_of(device->address), device->interval);
    return r;
}

static int apply_proxy(struct bleproxy_hub *hub, const struct config_proxy *proxy)
{
    int r = pin_devices(hub, proxy->name, BLEPROXY_PIN_PREFER, proxy->prefer, proxy->n_prefer);
    if (r == 0)
        r = pin_devices(hub, proxy->name, BLEPROXY_PIN_RESERVE, proxy->only, proxy->n_only);
    if (r == 0)
        r = pin_devices(hub, proxy->name, BLEPROXY_PIN_DENY, proxy->deny, proxy->n_deny);
    return r;
}

struct bleproxy_hub_options settings_options(const struct config *config,
                                             const struct bleproxy_hub_options *own)
{
    struct bleproxy_hub_options options = own ? *own : (struct bleproxy_hub_options){0};
    options.reference |= config->filters | config->reference;
    return options;
}

int settings_apply(struct bleproxy_hub *hub, const struct config *config)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < config->n_devices; i++)
        r = apply_device(hub, &config->devices[i]);
    for (size_t i = 0; r == 0 && i < config->n_proxies; i++)
        r = apply_proxy(hub, &config->proxies[i]);
    return r;
}
