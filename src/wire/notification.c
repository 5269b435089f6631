/* SPDX-License-Identifier: MIT */
#include "wire/notification.h"

#include "wire/tag.h"

enum {
    TAG_ADDRESS = 1 << 3 | WIRE_VARINT,
    TAG_HANDLE = 2 << 3 | WIRE_VARINT,
    TAG_VALUE = 3 << 3 | WIRE_BYTES,
};

/* notification_read(), whatever the fields and their order. */
static bool notification_read_any(const uint8_t *payload, size_t size, struct notification *ret_notification)
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

/* Reads what firmware writes straight through: all three in this order, all numbers but the address below 128. */
bool notification_read(const uint8_t *payload, size_t size, struct notification *ret_notification)
{
    enum { HEADERS_MAX = 1 + 8 + 2 + 2 }; /* a tag and a number three times */
    const uint8_t *in = payload, *end = payload + size;
    if (size < HEADERS_MAX || in[0] != TAG_ADDRESS)
        return notification_read_any(payload, size, ret_notification);
    uint64_t word = varint_load(in + 1), last = varint_last(word);
    in += 1 + varint_word_size(last | UINT64_C(1) << 63);
    if (last == 0 || in[0] != TAG_HANDLE || in[2] != TAG_VALUE || (in[1] | in[3]) >= 0x80 ||
        end - in != 4 + in[3])
        return notification_read_any(payload, size, ret_notification);
    *ret_notification = (struct notification){.address = varint_word(word, last),
                                              .handle = in[1],
                                              .size = in[3],
                                              .value = in[3] > 0 ? in + 4 : NULL};
    return true;
}
