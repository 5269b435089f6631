/* SPDX-License-Identifier: MIT */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

/* Objects that are written one per line. Values out of memory are null. */

/* NULL: null. */
struct json_object *json_text(const char *text);
struct json_object *json_hex(const uint8_t *bytes, size_t size);
/* "AA:BB:CC:DD:EE:FF" */
struct json_object *json_address(uint64_t address);
/* With three decimals. */
struct json_object *json_decimal(double value);
/* A signal strength; BLEPROXY_RSSI_NONE: null. */
struct json_object *json_dbm(int dbm);
/* Writes object and a newline to standard output, and releases it. Whatever is not ASCII is escaped, so that
 * strangers' text can do no harm on a terminal either. */
void json_print(struct json_object *object);

#endif
