/* SPDX-License-Identifier: MIT */
#include "session/device_info.h"

#include "names/sanitise.h"
#include <bleproxy/advertisement.h>
#include <string.h>

enum {
    TEXT_MAX = 256, /* characters; the longest texts of firmware have 127 */
    LIST_MAX = 256, /* sub-devices, areas, serial proxies; firmware has at most some dozens */
};

#define SAME_NAME(member)                                                                                    \
    {                                                                                                        \
        offsetof(struct bleproxy_device_info, member), offsetof(DeviceInfoResponse, member)                  \
    }
static const struct {
    size_t to, from;
} texts[] = {
    SAME_NAME(name),
    SAME_NAME(friendly_name),
    SAME_NAME(model),
    SAME_NAME(manufacturer),
    SAME_NAME(mac_address),
    SAME_NAME(bluetooth_mac_address),
    SAME_NAME(esphome_version),
    SAME_NAME(compilation_time),
    SAME_NAME(project_name),
    SAME_NAME(project_version),
    SAME_NAME(suggested_area),
};
#undef SAME_NAME

static char **text_of(const struct bleproxy_device_info *info, size_t i)
{
    return (char **)((uintptr_t)info + texts[i].to);
}

uint32_t device_info_legacy_features(uint32_t legacy_version)
{
    static const uint32_t features[] = {
        BLEPROXY_FEATURE_PASSIVE_SCAN, BLEPROXY_FEATURE_ACTIVE_CONNECTIONS, BLEPROXY_FEATURE_REMOTE_CACHING,
        BLEPROXY_FEATURE_PAIRING,      BLEPROXY_FEATURE_CACHE_CLEARING,
    };
    uint32_t all = 0;
    for (uint32_t i = 0; i < sizeof(features) / sizeof(features[0]) && i < legacy_version; i++)
        all |= features[i];
    return all;
}

/* A clean copy, or NULL when there is no memory. */
static char *text_take(const struct env *env, ProtobufCBinaryData text)
{
    size_t capacity = text.len < TEXT_MAX * 4 ? text.len + 1 : TEXT_MAX * 4 + 1;
    char *copy = env_alloc(env, capacity);
    if (copy)
        sanitise(copy, capacity, text.data, text.len, TEXT_MAX);
    return copy;
}

static char *text_dup(const struct env *env, const char *text)
{
    return env_strndup(env, text, strlen(text));
}

static size_t list_size(size_t n)
{
    return n < LIST_MAX ? n : LIST_MAX;
}

/* Room for n elements, of which none is counted yet; *ret_list stays NULL for none. */
static int list_alloc(const struct env *env, size_t n, size_t size, void *ret_list)
{
    if (n == 0)
        return 0;
    void *list = env_alloc(env, n * size);
    if (!list)
        return BLEPROXY_E_NOMEM;
    memcpy(ret_list, &list, sizeof(list));
    return 0;
}

static int serial_proxies_take(const struct env *env, SerialProxyInfo *const *from, size_t n,
                               struct bleproxy_device_info *info)
{
    int r = list_alloc(env, n, sizeof(*info->serial_proxies), &info->serial_proxies);
    for (size_t i = 0; r == 0 && i < n; i++, info->n_serial_proxies++) {
        info->serial_proxies[i].port_type = from[i]->port_type;
        info->serial_proxies[i].name = text_take(env, from[i]->name);
        if (!info->serial_proxies[i].name)
            return BLEPROXY_E_NOMEM;
    }
    return r;
}

static int lists_take(const struct env *env, const DeviceInfoResponse *from,
                      struct bleproxy_device_info *info)
{
    size_t n_devices = list_size(from->n_devices), n_areas = list_size(from->n_areas);
    int r = list_alloc(env, n_devices, sizeof(*info->devices), &info->devices);
    for (size_t i = 0; r == 0 && i < n_devices; i++, info->n_devices++) {
        info->devices[i].device_id = from->devices[i]->device_id;
        info->devices[i].area_id = from->devices[i]->area_id;
        info->devices[i].name = text_take(env, from->devices[i]->name);
        if (!info->devices[i].name)
            return BLEPROXY_E_NOMEM;
    }
    if (r == 0)
        r = list_alloc(env, n_areas, sizeof(*info->areas), &info->areas);
    for (size_t i = 0; r == 0 && i < n_areas; i++, info->n_areas++) {
        info->areas[i].area_id = from->areas[i]->area_id;
        info->areas[i].name = text_take(env, from->areas[i]->name);
        if (!info->areas[i].name)
            return BLEPROXY_E_NOMEM;
    }
    if (r == 0)
        r = serial_proxies_take(env, from->serial_proxies, list_size(from->n_serial_proxies), info);
    return r;
}

