/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PATTERN_H
#define DAEMON_PATTERN_H

#include <bleproxy/bleproxy.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* What a monitor looks for in advertisements: bytes at a place of a structure of a type. */

enum { PATTERN_BYTES_MAX = 248, PATTERNS_MAX = 64 };

struct pattern {
    uint8_t start, type, size; /* at least one byte */
    uint8_t bytes[PATTERN_BYTES_MAX];
};

/* Reads an a(yyay), to be freed. 0; 1: there is none, too many, or one that no pattern can be like; a negative errno: the
 * message is broken. */
int patterns_read(sd_bus_message *message, struct pattern **ret_patterns, size_t *ret_n);
/* Whether any of them is in the advertisement. Of a proxy that decodes advertisements itself only names, manufacturer data
 * and service data are known. */
bool patterns_match(const struct pattern *patterns, size_t n, const struct bleproxy_advertisement *report);

#endif
