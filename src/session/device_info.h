/* SPDX-License-Identifier: MIT */
#ifndef SESSION_DEVICE_INFO_H
#define SESSION_DEVICE_INFO_H

#include "base/env.h"
#include "wire/message.h"
#include <bleproxy/device_info.h>

/* What the session knows of a proxy before it describes itself. */
struct device_info_hello {
    uint32_t api_major, api_minor;
    bool encrypted;
    const char *server_info;
};

/* Builds the public description. Every string is sanitised and capped. From API 1.15 on the features are not
 * in this message: they stay 0 until device_info_add_capabilities(). 0 or BLEPROXY_E_NOMEM. */
int device_info_init(const struct env *env, const struct device_info_hello *hello,
                     const DeviceInfoResponse *response, struct bleproxy_device_info *ret_info);
/* Completes it for API 1.15 and later. 0, or BLEPROXY_E_NOMEM: info is then only good for deinit. */
int device_info_add_capabilities(const struct env *env, const DeviceCapabilitiesResponse *capabilities,
                                 struct bleproxy_device_info *info);
/* 0 or BLEPROXY_E_NOMEM. */
int device_info_dup(const struct env *env, const struct bleproxy_device_info *info,
                    struct bleproxy_device_info *ret_info);
/* Idempotent. */
void device_info_deinit(const struct env *env, struct bleproxy_device_info *info);

/* Feature bits of a proxy that only has the counter of firmware before 2023.6. */
uint32_t device_info_legacy_features(uint32_t legacy_version);

#endif
