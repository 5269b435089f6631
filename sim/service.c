/* SPDX-License-Identifier: MIT */
#include "sim/service.h"

#include <stdio.h>

#define NOISE_PROTOCOL "Noise_NNpsk0_25519_ChaChaPoly_SHA256"

/* All of it fits. */
static void describe(uint8_t text[RESPONDER_TEXT_MAX], size_t *size, const char *key, const char *value)
{
    dns_text_append(text, RESPONDER_TEXT_MAX, size, key, value);
}

size_t service_describe(const struct sim_proxy *proxy, uint8_t text[RESPONDER_TEXT_MAX])
{
    const struct sim_proxy_config *config = &proxy->config;
    char mac[16];
    size_t size = 0;
    snprintf(mac, sizeof(mac), "%012llx",
             (unsigned long long)sim_proxy_mac_address(config->name, config->seed));
    if (proxy->profile.tells_friendly_name)
        describe(text, &size, "friendly_name", config->name);
    describe(text, &size, "version", proxy->profile.esphome_version);
    describe(text, &size, "mac", mac);
    describe(text, &size, "platform", "ESP32");
    describe(text, &size, "board", "esp32dev");
    describe(text, &size, "network", "wifi");
    if (proxy->has_key)
        describe(text, &size, "api_encryption", NOISE_PROTOCOL);
    else if (config->provisionable)
        describe(text, &size, "api_encryption_supported", NOISE_PROTOCOL);
    if (!proxy->has_key && config->provisionable && proxy->profile.zero_key)
        describe(text, &size, "api_provisioning", "zero-psk");
    return size;
}
