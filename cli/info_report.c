/* SPDX-License-Identifier: MIT */
#include "info.h"

#include "json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host, and the port unless it is the usual one. */
static struct json_object *json_endpoint(const struct bleproxy_proxy_config *config)
{
    struct json_object *endpoint;
    bool v6 = strchr(config->address, ':');
    size_t size = strlen(config->address) + 16;
    char *text = malloc(size);
    if (!text || config->port == BLEPROXY_PORT)
        endpoint = json_text(config->address);
    else {
        snprintf(text, size, v6 ? "[%s]:%u" : "%s:%u", config->address, config->port);
        endpoint = json_text(text);
    }
    free(text);
    return endpoint;
}

/* "" is how firmware says nothing. */
static struct json_object *json_told(const char *text)
{
    return text[0] ? json_text(text) : NULL;
}

static struct json_object *json_features(uint32_t features)
{
    struct json_object *names = json_object_new_array();
    for (uint32_t bit = 1; bit; bit <<= 1)
        if (features & bit && bleproxy_feature_name(bit))
            json_object_array_add(names, json_text(bleproxy_feature_name(bit)));
    return names;
}

struct json_object *info_report_new(const char *label, const struct bleproxy_proxy_config *config,
                                    const struct bleproxy_device_info *info)
{
    struct json_object *report = json_object_new_object();
    char api_version[32];
    snprintf(api_version, sizeof(api_version), "%u.%u", info->api_version_major, info->api_version_minor);
    json_object_object_add(report, "proxy", json_text(label));
    json_object_object_add(report, "name", json_told(info->name));
    json_object_object_add(report, "address", json_endpoint(config));
    json_object_object_add(report, "mac_address", json_told(info->mac_address));
    json_object_object_add(report, "bluetooth_mac_address", json_told(info->bluetooth_mac_address));
    json_object_object_add(report, "model", json_told(info->model));
    json_object_object_add(report, "esphome_version", json_told(info->esphome_version));
    json_object_object_add(report, "api_version", json_text(api_version));
    json_object_object_add(report, "encrypted", json_object_new_boolean(info->encrypted));
    json_object_object_add(report, "feature_flags", json_object_new_int64(info->features));
    json_object_object_add(report, "features", json_features(info->features));
    json_object_object_add(report, "scanner", NULL);
    json_object_object_add(report, "slots", NULL);
    return report;
}

void info_report_slots(struct json_object *report, const struct bleproxy_slots *slots)
{
    struct json_object *object = json_object_new_object(), *allocated = json_object_new_array();
    for (size_t i = 0; i < slots->n_allocated; i++)
        json_object_array_add(allocated, json_address(slots->allocated[i]));
    json_object_object_add(object, "free", json_object_new_int64(slots->free));
    json_object_object_add(object, "limit", json_object_new_int64(slots->limit));
    json_object_object_add(object, "allocated", allocated);
    json_object_object_add(report, "slots", object);
}

static const char *state_name(enum bleproxy_scanner_state state)
{
    switch (state) {
    case BLEPROXY_SCANNER_IDLE:
        return "idle";
    case BLEPROXY_SCANNER_STARTING:
        return "starting";
    case BLEPROXY_SCANNER_RUNNING:
        return "running";
    case BLEPROXY_SCANNER_FAILED:
        return "failed";
    case BLEPROXY_SCANNER_STOPPING:
        return "stopping";
    case BLEPROXY_SCANNER_STOPPED:
        return "stopped";
    case BLEPROXY_SCANNER_UNKNOWN:
        break;
    }
    return NULL;
}

static const char *mode_name(enum bleproxy_scanner_mode mode)
{
    switch (mode) {
    case BLEPROXY_MODE_PASSIVE:
    case BLEPROXY_MODE_AUTO:
        return "passive";
    case BLEPROXY_MODE_ACTIVE:
        return "active";
    case BLEPROXY_MODE_NONE:
        break;
    }
    return NULL;
}

void info_report_scanner(struct json_object *report, enum bleproxy_scanner_state state,
                         enum bleproxy_scanner_mode mode, const char *subscription)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "state", json_text(state_name(state)));
    json_object_object_add(object, "mode", json_text(mode_name(mode)));
    json_object_object_add(object, "subscription", json_text(subscription));
    json_object_object_add(report, "scanner", object);
}
