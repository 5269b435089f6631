/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_ADVERTISEMENT_H
#define BLEPROXY_ADVERTISEMENT_H

#include <bleproxy/uuid.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BLEPROXY_ADDRESS_TEXT_SIZE = 18, /* "AA:BB:CC:DD:EE:FF" and a NUL */
    BLEPROXY_RSSI_NONE = -127,       /* no signal strength was reported */
    BLEPROXY_TX_POWER_NONE = -32768, /* no transmit power was advertised (a real one is a signed byte) */
};

enum bleproxy_address_type {
    BLEPROXY_ADDRESS_PUBLIC = 0,
    BLEPROXY_ADDRESS_RANDOM = 1,
    BLEPROXY_ADDRESS_PUBLIC_IDENTITY = 2, /* resolved from a private address by the proxy */
    BLEPROXY_ADDRESS_RANDOM_IDENTITY = 3,
};

/* What one proxy knows of one device after one advertisement. Packets of one device complete each other
 * (names often come only in scan responses), so name, service UUIDs, service data and manufacturer data are
 * merged over what this proxy has heard of it; raw, rssi, tx_power and time are of this packet alone.
 *
 * A view is borrowed: it and everything it points to live for the callback that got it, or until control
 * returns to the event loop, or until its proxy is stopped. bleproxy_advertisement_dup() keeps one. All of it
 * comes from strangers over the air, unauthenticated: an address or a name proves nothing, and text may hold
 * control characters. */
struct bleproxy_advertisement {
    uint64_t address;  /* 48 bits, first printed octet most significant */
    uint64_t time_ns;  /* when it reached this host, on the loop's clock */
    uint64_t source;   /* the proxy's Bluetooth MAC address */
    const char *proxy; /* what the proxy calls itself; a manager's scanner has the same source */
    const uint8_t
        *raw; /* AD structures, scan response behind the advertisement; NULL when the proxy decoded it */
    const char *name;      /* UTF-8 (invalid bytes became U+FFFD), NUL-terminated; NULL when unknown */
    const uint8_t *fields; /* the merged data: read it with bleproxy_field_next() */
    uint32_t fields_size;
    uint16_t raw_size;    /* at most 1650 */
    uint16_t name_size;   /* bytes without the NUL */
    int16_t tx_power_dbm; /* or BLEPROXY_TX_POWER_NONE */
    int8_t rssi_dbm;      /* or BLEPROXY_RSSI_NONE */
    uint8_t address_type; /* enum bleproxy_address_type, or a value newer firmware invented */
    uint8_t connectable;  /* 1 when the proxy can make connections (not whether the device accepts them) */
    uint8_t
        changed; /* 1 when name, UUIDs, service or manufacturer data differ from this proxy's last report */
};

enum bleproxy_field_kind {
    BLEPROXY_FIELD_SERVICE_UUID = 1,      /* uuid */
    BLEPROXY_FIELD_SERVICE_DATA = 2,      /* uuid, data */
    BLEPROXY_FIELD_MANUFACTURER_DATA = 3, /* company, data (without the company) */
};

struct bleproxy_field {
    enum bleproxy_field_kind kind;
    struct bleproxy_uuid uuid;
    uint16_t company; /* assigned company identifier */
    uint16_t size;
    const uint8_t *data;
};

/* Iterates over the merged data in the order it was first heard: start with *position = 0; false at the end.
 */
bool bleproxy_field_next(const struct bleproxy_advertisement *advertisement, size_t *position,
                         struct bleproxy_field *ret_field);
/* The manufacturer data of one company: its bytes and *ret_size, or NULL. */
const uint8_t *bleproxy_manufacturer_data(const struct bleproxy_advertisement *advertisement,
                                          uint16_t company, size_t *ret_size);
/* The data of one service: its bytes and *ret_size, or NULL. */
const uint8_t *bleproxy_service_data(const struct bleproxy_advertisement *advertisement,
                                     const struct bleproxy_uuid *uuid, size_t *ret_size);
/* Whether the UUID is among the service UUIDs (service data does not count). */
bool bleproxy_has_service(const struct bleproxy_advertisement *advertisement,
                          const struct bleproxy_uuid *uuid);

/* One AD structure of a raw payload. */
struct bleproxy_ad {
    uint8_t type; /* assigned AD type: 0x01 flags, 0x09 complete local name, 0xff manufacturer data, ... */
    uint8_t size; /* 1 to 254 */
    const uint8_t *data;
};

/* Iterates over all AD structures of a payload, whatever their type; padding, empty structures and one that
 * runs past the end are skipped. Start with *position = 0; false at the end. */
bool bleproxy_ad_next(const uint8_t *raw, size_t size, size_t *position, struct bleproxy_ad *ret_ad);

/* A copy that lives until it is freed, or NULL when there is no memory. */
struct bleproxy_advertisement *bleproxy_advertisement_dup(const struct bleproxy_advertisement *advertisement);
/* NULL is fine. */
void bleproxy_advertisement_free(struct bleproxy_advertisement *copy);

/* Upper case with colons. Only the low 48 bits count. */
void bleproxy_address_format(uint64_t address, char text[BLEPROXY_ADDRESS_TEXT_SIZE]);
/* Takes 12 hexadecimal digits of any case, with colons or dashes between all octets or with none.
 * 0 or BLEPROXY_E_INVALID. */
int bleproxy_address_parse(const char *text, uint64_t *ret_address);

#ifdef __cplusplus
}
#endif
#endif
