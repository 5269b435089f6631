/* SPDX-License-Identifier: MIT */
#ifndef CLI_ADVERT_JSON_H
#define CLI_ADVERT_JSON_H

#include <bleproxy/advertisement.h>
#include <json-c/json_object.h>

/* An advertisement as bleproxy(1) describes it. time_us: since the epoch. proxy: its name for the user. */
struct json_object *advert_json(const struct bleproxy_advertisement *advertisement, int64_t time_us,
                                const char *proxy);

#endif
