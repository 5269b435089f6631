/* SPDX-License-Identifier: MIT */
#ifndef WIRE_UUID_H
#define WIRE_UUID_H

#include <bleproxy/uuid.h>
#include <stddef.h>

/* The UUID of 2, 4 or 16 bytes as they travel over the air: least significant byte first. */
struct bleproxy_uuid uuid_from_air(const uint8_t *bytes, size_t size);
/* bleproxy_uuid_parse() of text without a NUL. */
int uuid_parse(const char *text, size_t size, struct bleproxy_uuid *ret_uuid);

#endif
