/* SPDX-License-Identifier: MIT */
#include <bleproxy/device_info.h>

/* The firmware of 2023.6 was the first to report these bits; for an older one they follow from its proxy
 * version. */
#define FEATURES(F)                                                                                          \
    F(PASSIVE_SCAN, "passive_scan", "2022.9", "it may report no advertisements at all")                      \
    F(ACTIVE_CONNECTIONS, "active_connections", "2022.10",                                                   \
      "devices cannot be connected through it; its advertisements are not affected")                         \
    F(REMOTE_CACHING, "remote_caching", "2022.12",                                                           \
      "devices cannot be connected through it, for that needs services cached on this side")                 \
    F(PAIRING, "pairing", "2023.3", "devices cannot be paired or unpaired through it")                       \
    F(CACHE_CLEARING, "cache_clearing", "2023.4",                                                            \
      "clearing a device's cache clears it on this side only, the proxy keeps its own")                      \
    F(RAW_ADVERTISEMENTS, "raw_advertisements", "2023.6",                                                    \
      "advertisements come one by one and decoded, without their raw bytes and transmission power")          \
    F(STATE_AND_MODE, "state_and_mode", "2025.5",                                                            \
      "its scanner's state and mode are unknown, the mode cannot be changed, and a lost subscription goes "  \
      "unnoticed")                                                                                           \
    F(CONNECTION_PARAMS, "connection_params", "2026.3",                                                      \
      "connection parameters cannot be changed, requests to do so have no effect")

const char *bleproxy_feature_name(uint32_t feature)
{
    switch ((enum bleproxy_feature)feature) {
#define F(bit, name, since, cost)                                                                            \
    case BLEPROXY_FEATURE_##bit:                                                                             \
        return name;
        FEATURES(F)
#undef F
    }
    return NULL;
}

const char *bleproxy_feature_since(uint32_t feature)
{
    switch ((enum bleproxy_feature)feature) {
#define F(bit, name, since, cost)                                                                            \
    case BLEPROXY_FEATURE_##bit:                                                                             \
        return since;
        FEATURES(F)
#undef F
    }
    return NULL;
}

const char *bleproxy_feature_cost(uint32_t feature)
{
    switch ((enum bleproxy_feature)feature) {
#define F(bit, name, since, cost)                                                                            \
    case BLEPROXY_FEATURE_##bit:                                                                             \
        return cost;
        FEATURES(F)
#undef F
    }
    return NULL;
}
