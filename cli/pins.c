/* SPDX-License-Identifier: MIT */
#include "pins.h"

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

int pins_apply(struct bleproxy_hub *hub, const struct config *config)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < config->n_devices; i++) {
        const struct config_device *device = &config->devices[i];
        r = pin_proxies(hub, device->address, BLEPROXY_PIN_PREFER, device->prefer, device->n_prefer);
        if (r == 0)
            r = pin_proxies(hub, device->address, BLEPROXY_PIN_ONLY, device->only, device->n_only);
        if (r == 0)
            r = pin_proxies(hub, device->address, BLEPROXY_PIN_DENY, device->deny, device->n_deny);
    }
    for (size_t i = 0; r == 0 && i < config->n_proxies; i++) {
        const struct config_proxy *proxy = &config->proxies[i];
        r = pin_devices(hub, proxy->name, BLEPROXY_PIN_PREFER, proxy->prefer, proxy->n_prefer);
        if (r == 0)
            r = pin_devices(hub, proxy->name, BLEPROXY_PIN_RESERVE, proxy->only, proxy->n_only);
        if (r == 0)
            r = pin_devices(hub, proxy->name, BLEPROXY_PIN_DENY, proxy->deny, proxy->n_deny);
    }
    return r;
}
