/* SPDX-License-Identifier: MIT */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "proxies.h"

#include <bleproxy/bleproxy.h>
#include <json-c/json_object.h>

/* A report on one proxy is the JSON object that bleproxy(1) describes; text is made from that. */

/* label: what the user calls the proxy. What is not known yet is null. */
struct json_object *info_report_new(const char *label, const struct bleproxy_proxy_config *config,
                                    const struct bleproxy_device_info *info);
void info_report_slots(struct json_object *report, const struct bleproxy_slots *slots);
/* subscription: "granted", "refused" or NULL: not known. */
void info_report_scanner(struct json_object *report, enum bleproxy_scanner_state state,
                         enum bleproxy_scanner_mode mode, const char *subscription);

/* Keys and values in columns. label: what the user calls the proxy, sanitised. */
void info_print_text(const char *label, struct json_object *report, uint64_t round_trip_ns);

#endif
