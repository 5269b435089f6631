/* SPDX-License-Identifier: MIT */
#ifndef WIRE_AD_H
#define WIRE_AD_H

#include <bleproxy/advertisement.h>

/* AD types (Bluetooth assigned numbers, "Common Data Types") that say something of a device. */
enum {
    AD_UUIDS_16_INCOMPLETE = 0x02,
    AD_UUIDS_16 = 0x03,
    AD_UUIDS_32_INCOMPLETE = 0x04,
    AD_UUIDS_32 = 0x05,
    AD_UUIDS_128_INCOMPLETE = 0x06,
    AD_UUIDS_128 = 0x07,
    AD_NAME_SHORT = 0x08,
    AD_NAME = 0x09,
    AD_TX_POWER = 0x0a,
    AD_SERVICE_DATA_16 = 0x16,
    AD_SERVICE_DATA_32 = 0x20,
    AD_SERVICE_DATA_128 = 0x21,
    AD_MANUFACTURER_DATA = 0xff,
};

/* bleproxy_ad_next(), inline for the path every advertisement takes. */
static inline bool ad_next(const uint8_t *raw, size_t size, size_t *position, struct bleproxy_ad *ret_ad)
{
    size_t at = *position;
    while (at + 2 <= size) {
        uint8_t length = raw[at]; /* of type and data */
        const uint8_t *structure = raw + at;
        at += 1u + length;
        if (length < 2 || at > size)
            continue;
        *position = at;
        *ret_ad = (struct bleproxy_ad){structure[1], (uint8_t)(length - 1), structure + 2};
        return true;
    }
    *position = size;
    return false;
}

#endif
