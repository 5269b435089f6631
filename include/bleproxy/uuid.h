/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_UUID_H
#define BLEPROXY_UUID_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A UUID in its shortest form: 2 or 4 bytes when it lies on the Bluetooth base
 * 00000000-0000-1000-8000-00805f9b34fb, else 16. Unused bytes are 0, so that equal UUIDs have equal bytes. */
struct bleproxy_uuid {
    uint8_t size;      /* 2, 4 or 16 */
    uint8_t bytes[16]; /* most significant byte first, as printed */
};

enum { BLEPROXY_UUID_TEXT_SIZE = 37 }; /* with the NUL */

/* The full lower-case form, 36 characters and a NUL. */
void bleproxy_uuid_format(const struct bleproxy_uuid *uuid, char text[BLEPROXY_UUID_TEXT_SIZE]);
/* Takes 4 or 8 hexadecimal digits (with or without 0x) or the full form, any case. 0 or BLEPROXY_E_INVALID.
 */
int bleproxy_uuid_parse(const char *text, struct bleproxy_uuid *ret_uuid);
bool bleproxy_uuid_equal(const struct bleproxy_uuid *a, const struct bleproxy_uuid *b);

#ifdef __cplusplus
}
#endif
#endif
