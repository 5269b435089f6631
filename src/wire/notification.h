/* SPDX-License-Identifier: MIT */
#ifndef WIRE_NOTIFICATION_H
#define WIRE_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* BluetoothGATTNotifyDataResponse (id 79), which comes in bursts, without protobuf-c. */
struct notification {
    uint64_t address;
    uint32_t handle;
    uint32_t size;
    const uint8_t *value; /* borrowed; NULL when size is 0 */
};

/* False: the payload, of at most 64 KiB, is not that message. Unknown fields are skipped, absent ones are 0. */
bool notification_read(const uint8_t *payload, size_t size, struct notification *ret_notification);

#endif