static int texts_take(const struct env *env, const struct device_info_hello *hello,
                      const DeviceInfoResponse *from, struct bleproxy_device_info *info)
{
    ProtobufCBinaryData text;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        memcpy(&text, (const char *)from + texts[i].from, sizeof(text));
        if (!(*text_of(info, i) = text_take(env, text)))
            return BLEPROXY_E_NOMEM;
    }
    info->area.name = text_take(env, from->area ? from->area->name : (ProtobufCBinaryData){0});
    info->server_info = text_dup(env, hello->server_info);
    return info->area.name && info->server_info ? 0 : BLEPROXY_E_NOMEM;
}

static void numbers_take(const DeviceInfoResponse *from, struct bleproxy_device_info *info)
{
    info->uses_password = from->uses_password;
    info->has_deep_sleep = from->has_deep_sleep;
    info->api_encryption_supported = from->api_encryption_supported;
    info->api_encryption_provisionable = from->api_encryption_provisionable;
    info->webserver_port = from->webserver_port;
    info->legacy_bluetooth_proxy_version = from->legacy_bluetooth_proxy_version;
    info->bluetooth_proxy_feature_flags = from->bluetooth_proxy_feature_flags;
    info->legacy_voice_assistant_version = from->legacy_voice_assistant_version;
    info->voice_assistant_feature_flags = from->voice_assistant_feature_flags;
    info->zwave_proxy_feature_flags = from->zwave_proxy_feature_flags;
    info->zwave_home_id = from->zwave_home_id;
    if (from->area)
        info->area.area_id = from->area->area_id;
}

static int bluetooth_mac_set(const struct env *env, uint64_t address, struct bleproxy_device_info *info)
{
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    bleproxy_address_format(address, text);
    char *copy = text_dup(env, text);
    if (!copy)
        return BLEPROXY_E_NOMEM;
    env_free(env, info->bluetooth_mac_address);
    info->bluetooth_mac_address = copy;
    info->source = address;
    return 0;
}

/* Firmware before 2025 does not tell its Bluetooth address: an ESP32 derives it from the base address by
 * adding 2 to the last octet, without a carry. */
static int bluetooth_mac_complete(const struct env *env, struct bleproxy_device_info *info)
{
    uint64_t address;
    if (bleproxy_address_parse(info->bluetooth_mac_address, &address) == 0)
        return bluetooth_mac_set(env, address, info);
    if (bleproxy_address_parse(info->mac_address, &address) == 0)
        return bluetooth_mac_set(env, (address & ~UINT64_C(0xff)) | ((address + 2) & 0xff), info);
    info->bluetooth_mac_address[0] = '\0';
    return 0;
}

static bool version_at_least(const struct bleproxy_device_info *info, uint32_t major, uint32_t minor)
{
    return info->api_version_major > major ||
           (info->api_version_major == major && info->api_version_minor >= minor);
}

int device_info_init(const struct env *env, const struct device_info_hello *hello,
                     const DeviceInfoResponse *response, struct bleproxy_device_info *ret_info)
{
    struct bleproxy_device_info info = {.encrypted = hello->encrypted,
                                        .api_version_major = hello->api_major,
                                        .api_version_minor = hello->api_minor};
    numbers_take(response, &info);
    if (!version_at_least(&info, 1, 9))
        info.features = device_info_legacy_features(response->legacy_bluetooth_proxy_version);
    else if (!version_at_least(&info, 1, 15))
        info.features = response->bluetooth_proxy_feature_flags;
    int r = texts_take(env, hello, response, &info);
    if (r == 0)
        r = lists_take(env, response, &info);
    if (r == 0)
        r = bluetooth_mac_complete(env, &info);
    if (r < 0) {
        device_info_deinit(env, &info);
        return r;
    }
    *ret_info = info;
    return 0;
}

