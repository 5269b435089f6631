/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_DEVICE_INFO_H
#define BLEPROXY_DEVICE_INFO_H

#include <bleproxy/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a proxy's firmware can do, as it reports it; the firmware release that brought each. */
enum bleproxy_feature {
    BLEPROXY_FEATURE_PASSIVE_SCAN = 1 << 0,       /* 2022.9 */
    BLEPROXY_FEATURE_ACTIVE_CONNECTIONS = 1 << 1, /* 2022.10 */
    BLEPROXY_FEATURE_REMOTE_CACHING = 1 << 2,     /* 2022.12 */
    BLEPROXY_FEATURE_PAIRING = 1 << 3,            /* 2023.3 */
    BLEPROXY_FEATURE_CACHE_CLEARING = 1 << 4,     /* 2023.4 */
    BLEPROXY_FEATURE_RAW_ADVERTISEMENTS = 1 << 5, /* 2023.6 */
    BLEPROXY_FEATURE_STATE_AND_MODE = 1 << 6,     /* 2025.5 */
    BLEPROXY_FEATURE_CONNECTION_PARAMS = 1 << 7,  /* 2026.3 */
};

/* Lower-case name of one feature bit ("raw_advertisements"), the firmware release that brought it ("2023.6")
 * and what a program loses without it, in a sentence. NULL for a bit we do not know. Static storage. */
const char *bleproxy_feature_name(uint32_t feature);
const char *bleproxy_feature_since(uint32_t feature);
const char *bleproxy_feature_cost(uint32_t feature);

struct bleproxy_area_info {
    uint32_t area_id;
    char *name;
};

struct bleproxy_subdevice_info {
    uint32_t device_id, area_id;
    char *name;
};

struct bleproxy_serial_proxy_info {
    char *name;
    uint32_t port_type;
};

/* A proxy's description of itself. Strings are UTF-8 stripped of control characters, never NULL, empty when
 * the firmware does not send them. */
struct bleproxy_device_info {
    bool uses_password, has_deep_sleep, api_encryption_supported, api_encryption_provisionable;
    bool encrypted; /* this connection is */
    char *name, *friendly_name, *model, *manufacturer;
    char *mac_address,
        *bluetooth_mac_address; /* "AA:BB:CC:DD:EE:FF"; the second derived where firmware lacks it */
    char *esphome_version, *compilation_time, *project_name, *project_version, *suggested_area;
    uint32_t webserver_port;
    uint32_t legacy_bluetooth_proxy_version, bluetooth_proxy_feature_flags; /* as the firmware sent them */
    uint32_t
        features; /* enum bleproxy_feature bits from whichever source this API version makes authoritative */
    uint32_t legacy_voice_assistant_version, voice_assistant_feature_flags;
    uint32_t zwave_proxy_feature_flags, zwave_home_id;
    uint32_t api_version_major, api_version_minor;
    char *server_info;
    uint64_t source; /* the Bluetooth MAC address as a number: identifies the proxy among others */
    struct bleproxy_subdevice_info *devices;
    size_t n_devices;
    struct bleproxy_area_info *areas, area;
    size_t n_areas;
    struct bleproxy_serial_proxy_info *serial_proxies;
    size_t n_serial_proxies;
};

/* A proxy's connection slots: how many it has, how many are unused, and which devices hold the others. */
struct bleproxy_slots {
    uint32_t free, limit;
    const uint64_t *allocated; /* empty on firmware that does not tell (before 2025) */
    size_t n_allocated;
};

enum bleproxy_scanner_state {
    BLEPROXY_SCANNER_IDLE = 0,
    BLEPROXY_SCANNER_STARTING = 1,
    BLEPROXY_SCANNER_RUNNING = 2,
    BLEPROXY_SCANNER_FAILED = 3,
    BLEPROXY_SCANNER_STOPPING = 4,
    BLEPROXY_SCANNER_STOPPED = 5,
    BLEPROXY_SCANNER_UNKNOWN = 255, /* not reported, or a value newer firmware invented */
};

enum bleproxy_scanner_mode {
    BLEPROXY_MODE_PASSIVE = 0,
    BLEPROXY_MODE_ACTIVE = 1,
    BLEPROXY_MODE_AUTO = 2, /* passive, with bounded active windows on demand; sent to the proxy as passive */
    BLEPROXY_MODE_NONE = 255,
};

#ifdef __cplusplus
}
#endif
#endif
