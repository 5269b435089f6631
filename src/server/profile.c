/* SPDX-License-Identifier: MIT */
#include "server/server.h"

#include <string.h>

enum {
    FEATURES_2023_6 = BLEPROXY_FEATURE_PASSIVE_SCAN | BLEPROXY_FEATURE_ACTIVE_CONNECTIONS |
                      BLEPROXY_FEATURE_REMOTE_CACHING | BLEPROXY_FEATURE_PAIRING |
                      BLEPROXY_FEATURE_CACHE_CLEARING | BLEPROXY_FEATURE_RAW_ADVERTISEMENTS,
    FEATURES_2025_8 = FEATURES_2023_6 | BLEPROXY_FEATURE_STATE_AND_MODE,
    FEATURES_2026_8 = FEATURES_2025_8 | BLEPROXY_FEATURE_CONNECTION_PARAMS,
};

const struct server_profile server_profiles[] = {
    {
        .name = "2022.12",
        .esphome_version = "2022.12.8",
        .compilation_time = "Jan 17 2023, 20:11:02",
        .api_minor = 7,
        .legacy_version = 3,
        .long_server_info = true,
        .passwords = true,
        .login_required = true,
        .decoded_only = true,
        .handshake_timeout_ns = BP_NEVER,
        .payload_max = 65535,
        .max_clients = 8,
    },
    {
        .name = "2023.6",
        .esphome_version = "2023.6.5",
        .compilation_time = "Jul  5 2023, 09:40:51",
        .tells_friendly_name = true,
        .api_minor = 9,
        .feature_flags = FEATURES_2023_6,
        .legacy_version = 5,
        .long_server_info = true,
        .passwords = true,
        .login_required = true,
        .pairing = true,
        .handshake_timeout_ns = BP_NEVER,
        .payload_max = 65535,
        .max_clients = 8,
    },
    {
        .name = "2025.8",
        .esphome_version = "2025.8.4",
        .compilation_time = "Sep  9 2025, 15:27:30",
        .tells_friendly_name = true,
        .api_minor = 12,
        .feature_flags = FEATURES_2025_8,
        .legacy_version = 5,
        .long_server_info = true,
        .sets_keys = true,
        .passwords = true,
        .scanner_state = true,
        .raw_only = true,
        .bluetooth_mac = true,
        .noise_mac = true,
        .allocated_list = true,
        .pairing = true,
        .packed_services = true,
        .flush_ns = 100 * NS_PER_MS,
        .handshake_timeout_ns = 60 * NS_PER_S,
        .payload_max = 65535,
        .max_clients = 8,
    },
    {
        .name = "2026.8",
        .esphome_version = "2026.8.0",
        .compilation_time = "Aug 21 2026, 18:41:46",
        .tells_friendly_name = true,
        .api_minor = 15,
        .feature_flags = FEATURES_2026_8,
        .capabilities = true,
        .sets_keys = true,
        .zero_key = true,
        .asks_time = true,
        .newest_subscriber_wins = true,
        .scanner_state = true,
        .configured_mode = true,
        .raw_only = true,
        .bluetooth_mac = true,
        .noise_mac = true,
        .allocated_list = true,
        .pairing = true,
        .complete_pairing = true,
        .packed_services = true,
        .restarts_services = true,
        .repeats_mtu = true,
        .flush_ns = 200 * NS_PER_MS,
        .handshake_timeout_ns = 60 * NS_PER_S,
        .payload_max = 32768,
        .max_clients = 8,
    },
};

const size_t server_n_profiles = sizeof(server_profiles) / sizeof(*server_profiles);

const struct server_profile *server_profile_find(const char *name)
{
    for (size_t i = 0; i < server_n_profiles; i++)
        if (strcmp(server_profiles[i].name, name) == 0)
            return &server_profiles[i];
    return NULL;
}
