/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_NAMES_H
#define BLEPROXY_NAMES_H

#include <bleproxy/uuid.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names that the Bluetooth SIG assigned, in English; NULL when there is none. Static storage. */
const char *bleproxy_company_name(uint16_t company);
/* A service's name. Covers the SIG's services and member UUIDs, and well-known 128-bit ones. */
const char *bleproxy_service_name(const struct bleproxy_uuid *uuid);
const char *bleproxy_characteristic_name(const struct bleproxy_uuid *uuid);
const char *bleproxy_descriptor_name(const struct bleproxy_uuid *uuid);
/* The first characteristic of that name: "Battery Level", "battery_level"; case does not matter, and space, hyphen and
 * underscore are alike. 0 or BLEPROXY_E_NOT_FOUND. */
int bleproxy_characteristic_by_name(const char *name, struct bleproxy_uuid *ret_uuid);

/* A value of a well-known characteristic in words: "87 %", "21.50 °C", "72 bpm, contact"; safe for a terminal. Writes at
 * most capacity - 1 bytes and a NUL; returns the bytes written without the NUL, 0 when the characteristic has no such
 * format or the value does not have it. capacity > 0. */
size_t bleproxy_value_format(const struct bleproxy_uuid *characteristic, const uint8_t *value, size_t size,
                             char *out, size_t capacity);

/* Makes a stranger's text safe for a terminal or a log: control characters (and so the beginning of every
 * escape sequence), bidirectional overrides, invisible and malformed characters are left out. Writes at most
 * capacity - 1 bytes and a NUL; returns the bytes written without the NUL. capacity > 0. */
size_t bleproxy_sanitise(char *out, size_t capacity, const void *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
