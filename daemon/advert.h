/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ADVERT_H
#define DAEMON_ADVERT_H

#include <bleproxy/bleproxy.h>
#include <stdbool.h>

/* What a device has told of itself over all its advertisements, as BlueZ puts it together: data add up by company, service
 * or type, and a complete name replaces a short one. All of it is a stranger's; what is kept is fit for the bus. */

enum { ADVERT_ENTRIES_MAX = 64, ADVERT_BYTES_MAX = 4096, ADVERT_RAW_MAX = 255 };

enum advert_part {
    ADVERT_NAME = 1 << 0,
    ADVERT_UUIDS = 1 << 1,
    ADVERT_MANUFACTURER_DATA = 1 << 2,
    ADVERT_SERVICE_DATA = 1 << 3,
    ADVERT_OTHER_DATA = 1 << 4,
    ADVERT_FLAGS = 1 << 5,
    ADVERT_TX_POWER = 1 << 6,
    ADVERT_APPEARANCE = 1 << 7,
    ADVERT_CLASS = 1 << 8,
    ADVERT_MODALIAS = 1 << 9,
};

/* Data of one company, service or type. */
struct advert_entry {
    struct bleproxy_uuid uuid; /* of service data */
    uint16_t key;              /* else */
    uint16_t size;
    uint8_t *data;
};

struct advert_data {
    struct advert_entry *entries;
    size_t n;
};

struct advert {
    char *name; /* valid UTF-8 without control characters; NULL: none, or an empty one */
    bool name_is_complete;
    struct bleproxy_uuid *uuids;
    size_t n_uuids;
    struct advert_data manufacturer, service, other;
    size_t n_bytes; /* of all data */
    bool has_flags, has_tx_power, has_appearance, has_class, has_modalias;
    uint8_t flags;
    int8_t tx_power_dbm;
    uint16_t appearance;
    uint32_t class;
    uint8_t modalias[8];         /* the device id record: source, vendor, product, version, 16 bits each */
    uint8_t raw[ADVERT_RAW_MAX]; /* the last payload */
    uint16_t raw_size;           /* 0: none, or longer */
};

/* Takes a report in. anew: manufacturer and service data of before are dropped if there are new ones. Returns what has
 * changed, enum advert_part; *ret_told: what the report told of, changed or not. What does not fit, or for which there is no
 * memory, is left out. */
unsigned advert_take(struct advert *advert, const struct bleproxy_advertisement *report, bool anew,
                     unsigned *ret_told);
/* Also a UUID of another source: a service of the device. True: it is new. */
bool advert_add_uuid(struct advert *advert, const struct bleproxy_uuid *uuid);
bool advert_has_uuid(const struct advert *advert, const struct bleproxy_uuid *uuid);
/* Idempotent. */
void advert_deinit(struct advert *advert);

#endif
