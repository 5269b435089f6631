/* SPDX-License-Identifier: MIT */
#include "config/append.h"
#include "config/config.h"

#include "names/sanitise.h"
#include <bleproxy/advertisement.h>
#include <bleproxy/error.h>
#include <bleproxy/hub.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(const struct config_text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!texts[i].text[0] || texts[i].line == 0)
            abort();
}

static void check_proxy(const struct config *config, const struct config_proxy *proxy)
{
    if (!proxy->name[0] || !proxy->address[0] || proxy->port == 0 || proxy->port > UINT16_MAX ||
        proxy->line == 0 || proxy->scan > 3)
        abort();
    if (proxy->noise_psk && (proxy->noise_psk_file || strlen(proxy->noise_psk) != 44))
        abort();
    if (config_find(config, proxy->name) != proxy)
        abort();
    check_texts(proxy->prefer, proxy->n_prefer);
    check_texts(proxy->only, proxy->n_only);
    check_texts(proxy->deny, proxy->n_deny);
}

static void check_device(const struct config_device *device)
{
    uint64_t address;
    if (device->line == 0 || bleproxy_address_parse(device->address, &address) < 0 ||
        device->interval > CONFIG_INTERVAL_MAX_S)
        abort();
    check_texts(device->prefer, device->n_prefer);
    check_texts(device->only, device->n_only);
    check_texts(device->deny, device->n_deny);
}

/* What is added stands in one place, and the rest is as it was. */
static void check_append(const char *text, size_t size)
{
    static const struct config_entry entry = {.name = "n-_.0", .address = "kitchen.local", .port = 6054};
    struct config_error error = {0};
    char *after;
    size_t after_size, common = 0;
    int r = config_append(text, size, &entry, 1, &after, &after_size, &error);
    if (r == BLEPROXY_E_INVALID && !error.text[0])
        abort();
    if (r < 0)
        return;
    while (common < size && text[common] == after[common])
        common++;
    if (after_size <= size)
        abort();
    /* What is added may begin with what follows it. */
    size_t behind = 0;
    while (behind < size && text[size - 1 - behind] == after[after_size - 1 - behind])
        behind++;
    if (common + behind < size)
        abort();
    free(after);
}

/* A configuration file, as config_parse() takes it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct config_error error = {0};
    int r = config_parse((const char *)data, size, &config, &error);
    if (r == BLEPROXY_E_INVALID) {
        size_t length = strnlen(error.text, sizeof(error.text));
        if (length == 0 || length == sizeof(error.text) || !sanitise_keeps(error.text, length))
            abort();
        return 0;
    }
    if (r < 0)
        return 0;
    for (size_t i = 0; i < config.n_proxies && i < 100; i++)
        check_proxy(&config, &config.proxies[i]);
    for (size_t i = 0; i < config.n_devices; i++)
        check_device(&config.devices[i]);
    if (config.filters & ~(unsigned)BLEPROXY_RULE_APPLE_FILTER ||
        config.reference & ~(unsigned)BLEPROXY_RULES_ALL)
        abort();
    config_deinit(&config);
    check_append((const char *)data, size);
    return 0;
}
