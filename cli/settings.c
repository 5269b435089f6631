/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- A change ---- */

struct pin {
    uint64_t device;
    const char *proxy;
    enum bleproxy_pin kind;
};

struct pins {
    struct pin *items;
    size_t n;
};

static int compare_pins(const void *a, const void *b)
{
    const struct pin *first = a, *second = b;
    if (first->device != second->device)
        return first->device < second->device ? -1 : 1;
    if (first->kind != second->kind)
        return first->kind < second->kind ? -1 : 1;
    return strcmp(first->proxy, second->proxy);
}

static void list_device(struct pins *pins, const struct config_device *device)
{
    const struct {
        const struct config_text *texts;
        size_t n;
        enum bleproxy_pin kind;
    } lists[] = {{device->prefer, device->n_prefer, BLEPROXY_PIN_PREFER},
                 {device->only, device->n_only, BLEPROXY_PIN_ONLY},
                 {device->deny, device->n_deny, BLEPROXY_PIN_DENY}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (size_t j = 0; j < lists[i].n; j++)
            pins->items[pins->n++] =
                (struct pin){address_of(device->address), lists[i].texts[j].text, lists[i].kind};
}

static void list_proxy(struct pins *pins, const struct config_proxy *proxy)
{
    const struct {
        const struct config_text *texts;
        size_t n;
        enum bleproxy_pin kind;
    } lists[] = {{proxy->prefer, proxy->n_prefer, BLEPROXY_PIN_PREFER},
                 {proxy->only, proxy->n_only, BLEPROXY_PIN_RESERVE},
                 {proxy->deny, proxy->n_deny, BLEPROXY_PIN_DENY}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (size_t j = 0; j < lists[i].n; j++)
            pins->items[pins->n++] =
                (struct pin){address_of(lists[i].texts[j].text), proxy->name, lists[i].kind};
}

/* All pins, sorted. */
static int list_pins(const struct config *config, struct pins *ret_pins)
{
    size_t n = 0;
    for (size_t i = 0; i < config->n_devices; i++)
        n += config->devices[i].n_prefer + config->devices[i].n_only + config->devices[i].n_deny;
    for (size_t i = 0; i < config->n_proxies; i++)
        n += config->proxies[i].n_prefer + config->proxies[i].n_only + config->proxies[i].n_deny;
    *ret_pins = (struct pins){.items = calloc(n + 1, sizeof(*ret_pins->items))};
    if (!ret_pins->items)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < config->n_devices; i++)
        list_device(ret_pins, &config->devices[i]);
    for (size_t i = 0; i < config->n_proxies; i++)
        list_proxy(ret_pins, &config->proxies[i]);
    qsort(ret_pins->items, ret_pins->n, sizeof(*ret_pins->items), compare_pins);
    return 0;
}

static int take_back_pins(struct bleproxy_hub *hub, const struct config *before, const struct config *after)
{
    struct pins old = {0}, new = {0};
    int r = list_pins(before, &old);
    if (r == 0)
        r = list_pins(after, &new);
    for (size_t i = 0; r == 0 && i < old.n; i++) {
        const struct pin *pin = &old.items[i];
        if (!bsearch(pin, new.items, new.n, sizeof(*pin), compare_pins))
            bleproxy_hub_unpin(hub, pin->device, pin->proxy, pin->kind);
    }
    free(old.items);
    free(new.items);
    return r;
}

static int compare_addresses(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

/* Of devices that have an interval no more. */
static int take_back_intervals(struct bleproxy_hub *hub, const struct config *before,
                               const struct config *after)
{
    size_t n = 0;
    uint64_t *having = calloc(after->n_devices + 1, sizeof(*having));
    if (!having)
        return BLEPROXY_E_NOMEM;
    for (size_t i = 0; i < after->n_devices; i++)
        if (after->devices[i].interval > 0)
            having[n++] = address_of(after->devices[i].address);
    qsort(having, n, sizeof(*having), compare_addresses);
    for (size_t i = 0; i < before->n_devices; i++) {
        uint64_t address = address_of(before->devices[i].address);
        if (before->devices[i].interval > 0 &&
            !bsearch(&address, having, n, sizeof(*having), compare_addresses))
            bleproxy_hub_set_interval(hub, address, 0);
    }
    free(having);
    return 0;
}

static int change(struct bleproxy_hub *hub, const struct config *before, const struct config *after)
{
    int r = take_back_pins(hub, before, after);
    if (r == 0)
        r = take_back_intervals(hub, before, after);
    return r == 0 ? settings_apply(hub, after) : r;
}

int settings_change(struct bleproxy_hub *hub, const struct config *before, const struct config *after)
{
    int r = change(hub, before, after);
    if (r < 0)
        change(hub, after, before);
    return r;
}