static void serial_proxies_free(const struct env *env, struct bleproxy_device_info *info)
{
    for (size_t i = 0; i < info->n_serial_proxies; i++)
        env_free(env, info->serial_proxies[i].name);
    env_free(env, info->serial_proxies);
    info->serial_proxies = NULL;
    info->n_serial_proxies = 0;
}

int device_info_add_capabilities(const struct env *env, const DeviceCapabilitiesResponse *capabilities,
                                 struct bleproxy_device_info *info)
{
    const BluetoothProxyCapabilities *bluetooth = capabilities->bluetooth_proxy;
    info->features = bluetooth ? bluetooth->feature_flags : 0;
    if (capabilities->voice_assistant)
        info->voice_assistant_feature_flags = capabilities->voice_assistant->feature_flags;
    if (capabilities->zwave_proxy) {
        info->zwave_proxy_feature_flags = capabilities->zwave_proxy->feature_flags;
        info->zwave_home_id = capabilities->zwave_proxy->home_id;
    }
    int r = 0;
    if (capabilities->n_serial_proxies > 0) {
        serial_proxies_free(env, info);
        r = serial_proxies_take(env, capabilities->serial_proxies, list_size(capabilities->n_serial_proxies),
                                info);
    }
    uint64_t address;
    char text[BLEPROXY_ADDRESS_TEXT_SIZE];
    if (r == 0 && bluetooth) {
        sanitise(text, sizeof(text), bluetooth->mac_address.data, bluetooth->mac_address.len, sizeof(text));
        if (bleproxy_address_parse(text, &address) == 0)
            r = bluetooth_mac_set(env, address, info);
    }
    return r;
}

void device_info_deinit(const struct env *env, struct bleproxy_device_info *info)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        env_free(env, *text_of(info, i));
    env_free(env, info->server_info);
    env_free(env, info->area.name);
    for (size_t i = 0; i < info->n_devices; i++)
        env_free(env, info->devices[i].name);
    env_free(env, info->devices);
    for (size_t i = 0; i < info->n_areas; i++)
        env_free(env, info->areas[i].name);
    env_free(env, info->areas);
    serial_proxies_free(env, info);
    *info = (struct bleproxy_device_info){0};
}

static int lists_dup(const struct env *env, const struct bleproxy_device_info *from,
                     struct bleproxy_device_info *copy)
{
    int r = list_alloc(env, from->n_devices, sizeof(*copy->devices), &copy->devices);
    for (size_t i = 0; r == 0 && i < from->n_devices; i++, copy->n_devices++) {
        copy->devices[i] = from->devices[i];
        if (!(copy->devices[i].name = text_dup(env, from->devices[i].name)))
            return BLEPROXY_E_NOMEM;
    }
    if (r == 0)
        r = list_alloc(env, from->n_areas, sizeof(*copy->areas), &copy->areas);
    for (size_t i = 0; r == 0 && i < from->n_areas; i++, copy->n_areas++) {
        copy->areas[i] = from->areas[i];
        if (!(copy->areas[i].name = text_dup(env, from->areas[i].name)))
            return BLEPROXY_E_NOMEM;
    }
    if (r == 0)
        r = list_alloc(env, from->n_serial_proxies, sizeof(*copy->serial_proxies), &copy->serial_proxies);
    for (size_t i = 0; r == 0 && i < from->n_serial_proxies; i++, copy->n_serial_proxies++) {
        copy->serial_proxies[i] = from->serial_proxies[i];
        if (!(copy->serial_proxies[i].name = text_dup(env, from->serial_proxies[i].name)))
            return BLEPROXY_E_NOMEM;
    }
    return r;
}

int device_info_dup(const struct env *env, const struct bleproxy_device_info *info,
                    struct bleproxy_device_info *ret_info)
{
    struct bleproxy_device_info copy = *info;
    bool complete = true;
    copy.devices = NULL;
    copy.areas = NULL;
    copy.serial_proxies = NULL;
    copy.n_devices = copy.n_areas = copy.n_serial_proxies = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        complete = (*text_of(&copy, i) = text_dup(env, *text_of(info, i))) && complete;
    complete = (copy.server_info = text_dup(env, info->server_info)) && complete;
    complete = (copy.area.name = text_dup(env, info->area.name)) && complete;
    if (!complete || lists_dup(env, info, &copy) < 0) {
        device_info_deinit(env, &copy);
        return BLEPROXY_E_NOMEM;
    }
    *ret_info = copy;
    return 0;
}
