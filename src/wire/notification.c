/* SPDX-License-Identifier: MIT */
#include "wire/notification.h"

#include "wire/tag.h"

enum {
    TAG_ADDRESS = 1 << 3 | WIRE_VARINT,
    TAG_HANDLE = 2 << 3 | WIRE_VARINT,
    TAG_VALUE = 3 << 3 | WIRE_BYTES,
};

bool notification_read(const uint8_t *payload, size_t size, struct notification *ret_notification)
{
    struct notification notification = {0};
    const uint8_t *in = payload, *end = payload + size;
    uint64_t tag, value = 0;
    while (in < end) {
        in = varint_read(in, end, VARINT_MAX, &tag);
        if (!in)
            return false;
        switch (tag) {
        case TAG_ADDRESS:
            in = varint_read(in, end, VARINT_MAX, &notification.address);
            break;
        case TAG_HANDLE:
            in = varint_read(in, end, VARINT_MAX, &value);
            notification.handle = (uint32_t)value;
            break;
        case TAG_VALUE:
            in = tag_read_bytes(in, end, &value);
            if (!in)
                return false;
            notification.value = value > 0 ? in : NULL;
            notification.size = (uint32_t)value;
            in += value;
            break;
        default:
            in = tag_skip(tag, in, end);
        }
        if (!in)
            return false;
    }
    *ret_notification = notification;
    return true;
}
