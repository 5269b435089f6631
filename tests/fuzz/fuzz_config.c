/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include "names/sanitise.h"
#include <bleproxy/error.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_proxy(const struct config *config, const struct config_proxy *proxy)
{
    if (!proxy->name[0] || !proxy->address[0] || proxy->port == 0 || proxy->line == 0 || proxy->scan > 3)
        abort();
    if (proxy->noise_psk && (proxy->noise_psk_file || strlen(proxy->noise_psk) != 44))
        abort();
    if (config_find(config, proxy->name) != proxy)
        abort();
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
    config_deinit(&config);
    return 0;
}
