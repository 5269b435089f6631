/* SPDX-License-Identifier: MIT */
#ifndef WIRE_UUID_H
#define WIRE_UUID_H

#include <bleproxy/uuid.h>
#include <stddef.h>

/* The UUID of 2, 4 or 16 bytes as they travel over the air: least significant byte first. */
struct bleproxy_uuid uuid_from_air(const uint8_t *bytes, size_t size);
/* The 128-bit form as two words, the first printed digits in the first, and back. */
void uuid_to_words(const struct bleproxy_uuid *uuid, uint64_t words[2]);
struct bleproxy_uuid uuid_from_words(const uint64_t words[2]);
/* The UUID of 16 or 32 bits. */
struct bleproxy_uuid uuid_from_number(uint32_t number);
/* bleproxy_uuid_parse() of text without a NUL. */
int uuid_parse(const char *text, size_t size, struct bleproxy_uuid *ret_uuid);

#endif
